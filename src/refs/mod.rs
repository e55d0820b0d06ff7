//! Names that point at objects: created once and never changed, each durable when its creation returns. The format is
//! specified in `docs/formats/refs.md`.
//!
//! Create-if-absent is the one primitive that every place to keep a repository makes atomic. So a version's number is
//! created once, and what moves is a sequence whose next entry is created once.

pub mod names;
mod sequence;
mod versions;

pub use sequence::{Sequence, SequenceEntry};
pub use versions::Versions;

use std::path::Path;

use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::id::Id;

/// Returns the content of a ref file: an id in hex and a newline.
pub fn encode<T>(id: Id<T>) -> Vec<u8> {
    format!("{id}\n").into_bytes()
}

/// Reads a ref file; `None` if it does not exist.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) also for what is not a file, such as a folder or a link to nothing.
pub fn read<T>(path: &Path) -> Result<Option<Id<T>>> {
    let damaged = |reason| Err(Error::damaged(format!("ref {} {reason}", path.display())));
    let bytes = match atomic::read(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) if !path.is_symlink() => return Ok(None),
        Ok(None) => return damaged("is a dangling symlink"),
        Err(_) if path.is_dir() => return damaged("is a folder"),
        Err(e) => return Err(e),
    };
    let id = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n')).and_then(Id::from_hex);
    id.map_or_else(|| damaged("does not contain an id"), |id| Ok(Some(id)))
}

/// Returns the error of something else in the place of a folder of refs.
fn not_a_folder(path: &Path) -> Error {
    Error::damaged(format!("{} is not a folder", path.display())).with_hint("create the refs again: hlx fsck --repair")
}
