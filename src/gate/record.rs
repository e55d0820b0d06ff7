//! A record as rules see it: parsed once for all of them.

use std::borrow::Cow;

use crate::sample::{ColumnarRow, Header, InvalidJson, RowSyntax, Tape};

/// A record that has been read, once for all rules.
#[derive(Clone, Copy, Debug)]
pub(super) enum ParsedRecord<'a> {
    /// JSON: its text, and the tape of all its values.
    Json(&'a [u8], &'a Tape),
    /// Text that should be JSON and is not.
    InvalidJson(&'a [u8], InvalidJson),
    /// A row of CSV or TSV: as it stands, its delimiter, its fields without quotes, and the names of its columns.
    Cells(&'a [u8], RowSyntax, &'a [Cow<'a, [u8]>], Option<&'a Header>),
    /// Such a row with something wrong: as it stands, its delimiter, what is wrong, and the names of the columns.
    BadRow(&'a [u8], RowSyntax, &'a str, Option<&'a Header>),
    /// A row of Parquet.
    Row(ColumnarRow<'a>),
    /// A file of text.
    Text(&'a [u8]),
    /// A file that cannot be read as text: its content id, and the reason.
    Binary(&'a [u8; 32], &'a str),
    /// A file that no reader can look into: why.
    Opaque(&'a str),
    /// A file that is not of its format: why.
    Broken(&'a str),
}

/// The part of a record that a rule must be able to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requirement {
    /// No more than whether it is of its format, or its content as a whole.
    Form,
    /// Its bytes as text, whatever they hold.
    Bytes,
    /// Its text, once it is of its format.
    Text,
    /// Its fields, if it has any.
    Fields,
}

impl ParsedRecord<'_> {
    /// Returns why a rule with these needs cannot look at the record; `None` where it can.
    pub fn unreadable(&self, needs: Requirement) -> Option<String> {
        match (self, needs) {
            (ParsedRecord::Opaque(why), _) => Some((*why).to_owned()),
            (ParsedRecord::InvalidJson(_, why), Requirement::Text | Requirement::Fields) => Some(format!("invalid JSON: {why}")),
            (ParsedRecord::BadRow(_, _, why, _), Requirement::Text | Requirement::Fields) => Some((*why).to_owned()),
            (ParsedRecord::Broken(why), Requirement::Bytes | Requirement::Text | Requirement::Fields) => Some((*why).to_owned()),
            (ParsedRecord::Binary(_, why), Requirement::Bytes | Requirement::Text) => Some((*why).to_owned()),
            _ => None,
        }
    }
}
