//! What the objects answer: the truth that the catalog repeats, slower.

use crate::catalog::lookup::{Summary, count};
use crate::catalog::query::{Listed, Query};
use crate::error::{Error, Result, skip_damaged};
use crate::facts::State;
use crate::id::{Id, Version as VersionId};
use crate::object::version::Version;
use crate::repo::Repo;
use crate::repo::revision::highest;
use crate::repo::status::status;

/// Versions that are held beyond those that can be in an answer.
const SLACK: usize = 1024;

/// What the facts say of versions.
pub struct Said<'a> {
    repo: &'a Repo,
    facts: State,
}

impl<'a> Said<'a> {
    /// Folds the facts. Where they cannot be read, versions have what their records say, and `damaged` the reason.
    ///
    /// # Errors
    /// Any other than that the facts cannot be read.
    pub fn new(repo: &'a Repo, damaged: &mut Vec<Error>) -> Result<Said<'a>> {
        let facts = repo.facts().fold().map_err(|e| e.within("tags and later verdicts are unknown"));
        Ok(Said { repo, facts: skip_damaged(facts, |e| damaged.push(e))?.unwrap_or_default() })
    }

    /// A version with what holds of it.
    pub fn of(&self, id: Id<VersionId>, version: Version) -> Result<Listed> {
        let status = status(self.repo, &self.facts, id, &version)?;
        Ok(Listed { id, version, tags: self.facts.tags_of(id), status })
    }
}

impl std::fmt::Debug for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Said").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// The versions that a query selects, in its order, and what is wrong with those that cannot be read.
pub(super) fn select(repo: &Repo, query: &Query) -> Result<(Vec<Listed>, Vec<Error>)> {
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    let (refs, said) = (repo.versions(), Said::new(repo, &mut damaged)?);
    let datasets = match &query.dataset {
        Some(name) => vec![name.clone()],
        None => refs.datasets()?,
    };
    for dataset in datasets {
        for number in skip_damaged(refs.numbers(&dataset), |e| damaged.push(e))?.unwrap_or_default().into_iter().rev() {
            if query.dataset.is_some() && found.len() >= query.most() {
                break;
            }
            let read = || {
                let Some((id, version)) = repo.numbered(&dataset, &number)? else { return Ok(None) };
                if query.selects_record(&version) { said.of(id, version).map(Some) } else { Ok(None) }
            };
            let listed: Option<Listed> = skip_damaged(read(), |e| damaged.push(e))?.flatten();
            if let Some(listed) = listed.filter(|listed| query.selects(listed)) {
                found.push(listed);
            }
            if found.len() >= query.most().saturating_add(SLACK) {
                keep(query, &mut found);
            }
        }
    }
    keep(query, &mut found);
    Ok((found, damaged))
}

/// Keeps the first, in the order of the query.
fn keep(query: &Query, found: &mut Vec<Listed>) {
    found.sort_by(|a, b| query.order(&a.version, &b.version));
    found.truncate(query.most());
}

/// The datasets that have versions which a query selects, in the order of their names, and what is wrong with versions
/// that cannot be read. Its limit does not count.
pub(super) fn summaries(repo: &Repo, query: &Query) -> Result<(Vec<Summary>, Vec<Error>)> {
    let refs = repo.versions();
    let mut summaries = Vec::new();
    let (selected, mut damaged) = match query.selects_all() {
        true => (None, Vec::new()),
        false => {
            let (found, damaged) = select(repo, &Query { limit: None, ..query.clone() })?;
            (Some(count(&found)), damaged)
        }
    };
    for dataset in refs.datasets()? {
        let Some(numbers) = skip_damaged(refs.numbers(&dataset), |e| damaged.push(e))? else { continue };
        let versions = selected.as_ref().map_or(numbers.len() as u64, |counts| counts.get(&dataset).copied().unwrap_or(0));
        if versions > 0 {
            summaries.push(Summary { dataset, versions, latest: highest(&numbers).cloned() });
        }
    }
    Ok((summaries, damaged))
}
