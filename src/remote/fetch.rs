//! Brings versions and facts from a remote into the store.
//!
//! Packs of structure are read whole, level by level from what is wanted. Of data, a pack of which most is needed is read
//! whole and keeps its name; of others only the blocks with needed chunks are read, and the chunks are stored anew. Nothing is
//! used before it was checked against its hash, and the refs of versions are created by the caller, after all that they lead to
//! is durable.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::chunk::cut;
use crate::error::{Error, Result};
use crate::id::{FactId, Id, NodeId, Pack, VersionId};
use crate::manifest::NodeSource;
use crate::object::fact::{Fact, Statement};
use crate::object::node::{Entry, EntryKind, Node};
use crate::object::recipe::Recipe;
use crate::object::{Key, ObjectKind};
use crate::pack::index::{IndexRow, IndexTable};
use crate::pack::{merged, reader, writer};
use crate::parallel;
use crate::progress::{Progress, Stage};
use crate::remote::Remote;
use crate::remote::blocks::BlockReader;
use crate::remote::cache::RemoteCache;
use crate::remote::download;
use crate::remote::files::DAMAGED;
use crate::remote::history::PushHistory;
use crate::remote::nodes;
use crate::remote::record::{PackKind, RemotePack};
use crate::remote::tables::RemoteTables;
use crate::selection::Matcher;
use crate::store::{Store, Writer, check_form};

/// Chunks that are looked for together: 32 MiB of their ids.
const CHUNKS: usize = 1 << 20;

/// A fetch under way.
pub struct FetchSession<'a> {
    store: &'a Arc<Store>,
    remote: &'a dyn Remote,
    tables: RemoteTables,
    progress: &'a dyn Progress,
    /// zstd's level for chunks that are stored anew.
    level: i32,
    packs: HashMap<Id<Pack>, RemotePack>,
    /// Holds off garbage collection.
    _writer: Writer<'a>,
}

