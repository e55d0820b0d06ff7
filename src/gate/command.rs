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

use self::process::{ProgramEnd, ProgramStdin, RunningProgram};
pub use self::process::{ProgramFinding, RuleProgram};
use crate::error::{Error, ErrorKind, Result};

impl RuleProgram<'_> {
    /// Runs it to its end: `records` writes the lines for its standard input, `take` gets its findings in their order.
    ///
    /// The inner error says how the program failed: it could not be started, was stopped after its time, was killed by a
    /// signal, ended with a code other than 0, or printed something that is not of the protocol. Its findings until then have
    /// been taken.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`] once `stopped` says so, and what `records` fails with. A write that fails, because the program
    /// reads no more or has failed, must come back from `records` as [`ErrorKind::Io`]; it is none of these errors.
    pub fn run(
        &self,
        records: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
        stopped: &dyn Fn() -> bool,
        take: &mut dyn FnMut(ProgramFinding),
    ) -> Result<std::result::Result<(), String>> {
        let mut running = match RunningProgram::start(self, stopped, take) {
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
