//! The second look: where the records stand in which something was found.
//!
//! Each is known by a hash of its bytes, and is judged again where it stands: so a hash that two records share makes no
//! wrong finding.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::known::{Found, Member, Place, Places};
use super::look::{HOLLOW, Worker, raw};
use super::{Attempt, Files};
use crate::error::Result;
use crate::manifest::{Change, Diff, Entries, NodeSource};
use crate::object::node::Entry;
use crate::parallel;
use crate::path::DataPath;
use crate::sample::Side;
use crate::store::samples::visit;
use crate::validate::Told;

/// The keys that more than one record has, where a rule minds it.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    /// By rule.
    pub keys: Vec<HashSet<[u8; 16]>>,
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

/// The files in which a rule that looks at one record alone found something, with the hashes of the records.
pub(super) type Suspects = BTreeMap<DataPath, (Entry, Vec<u64>)>;

impl Attempt<'_> {
    /// Finds the places of all that was found, and adds them to those that are known of files that did not change.
    pub(super) fn place<S: NodeSource + Sync>(
        &self,
        files: &Files<'_, S>,
        suspects: &Suspects,
        offenders: &Offenders,
        mut placed: Placed,
    ) -> Result<Placed> {
        let entries: Box<dyn Iterator<Item = Result<Entry>> + Send + '_> = match self.before {
            // All of them are looked for everywhere.
            _ if offenders.anywhere => {
                placed.values_mut().for_each(|places| places.members.clear());
                Box::new(Entries::new(files.nodes, files.manifest)?)
            }
            Some(before) if !offenders.raws.is_empty() => {
                let is_left = |member: &Member| offenders.keys[member.rule as usize].contains(&member.key);
                placed.values_mut().for_each(|places| places.members.retain(is_left));
                let new = |change| match change {
                    // Only its mode changed: what is known of it stays.
                    Change::Modified(old, new) if old.kind.is_file() && new.kind.is_file() && old.content == new.content => None,
                    Change::Added(new) | Change::Modified(_, new) => Some(new),
                    Change::Removed(_) => None,
                };
                Box::new(Diff::new(files.nodes, before, files.manifest)?.filter_map(move |change| change.map(new).transpose()))
            }
            _ => {
                placed.values_mut().for_each(|places| places.members.clear());
                Box::new(suspects.values().map(|(entry, _)| Ok(entry.clone())))
            }
        };
        let entries = entries.filter(|entry| entry.as_ref().map_or(true, |entry| entry.kind.is_file()));
        parallel::ordered(
            entries,
            2 * parallel::threads(),
            || self.judging.worker(),
            |worker, entry: Entry| {
                let own = suspects.get(&entry.path).map_or(&[][..], |(_, suspects)| suspects);
                let places = self.places(worker, files, &entry, own, offenders)?;
                Ok((entry.path, places))
            },
            |(path, places)| {
                if !places.found.is_empty() || !places.members.is_empty() {
                    let there = placed.entry(path.to_string()).or_default();
                    there.found.extend(places.found);
                    there.members.extend(places.members);
                }
                Ok(())
            },
        )?;
        placed.retain(|_, places| !places.found.is_empty() || !places.members.is_empty());
        Ok(placed)
    }

    /// The places in one file.
    fn places<S: NodeSource>(
        &self,
        worker: &mut Worker<'_>,
        files: &Files<'_, S>,
        entry: &Entry,
        suspects: &[u64],
        offenders: &Offenders,
    ) -> Result<Places> {
        self.judging.progress.check()?;
        let mut places = Places::default();
        let looks = self.judging.gate.of_file(entry.path.as_str());
        let minds = looks.keys.iter().any(|&(rule, _)| !offenders.keys[rule].is_empty());
        if suspects.is_empty() && !minds {
            return Ok(places);
        }
        if suspects.contains(&HOLLOW) {
            let found = |rule| Found { rule, place: HOLLOW_PLACE, raw: HOLLOW, message: "the file has no records".to_owned() };
            places.found.extend(looks.empty.iter().map(|&rule| found(rule as u32)));
        }
        let half = files.half(self.judging, entry, Side::New)?;
        let (mut fault, mut number) = (None, 0);
        visit(&self.judging.rules, None, Some(&half), true, &mut |seen| {
            number += 1;
            let raw = raw(&seen.text);
            let (suspect, offends) =
                (suspects.binary_search(&raw).is_ok(), minds && (offenders.every || offenders.raws.contains(&raw)));
            if fault.is_some() || !suspect && !offends {
                return;
            }
            let shown = self.judging.shown(&seen, Some(&half).filter(|_| suspect), &mut |record| {
                let place = Place { at: seen.at, line: record.line, number };
                // What it measures has been added before.
                worker.judge.record(&looks, record, suspect, &mut worker.measures, 0, &mut |told| match told {
                    Told::Finding { rule, message } => places.found.push(Found { rule: rule as u32, place, raw, message }),
                    Told::Key { rule, key, split } if offenders.keys[rule].contains(&key) => {
                        places.members.push(Member { rule: rule as u32, key, split: split as u8, place });
                    }
                    Told::Key { .. } => {}
                });
            });
            fault = shown.err();
        })?;
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
                Some(Minds::Leak) if member.split == 0 => other(1).map(|first| ("stands in the test split, at", first)),
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
