//! What the facts come to: tags, the last verdict, runs and notes of each version.
//!
//! Folding is linear in the number of facts, but for the order in which versions received a tag, which is sorted once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::clock::Time;
use crate::id::{Fact as FactId, Id, Verdict, Version};
use crate::object::fact::{Fact, Run, Statement};

/// A run as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The fact that says so.
    pub id: Id<FactId>,
    /// The version that was trained on.
    pub version: Id<Version>,
    /// The run.
    pub run: Arc<Run>,
    /// When it was recorded.
    pub time: Time,
    /// Who recorded it.
    pub author: String,
}

/// A note as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The fact that says so.
    pub id: Id<FactId>,
    /// The version that it is about.
    pub version: Id<Version>,
    /// The words.
    pub text: String,
    /// When it was written.
    pub time: Time,
    /// Who wrote it.
    pub author: String,
}

/// That a run does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Why.
    pub reason: String,
    /// When it was withdrawn.
    pub time: Time,
    /// Who withdrew it.
    pub author: String,
}

/// What was said of one version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    tags: BTreeSet<String>,
    verdict: Option<Id<Verdict>>,
    runs: Vec<Arc<Recorded>>,
    notes: Vec<Arc<Noted>>,
}

/// What the facts come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The versions that have each tag, one of each dataset; the one that received it last comes last.
    tags: BTreeMap<String, Vec<Id<Version>>>,
    versions: HashMap<Id<Version>, Said>,
    runs: Vec<Arc<Recorded>>,
    notes: Vec<Arc<Noted>>,
    /// By the fact that recorded the run.
    withdrawals: HashMap<Id<FactId>, Withdrawal>,
}

/// The versions that have a tag, while facts are folded.
#[derive(Default)]
struct Bearers {
    /// The fact by which each received it last.
    turns: HashMap<Id<Version>, usize>,
    /// The one of each dataset, as far as it was asked for.
    datasets: HashMap<String, Id<Version>>,
    /// The only one, whose dataset was not asked for.
    only: Option<Id<Version>>,
}

impl Bearers {
    /// Gives the tag to a version. Returns the version of the same dataset that had it.
    fn add(
        &mut self,
        version: Id<Version>,
        turn: usize,
        dataset: &mut impl FnMut(Id<Version>) -> Option<String>,
    ) -> Option<Id<Version>> {
        let is_first = self.turns.is_empty();
        if self.turns.insert(version, turn).is_some() {
            return None;
        }
        if is_first {
            self.only = Some(version);
            return None;
        }
        if let Some(only) = self.only.take()
            && let Some(name) = dataset(only)
        {
            self.datasets.insert(name, only);
        }
        let before = self.datasets.insert(dataset(version)?, version)?;
        self.turns.remove(&before).map(|_| before)
    }
}

impl State {
    /// Folds facts that come in their order. A version that receives a tag takes it from the other versions of its dataset,
    /// which `dataset` names where it can: it is asked only of tags that several versions have at a time.
    pub(super) fn of(
        facts: impl IntoIterator<Item = (Id<FactId>, Fact)>,
        mut dataset: impl FnMut(Id<Version>) -> Option<String>,
    ) -> State {
        let mut state = State::default();
        let mut bearers: BTreeMap<String, Bearers> = BTreeMap::new();
        for (turn, (id, fact)) in facts.into_iter().enumerate() {
            let Fact { time, author, statement, .. } = fact;
            match statement {
                Statement::Joined => {}
                Statement::TagAdded { version, tag } => {
                    state.versions.entry(version).or_default().tags.insert(tag.clone());
                    let before = bearers.entry(tag.clone()).or_default().add(version, turn, &mut dataset);
                    if let Some(said) = before.and_then(|before| state.versions.get_mut(&before)) {
                        said.tags.remove(&tag);
                    }
                }
                Statement::TagRemoved { version, tag } => {
                    if let Some(said) = state.versions.get_mut(&version) {
                        said.tags.remove(&tag);
                    }
                    if let Some(bearers) = bearers.get_mut(&tag) {
                        bearers.turns.remove(&version);
                    }
                }
                Statement::Validated { version, verdict } => {
                    state.versions.entry(version).or_default().verdict = Some(verdict);
                }
                Statement::Run { version, run } => {
                    let recorded = Arc::new(Recorded { id, version, run, time, author });
                    state.versions.entry(version).or_default().runs.push(recorded.clone());
                    state.runs.push(recorded);
                }
                Statement::Note { version, text } => {
                    let noted = Arc::new(Noted { id, version, text, time, author });
                    state.versions.entry(version).or_default().notes.push(noted.clone());
                    state.notes.push(noted);
                }
                Statement::RunWithdrawn { run, reason, .. } => {
                    state.withdrawals.entry(run).or_insert(Withdrawal { reason, time, author });
                }
            }
        }
        for (tag, Bearers { turns, .. }) in bearers.into_iter().filter(|(_, bearers)| !bearers.turns.is_empty()) {
            let mut on: Vec<_> = turns.into_iter().collect();
            on.sort_unstable_by_key(|(_, turn)| *turn);
            state.tags.insert(tag, on.into_iter().map(|(version, _)| version).collect());
        }
        state
    }

    /// The tags of a version, in the order of their names.
    pub fn tags_of(&self, version: Id<Version>) -> Vec<String> {
        self.versions.get(&version).map_or_else(Vec::new, |said| said.tags.iter().cloned().collect())
    }

    /// The versions that bear a tag; the one that received it last comes last.
    pub fn versions_with(&self, tag: &str) -> &[Id<Version>] {
        self.tags.get(tag).map_or(&[], Vec::as_slice)
    }

