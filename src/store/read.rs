//! Finds objects and reads them, each checked against its name.

use std::collections::HashSet;
use std::fs::{self, File};
use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use quick_cache::{OptionsBuilder, Weighter, sync::Cache};

use crate::chunk::compress::{Codec, decompress};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{self, Id, Pack};
use crate::limits;
use crate::manifest::NodeSource;
use crate::object::node::Node;
use crate::object::{Key, ObjectKind};
use crate::pack::block::{self, BlockHead, DeltaRun, RunRange};
use crate::pack::index::{IndexRow, IndexTable};
use crate::pack::merged::{self, IndexTables};
use crate::pack::{reader, writer};
use crate::store::layout::Layout;

/// Bytes of decoded runs that are kept.
const CACHED_BYTES: u64 = 48 << 20;
/// Bytes of delta blocks that are kept as they are stored, since a run after the other is taken from them.
const CACHED_DELTAS: u64 = 16 << 20;
/// Times that the tables are read again for an object that is not where they say.
const REFRESHES: usize = 8;
/// Packs that are kept open.
const OPEN_PACKS: usize = 64;

/// The unit of decoding: a block that stands alone, or a run of a delta.
#[derive(Debug)]
struct DecodedRun {
    /// The start in the block uncompressed.
    start: usize,
    raw: Vec<u8>,
    /// The objects whose hashes were checked, and their ranges in `raw`: a chunk is read for the comparison of samples and
    /// as a base.
    verified: Mutex<HashSet<(Key, Range<usize>)>>,
}

impl DecodedRun {
    fn new(start: usize, raw: Vec<u8>) -> DecodedRun {
        DecodedRun { start, raw, verified: Mutex::default() }
    }

    /// Returns true if the bytes of this range are the object of this key; each is hashed once.
    fn is_verified(&self, key: &Key, range: &Range<usize>) -> bool {
        let object = (*key, range.clone());
        let verified = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified().contains(&object) {
            return true;
        }
        let matches = key.matches(&self.raw[range.clone()]);
        if matches {
            verified().insert(object);
        }
        matches
    }
}

/// A delta block as it is stored.
#[derive(Debug)]
struct DeltaBlock {
    head: BlockHead,
    stored: Vec<u8>,
    /// The start of the payload.
    payload: usize,
}

/// The bytes of an object.
#[derive(Clone, Debug)]
pub struct Object {
    decoded: Arc<DecodedRun>,
    range: Range<usize>,
}

impl Deref for Object {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.decoded.raw[self.range.clone()]
    }
}

#[derive(Clone)]
struct ByteWeighter;

/// A block, where in it what is decoded begins, and the depth of its row: bases have lower ones, so that no run is decoded
/// while it waits for itself, whatever the tables say.
type RunKey = (Id<Pack>, u32, u32, u8);

impl Weighter<RunKey, Arc<DecodedRun>> for ByteWeighter {
    fn weight(&self, _: &RunKey, decoded: &Arc<DecodedRun>) -> u64 {
        decoded.raw.len() as u64 + 64
    }
}

impl Weighter<(Id<Pack>, u32), Arc<DeltaBlock>> for ByteWeighter {
    fn weight(&self, _: &(Id<Pack>, u32), deltas: &Arc<DeltaBlock>) -> u64 {
        deltas.stored.len() as u64 * 2 + 64
    }
}

/// Returns a cache that holds so many bytes.
fn cache<K: Eq + std::hash::Hash, V: Clone>(bytes: u64) -> Result<Cache<K, V, ByteWeighter>>
where
    ByteWeighter: Weighter<K, V>,
{
    let options = OptionsBuilder::new().estimated_items_capacity(256).weight_capacity(bytes).shards(1).build();
    let options = options.map_err(|e| Error::usage(e.to_string()))?;
    Ok(Cache::with_options(options, ByteWeighter, Default::default(), Default::default()))
}

/// Packs with their paths, in the order of their ids.
pub type Packs = Vec<(Id<Pack>, PathBuf)>;

/// The objects of a repository.
pub struct Store {
    layout: Layout,
    tables: RwLock<Arc<IndexTables>>,
    /// A hash of the names of the tables and packs at the last refresh.
    refreshed: Mutex<Option<blake3::Hash>>,
    /// Packs that count as absent, since they are damaged.
    excluded: RwLock<HashSet<Id<Pack>>>,
    files: Mutex<Vec<(PathBuf, Arc<File>)>>,
    decoded: Cache<RunKey, Arc<DecodedRun>, ByteWeighter>,
    deltas: Cache<(Id<Pack>, u32), Arc<DeltaBlock>, ByteWeighter>,
}

