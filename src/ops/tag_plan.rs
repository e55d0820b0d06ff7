//! Tags that are put on a version: within a dataset each stands on one version, and moves only where that is asked for.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::facts::FactsState;
use crate::id::{Id, VersionId};
use crate::object::fact::Statement;
use crate::object::version::{ValidationStatus, Version, VersionNumber};
use crate::refs::names;
use crate::repo::{Dataset, Repo, VersionLookup};

/// A tag that moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagMove {
    /// The tag.
    pub tag: String,
    /// The version that had it.
    pub from: VersionNumber,
}

/// The facts that put tags on a version.
#[derive(Clone, Debug, Default)]
pub(super) struct TagPlan {
    /// The facts that say so.
    pub statements: Vec<Statement>,
    /// Tags that the version receives.
    pub added: Vec<String>,
    /// Tags that it has already.
    pub unchanged: Vec<String>,
    /// Those of the added ones that another version had.
    pub moved: Vec<TagMove>,
}

/// Finds out what it takes that this version of a dataset has these tags.
///
/// # Errors
/// [`ErrorKind::Conflict`] if another version has one of them and they are not to be moved; the hint is `how` to move it. Also
/// if one is the name of a dataset, which it would be confused with as a revision.
pub(super) fn plan(
    repo: &Repo,
    facts: &FactsState,
    dataset: &str,
    id: Id<VersionId>,
    tags: &[String],
    moves: bool,
    how: impl Fn(&str) -> String,
) -> Result<TagPlan> {
    let (mut lookup, mut plan) = (VersionLookup::of(repo), TagPlan::default());
    let is_own = |version: &Version| repo.config().current(&version.dataset) == repo.config().current(dataset);
    for tag in tags {
        check_distinct(repo, tag)?;
        let bearers = facts.versions_with(tag);
        if bearers.contains(&id) || plan.added.contains(tag) {
            plan.unchanged.push(tag.clone());
            continue;
        }
        for bearer in bearers {
            let Some(version) = lookup.version(bearer)?.filter(is_own) else { continue };
            if !moves {
                let message = format!("tag '{tag}' is on {}", version.name());
                return Err(Error::new(ErrorKind::Conflict, message).with_hint(how(tag)));
            }
            plan.statements.push(Statement::TagRemoved { version: bearer, tag: tag.clone() });
            plan.moved.push(TagMove { tag: tag.clone(), from: version.number });
        }
        plan.statements.push(Statement::TagAdded { version: id, tag: tag.clone() });
        plan.added.push(tag.clone());
    }
    Ok(plan)
}

/// Fails unless a tag may have this name; the hint ends with `command` and a name that is valid.
pub(super) fn check_name(tag: &str, command: &str) -> Result<()> {
    names::check_tag(tag).map_err(|error| {
        let mut valid: String = tag.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
        if names::check_tag(&valid).is_err() {
            valid = "TAG".to_owned();
        }
        let rule = error.hint().unwrap_or_default().split(", such as").next().unwrap_or_default().to_owned();
        error.with_hint(format!("{rule}: {command} {valid}"))
    })
}

/// Fails if a dataset has the name of a tag, or had it before.
fn check_distinct(repo: &Repo, tag: &str) -> Result<()> {
    let current = repo.config().current(tag);
    let owner = match repo.config().dataset(current) {
        Some(_) if current == tag => format!("the name of dataset '{tag}'"),
        Some(_) => format!("a former name of dataset '{current}'"),
        None if repo.versions().datasets()?.iter().any(|name| name == tag) => format!("the name of dataset '{tag}'"),
        None => return Ok(()),
    };
    let hint = format!("as a revision, '{tag}' means the dataset; use another name: hlx tag add REV NAME");
    Err(Error::new(ErrorKind::Conflict, format!("tag '{tag}' is {owner}")).with_hint(hint))
}

/// Fails if a tag has the name of a dataset that is about to be declared.
pub(super) fn check_untagged(repo: &Repo, name: &str) -> Result<()> {
    // Facts that cannot be read prevent no declaration.
    let facts = repo.folded_facts().unwrap_or_default();
    let Some(version) = facts.versions_with(name).iter().find_map(|id| VersionLookup::of(repo).version(*id).ok()?) else {
        return Ok(());
    };
    let (owner, hint) = (version.name(), format!("use another name, or remove the tag: hlx tag rm {} {name}", version.name()));
    Err(Error::new(ErrorKind::Conflict, format!("'{name}' is a tag of {owner}")).with_hint(hint))
}

/// Fails if the dataset keeps one of the tags for versions of another status; the hint is `how` to get there.
pub(super) fn check_protected(
    dataset: Option<&Dataset>,
    name: &str,
    tags: &[String],
    status: ValidationStatus,
    how: impl FnOnce() -> String,
) -> Result<()> {
    let protected =
        |tag: &&String| dataset.and_then(|dataset| dataset.tags.get(*tag)).is_some_and(|required| *required != status);
    match tags.iter().find(protected) {
        None => Ok(()),
        Some(tag) => {
            let is = match status {
                ValidationStatus::Pending => "was not validated".to_owned(),
                status => format!("is {}", status.as_str()),
            };
            let message = format!("tag '{tag}' is for versions that PASSED validation; {name} {is}");
            Err(Error::new(ErrorKind::Conflict, message).with_hint(how()))
        }
    }
}
