//! The objects that a push sends: those that its versions and facts lead to and the remote does not have.
//!
//! A pack of which everything is sent goes as it is. Of another one only the objects that are needed are copied to a new pack,
//! so that nothing leaves this machine that no version on the remote needs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use crate::chunk::cut;
use crate::error::{Error, Result};
use crate::id::{Content, Id, NodeId, Pack, VersionId};
use crate::limits;
use crate::manifest::NodeSource;
use crate::object::node::{Entry, EntryKind, Node};
use crate::object::recipe::Recipe;
use crate::object::{Key, ObjectKind};
use crate::pack::index::IndexRow;
use crate::pack::reader;
use crate::progress::Progress;
use crate::remote::nodes;
use crate::remote::record::{PackKind, RemotePack};
use crate::remote::tables::RemoteTables;
use crate::store::Store;
use crate::store::gc::Marks;

/// The objects that a push begins with.
#[derive(Clone, Debug, Default)]
pub struct PushRoots {
    /// Versions. Their ancestors are sent as well, as far as the store has them.
    pub versions: Vec<Id<VersionId>>,
    /// Objects that lead to nothing else, such as facts and verdicts.
    pub objects: Vec<Key>,
}

/// A pack of the store, and how much of it is sent.
#[derive(Clone, Debug)]
pub(super) struct OutgoingPack {
    /// The pack.
    pub pack: RemotePack,
    /// Its file.
    pub path: PathBuf,
    /// True if all of it is sent.
    pub is_whole: bool,
}

/// A walk over the objects that a remote lacks.
///
/// It does not enter versions that the remote has, nor nodes of their manifests. An object alone on the remote says nothing of
/// what it leads to.
pub(super) struct OutgoingWalk<'a> {
    store: &'a Store,
    remote: RemoteTables,
    progress: &'a dyn Progress,
    /// The versions of the remote.
    versions: HashSet<Id<VersionId>>,
    /// Nodes below which nothing is missing, or was walked.
    nodes: HashSet<Id<NodeId>>,
    contents: HashSet<Id<Content>>,
    /// The objects to send.
    marks: Marks,
}

