//! The second pass: the positions of the records with findings.
//!
//! Each record is found by its hash and checked again, so a hash that two records share causes no wrong finding.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::cache::{CachedFinding, FileFindings, RecordPosition, RepeatedRecord};
use super::checker::RuleOutput;
use super::conflicts::{ConflictingKeys, DuplicatePolicy};
use super::coverage::{CacheCoverage, FindingsByFile};
use super::evaluator::Evaluator;
use super::file_set::FileSet;
use super::file_text::with_text;
use super::flagged::{EMPTY_FILE_HASH, FlaggedRecords, record_hash, slot};
use super::measures::Measures;
use super::worker::GateWorker;
use crate::diff::{RecordText, visit};
use crate::error::Result;
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, EntryChange, ManifestDiff, NodeSource};
use crate::object::node::Entry;
use crate::parallel;
use crate::path::DataPath;
use crate::sample::{RecordFormat, Side};

/// The position of the finding of a file without records.
const EMPTY_FILE_POSITION: RecordPosition = RecordPosition { at: 0, line: 1, number: 0 };

/// The files with flagged records.
pub(super) type FlaggedFiles = BTreeMap<DataPath, (Entry, FlaggedRecords)>;

/// The number of positions of each list so far: no more are kept of a list than its limit.
struct PositionCounts {
    most: u64,
    found: Vec<u64>,
    repeats: Vec<u64>,
    firsts: HashSet<(u32, [u8; 16], u8)>,
    /// By rule: the number of keys of which a record of the test split was kept.
    tests: Vec<usize>,
}

impl PositionCounts {
    fn new(rules: usize, most: usize) -> PositionCounts {
        PositionCounts {
            most: most as u64,
            found: vec![0; 2 * rules],
            repeats: vec![0; rules],
            firsts: HashSet::new(),
            tests: vec![0; rules],
        }
    }

    /// Counts one more position of a list; returns false if the list is full.
    fn take(count: &mut u64, most: u64) -> bool {
        *count += u64::from(*count <= most);
        *count <= most
    }

    /// Returns true if the position of a finding is kept.
    fn takes_finding(&mut self, rule: u32, unreadable: bool) -> bool {
        PositionCounts::take(&mut self.found[slot(rule as usize, unreadable)], self.most)
    }

    /// Returns true if the position of a record with a conflicting key is kept: that of the first record of each key, and of
    /// the others the first ones; of a test split only the first.
    fn takes_member(&mut self, policy: Option<DuplicatePolicy>, rule: u32, key: [u8; 16], split: u8) -> bool {
        let leak = matches!(policy, Some(DuplicatePolicy::Leak));
        if leak && split == 0 {
            return PositionCounts::take(&mut self.repeats[rule as usize], self.most);
        }
        let is_first = self.firsts.insert((rule, key, split));
        self.tests[rule as usize] += usize::from(is_first && leak);
        is_first || !leak && PositionCounts::take(&mut self.repeats[rule as usize], self.most)
    }

    /// Returns true if no list has room for another finding of the flagged records.
    fn has_found(&self, flagged: &FlaggedRecords) -> bool {
        !flagged.counts.is_empty() && flagged.counts.keys().all(|&slot| self.found[slot] >= self.most)
    }

    /// Returns true if the positions of all reported keys are known.
    fn has_members(&self, policy: impl Fn(usize) -> Option<DuplicatePolicy>, conflicts: &ConflictingKeys) -> bool {
        (0..self.repeats.len()).filter(|&rule| !conflicts.keys[rule].is_empty()).all(|rule| {
            self.repeats[rule] >= conflicts.expected[rule].min(self.most)
                && (!matches!(policy(rule), Some(DuplicatePolicy::Leak)) || self.tests[rule] == conflicts.keys[rule].len())
        })
    }
}

/// The second pass over the files of a version.
pub(super) struct SecondPass<'p, S> {
    pub evaluator: &'p Evaluator<'p>,
    pub files: &'p FileSet<'p, S>,
    /// The manifest whose evaluation is known; `None` if every file was checked.
    pub before: Option<Id<NodeId>>,
    /// The most positions that are kept of a list.
    pub most: usize,
}

