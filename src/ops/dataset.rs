//! `hlx dataset`: declares datasets and tells of them.

use std::path::PathBuf;

use serde::Serialize;

use crate::catalog::{self, Query};
use crate::error::{Error, Kind, Result};
use crate::object::version::Number;
use crate::ops::DamageList;
use crate::repo::config::{self, Dataset};
use crate::repo::revision::highest;
use crate::repo::{CONFIG, Repo};
use crate::worktree::state::State;

/// A dataset to declare.
#[derive(Clone, Debug)]
pub struct AddOptions {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its folder, as the user typed it.
    pub path: PathBuf,
    /// Fails unless the folder is there.
    pub present: bool,
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

/// Declares a dataset in `helox.toml`; one that is declared just so already stays as it is.
pub fn add(repo: &Repo, options: &AddOptions) -> Result<Info> {
    let path = config::normal(&repo.inside(&options.path)?)?;
    let dataset = Dataset::new(&options.name, &options.kind, path);
    let folder = repo.folder(&dataset);
    if folder.exists() && !folder.is_dir() {
        return Err(Error::usage(format!("{} is a file; a dataset is a folder", folder.display()))
            .with_hint("move the file into a folder of its own and name that: --path DIR"));
    }
    if options.present && !folder.is_dir() {
        return Err(Error::new(Kind::PathNotFound, format!("the folder {} does not exist", repo.folder(&dataset).display()))
            .with_hint("make it, or name the folder that holds the data"));
    }
    let layout = repo.store().layout();
    config::add_dataset(&repo.root().join(CONFIG), &layout.config(), &layout.tmp(), &dataset)?;
    present(repo, &dataset)
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
        let head = match head(repo, dataset) {
            Err(e) if e.spares_others() => {
                report.damaged.push(&e.within(format!("the HEAD of {}", dataset.name)));
                None
            }
            head => head?,
        };
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
