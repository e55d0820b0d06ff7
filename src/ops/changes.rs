//! How a tree differs from the one before, in numbers: what the number of a version follows from.

use std::collections::HashMap;

use crate::error::Result;
use crate::id::{Content, Id, Node};
use crate::manifest::{Change, Diff, NodeSource};
use crate::object::node::Totals;
use crate::object::version::{ChangeType, Version};

/// Counts of the files that differ, less those that only have another path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changes {
    pub added: u64,
    pub modified: u64,
    pub removed: u64,
    /// Bytes of those files; of a modified one, of its longer side.
    pub bytes: u64,
    /// Bytes of all files before.
    pub before: u64,
    /// Whether anything differs, also what is no regular file.
    pub any: bool,
}

impl Changes {
    pub fn of_first(totals: &Totals) -> Changes {
        Changes { added: totals.files, bytes: totals.bytes, any: true, ..Changes::default() }
    }

    pub fn between(nodes: &impl NodeSource, before: &Version, manifest: Id<Node>) -> Result<Changes> {
        let mut changes = Changes { before: before.statistics.bytes, ..Changes::default() };
        // How much oftener each content stands on the new side than on the old: a file that moved is no change of data.
        let mut moved: HashMap<Id<Content>, (i64, u64)> = HashMap::new();
        for change in Diff::new(nodes, before.manifest, manifest)? {
            changes.any = true;
            match change? {
                Change::Added(e) if e.kind.is_file() => moved.entry(e.content).or_insert((0, e.size)).0 += 1,
                Change::Removed(e) if e.kind.is_file() => moved.entry(e.content).or_insert((0, e.size)).0 -= 1,
                Change::Modified(a, b) if a.kind.is_file() || b.kind.is_file() => {
                    changes.modified += 1;
                    changes.bytes += a.size.max(b.size);
                }
                _ => {}
            }
        }
        for (surplus, size) in moved.into_values() {
            let count = if surplus > 0 { &mut changes.added } else { &mut changes.removed };
            *count += surplus.unsigned_abs();
            changes.bytes += surplus.unsigned_abs() * size;
        }
        Ok(changes)
    }

    /// How big the change is by the bytes of the files that differ. A first version is MAJOR.
    pub fn kind(&self, first: bool) -> ChangeType {
        if first { ChangeType::Major } else { ChangeType::of_share(self.bytes, self.before) }
    }
}
