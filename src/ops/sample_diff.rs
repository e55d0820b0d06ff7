//! The differences of the samples of two stored versions.

use crate::diff::{Differences, FileEntry, SampleChanges, SchemaChange, Thresholds};
use crate::error::Result;
use crate::object::version::Version;
use crate::ops::DamageList;
use crate::ops::samples::{self, ChangedFiles, FilePair};
use crate::progress::{Progress, Stage};
use crate::repo::Repo;

/// Warns of two sides that belong to different datasets, each given by its dataset and its name.
pub(super) fn mismatch(repo: &Repo, a: (&str, &str), b: (&str, &str)) -> Option<String> {
    let is_one = repo.config().current(a.0) == repo.config().current(b.0);
    (!is_one).then(|| format!("comparing {} with {}, two different datasets", a.1, b.1))
}

/// Compares the samples of two versions; `None` unless both are counted.
pub(super) fn between_versions(
    repo: &Repo,
    a: &Version,
    b: &Version,
    progress: &dyn Progress,
    damaged: &mut DamageList,
) -> Result<Option<(SampleChanges, Thresholds)>> {
    let (Some((before, count)), Some((after, _))) = (repo.sample_statistics(a)?, repo.sample_statistics(b)?) else {
        return Ok(None);
    };
    let (dataset, config) = samples::reader_config(repo, &b.dataset)?;
    let files = Differences::between(&**repo.store(), a.manifest, b.manifest)?;
    let both = files.modified.into_iter().chain(files.reread);
    let mut sides: Vec<FilePair> = both.map(|(old, new)| (Some(old), Some(new))).collect();
    let reader = |file: &FileEntry| file.samples.as_ref().map(|samples| samples.reader.clone());
    let mut moves = samples::moved_files(&config, &files.renamed);
    for (old, new) in files.renamed {
        if reader(&old) != reader(&new) {
            sides.extend([(Some(old), None), (None, Some(new))]);
        }
    }
    sides.extend(files.removed.into_iter().map(|old| (Some(old), None)));
    sides.extend(files.added.into_iter().map(|new| (None, Some(new))));
    let bytes = sides.iter().map(|(old, new)| old.iter().chain(new).map(|file| file.size).max().unwrap_or(0)).sum();
    progress.begin(Stage::Scan, sides.len() as u64, bytes);
    let mut files = ChangedFiles { repo, config, workspace: None, sides };
    let unmatched = files.unmatched(progress, damaged, |_| {})?.0;
    unmatched.moves().iter().for_each(|(splits, count)| *moves.entry(*splits).or_default() += count);
    let (counts, splits) = (unmatched.counts(), files.config.splits());
    let schema = SchemaChange::between(&before, &after, dataset.thresholds.field_share);
    let (moved, moves_count) = (splits.named(&moves), splits.are_declared());
    let changes = SampleChanges { counts, moved, moves_count, before: count, schema };
    Ok(Some((changes, dataset.thresholds)))
}
