//! The error of a text that is not JSON.

use std::fmt;

/// The error of a text that is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidJson {
    /// The offset of the first byte that does not fit, from 0; the length of the text if it ends too early.
    pub at: usize,
    /// The error, for a person.
    pub what: &'static str,
}

impl fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for InvalidJson {}
