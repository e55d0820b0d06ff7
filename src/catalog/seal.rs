//! The folder of the catalog, and its seal, which shows that the files are those that sled closed in order.
//!
//! The seal is the last thing that is written and holds a hash of the stamps of all files beside it. Without it, or where a stamp
//! differs, a writer was killed or something else changed a file, and the database is built anew. A file `lock` makes
//! sure that one process at a time looks at the seal and has the database open.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::{self, TempFile};
use crate::fs::lock::{self, Lock};
use crate::fs::share;
use crate::store::Layout;

/// The first bytes of a seal. The digit changes with the rows, so that another hlx builds its own.
const FORMAT: &[u8; 8] = b"HLXCATL3";
/// The file that carries the lock.
const LOCK: &str = "lock";
/// The file that holds the seal.
const SEAL: &str = "seal";
/// sled's file of rows, which carries sled's own lock.
const DATABASE: &str = "db";

/// Most milliseconds that a closed database is waited for. Tests, which share the machine, have to find it free.
const PATIENCE: u32 = if cfg!(test) { 5_000 } else { 200 };

/// Milliseconds that the lock is waited for: none, but in tests, where a child that another test has forked may hold it
/// until it runs its program.
const LOCK_PATIENCE: u32 = if cfg!(test) { 100 } else { 0 };

/// The folder of the catalog.
#[derive(Clone, Debug)]
pub(super) struct CatalogFolder {
    path: PathBuf,
    tmp: PathBuf,
}

impl CatalogFolder {
    /// Returns the folder of a store's catalog.
    pub fn of(layout: &Layout) -> CatalogFolder {
        CatalogFolder { path: layout.catalog(), tmp: layout.tmp() }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder if it is missing and takes the lock; an error of kind [`ErrorKind::Conflict`] if somebody has it.
    pub fn lock(&self) -> Result<Lock> {
        if !self.path.is_dir() {
            atomic::ensure_folder(&self.path)?;
        }
        for left in (0..=LOCK_PATIENCE).rev() {
            if let Some(lock) = lock::try_exclusive(&self.path.join(LOCK))? {
                return Ok(lock);
            }
            if left > 0 {
                clock::wait_until(clock::nanos_now() + 1_000_000);
            }
        }
        Err(held())
    }

    /// Tells if there is a seal and all files are as they were when it was written.
    pub fn is_sealed(&self) -> bool {
        let seal = atomic::read(&self.path.join(SEAL)).ok().flatten();
        seal.is_some_and(|seal| self.fingerprint().is_ok_and(|now| seal == now))
    }

    /// Writes the seal. It need not survive a power cut.
    pub fn seal(&self) -> Result<()> {
        // sled creates its files with the umask of the user.
        if share::is_shared(&self.path) {
            share::tree(&self.path, |path| if path.ends_with(SEAL) { share::READ } else { share::WRITE })?;
        }
        let mut temp = TempFile::create(&self.tmp)?;
        temp.write_all(&self.fingerprint()?).map_err(|e| Error::io("cannot write", temp.path(), e))?;
        temp.rename(&self.path.join(SEAL))
    }

    /// Breaks the seal, before something is written or when the database turned out to be damaged.
    pub fn unseal(&self) -> Result<()> {
        atomic::remove_file(&self.path.join(SEAL))
    }

    /// Waits until sled's threads have let go of a database that was closed, but not for long. They may still shorten its
    /// files, and hold its lock, for a moment.
    pub fn settle(&self) {
        let path = self.path.join(DATABASE);
        for _ in 0..PATIENCE {
            match path.exists().then(|| lock::try_exclusive(&path)) {
                Some(Ok(None)) => clock::wait_until(clock::nanos_now() + 1_000_000),
                _ => return,
            }
        }
    }

    /// Removes everything but the lock, which the caller holds; an error of kind [`ErrorKind::Conflict`] if somebody has the
    /// database open all the same.
    pub fn clear(&self) -> Result<()> {
        let database = self.path.join(DATABASE);
        if database.exists() && lock::try_exclusive(&database)?.is_none() {
            return Err(held());
        }
        self.unseal()?;
        for name in self.names()? {
            let path = self.path.join(name);
            if path.is_dir() && !path.is_symlink() { atomic::remove_tree(&path)? } else { atomic::remove_file(&path)? }
        }
        Ok(())
    }

    /// Returns the names of the other files in the folder, in order.
    fn names(&self) -> Result<Vec<std::ffi::OsString>> {
        let fail = |e| Error::io("cannot read the folder", &self.path, e);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            names.push(entry.map_err(fail)?.file_name());
        }
        names.retain(|name| name != LOCK && name != SEAL);
        names.sort();
        Ok(names)
    }

    /// Returns the content of a seal over the files as they are now. A blob's bytes are covered by sled's own checksum.
    fn fingerprint(&self) -> Result<Vec<u8>> {
        let mut hasher = blake3::Hasher::new();
        for name in self.names()? {
            let path = self.path.join(&name);
            let meta = fs::symlink_metadata(&path).map_err(|e| Error::io("cannot read", &path, e))?;
            hasher.update(name.as_encoded_bytes()).update(&[0]).update(&meta.size().to_be_bytes());
            for time in [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()] {
                hasher.update(&time.to_be_bytes());
            }
            hasher.update(&meta.ino().to_be_bytes());
        }
        Ok([FORMAT.as_slice(), hasher.finalize().as_bytes()].concat())
    }
}

fn held() -> Error {
    Error::new(ErrorKind::Conflict, "the catalog is locked by another process")
        .with_hint("try again when the other process has finished")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(dir: &std::path::Path) -> CatalogFolder {
        let layout = Layout::new(dir.join(".helox"));
        layout.create().unwrap();
        CatalogFolder::of(&layout)
    }

    #[test]
    fn any_change_breaks_the_seal() {
        let dir = tempfile::tempdir().unwrap();
        let folder = folder(dir.path());
        let _lock = folder.lock().unwrap();
        assert!(!folder.is_sealed());
        let file = folder.path().join(DATABASE);
        fs::write(&file, "rows").unwrap();
        folder.seal().unwrap();
        assert!(folder.is_sealed());
        fs::write(&file, "more rows").unwrap();
        assert!(!folder.is_sealed(), "another length");
        folder.seal().unwrap();
        fs::write(folder.path().join("snap.1"), "").unwrap();
        assert!(!folder.is_sealed(), "another file");
        folder.seal().unwrap();
        let seal = fs::read(folder.path().join(SEAL)).unwrap();
        for n in 0..seal.len() {
            let mut bad = seal.clone();
            bad[n] ^= 1;
            fs::write(folder.path().join(SEAL), bad).unwrap();
            assert!(!folder.is_sealed(), "byte {n}");
            fs::write(folder.path().join(SEAL), &seal[..n]).unwrap();
            assert!(!folder.is_sealed(), "cut at {n}");
        }
        folder.seal().unwrap();
        folder.unseal().unwrap();
        assert!(!folder.is_sealed());
        folder.clear().unwrap();
        assert_eq!(folder.names().unwrap().len(), 0);
        assert!(folder.path().join(LOCK).exists());
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = folder(dir.path());
        let first = folder.lock().unwrap();
        assert_eq!(folder.lock().unwrap_err().kind(), ErrorKind::Conflict);
        drop(first);
        let _second = folder.lock().unwrap();
        let sled = sled::open(folder.path()).unwrap();
        assert_eq!(folder.clear().unwrap_err().kind(), ErrorKind::Conflict);
        assert!(sled.get("a").unwrap().is_none());
    }
}
