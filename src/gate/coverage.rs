//! The findings that the evaluation of the parent contains, and where they may be incomplete.

use std::collections::{BTreeMap, HashSet};

use super::cache::FileFindings;
use super::flagged::{FlaggedRecords, slot};

/// The findings of a version, by path.
pub(super) type FindingsByFile = BTreeMap<String, FileFindings>;

/// The cached findings of the parent, and where their lists are incomplete. A list is the findings of a rule, or the records
/// that it cannot read.
#[derive(Debug)]
pub(super) struct CacheCoverage {
    /// The most positions that are kept of a list.
    pub most: usize,
    /// By [`slot`], for incomplete lists: the last file with a kept position, and true if it has not changed.
    ends: Vec<Option<(String, bool)>>,
    /// By rule: true if positions of repeated records are missing.
    truncated: Vec<bool>,
    /// The checksums of the sets of keys, by rule.
    key_checksums: Vec<[u8; 32]>,
    /// The conflicting keys whose positions are known, with their rules.
    keys: HashSet<(usize, [u8; 16])>,
    /// By [`slot`]: the number of findings so far.
    counts: Vec<u64>,
}

impl CacheCoverage {
    /// Reads the cached findings; `truncated` has the incomplete lists by [`slot`], then those of repeated records by rule.
    pub fn of(
        most: usize,
        rules: usize,
        by_file: &FindingsByFile,
        mut truncated: Vec<bool>,
        sums: Vec<[u8; 32]>,
    ) -> CacheCoverage {
        truncated.resize(3 * rules, false);
        let mut ends: Vec<Option<(String, bool)>> = vec![None; 2 * rules];
        let mut keys = HashSet::new();
        for (path, places) in by_file {
            for found in &places.findings {
                let slot = slot(found.rule as usize, found.unreadable);
                if truncated[slot] && ends[slot].as_ref().is_none_or(|(last, _)| last != path) {
                    ends[slot] = Some((path.clone(), true));
                }
            }
            keys.extend(places.repeated.iter().map(|member| (member.rule as usize, member.key)));
        }
        CacheCoverage {
            most,
            ends,
            truncated: truncated.split_off(2 * rules),
            keys,
            counts: vec![0; 2 * rules],
            key_checksums: sums,
        }
    }

    /// Marks a file as changed.
    pub fn change(&mut self, path: &str) {
        self.ends.iter_mut().flatten().filter(|(last, _)| last == path).for_each(|(_, same)| *same = false);
    }

    /// Returns true if positions in the next file that differs are among the first of any list.
    pub fn wants(&mut self, flagged: &FlaggedRecords) -> bool {
        let mut wanted = false;
        for (&slot, &count) in flagged.counts.iter().filter(|(_, count)| **count > 0) {
            wanted |= self.counts[slot] < self.most as u64;
            self.counts[slot] += count;
        }
        wanted && !flagged.is_empty()
    }

    /// Returns the checksum of the set of keys of a rule.
    pub fn keys_checksum(&self, rule: usize) -> Option<[u8; 32]> {
        self.key_checksums.get(rule).copied()
    }

    /// Returns true if positions of repeated records of a rule are missing.
    pub fn is_truncated(&self, rule: usize) -> bool {
        self.truncated[rule]
    }

    /// Returns true if the positions of the records with this key are known.
    pub fn has(&self, rule: usize, key: &[u8; 16]) -> bool {
        self.keys.contains(&(rule, *key))
    }

    /// Returns true if a list has more findings than known positions, and fewer positions than are kept: those of files after
    /// its last one are unknown.
    pub fn is_incomplete(&self, by_file: &FindingsByFile, totals: &[u64]) -> bool {
        let mut certain = vec![0; totals.len()];
        for (path, places) in by_file {
            for found in &places.findings {
                let slot = slot(found.rule as usize, found.unreadable);
                let known = |(last, same): &(String, bool)| path < last || path == last && *same;
                certain[slot] += u64::from(self.ends[slot].as_ref().is_none_or(known));
            }
        }
        (0..totals.len()).any(|slot| self.ends[slot].is_some() && certain[slot] < totals[slot].min(self.most as u64))
    }
}
