//! A remote in a folder of a disk or a network share, with the layout of a repository.
//!
//! Durability is that of [`crate::fs`]: a file is synced before it has its name, and its folder before a call returns.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::api::{Remote, RemoteFile, Traffic, TrafficCounter, check_name, folder_prefix, no_range, too_long};
use crate::clock::Time;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::{self, Created, TempFile, parent};

/// Bytes of an upload between two calls of its progress.
const STEP: u64 = 8 << 20;

/// A remote in a folder.
#[derive(Debug)]
pub(super) struct FolderRemote {
    root: PathBuf,
    /// Folders that are known to exist durably.
    folders: Mutex<HashSet<PathBuf>>,
    traffic: TrafficCounter,
}

impl FolderRemote {
    /// Opens a folder: a `.helox`, one that contains a `.helox`, or one that is, or will be, only a remote. It is created by
    /// the first write; the one that contains it must exist.
    pub fn open(folder: &Path) -> Result<FolderRemote> {
        let inner = folder.join(crate::fs::STORE);
        let root = if inner.join("format").exists() { inner } else { folder.to_owned() };
        match fs::read_dir(&root) {
            Ok(entries) => check_layout(&root, entries)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound && parent(&root).is_dir() => {}
            Err(e) => {
                let error = Error::io("cannot open the remote", folder, e);
                let hint = format!("create or mount it: mkdir -p {}", parent(folder).display());
                return Err(if error.hint().is_some() { error } else { error.with_hint(hint) });
            }
        }
        Ok(FolderRemote { root, folders: Mutex::default(), traffic: TrafficCounter::default() })
    }

    /// Returns the path of a file.
    fn path(&self, name: &str) -> Result<PathBuf> {
        check_name(name)?;
        self.traffic.request();
        Ok(self.root.join(name))
    }

    /// Opens a file; `None` if it does not exist.
    fn file(&self, path: &Path) -> Result<Option<(File, u64)>> {
        let open = || {
            let file = atomic::open(path)?;
            let metadata = file.metadata()?;
            match metadata.is_file() {
                true => Ok((file, metadata.len())),
                false => Err(io::Error::other("it is not a regular file")),
            }
        };
        match open() {
            Ok(file) => Ok(Some(file)),
            Err(e) if is_missing(&e) => Ok(None),
            Err(e) => Err(Error::io("cannot read", path, e)),
        }
    }

    /// Creates the folder of a file and that of temporary files, once.
    fn prepare(&self, path: &Path) -> Result<PathBuf> {
        let tmp = self.root.join("tmp");
        for folder in [parent(path), &tmp] {
            if !self.folders.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
                atomic::ensure_folder(folder)?;
                self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
            }
        }
        Ok(tmp)
    }

    fn list_folder(&self, folder: &Path, name: &str, take: &mut dyn FnMut(RemoteFile) -> Result<()>) -> Result<()> {
        self.traffic.request();
        let fail = |e| Error::io("cannot list the folder", folder, e);
        let entries = match fs::read_dir(folder) {
            Err(e) if is_missing(&e) => return Ok(()),
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let entry = entry.map_err(fail)?;
            let path = entry.path();
            let metadata = match fs::metadata(&path) {
                // It was removed meanwhile.
                Err(e) if is_missing(&e) => continue,
                metadata => metadata.map_err(|e| Error::io("cannot read", &path, e))?,
            };
            let name = format!("{name}{}", entry.file_name().to_string_lossy());
            if metadata.is_dir() {
                self.list_folder(&path, &format!("{name}/"), take)?;
            } else {
                let modified = Time::from_millis(metadata.mtime() * 1_000 + metadata.mtime_nsec() / 1_000_000);
                take(RemoteFile { name, size: metadata.len(), modified })?;
            }
        }
        Ok(())
    }
}

impl Remote for FolderRemote {
    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let path = self.path(name)?;
        let Some((file, len)) = self.file(&path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        if len <= limit {
            let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
            read.map_err(|e| Error::io("cannot read", &path, e))?;
            self.traffic.received(bytes.len() as u64);
        }
        match len.max(bytes.len() as u64) > limit {
            true => Err(too_long(&path.display().to_string(), limit)),
            false => Ok(Some(bytes)),
        }
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let path = self.path(name)?;
        let wrong = |problem| no_range(&path.display().to_string(), &range, problem);
        let Some((mut file, len)) = self.file(&path)? else { return Err(wrong("the file does not exist")) };
        if range.end > len || range.start > range.end {
            return Err(wrong(&format!("the file has {len} bytes")));
        }
        let mut bytes = vec![0; (range.end - range.start) as usize];
        let read = file.seek(SeekFrom::Start(range.start)).and_then(|_| file.read_exact(&mut bytes));
        read.map_err(|e| Error::io("cannot read", &path, e))?;
        self.traffic.received(bytes.len() as u64);
        Ok(bytes)
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created> {
        let path = self.path(name)?;
        let created = atomic::create_once(&self.prepare(&path)?, &path, bytes)?;
        self.traffic.sent(bytes.len() as u64);
        Ok(created)
    }

    fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let path = self.path(name)?;
        atomic::replace(&self.prepare(&path)?, &path, &bytes)?;
        self.traffic.sent(bytes.len() as u64);
        Ok(())
    }

