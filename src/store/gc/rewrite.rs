//! Copies the marked objects of packs to new ones.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::id::{Id, Pack};
use crate::pack::index::IndexRow;
use crate::pack::reader;
use crate::pack::toc::BlockEntry;
use crate::progress::Progress;
use crate::store::gc::block_copier::BlockCopier;
use crate::store::gc::marks::Marks;
use crate::store::read::Store;

/// Copies marked objects out of packs that are removed.
pub(super) struct PackCopier<'a> {
    store: &'a Arc<Store>,
    marks: &'a Marks,
    removed: &'a BTreeSet<Id<Pack>>,
    blocks: BlockCopier,
    progress: &'a dyn Progress,
}

impl<'a> PackCopier<'a> {
    /// Begins to copy; `level` is zstd's, for blocks that are compressed anew: of which others are not copied, and with
    /// `recompress` all.
    pub fn new(
        store: &'a Arc<Store>,
        marks: &'a Marks,
        removed: &'a BTreeSet<Id<Pack>>,
        level: i32,
        recompress: bool,
        progress: &'a dyn Progress,
    ) -> Result<PackCopier<'a>> {
        Ok(PackCopier { store, marks, removed, blocks: BlockCopier::new(store, level, recompress)?, progress })
    }

    /// Copies what is marked in a pack whose hash was checked.
    pub fn copy(&mut self, id: &Id<Pack>, path: &Path) -> Result<()> {
        let (blocks, file) = (reader::read_toc(path)?, reader::open(path)?);
        for entry in &blocks {
            self.progress.check()?;
            let wanted: Vec<bool> = rows(id, entry).map(|row| self.is_copied(&row)).collect();
            if wanted.contains(&true) {
                self.progress.advance(0, u64::from(entry.len));
                self.blocks.copy(&file, path, entry, &wanted)?;
            }
        }
        Ok(())
    }

    /// Returns true if an object is copied from this place: it is marked, and no place that stays has it, nor a better
    /// one that is copied. A place that stays counts only if it can be read.
    fn is_copied(&self, row: &IndexRow) -> bool {
        if !self.marks.contains(&row.key) {
            return false;
        }
        for other in self.store.tables().find(&row.key) {
            if other == *row || other.depth > row.depth {
                return true;
            }
            if self.removed.contains(&other.pack) || self.store.read(&other, true).is_ok() {
                return false;
            }
        }
        true
    }

    /// Waits until the copies are durable and in an index table. Returns the new packs.
    pub fn finish(self) -> Result<HashSet<Id<Pack>>> {
        let written = self.blocks.finish()?;
        self.store.index(written.rows)?;
        Ok(written.packs.into_iter().collect())
    }
}

/// Returns the rows of the objects of a block.
fn rows<'b>(pack: &Id<Pack>, entry: &'b BlockEntry) -> impl Iterator<Item = IndexRow> + use<'b> {
    let pack = *pack;
    entry.keys().map(move |(key, raw_at, raw_len)| IndexRow {
        key,
        depth: entry.depth,
        pack,
        offset: entry.offset,
        len: entry.len,
        raw_at,
        raw_len,
    })
}
