//! Files and folders of a dataset that the user named, and how they are brought back.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::fs::openat::Root;
use crate::id::{Id, NodeId};
use crate::manifest::{self, Entries, FolderItem, NodeSource};
use crate::object::node::Entry;
use crate::path::{DataPath, from_user, is_within, printable};
use crate::progress::{Progress, Stage};
use crate::repo::revision::ResolvedVersion;
use crate::repo::{Dataset, Repo};
use crate::selection::Selection;
use crate::spelling;
use crate::worktree::checkout::{self, CheckoutCounts, CheckoutTarget};
use crate::worktree::state::WorkspaceState;

/// Returns the part of a path of the repository that lies below the dataset's folder; `None` if it lies elsewhere.
fn below<'p>(dataset: &Dataset, inside: &'p str) -> Option<&'p str> {
    if dataset.path == "." {
        return Some(inside);
    }
    let rest = inside.strip_prefix(dataset.path.as_str())?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// Returns the error for a dataset whose folder does not exist.
pub(super) fn absent_folder(repo: &Repo, dataset: &Dataset) -> Error {
    let message = format!("folder {} of '{}' does not exist", repo.folder(dataset).display(), dataset.name);
    let has_versions = repo.numbers(&dataset.name).is_ok_and(|numbers| !numbers.is_empty());
    Error::new(ErrorKind::PathNotFound, message).with_hint(match has_versions {
        true => format!("check out a version: hlx checkout {}", dataset.name),
        false => format!(
            "it has no version yet: copy the data there, or correct path in [dataset.{}] of helox.toml; then: hlx commit {} -m \
             SUMMARY",
            dataset.name, dataset.name
        ),
    })
}

/// Fails if the folder of a dataset does not exist.
pub(super) fn check_folder(repo: &Repo, dataset: &Dataset) -> Result<()> {
    if repo.folder(dataset).exists() { Ok(()) } else { Err(absent_folder(repo, dataset)) }
}

/// Returns the path in the dataset that was typed where the user stands; a folder around the dataset means all of it.
///
/// # Errors
/// [`ErrorKind::PathNotFound`] if it lies outside of the dataset's folder.
pub(super) fn in_dataset(repo: &Repo, dataset: &Dataset, typed: &str) -> Result<String> {
    let inside = repo.resolve(Path::new(typed))?;
    if let Some(path) = below(dataset, &inside) {
        return from_user(path);
    }
    if is_within(&dataset.path, &inside) {
        return Ok(String::new());
    }
    let shown = printable(typed);
    let error =
        Error::new(ErrorKind::PathNotFound, format!("'{shown}' is outside '{}', whose folder is {}", dataset.name, dataset.path));
    let is_there = |path: &String| repo.folder(dataset).join(path).symlink_metadata().is_ok();
    Err(error.with_hint(match from_user(typed).ok().filter(is_there) {
        Some(path) => format!("did you mean '{}'?", printable(&repo.relative(&dataset.name, &path))),
        None => format!("list its files: hlx ls -r {}", dataset.name),
    }))
}

/// Returns the paths of a workspace that were typed, each of which it or the version that it was made from has.
pub(super) fn in_workspace(repo: &Repo, dataset: &Dataset, head: Option<Id<NodeId>>, typed: &[String]) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for typed in typed {
        let path = in_dataset(repo, dataset, typed)?;
        let in_version = || head.map_or(Ok(false), |head| Ok(!checkout::below(repo.store(), head, &path)?.is_empty()));
        if !path.is_empty() && repo.folder(dataset).join(&path).symlink_metadata().is_err() && !in_version()? {
            let question = head.map(|head| question(repo, &dataset.name, head, &path)).unwrap_or_default();
            let message = format!("no file or folder '{}' in '{}'{question}", printable(typed), dataset.name);
            return Err(Error::new(ErrorKind::PathNotFound, message));
        }
        paths.push(path);
    }
    Ok(paths)
}

/// Returns true if a path is one of those that were typed or below one; without any, every path is.
pub(super) fn is_selected(typed: &[String], path: &DataPath) -> bool {
    typed.is_empty() || typed.iter().any(|typed| path.is_within(typed))
}

/// Returns the path in a version that was typed: where the user stands, or, outside of the dataset's folder, from there.
pub(super) fn in_version(repo: &Repo, resolved: &ResolvedVersion, typed: &str) -> Result<String> {
    match repo.config().dataset(&resolved.version.dataset).map(|dataset| in_dataset(repo, dataset, typed)) {
        Some(Ok(path)) => Ok(path),
        _ => from_user(typed),
    }
}

/// Returns the paths of a dataset that were typed. One that is no longer declared has no folder: its paths are typed as
/// they are in its versions.
pub(super) fn of_dataset(repo: &Repo, name: &str, typed: &[String]) -> Result<Vec<String>> {
    let dataset = repo.config().dataset(name);
    typed.iter().map(|typed| dataset.map_or_else(|| from_user(typed), |dataset| in_dataset(repo, dataset, typed))).collect()
}

