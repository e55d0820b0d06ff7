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
/// Most members of a group that are shown.
pub const MAX_MEMBERS: usize = if cfg!(test) { 6 } else { 1 << 16 };

/// Equal records of one split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EqualRecords {
    /// A short hash of the bytes of the records.
    pub raw: u64,
    /// The split.
    pub split: u8,
    /// The number of records.
    pub count: u64,
}

/// All records with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyGroup<'a> {
    /// The key.
    pub key: [u8; 16],
    /// Its records, sorted by `raw` and split: the first [`MAX_MEMBERS`] where there are more.
    pub members: &'a [EqualRecords],
    /// True if any of its records came or went.
    pub changed: bool,
    /// Records of each split before.
    pub before: [u64; 2],
    /// Records of each split now, also of members that are not shown.
    pub now: [u64; 2],
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
    pub fn merge(mut self, before: Option<&Path>, into: &Path, each: &mut dyn FnMut(&KeyGroup<'_>) -> Result<()>) -> Result<()> {
        sort(&mut self.changes);
        let mut changes = KeyRowChanges::new(&self.changes, &self.runs)?;
        let mut old = before.map(KeySetReader::open).transpose()?;
        let mut new = KeySetWriter::create(&self.tmp, into)?;
        let mut group = OpenGroup::default();
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
            if row.key != group.key {
                group.show(each)?;
                group.begin(row.key);
            }
            group.add(row, had, count);
            if count > 0 {
                new.put(row, count)?;
            }
        }
        group.show(each)?;
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

/// The group whose rows are coming.
#[derive(Debug, Default)]
struct OpenGroup {
    key: u128,
    members: Vec<EqualRecords>,
    changed: bool,
    before: [u64; 2],
    now: [u64; 2],
}

impl OpenGroup {
    fn begin(&mut self, key: u128) {
        self.members.clear();
        (self.key, self.changed, self.before, self.now) = (key, false, [0; 2], [0; 2]);
    }

    fn add(&mut self, row: KeyRow, had: u64, count: u64) {
        let split = usize::from(row.split);
        self.changed |= had != count;
        self.before[split] = self.before[split].saturating_add(had);
        self.now[split] = self.now[split].saturating_add(count);
        if count > 0 && self.members.len() < MAX_MEMBERS {
            self.members.push(EqualRecords { raw: row.raw, split: row.split, count });
        }
    }

    fn show(&self, each: &mut dyn FnMut(&KeyGroup<'_>) -> Result<()>) -> Result<()> {
        if self.now[0].saturating_add(self.now[1]) < 2 {
            return Ok(());
        }
        let OpenGroup { key, members, changed, before, now } = self;
        each(&KeyGroup { key: key.to_be_bytes(), members, changed: *changed, before: *before, now: *now })
    }
}
