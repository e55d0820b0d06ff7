//! Records with findings whose positions are not known yet.
//!
//! The first pass does not read what two versions share, so it knows no lines. It keeps a hash of each record with a finding,
//! by which the second pass finds the record again.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use super::cache::CachedFinding;
use crate::diff::RecordText;

/// Hashes of records of one file that are kept; beyond it each of its records is checked again.
const MAX_FLAGGED: usize = if cfg!(test) { 8 } else { 32 << 10 };

/// The hash that stands for the record of a file without records.
pub(super) const EMPTY_FILE_HASH: u64 = 0;

/// Returns the hash of a record as it is in its file. It only has to be the same for this program on this machine.
pub(super) fn record_hash(text: &RecordText<'_>) -> u64 {
    let hasher = FixedState::with_seed(0x6865_6c6f_7867_6174);
    match text {
        RecordText::Json(bytes) => hasher.hash_one(bytes),
        RecordText::Fields { row, .. } => hasher.hash_one(row),
        RecordText::SkippedRow(row) => hasher.hash_one(row),
        RecordText::Excess(words) => hasher.hash_one(words),
        RecordText::Row(row) => hasher.hash_one(row.canonical()),
        RecordText::File { content, .. } => hasher.hash_one(content),
    }
}

/// The records of the new side of a file with findings, or that a rule could not read.
#[derive(Clone, Debug, Default)]
pub(super) struct FlaggedRecords {
    /// Their hashes, in order once they are complete.
    pub hashes: Vec<u64>,
    /// True if there are so many that not all hashes are kept: then each record of the file is one.
    pub all: bool,
    /// The number of findings to report, by [`slot`].
    pub counts: BTreeMap<usize, u64>,
}

/// Returns the index of a list: the findings of a rule, or the records that it could not read.
pub(super) fn slot(rule: usize, unreadable: bool) -> usize {
    2 * rule + usize::from(unreadable)
}

impl FlaggedRecords {
    /// Adds a record of the file as it was before.
    pub fn push_cached(&mut self, found: &CachedFinding) {
        *self.counts.entry(slot(found.rule as usize, found.unreadable)).or_default() += 1;
        self.push(found.hash);
    }

    /// Adds the hash of a record.
    pub fn push(&mut self, raw: u64) {
        if self.all {
            return;
        }
        if self.hashes.len() >= 2 * MAX_FLAGGED {
            self.sort();
        }
        self.hashes.push(raw);
    }

    /// Adds those of another part of the file.
    pub fn extend(&mut self, other: FlaggedRecords) {
        self.all |= other.all;
        other.hashes.into_iter().for_each(|raw| self.push(raw));
        other.counts.into_iter().for_each(|(rule, count)| *self.counts.entry(rule).or_default() += count);
        self.sort();
    }

    /// Sorts the hashes, each once, and gives them up where they are too many.
    pub fn sort(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.all |= self.hashes.len() > MAX_FLAGGED;
        if self.all {
            self.hashes = Vec::new();
        }
    }

    /// Returns true if a record with this hash may be flagged.
    pub fn has(&self, raw: u64) -> bool {
        self.all || self.hashes.binary_search(&raw).is_ok()
    }

    /// Returns the bytes that they take besides themselves.
    pub(super) fn heap_size(&self) -> usize {
        self.hashes.capacity() * size_of::<u64>() + self.counts.len() * size_of::<(usize, u64)>()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty() && !self.all
    }
}
