//! `hlx clean`: removes the files of a workspace that its version does not have, and the folders that they leave empty.

use std::collections::{BTreeSet, HashSet};
use std::ffi::CString;

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::Root;
use crate::ops::paths;
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::worktree::compare;
use crate::worktree::state::{self, WorkspaceState};

/// The files to remove.
#[derive(Clone, Debug, Default)]
pub struct CleanOptions {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
    /// Files and folders to look at, as typed where the user stands; all if empty.
    pub paths: Vec<String>,
    /// Lists the files and removes none.
    pub dry_run: bool,
}

/// The files that were removed, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct CleanReport {
    /// The dataset.
    pub dataset_name: String,
    /// The files and folders, in the order of their paths. Ignored files stay.
    pub removed: Vec<String>,
    /// The folders among them: those that were empty, and those that are once the files are gone.
    pub folders: BTreeSet<String>,
    /// True if they were not removed.
    pub dry_run: bool,
}

/// Removes the files that the checked-out version does not have and that are not ignored, then the folders that have
/// nothing left in them.
///
/// # Errors
/// `ErrorKind::VersionNotFound` if no version is checked out; `PathNotFound` for a path that neither the workspace nor the
/// version has.
pub fn run(repo: &Repo, options: &CleanOptions, progress: &dyn Progress) -> Result<CleanReport> {
    let dataset = repo.dataset(options.dataset.as_deref())?;
    let (store, layout) = (repo.store(), repo.store().layout());
    let _workspace = state::lock(layout, &dataset.name)?;
    let state = WorkspaceState::load(layout, &dataset.name)?;
    let head = state.head.ok_or_else(|| {
        Error::new(ErrorKind::VersionNotFound, format!("no version of '{}' is checked out", dataset.name))
            .with_hint(format!("all files would be removed; commit them: hlx commit {} -m SUMMARY", dataset.name))
    })?;
    let manifest = Some(repo.version(head)?.manifest);
    paths::check_folder(repo, dataset)?;
    progress.begin(Stage::Scan, 0, 0);
    let folder = repo.folder(dataset);
    let mut found = compare::workspace(store, &folder, &dataset.name, manifest, state.selection.as_ref(), None, progress)?;
    // An empty folder of the version stays, whatever was put into it.
    let own: HashSet<String> = found.folders_removed.iter().map(|folder| folder.path.to_string()).collect();
    let typed = paths::in_workspace(repo, dataset, manifest, &options.paths)?;
    found.retain(|path| paths::is_selected(&typed, path));
    let files = found.added.iter().chain(found.renamed.iter().map(|(_, new)| new));
    let files: BTreeSet<String> = files.map(|file| file.path.to_string()).collect();
    let empty = found.folders_added.iter().map(|folder| folder.path.to_string()).collect();
    let root = Root::open(&folder)?;
    let folders = emptied(&root, &files, empty, &own)?;
    if !options.dry_run {
        let mut cursor = root.cursor();
        for path in &files {
            progress.check()?;
            cursor.remove_file(path)?;
        }
        // Those below others first.
        for path in folders.iter().rev() {
            cursor.remove_folder(path)?;
        }
    }
    let removed: BTreeSet<String> = files.into_iter().chain(folders.iter().cloned()).collect();
    let removed = removed.into_iter().collect();
    Ok(CleanReport { dataset_name: dataset.name.clone(), removed, folders, dry_run: options.dry_run })
}

/// Returns the folders that have nothing left in them once some files are gone: of those around the files, and of those
/// in `empty`, which may hold ignored files, and the ones around them. Folders in `own` stay.
fn emptied(root: &Root, files: &BTreeSet<String>, empty: BTreeSet<String>, own: &HashSet<String>) -> Result<BTreeSet<String>> {
    let mut candidates = BTreeSet::new();
    for path in files.iter().chain(&empty) {
        let mut path = path.as_str();
        while let Some((folder, _)) = path.rsplit_once('/') {
            if !candidates.insert(folder.to_owned()) {
                break;
            }
            path = folder;
        }
    }
    candidates.extend(empty);
    let mut emptied = BTreeSet::new();
    for folder in candidates.into_iter().rev().filter(|folder| !own.contains(folder)) {
        let names = root.folder(&folder).and_then(|open| open.names());
        let names = names.map_err(|e| root.error("cannot read the folder", &folder, e))?;
        let goes = |name: &CString| {
            let path = name.to_str().map(|name| format!("{folder}/{name}"));
            path.is_ok_and(|path| files.contains(&path) || emptied.contains(&path))
        };
        if names.iter().all(goes) {
            emptied.insert(folder);
        }
    }
    Ok(emptied)
}
