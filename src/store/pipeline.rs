//! From groups of objects to synced packs: all cores compress, one thread writes, one seals.
//!
//! Blocks reach the packs in the order in which the groups were handed over, whatever core finished first, so that the
//! same commit makes the same packs on any machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use crate::chunk::compress::{Codec, Compressor, Delta};
use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::id::{Id, Pack};
use crate::limits;
use crate::object::{Key, ObjectKind};
use crate::pack::block::{self, BlockHead};
use crate::pack::index::{IndexRow, IndexTable};
use crate::pack::merged;
use crate::pack::writer::{PackWriter, SealedPack};
use crate::parallel;
use crate::store::delta::DeltaBase;
use crate::store::read::Store;

/// So many rows of durable packs are put into a table while the commit goes on, which bounds the memory.
const ROWS_AT_ONCE: usize = 1 << 17;

/// Objects of one kind that go into one block.
#[derive(Debug)]
pub(crate) struct ObjectGroup {
    pub kind: ObjectKind,
    pub raw: Vec<u8>,
    pub ids: Vec<[u8; 32]>,
    pub lens: Vec<u32>,
    /// The runs that the objects form, with what each is compressed against; none for a group that stands alone.
    pub runs: Vec<GroupRun>,
}

/// Neighbouring objects that are compressed against a base of their own.
#[derive(Debug)]
pub(crate) struct GroupRun {
    pub objects: u32,
    pub raw_len: usize,
    pub base: DeltaBase,
}

impl GroupRun {
    /// Goes on with the objects of another run.
    pub fn join(&mut self, objects: u32, raw_len: usize, base: DeltaBase) {
        self.objects += objects;
        self.raw_len += raw_len;
        self.base.join(base);
    }
}

impl ObjectGroup {
    pub fn new(kind: ObjectKind) -> ObjectGroup {
        ObjectGroup { kind, raw: Vec::new(), ids: Vec::new(), lens: Vec::new(), runs: Vec::new() }
    }