    /// Every tag with the versions that bear it.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &[Id<Version>])> {
        self.tags.iter().map(|(tag, on)| (tag.as_str(), on.as_slice()))
    }

    /// The last verdict on a version that was said later than `commit`.
    pub fn verdict_of(&self, version: Id<Version>) -> Option<Id<Verdict>> {
        self.versions.get(&version).and_then(|said| said.verdict)
    }

    /// The last verdict on each version of which one was said later than `commit`, in no order.
    pub fn verdicts(&self) -> impl Iterator<Item = (Id<Version>, Id<Verdict>)> {
        self.versions.iter().filter_map(|(version, said)| Some((*version, said.verdict?)))
    }

    /// The runs of a version, the first recorded first.
    pub fn runs_of(&self, version: Id<Version>) -> &[Arc<Recorded>] {
        self.versions.get(&version).map_or(&[], |said| &said.runs)
    }

    /// The runs of a version that were not withdrawn, the first recorded first.
    pub fn counted_runs_of(&self, version: Id<Version>) -> impl Iterator<Item = &Arc<Recorded>> {
        self.runs_of(version).iter().filter(|run| self.withdrawal_of(run.id).is_none())
    }

    /// The runs of all versions, the first recorded first.
    pub fn runs(&self) -> &[Arc<Recorded>] {
        &self.runs
    }

    /// Why the run that this fact recorded does not count, if it was withdrawn.
    pub fn withdrawal_of(&self, run: Id<FactId>) -> Option<&Withdrawal> {
        self.withdrawals.get(&run)
    }

    /// The notes on a version, the first written first.
    pub fn notes_of(&self, version: Id<Version>) -> &[Arc<Noted>] {
        self.versions.get(&version).map_or(&[], |said| &said.notes)
    }

    /// The notes on all versions, the first written first.
    pub fn notes(&self) -> &[Arc<Noted>] {
        &self.notes
    }
}

#[cfg(test)]
mod tests {
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
        let said = [
            Statement::Run { version: one, run: run("a") },
            Statement::Validated { version: one, verdict: Id::of(b"bad") },
            Statement::Note { version: two, text: "re-crawl".into() },
            Statement::Run { version: two, run: run("b") },
            Statement::Run { version: one, run: run("c") },
            Statement::Validated { version: one, verdict: Id::of(b"good") },
        ];
        let state = State::of((0..).zip(said).map(|(n, statement)| fact(n, statement)), |_| None);
        let models = |runs: &[Arc<Recorded>]| runs.iter().map(|r| r.run.model.clone()).collect::<Vec<_>>();
        assert_eq!(models(state.runs_of(one)), ["a", "c"]);
        assert_eq!(models(state.runs()), ["a", "b", "c"]);
        assert_eq!((state.verdict_of(one), state.verdict_of(two)), (Some(Id::of(b"good")), None));
        assert_eq!((state.notes_of(one).len(), state.notes_of(two)[0].text.as_str(), state.notes().len()), (0, "re-crawl", 1));
        assert_eq!(state.runs_of(Id::of(b"three")), []);
        let withdrawn = |n, reason: &str| {
            let run = state.runs()[1].id;
            fact(n, Statement::RunWithdrawn { version: two, run, reason: reason.into() })
        };
        let after = State::of([withdrawn(7, "leaked"), withdrawn(8, "again")], |_| None);
        assert_eq!(after.withdrawal_of(state.runs()[1].id).map(|w| w.reason.as_str()), Some("leaked"), "the first reason stays");
        assert_eq!(after.withdrawal_of(state.runs()[0].id), None);
    }

    #[test]
    fn a_tag_stands_on_one_version_of_a_dataset() {
        let (one, two, other, unknown) = (Id::of(b"one"), Id::of(b"two"), Id::of(b"other"), Id::of(b"unknown"));
        let add = |version| Statement::TagAdded { version, tag: "production".into() };
        let said = [add(two), add(other), add(unknown), add(one)];
        let dataset = |id| (id != unknown).then(|| if id == other { "contracts" } else { "leases" }.to_owned());
        let mut facts: Vec<_> = (0..).zip(said).map(|(n, statement)| fact(n, statement)).collect();
        let state = State::of(facts.clone(), dataset);
        assert_eq!(state.versions_with("production"), [other, unknown, one]);
        assert_eq!((state.tags_of(two), state.tags_of(one).len()), (vec![], 1));
        facts.push(fact(9, Statement::TagRemoved { version: one, tag: "production".into() }));
        let state = State::of(facts.clone(), dataset);
        assert_eq!(state.versions_with("production"), [other, unknown], "it does not go back");
        facts.push(fact(10, add(two)));
        assert_eq!(State::of(facts, dataset).versions_with("production"), [other, unknown, two]);
    }

    #[test]
    fn a_hundred_thousand_facts_are_folded_at_once() {
        let tag = |n: u64| fact(n, Statement::TagAdded { version: Id::of(&n.to_le_bytes()), tag: "production".into() });
        let facts: Vec<_> = (0..100_000).map(tag).collect();
        let begun = std::time::Instant::now();
        let state = State::of(facts, |_| None);
        // A fold that looks through the versions of a tag at each fact takes minutes.
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        assert_eq!(state.versions_with("production").len(), 100_000);
        assert_eq!(state.versions_with("production").last(), Some(&Id::of(&99_999u64.to_le_bytes())));
        let mut tags = 0;
        (0..100_000u64).for_each(|n| tags += state.tags_of(Id::of(&n.to_le_bytes())).len());
        assert_eq!(tags, 100_000);
    }
}
