//! `hlx compare`: what differs between two versions, in numbers.

use serde::Serialize;

use crate::diff::{FileChanges, SchemaChange, SplitMove, TreeChanges};
use crate::error::{ErrorKind, Result, counted};
use crate::object::version::ChangeType;
use crate::ops::sample_diff;
use crate::ops::{DamageList, Drift};
use crate::progress::Progress;
use crate::repo::revision::RevisionContext;
use crate::repo::{Repo, revision, status};

/// The differences of two versions, in numbers. Samples are `None` while they are not counted.
#[derive(Clone, Debug, Serialize)]
pub struct CompareReport {
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
    /// Samples that moved from one split to another and are the same otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples_moved: Vec<SplitMove>,
    /// The changes of the schema.
    pub schema_changes: Vec<SchemaChange>,
    /// The size of the change.
    pub change_type: ChangeType,
    /// The change in words.
    pub change_summary: String,
    /// The number of files that differ.
    #[serde(flatten)]
    pub files: FileChanges,
    /// The measures of `drift` rules in both versions, by their latest verdicts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// That the versions belong to two datasets, where they do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The files whose samples could not be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// Compares two versions.
///
/// # Errors
/// `ErrorKind::VersionNotFound`; `Damaged` if a manifest cannot be read. Files whose samples cannot be read are listed in
/// the report.
pub fn run(repo: &Repo, from: &str, to: &str, progress: &dyn Progress) -> Result<CompareReport> {
    let a = revision::version(repo, from)?;
    let b = revision::version_in(repo, to, RevisionContext { dataset: Some(&a.version.dataset), ..RevisionContext::default() })?;
    let warnings = sample_diff::mismatch(repo, (&a.version.dataset, &a.version.name()), (&b.version.dataset, &b.version.name()));
    let changes = TreeChanges::between(&**repo.store(), &a.version, b.version.manifest)?;
    let mut damaged = DamageList::default();
    let samples = sample_diff::between_versions(repo, &a.version, &b.version, progress, &mut damaged)?;
    let (old, new) = (a.version.statistics, b.version.statistics);
    let TreeChanges { counts: files, bytes, .. } = changes;
    let (change_type, change_summary) = match &samples {
        Some((samples, thresholds)) => (samples.kind(thresholds), samples.describe()),
        None => {
            let FileChanges { files_added, files_modified, files_removed, files_renamed, .. } = files;
            let words = format!(
                "{} added, {files_modified} modified, {files_removed} removed, {files_renamed} renamed",
                counted(files_added, "file")
            );
            (ChangeType::of_share(bytes, old.bytes), words)
        }
    };
    let samples = samples.map(|(samples, _)| samples);
    let counts = samples.as_ref().map(|samples| samples.counts);
    Ok(CompareReport {
        version1: a.version.name(),
        version2: b.version.name(),
        sample_difference: old.samples.zip(new.samples).map(|(old, new)| new as i64 - old as i64),
        file_difference: new.files as i64 - old.files as i64,
        size_difference_bytes: new.bytes as i64 - old.bytes as i64,
        samples_added: counts.map(|counts| counts.added),
        samples_removed: counts.map(|counts| counts.removed),
        samples_modified: counts.map(|counts| counts.modified),
        samples_moved: samples.as_ref().map(|samples| samples.moved.clone()).unwrap_or_default(),
        schema_changes: samples.map(|samples| samples.schema).unwrap_or_default(),
        change_type,
        change_summary,
        files,
        drift: drift(repo, &a, &b)?,
        warnings: warnings.into_iter().collect(),
        damaged,
    })
}

/// Returns the measures of two versions. A verdict that cannot be read has none; `hlx verify` reports it.
fn drift(repo: &Repo, a: &revision::ResolvedVersion, b: &revision::ResolvedVersion) -> Result<Vec<Drift>> {
    let facts = match repo.folded_facts() {
        // Which verdict is the last is not known then.
        Err(e) if e.is_skippable() => return Ok(Vec::new()),
        facts => facts?,
    };
    let verdict = |side: &revision::ResolvedVersion| match status::verdict(repo, &facts, side.id, &side.version) {
        Err(e) if e.kind() == ErrorKind::Damaged => Ok(None),
        verdict => verdict,
    };
    Ok(Drift::between(verdict(a)?.as_ref(), verdict(b)?.as_ref()))
}
