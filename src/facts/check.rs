//! Holds the sequence of heads and the facts below it against each other: names every entry and every fact that was
//! altered, removed or put elsewhere, all at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::clock::Time;
use crate::error::{ErrorKind, Result};
use crate::facts::Facts;
use crate::facts::lineage::{Descent, KnownFacts, Lineage};
use crate::id::{FactId, Id, VersionId};
use crate::object::fact::Fact;
use crate::object::{Key, ObjectKind};
use crate::progress::Progress;
use crate::store::verify;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactProblem {
    /// The ref, by its path in `.helox`, where it befalls one or what only that one leads to.
    pub entry: Option<String>,
    /// The object, where it befalls one.
    pub object: Option<String>,
    /// What kind it is: `entry-missing`, `entry-damaged`, `entry-order`, `fact-missing`, `fact-damaged`,
    /// `fact-unlisted`, `pack-damaged`.
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct FactsCheck {
    /// What is not as it should be.
    pub problems: Vec<FactProblem>,
    /// The facts that entries lead to and that can be read, each with the number of the first entry that leads to it.
    pub facts: Vec<(u64, Id<FactId>, Fact)>,
    /// Facts that no entry leads to, that do not come after the newest, and that nobody said again: what is left of a
    /// command that was interrupted, or of an entry that was removed before more was said.
    pub left_over: Vec<Id<FactId>>,
    /// The version records that there are.
    pub records: HashSet<Id<VersionId>>,
}

/// Returns the path in `.helox` of an entry of the sequence of heads.
pub fn entry_name(number: u64) -> String {
    format!("refs/facts/{number:010}")
}

impl Facts<'_> {
    /// Checks every entry and every fact.
    pub fn check(&self, progress: &dyn Progress) -> Result<FactsCheck> {
        self.store.refresh()?;
        let mut check =
            FactChecker { facts: self, found: FactsCheck::default(), named: BTreeSet::new(), known: KnownFacts::new() };
        check.objects(progress)?;
        let entries = check.entries()?;
        let listed = check.listed(&entries, progress)?;
        check.unlisted(&listed, progress)?;
        let known = std::mem::take(&mut check.known);
        let lineage = Lineage::of(&known);
        check.order(&entries, &lineage);
        check.after_the_newest(entries.last().map(|(_, id)| *id), &listed, &known, &lineage);
        let mut found = check.found;
        found.facts = known.into_iter().filter_map(|(id, fact)| listed.get(&id).map(|&number| (number, id, fact))).collect();
        found.facts.sort_by_key(|(number, id, _)| (*number, *id));
        Ok(found)
    }
}

struct FactChecker<'a> {
    facts: &'a Facts<'a>,
    found: FactsCheck,
    /// The facts that lie in packs.
    named: BTreeSet<Key>,
    /// The facts that can be read.
    known: KnownFacts,
}

