//! `hlx fsck`: checks everything that a repository holds, and repairs what can be repaired.
//!
//! A repair never deletes: what is damaged goes to `.helox/quarantine`, after all that is good of it was stored again. Each
//! step can be repeated, so an interrupted repair is run again.

mod contents;
mod entries;
mod refs;
mod repair;
mod sources;

use std::path::PathBuf;

use serde::Serialize;

use crate::check::{Problem, full, record_damage};
use crate::error::{Error, Result};
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use repair::Repair;

/// The options of a check of a repository.
#[derive(Clone, Debug, Default)]
pub struct FsckOptions {
    /// True to repair what is damaged.
    pub repair: bool,
    /// The folder of another repository with the same versions, from which lost objects are copied.
    pub from: Option<PathBuf>,
}

/// The result of a check of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct FsckReport {
    /// True if nothing is damaged, or is any more after the repair.
    pub is_valid: bool,
    /// The damage, as it is after the repair.
    pub problems: Vec<Problem>,
    /// Observations that are no damage.
    pub remarks: Vec<Problem>,
    /// The number of versions that were checked.
    pub versions: u64,
    /// The number of files of the versions, each version counted by itself.
    pub files: u64,
    /// The number of bytes that were read.
    pub bytes: u64,
    /// The number of packs.
    pub packs: u64,
    /// The number of objects of structure.
    pub objects: u64,
    /// The repairs, in their order; `None` if none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repairs: Option<Vec<String>>,
}

/// Checks a repository, and repairs it if the options say so. Without damage, a repair changes nothing.
///
/// # Errors
/// `ErrorKind::Usage` for a source without a repair; `RepositoryNotFound` for one that is no repository; `Io` or
/// `Interrupted`. Damage is listed in the report.
pub fn run(repo: &Repo, options: &FsckOptions, progress: &dyn Progress) -> Result<FsckReport> {
    let from = options.from.as_deref().map(Repo::open).transpose()?;
    if !options.repair && from.is_some() {
        return Err(Error::usage("--from cannot be used without --repair"));
    }
    if from.as_ref().is_some_and(|from| from.root() == repo.root()) {
        return Err(Error::usage("the repository of --from is the one to repair").with_hint("give the folder of another copy"));
    }
    progress.begin(Stage::Verify, 0, 0);
    let mut check = full::check(repo, progress)?;
    let mut repairs = options.repair.then(Vec::new);
    if let Some(repairs) = repairs.as_mut().filter(|_| !check.problems.is_empty()) {
        *repairs = Repair::new(repo, from.as_ref(), &check, progress)?.run()?;
        progress.begin(Stage::Verify, 0, 0);
        check = full::check(&Repo::open(repo.root())?, progress)?;
    }
    record_damage(repo, &check.problems)?;
    Ok(FsckReport {
        is_valid: check.problems.is_empty(),
        problems: check.problems,
        remarks: check.remarks,
        versions: check.refs.versions.len() as u64,
        files: check.contents.files,
        bytes: check.contents.bytes,
        packs: check.packs,
        objects: check.objects,
        repairs,
    })
}
