//! Makes the workspace of a dataset one of its versions, or a part of one.

use std::path::PathBuf;

use crate::error::Result;
use crate::fs::atomic;
use crate::fs::openat::Root;
use crate::ops::PartialCheckout;
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::repo::pins::{self, Pin};
use crate::repo::revision::ResolvedVersion;
use crate::selection::Selection;
use crate::worktree::cache;
use crate::worktree::checkout::{self, CheckoutCounts, CheckoutTarget};
use crate::worktree::scan::Scan;
use crate::worktree::state::{self, WorkspaceState};

/// The result of a checkout in place.
pub(super) struct InPlaceCheckout {
    /// The folder of the dataset.
    pub folder: PathBuf,
    /// The entries that were written and removed.
    pub applied: CheckoutCounts,
    /// Uncommitted files that were replaced or removed.
    pub discarded: u64,
    /// The number of files of the version that the folder has, where it has a part of it.
    pub partial: Option<PartialCheckout>,
}

/// Checks a version out into the folder of its dataset, and pins it in `helox.lock`.
///
/// # Errors
/// `ErrorKind::DirtyWorkspace` if bytes would be lost that no version has and `force` is not set; `Conflict` if a file changes
/// meanwhile.
pub(super) fn run(
    repo: &Repo,
    resolved: &ResolvedVersion,
    selection: Option<Selection>,
    force: bool,
    progress: &dyn Progress,
) -> Result<InPlaceCheckout> {
    let dataset = repo.dataset(Some(&resolved.version.dataset))?;
    let name = &dataset.name;
    let (store, layout) = (repo.store(), repo.store().layout());
    let _workspace = state::lock(layout, name)?;
    let before = WorkspaceState::load(layout, name)?;
    let folder = repo.folder(dataset);
    atomic::ensure_folder(&folder)?;
    let root = Root::open(&folder)?;
    let matcher = selection.as_ref().map(Selection::matcher).transpose()?;
    let target = CheckoutTarget { manifest: resolved.version.manifest, selection: matcher.as_ref() };
    progress.begin(Stage::Write, 0, 0);
    let head = before.head.map(|id| repo.version(id)).transpose()?.map(|head| head.manifest);
    let scan = || Scan::tolerant(&root, cache::CacheReader::open(&cache::path(layout, name)));
    // What interrupted checkouts wrote is a version's, not the user's.
    let begun: Vec<_> = before.pending.iter().filter_map(|id| repo.version(*id).ok()).map(|version| version.manifest).collect();
    let survey = checkout::survey(store, &root, scan()?, head, &begun, &target, progress)?;
    if !force {
        survey.refuse_loss(|path| repo.relative(name, path))?;
    }
    checkout::check_names(store, &folder, &folder, &target)?;
    let mut pending = before.pending.clone();
    pending.retain(|id| *id != resolved.id);
    pending.push(resolved.id);
    WorkspaceState { pending, ..before }.save(layout, name)?;
    let rows = cache::CacheWriter::create(layout, name)?;
    let applied = checkout::apply(store, &root, scan, &survey, &target, rows, progress)?;
    let partial = PartialCheckout::new(store, selection.as_ref(), &resolved.version)?;
    WorkspaceState { head: Some(resolved.id), selection, pending: Vec::new() }.save(layout, name)?;
    pins::set(repo.root(), &layout.tmp(), name, Pin::of(resolved.id, &resolved.version))?;
    Ok(InPlaceCheckout { folder, applied, discarded: survey.uncommitted(), partial })
}
