//! The derived files other than index tables: the catalog, cached evaluations and stat caches. Commands do without one that is
//! damaged; a repair puts it out of use.

use std::fs;
use std::path::{Path, PathBuf};

use crate::check::{Problem, Problems};
use crate::error::Result;
use crate::gate::check_cache;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::worktree::cache;

/// Checks the catalog, the cached evaluations and the stat caches. The problems are of the kinds `catalog-damaged`,
/// `evaluation-damaged` and `stat-cache-damaged`.
///
/// # Errors
/// If the user interrupts it, or may not read something.
pub fn check(repo: &Repo, progress: &dyn Progress, problems: &Problems) -> Result<()> {
    let root = repo.store().layout().root().to_owned();
    let report = |kind, path: &Path, checked: Result<()>| match checked {
        Err(e) if e.ends_check() => Err(e),
        Err(e) => {
            let entry = path.strip_prefix(&root).unwrap_or(path).display().to_string();
            problems
                .add(Problem::new(kind, format!("{e}; it is derived data, and is created again when it is needed")).entry(entry));
            Ok(())
        }
        Ok(()) => progress.check(),
    };
    report("catalog-damaged", &root.join("catalog"), repo.catalog().check())?;
    for folder in folders(&root.join("gate")).iter().flat_map(|dataset| folders(dataset)) {
        report("evaluation-damaged", &folder, check_cache(&folder))?;
    }
    for path in folders(&root.join("workspace")).iter().map(|folder| folder.join("stat.cache")) {
        report("stat-cache-damaged", &path, cache::check(&path))?;
    }
    Ok(())
}

/// Returns the folders in a folder, by name.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}
