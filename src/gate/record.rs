//! The input of a rule: a record as the caller has it, and as it is parsed, once for all rules.

use std::borrow::Cow;

use crate::sample::{ColumnarRow, Header, InvalidJson, RowSyntax, Tape};

/// A record of a dataset.
#[derive(Clone, Copy, Debug)]
pub struct RuleInput<'a> {
    /// The line on which it begins, from 1; 0 for a file that is itself the record.
    pub line: u64,
    /// The content.
    pub body: RecordBody<'a>,
}

/// The content of a record, by the format of its file.
#[derive(Clone, Copy, Debug)]
pub enum RecordBody<'a> {
    /// JSON, or bytes that are none, of a JSON or JSONL file.
    Json(&'a [u8]),
    /// A row of CSV or TSV.
    Fields {
        /// As it stands in the file.
        row: &'a [u8],
        /// The syntax of its fields.
        syntax: RowSyntax,
        /// The names of its columns; none where they are not known, as for a comment before the header.
        header: Option<&'a Header>,
        /// The error in the row, such as a wrong number of fields.
        wrong: Option<&'a str>,
    },
    /// A row of CSV or TSV that is no record: the header, or a comment. Rules of personal data and of encoding look at
    /// it, and count it only where they find something.
    SkippedRow(&'a [u8]),
    /// A row of Parquet.
    Row(&'a ColumnarRow<'a>),
    /// A file that is itself the sample and is read as text.
    Text(&'a [u8]),
    /// A file that is itself the sample and cannot be read as text.
    Binary(BinaryFile<'a>),
    /// A file that no reader can look into: why.
    Opaque(&'a str),
    /// A file that is not of its format: why.
    Broken(&'a str),
}

/// A file that is no text, or too long to be read as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BinaryFile<'a> {
    /// Its content id.
    pub content: &'a [u8; 32],
    /// The reason, as a sentence about the file.
    pub why: &'a str,
}

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
    /// A file that cannot be read as text.
    Binary(BinaryFile<'a>),
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
            (ParsedRecord::Binary(binary), Requirement::Bytes | Requirement::Text) => Some(binary.why.to_owned()),
            _ => None,
        }
    }
}
