//! Folders that a group shares: setgid, and writable for the group.
//!
//! What is created in such a folder of a store is for the group too, whatever the umask of the user: folders are shared in
//! turn, files can be read, and those that others lock or write to can be written. So a store is shared once its folders
//! are, and nothing else has to know of it.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::error::{Error, Result};

/// The permission bits of a folder that a group shares.
const FOLDER: u32 = 0o2070;
/// The permission bits of a file that the group only reads.
pub const READ: u32 = 0o040;
/// The permission bits of a file that the group locks or writes to.
pub const WRITE: u32 = 0o060;

/// Returns true if a folder is one of a store that a group shares.
pub fn is_shared(folder: &Path) -> bool {
    folder.components().any(|part| part.as_os_str() == super::STORE)
        && fs::metadata(folder).is_ok_and(|meta| meta.permissions().mode() & 0o2020 == 0o2020)
}

/// Returns the permissions of a file or folder with more bits set; `None` if it has them.
fn widened(meta: &Metadata, bits: u32) -> Option<Permissions> {
    let mode = meta.permissions().mode() & 0o7777;
    (mode & bits != bits).then(|| Permissions::from_mode(mode | bits))
}

/// Gives a new file the permission bits for the group, where a group shares its folder.
pub(super) fn open_file(folder: &Path, file: &File, bits: u32) -> io::Result<()> {
    if !is_shared(folder) {
        return Ok(());
    }
    widened(&file.metadata()?, bits).map_or(Ok(()), |wide| file.set_permissions(wide))
}

/// Has the group share a new folder, where it shares the one that it lies in.
pub fn new_folder(path: &Path) -> io::Result<()> {
    if !path.parent().is_some_and(is_shared) {
        return Ok(());
    }
    widened(&fs::metadata(path)?, FOLDER).map_or(Ok(()), |wide| fs::set_permissions(path, wide))
}

/// Has the group share a folder and all below it, itself last. `bits` are those of a file. Symlinks are left alone.
///
/// # Errors
/// Names the first file or folder that is not yet for the group and belongs to another user.
pub fn tree(folder: &Path, bits: impl Fn(&Path) -> u32 + Copy) -> Result<()> {
    let fail = |e| Error::io("cannot read the folder", folder, e);
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|e| Error::io("cannot read", &path, e))?;
        if kind.is_dir() {
            tree(&path, bits)?;
        } else if kind.is_file() {
            widen(&path, bits(&path))?;
        }
    }
    widen(folder, FOLDER)
}

/// Sets permission bits. What went away meanwhile needs none.
fn widen(path: &Path, bits: u32) -> Result<()> {
    let set = || widened(&fs::metadata(path)?, bits).map_or(Ok(()), |wide| fs::set_permissions(path, wide));
    match set() {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("cannot share with the group", path, e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{atomic, lock};
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_created_in_a_shared_folder_is_shared() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(".helox");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o2770)).unwrap();
        atomic::ensure_folder(&folder.join("a/b")).unwrap();
        atomic::replace(&folder, &folder.join("a/file"), b"x").unwrap();
        lock::exclusive(&folder.join("a/lock")).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o2770)).unwrap();
        atomic::ensure_folder(&dir.path().join("data")).unwrap();
        assert_ne!(mode(&dir.path().join("data")) & 0o020, 0o020, "a workspace follows the umask");
        for path in ["a", "a/b"] {
            assert_eq!(mode(&folder.join(path)) & 0o2070, 0o2070, "{path}");
        }
        assert_eq!(mode(&folder.join("a/file")) & 0o060, READ);
        assert_eq!(mode(&folder.join("a/lock")) & 0o060, WRITE);
    }

    #[test]
    fn a_tree_is_shared_whatever_its_modes_were() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(".helox");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        for (path, bits) in [("a/b/lock", 0o600), ("a/file", 0o400)] {
            fs::write(folder.join(path), "").unwrap();
            fs::set_permissions(folder.join(path), Permissions::from_mode(bits)).unwrap();
        }
        fs::set_permissions(folder.join("a"), Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
        assert!(!is_shared(&folder));
        tree(&folder, |path| if path.ends_with("lock") { WRITE } else { READ }).unwrap();
        assert!(is_shared(&folder) && is_shared(&folder.join("a/b")));
        assert_eq!(
            (mode(&folder.join("a")), mode(&folder.join("a/b/lock")), mode(&folder.join("a/file"))),
            (0o2770, 0o660, 0o440)
        );
    }
}
