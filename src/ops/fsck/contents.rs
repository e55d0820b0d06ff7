//! Restores the objects of versions: from another repository, and chunks from the files of the workspaces.

use std::collections::{HashMap, HashSet};

use crate::check::ObjectSet;
use crate::chunk::cut;
use crate::error::Result;
use crate::id::{Content, Id, NodeId, VersionId};
use crate::object::node::{Entry, Node};
use crate::object::recipe::Recipe;
use crate::object::version::Version;
use crate::object::{Key, ObjectKind};
use crate::ops::fsck::sources::{Sources, chunks, files};
use crate::progress::Progress;
use crate::repo::Repo;
use crate::store::{Writer, content};

/// Restores what versions refer to.
pub(super) struct ContentRestorer<'a, 'w> {
    repo: &'a Repo,
    progress: &'a dyn Progress,
    pub sources: Sources<'a>,
    writer: &'a mut Writer<'w>,
    /// The contents that are known to be damaged.
    damaged: &'a HashMap<Id<Content>, u64>,
    /// The nodes of damaged packs that were stored again.
    salvaged: &'a HashSet<Id<NodeId>>,
    /// The nodes of manifests and recipes that were seen.
    nodes: ObjectSet,
    /// The chunks that no store has.
    lost_chunks: HashSet<[u8; 32]>,
    /// The contents whose recipes no store has.
    lost_contents: HashSet<Id<Content>>,
    contents: HashSet<Id<Content>>,
}

impl<'a, 'w> ContentRestorer<'a, 'w> {
    pub fn new(
        repo: &'a Repo,
        sources: Sources<'a>,
        writer: &'a mut Writer<'w>,
        damaged: &'a HashMap<Id<Content>, u64>,
        salvaged: &'a HashSet<Id<NodeId>>,
        progress: &'a dyn Progress,
    ) -> ContentRestorer<'a, 'w> {
        let nodes = ObjectSet::of(sources.store);
        let (lost_chunks, lost_contents) = Default::default();
        let contents = HashSet::new();
        ContentRestorer { repo, progress, sources, writer, damaged, salvaged, nodes, lost_chunks, lost_contents, contents }
    }

    /// Restores an object that something refers to, and the ancestors of a fact.
    pub fn object(&mut self, key: Key) -> Result<()> {
        let mut open = vec![key];
        while let Some(key) = open.pop() {
            self.progress.check()?;
            let is_known = self.sources.is_fresh(&key);
            let Some(bytes) = self.sources.fetch(self.writer, &key)? else { continue };
            if key.kind == ObjectKind::Fact
                && !is_known
                && self.sources.is_fresh(&key)
                && let Ok(fact) = crate::object::fact::Fact::decode(&bytes)
            {
                open.extend(fact.parents.into_iter().map(Key::from));
            }
        }
        Ok(())
    }

    /// Restores all that a version refers to.
    pub fn version(&mut self, id: Id<VersionId>) -> Result<()> {
        let Some(bytes) = self.sources.fetch(self.writer, &Key::from(id))? else { return Ok(()) };
        let Ok(version) = Version::decode(&bytes) else { return Ok(()) };
        let parts = version.schema.map(Key::from).into_iter().chain(version.verdict.map(Key::from));
        parts.collect::<Vec<_>>().into_iter().try_for_each(|key| self.object(key))?;
        self.node(version.manifest, None)
    }

    /// Restores a node and all below it. Levels descend, so that the depth is bounded.
    fn node(&mut self, id: Id<NodeId>, above: Option<u8>) -> Result<()> {
        self.progress.check()?;
        if !self.nodes.insert(&Key::from(id)) {
            return Ok(());
        }
        let node = self.sources.fetch(self.writer, &Key::from(id))?.and_then(|bytes| Node::decode(&bytes).ok());
        // The check has not seen the files below it.
        let is_new = self.sources.is_fresh(&Key::from(id)) || self.salvaged.contains(&id);
        match node.filter(|node| above.is_none_or(|above| node.level() < above)) {
            None => Ok(()),
            Some(Node::Inner(level, children)) => children.into_iter().try_for_each(|child| self.node(child.id, Some(level))),
            Some(Node::Leaf(entries)) => entries.iter().try_for_each(|entry| self.entry(entry, is_new)),
        }
    }

