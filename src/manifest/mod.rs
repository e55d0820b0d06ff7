//! The list of a version's files as a tree whose nodes are cut where the paths say so: pure algorithms over a
//! [`NodeSource`] and a [`NodeSink`].
//!
//! Invariants: the same entries make the same tree, whatever tree came before; a change rewrites one node a level; two
//! trees are compared without reading the nodes that they share. The format is specified in `docs/formats/manifest.md`.

mod build;
mod diff;
mod read;
mod split;

pub use build::ManifestBuilder;
pub use diff::{EntryChange, ManifestDiff};
pub use read::{Entries, FolderItem, find, has, list};

use crate::error::{Error, Result};
use crate::id::{Id, NodeId};
use crate::object::node::{Child, Node};
use crate::path::DataPath;

/// A source of nodes.
pub trait NodeSource {
    /// Reads a node.
    fn node(&self, id: Id<NodeId>) -> Result<Node>;
}

/// Reads a child of a node of this level, and holds it against what its parent says of it. All its paths must come after
/// `after`, the last path before it.
///
/// So every node of a tree is opened once, and a small tree cannot stand for more entries than it has.
fn child(source: &impl NodeSource, level: u8, child: &Child, after: Option<&DataPath>) -> Result<Node> {
    let node = source.node(child.id)?;
    let paths = node.first_and_last();
    let problem = match () {
        () if node.level() + 1 != level => "it is at the wrong level",
        () if paths.is_none_or(|(_, last)| *last != child.last) => "its last path is not the one in its parent",
        () if paths.is_some_and(|(first, _)| after.is_some_and(|after| first <= after)) => "its paths are out of order",
        () if node.totals() != child.totals => "its totals are not those in its parent",
        () => return Ok(node),
    };
    Err(Error::damaged(format!("manifest node {} is damaged: {problem}", child.id)))
}

/// A destination of nodes.
pub trait NodeSink {
    /// Takes a node, unless it is there.
    fn put(&mut self, id: Id<NodeId>, bytes: &[u8]) -> Result<()>;
}

#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use super::*;
    use crate::object::node::{Entry, EntryKind};

    /// Nodes in memory, with a count of reads.
    #[derive(Default)]
    pub struct Memory {
        pub nodes: BTreeMap<Id<NodeId>, Vec<u8>>,
        pub reads: Cell<usize>,
    }

    impl NodeSource for Memory {
        fn node(&self, id: Id<NodeId>) -> Result<Node> {
            self.reads.set(self.reads.get() + 1);
            Node::decode(&self.nodes[&id]).map_err(|e| Error::damaged(e.to_string()))
        }
    }

    impl NodeSink for Memory {
        fn put(&mut self, id: Id<NodeId>, bytes: &[u8]) -> Result<()> {
            self.nodes.insert(id, bytes.to_vec());
            Ok(())
        }
    }

    pub fn entry(path: &str, content: &str) -> Entry {
        let (path, content) = (DataPath::new(path).unwrap(), Id::of(content.as_bytes()));
        Entry { path, kind: EntryKind::File, size: 5, samples: None, content }
    }

    pub fn build(memory: &mut Memory, entries: impl IntoIterator<Item = Entry>) -> Id<NodeId> {
        let mut entries: Vec<Entry> = entries.into_iter().collect();
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let mut builder = ManifestBuilder::default();
        for entry in entries {
            builder.push(memory, entry).unwrap();
        }
        builder.finish(memory).unwrap().0
    }
}
