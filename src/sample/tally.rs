//! Which records two datasets do not share: an exact difference of multisets.
//!
//! Each side's records are told by their identity, in any order, those that are equal byte for byte left out or not. What
//! is told on both sides cancels. Memory grows with the records that differ: about 64 bytes for each of them at the moment
//! when most of them stand alone.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{Identity, Side};

/// How many records differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Records of the new side only.
    pub added: u64,
    /// Records of the old side only.
    pub removed: u64,
    /// Records of both sides that share a key and nothing else; counted in neither of the others.
    pub modified: u64,
}

/// What became of a record that is not on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It is on the new side only.
    Added,
    /// It is on the old side only.
    Removed,
    /// The other side has another record with its key.
    Modified,
}

/// The records told so far that have not cancelled.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    records: Map<Standing>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    /// How often it was added, less how often it was removed; never 0.
    count: i64,
    key: Option<[u8; 16]>,
}

impl Tally {
    /// Nothing told yet.
    pub fn new() -> Tally {
        Tally::default()
    }

    /// A record of one side.
    pub fn tell(&mut self, side: Side, record: Identity) {
        let sign = if side == Side::Old { -1 } else { 1 };
        let standing = self.records.entry(record.id).or_insert(Standing { count: 0, key: record.key });
        standing.count += sign;
        if standing.count == 0 {
            self.records.remove(&record.id);
        }
    }

    /// What another one was told was told here as well.
    pub fn absorb(&mut self, other: Tally) {
        if self.records.is_empty() {
            self.records = other.records;
            return;
        }
        for (id, standing) in other.records {
            let sum = self.records.entry(id).or_insert(Standing { count: 0, key: standing.key });
            sum.count += standing.count;
            if sum.count == 0 {
                self.records.remove(&id);
            }
        }
    }

    /// Everything has been told: what is left, with each key's records of both sides paired off.
    pub fn finish(self) -> Leftovers {
        let mut keys: Map<Pairs> = Map::default();
        let mut counts = Counts::default();
        for standing in self.records.values() {
            let (side, count) = (side(standing.count), standing.count.unsigned_abs());
            *if side == Side::Old { &mut counts.removed } else { &mut counts.added } += count;
            if let Some(key) = standing.key {
                keys.entry(key).or_default()[side as usize] += count;
            }
        }
        keys.retain(|_, pairs| {
            let both = pairs[0].min(pairs[1]);
            *pairs = [both; 2];
            counts.modified += both;
            both > 0
        });
        counts.added -= counts.modified;
        counts.removed -= counts.modified;
        Leftovers { counts, records: self.records, keys }
    }
}

/// The records that are not on both sides.
#[derive(Clone, Debug)]
pub struct Leftovers {
    counts: Counts,
    records: Map<Standing>,
    /// How many records of each side are still to be called modified, by key.
    keys: Map<Pairs>,
}

impl Leftovers {
    /// How many there are.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What became of a record, met again in a second pass; `None` if it cancelled. Takes it off, so that a pass over all
    /// records finds each that is left just as often as it is left. Of several with one key, those that are met first are
    /// the modified ones.
    pub fn fate(&mut self, of: Side, record: Identity) -> Option<Fate> {
        let standing = self.records.get_mut(&record.id).filter(|standing| side(standing.count) == of)?;
        standing.count -= standing.count.signum();
        let key = standing.key;
        if standing.count == 0 {
            self.records.remove(&record.id);
        }
        match key.and_then(|key| self.keys.get_mut(&key)) {
            Some(pairs) if pairs[of as usize] > 0 => {
                pairs[of as usize] -= 1;
                Some(Fate::Modified)
            }
            _ if of == Side::Old => Some(Fate::Removed),
            _ => Some(Fate::Added),
        }
    }
}

/// Records of each side, the old one first.
type Pairs = [u64; 2];

/// The side that a count stands for.
fn side(count: i64) -> Side {
    if count < 0 { Side::Old } else { Side::New }
}

type Map<V> = HashMap<[u8; 16], V, BuildHasherDefault<Fold>>;

/// Takes a hash for what it is: its first eight bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length, which is always the same.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Record 0 to 11; a third of them have no key, the others share four.
    fn identity(n: u8) -> Identity {
        let hash = |n: u8| *blake3::hash(&[n]).as_bytes().first_chunk().unwrap();
        Identity { id: hash(n), key: (!n.is_multiple_of(3)).then(|| hash(100 + n % 4)) }
    }

    /// The counts by their definition.
    fn naive(old: &[u8], new: &[u8]) -> Counts {
        let mut left: BTreeMap<u8, i64> = BTreeMap::new();
        old.iter().for_each(|&n| *left.entry(n).or_default() -= 1);
        new.iter().for_each(|&n| *left.entry(n).or_default() += 1);
        let mut counts = Counts::default();
        for key in 0..5 {
            let of = |n: u8| if n.is_multiple_of(3) { 4 } else { n % 4 };
            let sum = |sign: i64| left.iter().filter(|(n, _)| of(**n) == key).map(|(_, c)| (c * sign).max(0) as u64).sum::<u64>();
            let both = if key == 4 { 0 } else { sum(1).min(sum(-1)) };
            counts.modified += both;
            counts.added += sum(1) - both;
            counts.removed += sum(-1) - both;
        }
        counts
    }

    #[test]
    fn what_shares_a_key_is_modified() {
        let mut tally = Tally::new();
        tally.tell(Side::Old, identity(1));
        tally.tell(Side::Old, identity(5));
        tally.tell(Side::New, identity(2));
        tally.tell(Side::New, identity(1));
        tally.tell(Side::New, identity(1));
        let mut left = tally.finish();
        assert_eq!(left.counts(), Counts { added: 1, removed: 0, modified: 1 });
        assert_eq!(left.fate(Side::Old, identity(1)), None);
        assert_eq!(left.fate(Side::Old, identity(5)), Some(Fate::Modified));
        assert_eq!(left.fate(Side::New, identity(1)), Some(Fate::Modified));
        assert_eq!(left.fate(Side::New, identity(1)), None);
        assert_eq!(left.fate(Side::New, identity(2)), Some(Fate::Added));
    }

    proptest! {
        #[test]
        fn equals_a_naive_model(
            calls in prop::collection::vec((0u8..12, any::<bool>(), any::<prop::sample::Index>()), 0..60),
        ) {
            let mut shuffled = Vec::new();
            calls.iter().for_each(|call| shuffled.insert(call.2.index(shuffled.len() + 1), call));
            let of = |side| calls.iter().filter(|c| c.1 == side).map(|c| c.0).collect::<Vec<_>>();
            let (old, new) = (of(false), of(true));
            let mut tally = Tally::new();
            for (n, side, _) in shuffled {
                tally.tell(if *side { Side::New } else { Side::Old }, identity(*n));
            }
            let mut left = tally.finish();
            let counts = left.counts();
            prop_assert_eq!(counts, naive(&old, &new));

            let mut again = [0; 3];
            for fate in old.iter().filter_map(|&n| left.fate(Side::Old, identity(n))) {
                again[fate as usize] += 1;
            }
            prop_assert_eq!(again[Fate::Modified as usize], counts.modified);
            for fate in new.iter().filter_map(|&n| left.fate(Side::New, identity(n))) {
                again[fate as usize] += 1;
            }
            prop_assert_eq!(again, [counts.added, counts.removed, 2 * counts.modified]);
        }
    }
}
