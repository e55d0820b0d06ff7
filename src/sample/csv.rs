//! CSV and TSV: RFC 4180 as Python's `csv` module reads it with its default quoting.
//!
//! A quote opens a quoted field only at the field's start; elsewhere it is text. Within a quoted field two quotes are
//! one, and delimiters and line ends are text; what follows the closing quote is text up to the delimiter. CR, LF and
//! CRLF end a record; a row without a byte is none. A byte order mark at the start of the file is dropped. The first row
//! is the header and no sample, unless the dialect has none; rows that begin with the dialect's comment byte are no
//! samples either, nor is a first row `sep=;` that tells the delimiter. Where quotes are text, a line is a row.

use memchr::{memchr, memchr2, memchr3};

use super::fields::RowSyntax;
use super::partial::{PartialRecord, line_ends, take_excess};
use super::reader_spec::ReaderSpec;
use super::record::{Record, RecordReader};
use crate::limits;

pub(super) const BOM: &[u8] = "\u{feff}".as_bytes();

/// A row that is no record: the header, or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRow {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The line on which it begins.
    pub line: u64,
    /// The byte at which it begins.
    pub at: u64,
}

/// Finds the records of a CSV or TSV file.
#[derive(Clone, Debug)]
pub struct Csv {
    syntax: RowSyntax,
    comment: Option<u8>,
    /// The number of bytes of a byte order mark at the start of the file so far; `None` once it is passed.
    bom: Option<usize>,
    place: CsvState,
    /// The last byte was a CR that ended a record, so that a LF belongs to it.
    after_cr: bool,
    /// The record that has begun in earlier pieces.
    begun: PartialRecord,
    /// True if it has a quoted field, and so perhaps line ends.
    quoted: bool,
    /// The line on which it begins.
    line: u64,
    /// The byte at which it begins.
    at: u64,
    header: FirstRow,
    /// Rows that are no records and have not been taken.
    skipped_rows: Vec<SkippedRow>,
}

/// The first row that is no comment.
#[derive(Clone, Debug)]
enum FirstRow {
    /// It has not come yet.
    Expected,
    Header(Vec<u8>),
    /// The file has no header.
    Record,
}

/// The state of the reader at the next byte of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CsvState {
    /// Outside quotes.
    Plain,
    /// In a quoted field.
    Quoted,
    /// After a quote in a quoted field: the field's end, or the first of two quotes.
    AfterQuote,
}

impl Csv {
    /// Returns a reader of a table in this dialect.
    pub fn of(spec: &ReaderSpec) -> Csv {
        Csv::new(spec.row_syntax(), spec.dialect.header, spec.dialect.comment)
    }

    /// Creates a reader of rows with this syntax, the first of which may be the header.
    pub fn new(syntax: impl Into<RowSyntax>, header: bool, comment: Option<u8>) -> Csv {
        Csv {
            syntax: syntax.into(),
            comment,
            bom: Some(0),
            place: CsvState::Plain,
            after_cr: false,
            begun: PartialRecord::new(limits::RECORD),
            quoted: false,
            line: 1,
            at: 0,
            header: if header { FirstRow::Expected } else { FirstRow::Record },
            skipped_rows: Vec::new(),
        }
    }

    /// Sets the longest length of a record, in bytes.
    pub fn with_limit(self, limit: usize) -> Csv {
        Csv { begun: PartialRecord::new(limit), ..self }
    }

    /// Returns a reader of the rows below the header, from byte `at` on, where a row begins.
    pub fn within(self, line: u64, at: u64) -> Csv {
        Csv { bom: None, header: FirstRow::Record, line, at, ..self }
    }

    /// Returns the first row, as it stands in the file, once it has been read.
    pub fn header(&self) -> Option<&[u8]> {
        match &self.header {
            FirstRow::Header(row) => Some(row),
            _ => None,
        }
    }

    /// Takes the rows that were read lately and are no records.
    pub fn take_skipped_rows(&mut self) -> Vec<SkippedRow> {
        std::mem::take(&mut self.skipped_rows)
    }

