//! Temporary files whose writer has ended, and the folders that they name.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::{atomic, staging};

/// The files and folders that killed commands have left.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    /// The files in the folder of temporary files that nobody writes, each with the folder that it names.
    files: Vec<(PathBuf, Option<PathBuf>)>,
    /// The bytes of all of them.
    pub bytes: u64,
}

impl LeftOver {
    /// Finds them by the folder of temporary files.
    pub fn find(tmp: &Path) -> Result<LeftOver> {
        let fail = |e| Error::io("cannot read the folder", tmp, e);
        let mut found = LeftOver::default();
        let entries = match fs::read_dir(tmp) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let path = entry.map_err(fail)?.path();
            if let Some(size) = atomic::abandoned(&path)? {
                let folder = staging::staged_folder(&path);
                found.bytes += size + folder.as_deref().map_or(0, size_of);
                found.files.push((path, folder));
            }
        }
        found.files.sort();
        Ok(found)
    }

    /// Returns the number of files and folders.
    pub fn count(&self) -> u64 {
        self.files.iter().map(|(_, folder)| 1 + u64::from(folder.is_some())).sum()
    }

    /// Removes it. A folder that this user cannot remove stays, and the file that names it with it.
    pub fn remove(&self) -> Result<()> {
        for (file, folder) in &self.files {
            if folder.as_deref().map_or(Ok(()), atomic::remove_tree).is_ok() {
                atomic::remove_file(file)?;
            }
        }
        Ok(())
    }
}

/// Returns the bytes of the files below a folder, as far as it can be read.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(state) if state.is_dir() => size_of(&entry.path()),
        state => state.map_or(0, |state| state.len()),
    };
    entries.map(size).sum()
}
