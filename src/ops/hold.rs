//! `hlx hold`: versions that nothing may remove. A hold is a fact; the version stays as it is.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::object::fact::Statement;
use crate::ops::fact_views::{HoldView, VersionNames};
use crate::repo::{Repo, revision};

/// A hold to record or to end.
#[derive(Clone, Debug, Default)]
pub struct HoldOptions {
    /// The version.
    pub revision: String,
    /// The reason.
    pub reason: String,
    /// The author.
    pub author: Option<String>,
}

/// Holds.
#[derive(Clone, Debug, Serialize)]
pub struct HoldListReport {
    /// The first recorded first, as far as the facts say.
    pub holds: Vec<HoldView>,
}

/// Puts a version on hold. A version can have several holds, for several reasons.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `Usage` for a reason that is empty or too long.
pub fn add(repo: &Repo, options: &HoldOptions) -> Result<HoldListReport> {
    let reason = checked_reason(options)?;
    let resolved = revision::version(repo, &options.revision)?;
    // A fact relies on its version: whoever made that may have been killed before its ref was durable.
    repo.versions().sync(&resolved.version.dataset)?;
    let author = repo.author(options.author.as_deref());
    repo.facts().append(&author, &[Statement::Held { version: resolved.id, reason }])?;
    list(repo, Some(&options.revision))
}

/// Ends all holds on a version. Returns those that ended.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `Conflict` if the version is not on hold; `Usage` for a reason that is empty or too long.
pub fn remove(repo: &Repo, options: &HoldOptions) -> Result<HoldListReport> {
    let reason = checked_reason(options)?;
    let ended = list(repo, Some(&options.revision))?;
    let release = |held: &HoldView| Statement::Released { version: held.version_id, hold: held.id, reason: reason.clone() };
    let statements: Vec<Statement> = ended.holds.iter().map(release).collect();
    if statements.is_empty() {
        return Err(Error::new(ErrorKind::Conflict, format!("'{}' is not on hold", options.revision))
            .with_hint("list the holds: hlx hold list"));
    }
    repo.facts().append(&repo.author(options.author.as_deref()), &statements)?;
    Ok(ended)
}

/// Lists the holds on a version, or on all.
///
/// # Errors
/// `ErrorKind::VersionNotFound`.
pub fn list(repo: &Repo, revision: Option<&str>) -> Result<HoldListReport> {
    let version = revision.map(|text| revision::version(repo, text)).transpose()?;
    let state = repo.folded_facts()?;
    let mut names = VersionNames::of(repo);
    let holds = match version {
        Some(version) => state.holds_of(version.id).collect(),
        None => state.holds(),
    };
    Ok(HoldListReport { holds: holds.into_iter().map(|held| HoldView::of(held, names.get(held.version))).collect() })
}

fn checked_reason(options: &HoldOptions) -> Result<String> {
    let reason = options.reason.trim();
    match reason.len() {
        0 => Err(Error::usage("the reason is empty").with_hint("give one: --why TEXT")),
        len if len > limits::NOTE => {
            Err(Error::usage(format!("the reason has {len} bytes, more than the maximum of {}", limits::NOTE)))
        }
        _ => Ok(reason.to_owned()),
    }
}