    fn scan(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let mut start = 0;
        let mut at = 0;
        let base = self.at + self.begun.len();
        while let Some(&next) = bytes.get(at) {
            if std::mem::take(&mut self.after_cr) && next == b'\n' {
                at += 1;
                start = at;
                self.at = base + at as u64;
                continue;
            }
            match self.place {
                CsvState::Plain => {
                    let found = match self.syntax.quotes {
                        true => memchr3(b'"', b'\n', b'\r', &bytes[at..]),
                        false => memchr2(b'\n', b'\r', &bytes[at..]),
                    };
                    let Some(found) = found else { break };
                    let i = at + found;
                    at = i + 1;
                    if bytes[i] == b'"' {
                        let before = if i > start { Some(bytes[i - 1]) } else { self.begun.last() };
                        if before.is_none_or(|byte| byte == self.syntax.delimiter) {
                            self.place = CsvState::Quoted;
                            self.quoted = true;
                        }
                    } else {
                        self.after_cr = bytes[i] == b'\r';
                        self.end_record(&bytes[start..i], take);
                        self.line += 1;
                        self.at = base + at as u64;
                        start = at;
                    }
                }
                CsvState::Quoted => {
                    let Some(found) = memchr(b'"', &bytes[at..]) else { break };
                    at += found + 1;
                    self.place = CsvState::AfterQuote;
                }
                CsvState::AfterQuote if next == b'"' => {
                    at += 1;
                    self.place = CsvState::Quoted;
                }
                // A shortcut: the next field is quoted too.
                CsvState::AfterQuote if bytes[at..].starts_with(&[self.syntax.delimiter, b'"']) => {
                    at += 2;
                    self.place = CsvState::Quoted;
                }
                CsvState::AfterQuote => self.place = CsvState::Plain,
            }
        }
        self.begun.push(&bytes[start..]);
    }

    /// Hands over what has begun, with `tail`, unless it is blank or the header. A row beyond the longest length is a
    /// record, wherever it stands.
    fn end_record(&mut self, tail: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let mut begun = std::mem::replace(&mut self.begun, PartialRecord::new(0));
        let mut lines = 0;
        if begun.is_empty() {
            if !take_excess(tail, begun.limit(), self.line, self.at, take) {
                self.end_row(tail, take);
            }
            if self.quoted {
                lines = line_ends(tail);
            }
        } else {
            begun.push(tail);
            if !begun.take_excess(self.line, self.at, take) {
                self.end_row(begun.bytes(), take);
            }
            if self.quoted {
                lines = begun.line_ends();
            }
        }
        self.line += lines;
        self.quoted = false;
        begun.clear();
        self.begun = begun;
        self.place = CsvState::Plain;
    }

    /// Hands over a row, unless it is blank or the header.
    fn end_row(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let Some(first) = bytes.first() else { return };
        let is_note = Some(*first) == self.comment || self.line == 1 && is_delimiter_line(bytes, self.syntax.delimiter);
        if is_note {
            self.skipped_rows.push(SkippedRow { bytes: bytes.to_vec(), line: self.line, at: self.at });
        } else if let FirstRow::Expected = self.header {
            self.header = FirstRow::Header(bytes.to_vec());
            self.skipped_rows.push(SkippedRow { bytes: bytes.to_vec(), line: self.line, at: self.at });
        } else {
            take(Record { bytes, is_whole: true, line: self.line, at: self.at });
        }
    }
}

impl RecordReader for Csv {
    fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        while let Some(seen) = self.bom {
            match bytes.split_first() {
                None => return,
                Some((&first, rest)) if first == BOM[seen] => {
                    bytes = rest;
                    self.bom = Some(seen + 1).filter(|&seen| seen < BOM.len());
                    if self.bom.is_none() {
                        self.at = BOM.len() as u64;
                    }
                }
                Some(_) => {
                    self.bom = None;
                    self.scan(&BOM[..seen], take);
                }
            }
        }
        self.scan(bytes, take);
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        if let Some(seen) = self.bom.take() {
            self.scan(&BOM[..seen], take);
        }
        self.end_record(&[], take);
    }
}

impl PartialEq for Csv {
    fn eq(&self, other: &Csv) -> bool {
        let state = |csv: &Csv| {
            let expected = matches!(csv.header, FirstRow::Expected);
            (csv.syntax, csv.comment, csv.bom, csv.place, csv.after_cr, expected, csv.line == 1)
        };
        state(self) == state(other) && self.begun == other.begun
    }
}

/// Returns true if a line tells the delimiter of the table below it, as Excel has it at the top of a file: `sep=;`.
pub(super) fn is_delimiter_line(line: &[u8], delimiter: u8) -> bool {
    line.strip_prefix(b"sep=") == Some(&[delimiter])
}

#[cfg(test)]
mod tests;
