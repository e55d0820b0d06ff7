//! `hlx checkout`: makes the workspace, or a new folder, exactly what a version says.

use std::path::PathBuf;

use serde::Serialize;

use crate::error::Result;
use crate::fs::atomic;
use crate::fs::beneath::Root;
use crate::id::{Id, Version as VersionId};
use crate::object::version::Number;
use crate::ops::paths;
use crate::path::from_user;
use crate::progress::{Progress, Stage};
use crate::repo::revision::Found;
use crate::repo::{Repo, revision};
use crate::worktree::cache;
use crate::worktree::checkout::{self, Applied, Target};
use crate::worktree::scan::Scan;
use crate::worktree::selection::Selection;
use crate::worktree::state::{self, State};

/// What to check out, and where.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The version.
    pub revision: String,
    /// A folder to make instead of changing the workspace; absent or empty.
    pub into: Option<PathBuf>,
    /// Globs of which a path must match one.
    pub include: Vec<String>,
    /// Globs of which a path must match none.
    pub exclude: Vec<String>,
    /// Files and folders to bring into the workspace, which stays one of the version that it was made from.
    pub paths: Vec<String>,
    /// Replaces and removes uncommitted work.
    pub force: bool,
}

/// What was done.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: Number,
    /// The version's id.
    pub id: Id<VersionId>,
    /// The folder.
    pub path: String,
    /// Entries that were written.
    pub written: u64,
    /// Entries that were removed.
    pub removed: u64,
    /// Entries that were right already.
    pub unchanged: u64,
    /// Bytes that were written.
    pub bytes_written: u64,
    /// Uncommitted files that were replaced or removed.
    pub discarded: u64,
}

/// Checks a version out.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    let found = revision::version(repo, &options.revision)?;
    let paths = paths(repo, options, &found)?;
    let selection = Selection { include: options.include.clone(), exclude: options.exclude.clone(), paths };
    let selection = (!selection.is_all()).then_some(selection);
    if let Some(into) = &options.into {
        let matcher = selection.as_ref().map(Selection::matcher).transpose()?;
        let target = Target { manifest: found.version.manifest, selection: matcher.as_ref() };
        progress.begin(Stage::Write, 0, 0);
        let applied = checkout::staged(repo.store(), into, &target, progress)?;
        return Ok(report(found, into.display().to_string(), applied, 0));
    }
    if options.paths.is_empty() {
        return in_place(repo, options, found, selection, progress);
    }
    let _workspace = state::lock(repo.store().layout(), &found.version.dataset)?;
    let restored = paths::bring_back(repo, &found, &selection.unwrap_or_default(), &[], options.force, progress)?;
    Ok(report(found, restored.folder.display().to_string(), restored.applied, restored.discarded))
}

/// The paths of the version that were named; none for all of it.
fn paths(repo: &Repo, options: &Options, found: &Found) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for typed in &options.paths {
        let path = match repo.config().dataset(&found.version.dataset) {
            Some(dataset) => paths::in_dataset(repo, dataset, typed)?,
            None => from_user(typed)?,
        };
        if checkout::below(repo.store(), found.version.manifest, &path)?.is_empty() {
            return Err(paths::unknown(repo, found, &path));
        }
        paths.push(path);
    }
    Ok(if paths.iter().any(String::is_empty) { Vec::new() } else { paths })
}

fn report(found: Found, path: String, applied: Applied, discarded: u64) -> Report {
    Report {
        dataset_name: found.version.dataset,
        version: found.version.number,
        id: found.id,
        path,
        written: applied.written,
        removed: applied.removed,
        unchanged: applied.unchanged,
        bytes_written: applied.bytes,
        discarded,
    }
}

fn in_place(
    repo: &Repo,
    options: &Options,
    found: Found,
    selection: Option<Selection>,
    progress: &dyn Progress,
) -> Result<Report> {
    let name = &found.version.dataset;
    let dataset = repo.dataset(Some(name))?;
    let (store, layout) = (repo.store(), repo.store().layout());
    let _workspace = state::lock(layout, name)?;
    let before = State::load(layout, name)?;
    let folder = repo.folder(dataset);
    atomic::ensure_folder(&folder)?;
    let root = Root::open(&folder)?;
    let matcher = selection.as_ref().map(Selection::matcher).transpose()?;
    let target = Target { manifest: found.version.manifest, selection: matcher.as_ref() };
    progress.begin(Stage::Write, 0, 0);
    let head = before.head.map(|id| repo.version(id)).transpose()?.map(|v| v.manifest);
    let scan = || Scan::tolerant(&root, cache::Reader::open(&cache::path(layout, name)));
    let survey = checkout::survey(store, &root, scan()?, head, &target, progress)?;
    if !options.force {
        survey.refuse_loss()?;
    }
    checkout::check_names(store, &folder, &folder, &target)?;
    let rows = cache::Writer::create(layout, name)?;
    let applied = checkout::apply(store, &root, scan, &survey, &target, rows, progress)?;
    State { head: Some(found.id), selection }.save(layout, name)?;
    Ok(report(found, folder.display().to_string(), applied, survey.uncommitted()))
}
