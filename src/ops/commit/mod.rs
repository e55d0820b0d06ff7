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
mod tags;

use serde::Serialize;

use crate::diff::SplitMove;
use crate::error::Result;
use crate::ops::commit::candidate::Candidate;
use crate::ops::commit::plan::Commit;
use crate::ops::tag_plan::TagMove;
use crate::ops::{FileChanges, Links, PartialCheckout, VersionView};
use crate::progress::Progress;
use crate::repo::Repo;

pub use crate::diff::FileParseIssue as Finding;
pub use options::{Bump, CommitOptions};

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitOutcome {
    /// The version was made.
    Created,
    /// A version with the same content existed already.
    AlreadyThere,
    /// Nothing changed since the parent, which is the version that is told of.
    Unchanged,
    /// The version would be made.
    DryRun,
    /// The rules of the dataset refused it: nothing was made.
    Refused,
    /// The version would have been created, had the rules of another dataset not refused its version.
    Withheld,
}

/// The result of a commit.
#[derive(Clone, Debug, Serialize)]
pub struct CommitReport {
    /// The version.
    #[serde(flatten)]
    pub version: VersionView,
    /// The outcome.
    pub outcome: CommitOutcome,
    /// The number of files that differ from the parent's.
    #[serde(flatten)]
    pub files: FileChanges,
    /// Bytes of all those files.
    pub bytes_changed: u64,
    /// Bytes of the parent's files.
    pub bytes_before: u64,
    /// Samples that the parent does not have, where they are counted and compared.
    pub samples_added: Option<u64>,
    /// Samples that only the parent has.
    pub samples_removed: Option<u64>,
    /// Samples that share a key with one of the parent and differ.
    pub samples_modified: Option<u64>,
    /// Samples that moved from one split to another and are the same otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples_moved: Vec<SplitMove>,
    /// The first records that are none of their format, in the files that were read.
    pub findings: Vec<Finding>,
    /// The number of parse issues.
    pub findings_count: u64,
    /// The symlinks of the folder, whose data the version does not hold.
    pub links: Links,
    /// The explanation of the number.
    pub bump: String,
    /// Tags that the version received.
    pub tags_added: Vec<String>,
    /// Those of them that another version had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_moved: Vec<TagMove>,
    /// The file that holds all that the rules of the dataset found, where they refused it.
    pub report_file: Option<String>,
    /// The parts of the parent that could not be read, and how the commit continued.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The field that could be the key of the dataset, which has none: with it, samples count as modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_key: Option<String>,
    /// The number of files of the version that the workspace has, where it has a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialCheckout>,
    /// By how many bytes the packs grew.
    pub stored_bytes: u64,
}

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
