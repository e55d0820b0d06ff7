//! A folder of files as it is held against versions.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::Root;
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, NodeSource};
use crate::object::checksum::{Checksum, DataChecksum};
use crate::object::node::{Entry, EntryKind};
use crate::progress::Progress;
use crate::selection::Matcher;
use crate::worktree::cache::{CacheReader, kind_within};
use crate::worktree::hash;
use crate::worktree::scan::{Scan, ScannedFile};
use crate::worktree::stamp::Stamp;

/// A folder whose files were read.
pub(super) struct FolderContents {
    root: Root,
    /// Its files, symlinks and empty folders, in the order of their paths.
    pub entries: Vec<Entry>,
    /// The data checksum of its files.
    pub checksum: Checksum,
    /// The number of files.
    pub files: u64,
    /// The bytes of the files.
    pub bytes: u64,
    /// The stamp of the folder.
    pub stamp: Option<Stamp>,
}

/// A part of a version: a folder of it, or what a selection takes.
#[derive(Clone, Copy)]
pub(super) struct VersionPart<'a> {
    pub manifest: Id<NodeId>,
    /// The folder; empty for all of the version.
    pub path: &'a str,
    pub selection: Option<&'a Matcher>,
}

/// The kind of difference between a folder and a part of a version at one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    Added,
    Modified,
    Removed,
}

impl FolderContents {
    /// Reads every file of a folder.
    pub fn read(path: &Path, progress: &dyn Progress) -> Result<FolderContents> {
        let stamp = Stamp::read(path)?;
        let root = Root::open(path)?;
        let (mut checksum, mut entries, mut files, mut bytes) = (DataChecksum::default(), Vec::new(), 0, 0);
        let mut cursor = root.cursor();
        for file in Scan::new(&root, CacheReader::open(Path::new("")))? {
            progress.check()?;
            let entry = match file? {
                ScannedFile::Known(row) => row.entry,
                ScannedFile::Unknown { path, stat } => {
                    let (content, size, stat) = hash::content(&root, &mut cursor, &path, stat)?;
                    Entry { path, kind: EntryKind::from(stat.kind), size, samples: None, content }
                }
            };
            if entry.kind.is_file() {
                checksum.add(entry.path.as_str(), &entry.content);
                files += 1;
                bytes += entry.size;
            }
            entries.push(entry);
        }
        drop(cursor);
        Ok(FolderContents { root, entries, checksum: checksum.finish(), files, bytes, stamp })
    }

    /// Returns the file at a path.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.entries.get(at)
    }

    /// Returns true if a file is the one that a version has.
    pub fn is_same(&self, own: &Entry, entry: &Entry) -> bool {
        let kind = kind_within(&self.root, own.kind, Some(entry.kind));
        kind == entry.kind && (kind == EntryKind::Folder || own.content == entry.content)
    }

    /// Calls `each` with the differences from a part of a version, by the paths in the folder, until it returns `false`.
    /// Returns whether it never did.
    pub fn compare(
        &self,
        nodes: &impl NodeSource,
        part: VersionPart<'_>,
        mut each: impl FnMut(Difference, &Entry, &str) -> bool,
    ) -> Result<bool> {
        let prefix = if part.path.is_empty() { String::new() } else { format!("{}/", part.path) };
        let mut own = self.entries.iter().peekable();
        for entry in Entries::from_path(nodes, part.manifest, &prefix)? {
            let entry = entry?;
            let Some(path) = entry.path.as_str().strip_prefix(&prefix) else { break };
            if part.selection.is_some_and(|selection| !selection.selects(entry.path.as_str())) {
                continue;
            }
            while let Some(extra) = own.next_if(|own| own.path.as_str() < path) {
                if !each(Difference::Added, extra, extra.path.as_str()) {
                    return Ok(false);
                }
            }
            let goes_on = match own.next_if(|own| own.path.as_str() == path) {
                Some(own) if self.is_same(own, &entry) => true,
                Some(own) => each(Difference::Modified, own, path),
                None => each(Difference::Removed, &entry, path),
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(own.all(|extra| each(Difference::Added, extra, extra.path.as_str())))
    }

    /// Returns true if a part of a version is this folder.
    pub fn equals(&self, nodes: &impl NodeSource, part: VersionPart<'_>) -> Result<bool> {
        self.compare(nodes, part, |_, _, _| false)
    }

    /// Returns the error of a folder that is compared where there is no version.
    pub fn without_versions() -> Error {
        Error::new(ErrorKind::VersionNotFound, "there is no version to compare with the folder")
            .with_hint("hlx commit -m SUMMARY")
    }
}
