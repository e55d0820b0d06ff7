//! `hlx status`: what differs between the workspace and the version that it was made from.

use serde::Serialize;

use crate::error::Result;
use crate::object::version::Number;
use crate::ops::Renamed;
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::worktree::compare::{self, Difference};
use crate::worktree::state::State;

/// Which workspace.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The dataset; may be left out where there is one, or where the user stands in one.
    pub dataset: Option<String>,
}

/// What differs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The dataset.
    pub dataset_name: String,
    /// The version that the workspace was made from.
    pub version: Option<Number>,
    /// Whether nothing differs.
    pub clean: bool,
    /// Files that the version does not have.
    pub added: Vec<String>,
    /// Files that differ from the version's.
    pub modified: Vec<String>,
    /// Files that only the version has.
    pub removed: Vec<String>,
    /// Files that have another path now.
    pub renamed: Vec<Renamed>,
    /// Files outside the part that is checked out, which a commit refuses.
    pub outside: Vec<String>,
    /// The part that is checked out, if it is not all.
    pub selection: Option<String>,
}

/// Compares the workspace with the version that it was made from.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    let dataset = repo.dataset(options.dataset.as_deref())?;
    let state = State::load(repo.store().layout(), &dataset.name)?;
    let head = state.head.map(|id| repo.version(id)).transpose()?;
    progress.begin(Stage::Scan, 0, 0);
    let manifest = head.as_ref().map(|version| version.manifest);
    let found =
        compare::workspace(repo.store(), &repo.folder(dataset), &dataset.name, manifest, state.selection.as_ref(), progress)?;
    let mut report = Report {
        dataset_name: dataset.name.clone(),
        version: head.map(|version| version.number),
        clean: found.outside.is_empty(),
        added: Vec::new(),
        modified: Vec::new(),
        removed: Vec::new(),
        renamed: found
            .renamed
            .into_iter()
            .map(|(from, to)| Renamed { from: from.path.to_string(), to: to.path.to_string() })
            .collect(),
        outside: found.outside,
        selection: state.selection.map(|s| s.to_string()),
    };
    for difference in found.differences {
        match difference {
            Difference::Added(entry) => report.added.push(entry.path.to_string()),
            Difference::Modified(_, entry) => report.modified.push(entry.path.to_string()),
            Difference::Removed(entry) => report.removed.push(entry.path.to_string()),
        }
    }
    report.clean &=
        report.added.is_empty() && report.modified.is_empty() && report.removed.is_empty() && report.renamed.is_empty();
    Ok(report)
}
