//! A program that runs, and its three pipes.
//!
//! Invariants: no pipe blocks and every wait is short, so that the program's time and the user's wish to stop are always
//! seen. Nobody waits for the program before its group was killed for the last time.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Child, ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid};

use serde::Deserialize;

use crate::error::Error;

/// The most bytes of a line of standard output.
const LINE: usize = 64 << 10;

/// The greatest number of findings of a run.
pub const FINDINGS: u64 = 1_000_000;

/// The bytes at the end of standard error that are kept.
const STDERR_TAIL: usize = 4 << 10;

/// The number of characters of the program's output that a message quotes.
const SHOWN: usize = 200;

/// The number of bytes that go to or from a pipe at once: the capacity of a pipe on Linux.
const PIPE: usize = 64 << 10;

/// The most that is read after the program ended: what a pipe can hold at most (`/proc/sys/fs/pipe-max-size`).
const REST: usize = 1 << 20;

/// The longest pause between two looks at the clock, at the program and at the user's wish to stop.
const PAUSE: Duration = Duration::from_millis(50);

/// A program that is run over records, before it is started.
#[derive(Clone, Copy, Debug)]
pub struct RuleProgram<'a> {
    /// The program and its arguments.
    pub run: &'a [String],
    /// The time after which it is stopped.
    pub timeout: Duration,
    /// The folder in which it is started.
    pub folder: &'a Path,
}

/// A finding, as the program prints it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ProgramFinding {
    /// The file; empty where the program named none.
    #[serde(default)]
    pub path: String,
    /// The line; 0 where the program named none.
    #[serde(default)]
    pub line: u64,
    /// The number of the record in the file, from 1; 0 if the program named none.
    #[serde(default)]
    pub number: u64,
    /// The message.
    pub message: String,
}

/// The reason that a run ended early.
pub enum ProgramEnd {
    /// The user wished it.
    Interrupted,
    /// The program failed so.
    Failed(String),
}

/// A started program. When this goes, so does its process group.
pub struct RunningProgram<'a> {
    child: Child,
    /// Closed when all is written, or the program reads no more.
    pub stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    /// The begun line of standard output.
    line: Vec<u8>,
    /// The end of standard error.
    stderr_tail: Vec<u8>,
    found: u64,
    begun: Instant,
    timeout: Duration,
    /// The longest wait of the next poll; it grows while nothing happens.
    pause: Duration,
    /// Set when it ended before its time.
    pub end: Option<ProgramEnd>,
    stopped: &'a dyn Fn() -> bool,
    take: &'a mut dyn FnMut(ProgramFinding),
}

impl Drop for RunningProgram<'_> {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

impl<'a> RunningProgram<'a> {
    /// Starts the program; an error says why that is impossible.
    pub fn start(
        command: &RuleProgram<'_>,
        stopped: &'a dyn Fn() -> bool,
        take: &'a mut dyn FnMut(ProgramFinding),
    ) -> Result<RunningProgram<'a>, String> {
        let [program, arguments @ ..] = command.run else {
            return Err("has no program".to_owned());
        };
        let begun = Instant::now();
        let cannot = |e| Error::io("cannot start", Path::new(program), e).message().to_owned();
        let mut child = process::Command::new(program)
            .args(arguments)
            .current_dir(command.folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = RunningProgram {
            child,
            stdin,
            stdout,
            stderr,
            line: Vec::new(),
            stderr_tail: Vec::new(),
            found: 0,
            begun,
            timeout: command.timeout,
            pause: Duration::ZERO,
            end: None,
            stopped,
            take,
        };
        let unblocked = (running.stdin.as_ref().map_or(Ok(()), unblock))
            .and_then(|()| running.stdout.as_ref().map_or(Ok(()), unblock))
            .and_then(|()| running.stderr.as_ref().map_or(Ok(()), unblock));
        unblocked.map(|()| running).map_err(cannot)
    }

    /// Kills the program and its process group. Nobody has waited for the program yet: as a zombie it keeps the number of its group, so
    /// that this can never hit another's.
    fn kill(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        // It may have joined another group.
        let _ = self.child.kill();
    }

    /// Closes standard input, reads to the program's end, and judges it.
    pub fn finish(&mut self) -> Result<(), ProgramEnd> {
        self.stdin = None;
        let status = loop {
            if let Some(status) = self.poll(true)? {
                break status;
            }
        };
        // What it left in the background may hold the pipes open for ever; what it wrote itself is in them.
        self.kill();
        let mut left = REST;
        loop {
            let read = self.read()?;
            left = left.saturating_sub(read);
            if read == 0 || left == 0 {
                break;
            }
        }
        let last = std::mem::take(&mut self.line);
        self.take_line(&last)?;
        let ended = match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => return Ok(()),
            (Some(code), _) => format!("exited with status {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "ended with unknown status".to_owned(),
        };
        Err(ProgramEnd::Failed(match String::from_utf8_lossy(&self.stderr_tail).lines().rev().find(|l| !l.trim().is_empty()) {
            Some(last) => format!("{ended}: {}", shown(last)),
            None => ended,
        }))
    }

