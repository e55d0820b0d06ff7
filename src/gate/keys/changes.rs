//! The keys that were added and removed, in order: sorted runs of a temporary file and the rest in memory, merged as they
//! are read.
//!
//! A row of a run is the key, `raw` and, as eight bytes, twice the sum of the signs plus the split; 32 bytes in all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::row::{KeyChange, KeyRow};
use crate::error::{Error, Result};
use crate::fs::atomic::TempFile;

/// Bytes of a row in a run.
const ROW: usize = 32;
/// Bytes that are written at once, and the most that are read of a run at once.
const BUFFER: usize = if cfg!(test) { 3 * ROW } else { 256 << 10 };
/// Bytes that the buffers of all runs may take together, as long as each has [`LEAST`].
const BUFFERS: usize = 16 << 20;
/// The least that is read of a run at once.
const LEAST: usize = if cfg!(test) { ROW } else { 4 << 10 };

/// Sorted runs, one behind the other in a file that goes away with this.
#[derive(Debug, Default)]
pub(super) struct SortedRuns {
    temp: Option<TempFile>,
    places: Vec<Range<u64>>,
}

impl SortedRuns {
    /// Adds a run of records that are sorted; equal ones become one row.
    pub fn append(&mut self, tmp: &Path, changes: &[KeyChange]) -> Result<()> {
        let temp = match &mut self.temp {
            Some(temp) => temp,
            none => none.insert(TempFile::unnamed(tmp)?),
        };
        let start = self.places.last().map_or(0, |last| last.end);
        let (mut buffer, mut written) = (Vec::with_capacity(BUFFER + ROW), 0);
        let mut equal = changes.chunk_by(|a, b| a.row() == b.row()).peekable();
        while let Some(equals) = equal.next() {
            let row = equals[0].row();
            let sum: i64 = equals.iter().map(|changes| i64::from(changes.sign)).sum();
            buffer.extend_from_slice(&row.key.to_be_bytes());
            buffer.extend_from_slice(&row.raw.to_le_bytes());
            buffer.extend_from_slice(&(sum << 1 | i64::from(row.split)).to_le_bytes());
            if buffer.len() >= BUFFER || equal.peek().is_none() {
                temp.write_all(&buffer).map_err(|e| Error::io("cannot write", temp.path(), e))?;
                written += buffer.len() as u64;
                buffer.clear();
            }
        }
        self.places.push(start..start + written);
        Ok(())
    }
}

/// A sorted source of rows.
enum KeySource<'a> {
    Memory(std::slice::Iter<'a, KeyChange>),
    Run { temp: &'a TempFile, place: Range<u64>, buffer: Vec<u8>, at: usize, size: usize },
}

impl KeySource<'_> {
    /// Its next row, and by how much that one changes.
    fn next(&mut self) -> Result<Option<(KeyRow, i64)>> {
        match self {
            KeySource::Memory(changes) => Ok(changes.next().map(|changes| (changes.row(), i64::from(changes.sign)))),
            KeySource::Run { temp, place, buffer, at, size } => {
                if *at == buffer.len() {
                    let size = (place.end - place.start).min(*size as u64);
                    buffer.resize(size as usize, 0);
                    read(temp.file(), buffer, place.start).map_err(|e| Error::io("cannot read", temp.path(), e))?;
                    place.start += size;
                    *at = 0;
                }
                let Some((key, rest)) = buffer[*at..].split_first_chunk::<16>() else { return Ok(None) };
                let Some((raw, rest)) = rest.split_first_chunk::<8>() else { return Ok(None) };
                let Some((sum, _)) = rest.split_first_chunk::<8>() else { return Ok(None) };
                let sum = i64::from_le_bytes(*sum);
                *at += ROW;
                let row = KeyRow { key: u128::from_be_bytes(*key), raw: u64::from_le_bytes(*raw), split: (sum & 1) as u8 };
                Ok(Some((row, sum >> 1)))
            }
        }
    }
}

fn read(file: &File, buffer: &mut [u8], at: u64) -> std::io::Result<()> {
    file.read_exact_at(buffer, at)
}

/// All changes in the order of their rows, each row once.
pub(super) struct KeyRowChanges<'a> {
    sources: Vec<KeySource<'a>>,
    heads: BinaryHeap<Reverse<(KeyRow, usize, i64)>>,
}

impl<'a> KeyRowChanges<'a> {
    /// Reads runs and, beside them, records that are sorted.
    pub fn new(changes: &'a [KeyChange], runs: &'a SortedRuns) -> Result<KeyRowChanges<'a>> {
        let size = (BUFFERS / runs.places.len().max(1)).clamp(LEAST, BUFFER) / ROW * ROW;
        let run = |temp, place: &Range<u64>| KeySource::Run { temp, place: place.clone(), buffer: Vec::new(), at: 0, size };
        let runs = runs.temp.iter().flat_map(|temp| runs.places.iter().map(move |place| run(temp, place)));
        let mut sources: Vec<_> = runs.chain([KeySource::Memory(changes.iter())]).collect();
        let mut heads = BinaryHeap::with_capacity(sources.len());
        for (index, source) in sources.iter_mut().enumerate() {
            heads.extend(source.next()?.map(|(row, sum)| Reverse((row, index, sum))));
        }
        Ok(KeyRowChanges { sources, heads })
    }

    /// Returns the next row that came or went anywhere, and the sum of it.
    pub fn next(&mut self) -> Result<Option<(KeyRow, i64)>> {
        let Some(Reverse((row, ..))) = self.heads.peek().copied() else { return Ok(None) };
        let mut total = 0;
        while let Some(mut head) = self.heads.peek_mut().filter(|head| head.0.0 == row) {
            let Reverse((_, index, sum)) = *head;
            total += sum;
            match self.sources[index].next()? {
                Some((row, sum)) => *head = Reverse((row, index, sum)),
                None => drop(PeekMut::pop(head)),
            }
        }
        Ok(Some((row, total)))
    }
}
