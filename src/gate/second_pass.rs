//! The second look: where the records stand in which something was found.
//!
//! Each is known by a hash of its bytes, and is judged again where it stands: so a hash that two records share makes no
//! wrong finding.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::cache::{CachedFinding, FileFindings, RecordPosition, RepeatedRecord};
use super::evaluation::Evaluation;
use super::evaluator::{FileSet, duplicate_policy};
use super::first_pass::{EMPTY_FILE_HASH, FlaggedRecords, GateWorker, record_hash, slot};
use crate::diff::{RecordText, visit};
use crate::error::Result;
use crate::gate::{Measures, RuleOutput};
use crate::manifest::{Entries, EntryChange, ManifestDiff, NodeSource};
use crate::object::node::Entry;
use crate::parallel;
use crate::path::DataPath;
use crate::sample::{RecordFormat, Side};

/// The keys that more than one record has, where a rule minds it.
#[derive(Debug, Default)]
pub(super) struct ConflictingKeys {
    /// By rule: the first of them in their order.
    pub keys: Vec<HashSet<[u8; 16]>>,
    /// By rule: how many findings these make.
    pub expected: Vec<u64>,
    /// The hashes of their records.
    pub hashes: HashSet<u64>,
    /// True if so many different records have one of them that not all their hashes are known: then each record is asked.
    pub all: bool,
    /// True if records of one of them came or went, so that any file may hold the others.
    pub anywhere: bool,
}

/// The place of the record that stands for a file without any.
const EMPTY_FILE_POSITION: RecordPosition = RecordPosition { at: 0, line: 1, number: 0 };

/// The files of a version in which something was found, by path.
pub(super) type FindingsByFile = BTreeMap<String, FileFindings>;

/// The files in which a rule that looks at one record alone has something to tell, and of which records.
pub(super) type FlaggedFiles = BTreeMap<DataPath, (Entry, FlaggedRecords)>;

/// The findings that the cache has of the version before, and the number that is kept of each list.
#[derive(Debug)]
pub(super) struct CacheCoverage {
    /// Places that are kept of a list.
    pub most: usize,
    /// By [`slot`], for the lists of which some places were left out: the last file of which places were kept, and whether
    /// it stayed as it was.
    ends: Vec<Option<(String, bool)>>,
    /// By rule: whether places of repeated records were left out.
    truncated: Vec<bool>,
    /// The checksums of the sets of keys, by rule.
    key_checksums: Vec<[u8; 32]>,
    /// The repeated keys whose places are known.
    keys: HashSet<(usize, [u8; 16])>,
    /// By [`slot`]: what there is to tell so far.
    counts: Vec<u64>,
}

impl CacheCoverage {
    /// Of the places that were kept, and of which lists some were left out: by [`slot`], then by rule.
    pub fn of(
        most: usize,
        rules: usize,
        by_file: &FindingsByFile,
        mut truncated: Vec<bool>,
        sums: Vec<[u8; 32]>,
    ) -> CacheCoverage {
        truncated.resize(3 * rules, false);
        let mut ends: Vec<Option<(String, bool)>> = vec![None; 2 * rules];
        let mut keys = HashSet::new();
        for (path, places) in by_file {
            for found in &places.findings {
                let slot = slot(found.rule as usize, found.unreadable);
                if truncated[slot] && ends[slot].as_ref().is_none_or(|(last, _)| last != path) {
                    ends[slot] = Some((path.clone(), true));
                }
            }
            keys.extend(places.repeated.iter().map(|member| (member.rule as usize, member.key)));
        }
        CacheCoverage {
            most,
            ends,
            truncated: truncated.split_off(2 * rules),
            keys,
            counts: vec![0; 2 * rules],
            key_checksums: sums,
        }
    }

    /// Takes note of a file that differs.
    pub fn change(&mut self, path: &str) {
        self.ends.iter_mut().flatten().filter(|(last, _)| last == path).for_each(|(_, same)| *same = false);
    }

    /// Returns true if positions in the next file that differs are among the first of any list.
    pub fn wants(&mut self, flagged: &FlaggedRecords) -> bool {
        let mut wanted = false;
        for (&slot, &count) in flagged.counts.iter().filter(|(_, count)| **count > 0) {
            wanted |= self.counts[slot] < self.most as u64;
            self.counts[slot] += count;
        }
        wanted && !flagged.is_empty()
    }

