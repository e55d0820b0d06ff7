//! The files that stand where entries of a version go, also those that `.hlxignore` hides and those that are no part of
//! any dataset.
//!
//! Invariant: a path is replaced or removed only if it was inspected, its bytes are in the store or the user gave them
//! up, and its stamps are those of the inspection.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::torn::is_torn;
use crate::diff::FileEntry;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::{Cursor, FileKind, Root, Stat};
use crate::object::node::{Entry, EntryKind};
use crate::path::{DataPath, printable};
use crate::store::{Store, content};
use crate::worktree::cache::kind_within;
use crate::worktree::hash;

/// Paths that one error names.
const MAX_NAMED: usize = 1_000;

/// The decisions on the paths that a checkout replaces or removes.
#[derive(Debug, Default)]
pub struct Survey {
    /// Files whose bytes would be lost.
    pub(super) dirty: BTreeSet<DataPath>,
    /// Files and empty folders that have to go, and their stamps.
    pub(super) surplus: BTreeMap<DataPath, Stat>,
    /// The stamps of the files that stand where entries go, and what was read of them.
    pub(super) inspected: HashMap<DataPath, (Stat, FileEntry)>,
    /// The number of files to write, and their bytes.
    pub(super) pending: (u64, u64),
    /// The start of the survey, in nanoseconds since 1970: younger stamps are not trusted.
    pub(super) began: i128,
}

impl Survey {
    /// Returns the number of files whose bytes would be lost.
    pub fn uncommitted(&self) -> u64 {
        self.dirty.len() as u64
    }

    /// Returns the paths that have to go.
    pub fn surplus(&self) -> impl Iterator<Item = &DataPath> {
        self.surplus.keys()
    }

    /// Refuses to lose bytes that no version holds; `shown` is how a path is told.
    ///
    /// # Errors
    /// Names the files, if there are any.
    pub fn refuse_loss(&self, shown: impl Fn(&str) -> String) -> Result<()> {
        let mut text = match self.dirty.len() {
            0 => return Ok(()),
            1 => "1 file with uncommitted changes would be replaced or deleted:".to_owned(),
            n => format!("{n} files with uncommitted changes would be replaced or deleted:"),
        };
        self.dirty.iter().take(MAX_NAMED).for_each(|path| text += &format!("\n  {}", printable(&shown(path.as_str()))));
        if self.dirty.len() > MAX_NAMED {
            text += &format!("\n  and {} more", self.dirty.len() - MAX_NAMED);
        }
        Err(Error::new(ErrorKind::DirtyWorkspace, text).with_hint("commit them, move them, or discard them with --force"))
    }
}

/// Looks at the disk where entries of a version go.
pub(super) struct Inspector<'a> {
    store: &'a Store,
    pub(super) root: &'a Root,
    cursor: Cursor<'a>,
    /// Folders of which it is known that no file stands in their place.
    free: HashSet<String>,
    pub survey: Survey,
}

impl Survey {
    pub(super) fn expect(&mut self, size: u64) {
        self.pending.0 += 1;
        self.pending.1 += size;
    }
}