impl<'p, S: NodeSource + Sync> SecondPass<'p, S> {
    /// Finds the first positions of all findings and adds them to those of unchanged files. Returns also which lists are
    /// incomplete.
    pub fn locate(
        &self,
        flagged: &FlaggedFiles,
        conflicts: &ConflictingKeys,
        mut by_file: FindingsByFile,
        coverage: &CacheCoverage,
        measures: &Measures,
    ) -> Result<(FindingsByFile, Vec<bool>)> {
        let rules = conflicts.keys.len();
        let totals: Vec<u64> = (0..rules).flat_map(|rule| [measures.failures(rule), measures.unread(rule)]).collect();
        self.search(Some(flagged), conflicts, &mut by_file, &totals)?;
        if coverage.is_incomplete(&by_file, &totals) {
            by_file.values_mut().for_each(|places| places.findings.clear());
            self.search(None, &ConflictingKeys::new(rules), &mut by_file, &totals)?;
        }
        let mut counts = PositionCounts::new(rules, self.most);
        by_file
            .values_mut()
            .for_each(|places| places.findings.retain(|found| counts.takes_finding(found.rule, found.unreadable)));
        by_file.retain(|_, places| !places.findings.is_empty() || !places.repeated.is_empty());
        let is_incomplete = totals.iter().chain(&conflicts.expected).map(|&total| total > self.most as u64).collect();
        Ok((by_file, is_incomplete))
    }

