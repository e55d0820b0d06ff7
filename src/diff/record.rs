//! A record of a file, as it is compared, shown and validated.

use crate::diff::ReaderConfig;
use crate::sample::{
    Canonicalizer, ColumnarRow, FileIssue, Header, Identity, Record, Rendering, RowSyntax, Side, digest, escaped, fields,
    identity_of_row,
};

/// A record, for those who look at the records themselves.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    /// Whose it is.
    pub side: Side,
    /// The file it stands in.
    pub path: &'a str,
    /// Its line in it; 0 for the file itself.
    pub line: u64,
    /// Its place in it: the byte of the unpacked stream at which it begins, or its row in Parquet, from 0.
    pub at: u64,
    /// The content of the record.
    pub text: RecordText<'a>,
}

/// The content of a record, by the format of its file.
#[derive(Clone, Copy, Debug)]
pub enum RecordText<'a> {
    /// As it stands there: JSON, unless it is none.
    Json(&'a [u8]),
    /// A row of a table.
    Fields {
        /// As it stands there.
        row: &'a [u8],
        /// The syntax of its fields.
        syntax: RowSyntax,
        /// The names of the columns, where they are known.
        header: Option<&'a Header>,
        /// The error in the row, if there is one.
        wrong: Option<&'a str>,
    },
    /// A row of a table that is no record: the header, or a comment. It is shown, and never counted.
    SkippedRow(&'a [u8]),
    /// A record beyond the longest length: [`Record::excess`].
    Excess(&'a str),
    /// A row of Parquet or Arrow.
    Row(&'a ColumnarRow<'a>),
    /// The file itself.
    File {
        /// Its content id.
        content: &'a [u8; 32],
        /// The reason that the file is not read by its name, where it is not.
        issue: Option<&'a FileIssue>,
        /// Its text, or the reason that it has none. It is read only for rules.
        text: Result<&'a [u8], &'static str>,
    },
}

impl<'a> RecordText<'a> {
    /// Returns the text of a record of JSON.
    pub(super) fn of_json(record: &Record<'a>) -> RecordText<'a> {
        record.excess().map_or(RecordText::Json(record.bytes), RecordText::Excess)
    }

    /// Renders the record as JSON, which is null for a file that is the record.
    pub fn render(&self) -> Rendering {
        match self {
            RecordText::Json(bytes) => Rendering::json(bytes),
            RecordText::Fields { row, syntax, header, .. } => {
                Rendering::row(fields(row, *syntax), header.map_or(&[], Header::names))
            }
            RecordText::SkippedRow(row) => Rendering::json(row),
            RecordText::Excess(words) => Rendering::json(words.as_bytes()),
            RecordText::Row(row) => row.render(),
            RecordText::File { .. } => Rendering::null(),
        }
    }

    /// Renders the record for people: a row as it stands in its file, all else as JSON, which is given.
    pub fn plain(&self, rendering: &Rendering) -> String {
        match self {
            RecordText::Fields { row, .. } => escaped(row).into_owned(),
            RecordText::File { .. } => "(the file)".to_owned(),
            _ => rendering.plain().into_owned(),
        }
    }
}

impl RecordRef<'_> {
    /// Returns the line on which the record begins, from 1; of a file that cannot be read the line of the error.
    pub fn first_line(&self) -> u64 {
        match self.text {
            RecordText::File { issue, .. } => issue.map_or(1, FileIssue::line),
            _ => self.line,
        }
    }

    /// Returns the digests by which the record is compared.
    pub fn identity(&self, config: &ReaderConfig, canonical: &mut Canonicalizer) -> Identity {
        match self.text {
            RecordText::Json(record) => canonical.identity(record, &config.pointers, &config.ignored),
            RecordText::Fields { row, syntax, header, .. } => {
                identity_of_row(row, syntax, header, &config.columns, &config.ignored_columns)
            }
            RecordText::SkippedRow(row) => Identity::of_bytes(row),
            RecordText::Excess(words) => Identity { id: digest(b"excess", words.as_bytes()), key: None },
            RecordText::Row(row) => row.identity(&config.pointers, &config.ignored),
            RecordText::File { content, .. } => {
                // A text is never the record that a JSON scalar is.
                Identity { id: digest(b"file", content), key: None }
            }
        }
    }
}
