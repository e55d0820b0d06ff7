//! `hlx log`: the versions that a query selects, or those of them that are ancestors of one version.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::catalog::{self, Listed, Query, Said};
use crate::error::{Error, Kind, Result};
use crate::ops::view::Viewer;
use crate::ops::{DamageList, VersionView};
use crate::repo::{Repo, revision};

/// Which versions.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which ones. The dataset may be left out: then it is the one where the user stands, or the only one, or all.
    pub query: Query,
    /// Looks only at this version and its ancestors.
    pub revision: Option<String>,
    /// Whether all is read that a document tells of a version, also what the words of `hlx log` leave out: its schema, and
    /// what only the facts tell.
    pub whole: bool,
}

/// The versions.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of one dataset children before parents, of several the newest first.
    pub versions: Vec<VersionView>,
    /// What is wrong with versions and facts that cannot be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// Tells whether a word that a user typed names a dataset or a revision: the dataset's name, and the revision.
pub fn target(repo: &Repo, word: &str) -> Result<(Option<String>, Option<String>)> {
    let named = repo.config().dataset(word).is_some() || repo.versions().datasets()?.iter().any(|known| known == word);
    if named { Ok((Some(word.to_owned()), None)) } else { Ok((None, Some(word.to_owned()))) }
}

/// Lists versions, in the order of [`Query::order`].
pub fn run(repo: &Repo, options: &Options) -> Result<Report> {
    let (listed, damaged) = match &options.revision {
        Some(text) => ancestors(repo, revision::version(repo, text)?, &options.query)?,
        None => {
            let dataset = dataset(repo, options.query.dataset.as_deref())?;
            catalog::select(repo, &Query { dataset, ..options.query.clone() })?
        }
    };
    let mut report = Report { versions: Vec::new(), damaged: damaged.into() };
    // The list says it already where the facts cannot be read.
    let viewer = if options.whole { Viewer::new(repo, &mut DamageList::default())? } else { Viewer::lean(repo) };
    for listed in listed {
        let name = format!("{}@{}", listed.version.dataset, listed.version.number);
        match viewer.listed(listed) {
            Ok(mut view) => {
                report.damaged.append(&mut view.damaged);
                report.versions.push(view);
            }
            Err(e) if e.spares_others() => report.damaged.push(&e.within(name)),
            Err(e) => return Err(e),
        }
    }
    Ok(report)
}

/// The dataset that is meant: the one that is named, else the one stood in, else the only one; `None` for all.
fn dataset(repo: &Repo, named: Option<&str>) -> Result<Option<String>> {
    let mut all = repo.versions().datasets()?;
    all.extend(repo.config().datasets().map(|dataset| dataset.name.clone()));
    all.sort();
    all.dedup();
    match named.or_else(|| repo.within()) {
        Some(name) if all.iter().any(|known| known == name) => Ok(Some(name.to_owned())),
        Some(name) => Err(repo.unknown(name)),
        None if all.is_empty() => Err(Error::new(Kind::DatasetNotFound, "the repository has no dataset yet")
            .with_hint("declare one: hlx dataset add NAME --type TYPE --path DIR")),
        None if all.len() > 1 => Ok(None),
        None => Ok(all.pop()),
    }
}

/// Those of a version and its ancestors that a query selects, and what is wrong with those that cannot be read. Numbers
/// exceed those of the parents, so that the highest number that is left comes before all that is found later.
fn ancestors(repo: &Repo, from: revision::Found, query: &Query) -> Result<(Vec<Listed>, Vec<Error>)> {
    let (mut found, mut damaged, mut seen) = (Vec::new(), Vec::new(), HashSet::from([from.id]));
    let said = Said::new(repo, &mut damaged)?;
    let mut open = BTreeMap::from([((from.version.number.clone(), from.id), from.version)]);
    while query.limit.is_none_or(|limit| found.len() < limit)
        && let Some(((_, id), version)) = open.pop_last()
    {
        for parent in &version.parents {
            if seen.insert(*parent) {
                match repo.version(*parent) {
                    Ok(version) => drop(open.insert((version.number.clone(), *parent), version)),
                    Err(e) if e.spares_others() => {
                        damaged.push(e.within(format!("a parent of {}@{}", version.dataset, version.number)));
                    }
                    Err(e) => return Err(e),
                }
            }
        }
        let listed = said.of(id, version)?;
        if query.selects(&listed) {
            found.push(listed);
        }
    }
    Ok((found, damaged))
}
