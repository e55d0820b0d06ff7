//! Read-only maps of files that the store wrote itself and never changes.

use std::path::Path;

use memmap2::Mmap;

use super::atomic;
use crate::error::{Error, Result};

/// Maps a whole file for reading.
///
/// Only for derived files that are written once under a temporary name and then never again: the user's files are read
/// into buffers, since they may change at any time, and packs are read by position, so that a fault of the disk is an
/// error and not a signal.
#[expect(unsafe_code, reason = "mapping a file is unsafe by nature; this is the only place")]
pub fn map(path: &Path) -> Result<Mmap> {
    let file = atomic::open(path).map_err(|e| Error::io("cannot open", path, e))?;
    // SAFETY: the caller maps files that hlx itself wrote under a temporary name and renamed; nothing changes or
    // truncates them afterwards, only removes the name, which leaves the map intact.
    unsafe { Mmap::map(&file) }.map_err(|e| Error::io("cannot map", path, e))
}
