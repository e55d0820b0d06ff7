//! `hlx commit`: makes the next version of a dataset, or of several.
//!
//! The stages, a file each: `plan` finds the parent and the rules, `read` stores the folder and compares it with the
//! parent, `candidate` gives the version its number and has it validated, `publish` creates its ref and sets its tags.
//! Everything is stored and synced before the version's ref is created, and the ref is what makes it exist. An
//! interrupted commit leaves nothing visible; the same command again succeeds.

mod candidate;
mod number;
mod options;
mod plan;
mod publish;
mod read;
mod report;
mod tags;

use crate::error::Result;
use crate::ops::commit::candidate::Candidate;
use crate::ops::commit::plan::Commit;
use crate::progress::Progress;
use crate::repo::Repo;

pub use options::{Bump, CommitOptions};
pub use report::{CommitOutcome, CommitReport};

/// Commits the workspace of a dataset, or a folder.
///
/// # Errors
/// `ErrorKind::DirtyWorkspace` if a checkout was interrupted; `Conflict` if no version is checked out, the number is too
/// low, or a tag is on another version; `VersionExists` if the number is taken; `UnsupportedInput` for files that no
/// version can contain. A version that the rules refuse is no error but an outcome.
pub fn run(repo: &Repo, options: &CommitOptions, progress: &dyn Progress) -> Result<CommitReport> {
    let dataset = repo.dataset(options.dataset.as_deref())?;
    let commit = Commit::plan(repo, dataset, options, progress)?;
    commit.publish(commit.prepare()?)
}

/// Commits the workspaces of several datasets: of all, or, if one is refused by its rules, of none.
///
/// # Errors
/// As [`run`]. Nothing is committed unless the message says which versions were created.
pub fn run_all(repo: &Repo, datasets: &[String], options: &CommitOptions, progress: &dyn Progress) -> Result<Vec<CommitReport>> {
    let plan = |name: &String| Commit::plan(repo, repo.dataset(Some(name))?, options, progress);
    let commits = datasets.iter().map(plan).collect::<Result<Vec<_>>>()?;
    let mut candidates = commits.iter().map(Commit::prepare).collect::<Result<Vec<_>>>()?;
    if candidates.iter().any(|candidate| candidate.outcome == CommitOutcome::Refused) {
        candidates.iter_mut().for_each(Candidate::withhold);
    }
    let mut reports: Vec<CommitReport> = Vec::new();
    for (commit, candidate) in commits.iter().zip(candidates) {
        let report = commit.publish(candidate).map_err(|error| {
            let created = reports.iter().filter(|report| report.outcome == CommitOutcome::Created);
            let created: Vec<_> = created.map(|r| format!("{}@{}", r.version.dataset_name, r.version.version)).collect();
            match created.is_empty() {
                true => error,
                false => error.within(format!("{} committed, {} not committed", created.join(", "), commit.name())),
            }
        })?;
        reports.push(report);
    }
    Ok(reports)
}
