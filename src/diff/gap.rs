//! The records of a gap that have not cancelled.
//!
//! Most records of a gap stand on both sides in the same order. So the records of the side that is ahead wait in a queue,
//! and one of the other side that equals the first of them, or one shortly after it, cancels with it at the price of a
//! comparison. Only what finds no partner there is hashed, and held in a table where a record that moved meets it. Which
//! way a pair cancels makes no difference to what is left.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::sample::{Record, Side};

/// Most bytes that a gap holds.
pub(super) const FLUSH: usize = if cfg!(test) { 1 << 10 } else { 32 << 20 };
/// Records of the queue that one of the other side is compared with.
const LOOKAHEAD: usize = if cfg!(test) { 2 } else { 8 };
/// Records in a row without a partner in the queue after which the queue gives way.
const PATIENCE: usize = if cfg!(test) { 2 } else { 16 };
/// Records that leave the queue then: more than came, so that the other side catches up after an insertion.
const STRIDE: usize = 4 * PATIENCE;

/// The records of a gap that have not cancelled.
#[derive(Debug)]
pub(super) struct Gap {
    /// The side of the records in the queue.
    ahead: Side,
    queue: VecDeque<QueuedRecord>,
    /// The text of the queue, perhaps after some that has left it.
    text: Vec<u8>,
    /// Records in a row that had no partner in the queue.
    strays: usize,
    table: UnpairedRecords,
}

/// A record's text within that of the queue, and its line.
#[derive(Clone, Copy, Debug)]
struct QueuedRecord {
    start: usize,
    end: usize,
    is_whole: bool,
    line: u64,
    at: u64,
}

impl Default for Gap {
    fn default() -> Gap {
        Gap { ahead: Side::New, queue: VecDeque::new(), text: Vec::new(), strays: 0, table: UnpairedRecords::default() }
    }
}

impl Gap {
    /// Cancels a record with one of the other side, or holds it.
    pub fn put(&mut self, side: Side, record: Record<'_>, sink: &mut dyn FnMut(Side, Record<'_>)) {
        if self.queue.is_empty() {
            self.text.clear();
            self.strays = 0;
            self.ahead = side;
        }
        if side == self.ahead {
            let start = self.text.len();
            self.text.extend_from_slice(record.bytes);
            let Record { is_whole, line, at, .. } = record;
            self.queue.push_back(QueuedRecord { start, end: self.text.len(), is_whole, line, at });
        } else if let Some(at) = self.partner(&record) {
            self.move_to_table(at);
            self.queue.pop_front();
            self.strays = 0;
            self.compact();
        } else if !self.table.put(side, record) {
            self.strays += 1;
            if self.strays == PATIENCE {
                self.move_to_table(STRIDE);
                self.strays = 0;
                self.compact();
            }
        }
        if self.size() > FLUSH {
            // What waits in the queue still has its partners before it, for the most part.
            self.table.drain(sink);
        }
        if self.size() > FLUSH {
            self.flush(sink);
        }
    }

    /// Hands over what has not cancelled, and forgets it.
    pub fn flush(&mut self, sink: &mut dyn FnMut(Side, Record<'_>)) {
        self.move_to_table(self.queue.len());
        self.text.clear();
        self.table.drain(sink);
    }

    /// Bytes that are held.
    fn size(&self) -> usize {
        self.text.len() + self.queue.len() * size_of::<QueuedRecord>() + self.table.size()
    }

    /// Returns the position of an equal record among the first of the queue.
    #[inline]
    fn partner(&self, record: &Record<'_>) -> Option<usize> {
        let equal =
            |place: &QueuedRecord| self.text[place.start..place.end] == *record.bytes && place.is_whole == record.is_whole;
        self.queue.iter().take(LOOKAHEAD).position(equal)
    }

    /// Moves the first `n` records of the queue to the table.
    fn move_to_table(&mut self, n: usize) {
        for place in self.queue.drain(..n.min(self.queue.len())) {
            let bytes = &self.text[place.start..place.end];
            self.table.put(self.ahead, Record { bytes, is_whole: place.is_whole, line: place.line, at: place.at });
        }
    }

    /// Lets go of text that has left the queue, once that is the greater part.
    #[inline]
    fn compact(&mut self) {
        let start = self.queue.front().map_or(self.text.len(), |place| place.start);
        if start > self.text.len() / 2 {
            self.text.drain(..start);
            self.queue.iter_mut().for_each(|place| (place.start, place.end) = (place.start - start, place.end - start));
        }
    }
}

/// Records of either side by their text.
#[derive(Debug, Default)]
struct UnpairedRecords {
    text: Vec<u8>,
    records: Vec<HeldRecord>,
    /// The last unmatched record with each text.
    table: HashTable<usize>,
    hasher: RandomState,
}

#[derive(Debug)]
struct HeldRecord {
    side: Side,
    start: usize,
    end: usize,
    is_whole: bool,
    line: u64,
    at: u64,
    hash: u64,
    matched: bool,
    /// The unmatched record before it with the same text, which is of the same side.
    before: Option<usize>,
}

impl UnpairedRecords {
    /// Cancels a record with one of the other side, or holds it; returns whether it cancelled.
    fn put(&mut self, side: Side, record: Record<'_>) -> bool {
        let hash = self.hasher.hash_one(record.bytes);
        let UnpairedRecords { text, records, table, .. } = self;
        let equal = |&at: &usize| {
            let held = &records[at];
            held.hash == hash && text[held.start..held.end] == *record.bytes && held.is_whole == record.is_whole
        };
        let mut before = None;
        match table.entry(hash, equal, |&at| records[at].hash) {
            Entry::Occupied(mut last) => {
                let held = &mut records[*last.get()];
                if held.side != side {
                    held.matched = true;
                    match held.before {
                        Some(at) => *last.get_mut() = at,
                        None => drop(last.remove()),
                    }
                    return true;
                }
                before = Some(std::mem::replace(last.get_mut(), records.len()));
            }
            Entry::Vacant(none) => {
                none.insert(records.len());
            }
        }
        let start = text.len();
        text.extend_from_slice(record.bytes);
        let (end, Record { is_whole, line, at, .. }) = (text.len(), record);
        records.push(HeldRecord { side, start, end, is_whole, line, at, hash, matched: false, before });
        false
    }

    /// Bytes that are held.
    fn size(&self) -> usize {
        self.text.len() + self.records.len() * size_of::<HeldRecord>()
    }

    /// Hands over what has not cancelled, and forgets it.
    fn drain(&mut self, sink: &mut dyn FnMut(Side, Record<'_>)) {
        for held in self.records.drain(..).filter(|held| !held.matched) {
            let HeldRecord { side, start, end, is_whole, line, at, .. } = held;
            sink(side, Record { bytes: &self.text[start..end], is_whole, line, at });
        }
        self.text.clear();
        self.table.clear();
    }
}
