//! The first pass: reads the workspace beside the old version and the new, and decides what is replaced and removed.

use super::inspect::{Inspector, Survey};
use super::target::{CheckoutTarget, SelectedEntries};
use crate::diff::FileEntry;
use crate::error::Result;
use crate::fs::atomic;
use crate::fs::openat::{FileKind, Root};
use crate::id::{Id, NodeId};
use crate::manifest::{self, Entries};
use crate::object::node::{Entry, EntryKind};
use crate::path::DataPath;
use crate::progress::Progress;
use crate::store::Store;
use crate::worktree::cache::kind_within;
use crate::worktree::scan::{Scan, ScannedFile};

/// Looks at every file of the workspace and at every path that the target writes. Its files may be from the version that it
/// was made from, `head`, and from those that interrupted checkouts were making of it, `pending`. Untracked files that are in
/// nobody's way stay.
pub fn survey(
    store: &Store,
    root: &Root,
    scan: Scan<'_>,
    head: Option<Id<NodeId>>,
    pending: &[Id<NodeId>],
    target: &CheckoutTarget<'_>,
    progress: &dyn Progress,
) -> Result<Survey> {
    let mut inspector = Inspector::new(store, root, atomic::present(&store.layout().tmp(), root.path()));
    let entries = |manifest: &Id<NodeId>| Ok(SelectedEntries::new(Entries::new(store, *manifest)?, None));
    let mut old = head.as_ref().map(entries).transpose()?;
    let mut interrupted = pending.iter().map(entries).collect::<Result<Vec<_>>>()?;
    let mut new = target.entries(store)?;
    for file in scan {
        progress.check()?;
        let file = file?;
        while new.peek()?.is_some_and(|next| next < file.path()) {
            if let Some(entry) = new.next()? {
                inspector.inspect(&entry)?;
            }
        }
        let mut begun = Vec::new();
        for version in &mut interrupted {
            begun.extend(version.at(file.path())?.map(FileEntry::from));
        }
        let old = old.as_mut().map_or(Ok(None), |old| old.at(file.path()))?;
        inspector.decide(old.map(FileEntry::from), &begun, new.at(file.path())?, file)?;
    }
    while let Some(entry) = new.next()? {
        progress.check()?;
        inspector.inspect(&entry)?;
    }
    Ok(inspector.survey)
}

/// Looks at the paths that the target selects and at those of `gone`, entries of HEAD that the target does not have.
/// Returns the entries that have to be written.
pub fn survey_selected(
    store: &Store,
    root: &Root,
    gone: &[Entry],
    target: &CheckoutTarget<'_>,
    progress: &dyn Progress,
) -> Result<(Survey, Vec<Entry>)> {
    let mut inspector = Inspector::new(store, root, atomic::present(&store.layout().tmp(), root.path()));
    for entry in gone {
        progress.check()?;
        inspector.remove(&entry.path)?;
    }
    let (mut wanted, mut differ) = (target.entries(store)?, Vec::new());
    while let Some(entry) = wanted.next()? {
        progress.check()?;
        if !inspector.inspect(&entry)? {
            differ.push(entry);
        }
    }
    Ok((inspector.survey, differ))
}

/// Returns the entries of a version at a path and below it; all for an empty path.
pub fn below(store: &Store, manifest: Id<NodeId>, path: &str) -> Result<Vec<Entry>> {
    let mut found: Vec<_> = manifest::find(store, manifest, path)?.into_iter().collect();
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    for entry in Entries::from_path(store, manifest, &prefix)? {
        let entry = entry?;
        if !entry.path.as_str().starts_with(&prefix) {
            break;
        }
        found.push(entry);
    }
    Ok(found)
}

impl Inspector<'_> {
    /// Decides about a path that the scan shows, from its entries in the version before, in those of interrupted checkouts, and in
    /// the new one.
    fn decide(&mut self, old: Option<FileEntry>, begun: &[FileEntry], wanted: Option<Entry>, file: ScannedFile) -> Result<()> {
        let root = self.root;
        let before: Vec<FileEntry> = old.into_iter().chain(begun.iter().cloned()).collect();
        let wanted = wanted.map(FileEntry::from);
        let (path, stat, mut now) = match file {
            ScannedFile::Known(row) => (row.entry.path.clone(), row.stat, FileEntry::from(row.entry)),
            ScannedFile::Unknown { path, stat } => {
                let may_be = |entry: &FileEntry| {
                    let kind = kind_within(root, EntryKind::from(stat.kind), Some(entry.kind));
                    entry.size == stat.size && entry.kind == kind
                };
                let untracked = before.is_empty() && wanted.is_some();
                match untracked || before.iter().chain(&wanted).any(may_be) {
                    true => {
                        let (stat, now) = self.read(&path, stat)?;
                        self.survey.inspected.insert(path.clone(), (stat, now.clone()));
                        (path, stat, now)
                    }
                    false => (path.clone(), stat, FileEntry::unread(path, &stat)),
                }
            }
        };
        now.kind = kind_within(self.root, now.kind, wanted.as_ref().or(before.first()).map(|entry| entry.kind));
        let is_one = before.iter().any(|entry| entry.same(&now));
        let Some(wanted) = wanted else {
            let is_folder = now.kind == EntryKind::Folder;
            if !before.is_empty() || is_folder {
                if !is_one && !is_folder && !self.is_torn(&path, &stat, begun) {
                    self.survey.dirty.insert(path.clone());
                }
                self.survey.surplus.insert(path, stat);
            }
            return Ok(());
        };
        if wanted.same(&now) {
            return Ok(());
        }
        self.survey.expect(wanted.size);
        if stat.kind == FileKind::Folder {
            return self.clear_folder(&path, stat);
        }
        let is_safe = if before.is_empty() { self.is_stored(&now) } else { is_one };
        if !is_safe && !self.is_torn(&path, &stat, begun) {
            self.survey.dirty.insert(path.clone());
        }
        if wanted.kind == EntryKind::Folder {
            self.survey.surplus.insert(path.clone(), stat);
        }
        self.survey.inspected.insert(path, (stat, now));
        Ok(())
    }
}

impl Survey {
    /// Returns the stamps that a file must have for an entry to take its place; `None` if nothing may be there.
    pub(super) fn stamps(&self, path: &DataPath) -> Option<crate::fs::openat::Stat> {
        if self.surplus.contains_key(path) { None } else { self.inspected.get(path).map(|(stat, _)| *stat) }
    }
}
