//! The state of all facts: tags, the latest verdict, runs and notes of each version.
//!
//! Folding is linear in the number of facts, but for the order in which versions received a tag, which is sorted once.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::clock::Time;
use crate::id::{FactId, Id, VerdictId, VersionId};
use crate::object::fact::{Fact, Run, Statement};

/// A run as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRun {
    /// The fact that says so.
    pub id: Id<FactId>,
    /// The version that was trained on.
    pub version: Id<VersionId>,
    /// The run.
    pub run: Arc<Run>,
    /// The time of the record.
    pub time: Time,
    /// The author of the record.
    pub author: String,
}

/// A note as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedNote {
    /// The fact that says so.
    pub id: Id<FactId>,
    /// The version that it is about.
    pub version: Id<VersionId>,
    /// The words.
    pub text: String,
    /// The time of the note.
    pub time: Time,
    /// The author of the note.
    pub author: String,
}

/// That a run does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The reason.
    pub reason: String,
    /// The time of the withdrawal.
    pub time: Time,
    /// The author of the withdrawal.
    pub author: String,
}

/// That nothing may remove a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedHold {
    /// The fact that says so.
    pub id: Id<FactId>,
    /// The version.
    pub version: Id<VersionId>,
    /// The reason.
    pub reason: String,
    /// The time of the hold.
    pub time: Time,
    /// The author of the hold.
    pub author: String,
}

/// The facts about one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct VersionFacts {
    tags: BTreeSet<String>,
    /// The last verdict, and the turn of its fact.
    verdict: Option<(u64, Id<VerdictId>)>,
    runs: Vec<Arc<RecordedRun>>,
    notes: Vec<Arc<RecordedNote>>,
    /// Each with the turn of its fact.
    holds: Vec<(u64, Arc<RecordedHold>)>,
}

/// The folded facts. They follow from the kept facts alone: those that no later one has superseded.
///
/// The turn of a fact is its place in the order of all facts, counted from 0.
#[derive(Clone, Debug, Default)]
pub struct FactsState {
    /// The facts that were folded, which is the turn of the next one.
    turns: u64,
    tags: BTreeMap<String, TagHolders>,
    versions: HashMap<Id<VersionId>, VersionFacts>,
    runs: Vec<Arc<RecordedRun>>,
    notes: Vec<Arc<RecordedNote>>,
    /// By the fact that recorded the run.
    withdrawals: HashMap<Id<FactId>, Withdrawal>,
    /// Versions whose dataset mattered and could not be told.
    unresolved: BTreeSet<Id<VersionId>>,
}

/// The change that a fact makes to the kept facts.
#[derive(Debug, Default)]
pub struct Effect {
    /// True if the fact itself is kept.
    pub is_kept: bool,
    /// The turns of facts that it supersedes.
    pub superseded: Vec<u64>,
}

/// The versions that have a tag.
#[derive(Clone, Debug, Default)]
struct TagHolders {
    /// By the turn in which each received it last.
    order: BTreeMap<u64, Id<VersionId>>,
    turns: HashMap<Id<VersionId>, u64>,
    /// The one of each dataset, as far as it was asked for.
    datasets: HashMap<String, Id<VersionId>>,
    /// Those whose dataset was not asked for, in the order in which they received it.
    pending: Vec<Id<VersionId>>,
}

impl PartialEq for TagHolders {
    fn eq(&self, other: &TagHolders) -> bool {
        self.order.values().eq(other.order.values())
    }
}

impl PartialEq for FactsState {
    /// Compares what holds, not how it came about.
    fn eq(&self, other: &FactsState) -> bool {
        (&self.tags, &self.versions, &self.runs, &self.notes, &self.withdrawals)
            == (&other.tags, &other.versions, &other.runs, &other.notes, &other.withdrawals)
    }
}

impl TagHolders {
    /// Gives the tag to a version. Returns the turn in which it received it before.
    fn add(&mut self, version: Id<VersionId>, turn: u64) -> Option<u64> {
        let before = self.remove(version);
        if before.is_none() {
            self.pending.push(version);
        }
        self.turns.insert(version, turn);
        self.order.insert(turn, version);
        before
    }