    /// Returns the files in which findings may be, and removes what is known of those that are searched.
    fn entries_to_search<'s>(
        &self,
        flagged: Option<&'s FlaggedFiles>,
        conflicts: &'s ConflictingKeys,
        by_file: &mut FindingsByFile,
    ) -> Result<Box<dyn Iterator<Item = Result<Entry>> + Send + 's>>
    where
        'p: 's,
    {
        let FileSet { nodes, manifest, .. } = *self.files;
        let has_conflicts = conflicts.keys.iter().any(|keys| !keys.is_empty());
        Ok(match (self.before, flagged) {
            // Any file may contain records with the keys, or findings.
            _ if conflicts.anywhere || flagged.is_none() => {
                if conflicts.anywhere {
                    by_file.values_mut().for_each(|places| places.repeated.clear());
                }
                Box::new(Entries::new(nodes, manifest)?)
            }
            (Some(before), _) if has_conflicts => {
                let is_left = |member: &RepeatedRecord| conflicts.keys[member.rule as usize].contains(&member.key);
                by_file.values_mut().for_each(|places| places.repeated.retain(is_left));
                let new = |change| match change {
                    // Only its mode changed: what is known of it stays.
                    EntryChange::Modified(old, new) if old.kind.is_file() && new.kind.is_file() && old.content == new.content => {
                        None
                    }
                    EntryChange::Added(new) | EntryChange::Modified(_, new) | EntryChange::Reread(_, new) => Some(new),
                    EntryChange::Removed(_) => None,
                };
                Box::new(ManifestDiff::new(nodes, before, manifest)?.filter_map(move |change| change.map(new).transpose()))
            }
            (_, flagged) => {
                by_file.values_mut().for_each(|places| places.repeated.clear());
                Box::new(flagged.into_iter().flatten().map(|(_, (entry, _))| Ok(entry.clone())))
            }
        })
    }

    /// Searches the positions of flagged records and of conflicting keys; without `flagged` those of all findings in all
    /// files, until the first ones of each list are found.
    fn search(
        &self,
        flagged: Option<&FlaggedFiles>,
        conflicts: &ConflictingKeys,
        by_file: &mut FindingsByFile,
        totals: &[u64],
    ) -> Result<()> {
        let everywhere = conflicts.anywhere || flagged.is_none();
        let entries = self.entries_to_search(flagged, conflicts, by_file)?;
        let done = AtomicBool::new(false);
        let entries = entries
            .take_while(|_| !done.load(Ordering::Relaxed))
            .filter(|entry| entry.as_ref().map_or(true, |entry| entry.kind.is_file()));
        let mut counts = PositionCounts::new(conflicts.keys.len(), self.most);
        let mut left = flagged.map_or(0, BTreeMap::len);
        let every = FlaggedRecords { all: true, ..FlaggedRecords::default() };
        parallel::ordered(
            entries,
            2 * parallel::threads(),
            || GateWorker::new(self.evaluator),
            |worker, entry: Entry| {
                let own = match flagged {
                    Some(flagged) => flagged.get(&entry.path).map(|(_, flagged)| flagged),
                    None => Some(&every),
                };
                let places = if done.load(Ordering::Relaxed) {
                    FileFindings::default()
                } else {
                    self.locate_in_file(worker, &entry, own, conflicts)?
                };
                Ok((entry.path, own.is_some(), places))
            },
            |(path, is_flagged, mut places)| {
                left -= usize::from(is_flagged && flagged.is_some());
                places.findings.retain(|found| counts.takes_finding(found.rule, found.unreadable));
                if conflicts.anywhere {
                    places.repeated.retain(|m| counts.takes_member(self.policy(m.rule as usize), m.rule, m.key, m.split));
                }
                if !places.findings.is_empty() || !places.repeated.is_empty() {
                    let there = by_file.entry(path.to_string()).or_default();
                    there.findings.extend(places.findings);
                    there.repeated.extend(places.repeated);
                }
                let complete =
                    flagged.is_some() || totals.iter().zip(&counts.found).all(|(&total, &found)| found >= total.min(counts.most));
                if everywhere && left == 0 && complete && counts.has_members(|rule| self.policy(rule), conflicts) {
                    done.store(true, Ordering::Relaxed);
                }
                Ok(())
            },
        )
    }

    fn policy(&self, rule: usize) -> Option<DuplicatePolicy> {
        DuplicatePolicy::of(&self.evaluator.rule_set.rules()[rule].check)
    }

    /// Returns the first positions in one file.
    fn locate_in_file(
        &self,
        worker: &mut GateWorker<'_>,
        entry: &Entry,
        flagged: Option<&FlaggedRecords>,
        conflicts: &ConflictingKeys,
    ) -> Result<FileFindings> {
        self.evaluator.progress.check()?;
        let mut places = FileFindings::default();
        let mut counts = PositionCounts::new(conflicts.keys.len(), self.most);
        let file_rules = self.evaluator.rule_set.rules_for(entry.path.as_str());
        let has_keys = file_rules.keys.iter().any(|&(rule, _)| !conflicts.keys[rule].is_empty());
        if flagged.is_none() && !has_keys {
            return Ok(places);
        }
        let file = self.evaluator.file_side(self.files, entry, Side::New)?;
        let (mut located, mut number) = (Ok(()), 0);
        visit(&self.evaluator.reader_config, None, Some(&file), true, &mut |record| {
            // The header and comments have no number of their own.
            number += u64::from(!matches!(record.text, RecordText::SkippedRow(_)));
            let hash = record_hash(&record.text);
            let is_flagged = flagged.is_some_and(|flagged| flagged.has(hash) && !counts.has_found(flagged));
            let may_conflict = has_keys
                && (conflicts.all || conflicts.hashes.contains(&hash))
                && !counts.has_members(|rule| self.policy(rule), conflicts);
            if located.is_err() || !is_flagged && !may_conflict {
                return;
            }
            let position = RecordPosition { at: record.at, line: record.first_line(), number };
            let mut check = |text: &RecordText<'_>| {
                let mut keep = |rule: usize, unreadable, message| {
                    let rule = rule as u32;
                    if is_flagged && counts.takes_finding(rule, unreadable) {
                        places.findings.push(CachedFinding { rule, position, hash, unreadable, message });
                    }
                };
                let mut keys = Vec::new();
                // The record was added to the measures in the first pass.
                worker.checker.check(&file_rules, text, &mut worker.measures, 0, &mut |output| match output {
                    RuleOutput::Finding { rule, message } => keep(rule, false, message),
                    RuleOutput::Unreadable { rule, reason } => keep(rule, true, reason),
                    RuleOutput::Key { rule, key, split } if conflicts.keys[rule].contains(&key) => {
                        keys.push((rule, key, split as u8))
                    }
                    RuleOutput::Key { .. } => {}
                });
                for (rule, key, split) in keys {
                    if counts.takes_member(self.policy(rule), rule as u32, key, split) {
                        places.repeated.push(RepeatedRecord { rule: rule as u32, key, split, position });
                    }
                }
            };
            match is_flagged {
                true => located = with_text(&record.text, &file, &mut check),
                false => check(&record.text),
            }
        })?;
        if flagged.is_some() && number == 0 && !matches!(file.spec.format, RecordFormat::Whole | RecordFormat::None) {
            let finding = |rule| CachedFinding {
                rule,
                position: EMPTY_FILE_POSITION,
                hash: EMPTY_FILE_HASH,
                unreadable: false,
                message: "the file has no records".to_owned(),
            };
            places.findings.extend(file_rules.empty.iter().map(|&rule| finding(rule as u32)));
        }
        located.map(|()| places)
    }
}
