//! What is known of a version's quality now. Its record tells what `commit` knew; facts may have said otherwise since.

use crate::catalog;
use crate::error::Result;
use crate::facts::State;
use crate::id::{Id, Version as VersionId};
use crate::object::verdict::Verdict;
use crate::object::version::{ValidationStatus, Version};
use crate::repo::handle::Repo;

/// The status of a version: by the last verdict that was said of it later, else by its record.
pub fn status(repo: &Repo, facts: &State, id: Id<VersionId>, version: &Version) -> Result<ValidationStatus> {
    catalog::status(repo.store(), facts, id, version.validation)
}

/// The verdict on a version: the last that was said of it later, else the one that its record names.
pub fn verdict(repo: &Repo, facts: &State, id: Id<VersionId>, version: &Version) -> Result<Option<Verdict>> {
    facts.verdict_of(id).or(version.verdict).map(|verdict| repo.verdict(verdict)).transpose()
}

/// The same by the facts as they are now.
pub fn verdict_now(repo: &Repo, id: Id<VersionId>, version: &Version) -> Result<Option<Verdict>> {
    let facts = repo.folded_facts()?;
    verdict(repo, &facts, id, version)
}