    /// Takes the tag off a version. Returns the turn in which it received it.
    fn remove(&mut self, version: Id<VersionId>) -> Option<u64> {
        let turn = self.turns.remove(&version)?;
        self.order.remove(&turn);
        Some(turn)
    }

    /// Takes the tag off every version after which another one of its dataset received it, and returns those. A dataset is
    /// asked for only where several versions have the tag at a time.
    fn displaced(
        &mut self,
        dataset: &mut impl FnMut(Id<VersionId>) -> Option<String>,
        unresolved: &mut BTreeSet<Id<VersionId>>,
    ) -> Vec<(Id<VersionId>, u64)> {
        let mut displaced = Vec::new();
        if self.order.len() < 2 {
            return displaced;
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.retain(|version| self.turns.contains_key(version));
        // One that lost it and received it again is there twice.
        pending.sort_by_key(|version| self.turns.get(version));
        pending.dedup();
        for version in pending {
            let Some(name) = dataset(version) else {
                unresolved.insert(version);
                continue;
            };
            let before = self.datasets.insert(name, version).filter(|before| *before != version);
            displaced.extend(before.and_then(|before| Some((before, self.remove(before)?))));
        }
        displaced
    }
}

impl FactsState {
    /// Folds facts that come in their order. A version that receives a tag takes it from the other versions of its dataset,
    /// which `dataset` names where it can.
    pub(super) fn of(
        facts: impl IntoIterator<Item = (Id<FactId>, Fact)>,
        mut dataset: impl FnMut(Id<VersionId>) -> Option<String>,
    ) -> FactsState {
        let mut state = FactsState::default();
        for (id, fact) in facts {
            state.apply(id, fact, &mut dataset);
        }
        state
    }

    /// Folds the fact that comes next; `dataset` names the dataset of a version, where it can.
    pub fn apply(&mut self, id: Id<FactId>, fact: Fact, dataset: &mut impl FnMut(Id<VersionId>) -> Option<String>) -> Effect {
        let tag = match &fact.statement {
            Statement::TagAdded { tag, .. } => Some(tag.clone()),
            _ => None,
        };
        let mut effect = self.add(id, fact);
        if let Some(tag) = tag
            && let Some(bearers) = self.tags.get_mut(&tag)
        {
            for (version, turn) in bearers.displaced(dataset, &mut self.unresolved) {
                effect.superseded.push(turn);
                self.untag(version, &tag);
            }
        }
        effect
    }

    /// Returns the state that kept these facts, which come in their order, each with its turn.
    pub fn restored(
        turns: u64,
        unresolved: BTreeSet<Id<VersionId>>,
        kept: impl IntoIterator<Item = (u64, Id<FactId>, Fact)>,
    ) -> FactsState {
        let mut state = FactsState { unresolved, ..FactsState::default() };
        for (turn, id, fact) in kept {
            state.turns = turn;
            state.add(id, fact);
        }
        state.turns = turns;
        state
    }

    /// Folds a fact, but leaves a tag on the versions that have it.
    fn add(&mut self, id: Id<FactId>, fact: Fact) -> Effect {
        let (turn, Fact { time, author, statement, .. }) = (self.turns, fact);
        self.turns += 1;
        let mut superseded = None;
        let is_kept = match statement {
            Statement::Joined | Statement::Unknown { .. } => false,
            Statement::TagAdded { version, tag } => {
                self.versions.entry(version).or_default().tags.insert(tag.clone());
                superseded = self.tags.entry(tag).or_default().add(version, turn);
                true
            }
            Statement::TagRemoved { version, tag } => {
                superseded = self.tags.get_mut(&tag).and_then(|bearers| bearers.remove(version));
                self.untag(version, &tag);
                false
            }
            Statement::Validated { version, verdict } => {
                let own = self.versions.entry(version).or_default();
                superseded = own.verdict.replace((turn, verdict)).map(|(turn, _)| turn);
                true
            }
            Statement::Run { version, run } => {
                let recorded = Arc::new(RecordedRun { id, version, run, time, author });
                self.versions.entry(version).or_default().runs.push(recorded.clone());
                self.runs.push(recorded);
                true
            }
            Statement::Note { version, text } => {
                let noted = Arc::new(RecordedNote { id, version, text, time, author });
                self.versions.entry(version).or_default().notes.push(noted.clone());
                self.notes.push(noted);
                true
            }
            Statement::Held { version, reason } => {
                let held = Arc::new(RecordedHold { id, version, reason, time, author });
                self.versions.entry(version).or_default().holds.push((turn, held));
                true
            }
            Statement::Released { version, hold, .. } => {
                superseded = self.release(version, hold);
                false
            }
            Statement::RunWithdrawn { run, reason, .. } => match self.withdrawals.entry(run) {
                // The first reason stays.
                Entry::Occupied(_) => false,
                Entry::Vacant(entry) => {
                    entry.insert(Withdrawal { reason, time, author });
                    true
                }
            },
        };
        Effect { is_kept, superseded: superseded.into_iter().collect() }
    }

