//! `hlx pull`: brings versions from a remote and checks them out.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{Id, VersionId};
use crate::object::version::VersionNumber;
use crate::ops::in_place;
use crate::ops::receive;
use crate::ops::training::{self, TrainingFolder};
use crate::progress::Progress;
use crate::remote::{RemoteVersion, Traffic};
use crate::repo::pins::{self, Pin};
use crate::repo::revision::ResolvedVersion;
use crate::repo::{CONFIG, OpenRemote, Repo};
use crate::selection::Selection;
use crate::store::Layout;
use crate::store::layout::FOLDER;

/// The versions to bring and where to put them.
#[derive(Clone, Debug, Default)]
pub struct PullOptions {
    /// The remote; the only one, or `origin`, for `None`.
    pub remote: Option<String>,
    /// Datasets, of which the latest versions are taken, and versions: `NAME@REV`. None for the versions that `helox.lock`
    /// pins, or the latest of every dataset where it pins none.
    pub versions: Vec<String>,
    /// A folder to make instead of changing the workspace. Only the files that it gets are brought.
    pub into: Option<PathBuf>,
    /// Globs of which a path must match one.
    pub include: Vec<String>,
    /// Globs of which a path must match none.
    pub exclude: Vec<String>,
    /// Replaces and removes uncommitted work.
    pub force: bool,
    /// True if nothing is brought or changed.
    pub dry_run: bool,
}

/// A version that a folder has now.
#[derive(Clone, Debug, Serialize)]
pub struct PulledVersion {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
    /// The folder.
    pub path: String,
    /// True if the version came from the remote.
    pub received: bool,
    /// Entries that were written.
    pub written: u64,
    /// Entries that were removed.
    pub removed: u64,
    /// Entries that were right already.
    pub unchanged: u64,
}

/// The versions that were pulled.
#[derive(Clone, Debug, Serialize)]
pub struct PullReport {
    /// The name of the remote.
    pub remote: String,
    /// Its URL.
    pub url: String,
    /// In the order of their datasets.
    pub versions: Vec<PulledVersion>,
    /// True if tags, runs, notes or verdicts came.
    pub facts: bool,
    /// Bytes that were received.
    pub bytes: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// True if nothing was changed.
    pub dry_run: bool,
}

/// Opens the repository of a folder. A copy that git made has a `helox.toml` and no store: it gets an empty one.
///
/// # Errors
/// As [`Repo::open`].
pub fn open(dir: &Path) -> Result<Repo> {
    match Repo::open(dir) {
        Err(e) if e.kind() == ErrorKind::RepositoryNotFound => {
            let dir = dir.canonicalize().map_err(|e| Error::io("cannot open the folder", dir, e))?;
            let root = dir.ancestors().find(|folder| folder.join(CONFIG).is_file()).ok_or(e)?;
            Layout::new(root.join(FOLDER)).create()?;
            Repo::open(&dir)
        }
        repo => repo,
    }
}

