//! A judgement under way: what is known from before, and what was found so far.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::cache::{self, CachedEvaluation};
use super::evaluator::{EntryPair, Evaluator, FileSet, GateOutcome, duplicate_policy};
use super::first_pass::{FlaggedRecords, KeyCollectors};
use super::precheck::PrecheckedFiles;
use super::second_pass::{CacheCoverage, ConflictingKeys, DuplicatePolicy, FindingsByFile, FlaggedFiles};
use crate::diff::{FilePart, parts};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::Staging;
use crate::gate::{Check, KeyCollector, MAX_MEMBERS, Measures};
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, EntryChange, ManifestDiff, NodeSource};
use crate::object::node::Entry;
use crate::parallel;
use crate::progress::Stage;
use crate::sample::Side;

/// Hashes of records with a repeated key that are kept of a rule; beyond it every record is asked for its key.
const MAX_HASHES: usize = 256 << 10;

/// The input of a worker: a file, or a part of one.
pub(super) struct FileTask {
    pub sides: EntryPair,
    pub part: Option<FilePart>,
}

/// A judgement under way.
pub struct Evaluation<'j> {
    pub(super) evaluator: &'j Evaluator<'j>,
    /// The manifest whose judgement is known; `None` where all is judged.
    pub(super) before: Option<Id<NodeId>>,
    cached: CachedEvaluation,
    /// The measures of the parent.
    pub(super) parent_measures: Option<Measures>,
    staging: Staging,
    pub(super) collectors: KeyCollectors,
    /// The files that were checked while they were compared.
    pub(super) prechecked: Mutex<PrecheckedFiles>,
    /// The first error of those checks.
    pub(super) error: Mutex<Option<Error>>,
}

