//! The second look: where the records stand in which something was found.
//!
//! Each is known by a hash of its bytes, and is judged again where it stands: so a hash that two records share makes no
//! wrong finding.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};

use super::known::{Found, Member, Place, Places};
use super::look::{HOLLOW, Suspects, Worker, raw, slot};
use super::{Attempt, Files, minds};
use crate::diff::{RecordText, visit};
use crate::error::Result;
use crate::manifest::{Entries, EntryChange, ManifestDiff, NodeSource};
use crate::object::node::Entry;
use crate::parallel;
use crate::path::DataPath;
use crate::sample::{RecordFormat, Side};
use crate::validate::{Measures, Told};

/// The keys that more than one record has, where a rule minds it.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    /// By rule: the first of them in their order.
    pub keys: Vec<HashSet<[u8; 16]>>,
    /// By rule: how many findings these make.
    pub expected: Vec<u64>,
    /// The hashes of their records.
    pub raws: HashSet<u64>,
    /// Whether so many different records have one of them that not all their hashes are known: then each record is asked.
    pub every: bool,
    /// Whether records of one of them came or went, so that any file may hold the others.
    pub anywhere: bool,
}

/// The place of the record that stands for a file without any.
const HOLLOW_PLACE: Place = Place { at: 0, line: 1, number: 0 };

/// The files of a version in which something was found, by path.
pub(super) type Placed = BTreeMap<String, Places>;

/// The files in which a rule that looks at one record alone has something to tell, and of which records.
pub(super) type SuspectFiles = BTreeMap<DataPath, (Entry, Suspects)>;

/// What was kept of the version before, and how much is kept now.
#[derive(Debug)]
pub(super) struct Kept {
    /// Places that are kept of a list.
    pub most: usize,
    /// By [`slot`], for the lists of which some places were left out: the last file of which places were kept, and whether
    /// it stayed as it was.
    ends: Vec<Option<(String, bool)>>,
    /// By rule: whether places of repeated records were left out.
    truncated: Vec<bool>,
    /// The checksums of the sets of keys, by rule.
    sums: Vec<[u8; 32]>,
    /// The repeated keys whose places are known.
    keys: HashSet<(usize, [u8; 16])>,
    /// By [`slot`]: what there is to tell so far.
    told: Vec<u64>,
}

impl Kept {
    /// Of the places that were kept, and of which lists some were left out: by [`slot`], then by rule.
    pub fn of(most: usize, rules: usize, placed: &Placed, mut truncated: Vec<bool>, sums: Vec<[u8; 32]>) -> Kept {
        truncated.resize(3 * rules, false);
        let mut ends: Vec<Option<(String, bool)>> = vec![None; 2 * rules];
        let mut keys = HashSet::new();
        for (path, places) in placed {
            for found in &places.found {
                let slot = slot(found.rule as usize, found.unreadable);
                if truncated[slot] && ends[slot].as_ref().is_none_or(|(last, _)| last != path) {
                    ends[slot] = Some((path.clone(), true));
                }
            }
            keys.extend(places.members.iter().map(|member| (member.rule as usize, member.key)));
        }
        Kept { most, ends, truncated: truncated.split_off(2 * rules), keys, told: vec![0; 2 * rules], sums }
    }

    /// Takes note of a file that differs.
    pub fn change(&mut self, path: &str) {
        self.ends.iter_mut().flatten().filter(|(last, _)| last == path).for_each(|(_, same)| *same = false);
    }

    /// Whether the places in the next file that differs are among the first of any list.
    pub fn wants(&mut self, suspects: &Suspects) -> bool {
        let mut wanted = false;
        for (&slot, &count) in suspects.told.iter().filter(|(_, count)| **count > 0) {
            wanted |= self.told[slot] < self.most as u64;
            self.told[slot] += count;
        }
        wanted && !suspects.is_empty()
    }

    /// Returns the checksum of the set of keys of a rule.
    pub fn sum(&self, rule: usize) -> Option<[u8; 32]> {
        self.sums.get(rule).copied()
    }

    /// Whether places of repeated records were left out.
    pub fn is_truncated(&self, rule: usize) -> bool {
        self.truncated[rule]
    }

