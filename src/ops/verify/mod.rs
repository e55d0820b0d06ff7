//! `hlx verify`: recomputes every checksum of versions, or tells which version a folder holds.

mod folder;
mod stamped;

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;

use crate::check::refs::CheckedVersion;
use crate::check::{Problem, Problems, contents, facts, packs, record_damage, refs};
use crate::clock::Time;
use crate::error::{Error, ErrorKind, Result};
use crate::object::checksum::Checksum;
use crate::ops::{Holder, NearestVersion};
use crate::progress::{Progress, Stage};
use crate::repo::revision::ResolvedVersion;
use crate::repo::{Repo, revision};

pub use stamped::verify_stamped;

/// The versions and folders to verify.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Versions, or folders; HEAD, or the latest, of each dataset if empty.
    pub targets: Vec<String>,
    /// Every version of every dataset, every fact and every pack.
    pub all: bool,
}

/// A folder, and the version that it is or is most like.
#[derive(Clone, Debug, Serialize)]
pub struct FolderReport {
    /// The folder.
    pub path: String,
    /// The version that it is, if it is one.
    pub holder: Option<Holder>,
    /// The version that it was compared with, if it is none, and how it differs.
    pub nearest: Option<NearestVersion>,
    /// The number of files of the folder.
    pub files: u64,
}

/// The result of a verification.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// True if everything is as it should be.
    pub is_valid: bool,
    /// The data checksum that the version says, where one version or folder was verified.
    pub expected_checksum: Option<Checksum>,
    /// The data checksum that was recomputed from the bytes; none where bytes could not be read.
    pub actual_checksum: Option<Checksum>,
    /// The time of the verification.
    pub validation_timestamp: Time,
    /// The damage.
    pub problems: Vec<Problem>,
    /// The versions that each folder was compared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<FolderReport>,
    /// The number of versions that were verified.
    pub versions: u64,
    /// The number of versions that were not.
    pub versions_left: u64,
    /// The number of files of the versions and folders, each version counted by itself.
    pub files: u64,
    /// The number of bytes that were read; content that several files share is read once.
    pub bytes: u64,
}

/// Verifies versions and folders by recomputing their checksums.
///
/// # Errors
/// `ErrorKind::VersionNotFound` for a target that is neither a version nor a folder. Damage is listed in the report.
pub fn run(repo: &Repo, options: &VerifyOptions, progress: &dyn Progress) -> Result<VerifyReport> {
    progress.begin(Stage::Verify, 0, 0);
    let mut verifier = Verifier {
        repo,
        progress,
        problems: Problems::default(),
        versions: Vec::new(),
        files: 0,
        bytes: 0,
        sums: Vec::new(),
        folders: Vec::new(),
    };
    if options.all {
        if !options.targets.is_empty() {
            return Err(Error::usage("--all cannot be used with a version or folder"));
        }
        verifier.collect_all()?;
    } else if options.targets.is_empty() {
        verifier.collect_heads()?;
    } else if let Some((resolved, folder)) = compared(repo, &options.targets) {
        verifier.compare(Some((resolved.id, resolved.version)), folder)?;
    } else {
        for target in &options.targets {
            verifier.target(target)?;
        }
    }
    verifier.verify_versions()?;
    let left = if options.all { 0 } else { unverified_versions(repo, &verifier.versions)? };
    let report = verifier.report(left);
    if options.all {
        record_damage(repo, &report.problems)?;
    }
    Ok(report)
}

/// Returns the version and the folder, where exactly these two were named.
fn compared<'t>(repo: &Repo, targets: &'t [String]) -> Option<(ResolvedVersion, &'t Path)> {
    let [first, second] = targets else { return None };
    let version = |target: &str| revision::version(repo, target).ok();
    let folder = |target: &'t str| Some(Path::new(target)).filter(|path| path.is_dir());
    match (version(first), version(second)) {
        (Some(resolved), None) => Some((resolved, folder(second)?)),
        (None, Some(resolved)) => Some((resolved, folder(first)?)),
        _ => None,
    }
}

/// Returns the number of versions that are not among these.
fn unverified_versions(repo: &Repo, verified: &[CheckedVersion]) -> Result<u64> {
    let (refs, mut left) = (repo.versions(), 0);
    let verified: HashSet<&str> = verified.iter().map(|version| version.name.as_str()).collect();
    for dataset in refs.datasets()? {
        // What cannot be listed was not verified either; `--all` names it.
        let numbers = refs.numbers(&dataset).unwrap_or_default();
        left += numbers.iter().filter(|number| !verified.contains(&*format!("{dataset}@{number}"))).count() as u64;
    }
    Ok(left)
}

struct Verifier<'a> {
    repo: &'a Repo,
    progress: &'a dyn Progress,
    problems: Problems,
    versions: Vec<CheckedVersion>,
    files: u64,
    bytes: u64,
    /// The expected and the actual checksum of each folder, and of the only version.
    sums: Vec<(Checksum, Option<Checksum>)>,
    folders: Vec<FolderReport>,
}

impl Verifier<'_> {
    /// Checks packs, facts and refs, and takes every version whose record can be read.
    fn collect_all(&mut self) -> Result<()> {
        let remarks = Problems::default();
        packs::check(self.repo.store(), self.progress, &self.problems)?;
        let facts = facts::check(self.repo, self.progress, &self.problems, &remarks)?;
        self.versions = refs::check(self.repo, &facts, self.progress, &self.problems, &remarks)?.versions;
        Ok(())
    }

    fn collect_heads(&mut self) -> Result<()> {
        for dataset in self.repo.versions().datasets()? {
            let head = revision::version(self.repo, &format!("{dataset}@HEAD"));
            let resolved = match head {
                Err(e) if e.kind() == ErrorKind::VersionNotFound => revision::version(self.repo, &format!("{dataset}@latest")),
                resolved => resolved,
            };
            let resolved = match resolved {
                Err(e) if e.kind() == ErrorKind::Damaged => {
                    self.problems.add(Problem::new("version-damaged", e.to_string()).object(format!("version of {dataset}")));
                    continue;
                }
                found => found?,
            };
            self.versions.push(CheckedVersion::of(&resolved.version));
        }
        Ok(())
    }

    /// A revision, else a folder.
    fn target(&mut self, target: &str) -> Result<()> {
        match revision::version(self.repo, target) {
            Ok(resolved) => {
                self.versions.push(CheckedVersion::of(&resolved.version));
                Ok(())
            }
            Err(_) if Path::new(target).is_dir() => self.compare(None, Path::new(target)),
            Err(e) if e.kind() == ErrorKind::Damaged => {
                let problem = Problem::new("version-damaged", e.to_string()).object(format!("version {target}"));
                self.problems.add(problem.version(target));
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    /// Reads the contents of the versions, each once.
    fn verify_versions(&mut self) -> Result<()> {
        let found = contents::check(self.repo, &self.versions, self.progress, &self.problems)?;
        self.files += found.files;
        self.bytes += found.bytes;
        self.sums.extend(found.checksum);
        Ok(())
    }

    fn report(self, versions_left: u64) -> VerifyReport {
        let only = if let ([sum], 0..=1) = (&self.sums[..], self.versions.len()) { Some(*sum) } else { None };
        let problems = self.problems.into_list();
        VerifyReport {
            is_valid: problems.is_empty(),
            expected_checksum: only.map(|sum| sum.0),
            actual_checksum: only.and_then(|sum| sum.1),
            validation_timestamp: Time::now(),
            problems,
            folders: self.folders,
            versions: self.versions.len() as u64,
            versions_left,
            files: self.files,
            bytes: self.bytes,
        }
    }
}
