//! Tables that lead from a value to the versions that have it: many short entries to a row.
//!
//! sled's pages hold sixteen rows whatever their length, and opening it takes time for every page. A row an entry would
//! make opening several times as slow. So entries are kept in lists under a short prefix of their value.

use std::collections::{BTreeMap, HashSet};

use bincode::{Decode, Encode};

use crate::catalog::guard::{broken, fault};
use crate::catalog::tables::{decode, encode};
use crate::error::Result;

/// Most entries of a row.
const ENTRIES: usize = 32;

/// A value, and the version that has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub(super) struct Posting {
    /// An id or a checksum.
    pub value: Vec<u8>,
    /// The key of the version.
    pub place: Vec<u8>,
}

/// Entries under the prefixes that they belong to. No prefix may be the beginning of another.
pub(super) type Postings = BTreeMap<Vec<u8>, Vec<Posting>>;

/// The key of a row: the prefix and a number that grows.
fn key(prefix: &[u8], number: u32) -> Vec<u8> {
    let mut key = prefix.to_vec();
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Takes a key apart.
fn parts(key: &[u8]) -> Result<(&[u8], u32)> {
    let (prefix, number) = key.split_last_chunk::<4>().ok_or_else(|| broken("a key is too short"))?;
    Ok((prefix, u32::from_be_bytes(*number)))
}

/// What has to be written to add entries.
pub(super) fn add(tree: &sled::Tree, postings: Postings) -> Result<sled::Batch> {
    let mut batch = sled::Batch::default();
    for (prefix, new) in postings {
        let (mut number, mut entries) = match tree.scan_prefix(&prefix).next_back() {
            Some(last) => {
                let (at, row) = last.map_err(fault)?;
                (parts(&at)?.1, decode::<Vec<Posting>>(&row)?)
            }
            None => (0, Vec::new()),
        };
        for posting in new {
            if entries.len() >= ENTRIES {
                batch.insert(key(&prefix, number), encode(&entries));
                number = number.checked_add(1).ok_or_else(|| broken("a list is too long"))?;
                entries.clear();
            }
            entries.push(posting);
        }
        batch.insert(key(&prefix, number), encode(&entries));
    }
    Ok(batch)
}

/// What has to be written to remove entries.
pub(super) fn remove(tree: &sled::Tree, postings: Postings) -> Result<sled::Batch> {
    let mut batch = sled::Batch::default();
    for (prefix, gone) in postings {
        let gone: HashSet<Posting> = gone.into_iter().collect();
        for row in tree.scan_prefix(&prefix) {
            let (at, row) = row.map_err(fault)?;
            let mut entries = decode::<Vec<Posting>>(&row)?;
            let before = entries.len();
            entries.retain(|posting| !gone.contains(posting));
            if entries.is_empty() {
                batch.remove(at);
            } else if entries.len() < before {
                batch.insert(at, encode(&entries));
            }
        }
    }
    Ok(batch)
}

/// The entries whose prefix begins with these bytes, in no order.
pub(super) fn under(tree: &sled::Tree, begin: &[u8]) -> Result<Vec<Posting>> {
    let mut found = Vec::new();
    for row in tree.scan_prefix(begin) {
        found.extend(decode::<Vec<Posting>>(&row.map_err(fault)?.1)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(n: u8) -> Posting {
        Posting { value: vec![n], place: vec![n, n] }
    }

    fn of(prefix: &[u8], numbers: std::ops::Range<u8>) -> Postings {
        [(prefix.to_vec(), numbers.map(posting).collect())].into_iter().collect()
    }

    #[test]
    fn entries_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let tree = sled::open(dir.path()).unwrap().open_tree("ids").unwrap();
        for numbers in [0..1, 1..40, 40..41, 41..100] {
            tree.apply_batch(add(&tree, of(b"b", numbers)).unwrap()).unwrap();
        }
        tree.apply_batch(add(&tree, of(b"a", 0..3)).unwrap()).unwrap();
        tree.apply_batch(add(&tree, of(b"c", 7..9)).unwrap()).unwrap();
        let mut found = under(&tree, b"b").unwrap();
        found.sort();
        assert_eq!(found, (0..100).map(posting).collect::<Vec<_>>());
        assert_eq!(tree.scan_prefix(b"b").count(), 4, "rows are filled");
        tree.apply_batch(remove(&tree, of(b"b", 10..100)).unwrap()).unwrap();
        assert_eq!(under(&tree, b"b").unwrap().len(), 10);
        assert_eq!(tree.scan_prefix(b"b").count(), 1, "rows that are empty go");
        assert_eq!(under(&tree, b"").unwrap().len(), 15);
    }

    #[test]
    fn a_row_that_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let tree = sled::open(dir.path()).unwrap().open_tree("ids").unwrap();
        tree.insert(key(b"a", 0), &[200, 1, 2][..]).unwrap();
        assert!(under(&tree, b"a").is_err());
        assert!(add(&tree, of(b"a", 0..1)).is_err());
    }
}
