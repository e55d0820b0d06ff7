//! The damage that a check or a read found, for the writers of later commits.
//!
//! While the file `damaged` exists, commits read every file of the workspace, and every object that they find in the store
//! before they rely on it, so that lost content is stored again. Without it, writers trust the packs.

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::object::Key;
use crate::store::Store;

impl Store {
    /// Returns true if contents were found damaged, and no check has found them whole since.
    pub fn has_known_damage(&self) -> bool {
        self.layout().damaged().exists()
    }

    /// Records that an object is damaged that could not be read. One that is missing is left to the checks, which know what
    /// should be there. The read fails in any case, so this may fail: a user may not write to the store.
    pub(super) fn note_damage(&self, key: &Key, error: &Error) {
        if error.kind() == ErrorKind::Damaged && self.contains(key) {
            let _ = self.record_damage(true);
        }
    }

    /// Records if a check found contents that are damaged.
    pub fn record_damage(&self, is_damaged: bool) -> Result<()> {
        match (self.has_known_damage(), is_damaged) {
            (false, true) => atomic::replace(&self.layout().tmp(), &self.layout().damaged(), b""),
            (true, false) => atomic::remove_file(&self.layout().damaged()),
            _ => Ok(()),
        }
    }
}
