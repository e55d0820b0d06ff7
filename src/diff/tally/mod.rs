//! The records that two datasets do not share: an exact difference of multisets.
//!
//! Each side's records are told by their identity, in any order, those that are equal byte for byte left out or not. What
//! is told on both sides cancels. Invariants: counts are exact; memory is bounded whatever differs: beyond
//! [`MAX_RECORDS`] what stands alone goes to a temporary file, grouped by the first byte of its identity, and each group
//! is added up for itself.

mod sorted_table;
mod spill;
mod unmatched;

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::{Path, PathBuf};

use self::spill::{GROUPS, Spill, group};
pub use self::unmatched::UnmatchedRecords;
use super::{SampleCounts, SplitId, SplitMoves};
use crate::error::{Error, Result};
use crate::sample::{Identity, Side};

/// Records that are held in memory: some 25 MB of them.
const MAX_RECORDS: usize = if cfg!(test) { 8 } else { 7 << 16 };

/// The records told so far that have not cancelled.
#[derive(Debug)]
pub struct Tally {
    folder: PathBuf,
    records: Map<RecordCount>,
    /// Records of each side of which nothing but their number is known.
    unread: Pairs,
    spills: Vec<Spill<ROW>>,
    /// The first error of a write, which the sums end with.
    failed: Option<Error>,
}

/// The number of times that a record was added, less those that it was removed, and its key.
#[derive(Clone, Copy, Debug, Default)]
struct RecordCount {
    count: i64,
    key: Option<[u8; 16]>,
    split: SplitId,
}

/// Bytes of a record in a file: its identity with its split, its key, twice its count plus 1 if it has one, and its split,
/// little-endian.
const ROW: usize = 42;

/// Returns the identity of a record in a split, and back. The first byte, which tells the group, is that of the identity.
fn in_split(mut id: [u8; 16], split: SplitId) -> [u8; 16] {
    let [low, high] = split.to_le_bytes();
    id[14] ^= low;
    id[15] ^= high;
    id
}

impl Tally {
    /// Creates an empty tally, whose temporary files lie in `folder`.
    pub fn new(folder: &Path) -> Tally {
        Tally { folder: folder.to_owned(), records: Map::default(), unread: [0; 2], spills: Vec::new(), failed: None }
    }

    /// Takes a record of one side, in a file of this split.
    pub fn add_record(&mut self, side: Side, record: Identity, split: SplitId) {
        let sign = if side == Side::Old { -1 } else { 1 };
        self.add(in_split(record.id, split), RecordCount { count: sign, key: record.key, split });
    }

    /// Takes records of one side that cannot be read: they cancel with none of the other side.
    pub fn add_unread(&mut self, side: Side, count: u64) {
        self.unread[side as usize] += count;
    }

    /// Takes all that another one took.
    pub fn absorb(&mut self, other: Tally) {
        self.unread.iter_mut().zip(other.unread).for_each(|(own, other)| *own += other);
        self.spills.extend(other.spills);
        self.failed = self.failed.take().or(other.failed);
        if self.records.is_empty() {
            self.records = other.records;
        } else {
            other.records.into_iter().for_each(|(id, count)| self.add(id, count));
        }
    }

    /// Returns how many records differ, and how many of the others moved between splits.
    ///
    /// # Errors
    /// A temporary file that could not be written or read.
    pub fn counts(&self) -> Result<(SampleCounts, SplitMoves)> {
        self.check()?;
        let (mut sum, mut moves) = (KeyPairing::new(&self.folder, self.unread), SplitMoves::new());
        self.groups(&mut moves, &mut |records| records.values().try_for_each(|count| sum.add(count)))?;
        Ok((sum.finish(&mut |_| Ok(()))?, moves))
    }

    fn check(&self) -> Result<()> {
        self.failed.as_ref().map_or(Ok(()), |e| Err(Error::new(e.kind(), e.message())))
    }

    fn add(&mut self, id: [u8; 16], count: RecordCount) {
        let sum = self.records.entry(id).or_insert(RecordCount { count: 0, ..count });
        sum.count += count.count;
        if sum.count == 0 {
            self.records.remove(&id);
        } else if self.records.len() > MAX_RECORDS && self.failed.is_none() {
            self.failed = self.spill().err();
        }
    }

