//! The folder of the catalog, and the seal that says that nobody but sled, closed in order, has written to it.
//!
//! The seal is the last thing that is written and holds the stamps of all files beside it. Without it, or where a stamp
//! differs, a writer was killed or something else changed a file, and the database is built anew. A file `lock` makes
//! sure that one process at a time looks at the seal and has the database open.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use bincode::{Decode, Encode};

use crate::catalog::guard::broken;
use crate::catalog::tables::{decode, encode};
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::fs::atomic::{self, TempFile};
use crate::fs::lock::{self, Lock};
use crate::fs::share;
use crate::store::Layout;

/// The first bytes of a seal. The digit changes with the tables, so that another hlx builds its own.
const BEGIN: &[u8; 8] = b"HLXCATL2";
/// The file that carries the lock.
const LOCK: &str = "lock";
/// The file that holds the seal.
const SEAL: &str = "seal";
/// sled's file of rows, which carries sled's own lock.
const DATABASE: &str = "db";

/// Most milliseconds that a closed database is waited for.
const PATIENCE: u32 = 200;

/// A file beside the seal, as the file system describes it. A blob's bytes are covered by sled's own checksum.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
struct File {
    name: String,
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
    inode: u64,
}

/// The folder of the catalog.
#[derive(Clone, Debug)]
pub(super) struct Home {
    folder: PathBuf,
    tmp: PathBuf,
}

impl Home {
    /// Where the catalog of a store lies.
    pub fn of(layout: &Layout) -> Home {
        Home { folder: layout.catalog(), tmp: layout.tmp() }
    }

    /// The folder.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// Makes the folder if it is missing and takes the lock; an error of kind [`Kind::Conflict`] if somebody has it.
    pub fn lock(&self) -> Result<Lock> {
        if !self.folder.is_dir() {
            atomic::ensure_folder(&self.folder)?;
        }
        lock::try_exclusive(&self.folder.join(LOCK))?.ok_or_else(held)
    }

    /// Whether the seal is there and whole.
    pub fn is_sealed(&self) -> bool {
        let sealed = || -> Result<bool> {
            let Some(bytes) = atomic::read(&self.folder.join(SEAL))? else { return Ok(false) };
            let hashed = bytes.strip_prefix(BEGIN).and_then(|rest| rest.split_first_chunk::<32>());
            let Some((hash, files)) = hashed else { return Ok(false) };
            Ok(blake3::hash(files).as_bytes() == hash && decode::<Vec<File>>(files)? == self.files()?)
        };
        sealed().unwrap_or(false)
    }

    /// Whether there is a seal, be it whole or not.
    pub fn has_seal(&self) -> bool {
        self.folder.join(SEAL).exists()
    }

    /// Writes the seal. It need not survive a power cut.
    pub fn seal(&self) -> Result<()> {
        // sled creates its files with the umask of the user.
        if share::is_shared(&self.folder) {
            share::tree(&self.folder, |path| if path.ends_with(SEAL) { share::READ } else { share::WRITE })?;
        }
        let files = encode(&self.files()?);
        let mut temp = TempFile::create(&self.tmp)?;
        let bytes = [BEGIN, blake3::hash(&files).as_bytes().as_slice(), &files].concat();
        temp.write_all(&bytes).map_err(|e| Error::io("cannot write", temp.path(), e))?;
        temp.rename(&self.folder.join(SEAL))
    }

    /// Breaks the seal, before something is written or when the database turned out to be damaged.
    pub fn unseal(&self) -> Result<()> {
        atomic::remove_file(&self.folder.join(SEAL))
    }

    /// Waits until sled's threads have let go of a database that was closed, but not for long. They may still shorten its
    /// files, and hold its lock, for a moment.
    pub fn settle(&self) {
        let path = self.folder.join(DATABASE);
        for _ in 0..PATIENCE {
            match path.exists().then(|| lock::try_exclusive(&path)) {
                Some(Ok(None)) => clock::wait_until(clock::nanos_now() + 1_000_000),
                _ => return,
            }
        }
    }

    /// Removes everything but the lock, which the caller holds; an error of kind [`Kind::Conflict`] if somebody has the
    /// database open all the same.
    pub fn clear(&self) -> Result<()> {
        let database = self.folder.join(DATABASE);
        if database.exists() && lock::try_exclusive(&database)?.is_none() {
            return Err(held());
        }
        self.unseal()?;
        for name in self.names()? {
            let path = self.folder.join(name);
            if path.is_dir() && !path.is_symlink() { atomic::remove_tree(&path)? } else { atomic::remove_file(&path)? }
        }
        Ok(())
    }

    /// What lies in the folder besides lock and seal, in order.
    fn names(&self) -> Result<Vec<std::ffi::OsString>> {
        let fail = |e| Error::io("cannot read the folder", &self.folder, e);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(fail)? {
            names.push(entry.map_err(fail)?.file_name());
        }
        names.retain(|name| name != LOCK && name != SEAL);
        names.sort();
        Ok(names)
    }

    fn files(&self) -> Result<Vec<File>> {
        let mut files = Vec::new();
        for name in self.names()? {
            let path = self.folder.join(&name);
            let meta = fs::symlink_metadata(&path).map_err(|e| Error::io("cannot read", &path, e))?;
            files.push(File {
                name: name.into_string().map_err(|_| broken("unexpected file name"))?,
                size: meta.size(),
                mtime: (meta.mtime(), meta.mtime_nsec()),
                ctime: (meta.ctime(), meta.ctime_nsec()),
                inode: meta.ino(),
            });
        }
        Ok(files)
    }
}

fn held() -> Error {
    Error::new(Kind::Conflict, "the catalog is locked by another process")
        .with_hint("try again when the other process has finished")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(dir: &std::path::Path) -> Home {
        let layout = Layout::new(dir.join(".helox"));
        layout.create().unwrap();
        Home::of(&layout)
    }

    #[test]
    fn any_change_breaks_the_seal() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(dir.path());
        let _lock = home.lock().unwrap();
        assert!(!home.is_sealed());
        let file = home.folder().join(DATABASE);
        fs::write(&file, "rows").unwrap();
        home.seal().unwrap();
        assert!(home.is_sealed());
        fs::write(&file, "more rows").unwrap();
        assert!(!home.is_sealed(), "another length");
        home.seal().unwrap();
        fs::write(home.folder().join("snap.1"), "").unwrap();
        assert!(!home.is_sealed(), "another file");
        home.seal().unwrap();
        let seal = fs::read(home.folder().join(SEAL)).unwrap();
        for n in 0..seal.len() {
            let mut bad = seal.clone();
            bad[n] ^= 1;
            fs::write(home.folder().join(SEAL), bad).unwrap();
            assert!(!home.is_sealed(), "byte {n}");
            fs::write(home.folder().join(SEAL), &seal[..n]).unwrap();
            assert!(!home.is_sealed(), "cut at {n}");
        }
        home.seal().unwrap();
        home.unseal().unwrap();
        assert!(!home.is_sealed());
        home.clear().unwrap();
        assert_eq!(home.names().unwrap().len(), 0);
        assert!(home.folder().join(LOCK).exists());
    }

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let home = home(dir.path());
        let first = home.lock().unwrap();
        assert_eq!(home.lock().unwrap_err().kind(), Kind::Conflict);
        drop(first);
        let _second = home.lock().unwrap();
        let sled = sled::open(home.folder()).unwrap();
        assert_eq!(home.clear().unwrap_err().kind(), Kind::Conflict);
        assert!(sled.get("a").unwrap().is_none());
    }
}
