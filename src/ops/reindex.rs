//! `hlx reindex`: rebuilds what is derived from the packs and the refs.

use serde::Serialize;

use crate::catalog;
use crate::error::{Kind, Result};
use crate::progress::{Progress, Stage};
use crate::repo::Repo;

/// What was rebuilt.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Packs that were read.
    pub packs: u64,
    /// Objects that were found in them.
    pub objects: u64,
    /// Versions of all datasets.
    pub versions: u64,
    /// Packs that could not be read, and why.
    pub damaged: Vec<String>,
}

/// Rebuilds the tables from the packs, and the catalog from the versions.
pub fn run(repo: &Repo, progress: &dyn Progress) -> Result<Report> {
    let store = repo.store();
    progress.begin(Stage::Rebuild, 0, 0);
    let rebuilt = store.rebuild_tables(progress)?;
    let versions = match catalog::rebuild(repo, progress) {
        // Another process has it open, and keeps it up to date.
        Err(e) if e.kind() == Kind::Conflict => {
            let refs = repo.versions();
            refs.datasets()?.iter().map(|dataset| Ok(refs.numbers(dataset)?.len() as u64)).sum::<Result<u64>>()?
        }
        rebuilt => rebuilt?,
    };
    Ok(Report {
        packs: rebuilt.packs,
        objects: rebuilt.objects,
        versions,
        damaged: rebuilt.problems.iter().map(ToString::to_string).collect(),
    })
}
