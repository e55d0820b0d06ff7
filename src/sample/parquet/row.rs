//! A row of a Parquet file, put together from its columns.

use super::column::Column;
use super::shape::{GroupShape, Shape, ShapeKind};
use crate::sample::canonical::{Canonicalizer, END, put_scalar};
use crate::sample::record::digest;
use crate::sample::render::{Rendering, put_bytes, put_string, put_text};
use crate::sample::{Identity, Pointer, Type, json};

/// The layout of a file's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowLayout {
    /// In the order of the file.
    pub columns: Vec<Column>,
    pub shape: Shape,
    /// The columns in the order of their paths.
    pub by_path: Vec<usize>,
    /// The first name that several columns of a group have.
    pub duplicate: Option<String>,
}

/// A row: its values, column after column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnarRow<'a> {
    /// Its place in the file, from 1.
    pub number: u64,
    pub(super) layout: &'a RowLayout,
    pub(super) bytes: &'a [u8],
    /// Those of a column after those of the one before.
    pub(super) cells: &'a [Cell],
    /// The start of the cells of each column, and the end of those of the last.
    pub(super) starts: &'a [usize],
    /// Of one beyond the longest length, whose values are not whole.
    pub(super) excess: Option<&'a str>,
}

/// A value of a row, or the place where one is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub definition: i16,
    pub repetition: i16,
    /// The range of its bytes in those of the row.
    pub start: usize,
    pub end: usize,
}

impl<'a> ColumnarRow<'a> {
    /// Returns the length and hash of a row beyond the longest length, in words. Nothing else is known of it.
    pub fn excess(&self) -> Option<&'a str> {
        self.excess
    }

    /// Returns the first name that several columns have.
    pub fn duplicate_name(&self) -> Option<&'a str> {
        self.layout.duplicate.as_deref()
    }

    /// Returns the digest of the row as the JSON that it is rendered as. Two rows have the same digest exactly when they
    /// have equal values under the same names.
    pub fn canonical(&self) -> [u8; 16] {
        let mut form = CanonicalSink(Vec::with_capacity(2 * self.bytes.len() + 16 * self.layout.columns.len()));
        self.walk(&self.layout.shape, &mut form);
        digest(b"", &form.0)
    }

    /// Returns the digests by which the row is compared, without the values at the ignored places; its key is of the values
    /// at the others, none for no places.
    pub fn identity(&self, key: &[Pointer], ignored: &[Pointer]) -> Identity {
        if !ignored.is_empty() {
            // A row is the same record as its rendering.
            return Canonicalizer::default().identity(self.render().as_str().as_bytes(), key, ignored);
        }
        let mut form = CanonicalSink(Vec::new());
        let mut named = !key.is_empty();
        for pointer in key {
            let shape = self.layout.shape.find(pointer.steps()).filter(|shape| !self.is_null(shape));
            match shape {
                Some(shape) => self.walk(shape, &mut form),
                None => named = false,
            }
        }
        Identity { id: self.canonical(), key: named.then(|| digest(b"", &form.0)) }
    }

    /// Returns the row as JSON.
    pub fn render(&self) -> Rendering {
        let mut text = JsonSink(String::new());
        self.walk(&self.layout.shape, &mut text);
        Rendering::of_json(text.0)
    }

    /// Appends the form by which the value at a place is compared; false where a list lies on the way to it.
    pub fn put_at(&self, place: &Pointer, out: &mut Vec<u8>) -> bool {
        let Some(shape) = self.layout.shape.find(place.steps()) else { return false };
        let mut form = CanonicalSink(std::mem::take(out));
        self.walk(shape, &mut form);
        *out = form.0;
        true
    }

    /// Returns the values in the order of their paths: the column, what it is, and its bytes, from which `Column::text`
    /// makes text. An empty list and a missing value are null.
    pub fn values(&self) -> impl Iterator<Item = (&'a Column, Type, &'a [u8])> {
        let ColumnarRow { layout, bytes, cells, starts, .. } = *self;
        layout.by_path.iter().flat_map(move |&at| {
            let column = &layout.columns[at];
            cells[starts[at]..starts[at + 1]].iter().map(move |cell| {
                let kind = if cell.definition == column.full { column.kind } else { Type::Null };
                (column, kind, &bytes[cell.start..cell.end])
            })
        })
    }

    fn is_null(&self, shape: &Shape) -> bool {
        let first = shape.first().and_then(|column| self.cells[self.starts[column]..].first());
        first.is_none_or(|cell| cell.definition < shape.present)
    }

    /// Shows a value that is in no list.
    fn walk(&self, shape: &Shape, sink: &mut impl ValueSink) {
        let mut next = self.starts.to_vec();
        self.value(shape, &mut next, sink);
    }

    /// Shows a value whose columns go on at `next`. Each of its columns goes on by a cell at least.
    fn value(&self, shape: &Shape, next: &mut [usize], sink: &mut impl ValueSink) {
        match &shape.body {
            ShapeKind::Value(at) => {
                let column = &self.layout.columns[*at];
                match self.cell(*at, next) {
                    Some(cell) if cell.definition == column.full => sink.scalar(column.kind, &self.bytes[cell.start..cell.end]),
                    _ => sink.scalar(Type::Null, b""),
                }
                next[*at] += 1;
            }
            _ if self.first(shape, next).is_some_and(|cell| cell.definition < shape.present) => {
                sink.scalar(Type::Null, b"");
                shape.columns(&mut |column| next[column] += 1);
            }
            ShapeKind::Group(group) => {
                sink.open(Type::Object);
                for at in 0..group.fields.len() {
                    let (name, field) = &group.fields[sink.place(group, at)];
                    sink.name(name, at == 0);
                    self.value(field, next, sink);
                }
                sink.close(Type::Object);
            }
            ShapeKind::List(list) => {
                sink.open(Type::Array);
                match self.first(shape, next) {
                    Some(cell) if cell.definition >= list.filled => {
                        let mut first = true;
                        while first || self.first(shape, next).is_some_and(|cell| cell.repetition == list.repeats) {
                            sink.element(first);
                            first = false;
                            self.value(&list.element, next, sink);
                        }
                    }
                    _ => shape.columns(&mut |column| next[column] += 1),
                }
                sink.close(Type::Array);
            }
        }
    }

    fn first(&self, shape: &Shape, next: &[usize]) -> Option<&'a Cell> {
        self.cell(shape.first()?, next)
    }

    /// Returns the next cell of a column, if the row has one. Columns of a damaged file may not agree.
    fn cell(&self, column: usize, next: &[usize]) -> Option<&'a Cell> {
        self.cells[..self.starts[column + 1]].get(next[column])
    }
}

