//! Locks that the kernel keeps and that end with the process, so that none is ever stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::{Error, Result};

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[expect(clippy::disallowed_methods, reason = "a lock file has no bytes to lose")]
    options.open(path).map_err(|e| Error::io("cannot open the lock", path, e))
}

/// Waits for the lock that many can hold.
pub fn shared(path: &Path) -> Result<Lock> {
    let file = open(path)?;
    file.lock_shared().map_err(|e| Error::io("cannot lock", path, e))?;
    Ok(Lock { _file: file })
}

/// Waits for the lock that one can hold.
pub fn exclusive(path: &Path) -> Result<Lock> {
    let file = open(path)?;
    file.lock().map_err(|e| Error::io("cannot lock", path, e))?;
    Ok(Lock { _file: file })
}

/// The lock that one can hold, or `None` if somebody holds it now.
pub fn try_exclusive(path: &Path) -> Result<Option<Lock>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(Error::io("cannot lock", path, e)),
    }
}
