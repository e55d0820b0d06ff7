//! Adds objects to the store: what it has already is not stored again, the rest is grouped and compressed together.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::Result;
use crate::fs::lock::{self, Lock};
use crate::id::{Content, Id, Pack};
use crate::limits;
use crate::object::recipe::{NewObject, RecipeBuilder, RecipeItem};
use crate::object::{Key, ObjectKind};
use crate::store::accept::accept;
use crate::store::delta::{DEPTH, Follower, PIECE_BYTES, RunPiece};
use crate::store::pipeline::{DurablePacks, GroupRun, ObjectGroup, Pipeline};
use crate::store::read::Store;

/// Bytes of manifest nodes and the like that are compressed together.
pub(crate) const STRUCTURE_GROUP: usize = 128 << 10;
/// Bytes of short runs, such as small files, that become one: so they compress as well as one long one. Chunks of large
/// files are longer, and keep runs of their own.
const RUN_TOGETHER: usize = 16 << 10;
/// Bytes of bases in a group.
const GROUP_BASE: usize = 4 << 20;

/// The kinds of objects that lie in structure packs, each in groups of its own: all but chunks.
const STRUCTURE: [ObjectKind; ObjectKind::ALL.len() - 1] = {
    let [_chunk, structure @ ..] = ObjectKind::ALL;
    structure
};

/// The writer of one commit. Holds off the collection of garbage from before its first look-up until it is dropped, which
/// must be after the ref that makes its objects reachable.
pub struct Writer<'a> {
    store: &'a Arc<Store>,
    _gc: Option<Lock>,
    /// None for a writer that only finds out.
    pipeline: Option<Pipeline>,
    /// The objects that this writer took and no table has yet.
    pending: HashSet<Key>,
    /// The packs that were there before. What lies in them is read before it is relied on, where it is cheap or has to be.
    older: HashSet<Id<Pack>>,
    /// True if all objects in them are read: after damage was found.
    verifies_existing: bool,
    alone: ObjectGroup,
    /// Runs by the deltas that they lie above, less one: all of a block lie equally deep.
    deltas: [ObjectGroup; DEPTH as usize],
    structure: [ObjectGroup; STRUCTURE.len()],
}