    /// Whether the places of the records with this key were kept.
    pub fn has(&self, rule: usize, key: &[u8; 16]) -> bool {
        self.keys.contains(&(rule, *key))
    }

    /// Whether fewer places are known of a list than are kept, though there are more: of files beyond the last one nothing
    /// was known.
    fn falls_short(&self, placed: &Placed, totals: &[u64]) -> bool {
        let mut certain = vec![0; totals.len()];
        for (path, places) in placed {
            for found in &places.found {
                let slot = slot(found.rule as usize, found.unreadable);
                let known = |(last, same): &(String, bool)| path < last || path == last && *same;
                certain[slot] += u64::from(self.ends[slot].as_ref().is_none_or(known));
            }
        }
        (0..totals.len()).any(|slot| self.ends[slot].is_some() && certain[slot] < totals[slot].min(self.most as u64))
    }
}

/// What a pass over files has found so far.
struct Pass {
    most: u64,
    found: Vec<u64>,
    repeats: Vec<u64>,
    firsts: HashSet<(u32, [u8; 16], u8)>,
    /// By rule: the keys of which a record of the test split was taken.
    tests: Vec<usize>,
}

impl Pass {
    fn new(rules: usize, most: usize) -> Pass {
        Pass {
            most: most as u64,
            found: vec![0; 2 * rules],
            repeats: vec![0; rules],
            firsts: HashSet::new(),
            tests: vec![0; rules],
        }
    }

    /// Whether a list has room for one more, which it then has.
    fn take(count: &mut u64, most: u64) -> bool {
        *count += u64::from(*count <= most);
        *count <= most
    }

    fn takes_found(&mut self, rule: u32, unreadable: bool) -> bool {
        Pass::take(&mut self.found[slot(rule as usize, unreadable)], self.most)
    }

    /// The first record of each key is taken, and of the others the first ones; of a test split only the first.
    fn takes_member(&mut self, minds: Option<Minds>, rule: u32, key: [u8; 16], split: u8) -> bool {
        let leak = matches!(minds, Some(Minds::Leak));
        if leak && split == 0 {
            return Pass::take(&mut self.repeats[rule as usize], self.most);
        }
        let is_first = self.firsts.insert((rule, key, split));
        self.tests[rule as usize] += usize::from(is_first && leak);
        is_first || !leak && Pass::take(&mut self.repeats[rule as usize], self.most)
    }

    /// Whether there is no more room for anything of the suspects.
    fn has_found(&self, suspects: &Suspects) -> bool {
        !suspects.told.is_empty() && suspects.told.keys().all(|&slot| self.found[slot] >= self.most)
    }

    /// Whether the places of all keys are known that are told.
    fn has_members(&self, minds: impl Fn(usize) -> Option<Minds>, offenders: &Offenders) -> bool {
        (0..self.repeats.len()).filter(|&rule| !offenders.keys[rule].is_empty()).all(|rule| {
            self.repeats[rule] >= offenders.expected[rule].min(self.most)
                && (!matches!(minds(rule), Some(Minds::Leak)) || self.tests[rule] == offenders.keys[rule].len())
        })
    }
}

