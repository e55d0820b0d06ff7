//! The sources of lost objects: the damaged packs, another repository, and the files of the workspaces.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::chunk::cut;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::object::{Key, ObjectKind};
use crate::progress::Progress;
use crate::store::{Object, Store, Writer};

/// Objects of the store, and of another one where the store has them not.
pub(super) struct Sources<'a> {
    pub store: &'a Store,
    pub other: Option<&'a Store>,
    /// The number of objects that came from the other store.
    pub copied: u64,
    /// Objects that were copied and that the store does not find yet.
    fresh: HashMap<Key, Object>,
}

impl<'a> Sources<'a> {
    pub fn new(store: &'a Store, other: Option<&'a Store>) -> Sources<'a> {
        Sources { store, other, copied: 0, fresh: HashMap::new() }
    }

    /// Returns an object, after it was stored again if only the other store has it; `None` if neither has.
    ///
    /// # Errors
    /// If it cannot be stored, or the user interrupts.
    pub fn fetch(&mut self, writer: &mut Writer<'_>, key: &Key) -> Result<Option<Object>> {
        if let Some(object) = self.fresh.get(key) {
            return Ok(Some(object.clone()));
        }
        if let Some(object) = found(self.store.get(key))? {
            return Ok(Some(object));
        }
        let Some(object) = self.other.map(|other| found(other.get(key))).transpose()?.flatten() else { return Ok(None) };
        let Some(is_new) = put(writer, *key, &object)? else { return Ok(None) };
        self.copied += u64::from(is_new);
        // Chunks are many, and nothing is read from them.
        if key.kind != ObjectKind::Chunk {
            self.fresh.insert(*key, object.clone());
        }
        Ok(Some(object))
    }

    /// Returns true if an object other than a chunk came from the other store.
    pub fn is_fresh(&self, key: &Key) -> bool {
        self.fresh.contains_key(key)
    }
}

/// Returns what could be read; `None` for what is missing or damaged.
fn found(read: Result<Object>) -> Result<Option<Object>> {
    match read {
        Err(e) if e.kind() == ErrorKind::Interrupted => Err(e),
        read => Ok(read.ok()),
    }
}

/// Stores an object unless it is there. Returns true if it was not, and `None` if no reader would accept it.
pub(super) fn put(writer: &mut Writer<'_>, key: Key, bytes: &[u8]) -> Result<Option<bool>> {
    match writer.object(key, bytes) {
        Err(e) if e.kind() == ErrorKind::Internal => Ok(None),
        stored => stored.map(Some),
    }
}

/// Returns the regular files and symlinks below a folder, without those of repositories.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = open.pop() {
        // What cannot be read has no lost bytes for this user.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && entry.file_name() != ".helox" && entry.file_name() != ".git" => {
                    open.push(entry.path())
                }
                Ok(kind) if kind.is_file() || kind.is_symlink() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// Cuts a file, or the target of a symlink, into chunks and hands each out.
pub(super) fn chunks(path: &Path, progress: &dyn Progress, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    use std::io::Read;
    let fail = |e| Error::io("cannot read", path, e);
    if path.is_symlink() {
        let target = fs::read_link(path).map_err(fail)?;
        return take(target.as_os_str().as_encoded_bytes());
    }
    let mut file = atomic::open(path).map_err(fail)?;
    let (mut buffer, mut ended) = (Vec::new(), false);
    loop {
        progress.check()?;
        if !ended && buffer.len() < cut::MAX {
            let room = 16 * cut::MAX;
            let read = Read::take(&mut file, room as u64).read_to_end(&mut buffer).map_err(fail)?;
            ended = read < room;
        }
        let mut at = 0;
        while at < buffer.len() && (ended || buffer.len() - at >= cut::MAX) {
            let len = cut::first(&buffer[at..]);
            take(&buffer[at..at + len])?;
            at += len;
        }
        buffer.drain(..at);
        if ended {
            return Ok(());
        }
    }
}
