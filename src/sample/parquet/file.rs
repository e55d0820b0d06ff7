//! Reading a Parquet file: its footer, then all columns side by side, row by row.

use std::sync::Arc;

use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;

use super::batch::{Batch, RowSpan};
use super::column::{Column, Seconds};
use super::error::ReadError;
use super::footer;
use super::guard::guard;
use super::pages::Pages;
use super::ranges::{ParquetSource, Ranges};
use super::row::{ColumnarRow, RowLayout};
use super::shape::{Shape, duplicate};
use crate::limits;
use crate::sample::partial::excess_message;

/// The number of rows that are decoded at once.
pub(super) const BATCH: usize = if cfg!(test) { 4 } else { 1024 };
/// Most bytes that the rows of a batch take, as the footer states their mean, where it has more than one.
const BATCH_BYTES: u64 = 64 << 20;
/// Most rows of a file without columns, in which a row takes no room.
const MAX_BARE: u64 = 1 << 32;

/// A Parquet file whose footer has been read.
pub struct ParquetFile {
    source: Arc<ParquetSource>,
    metadata: ParquetMetaData,
    /// True if the lengths of columns lack the header of the dictionary page.
    lacks_headers: bool,
    layout: RowLayout,
    count: u64,
    /// Longest row, in bytes.
    limit: usize,
}

impl ParquetFile {
    /// Reads the footer. The error says what is wrong with the file.
    pub fn open(file: Arc<dyn Ranges>) -> Result<ParquetFile, ReadError> {
        let footer = footer::read(&*file)?;
        guard(|| {
            let metadata = ParquetMetaDataReader::decode_metadata(&footer)?;
            let lacks_headers = footer::omits_dictionary_headers(metadata.file_metadata().created_by());
            let (shape, columns) = Shape::of(metadata.file_metadata().schema());
            let mut by_path: Vec<usize> = (0..columns.len()).collect();
            by_path.sort_by_key(|&i| &columns[i].path);
            // The file's own number is wrong where a writer forgot it, and no reader needs it.
            let mut count = 0u64;
            for group in metadata.row_groups() {
                let rows = u64::try_from(group.num_rows())?;
                let sum = count.checked_add(rows).filter(|&sum| !columns.is_empty() || sum <= MAX_BARE);
                count = sum.ok_or_else(|| ParquetError::General(format!("it declares {rows} rows in a row group")))?;
            }
            let duplicate = duplicate(metadata.file_metadata().schema()).map(str::to_owned);
            let layout = RowLayout { columns, shape, by_path, duplicate };
            Ok(ParquetFile {
                source: Arc::new(ParquetSource(file)),
                metadata,
                lacks_headers,
                layout,
                count,
                limit: limits::RECORD,
            })
        })
    }

    /// Sets the longest row, in bytes of its values. A longer one is handed over without them.
    pub fn with_limit(self, limit: usize) -> ParquetFile {
        ParquetFile { limit, ..self }
    }

    /// Returns the number of rows that the row groups state.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the columns, in the order of the file.
    pub fn columns(&self) -> &[Column] {
        &self.layout.columns
    }

    /// Decodes the rows of the row groups that are wanted and hands over none. The error says what is wrong with the file.
    pub fn check(&self, wanted: &dyn Fn(usize) -> bool) -> Result<(), ReadError> {
        (0..self.groups()).filter(|&group| wanted(group)).try_for_each(|group| self.batches(group, &mut |_, _| ()))
    }

