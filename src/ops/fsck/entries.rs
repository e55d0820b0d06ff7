//! Restores the entries of the facts.
//!
//! The facts themselves say which of them were heads: a command puts all its facts into one pack, so a fact whose child is in
//! another pack was the newest once. Where the result does not agree with the entries that are sound, the entries of another
//! repository are taken.

use crate::check::Problem;
use crate::facts::Facts;
use crate::id::{FactId, Id};
use crate::object::Key;
use crate::repo::Repo;

/// An entry to create.
#[derive(Debug)]
pub(super) struct EntryRepair {
    pub number: u64,
    pub id: Id<FactId>,
}

/// Returns the entries to create.
pub(super) fn plan(repo: &Repo, other: Option<&Repo>, problems: &[Problem]) -> Vec<EntryRepair> {
    if !problems.iter().any(|problem| problem.kind.starts_with("entry-") || problem.kind == "fact-unlisted") {
        return Vec::new();
    }
    let facts = repo.facts();
    // In the place of the folder may be a file.
    let numbers = facts.numbers().unwrap_or_default();
    let is_wrong = |number: u64| {
        let name = format!("refs/facts/{number:010}");
        problems.iter().any(|problem| problem.entry.as_deref() == Some(&name))
    };
    // An entry is out of order if it or the one before is wrong.
    let is_sound = |number: u64| !is_wrong(number) && !is_wrong(number + 1) && facts.entry(number).is_ok();
    let last = numbers.last().copied().unwrap_or(0);
    let agrees = |heads: &[Id<FactId>]| {
        let known = numbers.iter().filter(|number| is_sound(**number));
        heads.len() as u64 >= last
            && known.into_iter().all(|number| facts.entry(*number).ok().as_ref() == heads.get(*number as usize - 1))
    };
    let tips = facts.mark().into_iter().chain(numbers.iter().rev().filter_map(|number| facts.entry(*number).ok()));
    let own = tips.filter_map(|tip| heads(repo, &facts, tip)).find(|heads| agrees(heads));
    let heads = own.or_else(|| {
        let others = other?.facts();
        let heads = others.numbers().ok()?.into_iter().map(|number| others.entry(number).ok()).collect::<Option<Vec<_>>>()?;
        agrees(&heads).then_some(heads)
    });
    let entries = (1..).zip(heads.unwrap_or_default());
    let wrong = entries.filter(|(number, id)| facts.entry(*number).ok() != Some(*id));
    wrong.map(|(number, id)| EntryRepair { number, id }).collect()
}

/// Returns the facts that were the newest one after the other, up to `tip`; `None` if that cannot be known.
fn heads(repo: &Repo, facts: &Facts<'_>, tip: Id<FactId>) -> Option<Vec<Id<FactId>>> {
    let pack = |id: Id<FactId>| repo.store().locate(&Key::from(id)).map(|row| row.pack);
    let (mut heads, mut id) = (vec![tip], tip);
    loop {
        let parents = facts.get(id).ok()?.parents;
        match parents[..] {
            [] => break,
            [parent] => {
                if pack(parent)? != pack(id)? {
                    heads.push(parent);
                }
                id = parent;
            }
            _ => return None,
        }
    }
    heads.reverse();
    Some(heads)
}
