//! The keys of the records of a version on disk, as a sorted multiset, exact for any number of records: the keys that occur
//! twice, and those that are in both splits.
//!
//! From one version to the next only the changes are collected, in any order. Changes that do not fit into memory go to one
//! temporary file as sorted runs, which are merged with the set of the parent. Invariants: equal multisets have equal bytes,
//! whatever the order of the changes; a set has its name only once it is complete; memory is bounded even if all records have
//! the same key. [`mod@file`] describes the format. A set is derived: if it is damaged, all records are checked again.

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

/// Changes that the collectors of all rules together keep in memory: 64 MiB.
const ROWS: usize = if cfg!(test) { 32 } else { (64 << 20) / size_of::<KeyChange>() };
/// Most hashes of a group that are kept.
pub const MAX_GROUP_HASHES: usize = if cfg!(test) { 6 } else { 1 << 16 };

/// Reads a set, and fails unless it is as it was written.
pub fn check_set(path: &Path) -> Result<()> {
    let mut set = KeySetReader::open(path)?;
    while set.next()?.is_some() {}
    Ok(())
}

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

/// The changes of the keys of one rule, collected in any order.
#[derive(Debug)]
pub struct KeyCollector {
    tmp: PathBuf,
    /// Most changes that are kept in memory.
    most: usize,
    changes: Vec<KeyChange>,
    runs: SortedRuns,
}

impl KeyCollector {
    /// Creates an empty collector, one of `of` that share the memory. Changes beyond its part go to a temporary file in `tmp`.
    pub fn new(tmp: &Path, of: usize) -> KeyCollector {
        KeyCollector { tmp: tmp.to_owned(), most: ROWS / of.max(1), changes: Vec::new(), runs: SortedRuns::default() }
    }

    /// Adds changes.
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

    /// Adds the changes to the set `before`, which is empty for `None`, and writes the new set to `into`, on the file system of
    /// the temporary files; it may replace `before`. Passes every key that several records of both splits have to `each`, in
    /// the order of the keys.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) for a set that is damaged or does not contain a removed record.
    /// Groups may have been passed on before, since the checksum is at the end; nothing is written.
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

/// Returns the next row of a set and its count.
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
