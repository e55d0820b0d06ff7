//! Copies the marked objects of packs to new ones.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::chunk::compress::{Codec, decompress};
use crate::error::{Error, Result};
use crate::id::{Id, Pack};
use crate::limits;
use crate::object::ObjectKind;
use crate::pack::block::{self, BlockHead};
use crate::pack::index::IndexRow;
use crate::pack::reader;
use crate::pack::toc::BlockEntry;
use crate::progress::Progress;
use crate::store::delta::PIECE_BYTES;
use crate::store::gc::marks::Marks;
use crate::store::gc::recompress;
use crate::store::pipeline::{EncodedBlock, ObjectGroup, Pipeline};
use crate::store::read::Store;
use crate::store::writer::STRUCTURE_GROUP;

/// Copies marked objects out of packs that are removed.
pub(super) struct PackCopier<'a> {
    store: &'a Arc<Store>,
    marks: &'a Marks,
    removed: &'a BTreeSet<Id<Pack>>,
    pipeline: Pipeline,
    /// Objects of blocks of which others are not copied, by their kind.
    groups: BTreeMap<ObjectKind, ObjectGroup>,
    /// True if whole blocks are compressed anew.
    recompress: bool,
    level: i32,
    /// Whole blocks that wait to be compressed as one, by their kind.
    wholes: BTreeMap<ObjectKind, Vec<EncodedBlock>>,
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
        let pipeline = Pipeline::start(store.clone(), level)?;
        let (groups, wholes) = Default::default();
        Ok(PackCopier { store, marks, removed, pipeline, groups, recompress, level, wholes, progress })
    }

    /// Copies what is marked in a pack whose hash was checked.
    pub fn copy(&mut self, id: &Id<Pack>, path: &Path) -> Result<()> {
        let (blocks, file) = (reader::read_toc(path)?, reader::open(path)?);
        for entry in &blocks {
            self.progress.check()?;
            let wanted: Vec<bool> = rows(id, entry).map(|row| self.is_copied(&row)).collect();
            if wanted.contains(&true) {
                self.block(&file, path, entry, &wanted)?;
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

    fn block(&mut self, file: &File, path: &Path, entry: &BlockEntry, wanted: &[bool]) -> Result<()> {
        let damaged = |e| Error::damaged(format!("a block of pack {} is damaged: {e}", path.display()));
        let stored = reader::read_at(file, path, u64::from(entry.offset), entry.len as usize)?;
        let (head, payload) = block::decode(&stored).map_err(damaged)?;
        self.progress.advance(0, u64::from(entry.len));
        let ids: Vec<[u8; 32]> = entry.objects.iter().map(|(id, _)| *id).collect();
        if head.depth > 0 {
            let block = wanted_runs(head, &ids, &stored[payload..], wanted)?;
            let level = self.level;
            return match self.recompress {
                true => self.pipeline.run(move |store, _| Ok(vec![recompress::deltas(store, block, level)?])),
                false => self.pipeline.copy(block),
            };
        }
        if !wanted.contains(&false) {
            return self.whole(EncodedBlock { head, ids, block: stored });
        }
        let raw = decompress(head.codec, &stored[payload..], b"", head.raw_len());
        let raw = raw.map_err(|_| damaged(crate::codec::Malformed("decompression failed")))?;
        for ((key, at, len), _) in entry.keys().zip(wanted).filter(|(_, wanted)| **wanted) {
            let bytes = raw.get(at as usize..(at + len) as usize).filter(|bytes| key.matches(bytes));
            let bytes = bytes.ok_or_else(|| Error::damaged(format!("{key} in {} is damaged", path.display())))?;
            self.object(key.kind, key.id, bytes)?;
        }
        Ok(())
    }

    /// Copies a whole block that stands alone.
    fn whole(&mut self, block: EncodedBlock) -> Result<()> {
        if !self.recompress || block.head.codec == Codec::Stored {
            return self.pipeline.copy(block);
        }
        let kind = block.head.kind;
        let blocks = self.wholes.entry(kind).or_default();
        let len = |blocks: &[EncodedBlock], of: fn(&EncodedBlock) -> usize| blocks.iter().map(of).sum::<usize>();
        let raw = len(blocks, |block| block.head.raw_len()) + block.head.raw_len();
        let objects = len(blocks, |block| block.ids.len()) + block.ids.len();
        let mut full = Vec::new();
        if raw > recompress::block_bytes(kind) || objects > limits::BLOCK_OBJECTS {
            full = std::mem::take(blocks);
        }
        blocks.push(block);
        self.join(full)
    }

    /// Compresses blocks as one.
    fn join(&mut self, blocks: Vec<EncodedBlock>) -> Result<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        let level = self.level;
        self.pipeline.run(move |_, compressor| recompress::joined(compressor, blocks, level))
    }

    /// Adds an object to the block of its kind.
    fn object(&mut self, kind: ObjectKind, id: [u8; 32], bytes: &[u8]) -> Result<()> {
        let most = if kind == ObjectKind::Chunk { PIECE_BYTES } else { STRUCTURE_GROUP };
        let group = self.groups.entry(kind).or_insert_with(|| ObjectGroup::new(kind));
        if !group.is_empty() && (group.raw.len() + bytes.len() > most || group.ids.len() >= limits::BLOCK_OBJECTS) {
            let full = std::mem::replace(group, ObjectGroup::new(kind));
            self.pipeline.submit(full)?;
        }
        let group = self.groups.entry(kind).or_insert_with(|| ObjectGroup::new(kind));
        group.add(id, bytes);
        Ok(())
    }

    /// Waits until the copies are durable and in an index table. Returns the new packs.
    pub fn finish(mut self) -> Result<HashSet<Id<Pack>>> {
        for group in std::mem::take(&mut self.groups).into_values().filter(|group| !group.is_empty()) {
            self.pipeline.submit(group)?;
        }
        for blocks in std::mem::take(&mut self.wholes).into_values() {
            self.join(blocks)?;
        }
        let written = self.pipeline.finish()?;
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

/// Returns a delta block of the runs of another that contain a wanted object. They stay as they are.
fn wanted_runs(head: BlockHead, ids: &[[u8; 32]], payload: &[u8], wanted: &[bool]) -> Result<EncodedBlock> {
    let (mut kept, mut kept_ids, mut frames) =
        (BlockHead { lens: Vec::new(), runs: Vec::new(), ..head.clone() }, Vec::new(), Vec::new());
    let mut first = 0;
    for (run, range) in head.run_ranges() {
        let objects = first..first + run.objects as usize;
        first = objects.end;
        if !wanted[objects.clone()].contains(&true) {
            continue;
        }
        kept_ids.extend_from_slice(&ids[objects.clone()]);
        kept.lens.extend_from_slice(&head.lens[objects]);
        kept.runs.push(run.clone());
        frames.extend_from_slice(payload.get(range.frame).unwrap_or_default());
    }
    EncodedBlock::of(kept, kept_ids, &frames)
}
