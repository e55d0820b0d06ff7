//! The part of a version that a workspace has.

use serde::Serialize;

use crate::error::Result;
use crate::manifest::Entries;
use crate::object::version::Version;
use crate::selection::Selection;
use crate::store::Store;

/// The size of a part of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PartialCheckout {
    /// Files of the part.
    pub files: u64,
    /// Files of the version.
    pub of: u64,
}

impl PartialCheckout {
    /// Counts the files of a version that a selection takes; `None` where the workspace holds all of it.
    pub(super) fn new(store: &Store, selection: Option<&Selection>, version: &Version) -> Result<Option<PartialCheckout>> {
        let Some(selection) = selection else { return Ok(None) };
        let (matcher, mut files) = (selection.matcher()?, 0);
        for entry in Entries::new(store, version.manifest)? {
            let entry = entry?;
            files += u64::from(entry.kind.is_file() && matcher.selects(entry.path.as_str()));
        }
        Ok(Some(PartialCheckout { files, of: version.statistics.files }))
    }
}
