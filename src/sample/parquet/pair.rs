//! The rows in which two row groups of the same length differ.
//!
//! Rows are compared at the same places. The columns that are equal byte for byte are decoded once, and only where a row
//! near by differs in another column.

use parquet::column::reader::ColumnReader;
use parquet::errors::Result as ParquetResult;

use super::batch::{Batch, skip};
use super::error::ReadError;
use super::file::ParquetFile;
use super::guard::guard;
use super::row::ColumnarRow;
use super::shared::GroupPair;
use crate::sample::Side;

impl GroupPair {
    /// Hands over the rows of both sides that are not equal to the one at the same place on the other side. The error says
    /// what is wrong with a file; the rows before it have been handed over.
    pub fn rows(&self, tables: [&ParquetFile; 2], take: &mut dyn FnMut(Side, ColumnarRow<'_>)) -> Result<(), ReadError> {
        let columns = tables[0].columns();
        let stated = tables[0].rows_of(self.groups[0]);
        let before = [0, 1].map(|side| tables[side].rows_before(self.groups[side]));
        let reader = |side: usize, column: usize| tables[side].column(self.groups[side], column);
        let readers = |side: usize| self.differing.iter().map(|&column| reader(side, column)).collect::<ParquetResult<Vec<_>>>();
        let mut differing = guard(|| Ok([readers(0)?, readers(1)?]))?;
        let equal: Vec<_> = (0..columns.len()).filter(|column| !self.differing.contains(column)).collect();
        let mut shared = guard(|| equal.iter().map(|&column| reader(1, column)).collect::<ParquetResult<Vec<_>>>())?;

        // How many rows have been compared, and how many of them the equal columns are behind.
        let (mut held, mut behind) = (0, 0);
        let most = tables[0].batch_rows(self.groups[0]).min(tables[1].batch_rows(self.groups[1]));
        loop {
            let mut batches = [Vec::new(), Vec::new()];
            let mut rows = None;
            for (readers, batches) in differing.iter_mut().zip(&mut batches) {
                *batches = read(readers, &self.differing, tables[0], most, &mut rows)?;
            }
            let rows = match rows.unwrap_or(0) {
                0 if held == stated => return Ok(()),
                0 => return Err(ReadError::damaged(&format!("a row group has {held} rows, but declares {stated}"))),
                rows => rows,
            };
            let differs = differences(&mut batches, &self.differing, tables[0], rows);
            if differs.contains(&true) {
                for reader in &mut shared {
                    if guard(|| skip(reader, behind))? != behind {
                        return Err(ReadError::damaged("its columns differ in length"));
                    }
                }
                behind = 0;
                let mut rest = read(&mut shared, &equal, tables[0], rows, &mut Some(rows))?;
                for (side, own) in [Side::Old, Side::New].into_iter().zip(&mut batches) {
                    rest.iter_mut().for_each(Batch::rewind);
                    let (mut own, mut rest) = (own.iter_mut(), rest.iter_mut());
                    let mut all: Vec<&mut Batch> = (0..columns.len())
                        .filter_map(|column| if self.differing.contains(&column) { own.next() } else { rest.next() })
                        .collect();
                    let first = before[side as usize] + held as u64 + 1;
                    tables[side as usize].put_rows(&mut all, rows, first, |at| differs[at], &mut |row| take(side, row));
                }
            } else {
                behind += rows;
            }
            held += rows;
        }
    }
}

/// Reads the next rows of some columns, `most` at most, each as many as the others and as `rows` says.
fn read(
    readers: &mut [ColumnReader],
    places: &[usize],
    table: &ParquetFile,
    most: usize,
    rows: &mut Option<usize>,
) -> Result<Vec<Batch>, ReadError> {
    let mut batches = Vec::with_capacity(readers.len());
    for (reader, &column) in readers.iter_mut().zip(places) {
        let (batch, read) = guard(|| Batch::read(reader, &table.columns()[column], most))?;
        if *rows.get_or_insert(read) != read {
            return Err(ReadError::damaged("its columns differ in length"));
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// Finds the rows in which the batches of both sides differ.
fn differences(batches: &mut [Vec<Batch>; 2], places: &[usize], table: &ParquetFile, rows: usize) -> Vec<bool> {
    let mut differs = vec![false; rows];
    let [old, new] = batches;
    for ((old, new), &column) in old.iter_mut().zip(new).zip(places) {
        if old != new {
            let column = &table.columns()[column];
            differs.iter_mut().for_each(|differs| *differs |= !old.is_next_equal(new, column));
            old.rewind();
            new.rewind();
        }
    }
    differs
}
