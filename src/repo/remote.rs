//! A remote of a repository that is open, and what it is known to have.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::facts::{Facts, FactsState};
use crate::id::{FactId, Id};
use crate::object::version::VersionNumber;
use crate::path::printable;
use crate::progress::Progress;
use crate::refs::names;
use crate::remote::{self, FetchSession, PushHistory, Remote, RemoteCache, RemoteVersion};
use crate::repo::config::RemoteConfig;
use crate::store::{Layout, Store};

/// A remote that is open.
pub struct OpenRemote {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// Its files.
    pub files: Box<dyn Remote>,
    /// Its folder in the store.
    pub cache: RemoteCache,
    /// The pushes to it.
    pub history: PushHistory,
}

impl OpenRemote {
    /// Opens a remote and reads the pushes that came since the last time. What is known of it is kept in the store's folder.
    ///
    /// # Errors
    /// `ErrorKind::Io` if it cannot be reached.
    pub fn open(config: &RemoteConfig, layout: &Layout, progress: &dyn Progress) -> Result<OpenRemote> {
        OpenRemote::open_in(config, layout.remote(&config.name), layout.tmp(), progress)
    }

    /// Opens a remote, of which what is known is kept in a folder; `tmp` is for files that have no name yet.
    ///
    /// # Errors
    /// As [`OpenRemote::open`].
    pub fn open_in(config: &RemoteConfig, folder: PathBuf, tmp: PathBuf, progress: &dyn Progress) -> Result<OpenRemote> {
        let (name, url) = (config.name.clone(), config.url.to_string());
        let files = remote::open(&config.url, &config.settings)?;
        let cache = RemoteCache::new(folder, tmp, url.clone());
        let mut history = cache.history();
        let known = history.newest();
        let read = history.update(&*files).and_then(|()| match history.newest() {
            0 => remote::list(&*files, &cache, progress),
            _ => Ok(None),
        });
        let listing = read.map_err(|e| if e.ends_check() { e } else { e.within(format!("remote '{name}'")) })?;
        listing.into_iter().for_each(|listing| history.add_listing(listing));
        if history.newest() != known {
            cache.keep(&history);
        }
        Ok(OpenRemote { name, url, files, cache, history })
    }

    /// Begins to bring objects to a store.
    ///
    /// # Errors
    /// If the index tables of the remote cannot be read.
    pub fn fetch<'a>(&'a self, store: &'a Arc<Store>, level: i32, progress: &'a dyn Progress) -> Result<FetchSession<'a>> {
        FetchSession::new(store, &*self.files, &self.cache, &self.history, level, progress)
    }

    /// Joins the facts of the remote with those of a store. Returns true if some came.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn join_facts(&self, store: &Arc<Store>, author: &str, level: i32, progress: &dyn Progress) -> Result<bool> {
        let Some(theirs) = self.history.all().fact else { return Ok(false) };
        let facts = Facts::new(store);
        let own = facts.head()?.map(|(_, head)| head);
        if own == Some(theirs.id) {
            return Ok(false);
        }
        let known: HashSet<Id<FactId>> = facts.all()?.into_iter().map(|(id, _)| id).collect();
        if known.contains(&theirs.id) {
            return Ok(false);
        }
        self.fetch(store, level, progress)?.facts(theirs.id, &known)?;
        facts.join(author, theirs.id)?;
        Ok(true)
    }

    /// Fails if the remote has no versions.
    ///
    /// # Errors
    /// `ErrorKind::RepositoryNotFound`.
    pub fn check_versions(&self) -> Result<()> {
        if self.history.newest() > 0 || self.history.is_listed() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::RepositoryNotFound, format!("{} has no versions", self.url))
            .with_hint("send some from a repository: hlx remote add origin URL, then: hlx push"))
    }

    /// Returns the versions of the remote, in the order of datasets and numbers.
    pub fn versions(&self) -> Vec<RemoteVersion> {
        self.history.all().versions.into_iter().collect()
    }

    /// Finds the version of the remote that a user means by `NAME`, `NAME@1.2.0`, `NAME@1`, `NAME@latest`, `NAME@TAG` or
    /// `NAME@ID`. The facts know the tags.
    ///
    /// # Errors
    /// `ErrorKind::VersionNotFound`, `DatasetNotFound`.
    pub fn find(&self, text: &str, facts: &FactsState) -> Result<RemoteVersion> {
        let (dataset, revision) = text.split_once('@').unwrap_or((text, "latest"));
        let all = self.versions();
        let own: Vec<&RemoteVersion> = all.iter().filter(|version| version.dataset == dataset).collect();
        if own.is_empty() {
            let mut names: Vec<&str> = all.iter().map(|version| version.dataset.as_str()).collect();
            names.dedup();
            let error =
                Error::new(ErrorKind::DatasetNotFound, format!("remote '{}' has no dataset '{}'", self.name, printable(dataset)));
            return Err(match &names[..] {
                [] => error.with_hint("it has no versions yet; send some: hlx push"),
                names => error.with_hint(format!("it has {}", names.join(", "))),
            });
        }
        find(&own, revision, facts).cloned().ok_or_else(|| {
            let latest = find(&own, "latest", facts).map(|version| version.number.to_string()).unwrap_or_default();
            Error::new(
                ErrorKind::VersionNotFound,
                format!("remote '{}' has no version '{}' of {dataset}", self.name, printable(revision)),
            )
            .with_hint(format!("its latest is {dataset}@{latest}"))
        })
    }
}

fn find<'v>(own: &[&'v RemoteVersion], revision: &str, facts: &FactsState) -> Option<&'v RemoteVersion> {
    let highest = |fits: &dyn Fn(&VersionNumber) -> bool| {
        let numbers: Vec<VersionNumber> = own.iter().map(|version| version.number.clone()).filter(fits).collect();
        let number = VersionNumber::highest(&numbers)?.clone();
        own.iter().find(|version| version.number == number).copied()
    };
    let digits = revision.strip_prefix(['v', 'V']).unwrap_or(revision);
    if revision.is_empty() || revision.eq_ignore_ascii_case("latest") {
        return highest(&|_| true);
    }
    if let Ok(number) = VersionNumber::parse(digits) {
        return own.iter().find(|version| version.number == number).copied();
    }
    let parts: Option<Vec<u64>> = digits.split('.').map(|part| part.parse().ok()).collect();
    if let Some(parts) = parts.filter(|parts| parts.len() <= 2) {
        return highest(&|number| {
            let (major, minor, _) = number.parts();
            parts[0] == major && parts.get(1).is_none_or(|wanted| *wanted == minor)
        });
    }
    if names::check_tag(revision).is_ok() {
        let tagged = facts.versions_with(revision);
        if let Some(version) = own.iter().find(|version| tagged.contains(&version.id)) {
            return Some(version);
        }
    }
    let mut by_id = own.iter().filter(|version| revision.len() >= 6 && version.id.to_hex().starts_with(revision));
    by_id.next().filter(|_| by_id.next().is_none()).copied()
}