    pub fn add(&mut self, id: [u8; 32], bytes: &[u8]) {
        self.ids.push(id);
        self.lens.push(bytes.len() as u32);
        self.raw.extend_from_slice(bytes);
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// A block in its stored form.
pub(crate) struct EncodedBlock {
    pub head: BlockHead,
    pub ids: Vec<[u8; 32]>,
    pub block: Vec<u8>,
}

impl EncodedBlock {
    /// Returns the block with this head and payload.
    pub fn of(head: BlockHead, ids: Vec<[u8; 32]>, payload: &[u8]) -> Result<EncodedBlock> {
        let block = block::encode(&head, payload).map_err(|e| Error::rejected("a block", e))?;
        Ok(EncodedBlock { head, ids, block })
    }
}

/// The packs of the packing thread.
#[derive(Default)]
struct PackOutput {
    /// The structure packs, which wait for the data to be durable.
    structure: Vec<SealedPack>,
    /// Bytes of all blocks.
    bytes: u64,
    /// All packs.
    packs: Vec<Id<Pack>>,
}

/// The packs that a pipeline wrote.
pub(crate) struct DurablePacks {
    /// The rows that no table has yet.
    pub rows: Vec<IndexRow>,
    /// Bytes of all blocks.
    pub bytes: u64,
    /// The packs.
    pub packs: Vec<Id<Pack>>,
}

/// Objects that have become durable, sent by the sealing thread.
pub(crate) struct DurableKeys {
    /// Objects that the store's tables find from now on.
    pub keys: Vec<Key>,
}

/// Takes groups and makes packs.
pub(crate) struct Pipeline {
    store: Arc<Store>,
    level: i32,
    next: u64,
    permits: Sender<()>,
    made: Option<Sender<(u64, Result<Vec<EncodedBlock>>)>>,
    packer: Option<JoinHandle<Result<PackOutput>>>,
    sealer: Option<JoinHandle<Result<Vec<IndexRow>>>>,
    durable: Receiver<DurableKeys>,
    /// Set once all groups are handed over; a pipeline that is dropped before seals nothing more.
    complete: Arc<AtomicBool>,
}

impl Pipeline {
    pub fn start(store: Arc<Store>, level: i32) -> Result<Pipeline> {
        let (permits, permit) = bounded(4 * rayon::current_num_threads() + 4);
        let (blocks, to_pack) = unbounded();
        let (to_seal, sealed) = bounded(2);
        let (tell, durable) = unbounded();
        let tmp = store.layout().tmp();
        let complete = Arc::new(AtomicBool::new(false));
        let told = complete.clone();
        let packer = parallel::spawn_joined(move || pack(&tmp, &to_pack, &permit, &to_seal, &told))?;
        let sealing = store.clone();
        let sealer = parallel::spawn_joined(move || seal(&sealing, &sealed, &tell))?;
        Ok(Pipeline {
            store,
            level,
            next: 0,
            permits,
            made: Some(blocks),
            packer: Some(packer),
            sealer: Some(sealer),
            durable,
            complete,
        })
    }

    /// Hands a group over. Waits while too many are under way.
    pub fn submit(&mut self, group: ObjectGroup) -> Result<()> {
        let level = self.level;
        self.run(move |store, compressor| compress(store, compressor, group, level))
    }

    /// Hands work over whose result is the next blocks. Waits while too much is under way.
    pub fn run(
        &mut self,
        work: impl FnOnce(&Store, &mut Compressor) -> Result<Vec<EncodedBlock>> + Send + 'static,
    ) -> Result<()> {
        let Some(made) = self.made.clone() else { return Err(stopped()) };
        if self.permits.send(()).is_err() {
            return Err(self.failure());
        }
        let (seq, store) = (self.next, self.store.clone());
        self.next += 1;
        rayon::spawn(move || {
            let blocks = COMPRESSOR.with_borrow_mut(|compressor| work(&store, compressor));
            // Nobody listens any more once the packer has failed; it tells why.
            let _ = made.send((seq, blocks));
        });
        Ok(())
    }

    /// Hands a block over that is stored as it is.
    pub fn copy(&mut self, block: EncodedBlock) -> Result<()> {
        let Some(made) = &self.made else { return Err(stopped()) };
        if self.permits.send(()).is_err() || made.send((self.next, Ok(vec![block]))).is_err() {
            return Err(self.failure());
        }
        self.next += 1;
        Ok(())
    }

    /// Returns the objects that have become durable since the last call.
    pub fn durable(&self) -> impl Iterator<Item = DurableKeys> + '_ {
        self.durable.try_iter()
    }

    /// Waits until all is durable, data before structure.
    pub fn finish(mut self) -> Result<DurablePacks> {
        self.complete.store(true, Ordering::Release);
        self.made = None;
        let PackOutput { structure, bytes, packs } = join(self.packer.take())?;
        let mut rows = join(self.sealer.take())?;
        let layout = self.store.layout();
        // Also where nothing was added: a dedup hit may rely on a name that a killed process left unsynced.
        atomic::sync_folder(&layout.packs(ObjectKind::Chunk))?;
        for pack in structure {
            rows.extend(pack.publish(&layout.packs(ObjectKind::Node))?);
        }
        atomic::sync_folder(&layout.packs(ObjectKind::Node))?;
        Ok(DurablePacks { rows, bytes, packs })
    }

    /// Returns the error that ended the threads.
    fn failure(&mut self) -> Error {
        self.made = None;
        let packer = join(self.packer.take()).err();
        let sealer = join(self.sealer.take()).err();
        sealer.or(packer).unwrap_or_else(stopped)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.made = None;
        let _ = join(self.packer.take());
        let _ = join(self.sealer.take());
    }
}

fn stopped() -> Error {
    Error::new(crate::error::ErrorKind::Io, "the writer of the store stopped unexpectedly")
}

fn join<T: Default>(thread: Option<JoinHandle<Result<T>>>) -> Result<T> {
    match thread.map(JoinHandle::join) {
        None => Ok(T::default()),
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(stopped()),
    }
}

thread_local! {
    static COMPRESSOR: std::cell::RefCell<Compressor> = Default::default();
}

/// Returns the blocks that a group becomes: one of the runs whose base pays, and one of the rest.
fn compress(store: &Store, compressor: &mut Compressor, group: ObjectGroup, level: i32) -> Result<Vec<EncodedBlock>> {
    let (delta, rest) = compress_deltas(store, compressor, group, level)?;
    let mut alone = |group: ObjectGroup| {
        let (codec, payload) = compressor.standalone(&group.raw, level);
        let head = BlockHead { kind: group.kind, codec, depth: 0, lens: group.lens, runs: Vec::new() };
        EncodedBlock::of(head, group.ids, payload)
    };
    delta.into_iter().map(Ok).chain((!rest.is_empty()).then(|| alone(rest))).collect()
}

/// Returns a block of those runs whose base pays, and what is left.
fn compress_deltas(
    store: &Store,
    compressor: &mut Compressor,
    group: ObjectGroup,
    level: i32,
) -> Result<(Option<EncodedBlock>, ObjectGroup)> {
    if group.runs.is_empty() {
        return Ok((None, group));
    }
    let bases: Vec<Vec<u8>> = group.runs.iter().map(|run| base_bytes(store, &run.base)).collect();
    let (mut deltas, mut raw) = (Vec::with_capacity(bases.len()), &group.raw[..]);
    for (run, base) in group.runs.iter().zip(&bases) {
        deltas.push(Delta { raw: raw.split_off(..run.raw_len).unwrap_or_default(), base, old: run.base.old });
    }
    let frames = compressor.deltas(&deltas, level);
    let mut rest = ObjectGroup::new(group.kind);
    let (mut ids, mut lens, mut runs, mut payload, mut depth) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
    let (mut objects, mut raw) = (group.ids.iter().zip(&group.lens), &group.raw[..]);
    for (run, frame) in group.runs.into_iter().zip(frames) {
        for (id, len) in objects.by_ref().take(run.objects as usize) {
            let bytes = raw.split_off(..*len as usize).unwrap_or_default();
            if frame.is_some() {
                ids.push(*id);
                lens.push(*len);
            } else {
                rest.add(*id, bytes);
            }
        }
        if let Some(frame) = frame {
            depth = depth.max(run.base.depth);
            runs.push(block::DeltaRun { objects: run.objects, bases: run.base.keys, len: frame.len() as u32 });
            payload.extend_from_slice(&frame);
        }
    }
    let head = BlockHead { kind: group.kind, codec: Codec::Delta, depth, lens, runs };
    let delta = (!ids.is_empty()).then(|| EncodedBlock::of(head, ids, &payload)).transpose()?;
    Ok((delta, rest))
}

/// Returns the bytes to compress against; none where they cannot be read, since old damage must not stop a new version.
fn base_bytes(store: &Store, base: &DeltaBase) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(base.len.min(limits::BASE));
    for key in &base.keys {
        match store.get(key) {
            Ok(object) if bytes.len() + object.len() <= limits::BASE => bytes.extend_from_slice(&object),
            _ => return Vec::new(),
        }
    }
    bytes
}

