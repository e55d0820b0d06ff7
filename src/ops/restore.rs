//! `hlx restore`: brings single files and folders of the workspace back to what a version has.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::fs::beneath::Root;
use crate::manifest::{self, Entries};
use crate::object::version::Number;
use crate::path::{DataPath, printable};
use crate::progress::{Progress, Stage};
use crate::repo::{Dataset, Repo, revision};
use crate::worktree::checkout::{self, Target};
use crate::worktree::selection::Selection;
use crate::worktree::state;

/// What to bring back.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Files and folders, as typed where the user stands.
    pub paths: Vec<PathBuf>,
    /// The version to take them from; HEAD if left out.
    pub source: Option<String>,
}

/// What was brought back.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The dataset.
    pub dataset_name: String,
    /// The version that they come from.
    pub version: Number,
    /// Files that were written.
    pub restored: Vec<String>,
    /// Files of HEAD that the version does not have.
    pub removed: Vec<String>,
}

/// Brings files back. What no version knows is left alone.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    let (dataset, paths) = places(repo, &options.paths)?;
    let qualified = |text: &str| if text.contains('@') { text.to_owned() } else { format!("{}@{text}", dataset.name) };
    let found = revision::version(repo, &qualified(options.source.as_deref().unwrap_or("HEAD")))?;
    if found.version.dataset != dataset.name {
        return Err(Error::usage(format!("the files lie in '{}', not in '{}'", dataset.name, found.version.dataset)));
    }
    let (store, layout) = (repo.store(), repo.store().layout());
    let _workspace = state::lock(layout, &dataset.name)?;
    let head = state::State::load(layout, &dataset.name)?.head.map(|id| repo.version(id)).transpose()?;
    let mut surplus = Vec::new();
    for path in &paths {
        let mut known = has(repo, found.version.manifest, path)?;
        if let Some(head) = &head {
            for entry in below(repo, head.manifest, path)? {
                known = true;
                if manifest::find(&**store, found.version.manifest, entry.path.as_str())?.is_none() {
                    surplus.push(entry);
                }
            }
        }
        if !known {
            let version = format!("{}@{}", dataset.name, found.version.number);
            return Err(Error::new(Kind::PathNotFound, format!("{version} has no '{}'", printable(path)))
                .with_hint(format!("list what it has: hlx ls {version}")));
        }
    }
    let all = paths.iter().any(String::is_empty);
    let matcher = Selection { paths: if all { Vec::new() } else { paths }, ..Selection::default() }.matcher()?;
    let target = Target { manifest: found.version.manifest, selection: Some(&matcher) };
    let root = Root::open(&repo.folder(dataset))?;
    progress.begin(Stage::Write, 0, 0);
    let restored = checkout::bring_back(store, &root, &surplus, &target, progress)?;
    Ok(Report {
        dataset_name: dataset.name.clone(),
        version: found.version.number,
        restored: restored.into_iter().map(|path| path.to_string()).collect(),
        removed: surplus.into_iter().map(|entry| entry.path.to_string()).collect(),
    })
}

fn has(repo: &Repo, manifest: crate::id::Id<crate::id::Node>, path: &str) -> Result<bool> {
    Ok(path.is_empty() || !below(repo, manifest, path)?.is_empty())
}

/// The entries at a path and below it.
fn below(repo: &Repo, manifest: crate::id::Id<crate::id::Node>, path: &str) -> Result<Vec<crate::object::node::Entry>> {
    let store = &**repo.store();
    let mut found: Vec<_> = manifest::find(store, manifest, path)?.into_iter().collect();
    let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
    for entry in Entries::from_path(store, manifest, &prefix)? {
        let entry = entry?;
        if !entry.path.as_str().starts_with(&prefix) {
            break;
        }
        found.push(entry);
    }
    Ok(found)
}

/// The dataset that all paths lie in, and the paths within it.
fn places<'a>(repo: &'a Repo, typed: &[PathBuf]) -> Result<(&'a Dataset, Vec<String>)> {
    let mut dataset: Option<&Dataset> = None;
    let mut paths = Vec::new();
    for path in typed {
        let inside = repo.inside(path)?;
        let holds = |d: &&Dataset| {
            d.path == "." || inside.strip_prefix(d.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let Some(found) = repo.config().datasets().find(holds) else {
            return Err(Error::new(Kind::PathNotFound, format!("{} lies in no dataset", path.display()))
                .with_hint("'hlx dataset list' shows their folders"));
        };
        if dataset.is_some_and(|d| d.name != found.name) {
            return Err(Error::usage("the files lie in different datasets").with_hint("restore one dataset's files at a time"));
        }
        dataset = Some(found);
        let rest = if found.path == "." { &inside[..] } else { inside[found.path.len()..].trim_start_matches('/') };
        if !rest.is_empty() {
            DataPath::new(rest).map_err(|why| Error::usage(format!("{} is no path in a dataset: {why}", path.display())))?;
        }
        paths.push(rest.to_owned());
    }
    dataset.map(|dataset| (dataset, paths)).ok_or_else(|| Error::usage("name the files to restore"))
}
