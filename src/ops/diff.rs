//! `hlx diff`: the files that differ between two versions, or a version and the workspace.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::manifest::{Change, Diff};
use crate::object::node::Entry;
use crate::ops::Renamed;
use crate::path::{DataPath, from_user};
use crate::progress::{Progress, Stage};
use crate::repo::revision::{self, Found, Target};
use crate::repo::{Dataset, Repo};
use crate::worktree::compare;
use crate::worktree::state::State;

/// What to compare.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The old side; HEAD if left out.
    pub from: Option<String>,
    /// The new side; the workspace if left out.
    pub to: Option<String>,
    /// Files and folders of the dataset to look at; all if empty.
    pub paths: Vec<String>,
}

/// A file that only one side has.
#[derive(Clone, Debug, Serialize)]
pub struct One {
    /// Its path.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its samples, where they are counted.
    pub samples: Option<u64>,
}

/// A file that both sides have, differently.
#[derive(Clone, Debug, Serialize)]
pub struct Both {
    /// Its path.
    pub path: String,
    /// Its length on the old side.
    pub old_size: u64,
    /// Its length on the new side.
    pub new_size: u64,
    /// Its samples on the old side, where they are counted.
    pub old_samples: Option<u64>,
    /// Its samples on the new side, where they are counted.
    pub new_samples: Option<u64>,
}

/// What differs.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The old side.
    pub from: String,
    /// The new side.
    pub to: String,
    /// Files that only the new side has.
    pub added: Vec<One>,
    /// Files that differ.
    pub modified: Vec<Both>,
    /// Files that only the old side has.
    pub removed: Vec<One>,
    /// Files whose content, which is not empty, has another path on the new side.
    pub renamed: Vec<Renamed>,
}

/// What differs, entry by entry.
struct Differences {
    from: String,
    to: String,
    changes: Vec<Change>,
    renamed: Vec<(Entry, Entry)>,
}

/// Compares two versions, or a version and the workspace.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    let paths = options.paths.iter().map(|p| from_user(p)).collect::<Result<Vec<_>>>()?;
    let found = differences(repo, options.from.as_deref(), options.to.as_deref(), &paths, progress)?;
    let mut report = Report {
        from: found.from,
        to: found.to,
        added: Vec::new(),
        modified: Vec::new(),
        removed: Vec::new(),
        renamed: found
            .renamed
            .into_iter()
            .map(|(from, to)| Renamed { from: from.path.to_string(), to: to.path.to_string() })
            .collect(),
    };
    for change in found.changes {
        match change {
            Change::Added(e) => report.added.push(one(&e)),
            Change::Removed(e) => report.removed.push(one(&e)),
            Change::Modified(a, b) => report.modified.push(Both {
                path: b.path.to_string(),
                old_size: a.size,
                new_size: b.size,
                old_samples: a.samples.map(|s| s.count),
                new_samples: b.samples.map(|s| s.count),
            }),
        }
    }
    Ok(report)
}

fn one(entry: &Entry) -> One {
    One { path: entry.path.to_string(), size: entry.size, samples: entry.samples.map(|s| s.count) }
}

fn differences(
    repo: &Repo,
    from: Option<&str>,
    to: Option<&str>,
    paths: &[String],
    progress: &dyn Progress,
) -> Result<Differences> {
    let from = revision::target(repo, from.unwrap_or("HEAD"))?;
    // Without a second revision it is the workspace of the dataset that the first one speaks of.
    let to = match (to, &from) {
        (Some(to), _) => revision::target(repo, to)?,
        (None, Target::Version(found)) => Target::Work(found.version.dataset.clone()),
        (None, Target::Work(_)) => return Err(Error::usage("name the version to compare the workspace with")),
    };
    progress.begin(Stage::Scan, 0, 0);
    let wanted = |path: &DataPath| paths.is_empty() || paths.iter().any(|p| p.is_empty() || path.is_within(p));
    let mut found = match (from, to) {
        (Target::Version(a), Target::Version(b)) => versions(repo, &a, &b)?,
        (Target::Version(a), Target::Work(name)) => workspace(repo, &a, repo.dataset(Some(&name))?, progress)?,
        (Target::Work(name), Target::Version(b)) => workspace(repo, &b, repo.dataset(Some(&name))?, progress)?.reversed(),
        (Target::Work(_), Target::Work(_)) => return Err(Error::usage("one of the two has to be a version")),
    };
    found.changes.retain(|change| wanted(change.path()));
    found.renamed.retain(|(a, b)| wanted(&a.path) || wanted(&b.path));
    Ok(found)
}

fn name(found: &Found) -> String {
    format!("{}@{}", found.version.dataset, found.version.number)
}

fn versions(repo: &Repo, a: &Found, b: &Found) -> Result<Differences> {
    let (mut added, mut removed, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for change in Diff::new(&**repo.store(), a.version.manifest, b.version.manifest)? {
        match change? {
            Change::Added(e) => added.push(e),
            Change::Removed(e) => removed.push(e),
            modified => changes.push(modified),
        }
    }
    let renamed = compare::pair(&mut removed, &mut added);
    changes.extend(added.into_iter().map(Change::Added));
    changes.extend(removed.into_iter().map(Change::Removed));
    changes.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(Differences { from: name(a), to: name(b), changes, renamed })
}

fn workspace(repo: &Repo, a: &Found, dataset: &Dataset, progress: &dyn Progress) -> Result<Differences> {
    let state = State::load(repo.store().layout(), &dataset.name)?;
    let (store, folder) = (repo.store(), repo.folder(dataset));
    let found = compare::workspace(store, &folder, &dataset.name, Some(a.version.manifest), state.selection.as_ref(), progress)?;
    Ok(Differences { from: name(a), to: format!("{}@WORK", dataset.name), changes: found.differences, renamed: found.renamed })
}

impl Differences {
    fn reversed(self) -> Differences {
        let back = |change| match change {
            Change::Added(e) => Change::Removed(e),
            Change::Removed(e) => Change::Added(e),
            Change::Modified(a, b) => Change::Modified(b, a),
        };
        Differences {
            from: self.to,
            to: self.from,
            changes: self.changes.into_iter().map(back).collect(),
            renamed: self.renamed.into_iter().map(|(a, b)| (b, a)).collect(),
        }
    }
}
