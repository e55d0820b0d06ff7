//! The columns of a CSV or TSV file, and what its records hold in them.
//!
//! A record is its names and values: the order of the columns makes no difference. A name that comes twice, a file without
//! a header and a field beyond the header go by their position. Rows that begin with `#` before the header are comments:
//! they count as records, as they do for Python's `csv`, and are not looked into. The last of them is itself the header if
//! it has several fields, and as many as the row after it (`#chrom⇥start⇥end`); else the header is the first row that does
//! not begin with `#`.

use std::borrow::Cow;

use super::canonical::digest_all;
use super::csv::BOM;
use super::datetime::Instant;
use super::fields::{RowSyntax, canonical, fields};
use super::record::digest;
use super::{Identity, ParseIssue, Record, Type};
use crate::codec::ByteWriter;
use crate::error::counted;

/// The header of a file, as far as it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    syntax: RowSyntax,
    header: Header,
    /// Only comments have been read: the names are those of the last one.
    comment: bool,
}

/// The names of the columns, and the order in which a record's fields are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    names: Vec<String>,
    /// The names with those that stand twice told by their positions, where some do.
    labels: Option<Vec<String>>,
    /// The columns by name, then position.
    order: Vec<usize>,
    /// The digest of the names in that order.
    digest: [u8; 16],
}

impl Header {
    /// Creates a header of these names.
    pub fn new(names: Vec<String>) -> Header {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|&at| (&names[at], at));
        let mut header = Header { names, labels: None, order, digest: [0; 16] };
        header.labels = header.duplicate().is_some().then(|| header.unique_names());
        header.digest = header.digest_of(&header.order);
        header
    }

    /// Returns the header of a file that has none: its columns are `#1`, `#2` and so on.
    fn numbered(columns: usize) -> Header {
        Header::new((1..=columns).map(|n| format!("#{n}")).collect())
    }

    /// Returns the names, in the order of the file.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the first name that stands twice.
    pub fn duplicate(&self) -> Option<&str> {
        self.order.windows(2).map(|pair| [&self.names[pair[0]], &self.names[pair[1]]]).find(|[a, b]| a == b).map(|[a, _]| &**a)
    }

    /// Returns the names, those that stand twice with their positions: `a#1`.
    fn unique_names(&self) -> Vec<String> {
        let mut labels = self.names.clone();
        for pair in self.order.windows(2).filter(|pair| self.names[pair[0]] == self.names[pair[1]]) {
            for &at in pair {
                labels[at] = format!("{}#{}", self.names[at], at + 1);
                while self.position(&labels[at]).is_some() {
                    labels[at].insert(0, '#');
                }
            }
        }
        labels
    }

    /// Returns what a row is compared by: its fields by their names but for the ignored ones, and those of the columns that
    /// are its key.
    pub fn identity(&self, row: &[u8], syntax: RowSyntax, key: &[String], ignored: &[String]) -> Identity {
        let fields: Vec<Cow<'_, [u8]>> = fields(row, syntax).collect();
        let values = key.iter().map(|name| Some(fields.get(self.position(name)?)?).filter(|field| !field.is_empty()));
        let values: Option<Vec<_>> = values.collect();
        let mut form = Vec::with_capacity(row.len() + 16);
        if fields.len() == self.names.len() && ignored.is_empty() {
            form.extend_from_slice(&self.digest);
            self.order.iter().for_each(|&at| form.put_bytes(&fields[at]));
        } else {
            // Another width has other names, and so has a row less what is ignored.
            let is_compared = |&at: &usize| at < fields.len() && !ignored.contains(&self.names[at]);
            let own: Vec<usize> = self.order.iter().copied().filter(is_compared).collect();
            form.extend_from_slice(&self.digest_of(&own));
            own.iter().for_each(|&at| form.put_bytes(&fields[at]));
            fields.iter().skip(self.names.len()).for_each(|field| form.put_bytes(field));
        }
        Identity { id: digest(b"table", &form), key: values.filter(|v| !v.is_empty()).map(|v| digest_all(&v)) }
    }

    /// Returns the digest of some names, in the order of [`Header::order`]; one that stands twice is told with its
    /// position.
    fn digest_of(&self, order: &[usize]) -> [u8; 16] {
        let mut form = Vec::new();
        let name = |at: usize| order.get(at).map(|&column| self.names[column].as_str());
        for (at, &column) in order.iter().enumerate() {
            form.put_bytes(self.names[column].as_bytes());
            let twice = at > 0 && name(at - 1) == name(at) || name(at + 1) == name(at);
            form.put_varint(if twice { 1 + column as u64 } else { 0 });
        }
        digest(b"names", &form)
    }

    /// Returns the position of the column of this name, the last if several have it.
    pub fn position(&self, name: &str) -> Option<usize> {
        let after = self.order.partition_point(|&at| *self.names[at] <= *name);
        self.order.get(after.checked_sub(1)?).copied().filter(|&at| self.names[at] == name)
    }
}

