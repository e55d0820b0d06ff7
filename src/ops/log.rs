//! `hlx log`: the versions of a dataset, or the ancestors of one version.

use std::collections::HashSet;

use serde::Serialize;

use crate::catalog::Catalog;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{Id, Version as VersionId};
use crate::object::version::Version;
use crate::ops::VersionView;
use crate::ops::view::Viewer;
use crate::repo::{Repo, revision};

/// Which versions.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
    /// Lists this version and its ancestors instead of all.
    pub revision: Option<String>,
    /// No more than so many.
    pub limit: Option<usize>,
    /// Only versions that bear this tag.
    pub tag: Option<String>,
    /// Only versions of this type.
    pub kind: Option<String>,
    /// Only versions whose author's name contains this.
    pub author: Option<String>,
    /// Only versions made at or after this moment.
    pub since: Option<Time>,
    /// Only versions made at or before this moment.
    pub until: Option<Time>,
    /// Only versions with these metadata: a key and its value as text.
    pub metadata: Vec<(String, String)>,
    /// Only versions with this validation status.
    pub status: Option<String>,
    /// Whether their schemas are read.
    pub schemas: bool,
}

/// The versions.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Children before parents.
    pub versions: Vec<VersionView>,
}

/// Tells whether a word that a user typed names a dataset or a revision: the dataset's name, and the revision.
pub fn target(repo: &Repo, word: &str) -> Result<(Option<String>, Option<String>)> {
    let named = repo.config().dataset(word).is_some() || repo.versions().datasets()?.iter().any(|known| known == word);
    if named { Ok((Some(word.to_owned()), None)) } else { Ok((None, Some(word.to_owned()))) }
}

/// Lists versions, children before parents.
pub fn run(repo: &Repo, options: &Options) -> Result<Report> {
    let versions = match &options.revision {
        Some(text) => ancestors(repo, revision::version(repo, text)?.id)?,
        None => all(repo, options.dataset.as_deref(), options.limit.filter(|_| options.selects_all()))?,
    };
    let viewer = if options.schemas { Viewer::new(repo)? } else { Viewer::new(repo)?.without_schemas() };
    let views = ordered(versions).into_iter().map(|(id, version)| viewer.view(id, version));
    let selected = views.filter(|view| view.as_ref().map_or(true, |view| options.selects(view)));
    let versions = selected.take(options.limit.unwrap_or(usize::MAX)).collect::<Result<_>>()?;
    Ok(Report { versions })
}

impl Options {
    /// Whether no version is left out but for the limit.
    fn selects_all(&self) -> bool {
        let words = [&self.tag, &self.kind, &self.author, &self.status];
        words.iter().all(|word| word.is_none()) && self.since.is_none() && self.until.is_none() && self.metadata.is_empty()
    }

    fn selects(&self, view: &VersionView) -> bool {
        let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let status = serde_json::to_value(view.validation_status).map(|v| text(&v)).unwrap_or_default();
        self.tag.as_ref().is_none_or(|tag| view.tags.contains(tag))
            && self.kind.as_ref().is_none_or(|kind| view.dataset_type == *kind)
            && self.author.as_ref().is_none_or(|author| view.created_by.contains(author.as_str()))
            && self.since.is_none_or(|since| view.created_at >= since)
            && self.until.is_none_or(|until| view.created_at <= until)
            && self.metadata.iter().all(|(key, value)| view.metadata.get(key).is_some_and(|v| text(v) == *value))
            && self.status.as_ref().is_none_or(|wanted| status.eq_ignore_ascii_case(wanted))
    }
}

type Versions = Vec<(Id<VersionId>, Version)>;

/// Every version of a dataset, or the newest ones. The catalog answers where that is sooner; without it, or where it
/// cannot be used now, the objects do.
fn all(repo: &Repo, dataset: Option<&str>, newest: Option<usize>) -> Result<Versions> {
    let refs = repo.versions();
    let name = match dataset {
        Some(name) if refs.datasets()?.iter().any(|known| known == name) => name.to_owned(),
        _ => repo.dataset(dataset)?.name.clone(),
    };
    if Catalog::pays(repo, Some(&name)) {
        let answer = Catalog::open(repo).and_then(|catalog| catalog.versions(&name, newest).ok());
        if let Some(found) = answer {
            return Ok(found.into_iter().map(|(id, version, _)| (id, version)).collect());
        }
    }
    let mut versions = Vec::new();
    for number in refs.numbers(&name)?.into_iter().rev().take(newest.unwrap_or(usize::MAX)) {
        if let Some(id) = refs.get(&name, &number)? {
            versions.push((id, repo.version(id).map_err(|e| e.within(format!("{name}@{number}")))?));
        }
    }
    Ok(versions)
}

/// A version and all that came before it.
fn ancestors(repo: &Repo, id: Id<VersionId>) -> Result<Versions> {
    let (mut versions, mut seen, mut open) = (Vec::new(), HashSet::new(), vec![id]);
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let version = repo.version(id)?;
            open.extend(&version.parents);
            versions.push((id, version));
        }
    }
    Ok(versions)
}

/// The highest number first. A number exceeds its parent's, so children come before parents.
fn ordered(mut versions: Versions) -> Versions {
    versions.sort_by(|(a, x), (b, y)| (&y.number, b).cmp(&(&x.number, a)));
    versions
}

/// Fails unless the status is one that versions have.
pub fn check_status(status: &str) -> Result<()> {
    let known = ["PENDING", "PASSED", "FAILED", "SKIPPED"];
    if known.iter().any(|k| k.eq_ignore_ascii_case(status)) {
        return Ok(());
    }
    Err(Error::usage(format!("'{}' is no validation status", crate::path::printable(status)))
        .with_hint(format!("there are: {}", known.join(", "))))
}
