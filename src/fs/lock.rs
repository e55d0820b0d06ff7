//! Locks that the kernel keeps and that end with the process, so that none is ever stale.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

use super::atomic::parent;
use super::share;
use crate::error::{Error, Result};

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Opens the file of a lock and creates it where it is missing. One that is there may be only readable: the kernel locks
/// it all the same.
fn open(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[expect(clippy::disallowed_methods, reason = "a lock file has no bytes to lose")]
    let file = options.open(path).or_else(|e| match e.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => File::open(path).map_err(|_| e),
        _ => Err(e),
    });
    let file = file.map_err(|e| Error::io("cannot open the lock", path, e))?;
    // One that belongs to another user can only be read, which is enough.
    let _ = share::open_file(parent(path), &file, share::WRITE);
    Ok(file)
}

/// Returns the error of a lock, with what to do where the file system keeps no locks.
fn refused(path: &Path, error: io::Error) -> Error {
    let lacking = matches!(Errno::from_io_error(&error), Some(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP));
    let error = Error::io("cannot lock", path, error);
    if !lacking {
        return error;
    }
    error.with_hint(
        "the file system does not support locks (flock), which protect against concurrent writes; \
         mount it with locks, or move the repository to another file system",
    )
}

/// Waits for the lock that many can hold.
pub fn shared(path: &Path) -> Result<Lock> {
    let file = open(path)?;
    file.lock_shared().map_err(|e| refused(path, e))?;
    Ok(Lock { _file: file })
}

/// Waits for the lock that one can hold.
pub fn exclusive(path: &Path) -> Result<Lock> {
    let file = open(path)?;
    file.lock().map_err(|e| refused(path, e))?;
    Ok(Lock { _file: file })
}

/// Time between two attempts to take a lock.
const PAUSE: Duration = Duration::from_millis(10);

/// Waits for the lock that one can hold, as long as `wait` does not fail.
pub fn exclusive_while(path: &Path, wait: impl Fn() -> Result<()>) -> Result<Lock> {
    loop {
        if let Some(lock) = try_exclusive(path)? {
            return Ok(lock);
        }
        wait()?;
        std::thread::sleep(PAUSE);
    }
}

/// Returns the lock that one can hold, or `None` if somebody holds it now.
pub fn try_exclusive(path: &Path) -> Result<Option<Lock>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(refused(path, e)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_locks_is_named() {
        for errno in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP] {
            let error = refused(Path::new("gc.lock"), errno.into());
            assert!(error.hint().unwrap().contains("does not support locks"));
        }
        assert!(!refused(Path::new("gc.lock"), Errno::IO.into()).hint().unwrap_or_default().contains("does not support locks"));
    }
}