impl Columns {
    /// Starts with the first row of a file, which is its header.
    pub fn new(first: &[u8], syntax: impl Into<RowSyntax>) -> Columns {
        let syntax = syntax.into();
        Columns { syntax, header: Header::new(names(first, syntax)), comment: first.starts_with(b"#") }
    }

    /// Starts with the first row of a file that has no header.
    pub fn numbered(first: &[u8], syntax: RowSyntax) -> Columns {
        Columns { syntax, header: Header::numbered(fields(first, syntax).count()), comment: false }
    }

    /// Returns the names, in their order; `None` as long as only comments have been read.
    pub fn names(&self) -> Option<&[String]> {
        self.header().map(Header::names)
    }

    /// Returns the header; `None` as long as only comments have been read.
    pub fn header(&self) -> Option<&Header> {
        (!self.comment).then_some(&self.header)
    }

    /// Takes the next record and says of each of its fields under which column it stands and what it is. A field too
    /// many has no column. Finds a record with another number of fields than the header, or with an open quote.
    pub fn observe(&mut self, record: Record<'_>, each: &mut dyn FnMut(&str, Type)) -> Option<ParseIssue> {
        if self.comment && !self.is_header_before(record.bytes) {
            *self = Columns::new(record.bytes, self.syntax);
            return None;
        }
        self.comment = false;
        let names = self.header.labels.as_ref().unwrap_or(&self.header.names);
        let mut fields = fields(record.bytes, self.syntax);
        let mut count = 0;
        for field in fields.by_ref() {
            if let Some(name) = names.get(count) {
                each(name, type_of(&field));
            }
            count += 1;
        }
        let finding = |message| Some(ParseIssue { line: record.line, message });
        if fields.unclosed() {
            finding(
                "unterminated quoted field; if quotes are plain text, set quote = \"none\" in [dataset.NAME.format]".to_owned(),
            )
        } else if count != names.len() {
            finding(format!("the record has {}, the header has {}", counted(count as u64, "field"), names.len()))
        } else if record.bytes.starts_with(BOM) {
            finding("a byte order mark in the middle of the file; remove it".to_owned())
        } else {
            None
        }
    }

    /// Returns true if the comment that was read last is the header of `next`.
    fn is_header_before(&self, next: &[u8]) -> bool {
        let width = self.header.names.len();
        !next.starts_with(b"#") && width > 1 && width == fields(next, self.syntax).count()
    }
}

/// Returns the digests by which a row is compared; without a header, as for a comment before it, by its fields in their
/// order.
pub fn identity_of_row(row: &[u8], syntax: RowSyntax, header: Option<&Header>, key: &[String], ignored: &[String]) -> Identity {
    match header {
        Some(header) => header.identity(row, syntax, key, ignored),
        None => Identity { id: canonical(row, syntax), key: None },
    }
}

fn names(row: &[u8], syntax: RowSyntax) -> Vec<String> {
    fields(row, syntax).map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
}

