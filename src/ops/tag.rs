//! `hlx tag`: labels on versions. A tag is a fact; nothing about the version itself changes.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{Id, VersionId};
use crate::object::fact::Statement;
use crate::object::version::VersionNumber;
use crate::ops::tag_plan::{self, TagPlan};
use crate::path::printable;
use crate::refs::names;
use crate::repo::revision::ResolvedVersion;
use crate::repo::{Repo, VersionLookup, revision, status};
use crate::spelling;

pub use crate::ops::tag_plan::TagMove;

/// The tags and the version to put them on.
#[derive(Clone, Debug)]
pub struct TagOptions {
    /// The version.
    pub revision: String,
    /// The tags.
    pub tags: Vec<String>,
    /// Takes them off the versions of the dataset that have them.
    pub moves: bool,
    /// The author of the change.
    pub author: Option<String>,
}

/// The tags that were changed.
#[derive(Clone, Debug, Serialize)]
pub struct TagReport {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
    /// Tags that it received or lost.
    pub changed: Vec<String>,
    /// Those of them that another version had, when adding.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<TagMove>,
    /// Tags that it had already, when adding.
    pub unchanged: Vec<String>,
    /// All tags that it has now.
    pub tags: Vec<String>,
}

/// Puts tags on a version.
///
/// # Errors
/// [`ErrorKind::Conflict`] if another version of the dataset has one of them and they are not to be moved, or if the dataset
/// keeps one for versions of another status.
pub fn add(repo: &Repo, options: &TagOptions) -> Result<TagReport> {
    let resolved = revision::version(repo, &options.revision).map_err(|error| swapped(repo, options, error))?;
    let command = format!("hlx tag add {}", options.revision);
    let check = |tag: &String| tag_plan::check_name(tag, &command);
    options.tags.iter().try_for_each(check).map_err(|error| swapped(repo, options, error))?;
    let ResolvedVersion { id, version } = &resolved;
    let name = version.name();
    let facts = repo.folded_facts()?;
    let status = status::status(repo, &facts, *id, version)?;
    let how = || format!("validate it: hlx validate {name} --record");
    tag_plan::check_protected(repo.config().dataset(&version.dataset), &name, &options.tags, status, how)?;
    let how = |tag: &str| format!("move it: hlx tag add {name} {tag} --move");
    let plan = tag_plan::plan(repo, &facts, &version.dataset, *id, &options.tags, options.moves, how)?;
    record(repo, options, resolved, plan)
}

/// Returns the error of a revision that is none, or how to order the arguments if one of the tags is.
fn swapped(repo: &Repo, options: &TagOptions, error: Error) -> Error {
    let TagOptions { revision: first, tags, .. } = options;
    match tags.iter().find(|tag| names::check_tag(first).is_ok() && revision::version(repo, tag).is_ok()) {
        Some(tag) => error.with_hint(format!("the version comes first: hlx tag add {tag} {first}")),
        None => error,
    }
}

/// Removes tags from a version.
///
/// # Errors
/// `ErrorKind::VersionNotFound`, also for a tag that the version does not have.
pub fn remove(repo: &Repo, options: &TagOptions) -> Result<TagReport> {
    let resolved = revision::version(repo, &options.revision)?;
    let borne = repo.folded_facts()?.tags_of(resolved.id);
    if let Some(tag) = options.tags.iter().find(|tag| !borne.contains(tag)) {
        return Err(absent(repo, &resolved, &borne, tag)?);
    }
    let remove = |tag: &String| Statement::TagRemoved { version: resolved.id, tag: tag.clone() };
    let statements = options.tags.iter().map(remove).collect();
    let plan = TagPlan { statements, added: options.tags.clone(), ..TagPlan::default() };
    record(repo, options, resolved, plan)
}

/// Returns the error of a version without a tag: the tag of it that was meant, or the version that has the tag.
fn absent(repo: &Repo, resolved: &ResolvedVersion, borne: &[String], tag: &str) -> Result<Error> {
    let (version, dataset) = (resolved.version.name(), &resolved.version.dataset);
    let all = list(repo, Some(dataset))?.tags;
    let near = spelling::nearest(tag, borne.iter().map(String::as_str));
    let question = spelling::suggestion(near);
    let error = Error::new(ErrorKind::VersionNotFound, format!("{version} has no tag '{}'{question}", printable(tag)));
    if let Some(near) = near {
        return Ok(error.with_hint(format!("remove it: hlx tag rm {version} {near}")));
    }
    let other = spelling::nearest(tag, all.iter().map(|listed| listed.tag.as_str()));
    let other = all.iter().find(|listed| Some(listed.tag.as_str()) == other);
    Ok(error.with_hint(match other.and_then(|listed| Some((listed, listed.versions.first()?))) {
        Some((TagEntry { dataset_name, tag, .. }, number)) => {
            format!("{dataset_name}@{number} has '{tag}'; remove it: hlx tag rm {dataset_name}@{number} {tag}")
        }
        None => format!("list the tags: hlx tag list {dataset}"),
    }))
}

fn record(repo: &Repo, options: &TagOptions, resolved: ResolvedVersion, plan: TagPlan) -> Result<TagReport> {
    // A fact relies on its version: whoever made that may have been killed before its ref was durable.
    repo.versions().sync(&resolved.version.dataset)?;
    repo.facts().append(&repo.author(options.author.as_deref()), &plan.statements)?;
    let tags = repo.folded_facts()?.tags_of(resolved.id);
    let TagPlan { added: changed, unchanged, moved, .. } = plan;
    Ok(TagReport {
        dataset_name: resolved.version.dataset,
        version: resolved.version.number,
        id: resolved.id,
        changed,
        moved,
        unchanged,
        tags,
    })
}

/// A tag of a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct TagEntry {
    /// The dataset.
    pub dataset_name: String,
    /// The tag.
    pub tag: String,
    /// The version that has it, as a list of one.
    pub versions: Vec<VersionNumber>,
}

/// The tags of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct TagListReport {
    /// In the order of datasets and tags.
    pub tags: Vec<TagEntry>,
}

/// Lists the tags of a dataset, or of all.
///
/// # Errors
/// `ErrorKind::DatasetNotFound`; `Damaged` if the facts cannot be read.
pub fn list(repo: &Repo, dataset: Option<&str>) -> Result<TagListReport> {
    if let Some(name) = dataset
        && !repo.versions().datasets()?.iter().any(|known| known == name)
    {
        repo.dataset(Some(name))?;
    }
    let mut tags: Vec<TagEntry> = Vec::new();
    let mut lookup = VersionLookup::of(repo);
    for (tag, versions) in repo.folded_facts()?.tags() {
        for id in versions {
            let Some(version) = lookup.version(id)? else { continue };
            if dataset.is_some_and(|name| repo.config().current(name) != repo.config().current(&version.dataset)) {
                continue;
            }
            match tags.iter_mut().find(|t| t.tag == tag && t.dataset_name == version.dataset) {
                Some(listed) => listed.versions.push(version.number),
                None => {
                    tags.push(TagEntry { dataset_name: version.dataset, tag: tag.to_owned(), versions: vec![version.number] })
                }
            }
        }
    }
    tags.sort_by(|a, b| (&a.dataset_name, &a.tag).cmp(&(&b.dataset_name, &b.tag)));
    Ok(TagListReport { tags })
}
