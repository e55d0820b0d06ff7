//! The files of a version that is evaluated: their manifest, and the source of their bytes.

use std::sync::Arc;

use crate::diff::FileSource;
use crate::error::Result;
use crate::fs::openat::Root;
use crate::id::{Id, NodeId};
use crate::object::node::Entry;
use crate::selection::Matcher;

/// A file on the old side and on the new.
pub(super) type EntryPair = (Option<Entry>, Option<Entry>);

/// The files of the version that is evaluated.
pub struct FileSet<'a, S> {
    /// The source of the nodes of both manifests.
    pub nodes: &'a S,
    /// The manifest of the version.
    pub manifest: Id<NodeId>,
    /// The source of files that are not in the store; `None` if all are.
    pub workspace: Option<WorkspaceFiles<'a>>,
}

/// The files of a workspace.
pub struct WorkspaceFiles<'a> {
    /// The folder of the workspace.
    pub root: &'a Root,
    /// The part of the version that it contains; the other files are in the store.
    pub selection: Option<Matcher>,
}

impl WorkspaceFiles<'_> {
    /// Opens a file, if it is in the part that the workspace contains.
    pub fn open<'b>(&self, path: &str) -> Result<Option<FileSource<'b>>> {
        if self.selection.as_ref().is_some_and(|part| !part.selects(path)) {
            return Ok(None);
        }
        let file = self.root.cursor().open_file(path).map_err(|e| self.root.error("cannot read", path, e))?;
        Ok(Some(FileSource::Open(Arc::new(file), self.root.path().join(path))))
    }
}
