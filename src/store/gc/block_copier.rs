//! Copies objects from the blocks of packs to new packs.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::chunk::compress::{Codec, decompress};
use crate::error::{Error, Result};
use crate::limits;
use crate::object::ObjectKind;
use crate::pack::block::{self, BlockHead};
use crate::pack::reader;
use crate::pack::toc::BlockEntry;
use crate::store::delta::PIECE_BYTES;
use crate::store::gc::recompress;
use crate::store::pipeline::{DurablePacks, EncodedBlock, ObjectGroup, Pipeline};
use crate::store::read::Store;
use crate::store::writer::STRUCTURE_GROUP;

/// Copies objects from the blocks of packs to new packs of a store.
pub(crate) struct BlockCopier {
    pipeline: Pipeline,
    /// Objects of blocks of which others are not copied, by their kind.
    groups: BTreeMap<ObjectKind, ObjectGroup>,
    /// True if whole blocks are compressed anew.
    recompress: bool,
    level: i32,
    /// Whole blocks that wait to be compressed as one, by their kind.
    wholes: BTreeMap<ObjectKind, Vec<EncodedBlock>>,
}

impl BlockCopier {
    /// Begins packs in a store; `level` is zstd's, for objects that are compressed anew: of blocks of which others are not
    /// copied, and with `recompress` all.
    pub fn new(store: &Arc<Store>, level: i32, recompress: bool) -> Result<BlockCopier> {
        let (groups, wholes) = Default::default();
        Ok(BlockCopier { pipeline: Pipeline::start(store.clone(), level)?, groups, recompress, level, wholes })
    }

    /// Copies the wanted objects of a block of the pack at `path`. The runs of a delta, and a block of which all are wanted, stay
    /// as they are unless all are compressed anew; other objects are compressed anew.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if the block cannot be read.
    pub fn copy(&mut self, file: &File, path: &Path, entry: &BlockEntry, wanted: &[bool]) -> Result<()> {
        let damaged = |e| Error::damaged(format!("a block of pack {} is damaged: {e}", path.display()));
        let stored = reader::read_at(file, path, u64::from(entry.offset), entry.len as usize)?;
        let (head, payload) = block::decode(&stored).map_err(damaged)?;
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

    /// Waits until the new packs are durable.
    pub fn finish(mut self) -> Result<DurablePacks> {
        for group in std::mem::take(&mut self.groups).into_values().filter(|group| !group.is_empty()) {
            self.pipeline.submit(group)?;
        }
        for blocks in std::mem::take(&mut self.wholes).into_values() {
            self.join(blocks)?;
        }
        self.pipeline.finish()
    }
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