    /// Moves the records to a file.
    fn spill(&mut self) -> Result<()> {
        let mut rows: Vec<_> = self.records.drain().map(|(id, count)| row(&id, count)).collect();
        match self.spills.first_mut() {
            Some(spill) => spill.append(&mut rows),
            None => {
                let mut spill = Spill::create(&self.folder)?;
                spill.append(&mut rows)?;
                self.spills.push(spill);
                Ok(())
            }
        }
    }

    /// Hands over the records that are left in no split, group by group in the order of their identities: all at once where
    /// nothing was spilled. Adds what moved between splits.
    fn groups(&self, moves: &mut SplitMoves, take: &mut dyn FnMut(&Map<RecordCount>) -> Result<()>) -> Result<()> {
        if self.spills.is_empty() {
            return match has_splits(&self.records) {
                true => take(&without_splits(&self.records, moves)),
                false => take(&self.records),
            };
        }
        let mut held: Vec<Vec<(&[u8; 16], &RecordCount)>> = vec![Vec::new(); GROUPS];
        self.records.iter().for_each(|record| held[group(record.0[0])].push(record));
        let mut records = Map::default();
        for (group, held) in held.into_iter().enumerate() {
            records.extend(held.into_iter().map(|(id, count)| (*id, *count)));
            for spill in &self.spills {
                spill.read(group, &mut |bytes| {
                    let (id, count) = parse(bytes);
                    records.entry(id).or_insert(RecordCount { count: 0, ..count }).count += count.count;
                })?;
            }
            records.retain(|_, count| count.count != 0);
            if has_splits(&records) {
                records = without_splits(&records, moves);
            }
            take(&records)?;
            records.clear();
        }
        Ok(())
    }
}

/// Returns true if records are of another split than the first that was met, whose number leaves an identity as it is.
fn has_splits(records: &Map<RecordCount>) -> bool {
    records.values().any(|count| count.split != 0)
}

/// Adds up the records of all splits. Of those that cancel only so, each moved from one split to another.
fn without_splits(records: &Map<RecordCount>, moves: &mut SplitMoves) -> Map<RecordCount> {
    let mut rows: Vec<([u8; 16], RecordCount)> =
        records.iter().map(|(id, standing)| (in_split(*id, standing.split), *standing)).collect();
    rows.sort_unstable_by_key(|(id, standing)| (*id, standing.split));
    let mut whole = Map::default();
    for rows in rows.chunk_by(|(a, _), (b, _)| a == b) {
        let count: i64 = rows.iter().map(|(_, standing)| standing.count).sum();
        if count != 0 {
            whole.insert(rows[0].0, RecordCount { count, split: 0, ..rows[0].1 });
        }
        let mut new: Vec<(SplitId, u64)> = Vec::new();
        new.extend(rows.iter().filter(|(_, s)| s.count > 0).map(|(_, s)| (s.split, s.count.unsigned_abs())));
        for (_, old) in rows.iter().filter(|(_, standing)| standing.count < 0) {
            let mut left = old.count.unsigned_abs();
            for (split, count) in &mut new {
                let moved = left.min(*count);
                if moved > 0 {
                    *moves.entry((old.split, *split)).or_default() += moved;
                }
                (left, *count) = (left - moved, *count - moved);
            }
        }
    }
    whole
}

fn row(id: &[u8; 16], count: RecordCount) -> [u8; ROW] {
    let mut row = [0; ROW];
    row[..16].copy_from_slice(id);
    row[16..32].copy_from_slice(&count.key.unwrap_or_default());
    row[32..40].copy_from_slice(&(count.count << 1 | i64::from(count.key.is_some())).to_le_bytes());
    row[40..].copy_from_slice(&count.split.to_le_bytes());
    row
}

fn parse(row: &[u8; ROW]) -> ([u8; 16], RecordCount) {
    let (mut id, mut key, mut count) = ([0; 16], [0; 16], [0; 8]);
    id.copy_from_slice(&row[..16]);
    key.copy_from_slice(&row[16..32]);
    count.copy_from_slice(&row[32..40]);
    let (count, split) = (i64::from_le_bytes(count), SplitId::from_le_bytes([row[40], row[41]]));
    (id, RecordCount { count: count >> 1, key: (count & 1 == 1).then_some(key), split })
}

