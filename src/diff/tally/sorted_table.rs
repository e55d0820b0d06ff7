//! Sorted rows in a temporary file, looked up by the digest with which they begin.

use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::atomic::TempFile;

/// Rows that one entry of the index stands for, and that a look-up reads.
const BLOCK: usize = if cfg!(test) { 3 } else { 128 };
/// Bytes of the digest.
const DIGEST: usize = 16;

/// Rows of `N` bytes in a file that goes away with this, in ascending order of their digests, each digest once.
#[derive(Debug)]
pub(super) struct SortedTable<const N: usize> {
    temp: TempFile,
    rows: usize,
    /// The digest of the first row of each block.
    index: Vec<[u8; DIGEST]>,
}

impl<const N: usize> SortedTable<N> {
    /// Creates an empty table in a file of `folder`.
    pub fn create(folder: &Path) -> Result<SortedTable<N>> {
        Ok(SortedTable { temp: TempFile::unnamed(folder)?, rows: 0, index: Vec::new() })
    }

    /// Appends rows in any order, all of which come after those before them.
    pub fn append(&mut self, mut rows: Vec<[u8; N]>) -> Result<()> {
        rows.sort_unstable();
        let first = |row: &[u8; N]| row.first_chunk().copied().unwrap_or_default();
        let ahead = self.rows.next_multiple_of(BLOCK) - self.rows;
        self.index.extend(rows.iter().skip(ahead).step_by(BLOCK).map(first));
        self.rows += rows.len();
        self.temp.write_all(rows.as_flattened()).map_err(|e| Error::io("cannot write", self.temp.path(), e))
    }

    /// Returns the row with this digest.
    pub fn get(&self, digest: &[u8; DIGEST]) -> Result<Option<[u8; N]>> {
        let Some(block) = self.index.partition_point(|first| first <= digest).checked_sub(1) else { return Ok(None) };
        let mut buffer = [[0; N]; BLOCK];
        let start = block * BLOCK;
        let rows = &mut buffer[..BLOCK.min(self.rows - start)];
        let read = self.temp.file().read_exact_at(rows.as_flattened_mut(), (start * N) as u64);
        read.map_err(|e| Error::io("cannot read", self.temp.path(), e))?;
        Ok(rows.binary_search_by(|row| row[..DIGEST].cmp(digest)).ok().map(|at| rows[at]))
    }
}