    /// Returns the checksum of the set of keys of a rule.
    pub fn keys_checksum(&self, rule: usize) -> Option<[u8; 32]> {
        self.key_checksums.get(rule).copied()
    }

    /// Returns true if places of repeated records were left out.
    pub fn is_truncated(&self, rule: usize) -> bool {
        self.truncated[rule]
    }

    /// Returns true if the places of the records with this key were kept.
    pub fn has(&self, rule: usize, key: &[u8; 16]) -> bool {
        self.keys.contains(&(rule, *key))
    }

    /// Returns true if fewer places are known of a list than are kept, though there are more: of files beyond the last one
    /// nothing was known.
    fn is_incomplete(&self, by_file: &FindingsByFile, totals: &[u64]) -> bool {
        let mut certain = vec![0; totals.len()];
        for (path, places) in by_file {
            for found in &places.findings {
                let slot = slot(found.rule as usize, found.unreadable);
                let known = |(last, same): &(String, bool)| path < last || path == last && *same;
                certain[slot] += u64::from(self.ends[slot].as_ref().is_none_or(known));
            }
        }
        (0..totals.len()).any(|slot| self.ends[slot].is_some() && certain[slot] < totals[slot].min(self.most as u64))
    }
}

/// The findings of a pass so far.
struct SecondPass {
    most: u64,
    found: Vec<u64>,
    repeats: Vec<u64>,
    firsts: HashSet<(u32, [u8; 16], u8)>,
    /// By rule: the keys of which a record of the test split was taken.
    tests: Vec<usize>,
}

impl SecondPass {
    fn new(rules: usize, most: usize) -> SecondPass {
        SecondPass {
            most: most as u64,
            found: vec![0; 2 * rules],
            repeats: vec![0; rules],
            firsts: HashSet::new(),
            tests: vec![0; rules],
        }
    }

    /// Counts one more finding of a list if it has room; returns false if it has none.
    fn take(count: &mut u64, most: u64) -> bool {
        *count += u64::from(*count <= most);
        *count <= most
    }

    fn takes_finding(&mut self, rule: u32, unreadable: bool) -> bool {
        SecondPass::take(&mut self.found[slot(rule as usize, unreadable)], self.most)
    }

