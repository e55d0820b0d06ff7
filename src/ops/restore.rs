//! `hlx restore`: brings single files and folders of the workspace back to what a version has.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::manifest;
use crate::object::version::VersionNumber;
use crate::ops::paths;
use crate::progress::Progress;
use crate::repo::{Dataset, Repo, revision};
use crate::selection::Selection;
use crate::worktree::checkout;
use crate::worktree::state;

/// The files to restore.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// Files and folders, as typed where the user stands.
    pub paths: Vec<PathBuf>,
    /// The version to take them from; HEAD if left out.
    pub source: Option<String>,
    /// Replaces and removes uncommitted work.
    pub force: bool,
}

/// The files that were restored.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// The dataset.
    pub dataset_name: String,
    /// The version that they come from.
    pub version: VersionNumber,
    /// Files that were written.
    pub restored: Vec<String>,
    /// Files of HEAD that the version does not have, and what stood in the way of others.
    pub removed: Vec<String>,
    /// Uncommitted files that were replaced or removed.
    pub discarded: u64,
}

/// Restores files and folders, in each dataset that the paths concern. Files that no version has are left alone.
///
/// # Errors
/// `ErrorKind::PathNotFound` for a path that neither the workspace nor the version has; `DirtyWorkspace` if bytes would be
/// lost that no version has and `force` is not set. An error in a later dataset names those that are restored.
pub fn run(repo: &Repo, options: &RestoreOptions, progress: &dyn Progress) -> Result<Vec<RestoreReport>> {
    let mut concerned = paths::of_datasets(repo, &options.paths)?;
    let named = options.source.as_deref().and_then(|source| source.split_once('@')).filter(|(name, _)| !name.is_empty());
    if let Some((name, _)) = named {
        let owner = repo.dataset(Some(name))?;
        for path in &options.paths {
            let datasets = paths::of_datasets(repo, std::slice::from_ref(path))?;
            if let Some((other, _)) = datasets.first().filter(|_| datasets.iter().all(|(dataset, _)| dataset.name != owner.name))
            {
                let message = format!("{} belongs to '{}', not to '{}'", path.display(), other.name, owner.name);
                return Err(Error::usage(message).with_hint("restore the files of one dataset at a time"));
            }
        }
        concerned.retain(|(dataset, _)| dataset.name == owner.name);
    }
    let mut reports: Vec<RestoreReport> = Vec::new();
    for (dataset, paths) in concerned {
        let report = restore(repo, dataset, paths, options, progress).map_err(|error| match reports.is_empty() {
            true => error,
            false => {
                let names: Vec<&str> = reports.iter().map(|report| report.dataset_name.as_str()).collect();
                error.within(format!("'{}', after {} was restored", dataset.name, names.join(", ")))
            }
        })?;
        reports.push(report);
    }
    Ok(reports)
}

/// Restores files of one dataset.
fn restore(
    repo: &Repo,
    dataset: &Dataset,
    paths: Vec<String>,
    options: &RestoreOptions,
    progress: &dyn Progress,
) -> Result<RestoreReport> {
    let resolved = match options.source.as_deref().unwrap_or("HEAD") {
        text if text.find('@').is_some_and(|at| at > 0) => revision::version(repo, text)?,
        text => revision::version(repo, &revision::qualified(&dataset.name, text))?,
    };
    let (store, layout) = (repo.store(), repo.store().layout());
    let _workspace = state::lock(layout, &dataset.name)?;
    let head = state::WorkspaceState::load(layout, &dataset.name)?.head.map(|id| repo.version(id)).transpose()?;
    let mut gone = Vec::new();
    for path in &paths {
        let mut known = path.is_empty() || !checkout::below(store, resolved.version.manifest, path)?.is_empty();
        if let Some(head) = &head {
            for entry in checkout::below(store, head.manifest, path)? {
                known = true;
                if manifest::find(&**store, resolved.version.manifest, entry.path.as_str())?.is_none() {
                    gone.push(entry);
                }
            }
        }
        if !known {
            return Err(paths::unknown(repo, &resolved, path));
        }
    }
    let all = paths.iter().any(String::is_empty);
    let selection = Selection { paths: if all { Vec::new() } else { paths }, ..Selection::default() };
    let restored = paths::restore_files(repo, &resolved, &selection, &gone, options.force, progress)?;
    Ok(RestoreReport {
        dataset_name: dataset.name.clone(),
        version: resolved.version.number,
        restored: restored.written,
        removed: restored.removed,
        discarded: restored.discarded,
    })
}
