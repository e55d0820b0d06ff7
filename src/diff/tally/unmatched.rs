//! The records that are left, met again in a second pass.

use super::sorted_table::SortedTable;
use super::{
    KEY_ROW, KeyPairing, Map, ROW, RecordCount, SplitMoves, Tally, has_splits, key_row, parse, parse_key, row, side,
    without_splits,
};
use crate::diff::{RecordChange, SampleCounts};
use crate::error::Result;
use crate::sample::{Identity, Side};

/// The records that are not on both sides.
#[derive(Debug)]
pub struct UnmatchedRecords {
    counts: SampleCounts,
    moves: SplitMoves,
    /// The records, and how many pairs each key makes.
    rows: UnmatchedRows,
    /// The number of each record that came so far.
    met: Map<u64>,
    /// The number of records of each side that were reported as modified, by key.
    paired: Map<[u64; 2]>,
}

/// Rows by identity and by key.
#[derive(Debug)]
enum UnmatchedRows {
    Memory(Map<RecordCount>, Map<u64>),
    Disk(SortedTable<ROW>, SortedTable<KEY_ROW>),
}

impl Tally {
    /// Everything has been told: returns what is left, with each key's records of both sides paired off.
    ///
    /// # Errors
    /// A temporary file that could not be written or read.
    pub fn finish(mut self) -> Result<UnmatchedRecords> {
        self.check()?;
        let folder = std::mem::take(&mut self.folder);
        let (mut sum, mut moves) = (KeyPairing::new(&folder, self.unread), SplitMoves::new());
        let (counts, rows) = if self.spills.is_empty() {
            if has_splits(&self.records) {
                self.records = without_splits(&self.records, &mut moves);
            }
            self.records.values().try_for_each(|count| sum.add(count))?;
            let mut keys = Map::default();
            let counts = sum.finish(&mut |pairs| {
                keys.extend(pairs);
                Ok(())
            })?;
            (counts, UnmatchedRows::Memory(self.records, keys))
        } else {
            let mut records = SortedTable::create(&folder)?;
            self.groups(&mut moves, &mut |group| {
                group.values().try_for_each(|count| sum.add(count))?;
                records.append(group.iter().map(|(id, count)| row(id, *count)).collect())
            })?;
            let mut keys = SortedTable::create(&folder)?;
            let counts =
                sum.finish(&mut |pairs| keys.append(pairs.into_iter().map(|(key, both)| key_row(&key, [both; 2])).collect()))?;
            (counts, UnmatchedRows::Disk(records, keys))
        };
        Ok(UnmatchedRecords { counts, moves, rows, met: Map::default(), paired: Map::default() })
    }
}

impl UnmatchedRows {
    fn record(&self, id: &[u8; 16]) -> Result<Option<RecordCount>> {
        Ok(match self {
            UnmatchedRows::Memory(records, _) => records.get(id).copied(),
            UnmatchedRows::Disk(records, _) => records.get(id)?.map(|row| parse(&row).1),
        })
    }

    /// Returns the number of pairs of records with this key.
    fn pairs(&self, key: &[u8; 16]) -> Result<u64> {
        Ok(match self {
            UnmatchedRows::Memory(_, keys) => keys.get(key).copied().unwrap_or_default(),
            UnmatchedRows::Disk(_, keys) => keys.get(key)?.map_or(0, |row| parse_key(&row).1[0]),
        })
    }
}

impl UnmatchedRecords {
    /// Returns how many there are.
    pub fn counts(&self) -> SampleCounts {
        self.counts
    }

    /// Returns how many records moved between splits and are the same otherwise.
    pub fn moves(&self) -> &SplitMoves {
        &self.moves
    }

    /// Forgets what has been met, so that another pass can begin.
    pub fn restart(&mut self) {
        self.met.clear();
        self.paired.clear();
    }

    /// Returns what became of a record, met again in a second pass; `None` if it cancelled. Takes it off, so that a pass
    /// over all records finds each that is left just as often as it is left. Of several with one key, those that are met
    /// first are the modified ones.
    ///
    /// # Errors
    /// A temporary file that cannot be read.
    pub fn change(&mut self, of: Side, record: Identity) -> Result<Option<RecordChange>> {
        let Some(count) = self.rows.record(&record.id)?.filter(|count| side(count.count) == of) else {
            return Ok(None);
        };
        let met = self.met.entry(record.id).or_default();
        if *met == count.count.unsigned_abs() {
            return Ok(None);
        }
        *met += 1;
        if let Some(key) = count.key {
            let both = self.rows.pairs(&key)?;
            let paired = &mut self.paired.entry(key).or_default()[of as usize];
            if *paired < both {
                *paired += 1;
                return Ok(Some(RecordChange::Modified));
            }
        }
        Ok(Some(if of == Side::Old { RecordChange::Removed } else { RecordChange::Added }))
    }
}
