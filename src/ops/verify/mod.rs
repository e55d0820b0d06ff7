//! `hlx verify`: recomputes every checksum of versions, or tells which version a folder holds.

mod folder;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use serde::Serialize;

use crate::clock::Time;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{Content, Id, VersionId};
use crate::manifest::Entries;
use crate::object::checksum::{Checksum, DataChecksum};
use crate::object::node::{Entry, Totals};
use crate::object::version::Version;
use crate::ops::damage::lost_refs;
use crate::ops::{Holder, NearestVersion};
use crate::progress::{Progress, Stage};
use crate::repo::revision::ResolvedVersion;
use crate::repo::{Repo, revision};
use crate::store::verify;

/// The versions and folders to verify.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Versions, or folders; HEAD, or the latest, of each dataset if empty.
    pub targets: Vec<String>,
    /// Every version of every dataset, every fact and every pack.
    pub all: bool,
}

/// Something that is damaged.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyProblem {
    /// The file that it befalls, if one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The object that it befalls, if no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The kind of damage: `content`, `manifest`, `schema`, `verdict`, `version`, `checksum`, `fact`, `ref`, `pack`,
    /// `file`.
    pub kind: &'static str,
    /// The error.
    pub message: String,
    /// The versions that it touches.
    pub versions: Vec<String>,
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
    pub problems: Vec<VerifyProblem>,
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
        problems: Vec::new(),
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
        verifier.verify_facts();
        for error in lost_refs(repo)? {
            verifier.problem(None, Some("refs".to_owned()), "ref", error.to_string(), &[]);
        }
        verify::packs(repo.store(), progress, |path, e| {
            let object = Some(path.display().to_string());
            verifier.problems.push(VerifyProblem {
                path: None,
                object,
                kind: "pack",
                message: e.to_string(),
                versions: Vec::new(),
            });
        })?;
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
    Ok(verifier.report(left))
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
fn unverified_versions(repo: &Repo, verified: &[(String, Version)]) -> Result<u64> {
    let (refs, mut left) = (repo.versions(), 0);
    let verified: HashSet<_> = verified.iter().map(|(_, version)| (&version.dataset, &version.number)).collect();
    for dataset in refs.datasets()? {
        // What cannot be listed was not verified either; `--all` names it.
        let numbers = refs.numbers(&dataset).unwrap_or_default();
        left += numbers.iter().filter(|number| !verified.contains(&(&dataset, number))).count() as u64;
    }
    Ok(left)
}

struct Verifier<'a> {
    repo: &'a Repo,
    progress: &'a dyn Progress,
    problems: Vec<VerifyProblem>,
    versions: Vec<(String, Version)>,
    files: u64,
    bytes: u64,
    /// The expected and the actual checksum of each version or folder.
    sums: Vec<(Checksum, Option<Checksum>)>,
    folders: Vec<FolderReport>,
}

