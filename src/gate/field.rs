//! Fields as a team declares them, and the values that a record has in them.
//!
//! A field is a JSON pointer in which the step `*` stands for every element of an array and every member of an object, or
//! a name: a key at the top of a record, or a column. In Parquet a pointer is the path of a column, where `*` stands for
//! the elements of a list, or of a group of them. Invariant: where the path of a field ends early, that is told as one
//! absent value; an array without elements has no values below `*`, absent or not.

use std::borrow::Cow;

use crate::codec::ByteWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::sample::{Column, ColumnarRow, Pointer, Tape, Type, put_scalar, put_value, type_of};

use super::record::ParsedRecord;

/// Stands for every element of an array or member of an object.
const EVERY: &str = "*";
/// The marker in a key for an absent value; no value's form begins like it.
const ABSENT: u64 = u64::MAX;

/// A place in records.
#[derive(Clone, Debug)]
pub(super) struct FieldSelector {
    name: String,
    steps: Vec<FieldStep>,
    /// The column of CSV.
    column: String,
    /// The path of a column of Parquet.
    path: String,
}

#[derive(Clone, Debug, PartialEq)]
enum FieldStep {
    Every,
    Name(String),
}

/// A value at a field's place.
#[derive(Clone, Copy, Debug)]
pub(super) enum FieldValue<'a> {
    /// There is none.
    Absent,
    /// Of JSON: the text of the record, its tape, and the index of the value on it.
    Json(&'a [u8], &'a Tape, usize),
    /// A field of CSV.
    Cell(&'a [u8]),
    /// A value of Parquet: its column, its type, and the bytes by which it is compared.
    Column(&'a Column, Type, &'a [u8]),
    /// Several columns of Parquet: their row, what their paths begin with, and the type of what they make up.
    Group(ColumnarRow<'a>, &'a str, Type),
}

/// Is shown a value's type, and a way to its text; says whether to go on.
type ValueVisitor<'s, 'a> = &'s mut dyn FnMut(Type, &dyn Fn() -> Cow<'a, [u8]>) -> bool;

impl FieldSelector {
    /// Reads a field.
    pub fn new(name: &str) -> Result<FieldSelector> {
        let config = |why: &str| Error::new(ErrorKind::Config, format!("field '{name}': {why}"));
        if name.is_empty() {
            return Err(config("it has no name"));
        }
        if !name.starts_with('/') {
            let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            return Ok(FieldSelector { name: name.into(), steps: vec![FieldStep::Name(name.into())], column: name.into(), path });
        }
        let pointer = Pointer::parse(name).map_err(|why| config(why.0))?;
        let column = match pointer.steps() {
            [column] => column.clone(),
            _ => name.to_owned(),
        };
        let step = |step: &String| if step == EVERY { FieldStep::Every } else { FieldStep::Name(step.clone()) };
        Ok(FieldSelector { name: name.into(), steps: pointer.steps().iter().map(step).collect(), column, path: name.into() })
    }

    /// Reads some fields; there must be one.
    pub fn at_least_one(names: &[String]) -> Result<Vec<FieldSelector>> {
        if names.is_empty() {
            return Err(Error::new(ErrorKind::Config, "no fields"));
        }
        FieldSelector::all(names)
    }

    /// Reads some fields, or none.
    pub fn all(names: &[String]) -> Result<Vec<FieldSelector>> {
        names.iter().map(|name| FieldSelector::new(name)).collect()
    }

    /// Returns the name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns true if a record may have several values of the field.
    pub fn is_plural(&self) -> bool {
        self.steps.contains(&FieldStep::Every)
    }

    /// Shows every value that a record has here. What has no fields has none: text, what could not be read, and rows
    /// whose columns are not known.
    pub fn values<'a>(&'a self, record: &ParsedRecord<'a>, each: &mut dyn FnMut(FieldValue<'a>)) {
        match *record {
            ParsedRecord::Json(text, tape) => walk(&self.steps, text, tape, 0, each),
            ParsedRecord::Cells(_, _, cells, Some(header)) => {
                let cell = header.position(&self.column).and_then(|at| cells.get(at));
                each(cell.map_or(FieldValue::Absent, |cell| FieldValue::Cell(cell)));
            }
            ParsedRecord::Row(row) => self.columns(row, each),
            _ => {}
        }
    }

    fn columns<'a>(&'a self, row: ColumnarRow<'a>, each: &mut dyn FnMut(FieldValue<'a>)) {
        let mut found = false;
        let mut below = None;
        let mut filled = false;
        for (column, kind, bytes) in row.values() {
            if column.path == self.path {
                found = true;
                each(FieldValue::Column(column, kind, bytes));
            } else if let Some(rest) = steps_below(column, &self.path) {
                below = Some(if rest == EVERY || rest.starts_with("*/") { Type::Array } else { Type::Object });
                filled |= kind != Type::Null;
            }
        }
        match below {
            Some(kind) => each(FieldValue::Group(row, &self.path, if filled { kind } else { Type::Null })),
            None if !found => each(FieldValue::Absent),
            None => {}
        }
    }
}