/// Returns the type of a field by its text: nothing when empty, `true` and `false` in any case, integers and decimal
/// numbers without needless zeros before them (so that `007` stays text), days and points in time ([`Instant::parse`]).
pub fn type_of(field: &[u8]) -> Type {
    if field.is_empty() {
        Type::Null
    } else if field.eq_ignore_ascii_case(b"true") || field.eq_ignore_ascii_case(b"false") {
        Type::Boolean
    } else if !field[0].is_ascii_digit() && !matches!(field[0], b'+' | b'-' | b'.') {
        Type::String
    } else {
        number(field).or_else(|| Instant::parse(field).map(|(kind, _)| kind)).unwrap_or(Type::String)
    }
}

fn number(field: &[u8]) -> Option<Type> {
    let unsigned = field.strip_prefix(b"+").or_else(|| field.strip_prefix(b"-")).unwrap_or(field);
    let (whole, rest) = digits(unsigned);
    if whole.len() > 1 && whole[0] == b'0' {
        return None;
    }
    if rest.is_empty() {
        return (!whole.is_empty()).then_some(Type::Integer);
    }
    let (fraction, rest) = match rest.strip_prefix(b".") {
        Some(rest) => digits(rest),
        None => (&[][..], rest),
    };
    let exponent = match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', power @ ..] | [b'e' | b'E', power @ ..] => all_digits(power),
        _ => false,
    };
    (exponent && whole.len() + fraction.len() > 0).then_some(Type::Number)
}

