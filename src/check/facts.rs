//! Holds the sequence of heads and the facts below it against each other: names every entry and every fact that was
//! altered, removed or put elsewhere, all at once.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::check::{Problem, Problems, packs};
use crate::clock::Time;
use crate::error::{ErrorKind, Result};
use crate::facts::Facts;
use crate::facts::lineage::{Descent, KnownFacts, Lineage};
use crate::id::{FactId, Id, VersionId};
use crate::object::fact::{Fact, Statement};
use crate::object::{Key, ObjectKind};
use crate::progress::Progress;
use crate::repo::Repo;

/// The result of a check of the facts.
#[derive(Debug, Default)]
pub struct FactsCheck {
    /// The facts that entries lead to and that can be read, each with the number of the first entry that leads to it.
    pub facts: Vec<(u64, Id<FactId>, Fact)>,
    /// The version records that there are.
    pub records: HashSet<Id<VersionId>>,
}

/// Returns the path in `.helox` of an entry of the sequence of heads.
fn entry_name(number: u64) -> String {
    format!("refs/facts/{number:010}")
}

/// Checks every entry, every fact, and the verdicts that facts name. Facts that commands left over when they were
/// interrupted are remarks. The packs of structure are taken as they are.
///
/// # Errors
/// `ErrorKind::Interrupted`, or if this user may not read something.
pub fn check(repo: &Repo, progress: &dyn Progress, problems: &Problems, remarks: &Problems) -> Result<FactsCheck> {
    let facts = repo.facts();
    repo.store().refresh()?;
    let mut named = packs::keys(repo.store(), &[ObjectKind::Fact, ObjectKind::Version], progress)?;
    let records = named.iter().filter(|key| key.kind == ObjectKind::Version).map(|key| Id::from_bytes(key.id)).collect();
    named.retain(|key| key.kind == ObjectKind::Fact);
    let mut check = FactChecker { repo, facts: &facts, problems, remarks, named, known: KnownFacts::new() };
    let entries = check.entries()?;
    let listed = check.listed(&entries, progress)?;
    check.unlisted(&listed, progress)?;
    let known = std::mem::take(&mut check.known);
    let lineage = Lineage::of(&known);
    check.order(&entries, &lineage);
    check.after_the_newest(entries.last().map(|(_, id)| *id), &listed, &known, &lineage);
    let facts = known.into_iter().filter_map(|(id, fact)| listed.get(&id).map(|&number| (number, id, fact)));
    let mut found = FactsCheck { facts: facts.collect(), records };
    found.facts.sort_by_key(|(number, id, _)| (*number, *id));
    check_verdicts(repo, &found, progress, problems)?;
    Ok(found)
}

/// Every verdict that a fact names can be read.
fn check_verdicts(repo: &Repo, found: &FactsCheck, progress: &dyn Progress, problems: &Problems) -> Result<()> {
    for (number, id, fact) in &found.facts {
        let Statement::Validated { verdict, .. } = &fact.statement else { continue };
        progress.check()?;
        match repo.verdict(*verdict) {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => problems.add(
                Problem::new("verdict-damaged", format!("{e}; fact {id} refers to it"))
                    .entry(entry_name(*number))
                    .object(format!("verdict {verdict}")),
            ),
            Ok(_) => {}
        }
    }
    Ok(())
}

struct FactChecker<'a> {
    repo: &'a Repo,
    facts: &'a Facts<'a>,
    problems: &'a Problems,
    remarks: &'a Problems,
    /// The facts that lie in packs.
    named: BTreeSet<Key>,
    /// The facts that can be read.
    known: KnownFacts,
}