impl Verifier<'_> {
    fn problem(&mut self, path: Option<&str>, object: Option<String>, kind: &'static str, message: String, versions: &[&str]) {
        let versions = versions.iter().map(|v| (*v).to_owned()).collect();
        self.problems.push(VerifyProblem { path: path.map(str::to_owned), object, kind, message, versions });
    }

    /// Takes a version whose ref is there; one whose record cannot be read is a problem.
    fn collect(&mut self, dataset: &str, number: &str, id: Result<Option<Id<VersionId>>>) -> Result<()> {
        let name = format!("{dataset}@{number}");
        let version = id.and_then(|id| id.map(|id| self.repo.version(id)).transpose());
        match version {
            Ok(None) => {}
            Ok(Some(version)) if version.dataset == dataset && version.number.to_string() == number => {
                self.versions.push((name, version))
            }
            Ok(Some(version)) => {
                let message = format!("the ref points to {}@{}", version.dataset, version.number);
                self.problem(None, Some(format!("ref {name}")), "version", message, &[&name]);
            }
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => self.problem(None, Some(format!("version {name}")), "version", e.to_string(), &[&name]),
        }
        Ok(())
    }

    fn collect_all(&mut self) -> Result<()> {
        let refs = self.repo.versions();
        for dataset in refs.datasets()? {
            for number in refs.numbers(&dataset)? {
                let id = refs.get(&dataset, &number);
                self.collect(&dataset, &number.to_string(), id)?;
            }
        }
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
                    self.problem(None, Some(format!("version of {dataset}")), "version", e.to_string(), &[]);
                    continue;
                }
                found => found?,
            };
            self.versions.push((format!("{dataset}@{}", resolved.version.number), resolved.version));
        }
        Ok(())
    }

    /// A revision, else a folder.
    fn target(&mut self, target: &str) -> Result<()> {
        match revision::version(self.repo, target) {
            Ok(resolved) => {
                let name = resolved.version.name();
                self.versions.push((name, resolved.version));
                Ok(())
            }
            Err(_) if Path::new(target).is_dir() => self.compare(None, Path::new(target)),
            Err(e) if e.kind() == ErrorKind::Damaged => {
                self.problem(None, Some(format!("version {target}")), "version", e.to_string(), &[target]);
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    fn verify_facts(&mut self) {
        let state = match self.repo.facts().fold() {
            Ok(state) => state,
            Err(e) => return self.problem(None, Some("facts".to_owned()), "fact", e.to_string(), &[]),
        };
        for (_, id) in state.verdicts() {
            if let Err(e) = self.repo.verdict(id) {
                self.problem(None, Some(format!("verdict {id}")), "verdict", e.to_string(), &[]);
            }
        }
    }

    /// Walks every manifest, then reads every content once.
    fn verify_versions(&mut self) -> Result<()> {
        let versions = std::mem::take(&mut self.versions);
        let mut contents: BTreeMap<Id<Content>, u64> = BTreeMap::new();
        for (name, version) in &versions {
            self.progress.check()?;
            if let Err(e) = self.repo.schema(version) {
                let schema = version.schema.map(|id| format!("schema {id}"));
                self.problem(None, schema, "schema", e.to_string(), &[name]);
            }
            if let Some(id) = version.verdict
                && let Err(e) = self.repo.verdict(id)
            {
                self.problem(None, Some(format!("verdict {id}")), "verdict", e.to_string(), &[name]);
            }
            let (mut totals, mut checksum) = (Totals::NONE, DataChecksum::default());
            let walk = |each: &mut dyn FnMut(Entry)| -> Result<()> {
                Entries::new(&**self.repo.store(), version.manifest)?.try_for_each(|entry| entry.map(&mut *each))
            };
            let outcome = walk(&mut |entry| {
                totals.add_entry(&entry);
                if entry.kind.is_file() {
                    checksum.add(entry.path.as_str(), &entry.content);
                }
                if entry.size > 0 {
                    contents.insert(entry.content, entry.size);
                }
            });
            match outcome {
                Err(e) => self.problem(None, Some(format!("manifest {}", version.manifest)), "manifest", e.to_string(), &[name]),
                Ok(()) => {
                    self.files += totals.files;
                    let actual = checksum.finish();
                    if actual != version.data_checksum
                        || (totals.files, totals.bytes) != (version.statistics.files, version.statistics.bytes)
                    {
                        let message = "the manifest does not match the checksum and statistics of the version".to_owned();
                        self.problem(None, Some(format!("version {name}")), "checksum", message, &[name]);
                    }
                    self.sums.push((version.data_checksum, Some(actual)));
                }
            }
        }
        let bytes = contents.values().sum();
        self.progress.expect(contents.len() as u64, bytes);
        self.bytes += bytes;
        let mut bad: BTreeMap<Id<Content>, String> = BTreeMap::new();
        let all = contents.into_iter().map(Ok);
        verify::contents(self.repo.store(), all, self.progress, |id, e| {
            bad.insert(id, e.to_string());
            Ok(())
        })?;
        self.name_damage(&versions, &bad);
        self.versions = versions;
        Ok(())
    }

    /// Says which files of which versions a damaged content stands for.
    fn name_damage(&mut self, versions: &[(String, Version)], bad: &BTreeMap<Id<Content>, String>) {
        if bad.is_empty() {
            return;
        }
        let mut places: BTreeMap<(String, Id<Content>), BTreeSet<String>> = BTreeMap::new();
        let mut touched = HashSet::new();
        for (n, (name, version)) in versions.iter().enumerate() {
            let Ok(entries) = Entries::new(&**self.repo.store(), version.manifest) else { continue };
            for entry in entries.flatten().filter(|e| e.size > 0 && bad.contains_key(&e.content)) {
                places.entry((entry.path.to_string(), entry.content)).or_default().insert(name.clone());
                touched.insert(n);
            }
        }
        for ((path, content), versions) in places {
            let message = bad.get(&content).cloned().unwrap_or_default();
            self.problems.push(VerifyProblem {
                path: Some(path),
                object: None,
                kind: "content",
                message,
                versions: versions.into_iter().collect(),
            });
        }
        if touched.len() == versions.len() && versions.len() == 1 {
            self.sums.iter_mut().for_each(|sum| sum.1 = None);
        }
    }

    fn report(self, versions_left: u64) -> VerifyReport {
        let only = if let [sum] = self.sums[..] { Some(sum) } else { None };
        VerifyReport {
            is_valid: self.problems.is_empty(),
            expected_checksum: only.map(|sum| sum.0),
            actual_checksum: only.and_then(|sum| sum.1),
            validation_timestamp: Time::now(),
            problems: self.problems,
            folders: self.folders,
            versions: self.versions.len() as u64,
            versions_left,
            files: self.files,
            bytes: self.bytes,
        }
    }
}