/// Returns the digits that stand first, and the rest.
fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn all_digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Csv, RecordReader};
    use proptest::prelude::*;

    type Seen = Vec<(String, Type)>;

    /// What a file shows: column names, what was seen, what was found.
    fn look(text: &str) -> (Option<Vec<String>>, Seen, Vec<ParseIssue>) {
        let mut records = Vec::new();
        let mut csv = Csv::new(b',', true, None);
        csv.feed(text.as_bytes(), &mut |record| records.push((record.line, record.bytes.to_vec())));
        csv.finish(&mut |record| records.push((record.line, record.bytes.to_vec())));
        let mut columns = Columns::new(csv.header().unwrap(), b',');
        let mut seen = Vec::new();
        let mut findings = Vec::new();
        for (line, bytes) in &records {
            let record = Record { bytes, is_whole: true, line: *line, at: 0 };
            findings.extend(columns.observe(record, &mut |name, kind| seen.push((name.to_owned(), kind))));
        }
        (columns.names().map(<[String]>::to_vec), seen, findings)
    }

    fn named(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn each_field_stands_under_its_column() {
        let (names, seen, findings) = look("id,\"full name\"\n1,\n");
        assert_eq!(names, named(&["id", "full name"]));
        assert_eq!(seen, [("id".to_owned(), Type::Integer), ("full name".to_owned(), Type::Null)]);
        assert_eq!(findings, []);
    }

    #[test]
    fn comments_are_no_header() {
        let (names, seen, findings) = look("#made by x\n# on 2024-01-01\nid,name\n1,#a\n#2,b\n");
        assert_eq!(names, named(&["id", "name"]));
        assert_eq!(seen.len(), 4);
        assert_eq!(findings, []);
        assert_eq!(look("#only\n#comments\n").0, None);
    }

    #[test]
    fn a_header_may_begin_like_a_comment() {
        let (names, seen, _) = look("##format 1\n#chrom,start\nx,1\n");
        assert_eq!(names, named(&["#chrom", "start"]));
        assert_eq!(seen[1], ("start".to_owned(), Type::Integer));
    }

    #[test]
    fn records_of_another_width_are_found_with_their_line() {
        let (_, seen, findings) = look("a,b\n\"1\n\",2\n1\n1,2,3\n1,\"2");
        assert_eq!(seen.len(), 7);
        let found: Vec<_> = findings.iter().map(|finding| (finding.line, finding.message.as_str())).collect();
        assert_eq!(
            found,
            [
                (4, "the record has 1 field, the header has 2"),
                (5, "the record has 3 fields, the header has 2"),
                (6, "unterminated quoted field; if quotes are plain text, set quote = \"none\" in [dataset.NAME.format]"),
            ]
        );
        let (_, _, findings) = look("\u{feff}a,b\n1,2\n\u{feff}a,b\n3,4\n");
        assert!(findings.len() == 1 && findings[0].line == 3 && findings[0].message.contains("byte order mark"));
    }

    /// The identity of a row below a header, with `id` as the key.
    fn identity(header: &str, row: &str) -> Identity {
        let columns = Columns::new(header.as_bytes(), b',');
        identity_of_row(row.as_bytes(), b','.into(), columns.header(), &["id".to_owned()], &[])
    }

    #[test]
    fn a_record_is_its_names_and_values() {
        assert_eq!(identity("id,x", "1,2"), identity("x,id", "2,\"1\""), "the order of the columns");
        assert_ne!(identity("id,x", "1,2").id, identity("id,y", "1,2").id, "another name");
        assert_ne!(identity("id,x", "1,2").id, identity("x,id", "1,2").id, "names change places");
        assert_eq!(identity("id,x", "1,2").key, identity("id,y,z", "1,3,4").key);
        assert_ne!(identity("id,x", "1,2").id, identity("id", "1,2").id, "a field beyond the header");
        assert_ne!(identity("id,x", "1").id, identity("id", "1,").id);
        assert_eq!(identity("x,id", "a").key, None);
    }

    #[test]
    fn a_name_that_comes_twice_goes_by_its_position() {
        assert_ne!(identity("a,a,id", "1,2,3").id, identity("a,a,id", "2,1,3").id);
        assert_eq!(identity("a,a,id", "1,2,3").id, identity("a,a,id", "\"1\",2,3").id);
        assert_ne!(identity("a,a,id", "1,2,3").id, identity("a,id,a", "1,3,2").id);
        assert_eq!(identity("id,x,id", "1,2,3").key, identity("id", "3").key, "the last is the key");
        assert_eq!(Header::new(["b", "a", "b"].map(str::to_owned).to_vec()).duplicate(), Some("b"));
        assert_eq!(Header::new(["b", "a"].map(str::to_owned).to_vec()).duplicate(), None);
    }

    #[test]
    fn columns_without_a_header_are_numbered() {
        let columns = Columns::numbered(b"5,good film", b','.into());
        assert_eq!(columns.names(), named(&["#1", "#2"]).as_deref());
    }

    #[test]
    fn types() {
        for (kind, texts) in [
            (Type::Null, &[""][..]),
            (Type::Boolean, &["true", "FALSE", "True"]),
            (Type::Integer, &["0", "-0", "+7", "-12", "123456789012345678901234567890"]),
            (Type::Number, &["0.5", "-1.25", ".5", "1.", "1e9", "-2.5E-3", "0e0", "1.e+2"]),
            (Type::Date, &["2024-02-29", "0001-12-31"]),
            (
                Type::Timestamp,
                &["2024-01-01T00:00:00Z", "2024-01-01 23:59", "2024-01-01T05:29:60.123456789+05:30", "2024-01-01T12:00-0800"],
            ),
            (
                Type::String,
                &[
                    " ",
                    "007",
                    "-007",
                    "1,5",
                    "+",
                    "-",
                    ".",
                    "1e",
                    "e5",
                    "1.2.3",
                    "NaN",
                    "0x10",
                    "2024-13-01",
                    "2023-02-29",
                    "2023-02-28T24:59:59",
                    "2024-00-10",
                    "2024-1-1",
                    "2024-01-01T",
                    "2024-01-01T25:00",
                    "2024-01-01T12:00:00.",
                    "2024-01-01T12:00:00x",
                    "1_000",
                    "true ",
                    "12-34-56789",
                ],
            ),
        ] {
            for text in texts {
                assert_eq!(type_of(text.as_bytes()), kind, "{text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+0-9eE.:TZ#,\"é \n]{0,40}") {
            type_of(text.as_bytes());
            if text.bytes().any(|byte| byte != b'\n') {
                look(&text);
            }
        }
    }
}
