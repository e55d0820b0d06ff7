//! The outcome of a command, from which its exit code follows.

/// The answer of a command that did not fail. Only questions are answered with no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done, or nothing was found to object to.
    Yes,
    /// Files differ, or damage was found.
    No,
    /// It is done as far as damage allows.
    Damaged,
    /// It is done as far as this user may read.
    Denied,
    /// The exit code of a command that was run.
    Code(u8),
}

impl Outcome {
    /// Returns the answer to a question.
    pub(crate) fn success_if(yes: bool) -> Outcome {
        if yes { Outcome::Yes } else { Outcome::No }
    }
}
