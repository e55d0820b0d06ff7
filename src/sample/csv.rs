//! CSV and TSV: RFC 4180 as Python's `csv` module reads it with its default quoting.
//!
//! A quote opens a quoted field only at the field's start; elsewhere it is text. Within a quoted field two quotes are
//! one, and delimiters and line ends are text; what follows the closing quote is text up to the delimiter. CR, LF and
//! CRLF end a record; a row without a byte is none. A byte order mark at the start of the file is dropped. The first row
//! is the header and no sample, unless the dialect has none; rows that begin with the dialect's comment byte are no
//! samples either, nor is a first row `sep=;` that tells the delimiter. Where quotes are text, a line is a row.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memchr2_iter, memchr3};

use super::Reading;
use super::guess::is_delimiter_line;
use super::record::{Record, Records};
use crate::codec::Put;

pub(super) const BOM: &[u8] = "\u{feff}".as_bytes();

/// How the fields of a row are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowSyntax {
    /// The byte that separates them.
    pub delimiter: u8,
    /// Whether quotes enclose them; where they do not, they are text.
    pub quotes: bool,
}

impl From<u8> for RowSyntax {
    /// Fields with this delimiter, which quotes may enclose.
    fn from(delimiter: u8) -> RowSyntax {
        RowSyntax { delimiter, quotes: true }
    }
}

/// A row that is no record: the header, or a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
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
    /// How much of a byte order mark has been seen at the start of the file; `None` once that is settled.
    bom: Option<usize>,
    place: Place,
    /// The last byte was a CR that ended a record, so that a LF belongs to it.
    after_cr: bool,
    /// The record that has begun in earlier pieces.
    begun: Vec<u8>,
    /// Whether it has a quoted field, and so perhaps line ends.
    quoted: bool,
    /// The line on which it begins.
    line: u64,
    /// The byte at which it begins.
    at: u64,
    header: FirstRow,
    /// Rows that are no records and have not been taken.
    notes: Vec<Note>,
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

/// Where in a record the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Outside quotes.
    Plain,
    /// In a quoted field.
    Quoted,
    /// After a quote in a quoted field: the field's end, or the first of two quotes.
    AfterQuote,
}

impl Csv {
    /// A reader of a table in this dialect.
    pub fn of(reading: &Reading) -> Csv {
        Csv::new(reading.row_syntax(), reading.dialect.header, reading.dialect.comment)
    }

    /// A reader of rows with this syntax, the first of which may be the header.
    pub fn new(syntax: impl Into<RowSyntax>, header: bool, comment: Option<u8>) -> Csv {
        Csv {
            syntax: syntax.into(),
            comment,
            bom: Some(0),
            place: Place::Plain,
            after_cr: false,
            begun: Vec::new(),
            quoted: false,
            line: 1,
            at: 0,
            header: if header { FirstRow::Expected } else { FirstRow::Record },
            notes: Vec::new(),
        }
    }

    /// The first row, as it stands in the file, once it has been read.
    pub fn header(&self) -> Option<&[u8]> {
        match &self.header {
            FirstRow::Header(row) => Some(row),
            _ => None,
        }
    }