impl FactChecker<'_> {
    /// Returns the entries that hold an id.
    fn entries(&mut self) -> Result<Vec<(u64, Id<FactId>)>> {
        let (mut entries, mut next) = (Vec::new(), 1);
        let numbers = self.facts.numbers().unwrap_or_else(|e| {
            self.problems.add(Problem::new("entry-missing", e.to_string()).entry("refs/facts"));
            Vec::new()
        });
        for number in numbers {
            if number > next {
                let missing = match number - next {
                    1 => format!("entry {next:010} is missing; entry {number:010} exists"),
                    _ => format!("entries {next:010} to {:010} are missing; entry {number:010} exists", number - 1),
                };
                self.problems.add(Problem::new("entry-missing", missing).entry(entry_name(next)));
            }
            next = number + 1;
            match self.facts.entry(number) {
                Ok(id) => entries.push((number, id)),
                Err(e) if e.ends_check() => return Err(e),
                Err(e) => self.problems.add(Problem::new("entry-damaged", e.to_string()).entry(entry_name(number))),
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
                        let problem = Problem::new(kind, message + &named);
                        self.problems.add(problem.entry(entry_name(number)).object(format!("fact {id}")));
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
                self.problems.add(Problem::new("fact-damaged", message).object(format!("fact {id}")));
            }
        }
        Ok(())
    }

    /// Each entry must hold a fact that comes after the one of the entry before.
    fn order(&self, entries: &[(u64, Id<FactId>)], lineage: &Lineage<'_>) {
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
            let problem = Problem::new("entry-order", message).entry(entry_name(number));
            self.problems.add(problem.object(format!("fact {new}")));
        }
    }

    /// Checks the facts that no entry leads to. One that came after the newest was acknowledged if the mark says so, or a
    /// later one: then its entry was removed. The others are left over by commands that were interrupted, most often since
    /// another process was first and the same was recorded again.
    fn after_the_newest(
        &self,
        newest: Option<Id<FactId>>,
        listed: &HashMap<Id<FactId>, u64>,
        known: &KnownFacts,
        lineage: &Lineage<'_>,
    ) {
        let mut unlisted: Vec<_> = known.keys().filter(|id| !listed.contains_key(*id)).copied().collect();
        unlisted.sort();
        let is_listed = |id: &Id<FactId>| listed.contains_key(id);
        let entered = known.iter().filter(|(id, _)| is_listed(id) && !unlisted.is_empty());
        let recorded: HashSet<Id<FactId>> = entered.map(|(_, fact)| bare(fact)).collect();
        let mark = self.facts.mark();
        let is_acknowledged = |id: Id<FactId>| match mark {
            Some(mark) => id == mark || lineage.descends(mark, id) == Descent::Yes,
            // A store whose last fact is from before there was a mark.
            None => newest.is_some() || unlisted.iter().any(|fact| known[fact].parents.iter().any(|p| self.apart(*fact, *p))),
        };
        if let Some(mark) = mark.filter(|mark| !known.contains_key(mark) && !is_listed(mark)) {
            let message = "it was the newest fact, but it is missing from the store, and no entry leads to it";
            self.problems.add(Problem::new("fact-missing", message).object(format!("fact {mark}")));
        }
        for id in &unlisted {
            let object = format!("fact {id}");
            let place = match newest.map_or(Descent::Yes, |newest| lineage.descends(*id, newest)) {
                Descent::No if recorded.contains(&bare(&known[id])) => continue,
                Descent::No => {
                    let message = "not reachable from any entry: a command was interrupted, or an entry was removed before newer \
                                   ones were added";
                    self.remarks.add(Problem::new("fact-left-over", message).object(object));
                    continue;
                }
                Descent::Yes | Descent::Unknown if !is_acknowledged(*id) => {
                    let message = "not reachable from any entry: a command was interrupted before its last step";
                    self.remarks.add(Problem::new("fact-left-over", message).object(object));
                    continue;
                }
                Descent::Yes if newest.is_none() => "there are no entries",
                Descent::Yes => "not reachable from any entry, and newer than the newest entry",
                Descent::Unknown => "not reachable from any entry, and its parents cannot be read",
            };
            let reason = match mark {
                Some(_) => "its entry was removed",
                None => "the newest entry was removed, or a command was interrupted and should be run again",
            };
            self.problems.add(Problem::new("fact-unlisted", format!("{place}: {reason}")).object(object));
        }
    }

    /// Returns true if two facts lie in different packs: the later one was recorded by another command, which saw the
    /// other.
    fn apart(&self, one: Id<FactId>, other: Id<FactId>) -> bool {
        let pack = |id| self.repo.store().locate(&Key::from(id)).map(|row| row.pack);
        pack(one) != pack(other)
    }
}

/// Tells who said what, whenever and after whatever it was said.
fn bare(fact: &Fact) -> Id<FactId> {
    Fact { parents: Vec::new(), time: Time::from_millis(0), ..fact.clone() }.id()
}
