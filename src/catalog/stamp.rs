//! Tells if a folder has changed since it was listed, without listing it again.
//!
//! A folder gets a new time of change with every name that comes or goes, but the file system's clock ticks slowly: two
//! changes within a tick bear one time. So a stamp is believed only if it was older than a tick when it was recorded.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bincode::{Decode, Encode};

use crate::clock;

/// How much older than its reading a folder's stamp must be to tell later changes: some ticks of the kernel's clock.
const TICK: i128 = 20_000_000;
/// The same for file systems that keep whole or even seconds only.
const COARSE_TICK: i128 = 2_500_000_000;

/// The times and the identity of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct FolderStamp {
    mtime: i128,
    ctime: i128,
    inode: u64,
    device: u64,
    /// True if it was old enough to tell later changes.
    settled: bool,
}

impl FolderStamp {
    /// Returns the stamp that a folder has now; `None` if it is not there.
    pub fn of(folder: &Path) -> Option<FolderStamp> {
        FolderStamp::at(folder, clock::nanos_now())
    }

    /// Returns the same, read at a moment (nanoseconds since 1970) or later.
    fn at(folder: &Path, began: i128) -> Option<FolderStamp> {
        let meta = fs::metadata(folder).ok()?;
        let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        let (mtime, ctime) = (nanos(meta.mtime(), meta.mtime_nsec()), nanos(meta.ctime(), meta.ctime_nsec()));
        let coarse = mtime % 1_000_000_000 == 0 && ctime % 1_000_000_000 == 0;
        let settled = mtime.max(ctime) + if coarse { COARSE_TICK } else { TICK } < began;
        Some(FolderStamp { mtime, ctime, inode: meta.ino(), device: meta.dev(), settled })
    }

    /// Tells if a folder with the stamp `now` has the same names as when it was listed after this stamp was read.
    pub fn is_current(&self, now: &FolderStamp) -> bool {
        // It says of itself whether it was settled; what is read now need not be.
        *self == FolderStamp { settled: true, ..*now }
    }

    /// The same of stamps that may be missing. A folder that is not there holds nothing, but that is looked up.
    pub fn are_current(known: &Option<FolderStamp>, now: &Option<FolderStamp>) -> bool {
        matches!((known, now), (Some(known), Some(now)) if known.is_current(now))
    }

    /// Tells if it is the same folder, changed or not.
    pub fn is_same_folder(&self, now: &FolderStamp) -> bool {
        (self.inode, self.device) == (now.inode, now.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_vouches_only_when_it_is_old_enough() {
        let dir = tempfile::tempdir().unwrap();
        let now = crate::clock::nanos_now();
        let fresh = FolderStamp::at(dir.path(), now).unwrap();
        assert!(!fresh.is_current(&fresh), "a change within the same tick would not show");
        let later = FolderStamp::at(dir.path(), now + COARSE_TICK + 1).unwrap();
        assert!(later.is_current(&fresh));
        std::fs::create_dir(dir.path().join("new")).unwrap();
        let changed = FolderStamp::at(dir.path(), now).unwrap();
        assert!(!FolderStamp { settled: true, ..fresh }.is_current(&changed) || changed.mtime == fresh.mtime);
        assert!(fresh.is_same_folder(&changed));
        assert_eq!(FolderStamp::of(&dir.path().join("absent")), None);
    }
}
