//! Checks the history: that no entry, fact or version was altered, removed or put elsewhere.

use serde::Serialize;

use crate::check::{Problem, Problems, facts, packs, refs};
use crate::error::Result;
use crate::progress::{Progress, Stage};
use crate::repo::Repo;

/// The result of a check of the history.
#[derive(Clone, Debug, Serialize)]
pub struct AuditVerifyReport {
    /// True if everything is as it was.
    pub is_valid: bool,
    /// Facts and versions that were read.
    pub entries: u64,
    /// The entries that were altered, removed or moved.
    pub problems: Vec<Problem>,
    /// Observations that are no problem: `unknown-version`, `version-unlisted`, `fact-left-over`.
    pub remarks: Vec<Problem>,
}

/// Checks every fact and every version.
///
/// # Errors
/// `ErrorKind::Io` or `Interrupted`. Damage is listed in the report.
pub fn verify(repo: &Repo, progress: &dyn Progress) -> Result<AuditVerifyReport> {
    progress.begin(Stage::Verify, 0, 0);
    let (problems, remarks) = (Problems::default(), Problems::default());
    packs::check_structure(repo.store(), progress, &problems)?;
    let facts = facts::check(repo, progress, &problems, &remarks)?;
    let refs = refs::check(repo, &facts, progress, &problems, &remarks)?;
    let problems = problems.into_list();
    Ok(AuditVerifyReport {
        is_valid: problems.is_empty(),
        entries: (facts.facts.len() + refs.versions.len()) as u64,
        problems,
        remarks: remarks.into_list(),
    })
}