impl<'j> Evaluation<'j> {
    pub(super) fn new(
        evaluator: &'j Evaluator<'j>,
        known: Option<(Id<NodeId>, CachedEvaluation)>,
        past: Option<Measures>,
    ) -> Result<Evaluation<'j>> {
        let staging = cache::stage(&evaluator.folder)?;
        let by_keys = evaluator.rule_set.rules().iter().filter(|rule| duplicate_policy(&rule.check).is_some()).count();
        let gathering = || Mutex::new(KeyCollector::new(staging.path(), by_keys));
        let gatherings =
            evaluator.rule_set.rules().iter().map(|rule| duplicate_policy(&rule.check).map(|_| gathering())).collect();
        let (before, cached) = known.map_or((None, CachedEvaluation::default()), |(before, cached)| (Some(before), cached));
        let (watched, fault) = (Mutex::default(), Mutex::default());
        Ok(Evaluation {
            evaluator,
            before,
            cached,
            parent_measures: past,
            staging,
            collectors: gatherings,
            prechecked: watched,
            error: fault,
        })
    }

    /// Judges what has not been looked at yet. With `store` what is found out is kept for the next version.
    pub fn finish<S: NodeSource + Sync>(self, files: &FileSet<'_, S>, keep: bool) -> Result<GateOutcome> {
        self.measured(files, keep).map(|(outcome, _)| outcome)
    }

    /// Checks the remaining records as [`Evaluation::finish`] does, and returns the measures too.
    pub(super) fn measured<S: NodeSource + Sync>(self, files: &FileSet<'_, S>, keep: bool) -> Result<(GateOutcome, Measures)> {
        let Evaluation { evaluator: judging, before, .. } = self;
        let past = self.parent_measures.clone();
        match (self.run(files, keep), before) {
            // What is kept is derived: where it is damaged, all is judged anew.
            (Err(e), Some(before)) if e.kind() == ErrorKind::Damaged => {
                judging.cache_folder(before).remove()?;
                Evaluation::new(judging, None, past)?.run(files, keep)
            }
            (done, _) => done,
        }
    }

    fn run<S: NodeSource + Sync>(mut self, files: &FileSet<'_, S>, keep: bool) -> Result<(GateOutcome, Measures)> {
        self.error.get_mut().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)?;
        let evaluator = self.evaluator;
        let rules = evaluator.rule_set.rules().len();
        let mut cached = std::mem::take(&mut self.cached);
        let mut measures = match self.before {
            Some(_) => {
                cached.measures().filter(|_| cached.measures.len() == rules).ok_or_else(|| Error::damaged("other rules"))?
            }
            None => Measures::new(rules),
        };
        let mut by_file: FindingsByFile = std::mem::take(&mut cached.files).into_iter().collect();
        let mut coverage = CacheCoverage::of(evaluator.max_positions(), rules, &by_file, cached.truncated, cached.key_checksums);
        let (count, bytes) = if evaluator.progress.is_watched() { self.total(files)? } else { (0, 0) };
        evaluator.progress.begin(Stage::Validate, count, bytes);
        let mut flagged = FlaggedFiles::new();
        let tasks = self.changes(files)?.flat_map(|sides| match sides.and_then(|sides| self.parts(files, sides)) {
            Ok(tasks) => tasks.into_iter().map(Ok).collect(),
            Err(e) => vec![Err(e)],
        });
        parallel::ordered(
            tasks,
            2 * parallel::threads(),
            || evaluator.worker(),
            |worker, work| self.check_file(worker, files, work),
            |looked| {
                measures.absorb(looked.measures);
                let path = looked.sides.0.iter().chain(&looked.sides.1).next().map(|entry| entry.path.clone());
                let mut own = looked.flagged;
                if let Some(path) = &path {
                    coverage.change(path.as_str());
                    by_file
                        .remove(path.as_str())
                        .into_iter()
                        .flat_map(|old| old.findings)
                        .for_each(|found| own.push_cached(&found));
                    own.sort();
                }
                if let (Some(entry), true) = (looked.sides.1, coverage.wants(&own)) {
                    let (_, all) = flagged.entry(entry.path.clone()).or_insert_with(|| (entry, FlaggedRecords::default()));
                    all.extend(own);
                }
                Ok(())
            },
        )?;
        let (conflicts, mut failed) = self.merge(&measures, &coverage)?;
        for (rule, declared) in
            evaluator.rule_set.rules().iter().enumerate().filter(|(_, rule)| duplicate_policy(&rule.check).is_none())
        {
            failed[rule] =
                if matches!(declared.check, Check::Drift { .. } | Check::Command { .. }) { 0 } else { measures.failures(rule) };
        }
        let (placed, truncated) = self.locate(files, &flagged, &conflicts, by_file, &coverage, &measures)?;
        let outcome = evaluator.outcome(files, &placed, &measures, self.parent_measures.as_ref(), failed)?;
        if keep {
            let lists = (0..rules).map(|rule| measures.to_list(rule)).collect();
            let sums = (0..rules).map(|rule| cache::keys_checksum(&cache::keys(self.staging.path(), rule))).collect();
            let cached =
                CachedEvaluation { measures: lists, files: placed.into_iter().collect(), truncated, key_checksums: sums };
            // Where the disk does not allow it, the next version is judged anew.
            let _ = evaluator.cache_folder(files.manifest).store(self.staging, &cached);
        }
        Ok((outcome, measures))
    }

    /// Returns the number of files to check, and their bytes.
    fn total<S: NodeSource + Sync>(&self, files: &FileSet<'_, S>) -> Result<(u64, u64)> {
        self.changes(files)?.try_fold((0, 0), |(files, bytes), sides| {
            let sides = sides?;
            let size = sides.0.iter().chain(&sides.1).map(|entry| entry.size).max().unwrap_or(0);
            Ok((files + 1, bytes + size))
        })
    }

    /// Returns the files that differ from what came before, or all.
    fn changes<'s, S: NodeSource + Sync>(
        &'s self,
        files: &FileSet<'s, S>,
    ) -> Result<Box<dyn Iterator<Item = Result<EntryPair>> + Send + 's>> {
        let file = |entry: Entry| Some(entry).filter(|entry| entry.kind.is_file());
        let Some(before) = self.before else {
            let entries = Entries::new(files.nodes, files.manifest)?.filter_map(move |entry| entry.map(file).transpose());
            return Ok(Box::new(entries.map(|entry| Ok((None, Some(entry?))))));
        };
        let sides = move |change| -> Option<EntryPair> {
            let sides = match change {
                EntryChange::Added(new) => (None, file(new)),
                EntryChange::Removed(old) => (file(old), None),
                EntryChange::Modified(old, new) => match (file(old), file(new)) {
                    (Some(old), Some(new)) if old.content == new.content => (None, None),
                    sides => sides,
                },
                EntryChange::Reread(old, new) => (file(old), file(new)),
            };
            (sides != (None, None)).then_some(sides)
        };
        let changes = ManifestDiff::new(files.nodes, before, files.manifest)?;
        Ok(Box::new(changes.filter_map(move |change| change.map(sides).transpose())))
    }

    /// Returns the parts of a file that is judged whole, so that all cores have work also where there is only one.
    fn parts<S>(&self, files: &FileSet<'_, S>, sides: EntryPair) -> Result<Vec<FileTask>> {
        let parts = match &sides {
            (None, Some(entry)) if self.evaluator.rule_set.rules_for(entry.path.as_str()).checks_records() => {
                parts(&self.evaluator.reader_config, &files.file_side(self.evaluator, entry, Side::New)?)?
            }
            _ => None,
        };
        Ok(match parts {
            Some(parts) => parts.into_iter().map(|part| FileTask { sides: sides.clone(), part: Some(part) }).collect(),
            None => vec![FileTask { sides, part: None }],
        })
    }

    /// Merges the keys that were gathered with those from before: which of them several records have, of each rule the
    /// first ones, and in how many records each rule minds it.
    fn merge(&mut self, measures: &Measures, coverage: &CacheCoverage) -> Result<(ConflictingKeys, Vec<u64>)> {
        let gatherings = std::mem::take(&mut self.collectors);
        let rules = gatherings.len();
        let mut conflicts =
            ConflictingKeys { keys: vec![HashSet::new(); rules], expected: vec![0; rules], ..ConflictingKeys::default() };
        let mut failed = vec![0; rules];
        for (rule, gathering) in gatherings.into_iter().enumerate() {
            let Some(gathering) = gathering else { continue };
            let gathering = gathering.into_inner().unwrap_or_else(PoisonError::into_inner);
            let before = self.before.map(|before| self.evaluator.cache_folder(before).keys(rule));
            let differs =
                |before: &PathBuf| !before.exists() || coverage.keys_checksum(rule) != Some(cache::keys_checksum(before));
            if before.as_ref().is_some_and(differs) {
                return Err(Error::damaged("the cached results of the parent are incomplete"));
            }
            let check = &self.evaluator.rule_set.rules()[rule].check;
            let (mut raws, mut anywhere, mut every) = (HashSet::new(), coverage.is_truncated(rule), false);
            let (own, expected) = (&mut conflicts.keys[rule], &mut conflicts.expected[rule]);
            gathering.merge(before.as_deref(), &cache::keys(self.staging.path(), rule), &mut |group| {
                let [one, test] = group.now;
                let minded = match duplicate_policy(check) {
                    Some(DuplicatePolicy::Leak) if test > 0 => one,
                    Some(DuplicatePolicy::Repetition(_)) => one.saturating_sub(1),
                    _ => 0,
                };
                failed[rule] += minded;
                if minded > 0 && own.len() < coverage.most {
                    *expected += minded;
                    own.insert(group.key);
                    anywhere |= group.changed || !coverage.has(rule, &group.key);
                    every |= group.members.len() >= MAX_MEMBERS || raws.len() > MAX_HASHES;
                    if !every {
                        raws.extend(group.members.iter().map(|member| member.raw));
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
                conflicts.hashes.extend(raws);
                conflicts.anywhere |= anywhere;
                conflicts.all |= every;
            }
        }
        Ok((conflicts, failed))
    }
}
