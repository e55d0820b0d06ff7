//! Rows of a fixed size in a temporary file, grouped by their first byte.
//!
//! A row begins with a digest, so that the groups are of about one size, and one of them fits into memory where all do
//! not.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::atomic::TempFile;

/// Groups of rows.
pub(super) const GROUPS: usize = if cfg!(test) { 4 } else { 256 };
/// Rows that are read at once.
const READ: usize = 4_096;

/// Returns the group of the rows that begin with this byte.
pub(super) fn group(first: u8) -> usize {
    usize::from(first) * GROUPS / 256
}

/// Rows of `N` bytes in a file that goes away with this.
#[derive(Debug)]
pub(super) struct Spill<const N: usize> {
    temp: TempFile,
    /// For each batch where its groups begin, and where the last one ends.
    batches: Vec<[u64; GROUPS + 1]>,
}

impl<const N: usize> Spill<N> {
    /// Creates an empty file in `folder`.
    pub fn create(folder: &Path) -> Result<Spill<N>> {
        Ok(Spill { temp: TempFile::unnamed(folder)?, batches: Vec::new() })
    }

    /// Appends a batch of rows; returns them in another order.
    pub fn append(&mut self, rows: &mut [[u8; N]]) -> Result<()> {
        rows.sort_unstable_by_key(|row| row[0]);
        let mut at = self.batches.last().map_or(0, |last| last[GROUPS]);
        let mut starts = [0; GROUPS + 1];
        let mut rest = &rows[..];
        for (own_group, start) in starts.iter_mut().enumerate() {
            *start = at;
            let (own, after) = rest.split_at(rest.partition_point(|row| group(row[0]) <= own_group));
            at += size_of_val(own) as u64;
            rest = after;
        }
        self.temp.write_all(rows.as_flattened()).map_err(|e| Error::io("cannot write", self.temp.path(), e))?;
        self.batches.push(starts);
        Ok(())
    }

    /// Hands over the rows of a group.
    pub fn read(&self, group: usize, take: &mut dyn FnMut(&[u8; N])) -> Result<()> {
        let mut buffer = Vec::new();
        for batch in &self.batches {
            let mut range = batch[group]..batch[group + 1];
            while !range.is_empty() {
                let rows = READ.min((range.end - range.start) as usize / N);
                buffer.resize(rows.max(buffer.len()), [0; N]);
                let bytes = buffer[..rows].as_flattened_mut();
                let read = self.temp.file().read_exact_at(bytes, range.start);
                read.map_err(|e| Error::io("cannot read", self.temp.path(), e))?;
                range.start += bytes.len() as u64;
                buffer[..rows].iter().for_each(&mut *take);
            }
        }
        Ok(())
    }
}
