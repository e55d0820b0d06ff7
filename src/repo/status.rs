//! The validation status of a version now. Its record has the status at the time of the commit; facts may have changed it
//! since.

use crate::catalog;
use crate::error::Result;
use crate::facts::FactsState;
use crate::id::{Id, VersionId};
use crate::object::verdict::Verdict;
use crate::object::version::{ValidationStatus, Version};
use crate::repo::handle::Repo;

/// Returns the status of a version: by the last verdict that was said of it later, else by its record.
pub fn status(repo: &Repo, facts: &FactsState, id: Id<VersionId>, version: &Version) -> Result<ValidationStatus> {
    catalog::status(repo.store(), facts, id, version.validation)
}

/// Returns the verdict on a version: the last that was said of it later, else the one that its record names.
pub fn verdict(repo: &Repo, facts: &FactsState, id: Id<VersionId>, version: &Version) -> Result<Option<Verdict>> {
    facts.verdict_of(id).or(version.verdict).map(|verdict| repo.verdict(verdict)).transpose()
}

/// Returns the verdict on a version by the current facts.
pub fn verdict_now(repo: &Repo, id: Id<VersionId>, version: &Version) -> Result<Option<Verdict>> {
    let facts = repo.folded_facts()?;
    verdict(repo, &facts, id, version)
}
