//! Writes files: small ones by every core, large ones decoded by every core and written in order.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::inspect::{changed, is_unchanged};
use crate::error::{Error, Result};
use crate::fs::atomic::{self, TempFile};
use crate::fs::openat::{Cursor, Root, Stat};
use crate::object::node::{Entry, EntryKind};
use crate::object::recipe::RecipeItem;
use crate::store::{Object, Store, content};
use crate::worktree::cache::CacheEntry;

/// The way in which files get their names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Naming<'a> {
    /// In a folder that nobody sees yet: under their own names from the start.
    Direct,
    /// In a workspace: under a temporary name in this folder, then moved over what is there.
    Moved(&'a Path),
}

/// An entry to be written, and the stamps of the file that it takes the place of, if there is one.
#[derive(Clone, Debug)]
pub(super) struct Replacement {
    pub entry: Entry,
    pub replaces: Option<Stat>,
}

impl Replacement {
    /// Fails unless nothing has the path now, or what the survey has seen there.
    fn check(&self, root: &Root, cursor: &mut Cursor<'_>) -> Result<()> {
        let is_same = match (&self.replaces, cursor.stat(self.entry.path.as_str())?) {
            // Where names that differ in case only are one, it may have gone with the other name.
            (_, None) => true,
            (Some(then), Some(now)) => is_unchanged(then, &now),
            _ => false,
        };
        if is_same { Ok(()) } else { Err(changed(root, &self.entry.path)) }
    }
}

/// A piece of the work, in the order of the paths.
#[derive(Debug)]
pub(super) enum WriteTask {
    /// Files that are right already.
    Keep(Vec<CacheEntry>),
    /// Files that one worker writes.
    Small(Vec<Replacement>),
    /// Chunks of a large file.
    Piece { begins: Option<Replacement>, items: Vec<RecipeItem>, ends: bool },
}

/// The result of a task.
#[derive(Debug)]
pub(super) enum WriteResult {
    Keep(Vec<CacheEntry>),
    Written(Vec<WrittenEntry>),
    Piece { begins: Option<Replacement>, chunks: Vec<Object>, ends: bool },
}

/// An entry that was written.
#[derive(Debug)]
pub(super) struct WrittenEntry {
    pub entry: Entry,
    /// The stat data of the file, where it is needed.
    pub stat: Option<Stat>,
}

/// A worker's own state.
pub(super) struct WriteWorker<'a> {
    store: &'a Store,
    root: &'a Root,
    cursor: Cursor<'a>,
    naming: Naming<'a>,
}

impl<'a> WriteWorker<'a> {
    pub fn new(store: &'a Store, root: &'a Root, naming: Naming<'a>) -> WriteWorker<'a> {
        WriteWorker { store, root, cursor: root.cursor(), naming }
    }

    pub fn work(&mut self, unit: WriteTask) -> Result<WriteResult> {
        Ok(match unit {
            WriteTask::Keep(rows) => WriteResult::Keep(rows),
            WriteTask::Small(entries) => WriteResult::Written(entries.into_iter().map(|e| self.write(e)).collect::<Result<_>>()?),
            WriteTask::Piece { begins, items, ends } => {
                let chunks = items.iter().map(|item| content::unchecked(self.store, item)).collect::<Result<_>>()?;
                WriteResult::Piece { begins, chunks, ends }
            }
        })
    }

    /// Writes a whole entry.
    fn write(&mut self, file: Replacement) -> Result<WrittenEntry> {
        let entry = file.entry.clone();
        let path = entry.path.as_str();
        match entry.kind {
            EntryKind::Folder => self.cursor.ensure_folder(path)?,
            EntryKind::Symlink => {
                let mut target = Vec::new();
                content::read(self.store, entry.content, entry.size, |bytes| {
                    target.extend_from_slice(bytes);
                    Ok(())
                })
                .map_err(|e| e.within(path))?;
                self.cursor.ensure_folder(entry.path.split().0.unwrap_or_default())?;
                let tmp = match self.naming {
                    Naming::Direct => None,
                    Naming::Moved(tmp) => {
                        file.check(self.root, &mut self.cursor)?;
                        Some(tmp)
                    }
                };
                self.cursor.symlink(tmp, &target, path)?;
            }
            EntryKind::File | EntryKind::Executable => {
                let mut open = OpenFile::begin(&mut self.cursor, self.naming, file)?;
                content::read(self.store, entry.content, entry.size, |bytes| open.write(self.root, bytes))
                    .map_err(|e| e.within(path))?;
                open.name(self.root, &mut self.cursor)?;
            }
        }
        stamp(self.root, &mut self.cursor, self.naming, entry)
    }
}

/// Returns the stat data of an entry that was just written. A folder that is not in place yet has no stat cache.
fn stamp(root: &Root, cursor: &mut Cursor<'_>, naming: Naming<'_>, entry: Entry) -> Result<WrittenEntry> {
    let path = entry.path.as_str();
    let stat = match naming {
        Naming::Direct => None,
        Naming::Moved(_) => {
            Some(cursor.stat(path)?.ok_or_else(|| root.error("cannot find", path, io::ErrorKind::NotFound.into()))?)
        }
    };
    Ok(WrittenEntry { entry, stat })
}

/// A file that is being written.
#[derive(Debug)]
struct OpenFile {
    file: Replacement,
    out: OutputFile,
    /// Bytes so far.
    written: u64,
}

#[derive(Debug)]
enum OutputFile {
    Direct(File),
    Moved(TempFile),
}

impl OpenFile {
    fn begin(cursor: &mut Cursor<'_>, naming: Naming<'_>, file: Replacement) -> Result<OpenFile> {
        let entry = &file.entry;
        let executable = entry.kind == EntryKind::Executable;
        cursor.ensure_folder(entry.path.split().0.unwrap_or_default())?;
        let out = match naming {
            Naming::Direct => OutputFile::Direct(cursor.create(entry.path.as_str(), executable)?),
            Naming::Moved(tmp) => OutputFile::Moved(TempFile::create_with_mode(tmp, if executable { 0o777 } else { 0o666 })?),
        };
        Ok(OpenFile { file, out, written: 0 })
    }