    /// Takes the rows that were read lately and are no records.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    fn scan(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let mut start = 0;
        let mut at = 0;
        let base = self.at + self.begun.len() as u64;
        while let Some(&next) = bytes.get(at) {
            if std::mem::take(&mut self.after_cr) && next == b'\n' {
                at += 1;
                start = at;
                self.at = base + at as u64;
                continue;
            }
            match self.place {
                Place::Plain => {
                    let found = match self.syntax.quotes {
                        true => memchr3(b'"', b'\n', b'\r', &bytes[at..]),
                        false => memchr2(b'\n', b'\r', &bytes[at..]),
                    };
                    let Some(found) = found else { break };
                    let i = at + found;
                    at = i + 1;
                    if bytes[i] == b'"' {
                        let before = if i > start { Some(&bytes[i - 1]) } else { self.begun.last() };
                        if before.is_none_or(|&b| b == self.syntax.delimiter) {
                            self.place = Place::Quoted;
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
                Place::Quoted => {
                    let Some(found) = memchr(b'"', &bytes[at..]) else { break };
                    at += found + 1;
                    self.place = Place::AfterQuote;
                }
                Place::AfterQuote if next == b'"' => {
                    at += 1;
                    self.place = Place::Quoted;
                }
                // A shortcut: the next field is quoted too.
                Place::AfterQuote if bytes[at..].starts_with(&[self.syntax.delimiter, b'"']) => {
                    at += 2;
                    self.place = Place::Quoted;
                }
                Place::AfterQuote => self.place = Place::Plain,
            }
        }
        self.begun.extend_from_slice(&bytes[start..]);
    }

    /// Hands over what has begun, with `tail`, unless it is blank or the header.
    fn end_record(&mut self, tail: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let mut begun = std::mem::take(&mut self.begun);
        let bytes = if begun.is_empty() {
            tail
        } else {
            begun.extend_from_slice(tail);
            &begun
        };
        if let Some(first) = bytes.first() {
            let is_note = Some(*first) == self.comment || self.line == 1 && is_delimiter_line(bytes, self.syntax.delimiter);
            if is_note {
                self.notes.push(Note { bytes: bytes.to_vec(), line: self.line, at: self.at });
            } else if let FirstRow::Expected = self.header {
                self.header = FirstRow::Header(bytes.to_vec());
                self.notes.push(Note { bytes: bytes.to_vec(), line: self.line, at: self.at });
            } else {
                take(Record { bytes, line: self.line, at: self.at });
            }
        }
        if std::mem::take(&mut self.quoted) {
            self.line += line_ends(bytes);
        }
        begun.clear();
        self.begun = begun;
        self.place = Place::Plain;
    }
}

impl Records for Csv {
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

/// The number of LF, CR and CRLF.
fn line_ends(bytes: &[u8]) -> u64 {
    memchr2_iter(b'\n', b'\r', bytes).filter(|&i| bytes[i] == b'\r' || i == 0 || bytes[i - 1] != b'\r').count() as u64
}

/// The fields of a record, without their quotes.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    syntax: RowSyntax,
    /// What follows the last delimiter; `None` after the last field.
    rest: Option<&'a [u8]>,
    unclosed: bool,
}

/// The fields of a record.
pub fn fields(record: &[u8], syntax: impl Into<RowSyntax>) -> Fields<'_> {
    Fields { syntax: syntax.into(), rest: Some(record), unclosed: false }
}

impl<'a> Fields<'a> {
    /// Whether a quoted field that the file's end cut off has been read.
    pub fn unclosed(&self) -> bool {
        self.unclosed
    }

    /// The bytes up to the next delimiter, which is passed over.
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

    /// The field whose opening quote stands before `rest`.
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

/// The digest of a row by its fields in their order, however they are quoted: the first 16 bytes of the BLAKE3 of a mark
/// and the fields, each with its length before it as a varint.
pub fn canonical(record: &[u8], syntax: impl Into<RowSyntax>) -> [u8; 16] {
    let mut buffer = Vec::with_capacity(record.len() + 16);
    for field in fields(record, syntax) {
        buffer.put_bytes(&field);
    }
    super::record::digest(b"row", &buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn comma() -> Csv {
        Csv::new(b',', true, None)
    }

    /// Every row with its line, the header too, read in pieces of the lengths that `cuts` gives in turn.
    fn rows(mut csv: Csv, bytes: &[u8], cuts: &[usize]) -> Vec<(u64, Vec<u8>)> {
        let mut rows = Vec::new();
        let mut take = |record: Record<'_>| {
            assert!(bytes[record.at as usize..].starts_with(record.bytes), "{record:?}");
            rows.push((record.line, record.bytes.to_vec()));
        };
        let mut rest = bytes;
        for &cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            csv.feed(piece, &mut take);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        csv.finish(&mut take);
        if let Some(header) = csv.header() {
            rows.insert(0, (0, header.to_vec()));
        }
        rows
    }

    fn read(text: &str) -> Vec<Vec<String>> {
        let decode = |field: Cow<'_, [u8]>| String::from_utf8(field.into_owned()).unwrap();
        rows(comma(), text.as_bytes(), &[usize::MAX]).iter().map(|(_, row)| fields(row, b',').map(decode).collect()).collect()
    }

    /// Python's `_csv.c`, state by state, over what `open(newline='')` would hand it; rows of no field are left out.
    fn python(bytes: &[u8], delimiter: u8) -> Vec<Vec<Vec<u8>>> {
        #[derive(PartialEq, Clone, Copy)]
        enum State {
            StartRecord,
            StartField,
            InField,
            InQuoted,
            QuoteInQuoted,
        }
        let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        let mut rows = Vec::new();
        let mut row: Vec<Vec<u8>> = Vec::new();
        let mut field = Vec::new();
        let mut state = State::StartRecord;
        for &c in bytes {
            let newline = c == b'\n' || c == b'\r';
            match state {
                State::StartRecord if newline => {}
                State::InQuoted if c == b'"' => state = State::QuoteInQuoted,
                State::InQuoted => field.push(c),
                State::QuoteInQuoted if c == b'"' => {
                    field.push(c);
                    state = State::InQuoted;
                }
                _ if newline => {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                    state = State::StartRecord;
                }
                _ if c == delimiter => {
                    row.push(std::mem::take(&mut field));
                    state = State::StartField;
                }
                State::StartRecord | State::StartField if c == b'"' => state = State::InQuoted,
                _ => {
                    field.push(c);
                    state = State::InField;
                }
            }
        }
        if state != State::StartRecord {
            row.push(field);
            rows.push(row);
        }
        rows
    }

    fn nasty() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            4 => Just(&b"\""[..]), 3 => Just(&b","[..]), 1 => Just(&b"\t"[..]), 2 => Just(&b"\n"[..]), 1 => Just(&b"\r"[..]),
            2 => Just(&b"\r\n"[..]), 2 => Just(&b"x"[..]), 1 => Just(&b"\xef\xbb\xbf"[..]), 1 => Just(&b"\xef\xbb"[..]),
            1 => Just(&b"#"[..]), 1 => Just(&b"\0\xff"[..]),
        ];
        prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn agrees_with_python(bytes in nasty(), tab: bool) {
            let csv = if tab { Csv::new(b'\t', true, None) } else { comma() };
            let delimiter = csv.syntax.delimiter;
            let found: Vec<Vec<Vec<u8>>> = rows(csv, &bytes, &[usize::MAX])
                .iter()
                .map(|(_, row)| fields(row, delimiter).map(Cow::into_owned).collect())
                .collect();
            prop_assert_eq!(found, python(&bytes, delimiter));
        }

