//! The order of facts: which come before which, as their parents say.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::id::{FactId, Id};
use crate::object::fact::Fact;

/// Facts by their ids. Parents that are not among them count as unreadable.
pub type KnownFacts = HashMap<Id<FactId>, Fact>;

/// Puts facts in the order in which each comes after all its parents that are known; where several could come next, the
/// one with the least id does.
pub fn order(mut facts: KnownFacts) -> Vec<(Id<FactId>, Fact)> {
    let ids = sequence(&facts);
    ids.into_iter().filter_map(|id| facts.remove(&id).map(|fact| (id, fact))).collect()
}

/// Returns the ids of facts in that order.
fn sequence(facts: &KnownFacts) -> Vec<Id<FactId>> {
    let mut children: HashMap<Id<FactId>, Vec<Id<FactId>>> = HashMap::new();
    let mut waits: HashMap<Id<FactId>, usize> = HashMap::with_capacity(facts.len());
    let mut ready = BTreeSet::new();
    for (id, fact) in facts {
        let parents = fact.parents.iter().filter(|parent| facts.contains_key(parent));
        let count = parents.map(|parent| children.entry(*parent).or_default().push(*id)).count();
        match count {
            0 => drop(ready.insert(*id)),
            _ => drop(waits.insert(*id, count)),
        }
    }
    let mut ordered = Vec::with_capacity(facts.len());
    while let Some(id) = ready.pop_first() {
        ordered.push(id);
        for child in children.remove(&id).unwrap_or_default() {
            if let Some(left) = waits.get_mut(&child) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(child);
                }
            }
        }
    }
    ordered
}

/// The answer to the question if a fact comes after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Descent {
    /// The other is among its ancestors.
    Yes,
    /// It is not.
    No,
    /// An ancestor cannot be read, and the other may lie behind it.
    Unknown,
}

/// Answers which fact comes after which, soon where they lie close together.
#[derive(Debug)]
pub struct Lineage<'a> {
    facts: &'a KnownFacts,
    /// The greatest number of facts before each in a line; no fact has an ancestor that is not lower.
    heights: HashMap<Id<FactId>, u32>,
    /// Facts with an ancestor that cannot be read.
    torn: HashSet<Id<FactId>>,
}

impl<'a> Lineage<'a> {
    /// Reads the parents of facts.
    pub fn of(facts: &'a KnownFacts) -> Lineage<'a> {
        let mut lineage = Lineage { facts, heights: HashMap::with_capacity(facts.len()), torn: HashSet::new() };
        for id in sequence(facts) {
            let parents = facts.get(&id).map_or(&[][..], |fact| &fact.parents);
            let height = parents.iter().filter_map(|parent| lineage.heights.get(parent)).max().map_or(0, |height| height + 1);
            if parents.iter().any(|parent| !facts.contains_key(parent) || lineage.torn.contains(parent)) {
                lineage.torn.insert(id);
            }
            lineage.heights.insert(id, height);
        }
        lineage
    }

    /// Decides if `old` is among the ancestors of `new`.
    pub fn descends(&self, new: Id<FactId>, old: Id<FactId>) -> Descent {
        let least = self.heights.get(&old).copied();
        let (mut open, mut seen, mut torn) = (vec![new], HashSet::new(), false);
        while let Some(id) = open.pop() {
            let Some(fact) = self.facts.get(&id) else {
                torn = true;
                continue;
            };
            for parent in &fact.parents {
                if *parent == old {
                    return Descent::Yes;
                }
                // The height of a fact above one that cannot be read says too little to end the search there.
                let lower = self.heights.get(parent) <= least.as_ref() && self.heights.contains_key(parent);
                if (!lower || self.torn.contains(parent)) && seen.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        if torn { Descent::Unknown } else { Descent::No }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::object::fact::Statement;
    use proptest::prelude::*;

    /// Facts each of which has the parents with these places among those before it.
    fn facts(parents: &[Vec<usize>]) -> (KnownFacts, Vec<Id<FactId>>) {
        let (mut known, mut ids) = (KnownFacts::new(), Vec::new());
        for (n, parents) in parents.iter().enumerate() {
            let mut parents: Vec<_> = parents.iter().map(|at| ids[at % n.max(1)]).collect();
            parents.sort();
            parents.dedup();
            let fact = Fact { parents, time: Time::from_millis(n as i64), author: String::new(), statement: Statement::Joined };
            ids.push(fact.id());
            known.insert(fact.id(), fact);
        }
        (known, ids)
    }

    /// The ancestors of a fact, and whether one of them is not known.
    fn ancestors(known: &KnownFacts, id: Id<FactId>) -> (HashSet<Id<FactId>>, bool) {
        let (mut found, mut open, mut torn) = (HashSet::new(), vec![id], false);
        while let Some(id) = open.pop() {
            let Some(fact) = known.get(&id) else {
                torn = true;
                continue;
            };
            open.extend(fact.parents.iter().filter(|parent| found.insert(**parent)));
        }
        (found, torn)
    }

    proptest! {
        #[test]
        fn descent_is_what_a_full_search_says(
            parents in prop::collection::vec(prop::collection::vec(0usize..1000, 1..3), 1..12),
            lost in prop::option::of(0usize..12),
        ) {
            let parents: Vec<_> = (0..).zip(parents).map(|(n, p)| if n == 0 { vec![] } else { p }).collect();
            let (mut known, ids) = facts(&parents);
            if let Some(lost) = lost {
                known.remove(&ids[lost % ids.len()]);
            }
            let lineage = Lineage::of(&known);
            for new in &ids {
                let (found, torn) = ancestors(&known, *new);
                for old in ids.iter().filter(|old| *old != new) {
                    let said = lineage.descends(*new, *old);
                    let expected = if found.contains(old) { Descent::Yes } else if torn { Descent::Unknown } else { Descent::No };
                    prop_assert_eq!(said, expected);
                }
            }
            let order: Vec<_> = order(known.clone()).into_iter().map(|(id, _)| id).collect();
            prop_assert_eq!(order.len(), known.len());
            for (n, id) in order.iter().enumerate() {
                prop_assert!(known[id].parents.iter().all(|p| !known.contains_key(p) || order[..n].contains(p)));
            }
        }
    }
}
