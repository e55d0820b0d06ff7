//! Judging a version by the rules of its dataset, from its files to a verdict.
//!
//! Two looks: the first ([`look`]) judges the records in which the version differs from its parent, or all of them, and
//! gathers their keys; the second ([`place`]) finds where the records stand in which something was found. What the
//! parent's judgement knew ([`known`]) is taken over for all that did not change. Invariant: a verdict is the same
//! whether the parent's judgement was known or not.

mod known;
mod look;
mod place;
mod program;
mod report;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::fs::beneath::Root;
use crate::id::{Id, Node};
use crate::manifest::{Change, Diff, Entries, NodeSource};
use crate::object::node::Entry;
use crate::object::verdict::{Judged, MAX_FINDINGS, Verdict};
use crate::parallel;
use crate::progress::{Progress, Stage};
use crate::repo::{Dataset, Repo};
use crate::sample::Side;
use crate::store::Store;
use crate::store::samples::{Bytes, Half, Rules};
use crate::validate::{Check, Gate, Gathering, Limits, Measures, Rule};
use crate::worktree::selection::Matcher;

use known::{Home, Known, Places};
use look::HOLLOW;
use place::{Minds, Offenders, Placed, Suspects, repeated};

pub use report::{Finding, Judgement, RuleReport};

/// A file on the old side and on the new.
type Sides = (Option<Entry>, Option<Entry>);

/// The rules of a dataset at work.
pub(super) struct Judging<'a> {
    repo: &'a Repo,
    dataset: &'a Dataset,
    progress: &'a dyn Progress,
    gate: Gate,
    /// How the files are read.
    rules: Rules,
    /// What the rules and the reading are.
    digest: [u8; 32],
    /// The least score that passes, in millionths.
    min_score: u32,
}

/// The files that are judged.
pub(super) struct Files<'a, S> {
    /// Where the nodes of both manifests are.
    pub nodes: &'a S,
    pub manifest: Id<Node>,
    /// The manifest of the version that they are compared with.
    pub before: Option<Id<Node>>,
    /// Where the files are read that are not in the store; `None` where all are.
    pub work: Option<Work<'a>>,
}

/// A workspace.
pub(super) struct Work<'a> {
    pub root: &'a Root,
    /// The part of the version that it holds; the rest lies in the store.
    pub selection: Option<Matcher>,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub path: String,
    pub line: u64,
    pub rule: u32,
    pub message: String,
}

/// What judging came to.
pub(super) struct Outcome {
    pub verdict: Verdict,
    /// All that was found, errors first, then by rule and place.
    pub said: Vec<Said>,
}

impl<S> Files<'_, S> {
    fn half<'h>(&self, judging: &Judging<'h>, entry: &'h Entry, side: Side) -> Result<Half<'h>> {
        let path = entry.path.as_str();
        let is_here = |work: &&Work<'_>| side == Side::New && work.selection.as_ref().is_none_or(|part| part.selects(path));
        let bytes = match self.work.as_ref().filter(is_here) {
            Some(Work { root, .. }) => {
                let file = root.cursor().open_file(path).map_err(|e| root.error("cannot read", path, e))?;
                Bytes::Open(Arc::new(file), root.path().join(path))
            }
            _ => Bytes::Stored(judging.repo.store()),
        };
        Ok(Half { path, reading: judging.rules.reading(path), content: Some(entry.content), size: entry.size, bytes })
    }
}

impl<'a> Judging<'a> {
    /// The rules of a dataset, ready to judge; `None` where it has none.
    pub fn of(repo: &'a Repo, dataset: &'a Dataset, progress: &'a dyn Progress) -> Result<Option<Judging<'a>>> {
        let Some(spec) = &dataset.validation else { return Ok(None) };
        let gate = Gate::new(spec, repo.root())?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&gate.digest());
        hasher.update(format!("{:?}{:?}", dataset.formats, env!("CARGO_PKG_VERSION")).as_bytes());
        let digest = *hasher.finalize().as_bytes();
        Ok(Some(Judging { repo, dataset, progress, gate, rules: dataset.rules()?, digest, min_score: spec.min_score }))
    }

    fn home(&self, manifest: Id<Node>) -> Home {
        Home::of(self.repo.store().layout().gate(&self.dataset.name), manifest, &self.digest)
    }

    /// Judges files, and what they differ in from a version that came before them. With `keep` what is found out is kept
    /// for the next version, as far as the disk allows.
    pub fn judge<S: NodeSource + Sync>(&self, mut files: Files<'_, S>, keep: bool) -> Result<Outcome> {
        let mut known = files.before.and_then(|before| self.home(before).load());
        if known.is_none()
            && self.rules_of().any(|rule| matches!(rule.check, Check::Drift { .. }))
            && let Some(before) = files.before
        {
            // Drift is measured against what came before, so that has to be known.
            let store: &Store = self.repo.store();
            self.judge(Files { nodes: store, manifest: before, before: None, work: None }, true)?;
            known = self.home(before).load();
        }
        if known.is_none() {
            files.before = None;
        }
        match self.attempt(&files, known, keep) {
            // What is kept is derived: where it is damaged, all is judged anew.
            Err(e) if e.kind() == Kind::Damaged && files.before.is_some() => {
                if let Some(before) = files.before.take() {
                    self.home(before).forget()?;
                }
                self.attempt(&files, None, keep)
            }
            done => done,
        }
    }