/// Bytes of a key in a file: the key, and how many records of the old side and of the new have it, little-endian.
const KEY_ROW: usize = 32;

fn key_row(key: &[u8; 16], pairs: Pairs) -> [u8; KEY_ROW] {
    let mut row = [0; KEY_ROW];
    row[..16].copy_from_slice(key);
    row[16..24].copy_from_slice(&pairs[0].to_le_bytes());
    row[24..].copy_from_slice(&pairs[1].to_le_bytes());
    row
}

fn parse_key(row: &[u8; KEY_ROW]) -> ([u8; 16], Pairs) {
    let (mut key, mut old, mut new) = ([0; 16], [0; 8], [0; 8]);
    key.copy_from_slice(&row[..16]);
    old.copy_from_slice(&row[16..24]);
    new.copy_from_slice(&row[24..]);
    (key, [u64::from_le_bytes(old), u64::from_le_bytes(new)])
}

/// Counts the records that are left, with each key's records of both sides paired off.
struct KeyPairing<'a> {
    folder: &'a Path,
    counts: SampleCounts,
    keys: Map<Pairs>,
    spill: Option<Spill<KEY_ROW>>,
}

impl<'a> KeyPairing<'a> {
    fn new(folder: &'a Path, unread: Pairs) -> KeyPairing<'a> {
        let [removed, added] = unread;
        KeyPairing {
            folder,
            counts: SampleCounts { added, removed, ..SampleCounts::default() },
            keys: Map::default(),
            spill: None,
        }
    }

    fn add(&mut self, standing: &RecordCount) -> Result<()> {
        let (side, count) = (side(standing.count), standing.count.unsigned_abs());
        *if side == Side::Old { &mut self.counts.removed } else { &mut self.counts.added } += count;
        let Some(key) = standing.key else { return Ok(()) };
        self.keys.entry(key).or_default()[side as usize] += count;
        if self.keys.len() > MAX_RECORDS {
            let mut rows: Vec<_> = self.keys.drain().map(|(key, pairs)| key_row(&key, pairs)).collect();
            let spill = match &mut self.spill {
                Some(spill) => spill,
                none => none.insert(Spill::create(self.folder)?),
            };
            spill.append(&mut rows)?;
        }
        Ok(())
    }

    /// Hands over the keys that records of both sides have, with the number of pairs, group by group in the order of the
    /// keys; returns the counts.
    fn finish(mut self, take: &mut dyn FnMut(Map<u64>) -> Result<()>) -> Result<SampleCounts> {
        let mut close = |keys: &mut Map<Pairs>| {
            let both = |(key, pairs): ([u8; 16], Pairs)| Some((key, pairs[0].min(pairs[1]))).filter(|(_, both)| *both > 0);
            let pairs: Map<u64> = keys.drain().filter_map(both).collect();
            self.counts.modified += pairs.values().sum::<u64>();
            take(pairs)
        };
        match &self.spill {
            None => close(&mut self.keys)?,
            Some(spill) => {
                let mut held: Vec<Vec<([u8; 16], Pairs)>> = vec![Vec::new(); GROUPS];
                self.keys.drain().for_each(|entry| held[group(entry.0[0])].push(entry));
                let mut keys = Map::default();
                for (group, held) in held.into_iter().enumerate() {
                    keys.extend(held);
                    spill.read(group, &mut |row| {
                        let (key, pairs) = parse_key(row);
                        let sum = keys.entry(key).or_default();
                        *sum = [sum[0] + pairs[0], sum[1] + pairs[1]];
                    })?;
                    close(&mut keys)?;
                }
            }
        }
        self.counts.added -= self.counts.modified;
        self.counts.removed -= self.counts.modified;
        Ok(self.counts)
    }
}

/// Records of each side, the old one first.
type Pairs = [u64; 2];

/// Returns the side that a count stands for.
fn side(count: i64) -> Side {
    if count < 0 { Side::Old } else { Side::New }
}

type Map<V> = HashMap<[u8; 16], V, BuildHasherDefault<DigestHasher>>;

/// Takes a digest for its own hash: its last eight bytes, since the first may be those of a group.
#[derive(Clone, Copy, Debug, Default)]
struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    /// The length, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests;
