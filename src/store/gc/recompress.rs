//! Compresses blocks again at a higher level, and tells from a sample which packs that makes shorter.
//!
//! Nothing records the level of a pack. zstd makes the same frame of the same bytes at the same level, so a pack that was
//! compressed at this level or a better one gains nothing in a sample, and stays.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::chunk::compress::{self, Codec, Compressor, Delta, decompress};
use crate::error::{Error, Result};
use crate::limits;
use crate::object::{Key, ObjectKind};
use crate::pack::block::{self, BlockHead};
use crate::pack::reader;
use crate::pack::toc::BlockEntry;
use crate::parallel;
use crate::progress::Progress;
use crate::store::gc::plan::{PackUsage, RemovalPlan, RemovalReason};
use crate::store::pipeline::{EncodedBlock, ObjectGroup};
use crate::store::read::Store;
use crate::store::writer::STRUCTURE_GROUP;

/// A pack is recompressed if that is expected to save one byte in so many.
const WORTHWHILE: u64 = 50;

/// Returns the bytes of objects of a kind that are compressed together. A block of chunks is as long as it can be: at a
/// high level zstd finds matches that lie as far apart. Structure is read object by object.
pub(super) fn block_bytes(kind: ObjectKind) -> usize {
    if kind == ObjectKind::Chunk { limits::OBJECT } else { STRUCTURE_GROUP }
}

/// Returns blocks of one kind that stand alone as a single block, or as they are if that is not shorter.
pub(super) fn joined(compressor: &mut Compressor, blocks: Vec<EncodedBlock>, level: i32) -> Result<Vec<EncodedBlock>> {
    let Some(kind) = blocks.first().map(|block| block.head.kind) else { return Ok(blocks) };
    let mut group = ObjectGroup::new(kind);
    for block in &blocks {
        let raw = decompress(block.head.codec, payload(block)?, b"", block.head.raw_len());
        let raw = raw.map_err(|_| Error::damaged("a block cannot be decompressed"))?;
        add_objects(&mut group, &block.head.lens, &block.ids, &raw)?;
    }
    let (codec, payload) = compressor.standalone(&group.raw, level);
    let head = BlockHead { kind, codec, depth: 0, lens: group.lens, runs: Vec::new() };
    let joined = EncodedBlock::of(head, group.ids, payload)?;
    let before: usize = blocks.iter().map(|block| block.block.len()).sum();
    Ok(if joined.block.len() < before { vec![joined] } else { blocks })
}

/// Returns a block of deltas against the same bases, with those frames that are shorter at this level.
pub(super) fn deltas(store: &Store, block: EncodedBlock, level: i32) -> Result<EncodedBlock> {
    let (payload, mut first) = (payload(&block)?, 0);
    let (mut runs, mut frames) = (Vec::new(), Vec::new());
    for (run, range) in block.head.run_ranges() {
        let objects = first..first + run.objects as usize;
        first = objects.end;
        let base = store.base_bytes(&run.bases, block.head.depth).map_err(|e| e.within("the base of a delta"))?;
        let frame = payload.get(range.frame).unwrap_or_default();
        let raw = decompress(Codec::Delta, frame, &base, range.raw.len());
        let raw = raw.map_err(|_| Error::damaged("a delta cannot be decompressed"))?;
        add_objects(
            &mut ObjectGroup::new(block.head.kind),
            block.head.lens.get(objects.clone()).unwrap_or_default(),
            block.ids.get(objects).unwrap_or_default(),
            &raw,
        )?;
        let anew = compress::delta_frames(&[Delta { raw: &raw, base: &base, old: false }], level).pop().flatten();
        let frame = anew.as_deref().filter(|anew| anew.len() < frame.len()).unwrap_or(frame);
        runs.push(block::DeltaRun { len: frame.len() as u32, ..run.clone() });
        frames.extend_from_slice(frame);
    }
    EncodedBlock::of(BlockHead { runs, ..block.head }, block.ids, &frames)
}

fn payload(block: &EncodedBlock) -> Result<&[u8]> {
    let (_, at) = block::head(&block.block).map_err(|e| Error::damaged(format!("a block is damaged: {e}")))?;
    Ok(block.block.get(at..).unwrap_or_default())
}

/// Adds objects of these lengths to a group. Fails if one is not what its id says.
fn add_objects(group: &mut ObjectGroup, lens: &[u32], ids: &[[u8; 32]], mut raw: &[u8]) -> Result<()> {
    for (id, len) in ids.iter().zip(lens) {
        let bytes = raw.split_off(..*len as usize).unwrap_or_default();
        let key = Key { id: *id, kind: group.kind };
        if !key.matches(bytes) {
            return Err(Error::damaged(format!("{key} is damaged")));
        }
        group.add(*id, bytes);
    }
    Ok(())
}

