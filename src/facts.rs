//! What is said about versions after they were made: appended, joined, and folded to what holds now.
//!
//! Invariants: a fact names the facts before it, so none can be altered, removed or reordered without notice; folding
//! follows that order, ties by id, and never a clock, so two stores with the same facts agree.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::fs::atomic::{self, Created};
use crate::id::{Fact as FactId, Id, Version};
use crate::object::fact::{Fact, Statement};
use crate::object::{Key, Kind};
use crate::refs::Sequence;
use crate::store::{Store, Writer};

/// The facts of a store.
#[derive(Debug)]
pub struct Facts<'a> {
    store: &'a Arc<Store>,
    heads: Sequence,
}

/// What the facts come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The versions that bear each tag; the one that received it last comes last.
    tags: BTreeMap<String, Vec<Id<Version>>>,
}

impl State {
    /// The tags of a version, in order.
    pub fn tags_of(&self, version: Id<Version>) -> Vec<String> {
        self.tags.iter().filter(|(_, on)| on.contains(&version)).map(|(tag, _)| tag.clone()).collect()
    }

    /// The versions that bear a tag; the one that received it last comes last.
    pub fn versions_with(&self, tag: &str) -> &[Id<Version>] {
        self.tags.get(tag).map_or(&[], Vec::as_slice)
    }

    /// Every tag with the versions that bear it.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &[Id<Version>])> {
        self.tags.iter().map(|(tag, on)| (tag.as_str(), on.as_slice()))
    }

    fn apply(&mut self, statement: &Statement) {
        match statement {
            Statement::Joined => {}
            Statement::TagAdded { version, tag } => {
                let on = self.tags.entry(tag.clone()).or_default();
                on.retain(|v| v != version);
                on.push(*version);
            }
            Statement::TagRemoved { version, tag } => {
                if let Some(on) = self.tags.get_mut(tag) {
                    on.retain(|v| v != version);
                    if on.is_empty() {
                        self.tags.remove(tag);
                    }
                }
            }
        }
    }
}

