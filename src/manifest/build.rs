//! Builds a tree in bulk from entries in the order of their paths.

use super::NodeSink;
use super::split::Splitter;
use crate::error::{Error, Result};
use crate::id::{Id, NodeId};
use crate::object::node::{Child, Entry, Node, Totals};
use crate::path::DataPath;

/// A tree that is being built. Memory: one unfinished node a level.
#[derive(Debug, Default)]
pub struct ManifestBuilder {
    leaf: Vec<Entry>,
    inner: Vec<Vec<Child>>,
    splitters: Vec<Splitter>,
    last: Option<DataPath>,
}

impl ManifestBuilder {
    /// Adds the next entry. Fails unless its path is greater than the one before.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if its path is not greater than the one before, and those of the sink.
    pub fn push(&mut self, sink: &mut impl NodeSink, entry: Entry) -> Result<()> {
        if self.last.as_ref().is_some_and(|last| *last >= entry.path) {
            return Err(Error::damaged(format!("the path '{}' is out of order", entry.path)));
        }
        self.last = Some(entry.path.clone());
        let ends = self.splitter(0).ends_after(entry.path.as_str(), 0);
        self.leaf.push(entry);
        if ends { self.close(sink, 0) } else { Ok(()) }
    }

    fn splitter(&mut self, level: usize) -> &mut Splitter {
        if self.splitters.len() <= level {
            self.splitters.resize_with(level + 1, Splitter::default);
        }
        &mut self.splitters[level]
    }

    /// Takes the open node of a level.
    fn take(&mut self, level: usize) -> Node {
        match level {
            0 => Node::Leaf(std::mem::take(&mut self.leaf)),
            n => Node::Inner(n as u8, std::mem::take(&mut self.inner[n - 1])),
        }
    }

    /// Ends the open node of a level, if it has items, and adds it to the level above.
    fn close(&mut self, sink: &mut impl NodeSink, level: usize) -> Result<()> {
        let node = self.take(level);
        let last = match &node {
            Node::Leaf(entries) => entries.last().map(|e| e.path.clone()),
            Node::Inner(_, children) => children.last().map(|c| c.last.clone()),
        };
        let Some(last) = last else { return Ok(()) };
        let (id, totals) = put(sink, &node)?;
        if self.inner.len() == level {
            self.inner.push(Vec::new());
        }
        let ends = self.splitter(level + 1).ends_after(last.as_str(), level as u8 + 1);
        self.inner[level].push(Child { last, id, totals });
        if ends { self.close(sink, level + 1) } else { Ok(()) }
    }

    /// Ends the tree; returns its root and what it holds.
    pub fn finish(mut self, sink: &mut impl NodeSink) -> Result<(Id<NodeId>, Totals)> {
        let mut level = 0;
        while level < self.inner.len() {
            self.close(sink, level)?;
            level += 1;
        }
        match self.take(level) {
            // A node that only names another is not needed.
            Node::Inner(_, children) if children.len() == 1 => Ok((children[0].id, children[0].totals)),
            root => put(sink, &root),
        }
    }
}

fn put(sink: &mut impl NodeSink, node: &Node) -> Result<(Id<NodeId>, Totals)> {
    let bytes = node.encode();
    let id = Id::of(&bytes);
    sink.put(id, &bytes)?;
    Ok((id, node.totals()))
}