/// Finds the datasets of paths that were typed, each with the paths within it, and all of it where a path is a folder around
/// it.
///
/// # Errors
/// [`ErrorKind::PathNotFound`] if a path is in no dataset and around none.
pub(super) fn of_datasets<'a>(repo: &'a Repo, typed: &[PathBuf]) -> Result<Vec<(&'a Dataset, Vec<String>)>> {
    let mut all: Vec<(&Dataset, Vec<String>)> = repo.config().datasets().map(|dataset| (dataset, Vec::new())).collect();
    for path in typed {
        let inside = repo.resolve(path)?;
        let mut any = false;
        for (dataset, paths) in &mut all {
            let around = is_within(&dataset.path, &inside).then_some("");
            let Some(rest) = below(dataset, &inside).or(around) else { continue };
            if !rest.is_empty() {
                DataPath::new(rest).map_err(|why| Error::usage(format!("{} is not a valid path: {why}", path.display())))?;
            }
            paths.push(rest.to_owned());
            any = true;
        }
        if !any {
            return Err(Error::new(ErrorKind::PathNotFound, format!("{} is not in any dataset", path.display()))
                .with_hint("list the datasets and their folders: hlx dataset list"));
        }
    }
    all.retain(|(_, paths)| !paths.is_empty());
    Ok(all)
}

/// Returns the error for a path that a version does not have.
pub(super) fn unknown(repo: &Repo, resolved: &ResolvedVersion, path: &str) -> Error {
    let version = resolved.version.name();
    let question = question(repo, &resolved.version.dataset, resolved.version.manifest, path);
    Error::new(ErrorKind::PathNotFound, format!("{version} has no '{}'{question}", printable(path)))
        .with_hint(format!("list its files: hlx ls -r {version}"))
}

/// Returns the error for a path that no version of a dataset has; `manifest` is that of the version to look for a similar
/// one in.
pub(super) fn unknown_to_all(repo: &Repo, dataset: &str, manifest: Id<NodeId>, path: &str) -> Error {
    let question = question(repo, dataset, manifest, path);
    let message = format!("no version of '{dataset}' has '{}'{question}", printable(path));
    Error::new(ErrorKind::PathNotFound, message).with_hint(format!("list its files: hlx ls -r {dataset}"))
}

/// Asks whether the path most like the one that is missing was meant, as one would type it where the user stands.
fn question(repo: &Repo, dataset: &str, root: Id<NodeId>, path: &str) -> String {
    spelling::suggestion(similar(&**repo.store(), root, path).map(|near| repo.relative(dataset, &near)))
}

/// Returns the path most like the one that is missing: the nearest name in the deepest folder of it that is there, else
/// the first file with its name.
fn similar(nodes: &impl NodeSource, root: Id<NodeId>, path: &str) -> Option<String> {
    let (mut folder, mut name) = (path.rsplit_once('/').map(|(folder, _)| folder), path);
    loop {
        let listed = manifest::list(nodes, root, folder).ok()?;
        if !listed.is_empty() || folder.is_none() {
            let paths = listed.into_iter().map(|listed| match listed {
                FolderItem::Entry(entry) => entry.path.to_string(),
                FolderItem::Folder(path) => path,
            });
            return spelling::nearest(name, paths).or_else(|| namesake(nodes, root, path));
        }
        name = folder?;
        folder = name.rsplit_once('/').map(|(folder, _)| folder);
    }
}

/// Files that are asked for their name.
const COMPARED: usize = 10_000;

/// Returns the first file that has the name of another path. Looks at the first 10,000.
fn namesake(nodes: &impl NodeSource, root: Id<NodeId>, path: &str) -> Option<String> {
    let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
    let entries = Entries::new(nodes, root).ok()?.take(COMPARED).map_while(Result::ok);
    entries.map(|entry| entry.path.to_string()).find(|other| name(other) == name(path))
}

/// The files that were restored.
pub(super) struct RestoredFiles {
    pub folder: PathBuf,
    pub applied: CheckoutCounts,
    /// The entries that were written.
    pub written: Vec<String>,
    /// The files and folders that went.
    pub removed: Vec<String>,
    /// The number of files that were discarded and are in no version.
    pub discarded: u64,
}

/// Makes the selected files of a workspace what a version says; `gone` are entries to remove. The caller holds the lock of
/// the workspace, which stays one of the version that it was made from.
///
/// # Errors
/// Without `force`, fails before anything is touched if bytes would be lost that the store does not hold.
pub(super) fn restore_files(
    repo: &Repo,
    resolved: &ResolvedVersion,
    selection: &Selection,
    gone: &[Entry],
    force: bool,
    progress: &dyn Progress,
) -> Result<RestoredFiles> {
    let (store, dataset) = (repo.store(), repo.dataset(Some(&resolved.version.dataset))?);
    let matcher = selection.matcher()?;
    let target = CheckoutTarget { manifest: resolved.version.manifest, selection: Some(&matcher) };
    let folder = repo.folder(dataset);
    atomic::ensure_folder(&folder)?;
    let root = Root::open(&folder)?;
    progress.begin(Stage::Write, 0, 0);
    let (survey, differ) = checkout::survey_selected(store, &root, gone, &target, progress)?;
    if !force {
        survey.refuse_loss(|path| repo.relative(&dataset.name, path))?;
    }
    if !differ.is_empty() {
        checkout::check_names(store, &folder, &folder, &target)?;
        // Beside them the workspace has the others of its part of the version, though not by these names.
        let state = WorkspaceState::load(store.layout(), &dataset.name)?;
        let held = state.selection.as_ref().map(Selection::matcher).transpose()?;
        let all = CheckoutTarget { manifest: target.manifest, selection: held.as_ref() };
        checkout::check_written(store, &folder, &folder, &all, &|path| matcher.selects(path))?;
    }
    let written = differ.iter().map(|entry| entry.path.to_string()).collect();
    let applied = checkout::restore(store, &root, &survey, differ, progress)?;
    let removed = survey.surplus().map(ToString::to_string).collect();
    Ok(RestoredFiles { folder, applied, written, removed, discarded: survey.uncommitted() })
}
