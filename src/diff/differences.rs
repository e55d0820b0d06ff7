//! The files in which two versions differ, or a version and the workspace.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::diff::file_entry::FileEntry;
use crate::error::Result;
use crate::id::{Content, Id, NodeId};
use crate::manifest::{EntryChange, ManifestDiff, NodeSource};
use crate::object::node::EntryKind;
use crate::path::DataPath;

/// The files in which two sides differ, each list in the order of the paths.
#[derive(Debug, Default)]
pub struct Differences {
    /// Files and symlinks that only the new side has, less those that were renamed.
    pub added: Vec<FileEntry>,
    /// Files and symlinks that both sides have, differently: old and new.
    pub modified: Vec<(FileEntry, FileEntry)>,
    /// Files and symlinks that only the old side has, less those that were renamed.
    pub removed: Vec<FileEntry>,
    /// Files and symlinks whose content, which is not empty, has another path on the new side: old and new.
    pub renamed: Vec<(FileEntry, FileEntry)>,
    /// Files with the same bytes on both sides, which are read otherwise on the new one: old and new.
    pub reread: Vec<(FileEntry, FileEntry)>,
    /// Empty folders that only the new side has.
    pub folders_added: Vec<FileEntry>,
    /// Empty folders that only the old side has.
    pub folders_removed: Vec<FileEntry>,
    /// Files of the workspace outside the selection.
    pub outside: Vec<String>,
}

impl Differences {
    /// Lists the differences between two versions, by their manifests.
    pub fn between(nodes: &impl NodeSource, old: Id<NodeId>, new: Id<NodeId>) -> Result<Differences> {
        let mut differences = Differences::default();
        for change in ManifestDiff::new(nodes, old, new)? {
            match change? {
                EntryChange::Added(new) => differences.push(None, Some(new.into())),
                EntryChange::Removed(old) => differences.push(Some(old.into()), None),
                EntryChange::Modified(old, new) => differences.push(Some(old.into()), Some(new.into())),
                EntryChange::Reread(old, new) => differences.reread.push((old.into(), new.into())),
            }
        }
        differences.pair_renames();
        Ok(differences)
    }

    /// Keeps the paths that are wanted; of a renamed file, one of the two.
    pub fn retain(&mut self, wanted: impl Fn(&DataPath) -> bool) {
        for list in [&mut self.added, &mut self.removed, &mut self.folders_added, &mut self.folders_removed] {
            list.retain(|file| wanted(&file.path));
        }
        self.modified.retain(|(_, new)| wanted(&new.path));
        self.reread.retain(|(_, new)| wanted(&new.path));
        self.renamed.retain(|(old, new)| wanted(&old.path) || wanted(&new.path));
        self.outside.retain(|path| DataPath::new(path).is_ok_and(|path| wanted(&path)));
    }

    /// Returns true if nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.folders_added.is_empty() && self.folders_removed.is_empty() && {
            self.modified.is_empty() && self.renamed.is_empty() && self.reread.is_empty()
        }
    }

    /// Returns the files that have the same bytes on both sides and another mode, old and new: those at one path, then
    /// renamed ones.
    pub fn mode_changed(&self) -> impl Iterator<Item = &(FileEntry, FileEntry)> {
        self.modified.iter().chain(&self.renamed).filter(|(old, new)| old.differs_in_mode(new))
    }

    /// Adds a path whose sides differ. An empty folder that a file takes the place of is a folder less and a file more.
    pub fn push(&mut self, old: Option<FileEntry>, new: Option<FileEntry>) {
        let is_folder = |file: &Option<FileEntry>| file.as_ref().is_some_and(|file| file.kind == EntryKind::Folder);
        match (is_folder(&old), is_folder(&new)) {
            (false, false) => match (old, new) {
                (Some(old), Some(new)) => self.modified.push((old, new)),
                (old, new) => {
                    self.removed.extend(old);
                    self.added.extend(new);
                }
            },
            (old_is_folder, new_is_folder) => {
                if old_is_folder { &mut self.folders_removed } else { &mut self.removed }.extend(old);
                if new_is_folder { &mut self.folders_added } else { &mut self.added }.extend(new);
            }
        }
    }

    /// Takes out of the added and removed files those that have the same content, and pairs them in the order of the
    /// paths.
    pub fn pair_renames(&mut self) {
        let mut by_content: HashMap<(Id<Content>, bool), VecDeque<usize>> = HashMap::new();
        for (n, file) in self.removed.iter().enumerate() {
            if let Some(identity) = file.identity() {
                by_content.entry(identity).or_default().push_back(n);
            }
        }
        let mut gone = HashSet::new();
        for file in std::mem::take(&mut self.added) {
            let old = file.identity().and_then(|identity| by_content.get_mut(&identity)?.pop_front());
            match old {
                Some(n) => {
                    gone.insert(n);
                    self.renamed.push((self.removed[n].clone(), file));
                }
                None => self.added.push(file),
            }
        }
        let mut n = 0..;
        self.removed.retain(|_| n.next().is_some_and(|n| !gone.contains(&n)));
    }
}
