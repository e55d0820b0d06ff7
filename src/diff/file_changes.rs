//! The differences of a tree from the one before, in numbers, from which the number of a version follows.

use std::collections::HashMap;

use serde::Serialize;

use crate::diff::file_entry::FileEntry;
use crate::error::Result;
use crate::id::{Content, Id, NodeId};
use crate::manifest::{EntryChange, ManifestDiff, NodeSource};
use crate::object::node::{EntryKind, SampleCount, Totals};
use crate::object::version::{ChangeType, Version};

/// Counts of the regular files in which two versions differ, and of the empty folders, which are no files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileChanges {
    /// Files that only the new side has, less those that were renamed.
    pub files_added: u64,
    /// Files that both sides have, differently, also those of which only the mode differs.
    pub files_modified: u64,
    /// Files that only the old side has, less those that were renamed.
    pub files_removed: u64,
    /// Files whose content, which is not empty, has another path on the new side.
    pub files_renamed: u64,
    /// Files whose mode differs and whose bytes do not: they are among the modified or the renamed ones.
    pub files_mode_changed: u64,
    /// Files whose bytes do not differ and that are read otherwise, so that they have other records.
    pub files_reread: u64,
    /// Symlinks that were added, removed or renamed, or that lead elsewhere.
    pub links_changed: u64,
    /// Empty folders that only the new side has.
    pub folders_added: u64,
    /// Empty folders that only the old side has.
    pub folders_removed: u64,
}

/// Counts of what differs, and how much it weighs.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeChanges {
    pub counts: FileChanges,
    /// Bytes of the files that were added, modified or removed; of a modified one, of its longer side. A changed mode has
    /// none.
    pub bytes: u64,
    /// Bytes of all files before.
    pub before: u64,
    /// True if anything differs, also what is not a regular file.
    pub any: bool,
}

/// A content, and whether it is that of a symlink.
type RenameKey = (Id<Content>, bool);

/// The kinds of the files of one content at paths that only one side has, in the order of the paths.
#[derive(Clone, Debug, Default)]
struct RenameCandidates {
    size: u64,
    added: Vec<EntryKind>,
    removed: Vec<EntryKind>,
}

impl TreeChanges {
    /// A first version adds all its files.
    pub fn of_first(totals: &Totals) -> TreeChanges {
        let counts = FileChanges { files_added: totals.files, ..FileChanges::default() };
        TreeChanges { counts, bytes: totals.bytes, any: true, ..TreeChanges::default() }
    }

    /// Compares a tree with that of the version before. Renames are those of [`crate::diff::Differences`].
    pub fn between(nodes: &impl NodeSource, before: &Version, manifest: Id<NodeId>) -> Result<TreeChanges> {
        let changes = TreeChanges::of(ManifestDiff::new(nodes, before.manifest, manifest)?)?;
        Ok(TreeChanges { before: before.statistics.bytes, ..changes })
    }

    /// Counts what differs.
    pub fn of(differences: impl Iterator<Item = Result<EntryChange>>) -> Result<TreeChanges> {
        let mut changes = TreeChanges::default();
        let mut moves: HashMap<RenameKey, RenameCandidates> = HashMap::new();
        for change in differences {
            changes.any = true;
            let (old, new) = match change? {
                EntryChange::Added(new) => (None, Some(new)),
                EntryChange::Removed(old) => (Some(old), None),
                EntryChange::Modified(old, new) => (Some(old), Some(new)),
                EntryChange::Reread(..) => {
                    changes.counts.files_reread += 1;
                    continue;
                }
            };
            changes.take(old.map(FileEntry::from), new.map(FileEntry::from), &mut moves);
        }
        for ((_, is_symlink), RenameCandidates { size, added, removed }) in moves {
            let modes = removed.iter().zip(&added).filter(|(old, new)| old != new).count();
            let [added, removed] = [added.len() as u64, removed.len() as u64];
            if is_symlink {
                changes.counts.links_changed += added.max(removed);
                continue;
            }
            let renamed = added.min(removed);
            changes.counts.files_renamed += renamed;
            changes.counts.files_mode_changed += modes as u64;
            changes.counts.files_added += added - renamed;
            changes.counts.files_removed += removed - renamed;
            changes.bytes += added.abs_diff(removed) * size;
        }
        Ok(changes)
    }

    fn take(&mut self, old: Option<FileEntry>, new: Option<FileEntry>, moves: &mut HashMap<RenameKey, RenameCandidates>) {
        let counts = &mut self.counts;
        let is_folder = |file: &Option<FileEntry>| file.as_ref().is_some_and(|file| file.kind == EntryKind::Folder);
        counts.folders_removed += u64::from(is_folder(&old));
        counts.folders_added += u64::from(is_folder(&new));
        match (old.filter(|e| e.kind != EntryKind::Folder), new.filter(|e| e.kind != EntryKind::Folder)) {
            (Some(old), Some(new)) if old.differs_in_mode(&new) => {
                counts.files_modified += 1;
                counts.files_mode_changed += 1;
                counts.files_reread += u64::from(SampleCount::are_reread(old.samples.as_ref(), new.samples.as_ref()));
            }
            (Some(old), Some(new)) if old.kind.is_file() || new.kind.is_file() => {
                counts.files_modified += 1;
                self.bytes += old.size.max(new.size);
            }
            (Some(_), Some(_)) => counts.links_changed += 1,
            (Some(old), None) => match old.identity() {
                Some(identity) => {
                    let moved = moves.entry(identity).or_default();
                    moved.size = old.size;
                    moved.removed.push(old.kind);
                }
                None => counts.files_removed += 1,
            },
            (None, Some(new)) => match new.identity() {
                Some(identity) => {
                    let moved = moves.entry(identity).or_default();
                    moved.size = new.size;
                    moved.added.push(new.kind);
                }
                None => counts.files_added += 1,
            },
            (None, None) => {}
        }
    }

    /// Returns the change type by the bytes of the files that differ. A first version is MAJOR.
    pub fn kind(&self, first: bool) -> ChangeType {
        if first { ChangeType::Major } else { ChangeType::of_share(self.bytes, self.before) }
    }
}
