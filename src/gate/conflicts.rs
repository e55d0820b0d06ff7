//! Keys that several records share where a rule forbids it.

use std::collections::{HashMap, HashSet};

use super::cache::RecordPosition;
use super::coverage::FindingsByFile;
use super::spec::Check;

/// The condition of a rule on records that share a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum DuplicatePolicy {
    /// No two records may have the same key; the words are those of the message.
    Repetition(&'static str),
    /// No record of the train split may be in the test split.
    Leak,
}

impl DuplicatePolicy {
    /// Returns the policy of a rule, if it compares keys.
    pub fn of(check: &Check) -> Option<DuplicatePolicy> {
        match check {
            Check::Unique { .. } => Some(DuplicatePolicy::Repetition("has the same key as")),
            Check::Duplicates { .. } => Some(DuplicatePolicy::Repetition("is a duplicate of")),
            Check::Leakage { .. } => Some(DuplicatePolicy::Leak),
            _ => None,
        }
    }
}

/// The keys that more than one record has where a rule forbids it.
#[derive(Debug)]
pub(super) struct ConflictingKeys {
    /// By rule: the first ones, in the order of the keys.
    pub keys: Vec<HashSet<[u8; 16]>>,
    /// By rule: the number of findings of these keys.
    pub expected: Vec<u64>,
    /// The hashes of their records.
    pub hashes: HashSet<u64>,
    /// True if not all hashes are known, since too many records have one of the keys: then every record is checked.
    pub all: bool,
    /// True if records with one of the keys were added or removed, so that any file may contain the others.
    pub anywhere: bool,
}

impl ConflictingKeys {
    /// Creates an empty set for this number of rules.
    pub fn new(rules: usize) -> ConflictingKeys {
        ConflictingKeys {
            keys: vec![HashSet::new(); rules],
            expected: vec![0; rules],
            hashes: HashSet::new(),
            all: false,
            anywhere: false,
        }
    }
}

/// Reports the records whose keys others have too: each of a split but the first, and of a train split each that is in the
/// test split.
pub(super) fn repeated_findings<'p>(
    by_file: &'p FindingsByFile,
    policy: impl Fn(u32) -> Option<DuplicatePolicy>,
    mut say: impl FnMut(&'p str, RecordPosition, u32, String),
) {
    let mut first: HashMap<(u32, [u8; 16], u8), (&str, RecordPosition)> = HashMap::new();
    for (path, places) in by_file {
        for member in &places.repeated {
            first.entry((member.rule, member.key, member.split)).or_insert((path, member.position));
        }
    }
    for (path, places) in by_file {
        for member in &places.repeated {
            let other = |split| first.get(&(member.rule, member.key, split)).filter(|first| **first != (path, member.position));
            let found = match policy(member.rule) {
                Some(DuplicatePolicy::Repetition(what)) => other(member.split).map(|first| (what, first)),
                Some(DuplicatePolicy::Leak) if member.split == 0 => {
                    other(1).map(|first| ("is also in the test split, at", first))
                }
                _ => None,
            };
            if let Some((what, (other, at))) = found {
                // On one and the same line the number tells them apart.
                let which = if (*other, at.line) == (path, member.position.line) {
                    format!("record {} of ", at.number)
                } else {
                    String::new()
                };
                say(path, member.position, member.rule, format!("{what} {which}{other}:{}", at.line));
            }
        }
    }
}