    /// Restores a file that is damaged, or of which nothing is known since its node was missing.
    fn entry(&mut self, entry: &Entry, is_new: bool) -> Result<()> {
        let is_suspect = is_new || self.damaged.contains_key(&entry.content);
        if entry.size == 0 || !is_suspect || !self.contents.insert(entry.content) {
            return Ok(());
        }
        if content::is_readable(self.sources.store, entry.content, entry.size) {
            return Ok(());
        }
        let recipe = Key::recipe(entry.content);
        if let Some(bytes) = self.sources.fetch(self.writer, &recipe)? {
            return match Recipe::decode_root(&bytes) {
                Ok((_, recipe)) => self.recipe(&recipe),
                Err(_) => Ok(()),
            };
        }
        if entry.size <= cut::MAX as u64 {
            self.chunk(*entry.content.as_bytes())?;
        }
        if entry.size > cut::MIN as u64 {
            self.lost_contents.insert(entry.content);
        }
        Ok(())
    }

    fn recipe(&mut self, recipe: &Recipe) -> Result<()> {
        for item in &recipe.items {
            self.progress.check()?;
            if recipe.level == 0 {
                self.chunk(item.id)?;
                continue;
            }
            let key = recipe.key(item);
            if !self.nodes.insert(&key) {
                continue;
            }
            let node = self.sources.fetch(self.writer, &key)?.and_then(|bytes| Recipe::decode(&bytes).ok());
            if let Some(node) = node.filter(|node| node.level < recipe.level) {
                self.recipe(&node)?;
            }
        }
        Ok(())
    }

    fn chunk(&mut self, id: [u8; 32]) -> Result<()> {
        if self.sources.fetch(self.writer, &Key { id, kind: ObjectKind::Chunk })?.is_none() {
            self.lost_chunks.insert(id);
        }
        Ok(())
    }

    /// Looks for lost chunks, and for files whose recipes are lost, in the folders of the datasets. Returns the number of
    /// objects that it found.
    pub fn search_workspaces(&mut self) -> Result<u64> {
        let mut found = 0;
        if self.lost_chunks.is_empty() && self.lost_contents.is_empty() {
            return Ok(found);
        }
        for dataset in self.repo.config().datasets() {
            for path in files(&self.repo.folder(dataset)) {
                let mut whole = blake3::Hasher::new();
                let (writer, lost) = (&mut *self.writer, &mut self.lost_chunks);
                let read = chunks(&path, self.progress, |bytes| {
                    whole.update(bytes);
                    let id = *blake3::hash(bytes).as_bytes();
                    if lost.remove(&id) {
                        writer.object(Key { id, kind: ObjectKind::Chunk }, bytes)?;
                        found += 1;
                    }
                    Ok(())
                });
                match read {
                    Err(e) if !e.is_skippable() => return Err(e),
                    Err(_) => continue,
                    Ok(()) => {}
                }
                let content = Id::from_bytes(*whole.finalize().as_bytes());
                if self.lost_contents.remove(&content) {
                    found += u64::from(self.whole_file(&path, content)?);
                }
            }
        }
        Ok(found)
    }

    /// Stores a file with its recipe, unless it changed meanwhile.
    fn whole_file(&mut self, path: &std::path::Path, content: Id<Content>) -> Result<bool> {
        let (writer, mut whole) = (&mut *self.writer, blake3::Hasher::new());
        let mut file = writer.file(None);
        chunks(path, self.progress, |bytes| {
            whole.update(bytes);
            file.chunk(writer, *blake3::hash(bytes).as_bytes(), bytes)
        })?;
        let is_same = whole.finalize() == *content.as_bytes();
        if is_same {
            file.finish(writer, content)?;
        }
        Ok(is_same)
    }
}
