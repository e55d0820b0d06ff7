//! JSON, RFC 8259: the scanner that checks it, and the tape of its values that the rest of this folder reads.
//!
//! The whole grammar is checked, UTF-8 included. Stricter than the RFC in two things: values are nested at most
//! [`MAX_DEPTH`] deep, and a text is shorter than 4 GiB. Lone surrogates in escapes are let through, as the RFC does.

mod cause;
mod scan;
mod tape;

use std::fmt;

pub(super) use scan::space;
pub use scan::{SECOND_DOCUMENT, value};
pub use tape::{Tape, Token, duplicate_key};

/// Most arrays and objects around a value.
pub const MAX_DEPTH: usize = 512;

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

/// Checks that a text is one JSON value, white space around it allowed.
pub fn check(text: &[u8]) -> Result<(), InvalidJson> {
    scan::text(text, &mut ())
}

#[cfg(test)]
pub(super) mod tests;