    /// Hands over every row of the row groups that are wanted. The error says what is wrong with the file; the rows before
    /// it have been handed over.
    pub fn rows(&self, wanted: &dyn Fn(usize) -> bool, take: &mut dyn FnMut(ColumnarRow<'_>)) -> Result<(), ReadError> {
        let mut number = 0;
        for group in 0..self.groups() {
            if wanted(group) {
                self.group(group, &mut number, take)?;
            } else {
                number += self.rows_of(group) as u64;
            }
        }
        Ok(())
    }

    /// Hands over every row, numbered on from `number`.
    pub fn rows_from(&self, number: &mut u64, take: &mut dyn FnMut(ColumnarRow<'_>)) -> Result<(), ReadError> {
        (0..self.groups()).try_for_each(|group| self.group(group, number, take))
    }

    /// Says which columns, in the order of the file, count seconds.
    pub fn set_seconds(&mut self, seconds: &[Option<Seconds>]) {
        for (column, seconds) in self.layout.columns.iter_mut().zip(seconds) {
            if let Some(seconds) = seconds {
                column.set_seconds(*seconds);
            }
        }
    }

    /// Returns the number of row groups.
    pub fn groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    pub(super) fn group_metadata(&self, group: usize) -> &RowGroupMetaData {
        self.metadata.row_group(group)
    }

    pub(super) fn file(&self) -> &dyn Ranges {
        &*self.source.0
    }

    /// Returns true if equal bytes of a column are the same values here and there.
    pub(super) fn is_read_as(&self, other: &ParquetFile) -> bool {
        let schema = |table: &ParquetFile| table.metadata.file_metadata().schema_descr().root_schema_ptr();
        schema(self) == schema(other) && self.lacks_headers == other.lacks_headers
    }

    /// Returns the number of rows of a row group, as the footer states it.
    pub fn rows_of(&self, group: usize) -> usize {
        usize::try_from(self.group_metadata(group).num_rows()).unwrap_or(0)
    }

    /// Returns how many rows of a row group are decoded at once.
    pub(super) fn batch_rows(&self, group: usize) -> usize {
        let size = u64::try_from(self.group_metadata(group).total_byte_size()).unwrap_or(0);
        let mean = size / (self.rows_of(group) as u64).max(1);
        (BATCH_BYTES / mean.max(1)).clamp(1, BATCH as u64) as usize
    }

    /// Returns the number of rows before those of a row group.
    pub(super) fn rows_before(&self, group: usize) -> u64 {
        (0..group).map(|group| self.rows_of(group) as u64).sum()
    }

    fn group(&self, group: usize, number: &mut u64, take: &mut dyn FnMut(ColumnarRow<'_>)) -> Result<(), ReadError> {
        self.batches(group, &mut |batches, rows| {
            let mut batches: Vec<_> = batches.iter_mut().collect();
            self.put_rows(&mut batches, rows, *number + 1, |_| true, take);
            *number += rows as u64;
        })
    }

    /// Puts together the wanted rows of a batch of every column, the first of which has the number `first`.
    pub(super) fn put_rows(
        &self,
        batches: &mut [&mut Batch],
        rows: usize,
        first: u64,
        wanted: impl Fn(usize) -> bool,
        take: &mut dyn FnMut(ColumnarRow<'_>),
    ) {
        let (mut bytes, mut cells, mut starts, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for at in 0..rows {
            places.clear();
            places.extend(batches.iter_mut().zip(&self.layout.columns).map(|(batch, column)| batch.pass_row(column)));
            if !wanted(at) {
                continue;
            }
            bytes.clear();
            cells.clear();
            starts.clear();
            let columns = batches.iter().zip(&self.layout.columns).zip(&places);
            let fits = columns.into_iter().all(|((batch, column), place)| {
                starts.push(cells.len());
                batch.put_row(place, column, self.limit, &mut bytes, &mut cells)
            });
            starts.push(cells.len());
            let number = first + at as u64;
            let excess = (!fits).then(|| {
                bytes = Vec::new();
                self.excess(batches, &places)
            });
            take(ColumnarRow {
                number,
                layout: &self.layout,
                bytes: &bytes,
                cells: &cells,
                starts: &starts,
                excess: excess.as_deref(),
            });
        }
    }

    /// Returns the length and hash of a row beyond the longest length, in words. Rows that are equal have the same.
    fn excess(&self, batches: &[&mut Batch], places: &[RowSpan]) -> String {
        let (mut hasher, mut length, mut bytes) = (blake3::Hasher::new(), 0, Vec::new());
        for &at in &self.layout.by_path {
            let column = &self.layout.columns[at];
            hasher.update(column.path.as_bytes());
            batches[at].put_cells(&places[at], column, |cell, value| {
                bytes.clear();
                value.into_iter().for_each(|(values, at)| values.put(at, column, &mut bytes));
                hasher.update(&(column.full - cell.definition).to_le_bytes());
                hasher.update(&cell.repetition.to_le_bytes());
                hasher.update(&(bytes.len() as u64).to_le_bytes());
                hasher.update(&bytes);
                length += bytes.len() as u64;
                true
            });
        }
        excess_message(length, self.limit, &hasher.finalize())
    }

    /// Decodes a row group, some rows of all columns at a time.
    fn batches(&self, group: usize, take: &mut dyn FnMut(&mut [Batch], usize)) -> Result<(), ReadError> {
        let columns = &self.layout.columns;
        let stated = self.rows_of(group);
        if columns.is_empty() {
            take(&mut [], stated);
            return Ok(());
        }
        let mut readers = guard(|| (0..columns.len()).map(|i| self.column(group, i)).collect::<ParquetResult<Vec<_>>>())?;
        let (mut held, most) = (0, self.batch_rows(group));
        loop {
            let mut batches = Vec::with_capacity(columns.len());
            let mut rows = None;
            for (reader, column) in readers.iter_mut().zip(columns) {
                let (batch, read) = guard(|| Batch::read(reader, column, most))?;
                if *rows.get_or_insert(read) != read {
                    return Err(ReadError::damaged("its columns differ in length"));
                }
                batches.push(batch);
            }
            match rows.unwrap_or(0) {
                0 if held == stated => return Ok(()),
                0 => return Err(ReadError::damaged(&format!("a row group has {held} rows, but declares {stated}"))),
                rows => {
                    held += rows;
                    take(&mut batches, rows);
                }
            }
        }
    }

    /// Returns a reader of a column of a row group.
    pub(super) fn column(&self, group: usize, column: usize) -> ParquetResult<ColumnReader> {
        let group = self.metadata.row_group(group);
        let mut chunk = group.column(column).clone();
        if self.lacks_headers {
            let header = footer::dictionary_header(&*self.source.0, chunk.byte_range().0);
            let length = chunk.compressed_size().saturating_add_unsigned(header);
            chunk = chunk.into_builder().set_total_compressed_size(length).build()?;
        }
        let rows = usize::try_from(group.num_rows())?;
        let pages = SerializedPageReader::new(Arc::clone(&self.source), &chunk, rows, None)?;
        let pages = Pages::new(pages, Arc::clone(&self.source.0), chunk.byte_range());
        Ok(get_column_reader(chunk.column_descr_ptr(), Box::new(pages)))
    }
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("columns", &self.layout.columns).field("count", &self.count).finish_non_exhaustive()
    }
}