impl FactChecker<'_> {
    fn fault(&mut self, entry: Option<String>, object: Option<String>, kind: &'static str, message: String) {
        self.found.problems.push(FactProblem { entry, object, kind, message });
    }

    fn objects(&mut self, progress: &dyn Progress) -> Result<()> {
        let faults = &mut self.found.problems;
        let mut named = verify::list_keys(self.facts.store, &[ObjectKind::Fact, ObjectKind::Version], progress, |path, e| {
            let object = path.file_name().map(|name| name.to_string_lossy().into_owned());
            faults.push(FactProblem { entry: None, object, kind: "pack-damaged", message: e.to_string() });
        })?;
        let records = named.iter().filter(|key| key.kind == ObjectKind::Version);
        self.found.records = records.map(|key| Id::from_bytes(key.id)).collect();
        named.retain(|key| key.kind == ObjectKind::Fact);
        self.named = named;
        Ok(())
    }

    /// Returns the entries that hold an id.
    fn entries(&mut self) -> Result<Vec<(u64, Id<FactId>)>> {
        let (mut entries, mut next) = (Vec::new(), 1);
        let numbers = self.facts.heads.numbers().unwrap_or_else(|e| {
            self.fault(Some("refs/facts".to_owned()), None, "entry-missing", e.to_string());
            Vec::new()
        });
        for number in numbers {
            if number > next {
                let missing = match number - next {
                    1 => format!("entry {next:010} is missing; entry {number:010} exists"),
                    _ => format!("entries {next:010} to {:010} are missing; entry {number:010} exists", number - 1),
                };
                self.fault(Some(entry_name(next)), None, "entry-missing", missing);
            }
            next = number + 1;
            match self.facts.heads.get(number) {
                Ok(id) => entries.push((number, id)),
                Err(e) => self.fault(Some(entry_name(number)), None, "entry-damaged", e.to_string()),
            }
        }
        Ok(entries)
    }

    /// Reads a fact; says what is wrong with one that cannot be read.
    fn read(&mut self, id: Id<FactId>) -> Result<Option<(&'static str, String)>> {
        match self.facts.get(id) {
            Ok(fact) => drop(self.known.insert(id, fact)),
            Err(e) if e.kind() == ErrorKind::Interrupted => return Err(e),
            Err(e) if self.named.contains(&Key::from(id)) => return Ok(Some(("fact-damaged", e.to_string()))),
            Err(_) => return Ok(Some(("fact-missing", format!("{} is missing from the store", Key::from(id))))),
        }
        Ok(None)
    }

    /// Reads every fact that entries lead to: the number of the first entry that leads to each.
    fn listed(&mut self, entries: &[(u64, Id<FactId>)], progress: &dyn Progress) -> Result<HashMap<Id<FactId>, u64>> {
        let mut listed = HashMap::new();
        for &(number, head) in entries {
            let mut open = vec![(head, None)];
            while let Some((id, child)) = open.pop() {
                if listed.contains_key(&id) {
                    continue;
                }
                progress.check()?;
                listed.insert(id, number);
                match (self.read(id)?, child) {
                    (None, _) => open.extend(self.known[&id].parents.iter().map(|parent| (*parent, Some(id)))),
                    (Some((kind, message)), child) => {
                        let named = child.map_or_else(String::new, |child: Id<FactId>| format!("; fact {child} refers to it"));
                        self.fault(Some(entry_name(number)), Some(format!("fact {id}")), kind, message + &named);
                    }
                }
            }
        }
        Ok(listed)
    }

    /// Reads the facts that no entry leads to.
    fn unlisted(&mut self, listed: &HashMap<Id<FactId>, u64>, progress: &dyn Progress) -> Result<()> {
        for key in std::mem::take(&mut self.named) {
            let id = Id::from_bytes(key.id);
            if listed.contains_key(&id) {
                continue;
            }
            progress.check()?;
            if let Err(e) = self.facts.get(id).map(|fact| self.known.insert(id, fact)) {
                if e.kind() == ErrorKind::Interrupted {
                    return Err(e);
                }
                let message = format!("{e}; not reachable from any entry");
                self.fault(None, Some(format!("fact {id}")), "fact-damaged", message);
            }
        }
        Ok(())
    }

    /// Each entry must hold a fact that comes after the one of the entry before.
    fn order(&mut self, entries: &[(u64, Id<FactId>)], lineage: &Lineage<'_>) {
        for pair in entries.windows(2) {
            let [(before, old), (number, new)] = *pair else { continue };
            let message = match lineage.descends(new, old) {
                Descent::Yes => continue,
                _ if new == old => format!("it contains the same fact as the previous entry, {before:010}"),
                // What cannot be read is told already.
                Descent::Unknown => continue,
                Descent::No => format!(
                    "its fact is not a descendant of the fact of the previous entry, {before:010}: one of the two was \
                     replaced or moved"
                ),
            };
            self.fault(Some(entry_name(number)), Some(format!("fact {new}")), "entry-order", message);
        }
    }

    /// What no entry leads to must not come after the newest fact. Else it is left over: as a rule from somebody who was
    /// second, and said the same again.
    fn after_the_newest(
        &mut self,
        newest: Option<Id<FactId>>,
        listed: &HashMap<Id<FactId>, u64>,
        known: &KnownFacts,
        lineage: &Lineage<'_>,
    ) {
        let mut unlisted: Vec<_> = known.keys().filter(|id| !listed.contains_key(id)).copied().collect();
        unlisted.sort();
        let listed = known.iter().filter(|(id, _)| listed.contains_key(id) && !unlisted.is_empty());
        let said: HashSet<Id<FactId>> = listed.map(|(_, fact)| bare(fact)).collect();
        for id in unlisted {
            let where_it_stands = match newest.map_or(Descent::Yes, |newest| lineage.descends(id, newest)) {
                Descent::No => {
                    if known.get(&id).is_some_and(|fact| !said.contains(&bare(fact))) {
                        self.found.left_over.push(id);
                    }
                    continue;
                }
                Descent::Yes if newest.is_none() => "there are no entries",
                Descent::Yes => "not reachable from any entry, and newer than the newest entry",
                Descent::Unknown => "not reachable from any entry, and its parents cannot be read",
            };
            let message = format!(
                "{where_it_stands}: the newest entry was removed, or a command was interrupted and \
                 should be run again"
            );
            self.fault(None, Some(format!("fact {id}")), "fact-unlisted", message);
        }
    }
}

/// Tells who said what, whenever and after whatever it was said.
fn bare(fact: &Fact) -> Id<FactId> {
    Fact { parents: Vec::new(), time: Time::from_millis(0), ..fact.clone() }.id()
}