    fn rules_of(&self) -> impl Iterator<Item = &Rule> {
        self.gate.rules().iter()
    }

    fn attempt<S: NodeSource + Sync>(&self, files: &Files<'_, S>, known: Option<Known>, keep: bool) -> Result<Outcome> {
        let rules = self.gate.rules().len();
        let home = self.home(files.manifest);
        let staging = home.begin()?;
        let past = known.is_some();
        let before = known.as_ref().and_then(|known| {
            let lists: Vec<&[(String, u64)]> = known.measures.iter().map(Vec::as_slice).collect();
            Measures::from_lists(&lists).filter(|_| lists.len() == rules)
        });
        if past && before.is_none() {
            return Err(Error::damaged("the kept judgement is of other rules"));
        }
        let mut placed: Placed = known.map(|known| known.files.into_iter().collect()).unwrap_or_default();
        let mut measures = before.clone().unwrap_or_else(|| Measures::new(rules));

        self.progress.begin(Stage::Judge, 0, 0);
        let is_keyed = |rule: &Rule| minds(&rule.check).is_some();
        let gatherings = self.rules_of().map(|rule| is_keyed(rule).then(|| Mutex::new(Gathering::new(staging.path()))));
        let gatherings: Vec<Option<Mutex<Gathering>>> = gatherings.collect();
        let mut suspects = Suspects::new();
        parallel::ordered(
            self.changes(files)?,
            2 * parallel::threads(),
            || self.worker(),
            |worker, sides| self.look(worker, files, sides, &gatherings),
            |looked| {
                measures.absorb(looked.measures);
                let path = looked.sides.0.iter().chain(&looked.sides.1).next().map(|entry| entry.path.clone());
                let mut own = looked.suspects;
                if let Some(old) = path.and_then(|path| placed.remove(path.as_str())) {
                    own.extend(old.found.iter().map(|found| found.raw).filter(|&raw| raw != HOLLOW));
                    own.sort_unstable();
                    own.dedup();
                }
                if let (Some(entry), false) = (looked.sides.1, own.is_empty()) {
                    suspects.insert(entry.path.clone(), (entry, own));
                }
                Ok(())
            },
        )?;
        let (offenders, failed) = self.merge(files, gatherings, staging.path(), &measures, &placed)?;
        let placed = self.place(files, &suspects, &offenders, placed)?;
        let outcome = self.outcome(files, &placed, &measures, before.as_ref(), failed)?;
        if keep {
            let measures = (0..rules).map(|rule| measures.to_list(rule)).collect();
            home.keep(staging, &Known { measures, files: placed.into_iter().collect() })?;
        }
        Ok(outcome)
    }