    /// Reads what there is, and says how the program ended if it has. With `wait` it pauses first, until something can be
    /// read or written.
    fn poll(&mut self, wait: bool) -> Result<Option<WaitIdStatus>, ProgramEnd> {
        if (self.stopped)() {
            return Err(ProgramEnd::Interrupted);
        }
        let left = self.timeout.saturating_sub(self.begun.elapsed());
        if left.is_zero() {
            return Err(ProgramEnd::Failed(format!("timed out after {} s", self.timeout.as_secs_f64())));
        }
        if wait {
            self.pause(left)?;
        }
        if self.read()? > 0 {
            self.pause = Duration::ZERO;
        }
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(Pid::from_child(&self.child)), options) {
            Ok(status) => Ok(status),
            Err(rustix::io::Errno::INTR) => Ok(None),
            Err(e) => Err(ProgramEnd::Failed(format!("has an unknown status: {}", io::Error::from(e)))),
        }
    }

    /// Waits until a pipe is ready, but only for a moment.
    fn pause(&mut self, left: Duration) -> Result<(), ProgramEnd> {
        let time = self.pause.min(left);
        self.pause = (self.pause * 2).clamp(Duration::from_millis(1), PAUSE);
        let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
        let stdin = self.stdin.iter().map(|pipe| PollFd::new(pipe, PollFlags::OUT));
        let stdout = self.stdout.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let stderr = self.stderr.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let mut pipes: Vec<PollFd<'_>> = stdin.chain(stdout).chain(stderr).collect();
        match poll(&mut pipes, Some(&time)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(ProgramEnd::Failed(format!("has unreadable output: {}", io::Error::from(e)))),
        }
    }

    /// Reads once from both outputs; 0 if there is nothing.
    fn read(&mut self) -> Result<usize, ProgramEnd> {
        let mut bytes = vec![0; PIPE];
        let cannot = |e: io::Error| ProgramEnd::Failed(format!("its output cannot be read: {e}"));
        let complained = read_some(&mut self.stderr, &mut bytes).map_err(cannot)?;
        self.stderr_tail.extend_from_slice(&bytes[..complained]);
        let before = self.stderr_tail.len().saturating_sub(STDERR_TAIL);
        self.stderr_tail.drain(..before);
        let printed = read_some(&mut self.stdout, &mut bytes).map_err(cannot)?;
        let mut rest = &bytes[..printed];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&rest[..end]);
            self.take_line(&line)?;
            rest = &rest[end + 1..];
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LINE {
            return Err(too_long(&self.line));
        }
        Ok(complained + printed)
    }

    /// Takes a line of standard output.
    fn take_line(&mut self, line: &[u8]) -> Result<(), ProgramEnd> {
        if line.len() > LINE {
            return Err(too_long(line));
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let finding = serde_json::from_slice(line)
            .map_err(|_| ProgramEnd::Failed(format!("printed an invalid finding: {}", shown(&String::from_utf8_lossy(line)))))?;
        if self.found == FINDINGS {
            return Err(ProgramEnd::Failed(format!("was stopped after {FINDINGS} findings")));
        }
        self.found += 1;
        (self.take)(finding);
        Ok(())
    }
}

/// Returns the end of a run that printed a line beyond all bounds.
fn too_long(line: &[u8]) -> ProgramEnd {
    ProgramEnd::Failed(format!("printed a line of more than 64 KiB: {}", shown(&String::from_utf8_lossy(line))))
}

/// Makes our end of a pipe answer at once.
fn unblock(pipe: &impl AsFd) -> io::Result<()> {
    Ok(fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?)
}

/// Reads once; 0 at the end, which closes the pipe, and if there is nothing now.
fn read_some<P: Read>(pipe: &mut Option<P>, bytes: &mut [u8]) -> io::Result<usize> {
    let Some(open) = pipe else {
        return Ok(0);
    };
    match open.read(bytes) {
        Ok(0) => {
            *pipe = None;
            Ok(0)
        }
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
        outcome => outcome,
    }
}

/// Returns the start of what the program printed, fit for a terminal.
fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut start: String = text.trim().chars().take(SHOWN).map(clean).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        start.push('…');
    }
    start
}

/// The program's standard input, for who writes the records.
pub struct ProgramStdin<'a, 'b> {
    running: &'a mut RunningProgram<'b>,
    /// Less than [`PIPE`] bytes that are not yet in the pipe.
    waiting: Vec<u8>,
}

impl<'a, 'b> ProgramStdin<'a, 'b> {
    /// Returns the standard input of this program.
    pub fn of(running: &'a mut RunningProgram<'b>) -> Self {
        ProgramStdin { running, waiting: Vec::new() }
    }

    /// Puts bytes into the pipe, and serves the other two meanwhile.
    fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut wait = false;
        while !bytes.is_empty() {
            match self.running.poll(wait) {
                Ok(None) => {}
                Ok(Some(_)) => self.running.stdin = None,
                Err(end) => {
                    self.running.end = Some(end);
                    return Err(ErrorKind::BrokenPipe.into());
                }
            }
            let Some(stdin) = &mut self.running.stdin else {
                return Err(ErrorKind::BrokenPipe.into());
            };
            let written = stdin.write(bytes);
            wait = matches!(&written, Err(e) if e.kind() == ErrorKind::WouldBlock);
            match written {
                Ok(n) => {
                    bytes = &bytes[n..];
                    self.running.pause = Duration::ZERO;
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                // It reads no more, which is its right.
                Err(e) => {
                    self.running.stdin = None;
                    return Err(e);
                }
            }
        }
        Ok(())
    }
}

impl Write for ProgramStdin<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.waiting.len() + bytes.len() > PIPE {
            self.flush()?;
        }
        if bytes.len() < PIPE {
            self.waiting.extend_from_slice(bytes);
        } else {
            self.push(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.push(&waiting)
    }
}
