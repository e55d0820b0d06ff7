//! Every byte that touches the disk.
//!
//! Invariants: a file of the store appears under its name only whole and synced; the folder that holds the name is
//! synced before anything relies on it; a failed sync is never tried again on the same file. Other modules create,
//! rename, link and remove only through here, so that one set of fault points covers all of them.

/// The name of the folder that holds a store. Nothing in it is part of a dataset.
pub const STORE: &str = ".helox";

pub mod atomic;
pub mod boot;
#[cfg(test)]
pub mod fault;
pub mod lock;
pub mod map;
pub mod openat;
pub mod probe;
pub mod share;
pub mod staging;

use std::io;

/// Repeats a call for as long as signals interrupt it: on network and FUSE file systems that can be any call.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// The kinds of calls that a test can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Bytes, or a new name, are written.
    Write,
    /// A file, a folder or a file system is synced.
    Sync,
    /// A name is moved, linked or removed.
    Rename,
    /// The permission bits of a file are set.
    Mode,
}

#[cfg(not(test))]
pub(crate) mod fault {
    //! Outside of tests there are no faults.
    use std::io;
    use std::path::Path;

    pub use super::Call;

    #[inline(always)]
    pub fn point(_: Call, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_call_is_repeated() {
        let mut outcomes = [Err(io::ErrorKind::Interrupted), Err(io::ErrorKind::Interrupted), Ok(7)].into_iter();
        assert_eq!(uninterrupted(|| outcomes.next().unwrap().map_err(io::Error::from)).unwrap(), 7);
        let mut outcomes = [Err(io::ErrorKind::StorageFull), Ok(7)].into_iter();
        assert!(uninterrupted(|| outcomes.next().unwrap().map_err(io::Error::from)).is_err());
    }
}
