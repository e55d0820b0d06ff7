//! `hlx compare`: what differs between two versions, in numbers.

use serde::Serialize;

use crate::error::Result;
use crate::manifest::{Change, Diff};
use crate::object::node::Entry;
use crate::object::version::ChangeType;
use crate::ops::changes::Changes;
use crate::ops::judge::{self, SampleChanges};
use crate::ops::samples::{self, Files, Sides};
use crate::progress::{Progress, Stage};
use crate::repo::revision::{self, Found};
use crate::repo::{Repo, Thresholds};
use crate::sample::schema;
use crate::worktree::compare::pair;

/// What differs, in numbers. Samples are `None` while they are not counted.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The old side.
    pub version1: String,
    /// The new side.
    pub version2: String,
    /// Samples of the new side less those of the old.
    pub sample_difference: Option<i64>,
    /// Files of the new side less those of the old.
    pub file_difference: i64,
    /// Bytes of the new side less those of the old.
    pub size_difference_bytes: i64,
    /// Samples that only the new side has.
    pub samples_added: Option<u64>,
    /// Samples that only the old side has.
    pub samples_removed: Option<u64>,
    /// Samples that both sides have, differently.
    pub samples_modified: Option<u64>,
    /// What became of the schema.
    pub schema_changes: Vec<schema::Change>,
    /// How big the change is.
    pub change_type: ChangeType,
    /// The change in words.
    pub change_summary: String,
    /// Files that only the new side has.
    pub files_added: u64,
    /// Files that differ.
    pub files_modified: u64,
    /// Files that only the old side has.
    pub files_removed: u64,
}

/// Compares two versions.
pub fn run(repo: &Repo, from: &str, to: &str, progress: &dyn Progress) -> Result<Report> {
    let (a, b) = (revision::version(repo, from)?, revision::version(repo, to)?);
    let changes = Changes::between(&**repo.store(), &a.version, b.version.manifest)?;
    let samples = samples(repo, &a, &b, progress)?;
    let (old, new) = (a.version.statistics, b.version.statistics);
    let Changes { added, modified, removed, bytes, .. } = changes;
    let (change_type, change_summary) = match &samples {
        Some((samples, thresholds)) => (samples.kind(thresholds), samples.words()),
        None => {
            let files = format!("{added} files added, {modified} modified, {removed} removed");
            (ChangeType::of_share(bytes, old.bytes), files)
        }
    };
    let samples = samples.map(|(samples, _)| samples);
    let counts = samples.as_ref().map(|samples| samples.counts);
    Ok(Report {
        version1: format!("{}@{}", a.version.dataset, a.version.number),
        version2: format!("{}@{}", b.version.dataset, b.version.number),
        sample_difference: old.samples.zip(new.samples).map(|(old, new)| new as i64 - old as i64),
        file_difference: new.files as i64 - old.files as i64,
        size_difference_bytes: new.bytes as i64 - old.bytes as i64,
        samples_added: counts.map(|counts| counts.added),
        samples_removed: counts.map(|counts| counts.removed),
        samples_modified: counts.map(|counts| counts.modified),
        schema_changes: samples.map(|samples| samples.schema).unwrap_or_default(),
        change_type,
        change_summary,
        files_added: added,
        files_modified: modified,
        files_removed: removed,
    })
}

/// What changed in the samples; `None` unless both versions know theirs.
fn samples(repo: &Repo, a: &Found, b: &Found, progress: &dyn Progress) -> Result<Option<(SampleChanges, Thresholds)>> {
    let (Some((before, count)), Some((after, _))) = (judge::known(repo, &a.version)?, judge::known(repo, &b.version)?) else {
        return Ok(None);
    };
    let (dataset, rules) = samples::rules(repo, &b.version.dataset)?;
    let mut sides: Vec<Sides> = Vec::new();
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for change in Diff::new(&**repo.store(), a.version.manifest, b.version.manifest)? {
        match change? {
            Change::Added(new) => added.push(new),
            Change::Removed(old) => removed.push(old),
            Change::Modified(old, new) => sides.push((Some(old), Some(new))),
        }
    }
    let code = |entry: &Entry| entry.samples.map(|samples| samples.reader);
    for (old, new) in pair(&mut removed, &mut added) {
        if code(&old) != code(&new) {
            sides.extend([(Some(old), None), (None, Some(new))]);
        }
    }
    sides.extend(removed.into_iter().map(|old| (Some(old), None)));
    sides.extend(added.into_iter().map(|new| (None, Some(new))));
    progress.begin(Stage::Scan, sides.len() as u64, 0);
    let counts = Files { repo, rules, work: None, sides }.leftovers(progress, |_| {})?.counts();
    let changes = SampleChanges { counts, before: count, schema: schema::Change::between(&before, &after) };
    Ok(Some((changes, dataset.thresholds)))
}