impl<'a> FetchSession<'a> {
    /// Begins a fetch.
    ///
    /// # Errors
    /// If the index tables of the remote cannot be read.
    pub fn new(
        store: &'a Arc<Store>,
        remote: &'a dyn Remote,
        cache: &RemoteCache,
        history: &PushHistory,
        level: i32,
        progress: &'a dyn Progress,
    ) -> Result<FetchSession<'a>> {
        let all = history.all();
        let tables = RemoteTables::open(cache, remote, &all.tables, progress)?;
        let packs = all.packs.into_iter().map(|pack| (pack.id, pack)).collect();
        let _writer = Writer::new(store, level)?;
        progress.begin(Stage::Download, 0, 0);
        Ok(FetchSession { store, remote, tables, progress, level, packs, _writer })
    }

    /// Brings versions with the contents of their files, or of those that are selected. Durable when it returns.
    ///
    /// It does not enter the nodes of parents that have refs here, since these are complete.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if the remote lacks something of them, or has it damaged.
    pub fn versions(&self, versions: &[Id<VersionId>], selection: Option<&Matcher>) -> Result<()> {
        self.objects(versions.iter().copied().map(Key::from).collect())?;
        let (mut nodes, mut leaves, mut walked) = (Vec::new(), Vec::new(), HashSet::new());
        for id in versions {
            let version = self.store.version(*id)?;
            for parent in version.parents.iter().filter_map(|parent| self.complete(*parent)) {
                nodes::add(&**self.store, parent, &mut walked)?;
            }
            nodes.push((version.manifest, u8::MAX));
            leaves.extend(version.schema.map(Key::from));
            leaves.extend(version.verdict.map(Key::from));
        }
        self.objects(leaves)?;
        let mut contents = ContentQueue::default();
        while !nodes.is_empty() {
            nodes.retain(|(id, _)| walked.insert(*id));
            self.objects(nodes.iter().map(|(id, _)| Key::from(*id)).collect())?;
            let mut below = Vec::new();
            for (id, above) in std::mem::take(&mut nodes) {
                self.progress.check()?;
                match self.store.node(id)? {
                    node if node.level() >= above => {
                        return Err(Error::damaged(format!("manifest node {id} is at the wrong level")));
                    }
                    Node::Leaf(entries) => {
                        entries.iter().filter(|entry| is_wanted(entry, selection)).for_each(|entry| contents.add(entry));
                        if contents.len() >= CHUNKS {
                            self.contents(std::mem::take(&mut contents))?;
                        }
                    }
                    Node::Inner(level, children) => below.extend(children.iter().map(|child| (child.id, level))),
                }
            }
            nodes = below;
        }
        self.contents(contents)
    }

    /// Returns the manifest of a version that has a ref here.
    fn complete(&self, id: Id<VersionId>) -> Option<Id<NodeId>> {
        let version = self.store.contains(&Key::from(id)).then(|| self.store.version(id).ok())??;
        let own = self.store.refs().get(&version.dataset, &version.number).ok()?;
        (own == Some(id)).then_some(version.manifest)
    }

    /// Brings the contents of files.
    fn contents(&self, queue: ContentQueue) -> Result<()> {
        let ContentQueue { mut chunks, unclear } = queue;
        let mut recipes = Vec::new();
        for key in unclear {
            // A file of this size is one chunk or several.
            if self.store.contains(&key) || self.tables.contains(&key) {
                chunks.push(key.id);
            } else {
                recipes.push(Key { kind: ObjectKind::Recipe, ..key });
            }
        }
        self.objects(recipes.clone())?;
        let mut open = Vec::new();
        for key in recipes {
            let (_, recipe) = Recipe::decode_root(&self.store.get(&key)?).map_err(|e| malformed(&key, e))?;
            open.push(recipe);
        }
        while !open.is_empty() {
            let mut below = Vec::new();
            for recipe in std::mem::take(&mut open) {
                for item in &recipe.items {
                    let key = recipe.key(item);
                    if key.kind == ObjectKind::Chunk { chunks.push(key.id) } else { below.push((key, recipe.level)) }
                }
                if chunks.len() >= CHUNKS {
                    self.chunks(std::mem::take(&mut chunks))?;
                }
            }
            self.objects(below.iter().map(|(key, _)| *key).collect())?;
            for (key, level) in below {
                let node = Recipe::decode(&self.store.get(&key)?).map_err(|e| malformed(&key, e))?;
                if node.level >= level {
                    return Err(Error::damaged(format!("{key} does not match the position of its reference")));
                }
                open.push(node);
            }
        }
        self.chunks(chunks)
    }

    /// Brings a fact, those before it, and their verdicts. Durable when it returns.
    ///
    /// It does not go beyond `known` facts: those that an entry of this store leads to.
    ///
    /// # Errors
    /// As [`FetchSession::versions`].
    pub fn facts(&self, head: Id<FactId>, known: &HashSet<Id<FactId>>) -> Result<()> {
        let (mut open, mut seen) = (vec![head], HashSet::new());
        while !open.is_empty() {
            open.retain(|id| !known.contains(id) && seen.insert(*id));
            self.objects(open.iter().copied().map(Key::from).collect())?;
            let (mut parents, mut verdicts) = (Vec::new(), Vec::new());
            for id in std::mem::take(&mut open) {
                self.progress.check()?;
                let key = Key::from(id);
                let fact = Fact::decode(&self.store.get(&key)?).map_err(|e| malformed(&key, e))?;
                if let Statement::Validated { verdict, .. } = fact.statement {
                    verdicts.push(Key::from(verdict));
                }
                parents.extend(fact.parents);
            }
            self.objects(verdicts)?;
            open = parents;
        }
        Ok(())
    }

    /// Brings objects of structure, with all others of their packs.
    fn objects(&self, mut keys: Vec<Key>) -> Result<()> {
        keys.retain(|key| !self.store.contains(key));
        let mut packs = BTreeSet::new();
        for key in &keys {
            packs.insert(self.pack(&self.locate(key)?)?.clone());
        }
        let packs: Vec<RemotePack> = packs.into_iter().collect();
        self.whole_packs(&packs)
    }

    /// Brings chunks.
    fn chunks(&self, mut ids: Vec<[u8; 32]>) -> Result<()> {
        ids.sort_unstable();
        ids.dedup();
        let keys = ids.into_iter().map(|id| Key { id, kind: ObjectKind::Chunk });
        let mut rows: BTreeMap<Id<Pack>, Vec<IndexRow>> = BTreeMap::new();
        for key in keys.filter(|key| !self.store.contains(key)) {
            let row = self.locate(&key)?;
            rows.entry(row.pack).or_default().push(row);
        }
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for (id, mut rows) in rows {
            let Some(pack) = self.packs.get(&id) else { return Err(unlisted(&id)) };
            rows.sort_by_key(|row| (row.offset, row.raw_at));
            let mut blocks: Vec<(u32, u32)> = rows.iter().map(|row| (row.offset, row.len)).collect();
            blocks.dedup();
            let needed: u64 = blocks.iter().map(|(_, len)| u64::from(*len)).sum();
            if needed * 3 >= pack.len * 2 {
                whole.push((rows.iter().map(|row| row.depth).max(), pack.clone()));
            } else {
                parts.extend(rows);
            }
        }
        // Bases lie less deep.
        whole.sort();
        let whole: Vec<RemotePack> = whole.into_iter().map(|(_, pack)| pack).collect();
        for group in whole.chunks(download::GROUP) {
            self.whole_packs(group)?;
        }
        let bring = |bases| self.chunks(bases);
        let FetchSession { store, remote, level, progress, .. } = self;
        BlockReader { store, remote: *remote, level: *level, bring: &bring, progress: *progress }.read(parts)
    }

    /// Reads packs whole, with the bases of their deltas. They are used once all of it was checked.
    fn whole_packs(&self, packs: &[RemotePack]) -> Result<()> {
        if packs.is_empty() {
            return Ok(());
        }
        let layout = self.store.layout();
        let paths: Vec<PathBuf> =
            packs.iter().map(|pack| writer::path_in(&layout.packs(pack.contents.kind()), &pack.id)).collect();
        download::packs(self.remote, packs, &layout.tmp(), &paths, self.progress)?;
        let mut rows = Vec::new();
        for (pack, path) in packs.iter().zip(&paths) {
            rows.extend(writer::rows(&pack.id, &reader::read_toc(path)?));
        }
        let table = IndexTable::of(rows);
        let bases = self.missing_bases(&paths, &table)?;
        self.chunks(bases)?;
        let rows: Vec<IndexRow> = (0..table.len()).filter_map(|n| table.row(n)).collect();
        self.store.add_table(IndexTable::of(rows.clone()));
        if let Err(e) = self.verify(rows) {
            // No other command must rely on them.
            paths.iter().try_for_each(|path| crate::fs::atomic::remove_file(path))?;
            return Err(e);
        }
        merged::add(&layout.index(), &layout.tmp(), &table)
    }

    /// Returns the bases of the deltas of packs that neither they nor the store have less deep.
    fn missing_bases(&self, paths: &[PathBuf], own: &IndexTable) -> Result<Vec<[u8; 32]>> {
        let mut missing = Vec::new();
        for path in paths {
            self.progress.check()?;
            let (blocks, file) = (reader::read_toc(path)?, reader::open(path)?);
            for block in blocks.iter().filter(|block| block.depth > 0) {
                let bases = reader::read_head(&file, path, block)?.runs.into_iter().flat_map(|run| run.bases);
                let is_less_deep = |row: &IndexRow| row.depth < block.depth;
                missing.extend(bases.filter(|base| {
                    !own.find(base).any(|row| is_less_deep(&row)) && !self.store.tables().find(base).iter().any(is_less_deep)
                }));
            }
        }
        Ok(missing.into_iter().map(|base| base.id).collect())
    }

    /// Reads every object at these places and holds it against its name.
    fn verify(&self, mut rows: Vec<IndexRow>) -> Result<()> {
        rows.sort_by_key(|row| (row.depth, row.pack, row.offset, row.raw_at));
        let blocks = rows.chunk_by(|a, b| (a.pack, a.offset) == (b.pack, b.offset));
        let check = |row: &IndexRow| {
            let object = self.store.read(row, true)?;
            let is_chunk = row.key.kind == ObjectKind::Chunk;
            if is_chunk { Ok(()) } else { check_form(&row.key, &object).map_err(|e| malformed(&row.key, e)) }
        };
        let damaged = |e: Error| {
            if e.ends_check() { e } else { e.within("the remote").with_hint(DAMAGED) }
        };
        let work = |rows: &[IndexRow]| self.progress.check().and_then(|()| rows.iter().try_for_each(check));
        parallel::windows(blocks, work, |checked| checked.map_err(damaged))
    }

    /// Returns the place of an object on the remote.
    fn locate(&self, key: &Key) -> Result<IndexRow> {
        let row = self.tables.find(key).into_iter().next();
        row.ok_or_else(|| Error::damaged(format!("the remote lacks {key}")).with_hint(DAMAGED))
    }

    fn pack(&self, row: &IndexRow) -> Result<&RemotePack> {
        self.packs.get(&row.pack).filter(|pack| pack.contents == PackKind::of(row.key.kind)).ok_or_else(|| unlisted(&row.pack))
    }
}

fn unlisted(id: &Id<Pack>) -> Error {
    Error::damaged(format!("the remote lists no pack {id}, but its index does")).with_hint(DAMAGED)
}

fn malformed(key: &Key, e: crate::codec::Malformed) -> Error {
    Error::damaged(format!("{key} is damaged: {e}"))
}

/// Returns true if the content of an entry is brought.
fn is_wanted(entry: &Entry, selection: Option<&Matcher>) -> bool {
    let has_content = entry.kind != EntryKind::Folder && entry.size > 0;
    has_content && selection.is_none_or(|selection| selection.selects(entry.path.as_str()))
}

/// The contents of files that are looked for.
#[derive(Default)]
struct ContentQueue {
    /// Files of one chunk.
    chunks: Vec<[u8; 32]>,
    /// Files that are one chunk or several, by the chunk that they would be.
    unclear: Vec<Key>,
}

impl ContentQueue {
    fn add(&mut self, entry: &Entry) {
        let id = *entry.content.as_bytes();
        if entry.size <= cut::MIN as u64 {
            self.chunks.push(id);
        } else {
            self.unclear.push(Key { id, kind: ObjectKind::Chunk });
        }
    }

    fn len(&self) -> usize {
        self.chunks.len() + self.unclear.len()
    }
}
