//! JSON, RFC 8259: the scanner that checks it, and the tape of its values that the rest of this folder reads.
//!
//! The whole grammar is checked, UTF-8 included. Stricter than the RFC in two things: values are nested at most
//! [`MAX_DEPTH`] deep, and a text is shorter than 4 GiB. Lone surrogates in escapes are let through, as the RFC does.

mod cause;
mod error;
mod scan;
mod tape;

pub use error::InvalidJson;
pub(super) use scan::space;
pub use scan::{MAX_DEPTH, SECOND_DOCUMENT, check, value};
pub use tape::{Tape, Token, duplicate_key};

#[cfg(test)]
pub(super) mod tests;
