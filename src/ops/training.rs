//! Fills a folder outside of a workspace with a version of a remote, or a part of one, for a training job.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Entries;
use crate::progress::{Progress, Stage};
use crate::remote::RemoteVersion;
use crate::repo::OpenRemote;
use crate::selection::Selection;
use crate::store::Store;
use crate::worktree::checkout::{self, CheckoutCounts, CheckoutTarget};
use crate::worktree::stamp::Stamp;

/// A folder to fill.
pub(super) struct TrainingFolder<'a> {
    /// Its path; absent or empty.
    pub path: &'a Path,
    /// The part of the version; all of it for `None`.
    pub selection: Option<Selection>,
    /// The URL of the remote, for the stamp.
    pub url: &'a str,
}

/// Brings what the folder needs of a version to a store, and fills the folder, which then has a stamp.
///
/// # Errors
/// `ErrorKind::PathNotFound` if nothing is selected; `Conflict` if the folder is not empty.
pub(super) fn fill(
    remote: &OpenRemote,
    store: &Arc<Store>,
    version: &RemoteVersion,
    folder: &TrainingFolder<'_>,
    level: i32,
    progress: &dyn Progress,
) -> Result<CheckoutCounts> {
    let matcher = folder.selection.as_ref().map(Selection::matcher).transpose()?;
    // Holds off garbage collection until the folder is filled: no ref leads to what it needs.
    let session = remote.fetch(store, level, progress)?;
    session.versions(&[version.id], matcher.as_ref())?;
    let record = store.version(version.id)?;
    if (&record.dataset, &record.number) != (&version.dataset, &version.number) {
        return Err(Error::damaged(format!("{} of remote '{}' is the record of {}", version.name(), remote.name, record.name())));
    }
    if let Some(matcher) = &matcher {
        let mut paths = Entries::new(&**store, record.manifest)?;
        let selected = |entry: Result<crate::object::node::Entry>| entry.map(|entry| matcher.selects(entry.path.as_str()));
        if !paths.try_fold(false, |any, entry| selected(entry).map(|selected| any || selected))? {
            return Err(Error::new(ErrorKind::PathNotFound, format!("the patterns select no file of {}", record.name()))
                .with_hint(format!("list its files: hlx ls -r {}", record.name())));
        }
    }
    let target = CheckoutTarget { manifest: record.manifest, selection: matcher.as_ref() };
    let stamp = Stamp { remote: Some(folder.url.to_owned()), ..Stamp::of(version.id, &record, folder.selection.clone()) };
    progress.begin(Stage::Write, 0, 0);
    checkout::staged(store, folder.path, &target, &stamp, progress)
}
