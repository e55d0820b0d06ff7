//! One evaluation of a version: from its files to a verdict, in two passes.
//!
//! The first pass ([`first_pass`](super::first_pass)) checks the records in which the version differs from its parent, or all
//! of them, and collects their keys; the second ([`second_pass`](super::second_pass)) finds the positions of the records with
//! findings. What does not differ from the parent is taken from its cached evaluation ([`cache`]). Invariant: a verdict is the
//! same whether the parent's evaluation was cached or not.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::cache::{self, CachedEvaluation};
use super::conflicts::{ConflictingKeys, DuplicatePolicy};
use super::coverage::{CacheCoverage, FindingsByFile};
use super::evaluator::Evaluator;
use super::file_set::FileSet;
use super::first_pass::{CheckedFile, FirstPass};
use super::flagged::FlaggedRecords;
use super::keys::{KeyCollector, MAX_GROUP_HASHES};
use super::measures::Measures;
use super::outcome::GateOutcome;
use super::precheck::{FilePrecheck, PrecheckedFiles};
use super::second_pass::{FlaggedFiles, SecondPass};
use super::spec::Check;
use super::worker::{GateWorker, KeyCollectors};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::staging::Staging;
use crate::id::{Id, NodeId};
use crate::manifest::NodeSource;
use crate::parallel;
use crate::progress::Stage;
use crate::store::Store;

/// Hashes of records with conflicting keys that are kept of a rule; beyond it every record is checked.
const MAX_HASHES: usize = 256 << 10;

/// Versions whose evaluations may be cached.
#[derive(Clone, Copy, Debug, Default)]
pub struct CachedManifests {
    /// The manifest that is evaluated, if it may have been before.
    pub own: Option<Id<NodeId>>,
    /// The manifest of the parent.
    pub parent: Option<Id<NodeId>>,
}

/// One run of the rules of a dataset over the changed files of a version.
pub struct Evaluation<'j> {
    evaluator: &'j Evaluator<'j>,
    /// The manifest whose evaluation is known; `None` if every file is checked.
    before: Option<Id<NodeId>>,
    cached: CachedEvaluation,
    /// The measures of the parent.
    parent_measures: Option<Measures>,
    staging: Staging,
    collectors: KeyCollectors,
    /// The files that were checked while they were compared.
    prechecked: Mutex<PrecheckedFiles>,
}

impl Evaluator<'_> {
    /// Evaluates files: all of them, or those that differ from a version whose evaluation is cached.
    pub fn evaluate<S: NodeSource + Sync>(
        &self,
        files: &FileSet<'_, S>,
        base: CachedManifests,
        keep: bool,
    ) -> Result<GateOutcome> {
        self.begin(base)?.finish(files, keep)
    }

    /// Begins an evaluation; files that are compared meanwhile may be checked along the way.
    pub fn begin(&self, base: CachedManifests) -> Result<Evaluation<'_>> {
        let parent_measures = match base.parent {
            Some(parent) if self.measures_drift() => Some(self.measures_of(parent)?),
            _ => None,
        };
        let own = base.own.filter(|&own| self.cache_folder(own).exists());
        let before = own.or(base.parent);
        let cached = before.and_then(|before| Some((before, self.cache_folder(before).load()?)));
        Evaluation::new(self, cached, parent_measures)
    }

    /// Returns the measures of a version, which is evaluated if they are not cached.
    fn measures_of(&self, manifest: Id<NodeId>) -> Result<Measures> {
        if let Some(measures) = self.cache_folder(manifest).load().and_then(|cached| cached.measures()) {
            return Ok(measures);
        }
        let store: &Store = self.store;
        let files = FileSet { nodes: store, manifest, workspace: None };
        let (_, measures) = Evaluation::new(self, None, None)?.finish_measured(&files, true)?;
        Ok(measures)
    }
}