impl<'a> Writer<'a> {
    /// Begins to write; `level` is zstd's. Brings the tables up to date first, so that no table names a pack that is not
    /// there.
    pub fn new(store: &'a Arc<Store>, level: i32) -> Result<Writer<'a>> {
        let gc = lock::shared(&store.layout().gc_lock())?;
        store.index_uncovered_packs()?;
        let pipeline = Pipeline::start(store.clone(), level)?;
        Ok(Writer::begin(store, Some(gc), Some(pipeline)))
    }

    /// Returns a writer that goes through all motions and stores nothing. The store may be read-only.
    pub fn dry(store: &'a Arc<Store>) -> Result<Writer<'a>> {
        let gc = match lock::shared(&store.layout().gc_lock()) {
            Err(e) if e.is_refused_write() => None,
            lock => Some(lock?),
        };
        match store.index_uncovered_packs() {
            Err(e) if e.is_refused_write() => drop(store.refresh()?),
            covered => covered?,
        }
        Ok(Writer::begin(store, gc, None))
    }

    fn begin(store: &'a Arc<Store>, gc: Option<Lock>, pipeline: Option<Pipeline>) -> Writer<'a> {
        Writer {
            store,
            _gc: gc,
            pipeline,
            pending: HashSet::new(),
            older: store.tables().packs(),
            verifies_existing: store.has_known_damage(),
            alone: ObjectGroup::new(ObjectKind::Chunk),
            deltas: [ObjectKind::Chunk; DEPTH as usize].map(ObjectGroup::new),
            structure: STRUCTURE.map(ObjectGroup::new),
        }
    }

    /// Reads every object that is there already before it relies on it, and stores it again where it is damaged: for a
    /// store of which a part could not be read. Nothing is compressed against what is there.
    pub fn verify_existing(&mut self) {
        self.verifies_existing = true;
    }

    /// Claims an object for this writer; returns true if it has to be stored. With `check`, an existing object is read
    /// first.
    fn claim(&mut self, key: Key, check: bool) -> bool {
        let there = self.store.contains(&key) && (!check || self.is_readable(&key));
        let new = !there && self.pending.insert(key);
        for durable in self.pipeline.iter().flat_map(Pipeline::durable) {
            for key in durable.keys {
                self.pending.remove(&key);
            }
        }
        new
    }

    /// Returns true if an existing object can be read. Objects that this writer stored need not be.
    fn is_readable(&self, key: &Key) -> bool {
        match self.store.locate(key) {
            Some(row) if self.older.contains(&row.pack) => self.store.get(key).is_ok(),
            located => located.is_some(),
        }
    }

    fn submit(&mut self, group: ObjectGroup) -> Result<()> {
        match &mut self.pipeline {
            Some(pipeline) if !group.is_empty() => pipeline.submit(group),
            _ => Ok(()),
        }
    }

    /// Begins a file that takes the place of `old`, if of any: its content and size.
    pub fn file(&self, old: Option<(Id<Content>, u64)>) -> FileWriter<'a> {
        let followed = old.filter(|_| !self.verifies_existing);
        let follower = followed.and_then(|(content, size)| Follower::of(self.store, content, size)).map(Box::new);
        FileWriter { follower, recipe: RecipeBuilder::default(), chunks: 0, check: self.verifies_existing || old.is_none() }
    }

    /// Stores an object other than a chunk, unless it is there; true if it was not. Fails if no reader would accept it.
    pub fn structure(&mut self, key: Key, bytes: &[u8]) -> Result<bool> {
        if !self.claim(key, true) {
            return Ok(false);
        }
        accept(&key, bytes)?;
        let Some(group) = self.structure.iter_mut().find(|g| g.kind == key.kind) else { return Ok(false) };
        if !group.is_empty() && group.raw.len() + bytes.len() > STRUCTURE_GROUP || group.ids.len() >= limits::BLOCK_OBJECTS {
            let full = std::mem::replace(group, ObjectGroup::new(key.kind));
            group.add(key.id, bytes);
            self.submit(full)?;
        } else {
            group.add(key.id, bytes);
        }
        Ok(true)
    }

    /// Stores an object of any kind that was read from elsewhere, unless it is there and can be read; true if it was not.
    pub fn object(&mut self, key: Key, bytes: &[u8]) -> Result<bool> {
        if key.kind != ObjectKind::Chunk {
            return self.structure(key, bytes);
        }
        let new = self.claim(key, true);
        if new {
            self.store_alone(key.id, bytes)?;
        }
        Ok(new)
    }

    fn store_alone(&mut self, id: [u8; 32], bytes: &[u8]) -> Result<()> {
        if self.alone.raw.len() + bytes.len() > PIECE_BYTES || self.alone.ids.len() >= limits::BLOCK_OBJECTS {
            self.flush_alone()?;
        }
        self.alone.add(id, bytes);
        Ok(())
    }

    fn store_piece(&mut self, piece: RunPiece) -> Result<()> {
        let RunPiece { chunks, raw, base } = piece;
        let mut rest = &raw[..];
        let Some(level) = base.depth.checked_sub(1).map(usize::from) else {
            return chunks.iter().try_for_each(|(id, len)| {
                let (chunk, after) = rest.split_at(*len as usize);
                rest = after;
                self.store_alone(*id, chunk)
            });
        };
        let group = &mut self.deltas[level];
        let bases: usize = group.runs.iter().map(|run| run.base.len).sum();
        let keys: usize = group.runs.iter().map(|run| run.base.keys.len()).sum();
        let objects = group.ids.len() + chunks.len();
        if group.raw.len() + raw.len() > PIECE_BYTES
            || bases + base.len > GROUP_BASE
            || objects > limits::BLOCK_OBJECTS
            || keys + base.keys.len() > limits::BLOCK_BASES
        {
            let full = std::mem::replace(group, ObjectGroup::new(ObjectKind::Chunk));
            self.submit(full)?;
        }
        let group = &mut self.deltas[level];
        match group.runs.last_mut().filter(|run| run.raw_len + raw.len() <= RUN_TOGETHER) {
            Some(run) => run.join(chunks.len() as u32, raw.len(), base),
            None => group.runs.push(GroupRun { objects: chunks.len() as u32, raw_len: raw.len(), base }),
        }
        group.ids.extend(chunks.iter().map(|(id, _)| id));
        group.lens.extend(chunks.iter().map(|(_, len)| len));
        if group.raw.is_empty() {
            group.raw = raw;
        } else {
            group.raw.extend_from_slice(&raw);
        }
        Ok(())
    }

    fn flush_alone(&mut self) -> Result<()> {
        let group = std::mem::replace(&mut self.alone, ObjectGroup::new(ObjectKind::Chunk));
        self.submit(group)
    }

    /// Waits until everything is durable, data before structure.
    pub fn finish(mut self) -> Result<DurableWrite> {
        self.flush_alone()?;
        let deltas = std::mem::replace(&mut self.deltas, [ObjectKind::Chunk; DEPTH as usize].map(ObjectGroup::new));
        deltas.into_iter().try_for_each(|group| self.submit(group))?;
        for group in std::mem::replace(&mut self.structure, STRUCTURE.map(ObjectGroup::new)) {
            self.submit(group)?;
        }
        let Some(pipeline) = self.pipeline else { return Ok(DurableWrite { bytes: 0, _gc: self._gc }) };
        let DurablePacks { rows, bytes, .. } = pipeline.finish()?;
        self.store.index(rows)?;
        Ok(DurableWrite { bytes, _gc: self._gc })
    }
}

/// Objects of a writer that are durable. It holds off garbage collection: keep it until the ref exists.
#[derive(Debug)]
pub struct DurableWrite {
    /// Bytes of the packs that were written.
    pub bytes: u64,
    _gc: Option<Lock>,
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("store", &self.store).finish_non_exhaustive()
    }
}

/// A file that is being stored, chunk by chunk.
#[derive(Debug)]
pub struct FileWriter<'a> {
    follower: Option<Box<Follower<'a>>>,
    recipe: RecipeBuilder,
    chunks: u64,
    /// True if existing chunks are read. Those of a file that replaces another are not, since most of them are its own.
    check: bool,
}

