//! `hlx remote`: the remotes of the repository.

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::path::printable;
use crate::refs::names;
use crate::remote::{self, RemoteSettings, RemoteUrl};
use crate::repo::config::{self, RemoteConfig};
use crate::repo::{CONFIG, Repo};

/// A remote to add.
#[derive(Clone, Debug, Default)]
pub struct RemoteAddOptions {
    /// Its name.
    pub name: String,
    /// Its URL, or the path of a folder, relative to the current one.
    pub url: String,
    /// The URL of the service.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The profile of the AWS files.
    pub profile: Option<String>,
    /// True if requests are not signed.
    pub anonymous: bool,
    /// True if the bucket is in the path of a request, false if it is in the name of the host.
    pub path_style: Option<bool>,
    /// True if the remote is not tried.
    pub no_probe: bool,
}

/// The remote that was added.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteAddReport {
    /// The remote.
    #[serde(flatten)]
    pub remote: RemoteView,
    /// True if it was declared in the same way before.
    pub already_declared: bool,
    /// True if the remote creates a file only where none exists; null where that was not tried.
    pub honours_create: Option<bool>,
}

/// A remote, as reports show it.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteView {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// The URL of the service.
    pub endpoint: Option<String>,
    /// The region of the bucket.
    pub region: Option<String>,
    /// The profile of the AWS files.
    pub profile: Option<String>,
    /// True if requests are not signed.
    pub anonymous: bool,
    /// True if the bucket is in the path of a request, false if it is in the name of the host.
    pub path_style: Option<bool>,
    /// True if nothing can be written there.
    pub read_only: bool,
}

/// The remotes of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteListReport {
    /// In the order of their names.
    pub remotes: Vec<RemoteView>,
}

impl RemoteView {
    fn of(remote: &RemoteConfig) -> RemoteView {
        let RemoteSettings { endpoint, region, profile, anonymous, path_style } = remote.settings.clone();
        let (name, url, read_only) = (remote.name.clone(), remote.url.as_str().to_owned(), remote.url.is_read_only());
        RemoteView { name, url, endpoint, region, profile, anonymous, path_style, read_only }
    }
}

/// Declares a remote in `helox.toml`, after it was tried: it must be reachable, and one that can be written to is asked if it
/// creates a file only where none exists.
///
/// # Errors
/// `ErrorKind::Usage` for an invalid name or URL; `Conflict` if the name is taken; `Io` if the remote cannot be reached.
pub fn add(repo: &Repo, options: &RemoteAddOptions) -> Result<RemoteAddReport> {
    if !names::is_dataset(&options.name) {
        return Err(Error::usage(format!("'{}' is not a valid name for a remote", printable(&options.name)))
            .with_hint("use up to 64 of a-z, 0-9, '_', '.' and '-', beginning with a letter or a digit, such as 'origin'"));
    }
    let url = RemoteUrl::parse(&within_repository(repo, &options.url), repo.root())?;
    let RemoteAddOptions { endpoint, region, profile, anonymous, path_style, .. } = options.clone();
    let settings = RemoteSettings { endpoint, region, profile, anonymous, path_style };
    settings.check(&url)?;
    check_other(repo, &url)?;
    let honours_create = match options.no_probe {
        true => None,
        false => probe(&url, &settings).map_err(|e| match e.hint() {
            Some(hint) => Error::new(e.kind(), e.message()).with_hint(format!("{hint}; to add it untried: --no-probe")),
            None => e.with_hint("to add it untried: --no-probe"),
        })?,
    };
    let remote = RemoteConfig { name: options.name.clone(), url, settings };
    let layout = repo.store().layout();
    let already_declared = config::add_remote(&repo.root().join(CONFIG), &layout.config(), &layout.tmp(), &remote)?;
    Ok(RemoteAddReport { remote: RemoteView::of(&remote), already_declared, honours_create })
}

/// Removes a remote from `helox.toml`. What it has stays.
///
/// # Errors
/// `ErrorKind::Usage` for a name that no file declares; `Config` for one that only `.helox/config.toml` declares.
pub fn remove(repo: &Repo, name: &str) -> Result<RemoteView> {
    let remote = repo.config().find_remote(Some(name))?;
    let layout = repo.store().layout();
    match config::remove_remote(&repo.root().join(CONFIG), &layout.tmp(), name)? {
        true => Ok(RemoteView::of(remote)),
        false => Err(Error::new(ErrorKind::Config, format!("remote '{name}' is declared in {}", layout.config().display()))
            .with_hint("remove it there")),
    }
}

/// Lists the remotes.
pub fn list(repo: &Repo) -> RemoteListReport {
    RemoteListReport { remotes: repo.config().remotes().map(RemoteView::of).collect() }
}

/// Tries a remote. Returns true if it creates a file only where none exists, `None` if nothing can be written there.
fn probe(url: &RemoteUrl, settings: &RemoteSettings) -> Result<Option<bool>> {
    let remote = remote::open(url, settings)?;
    match url.is_read_only() {
        true => remote.size("format").map(|_| None),
        false => remote::honours_create(&*remote).map(Some),
    }
}

/// Returns a URL, or a path that was typed in the current folder as one relative to the repository's.
fn within_repository(repo: &Repo, typed: &str) -> String {
    if typed.contains(':') || typed.starts_with(['/', '~']) || typed.is_empty() || repo.current_folder().is_empty() {
        return typed.to_owned();
    }
    let mut path = PathBuf::new();
    for part in Path::new(repo.current_folder()).join(typed).components() {
        match part {
            Component::ParentDir if path.file_name().is_some() => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.to_string_lossy().into_owned()
}

/// Fails if a URL names the repository itself.
fn check_other(repo: &Repo, url: &RemoteUrl) -> Result<()> {
    let Some(folder) = url.folder().and_then(|folder| folder.canonicalize().ok()) else { return Ok(()) };
    let own = repo.root().canonicalize().unwrap_or_else(|_| repo.root().to_owned());
    match folder == own || folder.starts_with(own.join(crate::fs::STORE)) {
        true => {
            Err(Error::usage(format!("{url} is this repository"))
                .with_hint("use another folder, on another disk if it is a copy"))
        }
        false => Ok(()),
    }
}
