//! The files that an ingest reads, and the pieces of large ones.

use crate::fs::openat::Stat;
use crate::id::{Content, Id};
use crate::object::node::Entry;
use crate::path::DataPath;

/// A file to be read, and the file that the parent has in its place.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub path: DataPath,
    pub stat: Stat,
    pub old: Option<Entry>,
}

impl Job {
    /// Returns the content that it takes the place of, and its size.
    pub fn replaces(&self) -> Option<(Id<Content>, u64)> {
        self.old.as_ref().map(|old| (old.content, old.size))
    }
}

/// The end of a large file.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileEnd {
    pub content: Id<Content>,
    pub size: u64,
    pub stat: Stat,
}

/// A piece of a large file, cut into chunks.
#[derive(Debug)]
pub(super) struct FilePiece {
    /// Set for the first piece, and for the first when the file is read again.
    pub begins: Option<Job>,
    pub bytes: Vec<u8>,
    pub lens: Vec<usize>,
    pub ends: Option<FileEnd>,
}
