//! Temporary files whose writer has ended.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::atomic;

/// Returns the files in the folder of temporary files that nobody writes, and their bytes.
pub(super) fn find(tmp: &Path) -> Result<(Vec<PathBuf>, u64)> {
    let fail = |e| Error::io("cannot read the folder", tmp, e);
    let (mut paths, mut bytes) = (Vec::new(), 0);
    let entries = match fs::read_dir(tmp) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((paths, 0)),
        entries => entries.map_err(fail)?,
    };
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        if let Some(size) = atomic::abandoned(&path)? {
            bytes += size;
            paths.push(path);
        }
    }
    paths.sort();
    Ok((paths, bytes))
}
