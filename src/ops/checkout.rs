//! `hlx checkout`: makes the workspace, or a new folder, exactly what a version says.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{Id, VersionId};
use crate::manifest::Entries;
use crate::object::version::VersionNumber;
use crate::ops::{PartialCheckout, in_place, paths};
use crate::path::{from_user, printable};
use crate::progress::{Progress, Stage};
use crate::repo::revision::{ResolvedVersion, RevisionContext};
use crate::repo::{Repo, revision};
use crate::selection::Selection;
use crate::spelling;
use crate::worktree::checkout::{self, CheckoutCounts, CheckoutTarget};
use crate::worktree::stamp::Stamp;
use crate::worktree::state;

/// Paths of a version that are compared with a pattern that matches none.
const COMPARED: usize = 10_000;

/// The version to check out, and where.
#[derive(Clone, Debug, Default)]
pub struct CheckoutOptions {
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

/// The result of a checkout.
#[derive(Clone, Debug, Serialize)]
pub struct CheckoutReport {
    /// The dataset.
    pub dataset_name: String,
    /// The version.
    pub version: VersionNumber,
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
    /// The number of files of the version that the folder has, where it has a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialCheckout>,
}

/// Checks a version out. The name of a dataset alone means its latest version.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `PathNotFound` for a path or pattern without files; `DirtyWorkspace` if bytes would be
/// lost that no version has and `force` is not set; `Conflict` if the other folder is not empty, or a file changes
/// meanwhile.
pub fn run(repo: &Repo, options: &CheckoutOptions, progress: &dyn Progress) -> Result<CheckoutReport> {
    let context = RevisionContext { latest: true, ..RevisionContext::default() };
    let resolved = revision::version_in(repo, &options.revision, context)?;
    let paths = paths(repo, options, &resolved)?;
    let selection = Selection { include: options.include.clone(), exclude: options.exclude.clone(), paths };
    let selection = (!selection.is_all()).then_some(selection);
    if let Some(selection) = &selection {
        check_selects(repo, &resolved, selection)?;
    }
    if let Some(into) = &options.into {
        refuse_inside(repo, into, &resolved.version.dataset)?;
        let matcher = selection.as_ref().map(Selection::matcher).transpose()?;
        let target = CheckoutTarget { manifest: resolved.version.manifest, selection: matcher.as_ref() };
        progress.begin(Stage::Write, 0, 0);
        let stamp = Stamp::of(resolved.id, &resolved.version, selection.clone());
        let applied = checkout::staged(repo.store(), into, &target, &stamp, progress)?;
        let partial = PartialCheckout::new(repo.store(), selection.as_ref(), &resolved.version)?;
        return Ok(report(resolved, into.display().to_string(), applied, 0, partial));
    }
    if options.paths.is_empty() {
        let done = in_place::run(repo, &resolved, selection, options.force, progress)?;
        return Ok(report(resolved, done.folder.display().to_string(), done.applied, done.discarded, done.partial));
    }
    let _workspace = state::lock(repo.store().layout(), &repo.dataset(Some(&resolved.version.dataset))?.name)?;
    let restored = paths::restore_files(repo, &resolved, &selection.unwrap_or_default(), &[], options.force, progress)?;
    Ok(report(resolved, restored.folder.display().to_string(), restored.applied, restored.discarded, None))
}

/// Fails if a folder is in the folder of a dataset: what is written there would become part of the dataset. The hint is a
/// folder for a version of the dataset `name`.
fn refuse_inside(repo: &Repo, into: &Path, name: &str) -> Result<()> {
    let path = std::path::absolute(into).map_err(|e| Error::io("cannot find", into, e))?;
    // Symlinks lead elsewhere; of what does not exist yet, only the folders above it can be one.
    let existing = path.ancestors().find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    let path = match existing {
        Some((folder, real)) => path.strip_prefix(folder).map(|rest| real.join(rest)).unwrap_or(real),
        None => path,
    };
    let root = repo.root();
    for dataset in repo.config().datasets() {
        let folder = repo.folder(dataset);
        if !path.starts_with(folder.canonicalize().unwrap_or(folder)) {
            continue;
        }
        let (shown, owner) = (into.display(), &dataset.name);
        let message = format!("{shown} is inside the folder of '{owner}'; the files would become part of the dataset");
        let beside = if dataset.path == "." { root.parent().unwrap_or(root) } else { root };
        let hint = format!("use a folder outside of it, such as {}", beside.join(format!("{name}-copy")).display());
        return Err(Error::new(ErrorKind::Conflict, message).with_hint(hint));
    }
    Ok(())
}

/// Returns the paths of the version that were named; none for all of it.
fn paths(repo: &Repo, options: &CheckoutOptions, resolved: &ResolvedVersion) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for typed in &options.paths {
        let path = match repo.config().dataset(&resolved.version.dataset) {
            Some(dataset) => paths::in_dataset(repo, dataset, typed)?,
            None => from_user(typed)?,
        };
        if checkout::below(repo.store(), resolved.version.manifest, &path)?.is_empty() {
            return Err(paths::unknown(repo, resolved, &path));
        }
        paths.push(path);
    }
    Ok(if paths.iter().any(String::is_empty) { Vec::new() } else { paths })
}

