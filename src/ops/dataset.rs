//! `hlx dataset`: declares datasets and tells of them.

use std::path::PathBuf;

use serde::Serialize;

use crate::catalog::{self, Query};
use crate::error::{Error, Kind, Result};
use crate::object::version::Number;
use crate::ops::DamageList;
use crate::repo::config::{self, Dataset};
use crate::repo::revision::highest;
use crate::repo::{CONFIG, Repo, git};
use crate::worktree::state::State;

/// A dataset to declare.
#[derive(Clone, Debug)]
pub struct AddOptions {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its folder, as the user typed it; it must exist.
    pub path: PathBuf,
    /// What tells its samples apart.
    pub key: Vec<String>,
}

/// What was declared.
#[derive(Clone, Debug, Serialize)]
pub struct AddReport {
    /// The dataset.
    #[serde(flatten)]
    pub info: Info,
    /// Whether its folder was added to git's `.gitignore`.
    pub gitignore_changed: bool,
    /// Whether git has files of its folder.
    pub tracked_by_git: bool,
}

/// What is known of a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its folder, relative to the repository's.
    pub path: String,
    /// How many versions it has, or has of those that were asked for.
    pub versions: u64,
    /// Its highest release.
    pub latest: Option<Number>,
    /// The version that the workspace was made from.
    pub head: Option<Number>,
}

/// The datasets of a repository.
#[derive(Clone, Debug, Serialize)]
pub struct ListReport {
    /// In the order of their names.
    pub datasets: Vec<Info>,
    /// What is wrong with versions that cannot be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// Declares a dataset in `helox.toml`, and keeps its folder out of git; one that is declared just so already stays as it is.
pub fn add(repo: &Repo, options: &AddOptions) -> Result<AddReport> {
    let path = config::normal(&repo.inside(&options.path)?)?;
    let dataset = Dataset { key: options.key.clone(), ..Dataset::new(&options.name, &options.kind, path) };
    let folder = repo.folder(&dataset);
    if folder.exists() && !folder.is_dir() {
        return Err(Error::usage(format!("{} is a file; a dataset is a folder", folder.display()))
            .with_hint("move the file into a folder of its own and name that: --path DIR"));
    }
    if !folder.is_dir() {
        return Err(Error::new(Kind::PathNotFound, format!("the folder {} does not exist", repo.folder(&dataset).display()))
            .with_hint(format!("create it (mkdir -p {}), or name the folder that holds the data", options.path.display())));
    }
    let layout = repo.store().layout();
    config::add_dataset(&repo.root().join(CONFIG), &layout.config(), &layout.tmp(), &dataset)?;
    let whole = dataset.path == ".";
    Ok(AddReport {
        gitignore_changed: !whole && git::ignore(repo.root(), &dataset.path, &layout.tmp())?,
        tracked_by_git: !whole && git::tracks(&folder, "."),
        info: present(repo, &dataset)?,
    })
}

/// Takes the declaration of a dataset out of `helox.toml`. Its versions and its files stay.
pub fn remove(repo: &Repo, name: &str) -> Result<Info> {
    let info = present(repo, repo.dataset(Some(name))?)?;
    let layout = repo.store().layout();
    config::remove_dataset(&repo.root().join(CONFIG), &layout.config(), &layout.tmp(), name)?;
    Ok(info)
}

/// Tells of every dataset; of a query that leaves versions out, only of those that have a version which it selects, and how
/// many of them. Its limit is one of datasets.
pub fn list(repo: &Repo, query: &Query) -> Result<ListReport> {
    let (summaries, damaged) = catalog::summaries(repo, query)?;
    let mut datasets = Vec::new();
    for dataset in repo.config().datasets() {
        let known = summaries.iter().find(|summary| summary.dataset == dataset.name);
        if known.is_some() || query.selects_all() {
            datasets.push((dataset, known.cloned()));
        }
    }
    datasets.truncate(query.limit.unwrap_or(usize::MAX));
    let mut report = ListReport { datasets: Vec::new(), damaged: damaged.into() };
    for (dataset, known) in datasets {
        let (versions, latest) = known.map_or((0, None), |summary| (summary.versions, summary.latest));
        let head = head(repo, dataset).map_err(|e| e.within(format!("the HEAD of {}", dataset.name)));
        let head = report.damaged.spare(head)?.flatten();
        report.datasets.push(info(dataset, versions, latest, head));
    }
    Ok(report)
}

/// Tells of one dataset.
pub fn show(repo: &Repo, name: &str) -> Result<Info> {
    present(repo, repo.dataset(Some(name))?)
}

/// Tells of a dataset by its refs.
fn present(repo: &Repo, dataset: &Dataset) -> Result<Info> {
    let numbers = repo.versions().numbers(&dataset.name)?;
    Ok(info(dataset, numbers.len() as u64, highest(&numbers).cloned(), head(repo, dataset)?))
}

fn info(dataset: &Dataset, versions: u64, latest: Option<Number>, head: Option<Number>) -> Info {
    let Dataset { name, kind, path, .. } = dataset;
    Info { name: name.clone(), kind: kind.clone(), path: path.clone(), versions, latest, head }
}

/// The number of the version that the workspace was made from.
fn head(repo: &Repo, dataset: &Dataset) -> Result<Option<Number>> {
    let head = State::load(repo.store().layout(), &dataset.name)?.head;
    Ok(head.map(|id| repo.version(id)).transpose()?.map(|version| version.number))
}
