//! The versions that a run is on, compared with the files that the run could read.

use crate::error::{Result, counted};
use crate::id::{Id, VersionId};
use crate::object::version::VersionNumber;
use crate::ops::PartialCheckout;
use crate::progress::{Progress, Stage};
use crate::repo::{Repo, revision};
use crate::worktree::compare;
use crate::worktree::state::WorkspaceState;

/// The parameter of a run whose workspace was compared with its version: `true` if they differ.
pub const DATA_DIRTY: &str = "data.dirty";

/// A version that is trained on.
#[derive(Clone, Debug)]
pub struct TrainedVersion {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
    /// The version's id.
    pub id: Id<VersionId>,
    /// True if the workspace of the dataset was made from it.
    pub is_checked_out: bool,
    /// The differences of the workspace, if it was compared.
    pub workspace: Option<WorkspaceChanges>,
}

/// The differences between the workspace of a dataset and a version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkspaceChanges {
    /// Files that were added, modified, removed or renamed.
    pub files: u64,
    /// The number of files of the version that the workspace has, if it has a part of it.
    pub partial: Option<PartialCheckout>,
}

/// Finds the versions that a run is on.
///
/// # Errors
/// `ErrorKind::VersionNotFound`.
pub fn versions(repo: &Repo, revisions: &[String]) -> Result<Vec<TrainedVersion>> {
    let trained = |text: &String| {
        let resolved = revision::version(repo, text)?;
        let state = WorkspaceState::load(repo.store().layout(), repo.config().current(&resolved.version.dataset))?;
        Ok(TrainedVersion {
            is_checked_out: state.head == Some(resolved.id),
            dataset_name: resolved.version.dataset,
            version: resolved.version.number,
            id: resolved.id,
            workspace: None,
        })
    };
    revisions.iter().map(trained).collect()
}

impl TrainedVersion {
    /// Returns the dataset and the number.
    pub fn name(&self) -> String {
        format!("{}@{}", self.dataset_name, self.version)
    }

    /// Compares the folder of the dataset with the version. Does nothing if the dataset is not declared or has no folder.
    pub fn compare_workspace(&mut self, repo: &Repo, progress: &dyn Progress) -> Result<()> {
        let name = repo.config().current(&self.dataset_name);
        let Some(dataset) = repo.config().dataset(name) else { return Ok(()) };
        let (folder, store) = (repo.folder(dataset), repo.store());
        if !folder.is_dir() {
            return Ok(());
        }
        progress.begin(Stage::Scan, 0, 0);
        let version = repo.version(self.id)?;
        let selection = WorkspaceState::load(store.layout(), name)?.selection;
        let selection = selection.as_ref();
        let differences = compare::workspace(store, &folder, name, Some(version.manifest), selection, None, progress)?;
        let paths = [differences.added.len(), differences.removed.len(), differences.modified.len(), differences.renamed.len()];
        let files = paths.into_iter().sum::<usize>() + differences.outside.len();
        self.workspace =
            Some(WorkspaceChanges { files: files as u64, partial: PartialCheckout::new(store, selection, &version)? });
        Ok(())
    }

    /// Returns a warning if the workspace has other files than the version.
    pub fn warning(&self, repo: &Repo) -> Option<String> {
        let changes = self.workspace.filter(|changes| changes.files > 0)?;
        let folder = &repo.dataset(Some(&self.dataset_name)).ok()?.path;
        let differ = if changes.files == 1 { "differs" } else { "differ" };
        Some(format!("in {folder}, {} {differ} from {}", counted(changes.files, "file"), self.name()))
    }

    /// Returns the parameters of the run that the workspace gives.
    pub(super) fn workspace_params(&self) -> Vec<(&'static str, String)> {
        let Some(changes) = self.workspace else { return Vec::new() };
        let partial = changes.partial.map(|part| ("data.partial", format!("{} of {} files", part.files, part.of)));
        [(DATA_DIRTY, (changes.files > 0).to_string())].into_iter().chain(partial).collect()
    }
}