impl Attempt<'_> {
    /// Finds the first places of all that was found, adds them to those that are known of files that did not change, and
    /// says of which lists some were left out.
    pub(super) fn place<S: NodeSource + Sync>(
        &self,
        files: &Files<'_, S>,
        suspects: &SuspectFiles,
        offenders: &Offenders,
        mut placed: Placed,
        kept: &Kept,
        measures: &Measures,
    ) -> Result<(Placed, Vec<bool>)> {
        let rules = self.judging.gate.rules().len();
        let totals: Vec<u64> = (0..rules).flat_map(|rule| [measures.failures(rule), measures.unread(rule)]).collect();
        self.pass(files, Some(suspects), offenders, &mut placed, kept.most, &totals)?;
        if kept.falls_short(&placed, &totals) {
            placed.values_mut().for_each(|places| places.found.clear());
            let none = Offenders { keys: vec![HashSet::new(); rules], expected: vec![0; rules], ..Offenders::default() };
            self.pass(files, None, &none, &mut placed, kept.most, &totals)?;
        }
        let mut room = Pass::new(rules, kept.most);
        placed.values_mut().for_each(|places| places.found.retain(|found| room.takes_found(found.rule, found.unreadable)));
        placed.retain(|_, places| !places.found.is_empty() || !places.members.is_empty());
        let left_out = totals.iter().chain(&offenders.expected).map(|&total| total > kept.most as u64).collect();
        Ok((placed, left_out))
    }

    /// Looks for the places of suspects and of repeated keys; without `suspects` at all records of all files, until the
    /// first of each list are found.
    fn pass<S: NodeSource + Sync>(
        &self,
        files: &Files<'_, S>,
        suspects: Option<&SuspectFiles>,
        offenders: &Offenders,
        placed: &mut Placed,
        most: usize,
        totals: &[u64],
    ) -> Result<()> {
        let is_offended = offenders.keys.iter().any(|keys| !keys.is_empty());
        let everywhere = offenders.anywhere || suspects.is_none();
        let entries: Box<dyn Iterator<Item = Result<Entry>> + Send + '_> = match (self.before, suspects) {
            // All of them are looked for everywhere.
            _ if everywhere => {
                if offenders.anywhere {
                    placed.values_mut().for_each(|places| places.members.clear());
                }
                Box::new(Entries::new(files.nodes, files.manifest)?)
            }
            (Some(before), _) if is_offended => {
                let is_left = |member: &Member| offenders.keys[member.rule as usize].contains(&member.key);
                placed.values_mut().for_each(|places| places.members.retain(is_left));
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
            (_, suspects) => {
                placed.values_mut().for_each(|places| places.members.clear());
                Box::new(suspects.into_iter().flatten().map(|(_, (entry, _))| Ok(entry.clone())))
            }
        };
        let done = AtomicBool::new(false);
        let entries = entries
            .take_while(|_| !done.load(Ordering::Relaxed))
            .filter(|entry| entry.as_ref().map_or(true, |entry| entry.kind.is_file()));
        let rules = self.judging.gate.rules();
        let minds = |rule: usize| minds(&rules[rule].check);
        let mut pass = Pass::new(rules.len(), most);
        let mut left = suspects.map_or(0, BTreeMap::len);
        let every = Suspects { every: true, ..Suspects::default() };
        parallel::ordered(
            entries,
            2 * parallel::threads(),
            || self.judging.worker(),
            |worker, entry: Entry| {
                let own = match suspects {
                    Some(suspects) => suspects.get(&entry.path).map(|(_, suspects)| suspects),
                    None => Some(&every),
                };
                let places = if done.load(Ordering::Relaxed) {
                    Places::default()
                } else {
                    self.places(worker, files, &entry, own, offenders, Pass::new(rules.len(), most))?
                };
                Ok((entry.path, own.is_some(), places))
            },
            |(path, suspect, mut places)| {
                left -= usize::from(suspect && suspects.is_some());
                places.found.retain(|found| pass.takes_found(found.rule, found.unreadable));
                if offenders.anywhere {
                    places.members.retain(|m| pass.takes_member(minds(m.rule as usize), m.rule, m.key, m.split));
                }
                if !places.found.is_empty() || !places.members.is_empty() {
                    let there = placed.entry(path.to_string()).or_default();
                    there.found.extend(places.found);
                    there.members.extend(places.members);
                }
                let complete =
                    suspects.is_some() || totals.iter().zip(&pass.found).all(|(&total, &found)| found >= total.min(pass.most));
                if everywhere && left == 0 && complete && pass.has_members(minds, offenders) {
                    done.store(true, Ordering::Relaxed);
                }
                Ok(())
            },
        )
    }

    /// The first places in one file.
    fn places<S: NodeSource>(
        &self,
        worker: &mut Worker<'_>,
        files: &Files<'_, S>,
        entry: &Entry,
        suspects: Option<&Suspects>,
        offenders: &Offenders,
        mut pass: Pass,
    ) -> Result<Places> {
        self.judging.progress.check()?;
        let mut places = Places::default();
        let looks = self.judging.gate.of_file(entry.path.as_str());
        let rules = self.judging.gate.rules();
        let minds = |rule: usize| minds(&rules[rule].check);
        let asks = looks.keys.iter().any(|&(rule, _)| !offenders.keys[rule].is_empty());
        if suspects.is_none() && !asks {
            return Ok(places);
        }
        let half = files.half(self.judging, entry, Side::New)?;
        let (mut fault, mut number) = (None, 0);
        visit(&self.judging.rules, None, Some(&half), true, &mut |seen| {
            // The header and comments have no number of their own.
            number += u64::from(!matches!(seen.text, RecordText::SkippedRow(_)));
            let raw = raw(&seen.text);
            let suspect = suspects.is_some_and(|suspects| suspects.has(raw) && !pass.has_found(suspects));
            let offends = asks && (offenders.every || offenders.raws.contains(&raw)) && !pass.has_members(minds, offenders);
            if fault.is_some() || !suspect && !offends {
                return;
            }
            let shown = self.judging.shown(&seen, Some(&half).filter(|_| suspect), &mut |record| {
                let place = Place { at: seen.at, line: record.line, number };
                let mut found = |rule: usize, unreadable, message| {
                    let rule = rule as u32;
                    if suspect && pass.takes_found(rule, unreadable) {
                        places.found.push(Found { rule, place, raw, unreadable, message });
                    }
                };
                let mut keys = Vec::new();
                // What it measures has been added before.
                worker.judge.record(&looks, record, &mut worker.measures, 0, &mut |told| match told {
                    Told::Finding { rule, message } => found(rule, false, message),
                    Told::Unreadable { rule, reason } => found(rule, true, reason),
                    Told::Key { rule, key, split } if offenders.keys[rule].contains(&key) => keys.push((rule, key, split as u8)),
                    Told::Key { .. } => {}
                });
                for (rule, key, split) in keys {
                    if pass.takes_member(minds(rule), rule as u32, key, split) {
                        places.members.push(Member { rule: rule as u32, key, split, place });
                    }
                }
            });
            fault = shown.err();
        })?;
        if suspects.is_some() && number == 0 && !matches!(half.reading.format, RecordFormat::Whole | RecordFormat::None) {
            let found = |rule| Found {
                rule,
                place: HOLLOW_PLACE,
                raw: HOLLOW,
                unreadable: false,
                message: "the file has no records".to_owned(),
            };
            places.found.extend(looks.empty.iter().map(|&rule| found(rule as u32)));
        }
        fault.map_or(Ok(places), Err)
    }
}

