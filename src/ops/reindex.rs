//! `hlx reindex`: rebuilds what is derived from the packs and the refs.

use serde::Serialize;

use crate::catalog;
use crate::error::{Kind, Result};
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::store::verify;

/// What was rebuilt.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Packs that were read.
    pub packs: u64,
    /// Objects that were found in them.
    pub objects: u64,
    /// Versions of all datasets.
    pub versions: u64,
    /// Packs whose table of contents could not be read, and packs of structure of which any byte is another, and why.
    pub damaged: Vec<String>,
    /// Versions that have a ref and cannot be read, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

impl Report {
    /// Whether every pack and every version could be read.
    pub fn is_whole(&self) -> bool {
        self.damaged.is_empty() && self.unreadable.is_empty()
    }
}

/// Rebuilds the tables from the packs, and the catalog from the versions. Reads the packs of structure whole, of those of
/// data the tables of contents.
pub fn run(repo: &Repo, progress: &dyn Progress) -> Result<Report> {
    let store = repo.store();
    progress.begin(Stage::Rebuild, 0, 0);
    let rebuilt = store.rebuild_tables(progress)?;
    let catalogued = match catalog::rebuild(repo, progress) {
        // Another process has it open, and keeps it up to date.
        Err(e) if e.kind() == Kind::Conflict => None,
        rebuilt => Some(rebuilt?),
    };
    let (versions, unreadable) = versions(repo, catalogued, progress)?;
    let mut damaged: Vec<String> = rebuilt.problems.iter().map(ToString::to_string).collect();
    verify::structure(store, progress, |path, e| {
        // One whose table of contents is damaged is named already.
        if !damaged.iter().any(|known| known.contains(&*path.to_string_lossy())) {
            damaged.push(e.to_string());
        }
    })?;
    Ok(Report { packs: rebuilt.packs, objects: rebuilt.objects, versions, damaged, unreadable })
}

/// The number of versions that can be read, and what is wrong with the others. Where the catalog has as many as there
/// are refs, all were read.
fn versions(repo: &Repo, catalogued: Option<u64>, progress: &dyn Progress) -> Result<(u64, Vec<String>)> {
    let (refs, mut numbers) = (repo.versions(), Vec::new());
    for dataset in refs.datasets()? {
        numbers.extend(refs.numbers(&dataset)?.into_iter().map(|number| (dataset.clone(), number)));
    }
    if catalogued == Some(numbers.len() as u64) {
        return Ok((numbers.len() as u64, Vec::new()));
    }
    let (mut readable, mut unreadable) = (0, Vec::new());
    for (dataset, number) in numbers {
        progress.check()?;
        match repo.numbered(&dataset, &number) {
            Ok(version) => readable += u64::from(version.is_some()),
            Err(e) if e.kind() == Kind::Interrupted => return Err(e),
            Err(e) => unreadable.push(e.to_string()),
        }
    }
    Ok((readable, unreadable))
}
