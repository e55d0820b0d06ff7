//! `hlx status`: what differs between the workspace and the version that it was made from.

use serde::Serialize;

use crate::diff::FileEntry;
use crate::error::{Error, Result};
use crate::object::version::VersionNumber;
use crate::ops::{PartialCheckout, RenamedFile, paths};
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::worktree::compare;
use crate::worktree::state::WorkspaceState;

/// The workspace to compare.
#[derive(Clone, Debug, Default)]
pub struct StatusOptions {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
    /// Files and folders to compare, as typed where the user stands; all if empty.
    pub paths: Vec<String>,
}

/// The differences of a workspace.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// The dataset.
    pub dataset_name: String,
    /// The version that the workspace was made from.
    pub version: Option<VersionNumber>,
    /// The highest version of the dataset.
    pub latest: Option<VersionNumber>,
    /// True if nothing differs.
    pub clean: bool,
    /// Files that the version does not have.
    pub added: Vec<String>,
    /// Files that differ from the version's.
    pub modified: Vec<String>,
    /// Files that only the version has.
    pub removed: Vec<String>,
    /// Files that have another path now.
    pub renamed: Vec<RenamedFile>,
    /// Those of the modified and renamed files whose mode differs and whose bytes do not.
    pub mode_changed: Vec<String>,
    /// Files that do not differ and that are read otherwise than the version's.
    pub reread: Vec<String>,
    /// Empty folders that the version does not have.
    pub folders_added: Vec<String>,
    /// Empty folders that only the version has.
    pub folders_removed: Vec<String>,
    /// Files outside the part that is checked out, which a commit refuses.
    pub outside: Vec<String>,
    /// The part that is checked out, if it is not all.
    pub selection: Option<String>,
    /// The version of which an interrupted checkout wrote some files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<VersionNumber>,
    /// The number of files of the version that the workspace has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialCheckout>,
}

/// Compares the workspace with the version that it was made from.
///
/// # Errors
/// `ErrorKind::DatasetNotFound`; `PathNotFound` for a path that neither the workspace nor the version has.
pub fn run(repo: &Repo, options: &StatusOptions, progress: &dyn Progress) -> Result<StatusReport> {
    let dataset = repo.dataset(options.dataset.as_deref())?;
    let state = WorkspaceState::load(repo.store().layout(), &dataset.name)?;
    let head = state.head.map(|id| repo.version(id)).transpose()?;
    if let (Some(id), Some(head)) = (state.head, &head)
        && repo.versions().get(&head.dataset, &head.number)? != Some(id)
    {
        return Err(Error::damaged(format!("the ref of {}, which is checked out, is missing", head.name()))
            .with_hint("list the versions without refs: hlx reindex"));
    }
    paths::check_folder(repo, dataset)?;
    progress.begin(Stage::Scan, 0, 0);
    let manifest = head.as_ref().map(|version| version.manifest);
    let (store, folder, selection) = (repo.store(), repo.folder(dataset), state.selection.as_ref());
    let config = dataset.samples.then(|| dataset.reader_config(&store.layout().tmp())).transpose()?;
    let mut found = compare::workspace(store, &folder, &dataset.name, manifest, selection, config.as_ref(), progress)?;
    let typed = paths::in_workspace(repo, dataset, manifest, &options.paths)?;
    found.retain(|path| paths::is_selected(&typed, path));
    let partial = head.as_ref().map(|head| PartialCheckout::new(store, selection, head)).transpose()?.flatten();
    let pending = state.pending.last().map(|id| repo.version(*id)).transpose()?.map(|version| version.number);
    let paths = |files: &[FileEntry]| files.iter().map(|file| file.path.to_string()).collect();
    Ok(StatusReport {
        dataset_name: dataset.name.clone(),
        version: head.map(|version| version.number),
        latest: repo.latest(&dataset.name)?,
        clean: found.is_empty() && found.outside.is_empty(),
        added: paths(&found.added),
        modified: found.modified.iter().map(|(_, new)| new.path.to_string()).collect(),
        removed: paths(&found.removed),
        renamed: found.renamed.iter().map(|(from, to)| RenamedFile::of(from, to)).collect(),
        mode_changed: found.mode_changed().map(|(_, new)| new.path.to_string()).collect(),
        reread: found.reread.iter().map(|(_, new)| new.path.to_string()).collect(),
        folders_added: paths(&found.folders_added),
        folders_removed: paths(&found.folders_removed),
        outside: found.outside,
        selection: state.selection.map(|s| s.to_string()),
        pending,
        partial,
    })
}
