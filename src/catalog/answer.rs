//! Answers for whoever does not care where they come from: the catalog where it is sooner and can be used, else the
//! objects. Either gives the same.

use crate::catalog::db::Catalog;
use crate::catalog::lookup::Summary;
use crate::catalog::objects;
use crate::catalog::query::{Listed, Query};
use crate::error::{Error, Result};
use crate::repo::Repo;

/// The versions that a query selects, in its order, and what is wrong with those that cannot be read. Those of a dataset
/// that was renamed are those of all its names.
pub fn select(repo: &Repo, query: &Query) -> Result<(Vec<Listed>, Vec<Error>)> {
    let names = query.dataset.as_deref().map(|name| repo.config().names(name)).unwrap_or_default();
    if names.len() < 2 {
        return one(repo, query);
    }
    let (mut listed, mut damaged) = (Vec::new(), Vec::new());
    for name in names {
        let (found, unread) = one(repo, &Query { dataset: Some(name.to_owned()), ..query.clone() })?;
        listed.extend(found);
        damaged.extend(unread);
    }
    listed.sort_by(|a, b| query.order(&a.version, &b.version));
    listed.truncate(query.most());
    Ok((listed, damaged))
}

/// The versions of one name of a dataset, or of all datasets.
fn one(repo: &Repo, query: &Query) -> Result<(Vec<Listed>, Vec<Error>)> {
    let ask = |catalog: Catalog| catalog.select(query).ok();
    match asked(repo, query.dataset.as_deref(), ask) {
        Some(found) => Ok((found, Vec::new())),
        None => objects::select(repo, query),
    }
}

/// The datasets that have versions which a query selects, in the order of their names, and what is wrong with versions
/// that cannot be read. Its limit does not count.
pub fn summaries(repo: &Repo, query: &Query) -> Result<(Vec<Summary>, Vec<Error>)> {
    match asked(repo, query.dataset.as_deref(), |catalog| catalog.summaries(query).ok()) {
        Some(found) => Ok((found, Vec::new())),
        None => objects::summaries(repo, query),
    }
}

/// What the catalog answers, where it pays to ask it.
fn asked<T>(repo: &Repo, dataset: Option<&str>, ask: impl FnOnce(Catalog) -> Option<T>) -> Option<T> {
    if Catalog::pays(repo, dataset) { Catalog::open(repo).and_then(ask) } else { None }
}
