//! `hlx dataset`: declares datasets and tells of them.

use std::path::PathBuf;

use serde::Serialize;

use crate::catalog::Query;
use crate::error::{Error, ErrorKind, Result};
use crate::object::version::VersionNumber;
use crate::ops::{DamageList, tag_plan};
use crate::path::printable;
use crate::refs::names;
use crate::repo::config::{self, Dataset};
use crate::repo::{CONFIG, Repo, git};
use crate::worktree::state::{self, WorkspaceState};

/// A dataset to declare.
#[derive(Clone, Debug)]
pub struct AddOptions {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its folder, as the user typed it; it must exist.
    pub path: PathBuf,
    /// The fields that identify its samples.
    pub key: Vec<String>,
    /// Names that it had before.
    pub formerly: Vec<String>,
}

/// The dataset that was declared.
#[derive(Clone, Debug, Serialize)]
pub struct AddReport {
    /// The dataset.
    #[serde(flatten)]
    pub info: DatasetInfo,
    /// True if its folder was added to git's `.gitignore`.
    pub gitignore_changed: bool,
    /// True if git has files of its folder.
    pub tracked_by_git: bool,
    /// True if it was declared in the same way before.
    pub already_declared: bool,
}

/// A dataset, as reports show it.
#[derive(Clone, Debug, Serialize)]
pub struct DatasetInfo {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its folder, relative to the repository's.
    pub path: String,
    /// The number of versions, or of those that a query selects.
    pub versions: u64,
    /// Its highest release.
    pub latest: Option<VersionNumber>,
    /// The version that the workspace was made from.
    pub head: Option<VersionNumber>,
}

/// The datasets of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct DatasetListReport {
    /// In the order of their names.
    pub datasets: Vec<DatasetInfo>,
    /// The errors of versions that cannot be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// Declares a dataset in `helox.toml` and keeps its folder out of git. A dataset that is declared in the same way already
/// stays as it is.
///
/// # Errors
/// `ErrorKind::PathNotFound` if the folder does not exist; `Conflict` if the name or the folder is taken by another
/// dataset.
pub fn add(repo: &Repo, options: &AddOptions) -> Result<AddReport> {
    let path = config::normal(&repo.resolve(&options.path)?)?;
    let (key, formerly) = (options.key.clone(), options.formerly.clone());
    let dataset = Dataset { key, formerly, ..Dataset::new(&options.name, &options.kind, path) };
    if repo.config().dataset(&dataset.name).is_none() {
        tag_plan::check_untagged(repo, &dataset.name)?;
    }
    let folder = repo.folder(&dataset);
    if folder.exists() && !folder.is_dir() {
        return Err(Error::usage(format!("{} is a file; a dataset must be a folder", folder.display()))
            .with_hint("move the file into a folder: --path DIR"));
    }
    if !folder.is_dir() {
        return Err(Error::new(ErrorKind::PathNotFound, format!("folder {} does not exist", repo.folder(&dataset).display()))
            .with_hint(format!("create it (mkdir -p {}), or give the folder with the data", options.path.display())));
    }
    let known = repo.versions().datasets()?;
    if let Some(name) = dataset.formerly.iter().find(|name| !known.contains(name)) {
        return Err(Error::new(ErrorKind::DatasetNotFound, format!("no versions of '{}'", printable(name)))
            .with_hint("--formerly names an earlier name of the dataset; datasets of all versions: hlx log"));
    }
    let layout = repo.store().layout();
    config::add_dataset(&repo.root().join(CONFIG), &layout.config(), &layout.tmp(), &dataset)?;
    let whole = dataset.path == ".";
    Ok(AddReport {
        gitignore_changed: !whole && git::ignore(repo.root(), &dataset.path, &layout.tmp())?,
        tracked_by_git: !whole && git::tracks(&folder, "."),
        already_declared: repo.config().dataset(&dataset.name).is_some(),
        info: show(&Repo::open(repo.root())?, &dataset.name)?,
    })
}

/// A dataset that is no longer declared.
#[derive(Clone, Debug, Serialize)]
pub struct RemoveReport {
    /// The dataset.
    #[serde(flatten)]
    pub info: DatasetInfo,
    /// The tables of `helox.toml` that declared it, with its rules and settings.
    pub declaration: String,
}

/// Removes the declaration of a dataset from `helox.toml`. Its versions and its files stay.
///
/// # Errors
/// `ErrorKind::DatasetNotFound`.
pub fn remove(repo: &Repo, name: &str) -> Result<RemoveReport> {
    let dataset = repo.dataset(Some(name))?;
    if dataset.name != name {
        let message = format!("dataset '{}' was renamed to '{}'", printable(name), dataset.name);
        return Err(
            Error::new(ErrorKind::DatasetNotFound, message).with_hint(format!("remove it: hlx dataset rm {}", dataset.name))
        );
    }
    let info = present(repo, dataset)?;
    let layout = repo.store().layout();
    let declaration = config::remove_dataset(&repo.root().join(CONFIG), &layout.tmp(), &info.name)?;
    Ok(RemoveReport { info, declaration })
}

