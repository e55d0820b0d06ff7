//! Marks everything that the roots lead to.

use std::sync::Arc;

use crate::chunk::cut;
use crate::error::{Error, Result};
use crate::id::{Content, Id, NodeId, VersionId};
use crate::manifest::NodeSource;
use crate::object::node::{Entry, EntryKind, Node};
use crate::object::recipe::Recipe;
use crate::object::{Key, ObjectKind};
use crate::pack::merged::IndexTables;
use crate::progress::Progress;
use crate::store::gc::marks::Marks;
use crate::store::read::Store;

/// The objects that are kept together with everything that they lead to.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Versions. Their parents are kept too, as far as the store has them.
    pub versions: Vec<Id<VersionId>>,
    /// Objects that lead to nothing else, such as facts and verdicts.
    pub objects: Vec<Key>,
}

/// The source of the roots of a store.
pub trait RootSource {
    /// Returns the roots that came since the last call; all of them at first.
    ///
    /// # Errors
    /// If any of them cannot be read.
    fn next_roots(&mut self) -> Result<Roots>;
}

/// A walk over the objects of a store. It goes on from any roots, over what it has not seen.
pub(super) struct MarkWalk<'a> {
    store: &'a Store,
    progress: &'a dyn Progress,
    /// The objects that it has seen.
    pub marks: Marks,
    /// The objects of the tables that were marked since the walk follows new roots; none before.
    pub late: Option<Vec<Key>>,
}

impl<'a> MarkWalk<'a> {
    /// Begins a walk. The tables must be as new as the roots.
    pub fn new(store: &'a Store, tables: Arc<IndexTables>, progress: &'a dyn Progress) -> MarkWalk<'a> {
        MarkWalk { store, progress, marks: Marks::new(tables), late: None }
    }

    /// Marks what these roots lead to. Fails if anything of it but chunks is missing or cannot be read.
    pub fn mark(&mut self, roots: Roots) -> Result<()> {
        for key in &roots.objects {
            self.leaf(key)?;
        }
        let mut open = roots.versions;
        while let Some(id) = open.pop() {
            self.progress.check()?;
            if !self.insert(&Key::from(id)) {
                continue;
            }
            let version = self.store.version(id)?;
            let mut leaves = version.schema.map(Key::from).into_iter().chain(version.verdict.map(Key::from));
            let marked = leaves.try_for_each(|key| self.leaf(&key)).and_then(|()| self.nodes(version.manifest));
            marked.map_err(|e| if e.ends_check() { e } else { e.within(version.name()) })?;
            // One that is not here was not copied along with its child.
            open.extend(version.parents.into_iter().filter(|parent| self.store.contains(&Key::from(*parent))));
            self.progress.advance(1, 0);
        }
        Ok(())
    }

    /// Marks an object; returns true if it was not marked.
    pub fn insert(&mut self, key: &Key) -> bool {
        let is_new = self.marks.insert(key);
        if let Some(late) = &mut self.late
            && is_new
            && self.marks.tables().position(key).is_some()
        {
            late.push(*key);
        }
        is_new
    }

    fn leaf(&mut self, key: &Key) -> Result<()> {
        if self.insert(key) && !self.store.contains(key) {
            return Err(Error::damaged(format!("{key} is missing from the store")));
        }
        Ok(())
    }

    fn chunk(&mut self, id: [u8; 32]) {
        match self.late {
            None => self.marks.queue(&id),
            Some(_) => {
                let key = Key { id, kind: ObjectKind::Chunk };
                // One that came later lies in a pack that stays.
                if self.marks.tables().position(&key).is_some() {
                    self.insert(&key);
                }
            }
        }
    }

    /// Marks the nodes of a manifest and the contents of its entries. What several manifests share is read once.
    fn nodes(&mut self, root: Id<NodeId>) -> Result<()> {
        let mut open = vec![(root, u8::MAX)];
        while let Some((id, above)) = open.pop() {
            self.progress.check()?;
            if !self.insert(&Key::from(id)) {
                continue;
            }
            match self.store.node(id)? {
                node if node.level() >= above => {
                    return Err(Error::damaged(format!("manifest node {id} is at the wrong level")));
                }
                Node::Leaf(entries) => entries.iter().try_for_each(|entry| self.entry(entry))?,
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
        if entry.size <= cut::MIN as u64 {
            self.chunk(chunk.id);
            return Ok(());
        }
        // A file of this size is one chunk or several.
        let is_chunk = entry.size <= cut::MAX as u64 && self.store.contains(&chunk);
        if is_chunk {
            self.chunk(chunk.id);
        }
        if !is_chunk || self.store.contains(&Key::recipe(entry.content)) {
            self.recipe(entry.content).map_err(|e| if e.ends_check() { e } else { e.within(entry.path.as_str()) })?;
        }
        Ok(())
    }

    /// Marks a recipe, its nodes and their chunks.
    fn recipe(&mut self, content: Id<Content>) -> Result<()> {
        let key = Key::recipe(content);
        if !self.insert(&key) {
            return Ok(());
        }
        let malformed = |key: &Key, e| Error::damaged(format!("{key} is damaged: {e}"));
        let (named, root) = Recipe::decode_root(&self.store.get(&key)?).map_err(|e| malformed(&key, e))?;
        if named != content {
            return Err(Error::damaged(format!("{key} is that of another file")));
        }
        let mut open = vec![root];
        while let Some(recipe) = open.pop() {
            for item in &recipe.items {
                let key = recipe.key(item);
                if key.kind == ObjectKind::Chunk {
                    self.chunk(key.id);
                } else if self.insert(&key) {
                    let node = Recipe::decode(&self.store.get(&key)?).map_err(|e| malformed(&key, e))?;
                    if node.level >= recipe.level {
                        return Err(Error::damaged(format!("{key} does not match the position of its reference")));
                    }
                    open.push(node);
                }
            }
        }
        Ok(())
    }
}
