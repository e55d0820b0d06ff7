//! Fills a folder outside of a workspace with a version of a remote, or a part of one, for a training job.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Entries;
use crate::object::checksum::{Checksum, DataChecksum};
use crate::object::version::Version;
use crate::progress::{Progress, Stage};
use crate::remote::RemoteVersion;
use crate::repo::OpenRemote;
use crate::selection::{Matcher, Selection};
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
    let part_checksum = matcher.as_ref().map(|matcher| part_checksum(store, &record, matcher)).transpose()?;
    let target = CheckoutTarget { manifest: record.manifest, selection: matcher.as_ref() };
    let stamp = Stamp::of(version.id, &record, folder.selection.clone());
    let stamp = Stamp { part_checksum, remote: Some(folder.url.to_owned()), ..stamp };
    progress.begin(Stage::Write, 0, 0);
    checkout::staged(store, folder.path, &target, &stamp, progress)
}

/// Returns the data checksum of the selected files of a version.
fn part_checksum(store: &Store, version: &Version, matcher: &Matcher) -> Result<Checksum> {
    let (mut checksum, mut is_empty) = (DataChecksum::default(), true);
    for entry in Entries::new(store, version.manifest)? {
        let entry = entry?;
        if !matcher.selects(entry.path.as_str()) {
            continue;
        }
        is_empty = false;
        if entry.kind.is_file() {
            checksum.add(entry.path.as_str(), &entry.content);
        }
    }
    if is_empty {
        return Err(Error::new(ErrorKind::PathNotFound, format!("the patterns select no file of {}", version.name()))
            .with_hint(format!("list its files: hlx ls -r {}", version.name())));
    }
    Ok(checksum.finish())
}