    /// Removes a hold from a version, and what is empty then. Returns the turn of the hold.
    fn release(&mut self, version: Id<VersionId>, hold: Id<FactId>) -> Option<u64> {
        let own = self.versions.get_mut(&version)?;
        let at = own.holds.iter().position(|(_, held)| held.id == hold)?;
        let (turn, _) = own.holds.remove(at);
        if *own == VersionFacts::default() {
            self.versions.remove(&version);
        }
        Some(turn)
    }

    /// Removes a tag from a version, and what is empty then.
    fn untag(&mut self, version: Id<VersionId>, tag: &str) {
        if let Entry::Occupied(mut entry) = self.versions.entry(version) {
            entry.get_mut().tags.remove(tag);
            if *entry.get() == VersionFacts::default() {
                entry.remove();
            }
        }
        if self.tags.get(tag).is_some_and(|bearers| bearers.order.is_empty()) {
            self.tags.remove(tag);
        }
    }

    /// Returns the number of facts that were folded.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Returns the number of facts that are kept.
    pub fn kept(&self) -> u64 {
        let tags: usize = self.tags.values().map(|bearers| bearers.order.len()).sum();
        let verdicts = self.verdicts().count();
        let holds: usize = self.versions.values().map(|own| own.holds.len()).sum();
        (holds + tags + verdicts + self.runs.len() + self.notes.len() + self.withdrawals.len()) as u64
    }

    /// Returns the versions whose dataset mattered and could not be told. Once one of them can, the facts have to be folded
    /// again.
    pub fn unresolved(&self) -> &BTreeSet<Id<VersionId>> {
        &self.unresolved
    }

    /// Returns the tags of a version, in the order of their names.
    pub fn tags_of(&self, version: Id<VersionId>) -> Vec<String> {
        self.versions.get(&version).map_or_else(Vec::new, |own| own.tags.iter().cloned().collect())
    }

    /// Returns the versions that have a tag; the one that received it last comes last.
    pub fn versions_with(&self, tag: &str) -> Vec<Id<VersionId>> {
        self.tags.get(tag).map_or_else(Vec::new, |bearers| bearers.order.values().copied().collect())
    }

    /// Returns every tag with the versions that have it.
    pub fn tags(&self) -> impl Iterator<Item = (&str, Vec<Id<VersionId>>)> {
        self.tags.iter().map(|(tag, bearers)| (tag.as_str(), bearers.order.values().copied().collect()))
    }

    /// Returns the last verdict on a version that a fact gives.
    pub fn verdict_of(&self, version: Id<VersionId>) -> Option<Id<VerdictId>> {
        self.versions.get(&version)?.verdict.map(|(_, verdict)| verdict)
    }

    /// Returns the last verdict on each version on which a fact gives one, in no order.
    pub fn verdicts(&self) -> impl Iterator<Item = (Id<VersionId>, Id<VerdictId>)> {
        self.versions.iter().filter_map(|(version, own)| Some((*version, own.verdict?.1)))
    }

    /// Returns the runs of a version, the first recorded first.
    pub fn runs_of(&self, version: Id<VersionId>) -> &[Arc<RecordedRun>] {
        self.versions.get(&version).map_or(&[], |own| &own.runs)
    }

