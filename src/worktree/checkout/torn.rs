//! Torn writes: what a power cut leaves of a file that a checkout was writing.
//!
//! The name can be on the disk before the bytes are. Such a file holds the first bytes of its content, and zeros for those
//! that were not written. Nothing is lost when the next checkout replaces it.

use std::fs::File;
use std::io::Read;

use crate::diff::FileEntry;
use crate::error::{Error, Result};
use crate::fs::openat::{Cursor, FileKind, Stat};
use crate::path::DataPath;
use crate::store::{Store, content};

/// Returns true if a file is what a torn write leaves of one of these entries.
pub(super) fn is_torn(store: &Store, cursor: &mut Cursor<'_>, path: &DataPath, stat: &Stat, entries: &[FileEntry]) -> bool {
    let is_file = matches!(stat.kind, FileKind::File | FileKind::Executable);
    let mut entries = entries.iter().filter(|entry| is_file && entry.kind.is_file() && stat.size <= entry.size);
    entries.any(|entry| {
        let Some(id) = entry.content else { return false };
        let Ok(file) = cursor.open_file(path.as_str()) else { return false };
        let mut comparison = Comparison { file, is_zero: false };
        stat.size == 0 || content::read(store, id, entry.size, |bytes| comparison.next(bytes)).is_ok()
    })
}

/// A file beside the content that it was to have.
struct Comparison {
    file: File,
    /// True from the first byte on that was not written.
    is_zero: bool,
}

impl Comparison {
    /// Reads as many bytes of the file as these, fewer at its end. Fails unless they are the same up to where only zeros follow.
    fn next(&mut self, bytes: &[u8]) -> Result<()> {
        let mut now = Vec::with_capacity(bytes.len());
        let limit = bytes.len() as u64;
        (&mut self.file).take(limit).read_to_end(&mut now).map_err(|e| Error::damaged(e.to_string()))?;
        let written = if self.is_zero { 0 } else { now.iter().zip(bytes).take_while(|(now, then)| now == then).count() };
        self.is_zero |= written < now.len();
        match now.iter().skip(written).all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(Error::damaged("the file has other bytes")),
        }
    }
}
