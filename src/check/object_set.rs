//! A set of objects of a store: a bit for each row of the index tables, so that ten million objects take about a megabyte.

use std::collections::HashSet;
use std::sync::Arc;

use crate::object::Key;
use crate::pack::merged::IndexTables;
use crate::store::Store;

/// Objects of a store. Those that no table has are kept by their keys.
#[derive(Debug)]
pub struct ObjectSet {
    tables: Arc<IndexTables>,
    bits: Vec<u64>,
    others: HashSet<Key>,
}

impl ObjectSet {
    /// Returns an empty set for the objects that a store has now.
    pub fn of(store: &Store) -> ObjectSet {
        let tables = store.tables();
        let bits = vec![0; tables.len().div_ceil(64)];
        ObjectSet { tables, bits, others: HashSet::new() }
    }

    /// Adds an object; returns true if it was not in the set.
    pub fn insert(&mut self, key: &Key) -> bool {
        let Some(at) = self.tables.position(key) else { return self.others.insert(*key) };
        let (word, bit) = (&mut self.bits[at / 64], 1 << (at % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Chunk, Id};
    use crate::store::{Layout, Writer};

    #[test]
    fn objects_are_in_the_set_once_they_are_added() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().join(".helox"));
        layout.create().unwrap();
        let store = Arc::new(Store::open(layout).unwrap());
        let key = |n: u8| Key::from(Id::<Chunk>::of(&[n]));
        // Several tables, and some objects in none.
        for n in 0..3 {
            let mut writer = Writer::new(&store, 1).unwrap();
            let mut file = writer.file(None);
            (0..50).for_each(|m| file.chunk(&mut writer, key(n * 50 + m).id, &[n * 50 + m]).unwrap());
            drop(writer.finish().unwrap());
        }
        let mut set = ObjectSet::of(&store);
        for n in 0..200 {
            assert!(set.insert(&key(n)) && !set.insert(&key(n)), "{n}");
        }
        assert_eq!(set.others.len(), 50);
    }
}
