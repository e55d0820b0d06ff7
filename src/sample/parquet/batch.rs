//! The values and levels of some rows of one column.

use std::ops::Range;

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use parquet::errors::{ParquetError, Result as ParquetResult};

use super::column::{Column, StoredValue};
use super::row::Cell;

/// Some rows of one column.
#[derive(PartialEq)]
pub(super) struct Batch {
    values: ColumnValues,
    levels: Vec<i16>,
    repeats: Vec<i16>,
    /// The number of levels that were taken, and below that of values.
    level: usize,
    value: usize,
}

/// The ranges of the levels and the values of a row in a batch.
pub(super) type RowSpan = (Range<usize>, Range<usize>);

/// Stored values of one type.
#[derive(PartialEq)]
pub(super) enum ColumnValues {
    Bool(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Int96(Vec<Int96>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes(Vec<ByteArray>),
    Fixed(Vec<FixedLenByteArray>),
}

impl Batch {
    /// Reads the next rows of a column, `most` at most; how many it read.
    pub fn read(reader: &mut ColumnReader, column: &Column, most: usize) -> ParquetResult<(Batch, usize)> {
        let (mut levels, mut repeats) = (Vec::new(), Vec::new());
        let (def, rep) = (&mut levels, &mut repeats);
        let (values, rows, places) = match reader {
            ColumnReader::BoolColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Bool)?,
            ColumnReader::Int32ColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Int32)?,
            ColumnReader::Int64ColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Int64)?,
            ColumnReader::Int96ColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Int96)?,
            ColumnReader::FloatColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Float)?,
            ColumnReader::DoubleColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Double)?,
            ColumnReader::ByteArrayColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Bytes)?,
            ColumnReader::FixedLenByteArrayColumnReader(reader) => read(reader, most, def, rep, ColumnValues::Fixed)?,
        };
        // A column that is never null and in no list has no levels.
        levels.resize(places, column.full);
        repeats.resize(places, 0);
        let full = levels.iter().filter(|&&level| level == column.full).count();
        if full != values.len() {
            return Err(ParquetError::General("values are missing".to_owned()));
        }
        Ok((Batch { values, levels, repeats, level: 0, value: 0 }, rows))
    }

    /// Goes back to the first of its rows.
    pub fn rewind(&mut self) {
        (self.level, self.value) = (0, 0);
    }

    /// Appends the column's cells of a row; returns false once the row's bytes are more than `limit`.
    pub fn put_row(&self, place: &RowSpan, column: &Column, limit: usize, bytes: &mut Vec<u8>, cells: &mut Vec<Cell>) -> bool {
        self.put_cells(place, column, |cell, value| {
            let start = bytes.len();
            value.into_iter().for_each(|(values, at)| values.put(at, column, bytes));
            cells.push(Cell { start, end: bytes.len(), ..cell });
            bytes.len() <= limit
        })
    }

    /// Hands over the cells of a row, each with the place of its value if it has one, until `take` returns false, which is
    /// returned then.
    pub fn put_cells(
        &self,
        place: &RowSpan,
        column: &Column,
        mut take: impl FnMut(Cell, Option<(&ColumnValues, usize)>) -> bool,
    ) -> bool {
        let (levels, mut values) = place.clone();
        levels.into_iter().all(|level| {
            let (definition, repetition) = (self.levels[level], self.repeats[level]);
            let value = if definition == column.full { values.next() } else { None };
            take(Cell { definition, repetition, start: 0, end: 0 }, value.map(|at| (&self.values, at)))
        })
    }

    /// Goes to the end of the next row; returns where its levels and its values lie.
    pub fn pass_row(&mut self, column: &Column) -> RowSpan {
        let (level, value) = (self.level, self.value);
        while self.level < self.levels.len() && (self.level == level || self.repeats[self.level] != 0) {
            self.value += usize::from(self.levels[self.level] == column.full);
            self.level += 1;
        }
        (level..self.level, value..self.value)
    }

    /// Compares the next row with that of another batch of the column. Those that are equal hold the same values; not a
    /// number equals nothing.
    pub fn is_next_equal(&mut self, other: &mut Batch, column: &Column) -> bool {
        let ((levels, values), (others, other_values)) = (self.pass_row(column), other.pass_row(column));
        self.levels[levels.clone()] == other.levels[others.clone()]
            && self.repeats[levels] == other.repeats[others]
            && self.values.are_equal(values, &other.values, other_values)
    }
}

/// Passes over rows of a column; returns how many there were, `rows` at most.
pub(super) fn skip(reader: &mut ColumnReader, rows: usize) -> ParquetResult<usize> {
    match reader {
        ColumnReader::BoolColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::Int32ColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::Int64ColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::Int96ColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::FloatColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::DoubleColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::ByteArrayColumnReader(reader) => reader.skip_records(rows),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => reader.skip_records(rows),
    }
}

/// Reads values, and how many rows and places they are of.
fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    most: usize,
    levels: &mut Vec<i16>,
    repeats: &mut Vec<i16>,
    wrap: fn(Vec<T::T>) -> ColumnValues,
) -> ParquetResult<(ColumnValues, usize, usize)> {
    let mut values = Vec::new();
    let (rows, _, places) = reader.read_records(most, Some(levels), Some(repeats), &mut values)?;
    Ok((wrap(values), rows, places))
}

impl ColumnValues {
    fn len(&self) -> usize {
        match self {
            ColumnValues::Bool(values) => values.len(),
            ColumnValues::Int32(values) => values.len(),
            ColumnValues::Int64(values) => values.len(),
            ColumnValues::Int96(values) => values.len(),
            ColumnValues::Float(values) => values.len(),
            ColumnValues::Double(values) => values.len(),
            ColumnValues::Bytes(values) => values.len(),
            ColumnValues::Fixed(values) => values.len(),
        }
    }

    fn are_equal(&self, own: Range<usize>, other: &ColumnValues, others: Range<usize>) -> bool {
        match (self, other) {
            (ColumnValues::Bool(a), ColumnValues::Bool(b)) => a[own] == b[others],
            (ColumnValues::Int32(a), ColumnValues::Int32(b)) => a[own] == b[others],
            (ColumnValues::Int64(a), ColumnValues::Int64(b)) => a[own] == b[others],
            (ColumnValues::Int96(a), ColumnValues::Int96(b)) => a[own] == b[others],
            (ColumnValues::Float(a), ColumnValues::Float(b)) => a[own] == b[others],
            (ColumnValues::Double(a), ColumnValues::Double(b)) => a[own] == b[others],
            (ColumnValues::Bytes(a), ColumnValues::Bytes(b)) => a[own] == b[others],
            (ColumnValues::Fixed(a), ColumnValues::Fixed(b)) => a[own] == b[others],
            _ => false,
        }
    }

    /// Appends the text of a value.
    pub fn put(&self, at: usize, column: &Column, out: &mut Vec<u8>) {
        match self {
            ColumnValues::Bool(values) => values[at].put(column, out),
            ColumnValues::Int32(values) => values[at].put(column, out),
            ColumnValues::Int64(values) => values[at].put(column, out),
            ColumnValues::Int96(values) => values[at].put(column, out),
            ColumnValues::Float(values) => values[at].put(column, out),
            ColumnValues::Double(values) => values[at].put(column, out),
            ColumnValues::Bytes(values) => values[at].put(column, out),
            ColumnValues::Fixed(values) => values[at].put(column, out),
        }
    }
}