        #[test]
        fn any_cut_gives_the_same(bytes in nasty(), cuts in prop::collection::vec(1usize..5, 1..6)) {
            prop_assert_eq!(rows(comma(), &bytes, &cuts), rows(comma(), &bytes, &[usize::MAX]));
        }

        #[test]
        fn equal_readers_go_on_alike(one in nasty(), other in nasty(), rest in nasty()) {
            let [mut a, mut b] = [one, other].map(|bytes| {
                let mut csv = comma();
                csv.feed(&bytes, &mut |_| {});
                csv
            });
            if a == b {
                let mut found = [Vec::new(), Vec::new()];
                for (csv, found) in [&mut a, &mut b].into_iter().zip(&mut found) {
                    csv.feed(&rest, &mut |record| found.push(record.bytes.to_vec()));
                    csv.finish(&mut |record| found.push(record.bytes.to_vec()));
                }
                prop_assert_eq!(&found[0], &found[1]);
            }
        }

        #[test]
        fn lines_are_those_of_an_editor(bytes in nasty()) {
            let bytes = bytes.strip_prefix(BOM).unwrap_or(&bytes);
            for (line, row) in rows(comma(), bytes, &[3]).into_iter().skip(1) {
                let starts = (0..bytes.len()).filter(|&i| i == 0 || line_ends(&bytes[..i]) + 1 == line);
                prop_assert!(starts.into_iter().any(|i| bytes[i..].starts_with(&row)));
            }
        }
    }

    #[test]
    fn the_first_row_is_no_record() {
        let count = |text: &str| {
            let mut n = 0;
            let mut csv = comma();
            csv.feed(text.as_bytes(), &mut |_| n += 1);
            csv.finish(&mut |_| n += 1);
            n
        };
        assert_eq!(["", "\n\n", "a,b", "a,b\n", "\n\na,b\n\n1,2", "a\r\n1\r\n2"].map(count), [0, 0, 0, 0, 1, 2]);
        assert_eq!(["sep=,\na,b\n1,2", "sep=;\na,b\n1,2", "a\nsep=,\n1"].map(count), [1, 2, 2]);
    }

    #[test]
    fn quotes() {
        assert_eq!(read("\"a\"\"b\",\"c\nd\",e\"f\"\r\n"), [["a\"b", "c\nd", "e\"f\""]]);
        assert_eq!(read("\"a\"b\"c\",d"), [["ab\"c\"", "d"]]);
        assert_eq!(read("\"\""), [[""]]);
        assert_eq!(read("\"open,\n"), [["open,\n"]]);
        let mut open = fields(b"a,\"b", b',');
        assert_eq!(open.by_ref().count(), 2);
        assert!(open.unclosed());
    }

    #[test]
    fn lines_count_what_is_quoted() {
        let lines: Vec<u64> = rows(comma(), b"h\r\n\"a\r\nb\nc\"\n\n1\r2\n", &[1]).iter().map(|row| row.0).collect();
        assert_eq!(lines, [0, 2, 6, 7]);
    }

    #[test]
    fn quoting_is_not_identity() {
        assert_eq!(canonical(b"a,\"b\"", b','), canonical(b"\"a\",b", b','));
        assert_eq!(canonical(b"a,b", b','), canonical(b"a\tb", b'\t'));
        assert_ne!(canonical(b"ab,", b','), canonical(b"a,b", b','));
        assert_ne!(canonical(b"a", b','), canonical(b"a,", b','));
    }
}
