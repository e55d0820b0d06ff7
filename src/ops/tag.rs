//! `hlx tag`: labels on versions. A tag is a fact; nothing about the version itself changes.

use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::id::{Id, Version as VersionId};
use crate::object::fact::Statement;
use crate::object::version::Number;
use crate::refs::names;
use crate::repo::revision::Found;
use crate::repo::{Here, Repo, revision};

/// Which tags, on which version.
#[derive(Clone, Debug)]
pub struct Options {
    /// The version.
    pub revision: String,
    /// The tags.
    pub tags: Vec<String>,
    /// Who says so.
    pub author: Option<String>,
}

/// What became of the tags.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: Number,
    /// The version's id.
    pub id: Id<VersionId>,
    /// Tags that it received or lost.
    pub changed: Vec<String>,
    /// Tags that it bore already, when adding.
    pub unchanged: Vec<String>,
    /// All tags that it bears now.
    pub tags: Vec<String>,
}

/// Puts tags on a version. A tag that another version bears moves to this one for `NAME@TAG`.
pub fn add(repo: &Repo, options: &Options) -> Result<Report> {
    options.tags.iter().try_for_each(|tag| names::check_tag(tag))?;
    let found = revision::version(repo, &options.revision)?;
    let state = repo.facts().fold()?;
    // A tag that stands here already, but went to another version of the dataset later, is given again.
    let mut here = Here::of(repo);
    let mut is_last = |tag: &str| -> Result<bool> {
        for id in state.versions_with(tag).iter().rev() {
            if here.version(*id)?.is_some_and(|version| version.dataset == found.version.dataset) {
                return Ok(*id == found.id);
            }
        }
        Ok(false)
    };
    let (mut changed, mut unchanged) = (Vec::new(), Vec::new());
    for tag in &options.tags {
        if is_last(tag)? || changed.contains(tag) { unchanged.push(tag.clone()) } else { changed.push(tag.clone()) }
    }
    let said: Vec<Statement> = changed.iter().map(|tag| Statement::TagAdded { version: found.id, tag: tag.clone() }).collect();
    say(repo, options, found, &said, changed, unchanged)
}

/// Takes tags off a version.
pub fn remove(repo: &Repo, options: &Options) -> Result<Report> {
    let found = revision::version(repo, &options.revision)?;
    let borne = repo.facts().fold()?.tags_of(found.id);
    if let Some(tag) = options.tags.iter().find(|tag| !borne.contains(tag)) {
        let version = format!("{}@{}", found.version.dataset, found.version.number);
        let error =
            Error::new(Kind::VersionNotFound, format!("{version} does not bear the tag '{}'", crate::path::printable(tag)));
        return Err(match borne.is_empty() {
            true => error.with_hint("it bears no tags"),
            false => error.with_hint(format!("it bears: {}", borne.join(", "))),
        });
    }
    let said: Vec<Statement> =
        options.tags.iter().map(|tag| Statement::TagRemoved { version: found.id, tag: tag.clone() }).collect();
    say(repo, options, found, &said, options.tags.clone(), Vec::new())
}

fn say(
    repo: &Repo,
    options: &Options,
    found: Found,
    said: &[Statement],
    changed: Vec<String>,
    unchanged: Vec<String>,
) -> Result<Report> {
    // A fact relies on its version: whoever made that may have been killed before its ref was durable.
    repo.versions().sync(&found.version.dataset)?;
    repo.facts().append(&repo.author(options.author.as_deref()), said)?;
    let tags = repo.facts().fold()?.tags_of(found.id);
    Ok(Report { dataset_name: found.version.dataset, version: found.version.number, id: found.id, changed, unchanged, tags })
}

/// A tag of a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The dataset.
    pub dataset_name: String,
    /// The tag.
    pub tag: String,
    /// The versions that bear it; the one that received it last comes last.
    pub versions: Vec<Number>,
}

/// The tags of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct ListReport {
    /// In the order of datasets and tags.
    pub tags: Vec<Listed>,
}

/// Lists the tags of a dataset, or of all.
pub fn list(repo: &Repo, dataset: Option<&str>) -> Result<ListReport> {
    if let Some(name) = dataset
        && !repo.versions().datasets()?.iter().any(|known| known == name)
    {
        repo.dataset(Some(name))?;
    }
    let mut tags: Vec<Listed> = Vec::new();
    let mut here = Here::of(repo);
    for (tag, versions) in repo.facts().fold()?.tags() {
        for id in versions {
            let Some(version) = here.version(*id)? else { continue };
            if dataset.is_some_and(|name| name != version.dataset) {
                continue;
            }
            match tags.iter_mut().find(|t| t.tag == tag && t.dataset_name == version.dataset) {
                Some(listed) => listed.versions.push(version.number),
                None => tags.push(Listed { dataset_name: version.dataset, tag: tag.to_owned(), versions: vec![version.number] }),
            }
        }
    }
    tags.sort_by(|a, b| (&a.dataset_name, &a.tag).cmp(&(&b.dataset_name, &b.tag)));
    Ok(ListReport { tags })
}