    fn write(&mut self, root: &Root, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.out {
            OutputFile::Direct(file) => {
                crate::fs::fault::point(crate::fs::fault::Call::Write, root.path()).and_then(|()| file.write_all(bytes))
            }
            OutputFile::Moved(temp) => temp.write_all(bytes),
        };
        self.written += bytes.len() as u64;
        written.map_err(|e| root.error("cannot write", self.file.entry.path.as_str(), e))
    }

    fn handle(&self) -> &File {
        match &self.out {
            OutputFile::Direct(file) => file,
            OutputFile::Moved(temp) => temp.file(),
        }
    }

    /// Begins anew with an empty file.
    fn restart(&mut self, root: &Root) -> Result<()> {
        self.written = 0;
        atomic::restart(self.handle(), root.path()).map_err(|e| root.error("cannot write", self.file.entry.path.as_str(), e))
    }

    /// The bytes are all there and right: gives them their name.
    fn name(self, root: &Root, cursor: &mut Cursor<'_>) -> Result<()> {
        match self.out {
            OutputFile::Direct(_) => Ok(()),
            OutputFile::Moved(temp) => {
                self.file.check(root, cursor)?;
                cursor.adopt(temp, self.file.entry.path.as_str())
            }
        }
    }
}

/// The last stage: takes pieces of large files in order.
pub(super) struct Assembler<'a> {
    store: &'a Store,
    root: &'a Root,
    cursor: Cursor<'a>,
    naming: Naming<'a>,
    open: Option<(OpenFile, blake3::Hasher)>,
}

impl<'a> Assembler<'a> {
    pub fn new(store: &'a Store, root: &'a Root, naming: Naming<'a>) -> Assembler<'a> {
        Assembler { store, root, cursor: root.cursor(), naming, open: None }
    }

    /// Writes a piece; returns the file if it ends with it.
    pub fn piece(&mut self, begins: Option<Replacement>, chunks: &[Object], ends: bool) -> Result<Option<WrittenEntry>> {
        if let Some(file) = begins {
            self.open = Some((OpenFile::begin(&mut self.cursor, self.naming, file)?, blake3::Hasher::new()));
        }
        let Some((open, hasher)) = &mut self.open else {
            return Err(Error::damaged("a part of a file is before its start"));
        };
        let before = open.written;
        for chunk in chunks {
            hasher.update(chunk);
            open.write(self.root, chunk)?;
        }
        atomic::begin_write_back(open.handle(), before, open.written - before);
        let Some((mut open, hasher)) = self.open.take_if(|_| ends) else { return Ok(None) };
        let entry = open.file.entry.clone();
        if content::check_whole(&hasher, entry.content).is_err() {
            // The chunks were not checked one by one. Now they are: the damage gets its name, or another copy serves.
            open.restart(self.root)?;
            content::read(self.store, entry.content, entry.size, |bytes| open.write(self.root, bytes))
                .map_err(|e| e.within(&entry.path))?;
        }
        // The file that loses its name here is held open: letting go of a large one takes the system a while.
        let old = self.cursor.open_file(entry.path.as_str());
        open.name(self.root, &mut self.cursor)?;
        rayon::spawn(move || drop(old));
        stamp(self.root, &mut self.cursor, self.naming, entry).map(Some)
    }
}