/// Fails if a pattern of the selection matches no file of the version, or nothing is left of it.
fn check_selects(repo: &Repo, resolved: &ResolvedVersion, selection: &Selection) -> Result<()> {
    let one = |glob: &String| Selection { include: vec![glob.clone()], ..Selection::default() }.matcher();
    let mut unmatched = Vec::new();
    for (flag, globs) in [("--include", &selection.include), ("--exclude", &selection.exclude)] {
        for glob in globs {
            unmatched.push((flag, glob, one(glob)?));
        }
    }
    let (whole, mut any, mut paths) = (selection.matcher()?, false, Vec::new());
    for entry in Entries::new(&**repo.store(), resolved.version.manifest)? {
        let entry = entry?;
        let path = entry.path.as_str();
        any = any || whole.selects(path);
        unmatched.retain(|(_, _, matcher)| !matcher.selects(path));
        if any && unmatched.is_empty() {
            return Ok(());
        }
        if paths.len() < COMPARED {
            paths.push(path.to_owned());
        }
    }
    let version = resolved.version.name();
    let error =
        |message: String| Error::new(ErrorKind::PathNotFound, message).with_hint(format!("list its files: hlx ls -r {version}"));
    if let Some((flag, glob, _)) = unmatched.first() {
        let folders = paths.iter().filter_map(|path| Some(path.rsplit_once('/')?.0.to_owned()));
        // Patterns start at the folder of the dataset, where paths are typed where the user stands.
        let typed = repo.config().dataset(&resolved.version.dataset).and_then(|of| paths::in_dataset(repo, of, glob).ok());
        let typed = typed.filter(|glob| one(glob).is_ok_and(|matcher| paths.iter().any(|path| matcher.selects(path))));
        let near = || spelling::nearest(glob.trim_end_matches("/**"), folders.chain(paths.iter().cloned()));
        let near = typed.or_else(near);
        let question = spelling::suggestion(near);
        return Err(error(format!("{flag} '{}' matches no file of {version}{question}", printable(glob))));
    }
    match any || paths.is_empty() {
        true => Ok(()),
        false => Err(error(format!("the patterns select no file of {version}"))),
    }
}

fn report(
    resolved: ResolvedVersion,
    path: String,
    applied: CheckoutCounts,
    discarded: u64,
    partial: Option<PartialCheckout>,
) -> CheckoutReport {
    CheckoutReport {
        dataset_name: resolved.version.dataset,
        version: resolved.version.number,
        id: resolved.id,
        path,
        written: applied.written,
        removed: applied.removed,
        unchanged: applied.unchanged,
        bytes_written: applied.bytes,
        discarded,
        partial,
    }
}