impl FileWriter<'_> {
    /// Adds the next chunk.
    pub fn chunk(&mut self, writer: &mut Writer<'_>, id: [u8; 32], bytes: &[u8]) -> Result<()> {
        self.chunks += 1;
        let mut objects = Vec::new();
        self.recipe.chunk(RecipeItem { id, len: bytes.len() as u64 }, &mut objects);
        store_all(writer, objects)?;
        let new = writer.claim(Key { id, kind: ObjectKind::Chunk }, self.check);
        match &mut self.follower {
            Some(follower) => {
                let run = follower.chunk(&id, bytes, new)?;
                run.into_iter().try_for_each(|piece| writer.store_piece(piece))
            }
            None if new => writer.store_alone(id, bytes),
            None => Ok(()),
        }
    }

    /// Ends the file.
    pub fn finish(mut self, writer: &mut Writer<'_>, content: Id<Content>) -> Result<()> {
        if let Some(follower) = &mut self.follower {
            follower.finish().into_iter().try_for_each(|piece| writer.store_piece(piece))?;
        }
        if self.chunks > 1 {
            let mut objects = Vec::new();
            self.recipe.finish(content, &mut objects);
            store_all(writer, objects)?;
        }
        Ok(())
    }
}

fn store_all(writer: &mut Writer<'_>, objects: Vec<NewObject>) -> Result<()> {
    objects.iter().try_for_each(|object| writer.structure(object.key, &object.bytes).map(drop))
}