    /// The first record of each key is taken, and of the others the first ones; of a test split only the first.
    fn takes_member(&mut self, policy: Option<DuplicatePolicy>, rule: u32, key: [u8; 16], split: u8) -> bool {
        let leak = matches!(policy, Some(DuplicatePolicy::Leak));
        if leak && split == 0 {
            return SecondPass::take(&mut self.repeats[rule as usize], self.most);
        }
        let is_first = self.firsts.insert((rule, key, split));
        self.tests[rule as usize] += usize::from(is_first && leak);
        is_first || !leak && SecondPass::take(&mut self.repeats[rule as usize], self.most)
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

impl Evaluation<'_> {
    /// Finds the first places of all that was found, adds them to those that are known of files that did not change, and
    /// says of which lists some were left out.
    pub(super) fn locate<S: NodeSource + Sync>(
        &self,
        files: &FileSet<'_, S>,
        flagged: &FlaggedFiles,
        conflicts: &ConflictingKeys,
        mut by_file: FindingsByFile,
        coverage: &CacheCoverage,
        measures: &Measures,
    ) -> Result<(FindingsByFile, Vec<bool>)> {
        let rules = self.evaluator.rule_set.rules().len();
        let totals: Vec<u64> = (0..rules).flat_map(|rule| [measures.failures(rule), measures.unread(rule)]).collect();
        self.pass(files, Some(flagged), conflicts, &mut by_file, coverage.most, &totals)?;
        if coverage.is_incomplete(&by_file, &totals) {
            by_file.values_mut().for_each(|places| places.findings.clear());
            let none =
                ConflictingKeys { keys: vec![HashSet::new(); rules], expected: vec![0; rules], ..ConflictingKeys::default() };
            self.pass(files, None, &none, &mut by_file, coverage.most, &totals)?;
        }
        let mut room = SecondPass::new(rules, coverage.most);
        by_file.values_mut().for_each(|places| places.findings.retain(|found| room.takes_finding(found.rule, found.unreadable)));
        by_file.retain(|_, places| !places.findings.is_empty() || !places.repeated.is_empty());
        let left_out = totals.iter().chain(&conflicts.expected).map(|&total| total > coverage.most as u64).collect();
        Ok((by_file, left_out))
    }

    /// Looks for the places of suspects and of repeated keys; without `suspects` at all records of all files, until the
    /// first of each list are found.
    fn pass<S: NodeSource + Sync>(
        &self,
        files: &FileSet<'_, S>,
        flagged: Option<&FlaggedFiles>,
        conflicts: &ConflictingKeys,
        by_file: &mut FindingsByFile,
        most: usize,
        totals: &[u64],
    ) -> Result<()> {
        let is_offended = conflicts.keys.iter().any(|keys| !keys.is_empty());
        let everywhere = conflicts.anywhere || flagged.is_none();
        let entries: Box<dyn Iterator<Item = Result<Entry>> + Send + '_> = match (self.before, flagged) {
            // All of them are looked for everywhere.
            _ if everywhere => {
                if conflicts.anywhere {
                    by_file.values_mut().for_each(|places| places.repeated.clear());
                }
                Box::new(Entries::new(files.nodes, files.manifest)?)
            }
            (Some(before), _) if is_offended => {
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
                Box::new(
                    ManifestDiff::new(files.nodes, before, files.manifest)?.filter_map(move |change| change.map(new).transpose()),
                )
            }
            (_, flagged) => {
                by_file.values_mut().for_each(|places| places.repeated.clear());
                Box::new(flagged.into_iter().flatten().map(|(_, (entry, _))| Ok(entry.clone())))
            }
        };
        let done = AtomicBool::new(false);
        let entries = entries
            .take_while(|_| !done.load(Ordering::Relaxed))
            .filter(|entry| entry.as_ref().map_or(true, |entry| entry.kind.is_file()));
        let rules = self.evaluator.rule_set.rules();
        let policy = |rule: usize| duplicate_policy(&rules[rule].check);
        let mut pass = SecondPass::new(rules.len(), most);
        let mut left = flagged.map_or(0, BTreeMap::len);
        let every = FlaggedRecords { all: true, ..FlaggedRecords::default() };
        parallel::ordered(
            entries,
            2 * parallel::threads(),
            || self.evaluator.worker(),
            |worker, entry: Entry| {
                let own = match flagged {
                    Some(flagged) => flagged.get(&entry.path).map(|(_, flagged)| flagged),
                    None => Some(&every),
                };
                let places = if done.load(Ordering::Relaxed) {
                    FileFindings::default()
                } else {
                    self.locate_in_file(worker, files, &entry, own, conflicts, SecondPass::new(rules.len(), most))?
                };
                Ok((entry.path, own.is_some(), places))
            },
            |(path, suspect, mut places)| {
                left -= usize::from(suspect && flagged.is_some());
                places.findings.retain(|found| pass.takes_finding(found.rule, found.unreadable));
                if conflicts.anywhere {
                    places.repeated.retain(|m| pass.takes_member(policy(m.rule as usize), m.rule, m.key, m.split));
                }
                if !places.findings.is_empty() || !places.repeated.is_empty() {
                    let there = by_file.entry(path.to_string()).or_default();
                    there.findings.extend(places.findings);
                    there.repeated.extend(places.repeated);
                }
                let complete =
                    flagged.is_some() || totals.iter().zip(&pass.found).all(|(&total, &found)| found >= total.min(pass.most));
                if everywhere && left == 0 && complete && pass.has_members(policy, conflicts) {
                    done.store(true, Ordering::Relaxed);
                }
                Ok(())
            },
        )
    }

