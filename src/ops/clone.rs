//! `hlx clone`: makes a repository, or a folder with one version, from a remote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::facts::Facts;
use crate::fs::atomic;
use crate::id::{Id, VersionId};
use crate::object::version::VersionNumber;
use crate::ops::training::{self, TrainingFolder};
use crate::ops::{in_place, receive};
use crate::parallel;
use crate::progress::Progress;
use crate::remote::{RemoteSettings, RemoteUrl, RemoteVersion, Traffic};
use crate::repo::config::{self, Dataset, RemoteConfig};
use crate::repo::revision::ResolvedVersion;
use crate::repo::{CONFIG, OpenRemote, Repo};
use crate::selection::Selection;
use crate::store::layout::FOLDER;
use crate::store::{Layout, Store};

/// zstd's level for what a cache stores anew.
const LEVEL: i32 = 1;

/// The remote to clone.
#[derive(Clone, Debug, Default)]
pub struct CloneOptions {
    /// Its URL.
    pub url: String,
    /// The settings beside the URL.
    pub settings: CloneSettings,
    /// The folder to make; absent or empty.
    pub dir: PathBuf,
    /// The version to put there instead of a repository: `NAME` or `NAME@REV`.
    pub version: Option<String>,
    /// Globs of which a path of the version must match one.
    pub include: Vec<String>,
    /// Globs of which a path of the version must match none.
    pub exclude: Vec<String>,
    /// The folder of the cache of this machine.
    pub cache: PathBuf,
}

/// The settings of the remote of a clone.
#[derive(Clone, Debug, Default)]
pub struct CloneSettings {
    /// The URL of the service.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The profile of the AWS files.
    pub profile: Option<String>,
    /// True if requests are not signed.
    pub anonymous: bool,
}

/// A version that was checked out.
#[derive(Clone, Debug, Serialize)]
pub struct ClonedVersion {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
    /// The folder.
    pub path: String,
    /// Entries that were written.
    pub written: u64,
}

/// The result of a clone.
#[derive(Clone, Debug, Serialize)]
pub struct CloneReport {
    /// The folder.
    pub path: String,
    /// The URL of the remote.
    pub url: String,
    /// True if the folder is a repository, false if it only has a version.
    pub is_repository: bool,
    /// The number of versions of the repository.
    pub versions: u64,
    /// The versions that were checked out.
    pub checked_out: Vec<ClonedVersion>,
    /// Bytes that were received.
    pub bytes: u64,
    /// Requests that were sent.
    pub requests: u64,
}

/// Makes a repository with all versions of a remote and the latest of each dataset checked out; or, where a version is named,
/// a folder with its files alone, through the cache of this machine.
///
/// # Errors
/// `ErrorKind::Conflict` if the folder is not empty; `RepositoryNotFound` if the remote has no versions.
pub fn run(options: &CloneOptions, progress: &dyn Progress) -> Result<CloneReport> {
    parallel::start()?;
    let base = std::env::current_dir().map_err(|e| Error::io("cannot find", Path::new("."), e))?;
    // The remote of a repository begins at its folder, not at the current one.
    let is_path = !options.url.is_empty() && !options.url.contains("://");
    let text = if is_path { base.join(&options.url).display().to_string() } else { options.url.clone() };
    let url = RemoteUrl::parse(&text, &base)?;
    let CloneSettings { endpoint, region, profile, anonymous } = options.settings.clone();
    let settings = RemoteSettings { endpoint, region, profile, anonymous, ..RemoteSettings::default() };
    settings.check(&url)?;
    match std::fs::read_dir(&options.dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        _ => {
            return Err(Error::new(ErrorKind::Conflict, format!("{} exists and is not an empty folder", options.dir.display()))
                .with_hint("give a new or empty folder"));
        }
    }
    let remote = RemoteConfig { name: "origin".to_owned(), url, settings };
    match &options.version {
        Some(version) => one_version(options, &remote, version, progress),
        None if options.include.is_empty() && options.exclude.is_empty() => {
            // The folder was absent or empty.
            repository(options, remote, progress).inspect_err(|_| drop(atomic::remove_tree(&options.dir)))
        }
        None => Err(Error::usage("--include and --exclude take a part of one version")
            .with_hint("name it: hlx clone URL DIR NAME@REV --include GLOB")),
    }
}

