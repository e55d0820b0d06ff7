//! The facts of a store: each names the one before it, and a sequence of heads says which is the newest.

use std::collections::hash_map::Entry;
use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::facts::FactsState;
use crate::facts::lineage::{self, KnownFacts};
use crate::fs::atomic::{self, Created};
use crate::id::{FactId, Id, VersionId};
use crate::object::fact::{Fact, Statement};
use crate::object::{Key, ObjectKind};
use crate::refs::{self, Sequence, SequenceEntry};
use crate::store::{Store, Writer};

/// Facts with their ids, parents before children.
pub type OrderedFacts = Vec<(Id<FactId>, Fact)>;

/// The facts of a store.
#[derive(Debug)]
pub struct Facts<'a> {
    store: &'a Arc<Store>,
    heads: Sequence,
}

impl<'a> Facts<'a> {
    /// Returns the facts of this store.
    pub fn new(store: &'a Arc<Store>) -> Facts<'a> {
        let layout = store.layout();
        Facts { store, heads: Sequence::new(layout.facts(), layout.tmp()) }
    }

    /// Returns the newest fact; `None` while nothing was said. A number beside it grows with every fact.
    pub fn head(&self) -> Result<Option<(u64, Id<FactId>)>> {
        Ok(self.newest()?.map(|place| (place.number, place.id)))
    }

    /// Returns the last head. Fails unless the one before it lies below, as it does but where heads were swapped or copied.
    fn newest(&self) -> Result<Option<SequenceEntry<FactId>>> {
        let Some(last) = self.heads.last::<FactId>()? else { return Ok(None) };
        let Some(before) = self.heads.before(last)? else { return Ok(Some(last)) };
        let (mut known, mut open) = (HashSet::from([last.id]), VecDeque::from([last.id]));
        while let Some(id) = open.pop_front() {
            let parents = self.get(id)?.parents;
            if parents.contains(&before.id) {
                return Ok(Some(last));
            }
            open.extend(parents.into_iter().filter(|parent| known.insert(*parent)));
        }
        let (number, older) = (last.number, before.number);
        Err(Error::damaged(format!(
            "the fact of refs/facts/{number:010} is not a descendant of the fact of refs/facts/{older:010}"
        ))
        .with_hint("list the altered entries: hlx audit --verify"))
    }

    /// Makes the facts durable that are there: whoever said them may have been killed before they were.
    pub fn sync(&self) -> Result<()> {
        let layout = self.store.layout();
        atomic::sync_folder(&layout.packs(ObjectKind::Fact))?;
        atomic::sync_folder(&layout.facts())
    }

    /// Returns the numbers of the entries, ascending.
    pub fn numbers(&self) -> Result<Vec<u64>> {
        self.heads.numbers()
    }

    /// Returns the fact of an entry.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) if the entry does not contain an id.
    pub fn entry(&self, number: u64) -> Result<Id<FactId>> {
        self.heads.get(number)
    }

    /// Creates an entry that was lost, unless it is there. Durable when it returns.
    pub fn restore_entry(&self, number: u64, id: Id<FactId>) -> Result<Created> {
        self.heads.create(number, id)
    }

    /// Returns the fact of the newest entry that a command reported, as far as is known. A fact that comes after it and has
    /// no entry was left by an interrupted command; others without an entry lost it.
    pub fn mark(&self) -> Option<Id<FactId>> {
        refs::read(&self.store.layout().newest_fact()).ok().flatten()
    }

    /// Records that the entry of a fact exists, which is durable. Only a check needs it, so it may fail.
    fn acknowledge(&self, head: Id<FactId>) {
        let layout = self.store.layout();
        let _ = atomic::replace(&layout.tmp(), &layout.newest_fact(), &refs::encode(head));
    }

    /// Reads a fact.
    pub fn get(&self, id: Id<FactId>) -> Result<Fact> {
        let key = Key::from(id);
        Fact::decode(&self.store.get(&key)?).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))
    }

    /// Says these things, one after the other, after all that was said before. Durable when it returns. Returns the facts
    /// that say them, in their order.
    pub fn append(&self, author: &str, statements: &[Statement]) -> Result<Vec<Id<FactId>>> {
        if statements.is_empty() {
            // Nothing new to say, but what was said before is relied on.
            self.sync()?;
            return Ok(Vec::new());
        }
        loop {
            let last = self.newest()?;
            // Whoever recorded the first fact may have been stopped before; from now on there is a mark.
            if let (Some(place), None) = (&last, self.mark()) {
                self.acknowledge(place.id);
            }
            let mut writer = Writer::new(self.store, 1)?;
            let mut ids: Vec<Id<FactId>> = Vec::with_capacity(statements.len());
            for statement in statements {
                let before = ids.last().copied().or(last.map(|place| place.id));
                ids.push(self.write(&mut writer, author, before.into_iter().collect(), statement.clone())?);
            }
            let _kept = writer.finish()?;
            let Some(head) = ids.last() else { return Ok(ids) };
            if self.heads.append(last, *head)? == Created::New {
                self.acknowledge(*head);
                return Ok(ids);
            }
        }
    }

    fn write(&self, writer: &mut Writer<'_>, author: &str, parents: Vec<Id<FactId>>, statement: Statement) -> Result<Id<FactId>> {
        let fact = Fact { parents, time: Time::now(), author: author.to_owned(), statement };
        fact.check().map_err(|e| Error::usage(e.to_string()))?;
        let bytes = fact.encode();
        let id = Id::of(&bytes);
        writer.structure(Key::from(id), &bytes)?;
        Ok(id)
    }

    fn below(&self, head: Id<FactId>) -> Result<KnownFacts> {
        let mut facts = KnownFacts::new();
        let mut open = vec![head];
        while let Some(id) = open.pop() {
            if let Entry::Vacant(place) = facts.entry(id) {
                open.extend(&place.insert(self.get(id)?).parents);
            }
        }
        Ok(facts)
    }

    /// Returns every fact below a head, parents before children, ties by id.
    pub fn ordered(&self, head: Id<FactId>) -> Result<OrderedFacts> {
        Ok(lineage::order(self.below(head)?))
    }

    /// Returns every fact, parents before children, ties by id.
    pub fn all(&self) -> Result<OrderedFacts> {
        self.head()?.map_or(Ok(Vec::new()), |(_, head)| self.ordered(head))
    }

    /// Returns the facts after `old` up to a head, the first said first; `None` where they are not a line that begins there:
    /// histories were joined since, or this is another one.
    pub fn since(&self, old: Id<FactId>, head: Id<FactId>) -> Result<Option<OrderedFacts>> {
        let (mut line, mut id) = (Vec::new(), head);
        while id != old {
            let fact = self.get(id)?;
            let parents = fact.parents.clone();
            line.push((id, fact));
            let [parent] = parents[..] else { return Ok(None) };
            id = parent;
        }
        line.reverse();
        Ok(Some(line))
    }

    /// Reads every fact and folds them. Within a dataset, a tag stands on the version that received it last.
    pub fn fold(&self) -> Result<FactsState> {
        Ok(FactsState::of(self.all()?, |id| self.dataset_of(id)))
    }

    /// Returns the dataset of a version. One that is not in this store, or is damaged, has none: it shares its tags with
    /// nobody.
    pub fn dataset_of(&self, id: Id<VersionId>) -> Option<String> {
        self.is_present(id).then(|| self.store.version(id).ok())?.map(|version| version.dataset)
    }

    /// Tells if the store has a version.
    pub fn is_present(&self, id: Id<VersionId>) -> bool {
        self.store.contains(&Key::from(id))
    }

    /// Returns the folder of the sequence of heads.
    pub fn folder(&self) -> PathBuf {
        self.store.layout().facts()
    }

    /// Joins another history of facts, whose objects are in the store, with this one. Nothing is lost of either, and
    /// both orders of joining fold to the same. Where one history holds the other, nothing is said: the longer one is
    /// the history of both.
    pub fn join(&self, author: &str, other: Id<FactId>) -> Result<()> {
        let others = self.below(other)?;
        loop {
            let last = self.newest()?;
            // Whoever recorded the first fact may have been stopped before; from now on there is a mark.
            if let (Some(place), None) = (&last, self.mark()) {
                self.acknowledge(place.id);
            }
            let mut writer = Writer::new(self.store, 1)?;
            let head = match last {
                Some(place) if place.id == other || self.below(place.id)?.contains_key(&other) => return self.sync(),
                Some(place) if !others.contains_key(&place.id) => {
                    let mut parents = vec![place.id, other];
                    parents.sort();
                    self.write(&mut writer, author, parents, Statement::Joined)?
                }
                _ => other,
            };
            let _kept = writer.finish()?;
            if self.heads.append(last, head)? == Created::New {
                self.acknowledge(head);
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
        assert_eq!(facts.fold().unwrap(), FactsState::default());
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
        assert_eq!(facts.all().unwrap(), facts.ordered(head).unwrap());
    }

    #[test]
    fn a_history_that_holds_this_one_takes_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let facts = Facts::new(&store);
        let first = facts.append("ana", &[add(b"one", "a")]).unwrap()[0];
        let next = Fact { parents: vec![first], time: Time::from_millis(0), author: "bo".into(), statement: add(b"two", "b") };
        let mut writer = Writer::new(&store, 1).unwrap();
        writer.structure(Key::from(next.id()), &next.encode()).unwrap();
        drop(writer.finish().unwrap());
        facts.join("ana", next.id()).unwrap();
        assert_eq!(facts.head().unwrap(), Some((2, next.id())));
    }
}