/// What is said of the records whose keys others have too: each of a split but the first, and of a train split each
/// that stands in the test split.
pub(super) fn repeated<'p>(
    placed: &'p Placed,
    minds: impl Fn(u32) -> Option<Minds>,
    mut say: impl FnMut(&'p str, Place, u32, String),
) {
    let mut first: HashMap<(u32, [u8; 16], u8), (&str, Place)> = HashMap::new();
    for (path, places) in placed {
        for member in &places.members {
            first.entry((member.rule, member.key, member.split)).or_insert((path, member.place));
        }
    }
    for (path, places) in placed {
        for member in &places.members {
            let other = |split| first.get(&(member.rule, member.key, split)).filter(|first| **first != (path, member.place));
            let found = match minds(member.rule) {
                Some(Minds::Repetition(what)) => other(member.split).map(|first| (what, first)),
                Some(Minds::Leak) if member.split == 0 => other(1).map(|first| ("is also in the test split, at", first)),
                _ => None,
            };
            if let Some((what, (other, at))) = found {
                // On one and the same line the number tells them apart.
                let which = if (*other, at.line) == (path, member.place.line) {
                    format!("record {} of ", at.number)
                } else {
                    String::new()
                };
                say(path, member.place, member.rule, format!("{what} {which}{other}:{}", at.line));
            }
        }
    }
}

/// What a rule minds in records that share a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Minds {
    /// That there is more than one, told in these words.
    Repetition(&'static str),
    /// That one of the train split stands in the test split.
    Leak,
}