    /// Returns the first places in one file.
    fn locate_in_file<S: NodeSource>(
        &self,
        worker: &mut GateWorker<'_>,
        files: &FileSet<'_, S>,
        entry: &Entry,
        flagged: Option<&FlaggedRecords>,
        conflicts: &ConflictingKeys,
        mut pass: SecondPass,
    ) -> Result<FileFindings> {
        self.evaluator.progress.check()?;
        let mut places = FileFindings::default();
        let file_rules = self.evaluator.rule_set.rules_for(entry.path.as_str());
        let rules = self.evaluator.rule_set.rules();
        let policy = |rule: usize| duplicate_policy(&rules[rule].check);
        let asks = file_rules.keys.iter().any(|&(rule, _)| !conflicts.keys[rule].is_empty());
        if flagged.is_none() && !asks {
            return Ok(places);
        }
        let file = files.file_side(self.evaluator, entry, Side::New)?;
        let (mut fault, mut number) = (None, 0);
        visit(&self.evaluator.reader_config, None, Some(&file), true, &mut |seen| {
            // The header and comments have no number of their own.
            number += u64::from(!matches!(seen.text, RecordText::SkippedRow(_)));
            let raw = record_hash(&seen.text);
            let suspect = flagged.is_some_and(|flagged| flagged.has(raw) && !pass.has_found(flagged));
            let offends = asks && (conflicts.all || conflicts.hashes.contains(&raw)) && !pass.has_members(policy, conflicts);
            if fault.is_some() || !suspect && !offends {
                return;
            }
            let shown = self.evaluator.with_rule_input(&seen, Some(&file).filter(|_| suspect), &mut |record| {
                let position = RecordPosition { at: seen.at, line: record.line, number };
                let mut found = |rule: usize, unreadable, message| {
                    let rule = rule as u32;
                    if suspect && pass.takes_finding(rule, unreadable) {
                        places.findings.push(CachedFinding { rule, position, hash: raw, unreadable, message });
                    }
                };
                let mut keys = Vec::new();
                // What it measures has been added before.
                worker.checker.check(&file_rules, record, &mut worker.measures, 0, &mut |told| match told {
                    RuleOutput::Finding { rule, message } => found(rule, false, message),
                    RuleOutput::Unreadable { rule, reason } => found(rule, true, reason),
                    RuleOutput::Key { rule, key, split } if conflicts.keys[rule].contains(&key) => {
                        keys.push((rule, key, split as u8))
                    }
                    RuleOutput::Key { .. } => {}
                });
                for (rule, key, split) in keys {
                    if pass.takes_member(policy(rule), rule as u32, key, split) {
                        places.repeated.push(RepeatedRecord { rule: rule as u32, key, split, position });
                    }
                }
            });
            fault = shown.err();
        })?;
        if flagged.is_some() && number == 0 && !matches!(file.spec.format, RecordFormat::Whole | RecordFormat::None) {
            let found = |rule| CachedFinding {
                rule,
                position: EMPTY_FILE_POSITION,
                hash: EMPTY_FILE_HASH,
                unreadable: false,
                message: "the file has no records".to_owned(),
            };
            places.findings.extend(file_rules.empty.iter().map(|&rule| found(rule as u32)));
        }
        fault.map_or(Ok(places), Err)
    }
}

/// Reports the records whose keys others have too: each of a split but the first, and of a train split each that is in the
/// test split.
pub(super) fn repeated_findings<'p>(
    by_file: &'p FindingsByFile,
    policy: impl Fn(u32) -> Option<DuplicatePolicy>,
    mut say: impl FnMut(&'p str, RecordPosition, u32, String),
) {
    let mut first: HashMap<(u32, [u8; 16], u8), (&str, RecordPosition)> = HashMap::new();
    for (path, places) in by_file {
        for member in &places.repeated {
            first.entry((member.rule, member.key, member.split)).or_insert((path, member.position));
        }
    }
    for (path, places) in by_file {
        for member in &places.repeated {
            let other = |split| first.get(&(member.rule, member.key, split)).filter(|first| **first != (path, member.position));
            let found = match policy(member.rule) {
                Some(DuplicatePolicy::Repetition(what)) => other(member.split).map(|first| (what, first)),
                Some(DuplicatePolicy::Leak) if member.split == 0 => {
                    other(1).map(|first| ("is also in the test split, at", first))
                }
                _ => None,
            };
            if let Some((what, (other, at))) = found {
                // On one and the same line the number tells them apart.
                let which = if (*other, at.line) == (path, member.position.line) {
                    format!("record {} of ", at.number)
                } else {
                    String::new()
                };
                say(path, member.position, member.rule, format!("{what} {which}{other}:{}", at.line));
            }
        }
    }
}

/// The condition of a rule on records that share a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum DuplicatePolicy {
    /// That there is more than one, told in these words.
    Repetition(&'static str),
    /// That one of the train split stands in the test split.
    Leak,
}