/// Brings versions that are not here, and makes the workspaces, or another folder, these versions.
///
/// # Errors
/// `ErrorKind::DirtyWorkspace` if bytes would be lost that no version has and `force` is not set, before anything is brought;
/// otherwise as `fetch` and `checkout`.
pub fn run(repo: &Repo, options: &PullOptions, progress: &dyn Progress) -> Result<PullReport> {
    let remote = OpenRemote::open(repo.config().find_remote(options.remote.as_deref())?, repo.store().layout(), progress)?;
    remote.check_versions()?;
    let level = repo.config().level();
    let facts = !options.dry_run && remote.join_facts(repo.store(), &repo.author(None), level, progress)?;
    let wanted = wanted(repo, &remote, options)?;
    let selection = Selection { include: options.include.clone(), exclude: options.exclude.clone(), paths: Vec::new() };
    let selection = (!selection.is_all()).then_some(selection);
    let mut versions = Vec::new();
    if let Some(into) = &options.into {
        let [version] = &wanted[..] else {
            return Err(Error::usage("--into takes one version").with_hint("name it: hlx pull NAME@REV --into DIR"));
        };
        let folder = TrainingFolder { path: into, selection, url: &remote.url };
        let applied = training::fill(&remote, repo.store(), version, &folder, level, progress)?;
        versions.push(pulled(version, into.display().to_string(), true, &applied));
    } else {
        let missing = receive::missing(repo, &remote, wanted.clone())?;
        if !options.dry_run {
            receive::versions(repo, &remote, &missing, progress)?;
        }
        for version in &wanted {
            let received = missing.contains(version);
            if options.dry_run {
                versions.push(pulled(version, String::new(), received, &Default::default()));
                continue;
            }
            let resolved = ResolvedVersion { id: version.id, version: repo.version(version.id)? };
            let done = in_place::run(repo, &resolved, selection.clone(), options.force, progress)?;
            versions.push(pulled(version, done.folder.display().to_string(), received, &done.applied));
        }
    }
    let Traffic { requests, received: bytes, .. } = remote.files.traffic();
    Ok(PullReport { remote: remote.name, url: remote.url, versions, facts, bytes, requests, dry_run: options.dry_run })
}

fn pulled(
    version: &RemoteVersion,
    path: String,
    received: bool,
    applied: &crate::worktree::checkout::CheckoutCounts,
) -> PulledVersion {
    PulledVersion {
        dataset_name: version.dataset.clone(),
        version: version.number.clone(),
        id: version.id,
        path,
        received,
        written: applied.written,
        removed: applied.removed,
        unchanged: applied.unchanged,
    }
}

/// Returns the versions that the user means.
fn wanted(repo: &Repo, remote: &OpenRemote, options: &PullOptions) -> Result<Vec<RemoteVersion>> {
    let facts = repo.folded_facts()?;
    if !options.versions.is_empty() {
        return options.versions.iter().map(|text| remote.find(text, &facts)).collect();
    }
    let pins = pins::load(repo.root())?;
    let mut wanted = Vec::new();
    for dataset in repo.config().datasets() {
        if let Some(pin) = pins.get(&dataset.name) {
            wanted.push(pinned(repo, remote, &dataset.name, pin)?);
        } else if pins.is_empty() && remote.versions().iter().any(|version| version.dataset == dataset.name) {
            wanted.push(remote.find(&dataset.name, &facts)?);
        }
    }
    match wanted.is_empty() {
        false => Ok(wanted),
        true if repo.config().datasets().next().is_none() => Err(repo.no_dataset()),
        true => Err(Error::new(ErrorKind::VersionNotFound, format!("remote '{}' has no version of these datasets", remote.name))
            .with_hint("send some from a copy that has them: hlx push")),
    }
}

/// Returns the version of a pin, which may be here alone.
fn pinned(repo: &Repo, remote: &OpenRemote, dataset: &str, pin: &Pin) -> Result<RemoteVersion> {
    let name = format!("{dataset}@{}", pin.version);
    let version = |dataset: &str| RemoteVersion { dataset: dataset.to_owned(), number: pin.version.clone(), id: pin.id };
    for former in repo.config().names(dataset) {
        if remote.history.version(former, &pin.version) == Some(pin.id)
            || repo.versions().get(former, &pin.version)? == Some(pin.id)
        {
            return Ok(version(former));
        }
    }
    let error = |message: String| Error::new(ErrorKind::VersionNotFound, message);
    match remote.history.version(dataset, &pin.version) {
        Some(other) => Err(error(format!(
            "{} pins {name} as {}, but remote '{}' has {}",
            pins::LOCK,
            &pin.id.to_hex()[..12],
            remote.name,
            &other.to_hex()[..12]
        ))
        .with_hint(format!("take the version of the remote: hlx pull {name}"))),
        None => Err(error(format!("{} pins {name}, which remote '{}' does not have", pins::LOCK, remote.name))
            .with_hint(format!("send it from the copy that has it: hlx push {name}"))),
    }
}
