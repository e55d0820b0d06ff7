//! The fields of a row of CSV or TSV.

use std::borrow::Cow;

use memchr::memchr;

use super::record::digest;
use crate::codec::ByteWriter;

/// The syntax of the fields of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSyntax {
    /// The byte that separates them.
    pub delimiter: u8,
    /// True if quotes enclose them; where they do not, they are text.
    pub quotes: bool,
}

impl From<u8> for RowSyntax {
    /// Fields with this delimiter, which quotes may enclose.
    fn from(delimiter: u8) -> RowSyntax {
        RowSyntax { delimiter, quotes: true }
    }
}

/// The fields of a record, without their quotes.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    syntax: RowSyntax,
    /// The text after the last delimiter; `None` after the last field.
    rest: Option<&'a [u8]>,
    unclosed: bool,
}

/// Returns the fields of a record.
pub fn fields(record: &[u8], syntax: impl Into<RowSyntax>) -> Fields<'_> {
    Fields { syntax: syntax.into(), rest: Some(record), unclosed: false }
}

impl<'a> Fields<'a> {
    /// Returns true if a quoted field that the file's end cut off has been read.
    pub fn unclosed(&self) -> bool {
        self.unclosed
    }

    /// Returns the bytes up to the next delimiter, which is passed over.
    fn plain(&mut self, rest: &'a [u8]) -> &'a [u8] {
        match memchr(self.syntax.delimiter, rest) {
            Some(at) => {
                self.rest = Some(&rest[at + 1..]);
                &rest[..at]
            }
            None => {
                self.rest = None;
                rest
            }
        }
    }

    /// Returns the field whose opening quote stands before `rest`.
    fn quoted(&mut self, mut rest: &'a [u8]) -> Cow<'a, [u8]> {
        let mut text = Cow::Borrowed(&[][..]);
        loop {
            let Some(quote) = memchr(b'"', rest) else {
                self.unclosed = true;
                self.rest = None;
                append(&mut text, rest);
                return text;
            };
            if rest.get(quote + 1) == Some(&b'"') {
                append(&mut text, &rest[..=quote]);
                rest = &rest[quote + 2..];
            } else {
                append(&mut text, &rest[..quote]);
                append(&mut text, self.plain(&rest[quote + 1..]));
                return text;
            }
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Cow<'a, [u8]>;

    fn next(&mut self) -> Option<Cow<'a, [u8]>> {
        let rest = self.rest?;
        Some(match rest.strip_prefix(b"\"").filter(|_| self.syntax.quotes) {
            Some(rest) => self.quoted(rest),
            None => Cow::Borrowed(self.plain(rest)),
        })
    }
}

/// Adds `more`, without a copy as long as one slice is all there is.
fn append<'a>(text: &mut Cow<'a, [u8]>, more: &'a [u8]) {
    if text.is_empty() {
        *text = Cow::Borrowed(more);
    } else if !more.is_empty() {
        text.to_mut().extend_from_slice(more);
    }
}

/// Returns the digest of a row by its fields in their order, however they are quoted: the first 16 bytes of the BLAKE3 of a
/// mark and the fields, each with its length before it as a varint.
pub fn canonical(record: &[u8], syntax: impl Into<RowSyntax>) -> [u8; 16] {
    let mut buffer = Vec::with_capacity(record.len() + 16);
    for field in fields(record, syntax) {
        buffer.put_bytes(&field);
    }
    digest(b"row", &buffer)
}
