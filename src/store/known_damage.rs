//! The damage that a check found, for the writers of later commits.
//!
//! While the file `damaged` exists, commits read every file of the workspace, and every object that they find in the store
//! before they rely on it, so that lost content is stored again. Without it, writers trust the packs.

use crate::error::Result;
use crate::fs::atomic;
use crate::store::Store;

impl Store {
    /// Returns true if the last check found contents that are damaged.
    pub fn has_known_damage(&self) -> bool {
        self.layout().damaged().exists()
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