impl<'a> Inspector<'a> {
    pub fn new(store: &'a Store, root: &'a Root, began: i128) -> Inspector<'a> {
        let survey = Survey { began, ..Survey::default() };
        Inspector { store, root, cursor: root.cursor(), free: HashSet::new(), survey }
    }

    /// Reads a file or a symlink of the workspace. One that holds no bytes, or whose bytes cannot be stored, stays unread.
    pub fn read(&mut self, path: &DataPath, stat: Stat) -> Result<(Stat, FileEntry)> {
        if matches!(stat.kind, FileKind::Special(_) | FileKind::Folder) {
            return Ok((stat, FileEntry::unread(path.clone(), &stat)));
        }
        match hash::content(self.root, &mut self.cursor, path, stat) {
            Ok((content, size, stat)) => {
                let (path, kind) = (path.clone(), EntryKind::from(stat.kind));
                Ok((stat, FileEntry { path, kind, size, samples: None, content: Some(content) }))
            }
            Err(e) if e.kind() == ErrorKind::UnsupportedInput => Ok((stat, FileEntry::unread(path.clone(), &stat))),
            Err(e) => Err(e),
        }
    }

    /// Returns true if the store gives back the bytes of a file.
    pub fn is_stored(&self, file: &FileEntry) -> bool {
        file.content.is_some_and(|id| content::is_readable(self.store, id, file.size))
    }

    /// Returns true if a file is what a power cut left of one of these entries.
    pub fn is_torn(&mut self, path: &DataPath, stat: &Stat, entries: &[FileEntry]) -> bool {
        is_torn(self.store, &mut self.cursor, path, stat, entries)
    }

    /// Looks at the place of an entry that the scan of the workspace does not show. True if the entry is there already.
    pub fn inspect(&mut self, wanted: &Entry) -> Result<bool> {
        let is_there = self.place_of(wanted)?;
        if !is_there {
            self.survey.expect(wanted.size);
        }
        Ok(is_there)
    }

    fn place_of(&mut self, wanted: &Entry) -> Result<bool> {
        self.clear_above(&wanted.path)?;
        let Some(stat) = self.cursor.stat(wanted.path.as_str())? else { return Ok(false) };
        if stat.kind == FileKind::Folder {
            if wanted.kind != EntryKind::Folder {
                self.clear_folder(&wanted.path, stat)?;
            }
            return Ok(wanted.kind == EntryKind::Folder);
        }
        let (stat, mut now) = self.read(&wanted.path, stat)?;
        now.kind = kind_within(self.root, now.kind, Some(wanted.kind));
        let is_there = now.same(&wanted.clone().into());
        if !is_there && !self.is_stored(&now) {
            self.survey.dirty.insert(wanted.path.clone());
        }
        if wanted.kind == EntryKind::Folder {
            self.survey.surplus.insert(wanted.path.clone(), stat);
        }
        self.survey.inspected.insert(wanted.path.clone(), (stat, now));
        Ok(is_there)
    }

    /// Has a file removed, if it is there.
    pub fn remove(&mut self, path: &DataPath) -> Result<()> {
        match self.cursor.stat(path.as_str())? {
            Some(stat) if stat.kind == FileKind::Folder => drop(self.survey.surplus.insert(path.clone(), stat)),
            Some(stat) => self.clear(path, stat)?,
            None => {}
        }
        Ok(())
    }

    /// Has the files removed that stand where the folders above a path go.
    fn clear_above(&mut self, path: &DataPath) -> Result<()> {
        let Some(folder) = path.split().0 else { return Ok(()) };
        if self.free.contains(folder) {
            return Ok(());
        }
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        for above in ends.map(|end| &folder[..end]) {
            let Some(stat) = self.cursor.stat(above)? else { break };
            if stat.kind != FileKind::Folder {
                let above = DataPath::new(above).map_err(|why| Error::damaged(why.to_string()))?;
                self.clear(&above, stat)?;
                break;
            }
        }
        self.free.insert(folder.to_owned());
        Ok(())
    }

    /// Has everything in a folder removed, and the folder.
    pub fn clear_folder(&mut self, folder: &DataPath, stat: Stat) -> Result<()> {
        let fail = |e| self.root.error("cannot read the folder", folder.as_str(), e);
        let open = self.root.folder(folder.as_str()).map_err(fail)?;
        for name in open.names().map_err(fail)? {
            let text = name.to_string_lossy();
            let path = name.to_str().ok().and_then(|name| DataPath::join(Some(folder), name).ok()).ok_or_else(|| {
                let folder = self.root.path().join(&*printable(folder.as_str()));
                Error::new(ErrorKind::Conflict, format!("cannot replace the folder {} with a file", folder.display()))
                    .with_hint(format!("move the folder: it contains '{}', which is never removed", printable(&text)))
            })?;
            let stat = open.stat(&name).map_err(|e| self.root.error("cannot read", path.as_str(), e))?;
            match stat.kind {
                FileKind::Folder => self.clear_folder(&path, stat)?,
                _ => self.clear(&path, stat)?,
            }
        }
        self.survey.surplus.insert(folder.clone(), stat);
        Ok(())
    }

    /// Has a file removed; it is uncommitted work unless the store holds it.
    fn clear(&mut self, path: &DataPath, stat: Stat) -> Result<()> {
        if self.survey.surplus.contains_key(path) {
            return Ok(());
        }
        let (stat, now) = self.read(path, stat)?;
        if !self.is_stored(&now) {
            self.survey.dirty.insert(path.clone());
        }
        self.survey.surplus.insert(path.clone(), stat);
        Ok(())
    }
}

/// Returns true if a file is the one that was inspected. Its `ctime` may be another: it changes with the number of its
/// links.
pub(super) fn is_unchanged(then: &Stat, now: &Stat) -> bool {
    Stat { ctime: 0, ..*then } == Stat { ctime: 0, ..*now }
}

/// Returns the error for a path that changed after it was inspected.
pub(super) fn changed(root: &Root, path: &DataPath) -> Error {
    let path = root.path().join(&*printable(path.as_str()));
    Error::new(ErrorKind::Conflict, format!("{} changed during the checkout and was not replaced", path.display()))
        .with_hint("stop other programs from writing to it and run the command again")
}
