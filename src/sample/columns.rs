//! The columns of a CSV or TSV file, and what its records hold in them.
//!
//! Rows that begin with `#` before the header are comments: they count as records, as they do for Python's `csv`, and
//! are not looked into. The last of them is itself the header if it has several fields, and as many as the row after it
//! (`#chrom⇥start⇥end`); else the header is the first row that does not begin with `#`.

use std::borrow::Cow;

use super::canonical::digest_all;
use super::csv::{canonical, fields};
use super::datetime::Instant;
use super::{Finding, Identity, Record, Type};

/// The header of a file, as far as it has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    delimiter: u8,
    names: Vec<String>,
    /// Only comments have been read: the names are those of the last one.
    comment: bool,
}

impl Columns {
    /// Starts with the first row of a file.
    pub fn new(first: &[u8], delimiter: u8) -> Columns {
        Columns { delimiter, names: names(first, delimiter), comment: first.starts_with(b"#") }
    }

    /// The names, in their order; `None` as long as only comments have been read.
    pub fn names(&self) -> Option<&[String]> {
        (!self.comment).then_some(&self.names)
    }

    /// Takes the next record and says of each of its fields under which column it stands and what it is. A field too
    /// many has no column. Finds a record with another number of fields than the header, or with an open quote.
    pub fn observe(&mut self, record: Record<'_>, see: &mut dyn FnMut(&str, Type)) -> Option<Finding> {
        if self.comment && !self.is_header_before(record.bytes) {
            *self = Columns::new(record.bytes, self.delimiter);
            return None;
        }
        self.comment = false;
        let mut fields = fields(record.bytes, self.delimiter);
        let mut count = 0;
        for field in fields.by_ref() {
            if let Some(name) = self.names.get(count) {
                see(name, type_of(&field));
            }
            count += 1;
        }
        let finding = |message| Some(Finding { line: record.line, message });
        if fields.unclosed() {
            finding("a quoted field is not closed".to_owned())
        } else if count != self.names.len() {
            finding(format!("the record has {count} fields, the header {}", self.names.len()))
        } else {
            None
        }
    }

    /// What a record is compared by: its fields, and those of the columns that are its key.
    pub fn identity(&self, record: &[u8], key: &[String]) -> Identity {
        identity_of_row(record, self.delimiter, self.names().unwrap_or_default(), key)
    }

    /// Whether the comment that was read last is the header of `next`.
    fn is_header_before(&self, next: &[u8]) -> bool {
        !next.starts_with(b"#") && self.names.len() > 1 && self.names.len() == fields(next, self.delimiter).count()
    }
}

/// What a row is compared by: its fields, and those of the columns that are its key. Without names it has no key.
pub fn identity_of_row(row: &[u8], delimiter: u8, names: &[String], key: &[String]) -> Identity {
    let values = key.iter().map(|name| field(row, delimiter, names, name).filter(|field| !field.is_empty()));
    let values: Option<Vec<_>> = values.collect();
    Identity { id: canonical(row, delimiter), key: values.filter(|v| !v.is_empty()).map(|v| digest_all(&v)) }
}

/// The field of a row in the column of this name, the last if several have it.
fn field<'a>(row: &'a [u8], delimiter: u8, names: &[String], name: &str) -> Option<Cow<'a, [u8]>> {
    let at = names.iter().rposition(|column| column == name)?;
    fields(row, delimiter).nth(at)
}

fn names(row: &[u8], delimiter: u8) -> Vec<String> {
    fields(row, delimiter).map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
}

/// What a field is, by its text: nothing when empty, `true` and `false` in any case, integers and decimal numbers without
/// needless zeros before them (so that `007` stays text), days and points in time ([`Instant::parse`]).
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

/// The digits that stand first, and the rest.
fn digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(bytes.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn all_digits(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Csv, Records};
    use proptest::prelude::*;

    type Seen = Vec<(String, Type)>;

    /// What a file shows: column names, what was seen, what was found.
    fn look(text: &str) -> (Option<Vec<String>>, Seen, Vec<Finding>) {
        let mut records = Vec::new();
        let mut csv = Csv::comma();
        csv.feed(text.as_bytes(), &mut |record| records.push((record.line, record.bytes.to_vec())));
        csv.finish(&mut |record| records.push((record.line, record.bytes.to_vec())));
        let mut columns = Columns::new(csv.header().unwrap(), b',');
        let mut seen = Vec::new();
        let mut findings = Vec::new();
        for (line, bytes) in &records {
            let record = Record { bytes, line: *line, at: 0 };
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
                (4, "the record has 1 fields, the header 2"),
                (5, "the record has 3 fields, the header 2"),
                (6, "a quoted field is not closed"),
            ]
        );
    }

    #[test]
    fn the_field_of_a_column() {
        let names = ["id", "x", "id"].map(str::to_owned);
        assert_eq!(field(b"1,2,\"3\"", b',', &names, "id").as_deref(), Some(&b"3"[..]));
        assert_eq!(field(b"1,2", b',', &names, "id"), None);
        assert_eq!(field(b"1,2,3", b',', &names, "y"), None);
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