    /// Returns the runs of a version that were not withdrawn, the first recorded first.
    pub fn counted_runs_of(&self, version: Id<VersionId>) -> impl Iterator<Item = &Arc<RecordedRun>> {
        self.runs_of(version).iter().filter(|run| self.withdrawal_of(run.id).is_none())
    }

    /// Returns the runs of all versions, the first recorded first.
    pub fn runs(&self) -> &[Arc<RecordedRun>] {
        &self.runs
    }

    /// Returns the withdrawal of the run that this fact recorded, if there is one.
    pub fn withdrawal_of(&self, run: Id<FactId>) -> Option<&Withdrawal> {
        self.withdrawals.get(&run)
    }

    /// Returns the holds on a version, the first recorded first.
    pub fn holds_of(&self, version: Id<VersionId>) -> impl Iterator<Item = &Arc<RecordedHold>> {
        self.versions.get(&version).into_iter().flat_map(|own| own.holds.iter().map(|(_, held)| held))
    }

    /// Returns the holds on all versions, the first recorded first.
    pub fn holds(&self) -> Vec<&Arc<RecordedHold>> {
        let mut holds: Vec<_> = self.versions.values().flat_map(|own| &own.holds).collect();
        holds.sort_by_key(|(turn, _)| *turn);
        holds.into_iter().map(|(_, held)| held).collect()
    }

    /// Returns the notes on a version, the first written first.
    pub fn notes_of(&self, version: Id<VersionId>) -> &[Arc<RecordedNote>] {
        self.versions.get(&version).map_or(&[], |own| &own.notes)
    }

