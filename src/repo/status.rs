//! The validation status of a version now. Its record has the status at the time of the commit; facts may have changed it
//! since.

use crate::catalog;
use crate::error::{Error, Result, skip_damaged};
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

/// Returns the verdict on a version by the current facts. One that cannot be read is no reason not to validate the next
/// version: it is `None` then, with a warning.
pub fn verdict_now(repo: &Repo, id: Id<VersionId>, version: &Version, warnings: &mut Vec<String>) -> Result<Option<Verdict>> {
    let read = repo.folded_facts().and_then(|facts| verdict(repo, &facts, id, version));
    let lost = |e: Error| warnings.push(format!("cannot compare with the verdict on {}: {}", version.name(), e.message()));
    Ok(skip_damaged(read, lost)?.flatten())
}