/// Is shown a value from front to back.
trait ValueSink {
    fn open(&mut self, kind: Type);
    fn close(&mut self, kind: Type);
    /// Returns the index of the field of a group that is shown at this place.
    fn place(&self, group: &GroupShape, at: usize) -> usize;
    /// The name of the field that follows.
    fn name(&mut self, name: &str, first: bool);
    /// An element follows.
    fn element(&mut self, first: bool);
    fn scalar(&mut self, kind: Type, bytes: &[u8]);
}

/// The canonical form.
struct CanonicalSink(Vec<u8>);

impl ValueSink for CanonicalSink {
    fn open(&mut self, kind: Type) {
        self.0.push(if kind == Type::Array { b'[' } else { b'{' });
    }

    fn close(&mut self, kind: Type) {
        self.0.push(if kind == Type::Array { b']' } else { b'}' });
    }

    fn place(&self, group: &GroupShape, at: usize) -> usize {
        group.sorted[at]
    }

    fn name(&mut self, name: &str, _: bool) {
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(END);
    }

    fn element(&mut self, _: bool) {}

    fn scalar(&mut self, kind: Type, bytes: &[u8]) {
        put_scalar(kind, bytes, &mut self.0);
    }
}

/// The rendering.
struct JsonSink(String);

impl ValueSink for JsonSink {
    fn open(&mut self, kind: Type) {
        self.0.push(if kind == Type::Array { '[' } else { '{' });
    }

    fn close(&mut self, kind: Type) {
        self.0.push(if kind == Type::Array { ']' } else { '}' });
    }

    fn place(&self, _: &GroupShape, at: usize) -> usize {
        at
    }

    fn name(&mut self, name: &str, first: bool) {
        self.element(first);
        put_string(name, &mut self.0);
        self.0.push(':');
    }

    fn element(&mut self, first: bool) {
        if !first {
            self.0.push(',');
        }
    }

    fn scalar(&mut self, kind: Type, bytes: &[u8]) {
        match (kind, std::str::from_utf8(bytes)) {
            (Type::Null, _) => self.0.push_str("null"),
            (Type::Binary, _) => put_bytes(bytes, &mut self.0),
            (Type::Boolean | Type::Integer, Ok(text)) => self.0.push_str(text),
            // NaN and the infinities are text.
            (Type::Number, Ok(text)) if json::check(bytes).is_ok() => self.0.push_str(text),
            _ => put_text(bytes, &mut self.0),
        }
    }
}