    /// The files that differ from what came before, or all.
    fn changes<'s, S: NodeSource + Sync>(
        &self,
        files: &Files<'s, S>,
    ) -> Result<Box<dyn Iterator<Item = Result<Sides>> + Send + 's>> {
        let file = |entry: Entry| Some(entry).filter(|entry| entry.kind.is_file());
        let Some(before) = files.before else {
            let entries = Entries::new(files.nodes, files.manifest)?.map(move |entry| entry.map(|entry| (None, file(entry))));
            return Ok(Box::new(entries.filter(|sides| !matches!(sides, Ok((None, None))))));
        };
        let sides = move |change| -> Sides {
            match change {
                Change::Added(new) => (None, file(new)),
                Change::Removed(old) => (file(old), None),
                Change::Modified(old, new) => match (file(old), file(new)) {
                    (Some(old), Some(new)) if old.content == new.content => (None, None),
                    sides => sides,
                },
            }
        };
        let changes = Diff::new(files.nodes, before, files.manifest)?.map(move |change| change.map(sides));
        Ok(Box::new(changes.filter(|sides| !matches!(sides, Ok((None, None))))))
    }

    /// Merges the keys that were gathered with those from before: which of them several records have, and in how many
    /// records each rule minds it.
    fn merge<S>(
        &self,
        files: &Files<'_, S>,
        gatherings: Vec<Option<Mutex<Gathering>>>,
        folder: &Path,
        measures: &Measures,
        placed: &Placed,
    ) -> Result<(Offenders, Vec<u64>)> {
        let rules = gatherings.len();
        let mut offenders = Offenders { keys: vec![HashSet::new(); rules], ..Offenders::default() };
        let mut failed = vec![0; rules];
        for (rule, gathering) in gatherings.into_iter().enumerate() {
            let Some(gathering) = gathering else { continue };
            let gathering = gathering.into_inner().unwrap_or_else(PoisonError::into_inner);
            let before = files.before.map(|before| self.home(before).keys(rule));
            let check = &self.gate.rules()[rule].check;
            let (mut raws, mut anywhere) = (HashSet::new(), false);
            let own = &mut offenders.keys[rule];
            gathering.merge(before.as_deref(), &known::keys(folder, rule), &mut |group| {
                let [one, test] = group.now;
                let minded = match minds(check) {
                    Some(Minds::Leak) if test > 0 => one,
                    Some(Minds::Repetition(_)) => one.saturating_sub(1),
                    _ => 0,
                };
                if minded > 0 {
                    failed[rule] += minded;
                    own.insert(group.key);
                    raws.extend(group.members.iter().map(|member| member.raw));
                    anywhere |= group.changed;
                }
                Ok(())
            })?;
            if let Check::Duplicates { max_share, .. } = check {
                if u128::from(failed[rule]) * 1_000_000 <= u128::from(*max_share) * u128::from(measures.records(rule)) {
                    failed[rule] = 0;
                    own.clear();
                    continue;
                }
                // Others that went may have lifted the share over its limit: then no place is known of those that stayed.
                anywhere |= !placed.values().flat_map(|places| &places.members).any(|member| member.rule as usize == rule);
            }
            offenders.raws.extend(raws);
            offenders.anywhere |= anywhere;
        }
        Ok((offenders, failed))
    }

    /// Puts together what was found: in places, over all, and by programs.
    fn outcome<S: NodeSource + Sync>(
        &self,
        files: &Files<'_, S>,
        placed: &BTreeMap<String, Places>,
        measures: &Measures,
        before: Option<&Measures>,
        mut failed: Vec<u64>,
    ) -> Result<Outcome> {
        let rules = self.gate.rules();
        let mut checked: Vec<u64> = (0..rules.len()).map(|rule| measures.records(rule)).collect();
        let mut said: Vec<Said> = Vec::new();
        for (path, places) in placed {
            for found in &places.found {
                failed[found.rule as usize] += 1;
                let message = found.message.clone();
                said.push(Said { path: path.clone(), line: found.line, rule: found.rule, message });
            }
        }
        let minded = |rule: u32| minds(&rules[rule as usize].check);
        repeated(placed, minded, |path, line, rule, message| said.push(Said { path: path.to_owned(), line, rule, message }));
        for (rule, declared) in rules.iter().enumerate() {
            let over_all = |message| Said { path: String::new(), line: 0, rule: rule as u32, message };
            match &declared.check {
                Check::Drift { samples, length, labels } => {
                    let limits = Limits { samples: *samples, length: limit(length), labels: limit(labels) };
                    let drift = before.and_then(|before| measures.drift(rule, before, &limits));
                    checked[rule] = u64::from(before.is_some());
                    failed[rule] = u64::from(drift.is_some());
                    said.extend(drift.map(over_all));
                }
                Check::Command { run, timeout } => {
                    let (shown, ended) = self.run_program(rule, run, *timeout, files)?;
                    checked[rule] = shown.max(1);
                    match ended {
                        Ok(own) => {
                            failed[rule] = records(&own).min(checked[rule]);
                            said.extend(own);
                        }
                        Err(why) => {
                            // It vouches for nothing.
                            failed[rule] = checked[rule];
                            said.push(over_all(why));
                        }
                    }
                }
                _ => {}
            }
        }
        said.sort_by(|a, b| {
            let severity = |said: &Said| rules[said.rule as usize].severity;
            severity(b).cmp(&severity(a)).then_with(|| (a.rule, &a.path, a.line).cmp(&(b.rule, &b.path, b.line)))
        });
        let judged = rules.iter().enumerate().map(|(rule, declared)| Judged {
            name: declared.name().to_owned(),
            kind: declared.check.kind().to_owned(),
            severity: declared.severity,
            weight: declared.weight,
            checked: checked[rule].max(failed[rule]),
            failed: failed[rule],
            measures: if matches!(declared.check, Check::Drift { .. }) { measures.to_list(rule) } else { Vec::new() },
        });
        let first = said.iter().take(MAX_FINDINGS).map(report::stored);
        let verdict =
            Verdict { rules: self.digest, min_score: self.min_score, judged: judged.collect(), findings: first.collect() };
        Ok(Outcome { verdict, said })
    }
}

/// A field and how far it may drift.
fn limit(limit: &Option<(String, u32)>) -> Option<(&str, u32)> {
    limit.as_ref().map(|(field, most)| (field.as_str(), *most))
}

/// How many records are spoken of.
fn records(said: &[Said]) -> u64 {
    said.iter().map(|said| (&said.path, said.line)).collect::<HashSet<_>>().len() as u64
}

/// What a rule minds in records that share a key, if it looks at keys.
fn minds(check: &Check) -> Option<Minds> {
    match check {
        Check::Unique { .. } => Some(Minds::Repetition("has the same key as")),
        Check::Duplicates { .. } => Some(Minds::Repetition("is the same as")),
        Check::Leakage { .. } => Some(Minds::Leak),
        _ => None,
    }
}
