//! The nodes of manifests that are known to be complete, so that a walk need not enter them again.

use std::collections::HashSet;

use crate::error::Result;
use crate::id::{Id, NodeId};
use crate::manifest::NodeSource;
use crate::object::node::Node;

/// Adds the nodes of a manifest to a set.
///
/// # Errors
/// If one cannot be read.
pub(super) fn add(source: &impl NodeSource, root: Id<NodeId>, nodes: &mut HashSet<Id<NodeId>>) -> Result<()> {
    let mut open = vec![(root, u8::MAX)];
    while let Some((id, level)) = open.pop() {
        if nodes.contains(&id) {
            continue;
        }
        // Leaves are known by their ids; only inner nodes are read.
        if level > 0
            && let Node::Inner(level, children) = source.node(id)?
        {
            open.extend(children.iter().map(|child| (child.id, level - 1)));
        }
        nodes.insert(id);
    }
    Ok(())
}
