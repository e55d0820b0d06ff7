//! Files and folders of a dataset that the user named, and how they are brought back.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::fs::atomic;
use crate::fs::beneath::Root;
use crate::object::node::Entry;
use crate::path::{DataPath, from_user};
use crate::progress::{Progress, Stage};
use crate::repo::revision::Found;
use crate::repo::{Dataset, Repo};
use crate::worktree::checkout::{self, Applied, Target};
use crate::worktree::selection::Selection;
use crate::worktree::state::State;

/// The part of a path of the repository that lies below the dataset's folder; `None` if it lies elsewhere.
fn below<'p>(dataset: &Dataset, inside: &'p str) -> Option<&'p str> {
    if dataset.path == "." {
        return Some(inside);
    }
    let rest = inside.strip_prefix(dataset.path.as_str())?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// Returns the path in the dataset that was typed where the user stands. One that leads out of the dataset's folder is
/// read as a path from there.
pub(super) fn in_dataset(repo: &Repo, dataset: &Dataset, typed: &str) -> Result<String> {
    let inside = repo.inside(Path::new(typed));
    match inside.as_deref().map(|inside| below(dataset, inside)) {
        Ok(Some(path)) => from_user(path),
        _ => from_user(typed),
    }
}

/// Finds the dataset that all paths lie in, and returns the paths within it.
pub(super) fn places<'a>(repo: &'a Repo, typed: &[PathBuf]) -> Result<(&'a Dataset, Vec<String>)> {
    let mut dataset: Option<&Dataset> = None;
    let mut paths = Vec::new();
    for path in typed {
        let inside = repo.inside(path)?;
        let Some((found, rest)) = repo.config().datasets().find_map(|d| Some((d, below(d, &inside)?))) else {
            return Err(Error::new(Kind::PathNotFound, format!("{} lies in no dataset", path.display()))
                .with_hint("'hlx dataset list' shows their folders"));
        };
        if dataset.is_some_and(|d| d.name != found.name) {
            return Err(Error::usage("the files lie in different datasets").with_hint("restore one dataset's files at a time"));
        }
        dataset = Some(found);
        if !rest.is_empty() {
            DataPath::new(rest).map_err(|why| Error::usage(format!("{} is no path in a dataset: {why}", path.display())))?;
        }
        paths.push(rest.to_owned());
    }
    dataset.map(|dataset| (dataset, paths)).ok_or_else(|| Error::usage("name the files to restore"))
}

/// The error for a path that a version does not have.
pub(super) fn unknown(found: &Found, path: &str) -> Error {
    let version = format!("{}@{}", found.version.dataset, found.version.number);
    Error::new(Kind::PathNotFound, format!("{version} has no '{}'", crate::path::printable(path)))
        .with_hint(format!("list what it has: hlx ls {version}"))
}

/// What was brought back.
pub(super) struct Restored {
    pub folder: PathBuf,
    pub applied: Applied,
    /// The entries that were written.
    pub written: Vec<String>,
    /// The files and folders that went.
    pub removed: Vec<String>,
    /// How many files went whose bytes no version holds.
    pub discarded: u64,
}

/// Makes the selected files of a workspace what a version says; `gone` are entries to remove. The caller holds the lock of
/// the workspace, which stays one of the version that it was made from.
///
/// # Errors
/// Without `force`, fails before anything is touched if bytes would be lost that the store does not hold.
pub(super) fn bring_back(
    repo: &Repo,
    found: &Found,
    selection: &Selection,
    gone: &[Entry],
    force: bool,
    progress: &dyn Progress,
) -> Result<Restored> {
    let (store, dataset) = (repo.store(), repo.dataset(Some(&found.version.dataset))?);
    let matcher = selection.matcher()?;
    let target = Target { manifest: found.version.manifest, selection: Some(&matcher) };
    let folder = repo.folder(dataset);
    atomic::ensure_folder(&folder)?;
    let root = Root::open(&folder)?;
    progress.begin(Stage::Write, 0, 0);
    let (survey, differ) = checkout::survey_selected(store, &root, gone, &target, progress)?;
    if !force {
        survey.refuse_loss()?;
    }
    if !differ.is_empty() {
        checkout::check_names(store, &folder, &folder, &target)?;
        // Beside them the workspace has the others of its part of the version, though not by these names.
        let state = State::load(store.layout(), &dataset.name).unwrap_or_default();
        let held = state.selection.as_ref().map(Selection::matcher).transpose()?;
        let all = Target { manifest: target.manifest, selection: held.as_ref() };
        checkout::check_written(store, &folder, &folder, &all, &|path| matcher.selects(path))?;
    }
    let written = differ.iter().map(|entry| entry.path.to_string()).collect();
    let applied = checkout::bring_back(store, &root, &survey, differ, progress)?;
    let removed = survey.surplus().map(ToString::to_string).collect();
    Ok(Restored { folder, applied, written, removed, discarded: survey.uncommitted() })
}
