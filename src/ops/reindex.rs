//! `hlx reindex`: rebuilds what is derived from the packs and the refs.

use serde::Serialize;

use crate::check::packs;
use crate::error::{ErrorKind, Result};
use crate::ops::{DamageList, damage};
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::store::presence::PresenceCheck;

/// The index that was rebuilt.
#[derive(Clone, Debug, Serialize)]
pub struct ReindexReport {
    /// Packs that were read.
    pub packs: u64,
    /// Objects that were found in them.
    pub objects: u64,
    /// Versions of all datasets.
    pub versions: u64,
    /// Packs whose table of contents could not be read, and packs of structure of which any byte is another, and why.
    pub damaged: Vec<String>,
    /// Versions that have a ref and cannot be read, and facts, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
    /// Versions that can be read and lack files or a schema, since a pack is lost, and which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
    /// Versions and facts that lie in the packs and have lost their refs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
}

impl ReindexReport {
    /// Returns true if every pack and every version could be read, and no version lacks anything or its ref.
    pub fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.damaged.is_empty() && self.unreadable.is_empty() && self.incomplete.is_empty()
    }
}

/// Rebuilds the tables from the packs, and the catalog from the versions. Reads the packs of structure whole, of those of
/// data the tables of contents.
///
/// # Errors
/// `ErrorKind::Conflict` if another process has the catalog open. Packs and versions that cannot be read are listed in the
/// report.
pub fn run(repo: &Repo, progress: &dyn Progress) -> Result<ReindexReport> {
    let store = repo.store();
    progress.begin(Stage::Rebuild, 0, 0);
    let rebuilt = store.rebuild_tables(progress)?;
    match repo.catalog().rebuild(progress) {
        // Another process has it open, and keeps it up to date.
        Err(e) if e.kind() == ErrorKind::Conflict => {}
        rebuilt => rebuilt?,
    }
    let mut damaged: Vec<String> = rebuilt.problems.iter().map(ToString::to_string).collect();
    packs::structure(store, progress, |_, path, e| {
        // One whose table of contents is damaged is named already.
        if !damaged.iter().any(|known| known.contains(&*path.to_string_lossy())) {
            damaged.push(e.to_string());
        }
    })?;
    let mut report = ReindexReport {
        packs: rebuilt.packs,
        objects: rebuilt.objects,
        versions: 0,
        damaged,
        unreadable: Vec::new(),
        incomplete: Vec::new(),
        lost: damage::lost_refs(repo)?.iter().map(ToString::to_string).collect(),
    };
    versions(repo, progress, &mut report)?;
    if let Err(e) = repo.facts().fold() {
        report.unreadable.push(format!("facts: {e}"));
    }
    Ok(report)
}

/// Counts the versions that can be read, and names the others and those that lack something. No data is read.
fn versions(repo: &Repo, progress: &dyn Progress, report: &mut ReindexReport) -> Result<()> {
    let (mut presence, mut damaged) = (PresenceCheck::new(repo.store()), DamageList::default());
    damage::versions(repo, None, &mut damaged, |_, version| {
        progress.check()?;
        report.versions += 1;
        let (schema, missing) = (repo.schema(&version).err(), presence.missing(version.manifest, progress)?);
        let reasons = schema.into_iter().map(|e| e.to_string()).chain(missing.map(|missing| missing.to_string()));
        report.incomplete.extend(reasons.map(|reason| format!("{}: {reason}", version.name())));
        Ok(())
    })?;
    report.unreadable.extend_from_slice(damaged.messages());
    Ok(())
}