    /// Returns the notes on all versions, the first written first.
    pub fn notes(&self) -> &[Arc<RecordedNote>] {
        &self.notes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(n: u64, statement: Statement) -> (Id<FactId>, Fact) {
        let fact = Fact { parents: vec![], time: Time::from_millis(n as i64), author: "ana".into(), statement };
        (fact.id(), fact)
    }

    #[test]
    fn each_version_has_what_was_said_of_it() {
        let (one, two) = (Id::of(b"one"), Id::of(b"two"));
        let run = |model: &str| {
            let model = model.to_owned();
            Arc::new(Run { model, started: None, ended: None, params: vec![], metrics: vec![], artifacts: vec![] })
        };
        let statements = [
            Statement::Run { version: one, run: run("a") },
            Statement::Validated { version: one, verdict: Id::of(b"bad") },
            Statement::Note { version: two, text: "re-crawl".into() },
            Statement::Run { version: two, run: run("b") },
            Statement::Run { version: one, run: run("c") },
            Statement::Validated { version: one, verdict: Id::of(b"good") },
        ];
        let state = FactsState::of((0..).zip(statements).map(|(n, statement)| fact(n, statement)), |_| None);
        let models = |runs: &[Arc<RecordedRun>]| runs.iter().map(|r| r.run.model.clone()).collect::<Vec<_>>();
        assert_eq!(models(state.runs_of(one)), ["a", "c"]);
        assert_eq!(models(state.runs()), ["a", "b", "c"]);
        assert_eq!((state.verdict_of(one), state.verdict_of(two)), (Some(Id::of(b"good")), None));
        assert_eq!((state.notes_of(one).len(), state.notes_of(two)[0].text.as_str(), state.notes().len()), (0, "re-crawl", 1));
        assert_eq!(state.runs_of(Id::of(b"three")), []);
        let withdrawn = |n, reason: &str| {
            let run = state.runs()[1].id;
            fact(n, Statement::RunWithdrawn { version: two, run, reason: reason.into() })
        };
        let after = FactsState::of([withdrawn(7, "leaked"), withdrawn(8, "again")], |_| None);
        assert_eq!(after.withdrawal_of(state.runs()[1].id).map(|w| w.reason.as_str()), Some("leaked"), "the first reason stays");
        assert_eq!(after.withdrawal_of(state.runs()[0].id), None);
    }

    #[test]
    fn a_tag_stands_on_one_version_of_a_dataset() {
        let (one, two, other, unknown) = (Id::of(b"one"), Id::of(b"two"), Id::of(b"other"), Id::of(b"unknown"));
        let add = |version| Statement::TagAdded { version, tag: "production".into() };
        let statements = [add(two), add(other), add(unknown), add(one)];
        let dataset = |id| (id != unknown).then(|| if id == other { "contracts" } else { "leases" }.to_owned());
        let mut facts: Vec<_> = (0..).zip(statements).map(|(n, statement)| fact(n, statement)).collect();
        let state = FactsState::of(facts.clone(), dataset);
        assert_eq!(state.versions_with("production"), [other, unknown, one]);
        assert_eq!((state.tags_of(two), state.tags_of(one).len()), (vec![], 1));
        facts.push(fact(9, Statement::TagRemoved { version: one, tag: "production".into() }));
        let state = FactsState::of(facts.clone(), dataset);
        assert_eq!(state.versions_with("production"), [other, unknown], "it does not go back");
        facts.push(fact(10, add(two)));
        assert_eq!(FactsState::of(facts, dataset).versions_with("production"), [other, unknown, two]);
    }

    proptest! {
        #[test]
        fn kept_facts_come_to_what_all_facts_do(
            statements in prop::collection::vec((0..10u8, 0..4u8, 0..2u8), 0..24),
            at in 0..24usize,
        ) {
            let versions: Vec<Id<VersionId>> = (0..4u8).map(|n| Id::of(&[n])).collect();
            let held = [0, 5].map(|n| fact(n, Statement::Held { version: versions[0], reason: "gold".into() }).0);
            // Two of one dataset, one of another, and one that is not there.
            let mut dataset = |id| match versions.iter().position(|version| *version == id) {
                Some(3) => None,
                at => at.map(|at| ["a", "a", "b"][at].to_owned()),
            };
            let facts: Vec<_> = (0..).zip(&statements).map(|(n, (what, version, tag))| {
                let version = versions[usize::from(*version)];
                let tag = ["gold", "production"][usize::from(*tag)].to_owned();
                fact(n, match what {
                    0..=2 => Statement::TagAdded { version, tag },
                    3 => Statement::TagRemoved { version, tag },
                    4 => Statement::Validated { version, verdict: Id::of(tag.as_bytes()) },
                    5 => Statement::Note { version, text: tag },
                    6 => Statement::RunWithdrawn { version, run: Id::of(tag.as_bytes()), reason: n.to_string() },
                    7 => Statement::Held { version, reason: tag },
                    // Of what was recorded so far, some is a hold.
                    8 => Statement::Released { version, hold: held[usize::from(n > 9)], reason: n.to_string() },
                    _ => Statement::Joined,
                })
            }).collect();
            let (mut state, mut kept) = (FactsState::default(), BTreeMap::new());
            for (n, (id, fact)) in facts.iter().enumerate() {
                if n == at {
                    let facts = kept.clone().into_iter().map(|(turn, (id, fact))| (turn, id, fact));
                    let restored = FactsState::restored(state.turns(), state.unresolved().clone(), facts);
                    prop_assert_eq!(&restored, &state);
                    prop_assert_eq!(restored.kept(), kept.len() as u64);
                    state = restored;
                }
                let turn = state.turns();
                let effect = state.apply(*id, fact.clone(), &mut dataset);
                if effect.is_kept {
                    kept.insert(turn, (*id, fact.clone()));
                }
                effect.superseded.iter().for_each(|turn| drop(kept.remove(turn)));
            }
            prop_assert_eq!(&state, &FactsState::of(facts, &mut dataset));
        }
    }

    #[test]
    fn a_hundred_thousand_facts_are_folded_at_once() {
        let tag = |n: u64| fact(n, Statement::TagAdded { version: Id::of(&n.to_le_bytes()), tag: "production".into() });
        let facts: Vec<_> = (0..100_000).map(tag).collect();
        let begun = std::time::Instant::now();
        let state = FactsState::of(facts, |_| None);
        // A fold that looks through the versions of a tag at each fact takes minutes.
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        assert_eq!(state.versions_with("production").len(), 100_000);
        assert_eq!(state.versions_with("production").last(), Some(&Id::of(&99_999u64.to_le_bytes())));
        let mut tags = 0;
        (0..100_000u64).for_each(|n| tags += state.tags_of(Id::of(&n.to_le_bytes())).len());
        assert_eq!(tags, 100_000);
    }
}
