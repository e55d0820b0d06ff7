//! `hlx log`: the versions that a query selects, or those of them that are ancestors of one version.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::catalog::{Query, VersionEntry};
use crate::diff::TreeChanges;
use crate::error::{Error, ErrorKind, Result, skip_damaged};
use crate::id::{Id, NodeId, VersionId};
use crate::manifest::{self, EntryChange, ManifestDiff};
use crate::object::version::Version;
use crate::ops::view::Viewer;
use crate::ops::{DamageList, VersionView, damage, paths};
use crate::repo::Repo;
use crate::repo::revision::{self, RevisionContext};

/// The versions to list.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// The query. Without a dataset, it selects from the dataset of the current folder, or the only one, or all.
    pub query: Query,
    /// Looks only at this version and its ancestors.
    pub revision: Option<String>,
    /// Only versions that changed one of these files and folders, which are typed where the user stands.
    pub paths: Vec<String>,
    /// Counts the files that each version changed; of those in `paths`, where there are any.
    pub stat: bool,
    /// True if all fields of a version are read, also those that `hlx log` does not print: its schema and its facts.
    pub whole: bool,
}

/// The versions.
#[derive(Clone, Debug, Serialize)]
pub struct LogReport {
    /// Of one dataset children before parents, of several the newest first.
    pub versions: Vec<VersionView>,
    /// The errors of versions and facts that cannot be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// Splits a word that a user typed into the name of a dataset and a revision.
///
/// # Errors
/// `ErrorKind::DatasetNotFound` or `VersionNotFound` for a word that names neither.
pub fn target(repo: &Repo, word: &str) -> Result<(Option<String>, Option<String>)> {
    let named = repo.config().dataset(word).is_some() || repo.versions().datasets()?.iter().any(|known| known == word);
    if named { Ok((Some(word.to_owned()), None)) } else { Ok((None, Some(word.to_owned()))) }
}

/// Lists versions, in the order of [`Query::order`].
///
/// # Errors
/// `ErrorKind::DatasetNotFound`, `VersionNotFound`, or `PathNotFound` for a path that no version has. Versions that cannot
/// be read are listed in the report.
pub fn run(repo: &Repo, options: &LogOptions) -> Result<LogReport> {
    let (resolved, excluded) = match revision::range(options.revision.as_deref(), None)? {
        (Some(base), Some(tip)) => {
            let base = revision::version(repo, base)?;
            let context = RevisionContext { dataset: Some(&base.version.dataset), ..RevisionContext::default() };
            let tip = revision::version_in(repo, tip, context)?;
            // Versions that cannot be read are reported where the versions of the tip lead to them.
            let (entries, _) = ancestors(repo, base, HashSet::new(), &Query::default())?;
            (Some(tip), entries.into_iter().map(|entry| entry.id).collect())
        }
        (text, _) => (text.map(|text| revision::version(repo, text)).transpose()?, HashSet::new()),
    };
    let dataset = match &resolved {
        Some(resolved) => Some(resolved.version.dataset.clone()),
        None => dataset(repo, options.query.dataset.as_deref())?,
    };
    let paths = PathFilter::of(repo, dataset.as_deref(), &options.paths)?;
    // The limit counts the versions that are left.
    let limit = options.query.limit.filter(|_| paths.is_some());
    let query = Query { limit: options.query.limit.filter(|_| limit.is_none()), ..options.query.clone() };
    let (entries, damaged) = match resolved {
        Some(resolved) => ancestors(repo, resolved, excluded, &query)?,
        None => {
            let dataset = paths.as_ref().map(|paths| paths.dataset.clone()).or(dataset);
            repo.select(&Query { dataset, ..query })?
        }
    };
    let mut report = LogReport { versions: Vec::new(), damaged: damaged.into() };
    if entries.is_empty() && !has_versions(repo)? {
        damage::lost_refs(repo)?.iter().for_each(|error| report.damaged.push(error));
    }
    // The list says it already where the facts cannot be read.
    let viewer = if options.whole { Viewer::new(repo, &mut DamageList::default())? } else { Viewer::lean(repo) };
    let viewer = if options.stat { viewer.with_changes() } else { viewer };
    for entry in entries {
        if limit.is_some_and(|limit| report.versions.len() >= limit) {
            break;
        }
        let name = entry.version.name();
        let view = || {
            let Some(paths) = &paths else { return viewer.entry(entry).map(Some) };
            if !paths.are_changed_by(repo, &entry.version)? {
                return Ok(None);
            }
            let files = if options.stat { Some(paths.changes(repo, &entry.version)?.counts) } else { None };
            let view = viewer.entry(entry)?;
            Ok(Some(VersionView { files: files.or(view.files), ..view }))
        };
        if let Some(mut view) = report.damaged.collect(view().map_err(|e| e.within(name)))?.flatten() {
            report.damaged.append(&mut view.damaged);
            report.versions.push(view);
        }
    }
    Ok(report)
}

/// Returns true if there is any version.
fn has_versions(repo: &Repo) -> Result<bool> {
    let refs = repo.versions();
    let mut datasets = refs.datasets()?.into_iter();
    datasets.try_fold(false, |any, dataset| Ok(any || !refs.numbers(&dataset)?.is_empty()))
}

/// Files and folders of a dataset, of which one or more versions have each. None lies in another.
struct PathFilter {
    dataset: String,
    paths: Vec<String>,
}

impl PathFilter {
    /// Finds what was typed; `None` if that is nothing.
    fn of(repo: &Repo, dataset: Option<&str>, typed: &[String]) -> Result<Option<PathFilter>> {
        if typed.is_empty() {
            return Ok(None);
        }
        let dataset = match (dataset, repo.scope_of_paths(None, typed)) {
            (Some(name), _) => name.to_owned(),
            (None, scope) => match &scope?[..] {
                [(only, _)] => only.name.clone(),
                _ => {
                    return Err(Error::usage("the paths belong to several datasets").with_hint("give paths of one dataset only"));
                }
            },
        };
        let mut paths = paths::of_dataset(repo, &dataset, typed)?;
        check(repo, &dataset, &paths)?;
        paths.sort();
        paths
            .dedup_by(|path, before| before.is_empty() || path.strip_prefix(&**before).is_some_and(|rest| rest.starts_with('/')));
        paths.dedup();
        Ok(Some(PathFilter { dataset, paths }))
    }

