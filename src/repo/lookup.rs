//! Versions that facts speak of. Facts that came from another copy may speak of versions that this one does not have.

use crate::error::Result;
use crate::id::{Id, VersionId};
use crate::object::Key;
use crate::object::version::Version;
use crate::repo::Repo;

/// Reads version records that need not be here.
#[derive(Debug)]
pub struct VersionLookup<'a> {
    repo: &'a Repo,
    /// True if the tables were read again since a record was not found: once is enough for all.
    refreshed: bool,
}

impl<'a> VersionLookup<'a> {
    /// Returns the versions of this repository.
    pub fn of(repo: &'a Repo) -> VersionLookup<'a> {
        VersionLookup { repo, refreshed: false }
    }

    /// Reads a version record; `None` if it is not in the store. One that is damaged is an error.
    pub fn version(&mut self, id: Id<VersionId>) -> Result<Option<Version>> {
        let (store, key) = (self.repo.store(), Key::from(id));
        if !store.contains(&key) && !self.refreshed {
            store.refresh()?;
            self.refreshed = true;
        }
        if store.contains(&key) { self.repo.version(id).map(Some) } else { Ok(None) }
    }
}