impl<'a> Facts<'a> {
    /// The facts of this store.
    pub fn new(store: &'a Arc<Store>) -> Facts<'a> {
        let layout = store.layout();
        Facts { store, heads: Sequence::new(layout.facts(), layout.tmp()) }
    }

    /// The newest fact; `None` while nothing was said. A number beside it grows with every fact.
    pub fn head(&self) -> Result<Option<(u64, Id<FactId>)>> {
        Ok(self.heads.last()?.map(|place| (place.number, place.id)))
    }

    /// Makes the facts durable that are there: whoever said them may have been killed before they were.
    pub fn sync(&self) -> Result<()> {
        let layout = self.store.layout();
        atomic::sync_folder(&layout.packs(Kind::Fact))?;
        atomic::sync_folder(&layout.facts())
    }

    /// Reads a fact.
    pub fn get(&self, id: Id<FactId>) -> Result<Fact> {
        let key = Key::from(id);
        Fact::decode(&self.store.get(&key)?).map_err(|e| Error::damaged(format!("the {key} is damaged: {e}")))
    }

    /// Says these things, one after the other, after all that was said before. Durable when it returns.
    pub fn append(&self, author: &str, statements: &[Statement]) -> Result<()> {
        if statements.is_empty() {
            // Nothing new to say, but what was said before is relied on.
            return self.sync();
        }
        loop {
            let last = self.heads.last::<FactId>()?;
            let mut writer = Writer::new(self.store, 1)?;
            let mut before = last.map(|place| place.id);
            for statement in statements {
                let fact = Fact {
                    parents: before.into_iter().collect(),
                    time: Time::now(),
                    author: author.to_owned(),
                    statement: statement.clone(),
                };
                let bytes = fact.encode();
                let id = Id::of(&bytes);
                writer.structure(Key::from(id), &bytes)?;
                before = Some(id);
            }
            let _kept = writer.finish()?;
            let Some(head) = before else { return Ok(()) };
            if self.heads.append(last, head)? == Created::New {
                return Ok(());
            }
        }
    }

    /// Every fact below a head, parents before children, ties by id.
    pub fn ordered(&self, head: Id<FactId>) -> Result<Vec<(Id<FactId>, Fact)>> {
        let mut facts = HashMap::new();
        let mut children: HashMap<Id<FactId>, Vec<Id<FactId>>> = HashMap::new();
        let mut open = vec![head];
        while let Some(id) = open.pop() {
            if facts.contains_key(&id) {
                continue;
            }
            let fact = self.get(id)?;
            for parent in &fact.parents {
                children.entry(*parent).or_default().push(id);
                open.push(*parent);
            }
            facts.insert(id, fact);
        }
        let mut waits: HashMap<Id<FactId>, usize> = facts.iter().map(|(id, f)| (*id, f.parents.len())).collect();
        let mut ready: BTreeSet<Id<FactId>> = facts.iter().filter(|(_, f)| f.parents.is_empty()).map(|(id, _)| *id).collect();
        let mut ordered = Vec::with_capacity(facts.len());
        while let Some(id) = ready.pop_first() {
            for child in children.remove(&id).unwrap_or_default() {
                if let Some(left) = waits.get_mut(&child) {
                    *left -= 1;
                    if *left == 0 {
                        ready.insert(child);
                    }
                }
            }
            ordered.extend(facts.remove(&id).map(|fact| (id, fact)));
        }
        Ok(ordered)
    }

    /// What all facts come to.
    pub fn fold(&self) -> Result<State> {
        let mut state = State::default();
        if let Some((_, head)) = self.head()? {
            for (_, fact) in self.ordered(head)? {
                state.apply(&fact.statement);
            }
        }
        Ok(state)
    }

    /// Joins another history of facts, whose objects are in the store, with this one. Nothing is lost of either, and
    /// both orders of joining fold to the same.
    pub fn join(&self, author: &str, other: Id<FactId>) -> Result<()> {
        loop {
            let last = self.heads.last::<FactId>()?;
            let mut parents: Vec<Id<FactId>> = last.map(|place| place.id).into_iter().chain([other]).collect();
            parents.sort();
            parents.dedup();
            let head = match last {
                Some(place) if self.ordered(place.id)?.iter().any(|(id, _)| *id == other) => return Ok(()),
                None => other,
                Some(_) => {
                    let fact = Fact { parents, time: Time::now(), author: author.to_owned(), statement: Statement::Joined };
                    let bytes = fact.encode();
                    let id = Id::of(&bytes);
                    let mut writer = Writer::new(self.store, 1)?;
                    writer.structure(Key::from(id), &bytes)?;
                    let _kept = writer.finish()?;
                    id
                }
            };
            if self.heads.append(last, head)? == Created::New {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Layout;

    fn store(dir: &std::path::Path) -> Arc<Store> {
        let layout = Layout::new(dir.join(".helox"));
        layout.create().unwrap();
        Arc::new(Store::open(layout).unwrap())
    }

    fn add(version: &[u8], tag: &str) -> Statement {
        Statement::TagAdded { version: Id::of(version), tag: tag.into() }
    }

    #[test]
    fn tags_fold_in_the_order_they_were_given() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let facts = Facts::new(&store);
        assert_eq!(facts.fold().unwrap(), State::default());
        facts.append("ana", &[add(b"one", "production"), add(b"two", "production"), add(b"one", "gold")]).unwrap();
        facts.append("ana", &[add(b"one", "production")]).unwrap();
        let state = facts.fold().unwrap();
        assert_eq!(state.versions_with("production"), [Id::of(b"two"), Id::of(b"one")]);
        assert_eq!(state.tags_of(Id::of(b"one")), ["gold", "production"]);
        facts.append("ana", &[Statement::TagRemoved { version: Id::of(b"one"), tag: "production".into() }]).unwrap();
        assert_eq!(facts.fold().unwrap().versions_with("production"), [Id::of(b"two")]);
    }

    #[test]
    fn joining_loses_nothing_and_folds_alike() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let facts = Facts::new(&store);
        facts.append("ana", &[add(b"one", "a")]).unwrap();
        let (_, fork) = facts.head().unwrap().unwrap();
        let other = Fact { parents: vec![fork], time: Time::from_millis(0), author: "bo".into(), statement: add(b"two", "b") };
        let mut writer = Writer::new(&store, 1).unwrap();
        writer.structure(Key::from(other.id()), &other.encode()).unwrap();
        drop(writer.finish().unwrap());
        facts.append("ana", &[add(b"three", "c")]).unwrap();
        facts.join("ana", other.id()).unwrap();
        let state = facts.fold().unwrap();
        assert_eq!(state.tags().map(|(tag, _)| tag).collect::<Vec<_>>(), ["a", "b", "c"]);
        let (number, head) = facts.head().unwrap().unwrap();
        facts.join("ana", other.id()).unwrap();
        assert_eq!(facts.head().unwrap(), Some((number, head)), "joining again says nothing new");
        assert_eq!(facts.ordered(head).unwrap().len(), 4);
    }
}
