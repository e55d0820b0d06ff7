//! The files of a version that the store does not have, by its tables and structure alone: no data is read.

use std::collections::HashSet;
use std::fmt;

use crate::chunk::cut;
use crate::error::{Error, Result};
use crate::id::{Content, Id, NodeId, Pack};
use crate::limits;
use crate::manifest::NodeSource;
use crate::object::node::{Entry, Node};
use crate::object::{Key, ObjectKind};
use crate::pack::index::IndexRow;
use crate::progress::Progress;
use crate::store::content::Chunks;
use crate::store::read::Store;

/// The files and nodes of a version that the store does not have.
#[derive(Debug, Default)]
pub struct MissingContent {
    /// Files that the store does not hold whole.
    pub files: u64,
    /// Nodes of the manifest that cannot be read, with all the files below.
    pub nodes: u64,
    /// The path of the first file, where it is known.
    pub first: Option<String>,
    /// The error of the first of them.
    pub reason: String,
}

impl MissingContent {
    fn add(&mut self, path: Option<&str>, error: &Error) {
        if self.files + self.nodes == 0 {
            self.reason = error.to_string();
        }
        match path {
            Some(path) => {
                self.files += 1;
                self.first.get_or_insert_with(|| path.to_owned());
            }
            None => self.nodes += 1,
        }
    }
}

impl fmt::Display for MissingContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.first, self.files) {
            (Some(path), 1) => write!(f, "cannot read file {path}")?,
            (Some(path), files) => write!(f, "cannot read {files} files, first {path}")?,
            (None, _) => f.write_str("cannot read a part of the manifest")?,
        }
        if self.first.is_some() && self.nodes > 0 {
            f.write_str(" and a part of the manifest")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Looks up the files of versions, those that several versions share once.
#[derive(Debug)]
pub struct PresenceCheck<'a> {
    store: &'a Store,
    /// Nodes below which everything is there.
    nodes: HashSet<Id<NodeId>>,
    /// Contents of several chunks that are there.
    contents: HashSet<Id<Content>>,
    /// Runs of deltas whose bases are there: the pack, where the block begins in it, and the run in the block.
    runs: HashSet<(Id<Pack>, u32, usize)>,
}

impl<'a> PresenceCheck<'a> {
    /// Looks into this store.
    pub fn new(store: &'a Store) -> PresenceCheck<'a> {
        PresenceCheck { store, nodes: HashSet::new(), contents: HashSet::new(), runs: HashSet::new() }
    }

    /// Returns what is absent below the root of a manifest; `None` where everything is there.
    ///
    /// # Errors
    /// Only if the user interrupts it.
    pub fn missing(&mut self, root: Id<NodeId>, progress: &dyn Progress) -> Result<Option<MissingContent>> {
        let mut missing = MissingContent::default();
        let whole = self.walk(root, None, &mut missing, progress)?;
        Ok((!whole).then_some(missing))
    }

    /// Walks a node; true if everything below it is there. Levels descend, so that the depth is bounded.
    fn walk(&mut self, id: Id<NodeId>, above: Option<u8>, missing: &mut MissingContent, progress: &dyn Progress) -> Result<bool> {
        progress.check()?;
        if self.nodes.contains(&id) {
            return Ok(true);
        }
        let node = match self.store.node(id) {
            Ok(node) if above.is_none_or(|above| node.level() < above) => node,
            node => {
                let error = node.err().unwrap_or_else(|| Error::damaged(format!("manifest node {id} is at the wrong level")));
                missing.add(None, &error);
                return Ok(false);
            }
        };
        let mut whole = true;
        match node {
            Node::Leaf(entries) => {
                for entry in &entries {
                    if let Err(e) = self.entry(entry) {
                        missing.add(Some(entry.path.as_str()), &e);
                        whole = false;
                    }
                }
            }
            Node::Inner(level, children) => {
                for child in children {
                    whole &= self.walk(child.id, Some(level), missing, progress)?;
                }
            }
        }
        if whole {
            self.nodes.insert(id);
        }
        Ok(whole)
    }

    /// Fails unless every chunk of an entry is in the tables.
    fn entry(&mut self, entry: &Entry) -> Result<()> {
        if entry.size == 0 || self.contents.contains(&entry.content) {
            return Ok(());
        }
        for item in Chunks::of(self.store, entry.content, entry.size)? {
            self.chunk(&Key { id: item?.id, kind: ObjectKind::Chunk }, limits::BLOCK_DEPTH)?;
        }
        if entry.size > cut::MAX as u64 {
            self.contents.insert(entry.content);
        }
        Ok(())
    }

    /// Fails unless a chunk is in the tables, and what it is a delta against, over so many deltas.
    fn chunk(&mut self, key: &Key, depth: u8) -> Result<()> {
        let mut error = None;
        for row in self.store.tables().find(key) {
            match self.row(&row, depth) {
                Ok(()) => return Ok(()),
                Err(e) => error = Some(e),
            }
        }
        Err(error.unwrap_or_else(|| Error::damaged(format!("{key} is missing in the store"))))
    }

    fn row(&mut self, row: &IndexRow, depth: u8) -> Result<()> {
        if row.depth == 0 {
            return Ok(());
        }
        let Some(below) = depth.checked_sub(1) else {
            return Err(Error::damaged(format!("{} has too many levels of deltas", row.key)));
        };
        let (bases, run) = self.store.base(row)?;
        let run = (row.pack, row.offset, run.start);
        if !self.runs.contains(&run) {
            bases.iter().try_for_each(|base| self.chunk(base, below))?;
            self.runs.insert(run);
        }
        Ok(())
    }
}