    /// Returns true if a version differs from each of its parents, as git does for merges.
    fn are_changed_by(&self, repo: &Repo, version: &Version) -> Result<bool> {
        let parents = version.parents.iter().map(|id| Ok(Some(repo.version(*id)?.manifest))).collect::<Result<Vec<_>>>()?;
        let differs = |parent: Option<Id<NodeId>>| {
            let mut changes = self.differences(repo, parent, version.manifest);
            changes.next().transpose().map(|change| change.is_some())
        };
        let from_nothing = [None];
        let parents = if parents.is_empty() { &from_nothing[..] } else { &parents };
        parents.iter().try_fold(true, |all, parent| Ok(all && differs(*parent)?))
    }

    /// Counts the files in which a version differs from its first parent.
    fn changes(&self, repo: &Repo, version: &Version) -> Result<TreeChanges> {
        let parent = version.parents.first().map(|id| Ok::<_, Error>(repo.version(*id)?.manifest)).transpose()?;
        TreeChanges::of(self.differences(repo, parent, version.manifest))
    }

    fn differences(&self, repo: &Repo, old: Option<Id<NodeId>>, new: Id<NodeId>) -> impl Iterator<Item = Result<EntryChange>> {
        self.paths.iter().flat_map(move |path| match ManifestDiff::within(&**repo.store(), old, new, path) {
            Ok(changes) => Box::new(changes) as Box<dyn Iterator<Item = Result<EntryChange>>>,
            Err(e) => Box::new(std::iter::once(Err(e))),
        })
    }
}

/// Fails if no version of a dataset has one of the paths. The latest version, which most often has them, is asked first.
fn check(repo: &Repo, dataset: &str, paths: &[String]) -> Result<()> {
    let numbers = repo.numbers(dataset)?;
    let mut missing: Vec<&String> = paths.iter().collect();
    let mut latest = None;
    for number in numbers.iter().rev() {
        // What cannot be read is named by the list.
        let Ok(Some((_, version))) = repo.version_of(dataset, number) else { continue };
        missing.retain(|path| !manifest::has(&**repo.store(), version.manifest, path).unwrap_or(false));
        if missing.is_empty() {
            return Ok(());
        }
        latest.get_or_insert(version.manifest);
    }
    match (latest, missing.first()) {
        (Some(latest), Some(path)) => Err(paths::unknown_to_all(repo, dataset, latest, path)),
        _ => Ok(()),
    }
}

/// Returns the dataset that is meant: the one that is named, else the one stood in, else the only one; `None` for all.
fn dataset(repo: &Repo, named: Option<&str>) -> Result<Option<String>> {
    let mut all = revision::datasets(repo)?;
    match named.or_else(|| repo.current_dataset()).map(|name| repo.config().current(name)) {
        Some(name) if all.iter().any(|known| known == name) => Ok(Some(name.to_owned())),
        Some(name) => Err(repo.unknown(name)),
        None if all.is_empty() => Err(Error::new(ErrorKind::DatasetNotFound, "no dataset is declared")
            .with_hint("declare one: hlx dataset add NAME --type TYPE --path DIR")),
        None if all.len() > 1 => Ok(None),
        None => Ok(all.pop()),
    }
}

/// Returns those of a version and its ancestors that a query selects, and what is wrong with those that cannot be read.
/// Numbers exceed those of the parents, so that the highest number that is left comes before all that is found later.
/// Versions in `excluded` are left out; no version of the result is an ancestor of theirs.
fn ancestors(
    repo: &Repo,
    from: revision::ResolvedVersion,
    excluded: HashSet<Id<VersionId>>,
    query: &Query,
) -> Result<(Vec<VersionEntry>, Vec<Error>)> {
    let (mut found, mut damaged, mut seen) = (Vec::new(), Vec::new(), excluded);
    if !seen.insert(from.id) {
        return Ok((found, damaged));
    }
    let facts = repo.catalog().folded_facts_or_empty(&mut damaged)?;
    let mut open = BTreeMap::from([((from.version.number.clone(), from.id), from.version)]);
    while query.limit.is_none_or(|limit| found.len() < limit)
        && let Some(((_, id), version)) = open.pop_last()
    {
        for parent in &version.parents {
            if seen.insert(*parent) {
                let read = repo.version(*parent).map_err(|e| e.within(format!("a parent of {}", version.name())));
                if let Some(version) = skip_damaged(read, |e| damaged.push(e))? {
                    open.insert((version.number.clone(), *parent), version);
                }
            }
        }
        let entry = VersionEntry::read(repo.store(), &facts, id, version)?;
        if query.selects(&entry) {
            found.push(entry);
        }
    }
    Ok((found, damaged))
}
