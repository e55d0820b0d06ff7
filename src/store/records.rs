//! Reads the records of versions and verdicts.

use crate::error::{Error, Result};
use crate::id::{Id, VerdictId, VersionId};
use crate::object::Key;
use crate::object::verdict::Verdict;
use crate::object::version::{Version, VersionNumber};
use crate::refs::Versions;
use crate::store::Store;

impl Store {
    /// Returns the refs of the versions.
    pub fn refs(&self) -> Versions {
        Versions::new(self.layout().versions(), self.layout().newest_versions(), self.layout().tmp())
    }

    /// Reads a version record.
    pub fn version(&self, id: Id<VersionId>) -> Result<Version> {
        let key = Key::from(id);
        Version::decode(&self.get(&key)?).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))
    }

    /// Reads a verdict.
    pub fn verdict(&self, id: Id<VerdictId>) -> Result<Verdict> {
        let key = Key::from(id);
        Verdict::decode(&self.get(&key)?).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))
    }

    /// Reads the version that the ref of this number names; `None` if there is no such ref.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) if the record cannot be read, or gives another dataset or number: a
    /// ref that was swapped with another, or copied to another place.
    pub fn numbered(&self, dataset: &str, number: &VersionNumber) -> Result<Option<(Id<VersionId>, Version)>> {
        let Some(id) = self.refs().get(dataset, number)? else { return Ok(None) };
        let version = self.version(id).map_err(|e| e.within(format!("{dataset}@{number}")))?;
        if version.dataset == dataset && version.number == *number {
            return Ok(Some((id, version)));
        }
        let (other, theirs) = (&version.dataset, &version.number);
        Err(Error::damaged(format!("ref {dataset}@{number} points to the record of {other}@{theirs}"))
            .with_hint("list the altered refs: hlx audit --verify"))
    }
}