impl Store {
    /// Opens a store for reading. Costs the mapping of its tables and nothing that grows with the number of packs.
    pub fn open(layout: Layout) -> Result<Store> {
        layout.check()?;
        let tables = RwLock::new(Arc::new(IndexTables::load(&layout.index())?));
        Ok(Store {
            layout,
            tables,
            refreshed: Mutex::default(),
            excluded: RwLock::default(),
            files: Mutex::default(),
            decoded: cache(CACHED_BYTES)?,
            deltas: cache(CACHED_DELTAS)?,
        })
    }

    /// Returns the layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the tables as they are now.
    pub fn tables(&self) -> Arc<IndexTables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks objects up in one more table from now on.
    pub(crate) fn add_table(&self, table: IndexTable) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        *tables = Arc::new(tables.with(table));
    }

    /// Writes a table of the rows of durable packs, and looks objects up in it from now on.
    pub(crate) fn index(&self, rows: Vec<IndexRow>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let table = IndexTable::of(rows);
        merged::add(&self.layout.index(), &self.layout.tmp(), &table)?;
        self.add_table(table);
        Ok(())
    }

    /// Reads the tables again but for damaged ones, and the contents of every pack that none of them covers, so that
    /// afterwards all that is in the store is found. Returns what could not be read.
    pub fn refresh(&self) -> Result<Vec<Error>> {
        // Before the tables are read: what comes meanwhile is a change.
        *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.names_hash()?);
        let (tables, stray) = self.covering_tables(IndexTables::load(&self.layout.index())?.intact())?;
        let (rows, problems) = read_contents(stray.into_iter());
        self.set_tables(if rows.is_empty() { tables } else { tables.with(IndexTable::of(rows)) });
        Ok(problems)
    }

    /// Refreshes unless nothing came or went since the last time, so that many damaged objects cost one pass. Returns
    /// whether it did.
    fn refresh_if_changed(&self) -> Result<bool> {
        let last = *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = last != Some(self.names_hash()?);
        if changed {
            self.refresh()?;
        }
        Ok(changed)
    }

    /// Returns a hash of the names of the tables and packs.
    fn names_hash(&self) -> Result<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        for path in merged::files(&self.layout.index()) {
            hasher.update(path.as_os_str().as_encoded_bytes());
            hasher.update(&[0]);
        }
        for (id, _) in self.packs()? {
            hasher.update(id.as_bytes());
        }
        Ok(hasher.finalize())
    }

    /// Has the next read that fails refresh again: damaged tables were read anew.
    pub(super) fn forget_refresh(&self) {
        *self.refreshed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns those of the tables that name only packs that are there, and the packs that they do not cover.
    pub(super) fn covering_tables(&self, tables: IndexTables) -> Result<(IndexTables, Packs)> {
        let mut packs = self.packs()?;
        let tables = tables.within(&packs.iter().map(|(id, _)| *id).collect());
        let covered = tables.packs();
        packs.retain(|(id, _)| !covered.contains(id));
        Ok((tables, packs))
    }

    pub(super) fn set_tables(&self, tables: IndexTables) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tables);
    }

    /// Treats these packs, and no others, as absent from now on: a writer stores again what only they hold.
    pub fn exclude(&self, packs: impl IntoIterator<Item = Id<Pack>>) -> Result<()> {
        *self.excluded.write().unwrap_or_else(PoisonError::into_inner) = packs.into_iter().collect();
        self.refresh().map(drop)
    }

    /// Returns every pack that is not excluded, with its path.
    pub fn packs(&self) -> Result<Packs> {
        let mut packs = Vec::new();
        let excluded = self.excluded.read().unwrap_or_else(PoisonError::into_inner);
        for folder in [ObjectKind::Chunk, ObjectKind::Node].map(|kind| self.layout.packs(kind)) {
            let fail = |e| Error::io("cannot read the folder", &folder, e);
            for entry in fs::read_dir(&folder).map_err(fail)? {
                let path = entry.map_err(fail)?.path();
                let id = path.file_stem().and_then(|s| s.to_str()).and_then(Id::from_hex);
                if let Some(id) = id.filter(|id| !excluded.contains(id) && path.extension().is_some_and(|e| e == "pack")) {
                    packs.push((id, path));
                }
            }
        }
        packs.sort();
        Ok(packs)
    }

    /// Returns true if the tables know the object. A miss may be an object that another process stored since.
    pub fn contains(&self, key: &Key) -> bool {
        self.tables().contains(key)
    }

    /// Returns the location of an object with the fewest deltas below it.
    pub fn locate(&self, key: &Key) -> Option<IndexRow> {
        self.tables().find(key).into_iter().next()
    }

    /// Reads an object. Fails with [`ErrorKind::Damaged`] if it is missing or not what its name says.
    pub fn get(&self, key: &Key) -> Result<Object> {
        self.get_below(key, limits::BLOCK_DEPTH, true)
    }

    /// Reads an object without checking its hash, for callers that check the hash of the whole.
    pub fn get_unchecked(&self, key: &Key) -> Result<Object> {
        self.get_below(key, limits::BLOCK_DEPTH, false)
    }

    /// Reads an object whose block lies above at most `depth` deltas. Without `check`, its bytes are not held against its
    /// name: for a base, since what is decoded with it is.
    fn get_below(&self, key: &Key, depth: u8, check: bool) -> Result<Object> {
        let mut read = self.read_any(key, depth, check);
        // The tables may be older than the packs, or damaged. While a collector moves objects, they age more than once.
        for _ in 0..REFRESHES {
            match read {
                Err(e) if e.kind() == ErrorKind::Interrupted => return Err(e),
                Err(_) if self.refresh_if_changed()? => read = self.read_any(key, depth, check),
                read => return read,
            }
        }
        read
    }

    fn read_any(&self, key: &Key, depth: u8, check: bool) -> Result<Object> {
        let mut error = None;
        for row in self.tables().find(key).iter().filter(|row| row.depth <= depth) {
            match self.read(row, check) {
                Ok(object) => return Ok(object),
                Err(e) => error = error.or(Some(e)),
            }
        }
        Err(error.unwrap_or_else(|| Error::damaged(format!("{key} is missing from the store"))))
    }

    /// Reads the object of a row. With `check`, its hash is checked.
    pub(crate) fn read(&self, row: &IndexRow, check: bool) -> Result<Object> {
        let decoded = if row.depth == 0 { self.decode_block(row)? } else { self.decode_run(row)? };
        let start = (row.raw_at as usize).checked_sub(decoded.start);
        let range = start.map(|start| start..start + row.raw_len as usize);
        match range.filter(|range| range.end <= decoded.raw.len()) {
            Some(range) if !check || decoded.is_verified(&row.key, &range) => Ok(Object { decoded, range }),
            _ => Err(self.damaged(row, "its content does not match its hash")),
        }
    }

    fn damaged(&self, row: &IndexRow, why: impl std::fmt::Display) -> Error {
        let path = writer::path_in(&self.layout.packs(row.key.kind), &row.pack);
        Error::damaged(format!("{} in {} is damaged: {why}", row.key, path.display()))
    }

    /// Returns the stored bytes of a block.
    pub(super) fn read_block_bytes(&self, row: &IndexRow) -> Result<Vec<u8>> {
        let path = writer::path_in(&self.layout.packs(row.key.kind), &row.pack);
        let file = self.open_pack(&path)?;
        reader::read_at(&file, &path, u64::from(row.offset), row.len as usize)
    }

    /// Returns the block at `row`, which stands alone.
    fn decode_block(&self, row: &IndexRow) -> Result<Arc<DecodedRun>> {
        self.decoded.get_or_insert_with(&(row.pack, row.offset, 0, 0), || {
            let (head, stored, payload) = self.block(row)?;
            let raw = decompress(head.codec, &stored[payload..], b"", head.raw_len());
            Ok(Arc::new(DecodedRun::new(0, raw.map_err(|_| self.damaged(row, "decompression failed"))?)))
        })
    }

    /// Returns the run of the delta at `row` that holds the object.
    fn decode_run(&self, row: &IndexRow) -> Result<Arc<DecodedRun>> {
        let deltas = self.deltas(row)?;
        let (run, range) = self.run_range(row, &deltas)?;
        if deltas.head.depth != row.depth {
            return Err(self.damaged(row, "its block is at another depth"));
        }
        self.decoded.get_or_insert_with(&(row.pack, row.offset, range.raw.start as u32, row.depth), || {
            let base = self.base_bytes(&run.bases, row.depth).map_err(|e| e.within(format!("the base of {}", row.key)))?;
            let frame = deltas.stored.get(deltas.payload..).and_then(|payload| payload.get(range.frame.clone()));
            let raw = frame.and_then(|frame| decompress(Codec::Delta, frame, &base, range.raw.len()).ok());
            let raw = raw.ok_or_else(|| self.damaged(row, "decompression failed"))?;
            Ok(Arc::new(DecodedRun::new(range.raw.start, raw)))
        })
    }

    /// Returns the bytes of the base of a run whose block lies above so many deltas.
    pub(crate) fn base_bytes(&self, bases: &[Key], depth: u8) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for key in bases {
            // A base lies strictly less deep, so that no circle can be followed.
            let object = self.get_below(key, depth.saturating_sub(1), false)?;
            if bytes.len() + object.len() > limits::BASE {
                return Err(Error::damaged("it is too long"));
            }
            bytes.extend_from_slice(&object);
        }
        Ok(bytes)
    }

    /// Returns the run that holds the object.
    fn run_range<'d>(&self, row: &IndexRow, deltas: &'d DeltaBlock) -> Result<(&'d DeltaRun, RunRange)> {
        let found = deltas.head.run_ranges().find(|(_, range)| range.raw.contains(&(row.raw_at as usize)));
        found.ok_or_else(|| self.damaged(row, "its block has no object at its position"))
    }

    fn deltas(&self, row: &IndexRow) -> Result<Arc<DeltaBlock>> {
        self.deltas.get_or_insert_with(&(row.pack, row.offset), || {
            let (head, stored, payload) = self.block(row)?;
            Ok(Arc::new(DeltaBlock { head, stored, payload }))
        })
    }

    /// Returns the head of a block, its stored bytes, and where in them the payload begins.
    fn block(&self, row: &IndexRow) -> Result<(BlockHead, Vec<u8>, usize)> {
        let stored = self.read_block_bytes(row)?;
        // Chunks are held against their own hashes once they are decoded, which says more than the block's check.
        let opened = if row.key.kind == ObjectKind::Chunk { block::head(&stored) } else { block::decode(&stored) };
        let (head, payload) = opened.map_err(|e| self.damaged(row, e))?;
        let is_listed = head.depth == row.depth && head.kind == row.key.kind && head.has_object(row.raw_at, row.raw_len);
        if !is_listed {
            return Err(self.damaged(row, "its block does not match the table of contents"));
        }
        Ok((head, stored, payload))
    }

    /// Returns the base of the delta run at `row` that contains the object, and the range of the run in the block.
    pub(crate) fn base(&self, row: &IndexRow) -> Result<(Vec<Key>, Range<usize>)> {
        let deltas = self.deltas(row)?;
        let (run, range) = self.run_range(row, &deltas)?;
        Ok((run.bases.clone(), range.raw))
    }

    fn open_pack(&self, path: &PathBuf) -> Result<Arc<File>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = files.iter().position(|(p, _)| p == path) {
            let found = files.remove(at);
            let file = found.1.clone();
            files.push(found);
            return Ok(file);
        }
        let file = Arc::new(reader::open(path)?);
        if files.len() >= OPEN_PACKS {
            files.remove(0);
        }
        files.push((path.clone(), file.clone()));
        Ok(file)
    }
}

/// Packs whose rows are held in memory at once: some hundred thousand rows.
pub(super) const REBUILT_AT_ONCE: usize = 256;

/// Returns the rows of packs, and what could not be read.
pub(crate) fn read_contents(packs: impl Iterator<Item = (Id<Pack>, PathBuf)>) -> (Vec<IndexRow>, Vec<Error>) {
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for (id, path) in packs {
        match reader::read_toc(&path) {
            Ok(blocks) => rows.extend(writer::rows(&id, &blocks)),
            Err(e) => problems.push(e),
        }
    }
    (rows, problems)
}

impl NodeSource for Store {
    fn node(&self, id: Id<id::NodeId>) -> Result<Node> {
        let key = Key::from(id);
        Node::decode(&self.get(&key)?).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("root", &self.layout.root()).finish_non_exhaustive()
    }
}
