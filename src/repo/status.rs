//! The validation status of a version now. Its record has the status at the time of the commit; facts may have changed it
//! since.

use crate::error::Result;
use crate::facts::State;
use crate::id::{Id, Verdict as VerdictId, Version as VersionId};
use crate::object::verdict::Verdict;
use crate::object::version::{ValidationStatus, Version};
use crate::repo::handle::Repo;

/// The status of a version: by the last verdict that was said of it later, else by its record.
pub fn status(repo: &Repo, facts: &State, id: Id<VersionId>, version: &Version) -> Result<ValidationStatus> {
    facts.verdict_of(id).map_or(Ok(version.validation), |verdict| by_verdict(repo, verdict))
}

/// The status of a version of which this verdict was said last.
pub fn by_verdict(repo: &Repo, verdict: Id<VerdictId>) -> Result<ValidationStatus> {
    Ok(repo.verdict(verdict)?.status())
}

/// The verdict on a version: the last that was said of it later, else the one that its record names.
pub fn verdict(repo: &Repo, facts: &State, id: Id<VersionId>, version: &Version) -> Result<Option<Verdict>> {
    facts.verdict_of(id).or(version.verdict).map(|verdict| repo.verdict(verdict)).transpose()
}

/// Returns the verdict on a version by the current facts.
pub fn verdict_now(repo: &Repo, id: Id<VersionId>, version: &Version) -> Result<Option<Verdict>> {
    verdict(repo, &repo.facts().fold()?, id, version)
}