impl<'j> Evaluation<'j> {
    fn new(
        evaluator: &'j Evaluator<'j>,
        known: Option<(Id<NodeId>, CachedEvaluation)>,
        parent_measures: Option<Measures>,
    ) -> Result<Evaluation<'j>> {
        let staging = cache::stage(&evaluator.store.layout().tmp(), &evaluator.folder)?;
        let rules = evaluator.rule_set.rules();
        let by_keys = rules.iter().filter(|rule| DuplicatePolicy::of(&rule.check).is_some()).count();
        let collector = || Mutex::new(KeyCollector::new(staging.path(), by_keys));
        let collectors = rules.iter().map(|rule| DuplicatePolicy::of(&rule.check).map(|_| collector())).collect();
        let (before, cached) = known.map_or((None, CachedEvaluation::default()), |(before, cached)| (Some(before), cached));
        Ok(Evaluation { evaluator, before, cached, parent_measures, staging, collectors, prechecked: Mutex::default() })
    }

    /// Returns a check for the records of a file, if only those that differ from the parent are checked and any rule checks
    /// records of the file.
    pub fn precheck(&'j self, path: &str) -> Option<FilePrecheck<'j>> {
        self.before.and_then(|_| FilePrecheck::new(self.evaluator, path, &self.prechecked, &self.collectors))
    }

    /// Checks the remaining records. With `keep` the evaluation is cached for the next version.
    pub fn finish<S: NodeSource + Sync>(self, files: &FileSet<'_, S>, keep: bool) -> Result<GateOutcome> {
        self.finish_measured(files, keep).map(|(outcome, _)| outcome)
    }

    /// Checks the remaining records as [`Evaluation::finish`] does, and returns the measures too.
    fn finish_measured<S: NodeSource + Sync>(self, files: &FileSet<'_, S>, keep: bool) -> Result<(GateOutcome, Measures)> {
        let Evaluation { evaluator, before, .. } = self;
        let parent_measures = self.parent_measures.clone();
        match (self.run(files, keep), before) {
            // The cache is derived: where it is damaged, every file is checked.
            (Err(e), Some(before)) if e.kind() == ErrorKind::Damaged => {
                evaluator.cache_folder(before).remove()?;
                Evaluation::new(evaluator, None, parent_measures)?.run(files, keep)
            }
            (done, _) => done,
        }
    }

    fn run<S: NodeSource + Sync>(mut self, files: &FileSet<'_, S>, keep: bool) -> Result<(GateOutcome, Measures)> {
        self.prechecked.get_mut().unwrap_or_else(PoisonError::into_inner).check()?;
        let evaluator = self.evaluator;
        let rules = evaluator.rule_set.rules();
        let mut cached = std::mem::take(&mut self.cached);
        let mut measures = match self.before {
            Some(_) => {
                cached.measures().filter(|_| cached.measures.len() == rules.len()).ok_or_else(|| Error::damaged("other rules"))?
            }
            None => Measures::new(rules.len()),
        };
        let mut by_file: FindingsByFile = std::mem::take(&mut cached.files).into_iter().collect();
        let most = evaluator.max_positions();
        let mut coverage = CacheCoverage::of(most, rules.len(), &by_file, cached.truncated, cached.key_checksums);
        let flagged = self.check_changes(files, &mut measures, &mut by_file, &mut coverage)?;
        let (conflicts, mut failed) = self.merge_keys(&measures, &coverage)?;
        for (rule, declared) in rules.iter().enumerate().filter(|(_, rule)| DuplicatePolicy::of(&rule.check).is_none()) {
            failed[rule] =
                if matches!(declared.check, Check::Drift { .. } | Check::Command { .. }) { 0 } else { measures.failures(rule) };
        }
        let second = SecondPass { evaluator, files, before: self.before, most };
        let (placed, truncated) = second.locate(&flagged, &conflicts, by_file, &coverage, &measures)?;
        let outcome = evaluator.outcome(files, &placed, &measures, self.parent_measures.as_ref(), failed)?;
        if keep {
            let lists = (0..rules.len()).map(|rule| measures.to_list(rule)).collect();
            let sums = (0..rules.len()).map(|rule| cache::keys_checksum(&cache::keys(self.staging.path(), rule))).collect();
            let cached =
                CachedEvaluation { measures: lists, files: placed.into_iter().collect(), truncated, key_checksums: sums };
            // Where the disk does not allow it, every file of the next version is checked.
            let _ = evaluator.cache_folder(files.manifest).store(self.staging, &cached);
        }
        Ok((outcome, measures))
    }

    /// Runs the first pass: adds the changes to the measures, removes the findings of changed files, and returns the flagged
    /// records of those whose positions are reported.
    fn check_changes<S: NodeSource + Sync>(
        &self,
        files: &FileSet<'_, S>,
        measures: &mut Measures,
        by_file: &mut FindingsByFile,
        coverage: &mut CacheCoverage,
    ) -> Result<FlaggedFiles> {
        let evaluator = self.evaluator;
        let Evaluation { before, prechecked, collectors, .. } = self;
        let first = FirstPass { evaluator, files, before: *before, prechecked, collectors };
        let (count, bytes) = if evaluator.progress.is_watched() { first.total()? } else { (0, 0) };
        evaluator.progress.begin(Stage::Validate, count, bytes);
        let mut flagged = FlaggedFiles::new();
        parallel::ordered(
            first.tasks()?,
            2 * parallel::threads(),
            || GateWorker::new(evaluator),
            |worker, task| first.check_file(worker, task),
            |CheckedFile { sides, measures: own_measures, flagged: mut own }| {
                measures.absorb(own_measures);
                if let Some(path) = sides.0.iter().chain(&sides.1).next().map(|entry| entry.path.as_str()) {
                    coverage.change(path);
                    let old = by_file.remove(path).into_iter().flat_map(|old| old.findings);
                    old.for_each(|finding| own.push_cached(&finding));
                    own.sort();
                }
                if let (Some(entry), true) = (sides.1, coverage.wants(&own)) {
                    let (_, all) = flagged.entry(entry.path.clone()).or_insert_with(|| (entry, FlaggedRecords::default()));
                    all.extend(own);
                }
                Ok(())
            },
        )?;
        Ok(flagged)
    }

    /// Merges the collected keys with those of the parent. Returns the first conflicting keys of each rule, and the number of
    /// records with such a key by rule.
    fn merge_keys(&mut self, measures: &Measures, coverage: &CacheCoverage) -> Result<(ConflictingKeys, Vec<u64>)> {
        let collectors = std::mem::take(&mut self.collectors);
        let rules = collectors.len();
        let mut conflicts = ConflictingKeys::new(rules);
        let mut failed = vec![0; rules];
        for (rule, collector) in collectors.into_iter().enumerate() {
            let Some(collector) = collector else { continue };
            let collector = collector.into_inner().unwrap_or_else(PoisonError::into_inner);
            let before = self.before.map(|before| self.evaluator.cache_folder(before).keys(rule));
            let differs =
                |before: &PathBuf| !before.exists() || coverage.keys_checksum(rule) != Some(cache::keys_checksum(before));
            if before.as_ref().is_some_and(differs) {
                return Err(Error::damaged("the cached results of the parent are incomplete"));
            }
            let check = &self.evaluator.rule_set.rules()[rule].check;
            let (mut hashes, mut anywhere, mut every) = (HashSet::<u64>::new(), coverage.is_truncated(rule), false);
            let (own, expected) = (&mut conflicts.keys[rule], &mut conflicts.expected[rule]);
            collector.merge(before.as_deref(), &cache::keys(self.staging.path(), rule), &mut |group| {
                let [one, test] = group.counts;
                let count = match DuplicatePolicy::of(check) {
                    Some(DuplicatePolicy::Leak) if test > 0 => one,
                    Some(DuplicatePolicy::Repetition(_)) => one.saturating_sub(1),
                    _ => 0,
                };
                failed[rule] += count;
                if count > 0 && own.len() < coverage.most {
                    *expected += count;
                    own.insert(group.key);
                    anywhere |= group.changed || !coverage.has(rule, &group.key);
                    every |= group.hashes.len() >= MAX_GROUP_HASHES || hashes.len() > MAX_HASHES;
                    if !every {
                        hashes.extend(&group.hashes);
                    }
                }
                Ok(())
            })?;
            if let Some(max_share) = check.max_share()
                && u128::from(failed[rule]) * 1_000_000 <= u128::from(max_share) * u128::from(measures.records(rule))
            {
                (failed[rule], *expected) = (0, 0);
                own.clear();
            }
            if !own.is_empty() {
                conflicts.hashes.extend(hashes);
                conflicts.anywhere |= anywhere;
                conflicts.all |= every;
            }
        }
        Ok((conflicts, failed))
    }
}
