//! The keys of a version's records on disk, as a sorted multiset: which key occurs twice, and which one stands in both
//! splits, told exactly for any number of records.
//!
//! From one version to the next only what came and went is gathered, in any order. What does not fit into memory goes
//! into one temporary file as sorted runs, which the merge reads side by side with the set of the version before.
//! Invariants: the same multiset makes the same bytes, whatever way led to it; a set appears under its name only whole;
//! memory is bounded whatever the keys are, also where all records have one and the same. The form of the file is told
//! in [`mod@file`]. A set is derived: a damaged one is thrown away, and all records are told anew.

mod changes;
mod file;
mod row;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::changes::{KeyRowChanges, SortedRuns};
use self::file::{KeySetReader, KeySetWriter};
pub use self::row::KeyChange;
use self::row::KeyRow;
use crate::error::{Error, Result};

/// Records that all rules together hold in memory: 64 MiB of them.
const ROWS: usize = if cfg!(test) { 32 } else { (64 << 20) / size_of::<KeyChange>() };
/// Most hashes of a group that are kept.
pub const MAX_GROUP_HASHES: usize = if cfg!(test) { 6 } else { 1 << 16 };

/// All records with one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyGroup {
    /// The key.
    pub key: [u8; 16],
    /// Short hashes of the records, sorted, one for each row: the first [`MAX_GROUP_HASHES`] where there are more.
    pub hashes: Vec<u64>,
    /// True if any of the records was added or removed.
    pub changed: bool,
    /// The number of records in each split.
    pub counts: [u64; 2],
}

/// Keys that came and went, gathered in any order.
#[derive(Debug)]
pub struct KeyCollector {
    tmp: PathBuf,
    /// Most records that are held in memory.
    most: usize,
    changes: Vec<KeyChange>,
    runs: SortedRuns,
}

impl KeyCollector {
    /// Begins with nothing, one of so many at a time. What does not fit into its part of the memory goes to files in
    /// `tmp`, which go away with this.
    pub fn new(tmp: &Path, of: usize) -> KeyCollector {
        KeyCollector { tmp: tmp.to_owned(), most: ROWS / of.max(1), changes: Vec::new(), runs: SortedRuns::default() }
    }

    /// Takes records that came or went.
    pub fn add(&mut self, mut changes: &[KeyChange]) -> Result<()> {
        while !changes.is_empty() {
            if self.changes.len() == self.most {
                sort(&mut self.changes);
                self.runs.append(&self.tmp, &self.changes)?;
                self.changes.clear();
            }
            let (now, later) = changes.split_at(changes.len().min(self.most - self.changes.len()));
            if self.changes.capacity() - self.changes.len() < now.len() {
                // By half as much again and never beyond the bound, which doubling would pass.
                let more = now.len().max(self.changes.len() / 2).min(self.most - self.changes.len());
                self.changes.reserve_exact(more);
            }
            self.changes.extend_from_slice(now);
            changes = later;
        }
        Ok(())
    }

    /// Adds what was gathered to the set `before`, nothing where that is `None`, and writes the new set to `into`, on the
    /// file system of the temporary files and perhaps `before` itself. Shows every key that more than one record has,
    /// over both splits, in the order of the keys.
    ///
    /// A set that is cut, altered, out of order or without a record that went is a [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) error.
    /// Groups may have been shown by then, since the checksum stands at the end; nothing is written.
    pub fn merge(mut self, before: Option<&Path>, into: &Path, each: &mut dyn FnMut(&KeyGroup) -> Result<()>) -> Result<()> {
        sort(&mut self.changes);
        let mut changes = KeyRowChanges::new(&self.changes, &self.runs)?;
        let mut old = before.map(KeySetReader::open).transpose()?;
        let mut new = KeySetWriter::create(&self.tmp, into)?;
        let mut group = KeyGroup::default();
        let (mut kept, mut change) = (next(&mut old)?, changes.next()?);
        while let Some(row) = [kept.map(|(row, _)| row), change.map(|(row, _)| row)].into_iter().flatten().min() {
            let (mut had, mut delta) = (0, 0);
            if let Some((_, count)) = kept.filter(|(kept, _)| *kept == row) {
                had = count;
                kept = next(&mut old)?;
            }
            if let Some((_, sum)) = change.filter(|(changed, _)| *changed == row) {
                delta = sum;
                change = changes.next()?;
            }
            let count = had.checked_add_signed(delta).ok_or_else(|| missing(before.unwrap_or(into)))?;
            let key = row.key.to_be_bytes();
            if key != group.key {
                if group.is_shared() {
                    each(&group)?;
                }
                group.begin(key);
            }
            group.add(row, had, count);
            if count > 0 {
                new.put(row, count)?;
            }
        }
        if group.is_shared() {
            each(&group)?;
        }
        new.finish()
    }
}

/// The next row of a set and its count.
fn next(old: &mut Option<KeySetReader>) -> Result<Option<(KeyRow, u64)>> {
    old.as_mut().map_or(Ok(None), KeySetReader::next)
}

fn missing(set: &Path) -> Error {
    Error::damaged(format!("the set of keys {} does not contain a removed record", set.display()))
}

fn sort(changes: &mut [KeyChange]) {
    changes.sort_unstable_by_key(KeyChange::row);
}

impl KeyGroup {
    /// Begins the group of another key.
    fn begin(&mut self, key: [u8; 16]) {
        self.hashes.clear();
        (self.key, self.changed, self.counts) = (key, false, [0; 2]);
    }

    /// Adds a row, with its count in the old set and in the new one.
    fn add(&mut self, row: KeyRow, had: u64, count: u64) {
        self.changed |= had != count;
        let sum = &mut self.counts[usize::from(row.split)];
        *sum = sum.saturating_add(count);
        if count > 0 && self.hashes.len() < MAX_GROUP_HASHES {
            self.hashes.push(row.raw);
        }
    }

    /// Returns true if several records have the key.
    fn is_shared(&self) -> bool {
        self.counts[0].saturating_add(self.counts[1]) > 1
    }
}