impl<'a> OutgoingWalk<'a> {
    /// Begins a walk. The tables of the store must be as new as the roots.
    pub fn new(
        store: &'a Store,
        remote: RemoteTables,
        versions: HashSet<Id<VersionId>>,
        progress: &'a dyn Progress,
    ) -> OutgoingWalk<'a> {
        let (nodes, contents, marks) = (HashSet::new(), HashSet::new(), Marks::new(store.tables()));
        OutgoingWalk { store, remote, progress, versions, nodes, contents, marks }
    }

    /// Marks what the roots lead to and the remote lacks.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if any of it is missing or cannot be read.
    pub fn mark(&mut self, roots: &PushRoots) -> Result<()> {
        for key in &roots.objects {
            self.object(key)?;
        }
        let (mut open, mut manifests, mut seen) = (roots.versions.clone(), Vec::new(), HashSet::new());
        while let Some(id) = open.pop() {
            self.progress.check()?;
            // An ancestor that is not here was not fetched along with its child.
            if !seen.insert(id) || !self.store.contains(&Key::from(id)) {
                continue;
            }
            let version = self.store.version(id)?;
            if self.versions.contains(&id) {
                nodes::add(self.store, version.manifest, &mut self.nodes)?;
                continue;
            }
            self.object(&Key::from(id))?;
            let leaves = version.schema.map(Key::from).into_iter().chain(version.verdict.map(Key::from));
            leaves.into_iter().try_for_each(|key| self.object(&key)).map_err(|e| within(e, &version.name()))?;
            manifests.push((version.name(), version.manifest));
            open.extend(version.parents);
        }
        for (name, manifest) in manifests {
            self.manifest(manifest).map_err(|e| within(e, &name))?;
        }
        self.bases()
    }

    /// Marks an object unless the remote has it.
    fn object(&mut self, key: &Key) -> Result<()> {
        if self.remote.contains(key) || !self.marks.insert(key) || self.store.contains(key) {
            return Ok(());
        }
        Err(Error::damaged(format!("{key} is missing from the store")).with_hint("list all damage: hlx fsck"))
    }

    fn manifest(&mut self, root: Id<NodeId>) -> Result<()> {
        let mut open = vec![(root, u8::MAX)];
        while let Some((id, above)) = open.pop() {
            self.progress.check()?;
            if !self.nodes.insert(id) {
                continue;
            }
            self.object(&Key::from(id))?;
            match self.store.node(id)? {
                node if node.level() >= above => {
                    return Err(Error::damaged(format!("manifest node {id} is at the wrong level")));
                }
                Node::Leaf(entries) => {
                    entries.iter().try_for_each(|entry| self.entry(entry).map_err(|e| within(e, entry.path.as_str())))?;
                }
                Node::Inner(level, children) => open.extend(children.iter().map(|child| (child.id, level))),
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Entry) -> Result<()> {
        if entry.kind == EntryKind::Folder || entry.size == 0 {
            return Ok(());
        }
        let chunk = Key { id: *entry.content.as_bytes(), kind: ObjectKind::Chunk };
        let is_chunk = entry.size <= cut::MIN as u64 || entry.size <= cut::MAX as u64 && self.store.contains(&chunk);
        if is_chunk { self.object(&chunk) } else { self.recipe(entry.content) }
    }

    fn recipe(&mut self, content: Id<Content>) -> Result<()> {
        if !self.contents.insert(content) {
            return Ok(());
        }
        let key = Key::recipe(content);
        self.object(&key)?;
        let malformed = |key: &Key, e| Error::damaged(format!("{key} is damaged: {e}"));
        let (_, root) = Recipe::decode_root(&self.store.get(&key)?).map_err(|e| malformed(&key, e))?;
        let mut open = vec![root];
        while let Some(recipe) = open.pop() {
            for item in &recipe.items {
                let key = recipe.key(item);
                self.object(&key)?;
                if key.kind == ObjectKind::Chunk {
                    continue;
                }
                let node = Recipe::decode(&self.store.get(&key)?).map_err(|e| malformed(&key, e))?;
                if node.level >= recipe.level {
                    return Err(Error::damaged(format!("{key} does not match the position of its reference")));
                }
                open.push(node);
            }
        }
        Ok(())
    }

    /// Marks the bases of the deltas that are sent, unless the remote has them less deep.
    fn bases(&mut self) -> Result<()> {
        let paths: HashMap<Id<Pack>, PathBuf> = self.store.packs()?.into_iter().collect();
        // A base lies less deep, so that all marks of a depth are set before its bases are.
        for depth in (1..=limits::BLOCK_DEPTH).rev() {
            let mut packs: BTreeSet<Id<Pack>> = BTreeSet::new();
            packs.extend(self.marked().filter(|row| row.depth == depth).map(|row| row.pack));
            for path in packs.iter().filter_map(|id| paths.get(id)) {
                self.progress.check()?;
                let file = reader::open(path)?;
                for block in reader::read_toc(path)?.iter().filter(|block| block.depth == depth) {
                    let mut objects = block.keys();
                    for run in reader::read_head(&file, path, block)?.runs {
                        let own = objects.by_ref().take(run.objects as usize);
                        let is_sent = own.fold(false, |any, (key, ..)| any | self.marks.contains(&key));
                        let bases = run.bases.iter().filter(|_| is_sent);
                        for base in bases.filter(|base| !self.has_base(base, depth)).copied().collect::<Vec<_>>() {
                            self.marks.insert(&base);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns true if the remote has an object less deep than a delta against it.
    fn has_base(&self, key: &Key, depth: u8) -> bool {
        self.remote.find(key).first().is_some_and(|row| row.depth < depth)
    }

    /// Returns the rows of the marked objects.
    fn marked(&self) -> impl Iterator<Item = IndexRow> + '_ {
        self.marks.rows().filter_map(|row| self.marks.tables().row(row))
    }

    /// Returns true if an object is sent from this place, the shallowest that it has.
    pub fn is_sent(&self, row: &IndexRow) -> bool {
        self.marks.contains(&row.key) && self.marks.tables().find(&row.key).first() == Some(row)
    }

    /// Returns the packs that are sent, data first.
    pub fn packs(&self) -> Result<Vec<OutgoingPack>> {
        let mut used: BTreeMap<Id<Pack>, PackKind> = BTreeMap::new();
        used.extend(self.marked().filter(|row| self.is_sent(row)).map(|row| (row.pack, PackKind::of(row.key.kind))));
        let paths: HashMap<Id<Pack>, PathBuf> = self.store.packs()?.into_iter().collect();
        let mut packs = Vec::new();
        for (id, contents) in used {
            self.progress.check()?;
            let Some(path) = paths.get(&id).cloned() else {
                return Err(Error::damaged(format!("pack {id} is missing")).with_hint("hlx fsck --repair"));
            };
            let is_whole =
                reader::read_toc(&path)?.iter().flat_map(|block| block.keys()).all(|(key, ..)| self.marks.contains(&key));
            let len = path.metadata().map_err(|e| Error::io("cannot read", &path, e))?.len();
            packs.push(OutgoingPack { pack: RemotePack { contents, id, len }, path, is_whole });
        }
        packs.sort_by(|a, b| a.pack.cmp(&b.pack));
        Ok(packs)
    }
}

/// Puts the place of an error before it, unless the user interrupted.
fn within(error: Error, place: &str) -> Error {
    if error.ends_check() { error } else { error.within(place) }
}