/// Returns the steps that a column's path has below this one.
fn steps_below<'a>(column: &'a Column, path: &str) -> Option<&'a str> {
    column.path.strip_prefix(path)?.strip_prefix('/')
}

fn walk<'a>(steps: &[FieldStep], text: &'a [u8], tape: &'a Tape, at: usize, each: &mut dyn FnMut(FieldValue<'a>)) {
    match steps.split_first() {
        None => each(FieldValue::Json(text, tape, at)),
        Some((FieldStep::Name(name), rest)) => match tape.step(text, at, name) {
            Some(value) => walk(rest, text, tape, value, each),
            None => each(FieldValue::Absent),
        },
        Some((FieldStep::Every, rest)) => match tape.token(at).kind {
            Type::Array => tape.elements(at).for_each(|element| walk(rest, text, tape, element, each)),
            Type::Object => tape.keys(at).for_each(|key| walk(rest, text, tape, key + 1, each)),
            _ => each(FieldValue::Absent),
        },
    }
}

impl<'a> FieldValue<'a> {
    /// Returns the type; `None` if the value is absent.
    pub fn kind(&self) -> Option<Type> {
        match *self {
            FieldValue::Absent => None,
            FieldValue::Json(_, tape, index) => Some(tape.token(index).kind),
            FieldValue::Cell(cell) => Some(type_of(cell)),
            FieldValue::Column(_, kind, _) | FieldValue::Group(_, _, kind) => Some(kind),
        }
    }

    /// Returns true if the value is present and not null.
    pub fn is_filled(&self) -> bool {
        !matches!(self.kind(), None | Some(Type::Null))
    }

    /// It as text: a string's content, which may be WTF-8, and anything else as it stands.
    pub fn text(&self) -> Cow<'a, [u8]> {
        match *self {
            FieldValue::Absent => Cow::Borrowed(b""),
            FieldValue::Json(text, tape, index) => match tape.token(index) {
                token if token.kind == Type::String => token.content(text),
                token => Cow::Borrowed(token.raw(text)),
            },
            FieldValue::Cell(cell) => Cow::Borrowed(cell),
            FieldValue::Column(column, kind, bytes) => column.text(kind, bytes),
            FieldValue::Group(_, _, Type::Array) => Cow::Borrowed("[…]".as_bytes()),
            FieldValue::Group(..) => Cow::Borrowed("{…}".as_bytes()),
        }
    }

    /// Returns true if the value is empty: absent, null, white space, or an array or object of nothing else.
    pub fn is_empty(&self) -> bool {
        let mut empty = true;
        self.leaves(&mut |kind, text| {
            empty = kind == Type::Null || kind == Type::String && is_blank(&text());
            empty
        });
        empty
    }

    /// Shows the values that it holds and that hold no others, with their texts, until `see` says no.
    pub fn leaves(&self, each: ValueVisitor<'_, 'a>) {
        match *self {
            FieldValue::Absent => {}
            FieldValue::Json(text, tape, index) => {
                json_leaves(tape, index, &mut |leaf| each(tape.token(leaf).kind, &|| FieldValue::Json(text, tape, leaf).text()));
            }
            // A field of spaces is text.
            FieldValue::Cell(cell) => {
                each(type_of(cell), &|| Cow::Borrowed(cell));
            }
            FieldValue::Column(column, kind, bytes) => {
                each(kind, &|| column.text(kind, bytes));
            }
            FieldValue::Group(row, path, _) => {
                let mut below = row.values().filter(|(column, ..)| steps_below(column, path).is_some());
                below.all(|(column, kind, bytes)| each(kind, &|| column.text(kind, bytes)));
            }
        }
    }

    /// Appends the form by which it is compared, as keys of records are.
    pub fn put(&self, form: &mut Vec<u8>) {
        match *self {
            FieldValue::Absent => form.put_varint(ABSENT),
            FieldValue::Json(text, tape, index) => put_value(tape, text, index, form),
            FieldValue::Cell(bytes) => form.put_bytes(bytes),
            FieldValue::Column(_, kind, bytes) => put_scalar(kind, bytes, form),
            FieldValue::Group(row, path, _) => {
                if !Pointer::parse(path).is_ok_and(|place| row.put_at(&place, form)) {
                    let below = row.values().filter(|(column, ..)| steps_below(column, path).is_some());
                    below.for_each(|(_, kind, bytes)| put_scalar(kind, bytes, form));
                }
            }
        }
    }
}

/// Shows the values without others in them, and returns whether `see` said yes to all.
fn json_leaves(tape: &Tape, index: usize, each: &mut dyn FnMut(usize) -> bool) -> bool {
    match tape.token(index).kind {
        Type::Array => tape.elements(index).all(|element| json_leaves(tape, element, each)),
        Type::Object => tape.keys(index).all(|key| json_leaves(tape, key + 1, each)),
        _ => each(index),
    }
}

