//! `hlx clean`: removes the files of a workspace that its version does not have.

use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::fs::beneath::Root;
use crate::ops::paths;
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::worktree::compare;
use crate::worktree::state::{self, State};

/// What to remove.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
    /// Files and folders to look at, as typed where the user stands; all if empty.
    pub paths: Vec<String>,
    /// Lists the files and removes none.
    pub dry_run: bool,
}

/// What was removed, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The dataset.
    pub dataset_name: String,
    /// The files, and the empty folders, in the order of their paths. Ignored files stay.
    pub removed: Vec<String>,
    /// Whether they are still there.
    pub dry_run: bool,
}

/// Removes the files that the checked-out version does not have and that are not ignored.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    let dataset = repo.dataset(options.dataset.as_deref())?;
    let (store, layout) = (repo.store(), repo.store().layout());
    let _workspace = state::lock(layout, &dataset.name)?;
    let state = State::load(layout, &dataset.name)?;
    let head = state.head.ok_or_else(|| {
        Error::new(Kind::VersionNotFound, format!("no version of '{}' is checked out", dataset.name))
            .with_hint(format!("all files would be removed; commit them: hlx commit {} -m SUMMARY", dataset.name))
    })?;
    let manifest = Some(repo.version(head)?.manifest);
    progress.begin(Stage::Scan, 0, 0);
    let folder = repo.folder(dataset);
    let mut found = compare::workspace(store, &folder, &dataset.name, manifest, state.selection.as_ref(), None, progress)?;
    let typed = paths::in_workspace(repo, dataset, manifest, &options.paths)?;
    found.retain(|path| paths::are_meant(&typed, path));
    let mut removed: Vec<String> = found.added.iter().map(|file| file.path.to_string()).collect();
    removed.extend(found.renamed.iter().map(|(_, new)| new.path.to_string()));
    let folders = found.folders_added.iter().map(|folder| folder.path.to_string()).collect::<Vec<_>>();
    if !options.dry_run {
        let root = Root::open(&folder)?;
        let mut cursor = root.cursor();
        for path in &removed {
            progress.check()?;
            cursor.remove_file(path)?;
        }
        for path in folders.iter().rev() {
            cursor.remove_folder(path)?;
        }
    }
    removed.extend(folders);
    removed.sort();
    Ok(Report { dataset_name: dataset.name.clone(), removed, dry_run: options.dry_run })
}