/// Adds to the packs of a plan those that this level makes shorter, by a sample of each. A pack with unreachable objects
/// that are too young stays as it is. Returns the time that it will take on all cores.
///
/// # Errors
/// `ErrorKind::Damaged` if a sample cannot be read.
pub(super) fn choose(store: &Store, plan: &mut RemovalPlan, level: i32, progress: &dyn Progress) -> Result<Duration> {
    let (mut chosen, mut estimate) = (Vec::new(), Duration::ZERO);
    let candidates = plan.packs.iter().filter(|(id, _)| !plan.removed.contains_key(id) && !plan.recent.contains(id));
    parallel::windows(
        candidates,
        |(id, pack)| progress.check().and_then(|()| Ok((*id, pack.size, sample(store, pack, level)?))),
        |sampled| {
            let (id, size, PackSample { saved, time }) = sampled?;
            if saved > size / WORTHWHILE {
                chosen.push(id);
                estimate += time / parallel::threads() as u32;
            }
            Ok::<(), Error>(())
        },
    )?;
    plan.removed.extend(chosen.into_iter().map(|id| (id, RemovalReason::WeaklyCompressed)));
    Ok(estimate)
}

/// The expected result of recompressing a pack.
#[derive(Clone, Copy, Debug, Default)]
struct PackSample {
    /// Bytes that it saves.
    saved: u64,
    /// The time that it takes one core.
    time: Duration,
}

/// Compresses a part from the middle of a pack: neighbouring blocks that stand alone, and a block of deltas.
fn sample(store: &Store, pack: &PackUsage, level: i32) -> Result<PackSample> {
    let (blocks, file) = (reader::read_toc(&pack.path)?, reader::open(&pack.path)?);
    let (deltas, alone): (Vec<&BlockEntry>, Vec<&BlockEntry>) =
        blocks.iter().filter(|block| u64::from(block.len) < raw_len(block)).partition(|block| block.depth > 0);
    let mut expected = PackSample::default();
    for entries in [alone, deltas] {
        let entries = &entries[..];
        let part = middle(entries);
        let blocks = part.iter().map(|entry| read_block(&file, &pack.path, entry)).collect::<Result<Vec<_>>>()?;
        let began = Instant::now();
        let before = stored_len(&blocks);
        let after = recompressed(store, blocks, level).map_err(|e| e.within(format!("pack {}", pack.path.display())))?;
        let saved = u128::from(before.saturating_sub(stored_len(&after)));
        let sum = |entries: &[&BlockEntry], len: fn(&BlockEntry) -> u64| entries.iter().map(|entry| len(entry)).sum::<u64>();
        let all = sum(entries, |entry| u64::from(entry.len));
        expected.saved += (saved * u128::from(all) / u128::from(before.max(1))) as u64;
        let share = sum(entries, raw_len) as f64 / sum(part, raw_len).max(1) as f64;
        expected.time += began.elapsed().mul_f64(share);
    }
    Ok(expected)
}

/// Returns neighbours of one kind from the middle of a list of blocks, as many as are compressed together: of deltas one.
fn middle<'e, 'p>(entries: &'e [&'p BlockEntry]) -> &'e [&'p BlockEntry] {
    let Some(first) = entries.get(entries.len() / 2) else { return &[] };
    let (mut from, mut to, mut raw) = (entries.len() / 2, entries.len() / 2, 0);
    let fits = |entry: Option<&&BlockEntry>, raw: u64| {
        let fits = |entry: &&BlockEntry| entry.kind == first.kind && raw + raw_len(entry) <= block_bytes(entry.kind) as u64;
        entry.filter(|entry| raw == 0 || entry.depth == 0 && fits(entry)).map(|entry| raw_len(entry))
    };
    while let Some(len) = fits(entries.get(to), raw) {
        (to, raw) = (to + 1, raw + len);
    }
    while let Some(len) = from.checked_sub(1).and_then(|before| fits(entries.get(before), raw)) {
        (from, raw) = (from - 1, raw + len);
    }
    &entries[from..to]
}

fn recompressed(store: &Store, mut blocks: Vec<EncodedBlock>, level: i32) -> Result<Vec<EncodedBlock>> {
    match blocks.pop_if(|block| block.head.depth > 0) {
        Some(block) => Ok(vec![deltas(store, block, level)?]),
        None => joined(&mut Compressor::default(), blocks, level),
    }
}

fn read_block(file: &File, path: &Path, entry: &BlockEntry) -> Result<EncodedBlock> {
    let block = reader::read_at(file, path, u64::from(entry.offset), entry.len as usize)?;
    let damaged = |e| Error::damaged(format!("a block of pack {} is damaged: {e}", path.display()));
    let (head, _) = block::decode(&block).map_err(damaged)?;
    Ok(EncodedBlock { head, ids: entry.objects.iter().map(|(id, _)| *id).collect(), block })
}

fn raw_len(block: &BlockEntry) -> u64 {
    block.objects.iter().map(|(_, len)| u64::from(*len)).sum()
}

fn stored_len(blocks: &[EncodedBlock]) -> u64 {
    blocks.iter().map(|block| block.block.len() as u64).sum()
}