fn one_version(options: &CloneOptions, config: &RemoteConfig, text: &str, progress: &dyn Progress) -> Result<CloneReport> {
    let layout = Layout::new(options.cache.join("store"));
    atomic::ensure_folder(&options.cache)?;
    layout.create()?;
    let store = Arc::new(Store::open(layout)?);
    // A cache serves many remotes.
    let folder = store.layout().remote(&Id::<RemoteUrl>::of(config.url.to_string().as_bytes()).to_hex()[..16]);
    let remote = OpenRemote::open_in(config, folder, store.layout().tmp(), progress)?;
    remote.check_versions()?;
    let tags =
        text.split_once('@').is_some_and(|(_, revision)| remote.find(text, &Default::default()).is_err() && !revision.is_empty());
    if tags {
        remote.join_facts(&store, "cache", LEVEL, progress)?;
    }
    let facts = if tags { Facts::new(&store).fold()? } else { Default::default() };
    let version = remote.find(text, &facts)?;
    let selection = Selection { include: options.include.clone(), exclude: options.exclude.clone(), paths: Vec::new() };
    let url = remote.url.clone();
    let folder = TrainingFolder { path: &options.dir, selection: (!selection.is_all()).then_some(selection), url: &url };
    let applied = training::fill(&remote, &store, &version, &folder, LEVEL, progress)?;
    let path = options.dir.display().to_string();
    let checked_out = vec![ClonedVersion {
        dataset_name: version.dataset,
        version: version.number,
        id: version.id,
        path: path.clone(),
        written: applied.written,
    }];
    let Traffic { requests, received, .. } = remote.files.traffic();
    Ok(CloneReport { path, url, is_repository: false, versions: 0, checked_out, bytes: received, requests })
}

fn repository(options: &CloneOptions, config: RemoteConfig, progress: &dyn Progress) -> Result<CloneReport> {
    let dir = std::path::absolute(&options.dir).map_err(|e| Error::io("cannot find", &options.dir, e))?;
    atomic::ensure_folder(&dir)?;
    let layout = Layout::new(dir.join(FOLDER));
    layout.create()?;
    let shared = dir.join(CONFIG);
    config::add_remote(&shared, &layout.config(), &layout.tmp(), &config)?;
    let repo = Repo::open(&dir)?;
    let remote = OpenRemote::open(&config, &layout, progress)?;
    remote.check_versions()?;
    let all = remote.versions();
    receive::versions(&repo, &remote, &receive::missing(&repo, &remote, all.clone())?, progress)?;
    remote.join_facts(repo.store(), &repo.author(None), repo.config().level(), progress)?;
    // The datasets as their newest versions have them. Rules and keys are in the helox.toml of the team's git.
    let mut latest: BTreeMap<&str, RemoteVersion> = BTreeMap::new();
    for version in &all {
        if !latest.contains_key(version.dataset.as_str()) {
            latest.insert(&version.dataset, remote.find(&version.dataset, &Default::default())?);
        }
    }
    for version in latest.values() {
        let kind = repo.version(version.id)?.dataset_type;
        config::add_dataset(&shared, &layout.config(), &layout.tmp(), &Dataset::new(&version.dataset, kind, &version.dataset))?;
    }
    let repo = Repo::open(&dir)?;
    let mut checked_out = Vec::new();
    for version in latest.into_values() {
        let resolved = ResolvedVersion { id: version.id, version: repo.version(version.id)? };
        let done = in_place::run(&repo, &resolved, None, false, progress)?;
        checked_out.push(ClonedVersion {
            dataset_name: version.dataset,
            version: version.number,
            id: version.id,
            path: done.folder.display().to_string(),
            written: done.applied.written,
        });
    }
    let Traffic { requests, received, .. } = remote.files.traffic();
    Ok(CloneReport {
        path: options.dir.display().to_string(),
        url: remote.url,
        is_repository: true,
        versions: all.len() as u64,
        checked_out,
        bytes: received,
        requests,
    })
}
