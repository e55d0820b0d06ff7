//! The pager: long answers on a terminal go through `less`, or what `HLX_PAGER` or `PAGER` names.

use std::io::{self, ErrorKind, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use super::interrupt::ListenerGuard;

/// The pager where none is named: it ends by itself if the text fits the screen, and shows colours.
const DEFAULT: &str = "less -FRX";

/// A pager that reads what is written to it.
pub(crate) struct Pager {
    child: Child,
    stdin: Option<ChildStdin>,
    _ignored: ListenerGuard,
}

impl Pager {
    /// Starts the pager; `None` where none is wanted, or there is none.
    pub(crate) fn start() -> Option<Pager> {
        let named = std::env::var("HLX_PAGER").or_else(|_| std::env::var("PAGER"));
        let line = named.unwrap_or_else(|_| DEFAULT.to_owned());
        if matches!(line.trim(), "" | "cat") {
            return None;
        }
        // Without a shell where none is needed, so that a missing program is told from one that fails.
        let mut command = if line.chars().any(|c| "\"'$`\\|&;<>()*?[]#~=%!{}".contains(c)) {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(&line);
            shell
        } else {
            let mut words = line.split_whitespace();
            let mut program = Command::new(words.next()?);
            program.args(words);
            program
        };
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", "FRX");
        }
        let ignored = ListenerGuard::ignoring();
        let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
        let stdin = child.stdin.take();
        Some(Pager { child, stdin, _ignored: ignored })
    }

    /// Waits until the user has read enough.
    pub(crate) fn wait(&mut self) {
        drop(self.stdin.take());
        // How the pager ended says nothing of the answer.
        let _ = self.child.wait();
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stdin.as_mut().map(|stdin| stdin.write(bytes)) {
            // Who quits the pager has read enough: that is no error, and the exit code stays.
            Some(Err(e)) if e.kind() == ErrorKind::BrokenPipe => self.stdin = None,
            Some(written) => return written,
            None => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