/// Returns true if text is white space, or nothing.
pub(super) fn is_blank(text: &[u8]) -> bool {
    match text.iter().find(|b| !b.is_ascii_whitespace()) {
        None => true,
        Some(b) if b.is_ascii_graphic() => false,
        Some(_) => std::str::from_utf8(text).is_ok_and(|text| text.trim().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Header, MAX_DEPTH, fields};

    /// The texts of the values; `-` for one that is absent.
    fn texts(field: &str, record: &ParsedRecord<'_>) -> Vec<String> {
        let field = FieldSelector::new(field).unwrap();
        let mut texts = Vec::new();
        field.values(record, &mut |value| {
            let text = String::from_utf8_lossy(&value.text()).into_owned();
            texts.push(if value.kind().is_none() { "-".to_owned() } else { text });
        });
        texts
    }

    fn json(field: &str, text: &str) -> Vec<String> {
        let mut tape = Tape::default();
        tape.read(text.as_bytes(), MAX_DEPTH).unwrap();
        texts(field, &ParsedRecord::Json(text.as_bytes(), &tape))
    }

    fn csv(field: &str, names: &[&str], row: &str) -> Vec<String> {
        let header = Header::new(names.iter().map(|&name| name.to_owned()).collect());
        let header = Some(&header).filter(|header| !header.names().is_empty());
        let cells: Vec<_> = fields(row.as_bytes(), b',').collect();
        texts(field, &ParsedRecord::Cells(row.as_bytes(), b','.into(), &cells, header))
    }

    #[test]
    fn pointers_and_names_lead_to_values() {
        let text = r#"{"a":{"b":[1,{"c":"x\u0041"}]},"a/b":2,"*":3,"n":null,"a":{"b":[1,{"c":"yA"}]}}"#;
        assert_eq!(json("/a/b/1/c", text), ["yA"]);
        assert_eq!(json("/a/b/0", text), ["1"]);
        assert_eq!(json("/a/b", text), [r#"[1,{"c":"yA"}]"#]);
        assert_eq!(json("a/b", text), ["2"]);
        assert_eq!(json("*", text), ["3"]);
        assert_eq!(json("n", text), ["null"]);
        assert_eq!(json("/n/x", text), ["-"]);
        assert_eq!(json("/a/b/7", text), ["-"]);
        assert_eq!(json("x", "[1]"), ["-"]);
    }

    #[test]
    fn a_star_is_every_element_and_member() {
        let text = r#"{"l":[{"x":1},{"y":2},{"x":null}],"m":{"p":"P","q":"Q"},"none":[],"s":"text","d":[[1,2],[],[3]]}"#;
        assert_eq!(json("/l/*/x", text), ["1", "-", "null"]);
        assert_eq!(json("/m/*", text), ["P", "Q"]);
        assert_eq!(json("/none/*/x", text), [""; 0]);
        assert_eq!(json("/s/*", text), ["-"]);
        assert_eq!(json("/gone/*", text), ["-"]);
        assert_eq!(json("/d/*/*", text), ["1", "2", "3"]);
    }

    #[test]
    fn columns_have_names() {
        assert_eq!(csv("b", &["a", "b"], "1,\"x,y\""), ["x,y"]);
        assert_eq!(csv("/b", &["a", "b"], "1,2"), ["2"]);
        assert_eq!(csv("/a/b", &["/a/b"], "1"), ["1"]);
        assert_eq!(csv("a", &["a", "a"], "1,2"), ["2"]);
        assert_eq!(csv("c", &["a", "b"], "1,2"), ["-"]);
        assert_eq!(csv("a", &[], "#made by hand"), [""; 0]);
    }

    #[test]
    fn what_is_no_field_is_refused() {
        assert!(FieldSelector::new("").unwrap_err().message().contains("no name"));
        assert!(FieldSelector::new("/a~2").unwrap_err().message().contains("'/a~2'"));
        assert!(FieldSelector::at_least_one(&[]).is_err());
    }

    #[test]
    fn empty_is_what_holds_nothing() {
        let mut tape = Tape::default();
        let mut empty = |text: &str| {
            tape.read(text.as_bytes(), MAX_DEPTH).unwrap();
            FieldValue::Json(text.as_bytes(), &tape, 0).is_empty()
        };
        for text in ["null", r#"" \n""#, "[]", r#"{"a":{},"b":[null,""]}"#, r#""\u00a0\u2003""#] {
            assert!(empty(text), "{text}");
        }
        for text in ["0", "false", r#""\u0000""#, r#"{"a":[[]],"b":"x"}"#, r#""\ud800""#, "\"é\""] {
            assert!(!empty(text), "{text}");
        }
        assert!(FieldValue::Absent.is_empty() && FieldValue::Cell(b" ").is_empty() && !FieldValue::Cell(b"0").is_empty());
    }
}
