//! A judgement under way: what is known from before, and what was found so far.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::known::{self, Known};
use super::look::{Gatherings, Suspects, WatchedFiles};
use super::place::{Kept, Minds, Offenders, Placed, SuspectFiles};
use super::{Files, Judging, Outcome, Sides, minds};
use crate::diff::{FilePart, parts};
use crate::error::{Error, Kind, Result};
use crate::fs::atomic::Staging;
use crate::id::{Id, Node};
use crate::manifest::{Entries, EntryChange, ManifestDiff, NodeSource};
use crate::object::node::Entry;
use crate::parallel;
use crate::progress::Stage;
use crate::sample::Side;
use crate::validate::{Check, Gathering, MAX_MEMBERS, Measures};

/// Hashes of records with a repeated key that are kept of a rule; beyond it every record is asked for its key.
const MAX_RAWS: usize = 256 << 10;

/// What a worker looks at: a file, or a part of one.
pub(super) struct Task {
    pub sides: Sides,
    pub part: Option<FilePart>,
}

/// A judgement under way.
pub(in crate::ops) struct Attempt<'j> {
    pub(super) judging: &'j Judging<'j>,
    /// The manifest whose judgement is known; `None` where all is judged.
    pub(super) before: Option<Id<Node>>,
    known: Known,
    /// What the parent measures.
    pub(super) past: Option<Measures>,
    staging: Staging,
    pub(super) gatherings: Gatherings,
    /// What was looked at while it was compared.
    pub(super) watched: Mutex<WatchedFiles>,
    /// What went wrong with that.
    pub(super) fault: Mutex<Option<Error>>,
}

