//! The team's own program as a rule, and the protocol that it speaks.
//!
//! The program is started in the folder of the repository; a name with a `/` is relative to that. On its standard input
//! it gets a line of JSON for each record, `{"path":…,"line":…,"number":…,"record":…}`, and then the end. It may stop
//! reading before. On its standard output it prints a line of JSON for each finding,
//! `{"path":…,"line":…,"number":…,"message":…}`: only `message` must be there, members of other names are ignored, and so are blank lines. A line has at most 64 KiB, a run
//! at most a million findings. Exit code 0 says that it has looked at everything, whatever it found; any other says that
//! it failed, and the last line of its standard error why.
//!
//! Invariants: whatever the program does, [`RuleProgram::run`] ends soon after its time at the latest, in bounded memory,
//! and nothing of the program's process group outlives it. All three pipes are served by the calling thread: none of
//! them blocks, so that neither side ever waits for the other.

mod process;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use self::process::{ProgramEnd, ProgramStdin, RunningProgram};
use crate::error::{Error, ErrorKind, Result};

/// A program that is run over records.
#[derive(Clone, Copy, Debug)]
pub struct RuleProgram<'a> {
    /// The program and its arguments.
    pub run: &'a [String],
    /// After which it is stopped, from its start on.
    pub timeout: Duration,
    /// The folder in which it is started.
    pub folder: &'a Path,
}

/// A finding.
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

impl RuleProgram<'_> {
    /// Runs it to its end: `records` writes the lines for its standard input, `said` gets its findings in their order.
    ///
    /// The inner error says how the program failed: it could not be started, was stopped after its time, was killed by a
    /// signal, ended with a code other than 0, or printed something that is not of the protocol. What it found until then
    /// has been told.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`] once `stopped` says so, and what `records` fails with. A write that fails, because the program
    /// reads no more or has failed, must come back from `records` as [`ErrorKind::Io`]; it is none of these errors.
    pub fn run(
        &self,
        records: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
        stopped: &dyn Fn() -> bool,
        said: &mut dyn FnMut(ProgramFinding),
    ) -> Result<std::result::Result<(), String>> {
        let mut running = match RunningProgram::start(self, stopped, said) {
            Ok(running) => running,
            Err(message) => return Ok(Err(message)),
        };
        let mut input = ProgramStdin::of(&mut running);
        let fed = records(&mut input)
            .and_then(|()| input.flush().map_err(|e| Error::new(ErrorKind::Io, "cannot write to the program").with_source(e)));
        let outcome = match (running.end.take(), fed) {
            (Some(end), _) => Err(end),
            (None, Err(error)) if error.kind() != ErrorKind::Io || running.stdin.is_some() => return Err(error),
            (None, _) => running.finish(),
        };
        match outcome {
            Ok(()) => Ok(Ok(())),
            Err(ProgramEnd::Failed(message)) => Ok(Err(message)),
            Err(ProgramEnd::Interrupted) => Err(Error::interrupted()),
        }
    }
}
