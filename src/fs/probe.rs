//! The behaviour of a file system with names and permission bits.
//!
//! It is tried in the folder itself: the type of a file system says little, since mount options and single folders
//! decide. What is tried lies in `.helox` below the folder, which is never part of a dataset, and goes away again.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use unicode_normalization::UnicodeNormalization;

use super::atomic::{parent, unique_name};
use super::fault::{Call, point};
use super::uninterrupted;
use crate::error::{Error, Result};

/// Characters that file systems made for other systems refuse in names.
const ODD: [char; 7] = ['<', '>', ':', '"', '|', '?', '*'];

/// The prefix of the name of a folder in which names are tried.
const PREFIX: &str = "probe-";

/// The behaviour of a folder with names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameRules {
    /// Names that differ in upper and lower case only are one.
    pub folds_case: bool,
    /// Names that differ in the composition of characters only are one.
    pub folds_marks: bool,
    /// Dots at the end of a name are dropped or refused.
    pub drops_dots: bool,
    /// Characters that no name may have.
    pub refused: Vec<char>,
}

impl NameRules {
    /// Finds out what a folder does with names.
    pub fn of(folder: &Path) -> Result<NameRules> {
        let probe = Probe::create(folder)?;
        let fail = |e| Error::io("cannot create a file in", folder, e);
        let mut names = NameRules::default();
        probe.file("a\u{e9}").map_err(fail)?;
        names.folds_case = probe.has("A\u{e9}");
        names.folds_marks = probe.has("ae\u{301}");
        names.drops_dots = probe.file("b.").is_err() || probe.has("b");
        if probe.file(&String::from_iter(ODD)).is_err() {
            names.refused.extend(ODD.iter().filter(|odd| probe.file(&format!("c{odd}")).is_err()));
        }
        if probe.file("d\\\u{1}").is_err() {
            names.refused.extend(('\u{1}'..' ').chain(['\\']).filter(|odd| probe.file(&format!("d{odd}")).is_err()));
        }
        Ok(names)
    }

    /// Returns what all paths become that are one here.
    pub fn fold(&self, path: &str) -> String {
        let folded = if self.folds_case { path.to_uppercase().to_lowercase() } else { path.to_owned() };
        if self.folds_marks { folded.nfd().collect() } else { folded }
    }

    /// Returns why a name cannot be that of a file here, if it cannot.
    pub fn refusal(&self, name: &str) -> Option<String> {
        match name.chars().find(|c| self.refused.contains(c)) {
            Some(odd) => Some(format!("'{}' is refused", odd.escape_default())),
            None if self.drops_dots && name.ends_with('.') => Some("a dot at the end is refused".to_owned()),
            None => None,
        }
    }

    /// Returns true if every two names are two files, and every name is taken.
    pub fn are_plain(&self) -> bool {
        *self == NameRules::default()
    }
}

/// Returns true if files of a folder keep their permission bits. Where that cannot be tried, they are believed to.
pub fn keeps_modes(folder: &Path) -> bool {
    let Ok(probe) = Probe::create(folder) else { return true };
    let Ok(file) = probe.file("mode") else { return true };
    let keeps = |mode| -> io::Result<bool> {
        point(Call::Mode, folder)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok(file.metadata()?.permissions().mode() & 0o100 == mode & 0o100)
    };
    matches!((keeps(0o600), keeps(0o700)), (Ok(true), Ok(true)))
}

/// A folder to try names in. It goes away when this is dropped, or else, after a kill, when the next one is created.
struct Probe {
    path: PathBuf,
    /// The folder, locked for as long as it is in use.
    _lock: File,
}

impl Probe {
    fn create(folder: &Path) -> Result<Probe> {
        let store = folder.join(super::STORE);
        remove_unlocked(&store);
        loop {
            let path = store.join(format!("{PREFIX}{}", unique_name()));
            let create = || {
                point(Call::Write, &path)?;
                uninterrupted(|| fs::create_dir_all(&path))?;
                File::open(&path)
            };
            let lock = match create() {
                Ok(lock) => lock,
                // Somebody took it for one that was left.
                Err(e) if e.kind() == io::ErrorKind::NotFound && folder.exists() => continue,
                Err(e) => return Err(Error::io("cannot create the folder", &path, e)),
            };
            // Without locks nobody removes what another one left.
            let locked = flock(&lock, FlockOperation::NonBlockingLockExclusive);
            if locked != Err(Errno::WOULDBLOCK) && path.exists() {
                return Ok(Probe { path, _lock: lock });
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the file is empty and removed at once")]
    fn file(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path.join(name))
    }

    fn has(&self, name: &str) -> bool {
        self.path.join(name).symlink_metadata().is_ok()
    }
}

/// Removes the folders that were left by processes that were killed.
fn remove_unlocked(store: &Path) {
    let Ok(entries) = fs::read_dir(store) else { return };
    let probes = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX));
    for path in probes.map(|entry| entry.path()) {
        if let Ok(folder) = File::open(&path)
            && flock(&folder, FlockOperation::NonBlockingLockExclusive).is_ok()
        {
            let _ = uninterrupted(|| fs::remove_dir_all(&path));
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // `.helox` stays where it is not empty.
        let gone = uninterrupted(|| fs::remove_dir_all(&self.path));
        let _ = gone.and_then(|()| uninterrupted(|| fs::remove_dir(parent(&self.path))));
    }
}

#[cfg(test)]
mod tests {
    use super::super::fault;
    use super::*;

    #[test]
    fn the_folder_of_a_test_takes_every_name_and_keeps_modes() {
        let dir = tempfile::tempdir().unwrap();
        let names = NameRules::of(dir.path()).unwrap();
        if cfg!(target_os = "linux") {
            assert!(names.are_plain(), "{names:?}");
        }
        assert!(keeps_modes(dir.path()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn what_a_kill_left_goes_away_and_what_is_in_use_stays() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join(super::super::STORE).join("probe-1");
        fs::create_dir_all(left.join("b")).unwrap();
        let used = Probe::create(dir.path()).unwrap();
        assert!(!left.exists());
        drop(Probe::create(dir.path()).unwrap());
        assert!(used.path.exists());
        drop(used);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn a_folder_that_refuses_permission_bits_keeps_none() {
        let dir = tempfile::tempdir().unwrap();
        let _armed = fault::arm_errno(dir.path(), Call::Mode, rustix::io::Errno::PERM);
        assert!(!keeps_modes(dir.path()));
    }
}
