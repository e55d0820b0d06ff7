//! Folders that are filled beside their place and moved there whole.
//!
//! Such a folder can lie anywhere, so a file in the store's folder for temporary files names it, locked for as long as it is
//! filled. After a kill the collector finds the file without its lock, and removes the folder with it.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::atomic::{TempFile, parent, remove_tree, sync_folder, unique_name};
use super::fault::{Call, point};
use super::uninterrupted;
use crate::error::{Error, Result};

/// The prefix of the name of a folder that is being filled. Its file in the store has the same name.
const PREFIX: &str = ".hlx-";

/// A folder that is filled beside its place, on the same file system. Dropped before it is placed, it goes away.
#[derive(Debug)]
pub struct Staging {
    path: PathBuf,
    placed: bool,
    /// The file that names it; `None` where the store cannot be written to.
    pointer: Option<TempFile>,
}

impl Staging {
    /// Makes an empty folder beside `place`, whose folder is made if it is missing. `tmp` is the store's folder for temporary
    /// files.
    pub fn create(tmp: &Path, place: &Path) -> Result<Staging> {
        let (up, name) = (parent(place), format!("{PREFIX}{}", unique_name()));
        let path = up.join(&name);
        let make = || {
            uninterrupted(|| fs::create_dir_all(up))?;
            let pointer = write_pointer(tmp, &name, &up.canonicalize()?.join(&name)).ok();
            point(Call::Write, &path)?;
            uninterrupted(|| fs::create_dir(&path))?;
            Ok(pointer)
        };
        let pointer = make().map_err(|e| Error::io("cannot create the folder", &path, e))?;
        Ok(Staging { path, placed: false, pointer })
    }

    /// Returns the path of the folder while it is filled.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place, which must be absent or an empty folder. Durable when it returns.
    pub fn place(mut self, place: &Path) -> Result<()> {
        point(Call::Rename, place)
            .and_then(|()| uninterrupted(|| fs::rename(&self.path, place)))
            .map_err(|e| Error::io("cannot create", place, e))?;
        self.placed = true;
        sync_folder(parent(place))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.placed
            && remove_tree(&self.path).is_err()
            && let Some(pointer) = self.pointer.take()
        {
            // It is still there, and the collector has to find it.
            pointer.keep();
        }
    }
}

fn write_pointer(tmp: &Path, name: &str, folder: &Path) -> Result<TempFile> {
    let mut file = TempFile::create_as(tmp.join(name), 0o600)?;
    file.write_all(folder.as_os_str().as_bytes()).map_err(|e| Error::io("cannot write", file.path(), e))?;
    Ok(file)
}

/// Returns the folder that a left-over temporary file names, if it is there.
pub fn staged_folder(file: &Path) -> Option<PathBuf> {
    let name = file.file_name().filter(|name| name.as_bytes().starts_with(PREFIX.as_bytes()))?;
    let folder = PathBuf::from(OsString::from_vec(fs::read(file).ok()?));
    // Only what has the same name, which nobody else uses, can be that folder.
    let is_own = folder.is_absolute() && folder.file_name() == Some(name);
    (is_own && folder.symlink_metadata().is_ok_and(|state| state.is_dir())).then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder for temporary files, and a place beside it.
    fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (tmp, place) = (dir.path().join("tmp"), dir.path().join("below/out"));
        fs::create_dir(&tmp).unwrap();
        (dir, tmp, place)
    }

    fn only_entry(folder: &Path) -> PathBuf {
        let mut entries = fs::read_dir(folder).unwrap();
        let path = entries.next().unwrap().unwrap().path();
        assert!(entries.next().is_none());
        path
    }

    #[test]
    fn a_folder_is_named_in_the_store_until_it_is_placed() {
        let (_dir, tmp, place) = places();
        let staging = Staging::create(&tmp, &place).unwrap();
        fs::write(staging.path().join("file"), "x").unwrap();
        assert_eq!(staged_folder(&only_entry(&tmp)), Some(staging.path().canonicalize().unwrap()));
        staging.place(&place).unwrap();
        assert_eq!(fs::read(place.join("file")).unwrap(), b"x");
        assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_placed_goes_away() {
        let (_dir, tmp, place) = places();
        drop(Staging::create(&tmp, &place).unwrap());
        assert_eq!((fs::read_dir(&tmp).unwrap().count(), fs::read_dir(parent(&place)).unwrap().count()), (0, 0));
    }

    #[test]
    fn only_a_folder_of_the_same_name_is_believed() {
        let (dir, tmp, _) = places();
        let [own, other] = [".hlx-0123456789abcdef", "kept"].map(|name| dir.path().join(name));
        for folder in [&own, &other] {
            fs::create_dir(folder).unwrap();
        }
        let named = |name: &str, text: &Path| {
            fs::write(tmp.join(name), text.as_os_str().as_bytes()).unwrap();
            staged_folder(&tmp.join(name))
        };
        let name = own.file_name().unwrap().to_str().unwrap();
        assert_eq!(named(name, &own), Some(own.clone()));
        assert_eq!(named(name, &other), None);
        assert_eq!(named(name, Path::new(name)), None, "a path that depends on the current folder");
        assert_eq!(named("0123456789abcdef", &own), None, "a temporary file with content of a user");
    }
}