    fn upload(&self, name: &str, file: &Path, progress: &dyn Fn(u64) -> Result<()>) -> Result<()> {
        let path = self.path(name)?;
        let source = atomic::open(file).map_err(|e| Error::io("cannot read", file, e))?;
        let len = source.metadata().map_err(|e| Error::io("cannot read", file, e))?.len();
        let mut temp = TempFile::create(&self.prepare(&path)?)?;
        let mut sent = 0;
        while sent < len {
            progress(sent)?;
            let step = temp.append(&source, STEP.min(len - sent)).map_err(|e| Error::io("cannot write", &path, e))?;
            if step == 0 {
                return Err(Error::new(ErrorKind::Conflict, format!("{} became shorter while it was read", file.display())));
            }
            atomic::begin_write_back(temp.file(), sent, step);
            self.traffic.sent(step);
            sent += step;
        }
        temp.sync()?;
        temp.rename(&path)?;
        atomic::sync_folder(parent(&path))?;
        progress(sent)
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        let path = self.path(name)?;
        Ok(self.file(&path)?.map(|(_, len)| len))
    }

    fn list(&self, folder: &str, take: &mut dyn FnMut(RemoteFile) -> Result<()>) -> Result<()> {
        let prefix = folder_prefix(folder)?;
        self.list_folder(&self.root.join(&prefix), &prefix, take)
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        match atomic::remove_file(&path) {
            Err(e) if e.kind() == ErrorKind::Io && !parent(&path).is_dir() => Ok(()),
            removed => removed,
        }
    }

    fn traffic(&self) -> Traffic {
        self.traffic.total()
    }
}

/// Returns true if an error means that a file, or a folder above it, does not exist.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Fails for a folder of something else, in which the files of a remote would be scattered.
fn check_layout(root: &Path, mut entries: fs::ReadDir) -> Result<()> {
    let is_remote = ["format", "packs", "refs", "tmp"].iter().any(|name| root.join(name).exists());
    if is_remote || entries.next().is_none() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, format!("{} is neither empty nor a remote", root.display()))
        .with_hint("use a new folder in it, or the folder of a repository"))
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;
    use crate::fs::fault;

    #[test]
    fn a_folder_is_a_remote() {
        let dir = tempfile::tempdir().unwrap();
        conformance::check(&FolderRemote::open(&dir.path().join("new")).unwrap());
        assert_eq!(fs::read_dir(dir.path().join("new/tmp")).unwrap().count(), 0, "no temporary file is left");
    }

    #[test]
    fn a_repository_is_a_remote() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".helox")).unwrap();
        fs::write(dir.path().join(".helox/format"), "x").unwrap();
        for folder in [dir.path().to_owned(), dir.path().join(".helox")] {
            assert_eq!(FolderRemote::open(&folder).unwrap().read("format", 9).unwrap().unwrap(), b"x");
        }
    }

    #[test]
    fn a_folder_of_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        FolderRemote::open(dir.path()).unwrap();
        fs::write(dir.path().join("data.csv"), "x").unwrap();
        assert_eq!(FolderRemote::open(dir.path()).unwrap_err().kind(), ErrorKind::Conflict);
        for folder in ["data.csv", "not/mounted"] {
            let error = FolderRemote::open(&dir.path().join(folder)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Io, "{folder}");
        }
    }

    #[test]
    fn a_fault_leaves_no_file_and_a_repetition_succeeds() {
        for n in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let source = dir.path().join("source");
            fs::write(&source, "bytes").unwrap();
            let folder = dir.path().join("remote");
            let remote = FolderRemote::open(&folder).unwrap();
            let armed = fault::arm(&folder, n);
            let outcome = remote.upload("packs/a", &source, &|_| Ok(())).and_then(|()| remote.create("refs/a", b"1"));
            let fired = armed.fired().is_some();
            drop(armed);
            assert_eq!(outcome.is_err(), fired);
            for (name, bytes) in [("packs/a", &b"bytes"[..]), ("refs/a", b"1")] {
                let now = remote.read(name, 9).unwrap();
                assert!(now.is_none() || now.as_deref() == Some(bytes), "{name}");
            }
            remote.upload("packs/a", &source, &|_| Ok(())).unwrap();
            remote.create("refs/a", b"1").unwrap();
            assert_eq!(remote.read("refs/a", 9).unwrap().unwrap(), b"1");
            if !fired {
                assert!(n > 10, "{n} calls");
                break;
            }
        }
    }
}