/// Appends blocks in order. Data packs go to the sealer when they are full, structure packs are kept for the end.
fn pack(
    tmp: &std::path::Path,
    made: &Receiver<(u64, Result<Vec<EncodedBlock>>)>,
    permit: &Receiver<()>,
    to_seal: &Sender<SealedPack>,
    complete: &AtomicBool,
) -> Result<PackOutput> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    let mut open: [Option<PackWriter>; 2] = [None, None];
    let mut output = PackOutput::default();
    for (seq, blocks) in made {
        early.insert(seq, blocks);
        while let Some(blocks) = early.remove(&next) {
            next += 1;
            for EncodedBlock { head, ids, block } in blocks? {
                let data = head.kind == ObjectKind::Chunk;
                let slot = &mut open[usize::from(data)];
                let mut writer = match slot.take() {
                    Some(writer) => writer,
                    None => PackWriter::create(tmp)?,
                };
                writer.append(&head, &ids, &block)?;
                output.bytes += block.len() as u64;
                if !writer.is_full() {
                    *slot = Some(writer);
                } else {
                    output.add(writer, data, to_seal)?;
                }
            }
            let _ = permit.recv();
        }
    }
    if !complete.load(Ordering::Acquire) {
        return Ok(PackOutput::default());
    }
    for (data, last) in open.into_iter().enumerate() {
        last.into_iter().try_for_each(|writer| output.add(writer, data == 1, to_seal))?;
    }
    Ok(output)
}

impl PackOutput {
    /// Ends a pack: one of data goes to the sealer.
    fn add(&mut self, writer: PackWriter, data: bool, to_seal: &Sender<SealedPack>) -> Result<()> {
        let sealed = writer.seal()?;
        self.packs.push(sealed.id);
        if data {
            return to_seal.send(sealed).map_err(|_| stopped());
        }
        self.structure.push(sealed);
        Ok(())
    }
}

/// Syncs and names data packs; puts their rows into tables where they become many. Returns the rest.
fn seal(store: &Store, sealed: &Receiver<SealedPack>, tell: &Sender<DurableKeys>) -> Result<Vec<IndexRow>> {
    let layout = store.layout();
    let folder = layout.packs(ObjectKind::Chunk);
    let mut rows = Vec::new();
    for pack in sealed {
        rows.extend(pack.publish(&folder)?);
        if rows.len() >= ROWS_AT_ONCE {
            atomic::sync_folder(&folder)?;
            let keys = rows.iter().map(|row| row.key).collect();
            let table = IndexTable::of(std::mem::take(&mut rows));
            merged::add(&layout.index(), &layout.tmp(), &table)?;
            store.add_table(table);
            let _ = tell.send(DurableKeys { keys });
        }
    }
    Ok(rows)
}