impl<'j> Attempt<'j> {
    pub(super) fn new(judging: &'j Judging<'j>, known: Option<(Id<Node>, Known)>, past: Option<Measures>) -> Result<Attempt<'j>> {
        let staging = known::begin(&judging.folder())?;
        let by_keys = judging.gate.rules().iter().filter(|rule| minds(&rule.check).is_some()).count();
        let gathering = || Mutex::new(Gathering::new(staging.path(), by_keys));
        let gatherings = judging.gate.rules().iter().map(|rule| minds(&rule.check).map(|_| gathering())).collect();
        let (before, known) = known.map_or((None, Known::default()), |(before, known)| (Some(before), known));
        let (watched, fault) = (Mutex::default(), Mutex::default());
        Ok(Attempt { judging, before, known, past, staging, gatherings, watched, fault })
    }

    /// Judges what has not been looked at yet. With `keep` what is found out is kept for the next version.
    pub fn finish<S: NodeSource + Sync>(self, files: &Files<'_, S>, keep: bool) -> Result<Outcome> {
        self.measured(files, keep).map(|(outcome, _)| outcome)
    }

    /// The same, with what was measured.
    pub(super) fn measured<S: NodeSource + Sync>(self, files: &Files<'_, S>, keep: bool) -> Result<(Outcome, Measures)> {
        let Attempt { judging, before, .. } = self;
        let past = self.past.clone();
        match (self.run(files, keep), before) {
            // What is kept is derived: where it is damaged, all is judged anew.
            (Err(e), Some(before)) if e.kind() == Kind::Damaged => {
                judging.home(before).forget()?;
                Attempt::new(judging, None, past)?.run(files, keep)
            }
            (done, _) => done,
        }
    }

    fn run<S: NodeSource + Sync>(mut self, files: &Files<'_, S>, keep: bool) -> Result<(Outcome, Measures)> {
        self.fault.get_mut().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)?;
        let judging = self.judging;
        let rules = judging.gate.rules().len();
        let mut known = std::mem::take(&mut self.known);
        let mut measures = match self.before {
            Some(_) => known.measures().filter(|_| known.measures.len() == rules).ok_or_else(|| Error::damaged("other rules"))?,
            None => Measures::new(rules),
        };
        let mut placed: Placed = std::mem::take(&mut known.files).into_iter().collect();
        let mut kept = Kept::of(judging.most(), rules, &placed, known.truncated, known.sums);
        let (count, bytes) = if judging.progress.is_watched() { self.ahead(files)? } else { (0, 0) };
        judging.progress.begin(Stage::Judge, count, bytes);
        let mut suspects = SuspectFiles::new();
        let tasks = self.changes(files)?.flat_map(|sides| match sides.and_then(|sides| self.parts(files, sides)) {
            Ok(tasks) => tasks.into_iter().map(Ok).collect(),
            Err(e) => vec![Err(e)],
        });
        parallel::ordered(
            tasks,
            2 * parallel::threads(),
            || judging.worker(),
            |worker, work| self.look(worker, files, work),
            |looked| {
                measures.absorb(looked.measures);
                let path = looked.sides.0.iter().chain(&looked.sides.1).next().map(|entry| entry.path.clone());
                let mut own = looked.suspects;
                if let Some(path) = &path {
                    kept.change(path.as_str());
                    placed.remove(path.as_str()).into_iter().flat_map(|old| old.found).for_each(|found| own.push_known(&found));
                    own.tidy();
                }
                if let (Some(entry), true) = (looked.sides.1, kept.wants(&own)) {
                    let (_, all) = suspects.entry(entry.path.clone()).or_insert_with(|| (entry, Suspects::default()));
                    all.extend(own);
                }
                Ok(())
            },
        )?;
        let (offenders, mut failed) = self.merge(&measures, &kept)?;
        for (rule, declared) in judging.gate.rules().iter().enumerate().filter(|(_, rule)| minds(&rule.check).is_none()) {
            failed[rule] =
                if matches!(declared.check, Check::Drift { .. } | Check::Command { .. }) { 0 } else { measures.failures(rule) };
        }
        let (placed, truncated) = self.place(files, &suspects, &offenders, placed, &kept, &measures)?;
        let outcome = judging.outcome(files, &placed, &measures, self.past.as_ref(), failed)?;
        if keep {
            let lists = (0..rules).map(|rule| measures.to_list(rule)).collect();
            let sums = (0..rules).map(|rule| known::sum(&known::keys(self.staging.path(), rule))).collect();
            let known = Known { measures: lists, files: placed.into_iter().collect(), truncated, sums };
            // Where the disk does not allow it, the next version is judged anew.
            let _ = judging.home(files.manifest).keep(self.staging, &known);
        }
        Ok((outcome, measures))
    }

    /// How many files are to be judged, and their bytes.
    fn ahead<S: NodeSource + Sync>(&self, files: &Files<'_, S>) -> Result<(u64, u64)> {
        self.changes(files)?.try_fold((0, 0), |(files, bytes), sides| {
            let sides = sides?;
            let size = sides.0.iter().chain(&sides.1).map(|entry| entry.size).max().unwrap_or(0);
            Ok((files + 1, bytes + size))
        })
    }

    /// The files that differ from what came before, or all.
    fn changes<'s, S: NodeSource + Sync>(
        &'s self,
        files: &Files<'s, S>,
    ) -> Result<Box<dyn Iterator<Item = Result<Sides>> + Send + 's>> {
        let file = |entry: Entry| Some(entry).filter(|entry| entry.kind.is_file());
        let Some(before) = self.before else {
            let entries = Entries::new(files.nodes, files.manifest)?.filter_map(move |entry| entry.map(file).transpose());
            return Ok(Box::new(entries.map(|entry| Ok((None, Some(entry?))))));
        };
        let sides = move |change| -> Option<Sides> {
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

    /// The parts of a file that is judged whole, so that all cores have work also where there is only one.
    fn parts<S>(&self, files: &Files<'_, S>, sides: Sides) -> Result<Vec<Task>> {
        let parts = match &sides {
            (None, Some(entry)) if self.judging.gate.of_file(entry.path.as_str()).at_records() => {
                parts(&self.judging.rules, &files.half(self.judging, entry, Side::New)?)?
            }
            _ => None,
        };
        Ok(match parts {
            Some(parts) => parts.into_iter().map(|part| Task { sides: sides.clone(), part: Some(part) }).collect(),
            None => vec![Task { sides, part: None }],
        })
    }

    /// Merges the keys that were gathered with those from before: which of them several records have, of each rule the
    /// first ones, and in how many records each rule minds it.
    fn merge(&mut self, measures: &Measures, kept: &Kept) -> Result<(Offenders, Vec<u64>)> {
        let gatherings = std::mem::take(&mut self.gatherings);
        let rules = gatherings.len();
        let mut offenders = Offenders { keys: vec![HashSet::new(); rules], expected: vec![0; rules], ..Offenders::default() };
        let mut failed = vec![0; rules];
        for (rule, gathering) in gatherings.into_iter().enumerate() {
            let Some(gathering) = gathering else { continue };
            let gathering = gathering.into_inner().unwrap_or_else(PoisonError::into_inner);
            let before = self.before.map(|before| self.judging.home(before).keys(rule));
            let differs = |before: &PathBuf| !before.exists() || kept.sum(rule) != Some(known::sum(before));
            if before.as_ref().is_some_and(differs) {
                return Err(Error::damaged("the cached results of the parent are incomplete"));
            }
            let check = &self.judging.gate.rules()[rule].check;
            let (mut raws, mut anywhere, mut every) = (HashSet::new(), kept.is_truncated(rule), false);
            let (own, expected) = (&mut offenders.keys[rule], &mut offenders.expected[rule]);
            gathering.merge(before.as_deref(), &known::keys(self.staging.path(), rule), &mut |group| {
                let [one, test] = group.now;
                let minded = match minds(check) {
                    Some(Minds::Leak) if test > 0 => one,
                    Some(Minds::Repetition(_)) => one.saturating_sub(1),
                    _ => 0,
                };
                failed[rule] += minded;
                if minded > 0 && own.len() < kept.most {
                    *expected += minded;
                    own.insert(group.key);
                    anywhere |= group.changed || !kept.has(rule, &group.key);
                    every |= group.members.len() >= MAX_MEMBERS || raws.len() > MAX_RAWS;
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
                offenders.raws.extend(raws);
                offenders.anywhere |= anywhere;
                offenders.every |= every;
            }
        }
        Ok((offenders, failed))
    }
}
