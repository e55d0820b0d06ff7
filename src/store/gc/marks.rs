//! The objects that must stay: a bit for each row of the index tables.

use std::collections::HashSet;
use std::sync::Arc;

use crate::object::{Key, ObjectKind};
use crate::pack::index::IndexTable;
use crate::pack::merged::IndexTables;

/// Chunks that wait to be marked together: 64 MiB of their prefixes.
const QUEUE: usize = 8 << 20;

/// Marked objects.
///
/// Chunks are queued by the first eight bytes of their ids, sorted, and marked in one pass over the tables, since looking
/// ten million up one by one takes far longer. Two chunks with the same eight bytes are both marked.
#[derive(Debug)]
pub(crate) struct Marks {
    tables: Arc<IndexTables>,
    bits: Vec<u64>,
    /// Marked objects that no table has.
    others: HashSet<Key>,
    queue: Vec<u64>,
    /// Queued chunks that no table has.
    missing: u64,
}

impl Marks {
    /// Marks nothing yet of what is in these tables.
    pub fn new(tables: Arc<IndexTables>) -> Marks {
        let bits = vec![0; tables.len().div_ceil(64)];
        Marks { tables, bits, others: HashSet::new(), queue: Vec::new(), missing: 0 }
    }

    /// Returns the tables.
    pub fn tables(&self) -> &IndexTables {
        &self.tables
    }

    /// Marks an object; returns true if it was not marked.
    pub fn insert(&mut self, key: &Key) -> bool {
        let rows = self.tables.positions(key);
        let Some(first) = rows.first().copied() else { return self.others.insert(*key) };
        let is_new = !self.has_row(first);
        rows.into_iter().for_each(|row| self.set(row));
        is_new
    }

    /// Returns true if an object is marked. Queued chunks are not yet.
    pub fn contains(&self, key: &Key) -> bool {
        self.tables.position(key).map_or_else(|| self.others.contains(key), |row| self.has_row(row))
    }

    /// Returns true if the object of a row is marked.
    pub fn has_row(&self, row: usize) -> bool {
        self.bits.get(row / 64).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    /// Returns the rows of the marked objects, ascending.
    pub fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let rows = |(n, word): (usize, u64)| (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| n * 64 + bit);
        self.bits.iter().copied().enumerate().filter(|(_, word)| *word != 0).flat_map(rows)
    }

    fn set(&mut self, row: usize) {
        if let Some(word) = self.bits.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    /// Queues a chunk.
    pub fn queue(&mut self, id: &[u8; 32]) {
        if self.queue.len() == QUEUE {
            self.queue.sort_unstable();
            self.queue.dedup();
            if self.queue.len() > QUEUE / 2 {
                self.mark_queued();
            }
        }
        self.queue.push(id.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)));
    }

    /// Marks the queued chunks. Returns how many chunks were queued so far that no table has.
    pub fn mark_queued(&mut self) -> u64 {
        let mut queue = std::mem::take(&mut self.queue);
        queue.sort_unstable();
        queue.dedup();
        let mut found = vec![false; queue.len()];
        let tables = self.tables.clone();
        for (first, table) in tables.tables() {
            join(table, &queue, |row, at| {
                self.set(first + row);
                found[at] = true;
            });
        }
        self.missing += found.iter().filter(|found| !**found).count() as u64;
        queue.clear();
        self.queue = queue;
        self.missing
    }
}

/// Hands out the rows of chunks whose ids begin with a prefix of a sorted list, each with the place of the prefix.
fn join(table: &IndexTable, prefixes: &[u64], mut each: impl FnMut(usize, usize)) {
    let mut at = 0;
    for row in 0..table.len() {
        let Some((prefix, kind)) = table.prefix(row) else { continue };
        while prefixes.get(at).is_some_and(|wanted| *wanted < prefix) {
            at += 1;
        }
        match prefixes.get(at) {
            None => return,
            Some(wanted) if *wanted == prefix && kind == ObjectKind::Chunk => each(row, at),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Id, Pack};
    use crate::pack::index::IndexRow;

    fn row(n: u32, kind: ObjectKind, pack: u8) -> IndexRow {
        let key = Key { id: *blake3::hash(&n.to_le_bytes()).as_bytes(), kind };
        let pack: Id<Pack> = Id::from_bytes([pack; 32]);
        IndexRow { key, depth: 0, pack, offset: 8, len: 99, raw_at: 0, raw_len: 7 }
    }

    #[test]
    fn chunks_are_marked_in_every_table_and_nothing_else_is() {
        let chunks = |range: std::ops::Range<u32>, pack| range.map(move |n| row(n, ObjectKind::Chunk, pack));
        let node = row(5, ObjectKind::Node, 1);
        let tables = IndexTables::default()
            .with(IndexTable::of(chunks(0..100, 1).chain([node.clone()]).collect()))
            .with(IndexTable::of(chunks(90..200, 2).collect()));
        let mut marks = Marks::new(Arc::new(tables));
        (0..300).step_by(3).for_each(|n| marks.queue(&row(n, ObjectKind::Chunk, 1).key.id));
        assert_eq!(marks.mark_queued(), 33, "those from 201 on are missing");
        for n in 0..200 {
            assert_eq!(marks.contains(&row(n, ObjectKind::Chunk, 1).key), n % 3 == 0, "{n}");
        }
        let marked = (0..marks.tables().len()).filter(|row| marks.has_row(*row)).count();
        assert_eq!(marked, 67 + 4, "90, 93, 96 and 99 are in both");
        assert!(!marks.contains(&node.key));
        assert!(marks.insert(&node.key) && !marks.insert(&node.key) && marks.contains(&node.key));
        let other = row(999, ObjectKind::Fact, 1).key;
        assert!(marks.insert(&other) && !marks.insert(&other) && marks.contains(&other));
        assert!(!marks.insert(&row(90, ObjectKind::Chunk, 1).key), "its rows in both tables are marked");
    }
}