/// Another name for a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct RenameReport {
    /// The name that it had.
    pub from: String,
    /// Versions that have another name than the new one.
    #[serde(skip)]
    pub kept: u64,
    /// The dataset with its new name.
    #[serde(flatten)]
    pub info: DatasetInfo,
}

/// Renames a dataset. Its versions keep the name under which they were committed, which is part of what their ids hash;
/// they are found by the new name too, and the next version has the new one.
///
/// # Errors
/// `ErrorKind::DatasetNotFound`; `Conflict` if another dataset has, or had, the new name.
pub fn rename(repo: &Repo, from: &str, to: &str) -> Result<RenameReport> {
    let dataset = repo.dataset(Some(from))?;
    names::check_dataset(to)?;
    tag_plan::check_untagged(repo, to)?;
    if !dataset.formerly.iter().any(|former| former == to) && repo.versions().datasets()?.iter().any(|known| known == to) {
        let message = format!("'{to}' already has versions");
        return Err(Error::new(ErrorKind::Conflict, message).with_hint("choose a name that no dataset has used"));
    }
    let layout = repo.store().layout();
    let _workspace = state::lock(layout, &dataset.name)?;
    let _renamed = state::lock(layout, to)?;
    // First, so that the dataset never stands there without what it holds.
    WorkspaceState::load(layout, &dataset.name)?.save(layout, to)?;
    config::rename_dataset(&repo.root().join(CONFIG), &layout.config(), &layout.tmp(), dataset, to)?;
    WorkspaceState::default().save(layout, &dataset.name)?;
    let renamed = Repo::open(repo.root())?;
    let (info, own) = (show(&renamed, to)?, renamed.versions().numbers(to)?.len() as u64);
    Ok(RenameReport { from: dataset.name.clone(), kept: info.versions.saturating_sub(own), info })
}

fn sorted(mut numbers: Vec<VersionNumber>) -> Vec<VersionNumber> {
    numbers.sort();
    numbers
}

/// Lists the datasets; of a query that leaves versions out, only those that have a version which it selects, with the
/// number of them. Its limit is one of datasets.
///
/// # Errors
/// `ErrorKind::DatasetNotFound` for a dataset that the query names.
pub fn list(repo: &Repo, query: &Query) -> Result<DatasetListReport> {
    let (summaries, damaged) = repo.summaries(query)?;
    let mut datasets = Vec::new();
    for dataset in repo.config().datasets() {
        let own = || summaries.iter().filter(|summary| dataset.names().any(|name| name == summary.dataset));
        let latest: Vec<VersionNumber> = own().filter_map(|summary| summary.latest.clone()).collect();
        if !latest.is_empty() || query.selects_all() {
            datasets.push((
                dataset,
                own().map(|summary| summary.versions).sum(),
                VersionNumber::highest(&sorted(latest)).cloned(),
            ));
        }
    }
    datasets.truncate(query.limit.unwrap_or(usize::MAX));
    let mut report = DatasetListReport { datasets: Vec::new(), damaged: damaged.into() };
    for (dataset, versions, latest) in datasets {
        let head = head(repo, dataset).map_err(|e| e.within(format!("the HEAD of {}", dataset.name)));
        let head = report.damaged.collect(head)?.flatten();
        report.datasets.push(info(dataset, versions, latest, head));
    }
    Ok(report)
}

/// Describes a dataset.
///
/// # Errors
/// `ErrorKind::DatasetNotFound`.
pub fn show(repo: &Repo, name: &str) -> Result<DatasetInfo> {
    present(repo, repo.dataset(Some(name))?)
}

/// Tells of a dataset by its refs.
fn present(repo: &Repo, dataset: &Dataset) -> Result<DatasetInfo> {
    let numbers = repo.numbers(&dataset.name)?;
    Ok(info(dataset, numbers.len() as u64, VersionNumber::highest(&numbers).cloned(), head(repo, dataset)?))
}

fn info(dataset: &Dataset, versions: u64, latest: Option<VersionNumber>, head: Option<VersionNumber>) -> DatasetInfo {
    let Dataset { name, kind, path, .. } = dataset;
    DatasetInfo { name: name.clone(), kind: kind.clone(), path: path.clone(), versions, latest, head }
}

/// Returns the number of the version that the workspace was made from.
fn head(repo: &Repo, dataset: &Dataset) -> Result<Option<VersionNumber>> {
    let head = WorkspaceState::load(repo.store().layout(), &dataset.name)?.head;
    Ok(head.map(|id| repo.version(id)).transpose()?.map(|version| version.number))
}
