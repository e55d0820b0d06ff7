//! Joins what was said in another copy of a repository with what was said in this one. Nothing is lost of either, and
//! nothing of the other copy is changed. The library's callers use it; a command comes with remotes.

use std::collections::HashSet;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::id::{FactId, Id};
use crate::object::Key;
use crate::object::fact::Statement;
use crate::repo::Repo;
use crate::store::Writer;

/// The facts that were joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JoinReport {
    /// Facts of the other copy that were not part of this one's history.
    pub facts: u64,
    /// The newest fact now; `None` if nothing was said in either.
    pub head: Option<Id<FactId>>,
}

/// Takes over the facts of another copy. Safe to repeat, also after it was interrupted at any point. Facts about versions
/// that this repository does not have are kept, and concern nobody here.
///
/// # Errors
/// `ErrorKind::Damaged` if a fact of either copy cannot be read.
pub fn run(repo: &Repo, other: &Repo, author: Option<&str>) -> Result<JoinReport> {
    let (facts, others) = (repo.facts(), other.facts());
    let head = |repo: &Repo| Ok::<_, Error>(repo.facts().head()?.map(|(_, id)| id));
    let Some(end) = head(other)? else { return Ok(JoinReport { facts: 0, head: head(repo)? }) };
    let own: HashSet<Id<FactId>> = facts.all()?.into_iter().map(|(id, _)| id).collect();
    let mut writer = Writer::new(repo.store(), 1)?;
    let mut came = 0;
    for (id, fact) in others.ordered(end)? {
        if own.contains(&id) {
            continue;
        }
        if let Statement::Validated { verdict, .. } = &fact.statement {
            let key = Key::from(*verdict);
            if !repo.store().contains(&key) {
                let bytes = other.store().get(&key).map_err(|e| e.within(format!("fact {id} of the other copy")))?;
                writer.structure(key, &bytes)?;
            }
        }
        let bytes = fact.encode();
        if Id::<FactId>::of(&bytes) != id {
            return Err(Error::damaged(format!("fact {id} of the other copy does not match its id")));
        }
        writer.structure(Key::from(id), &bytes)?;
        came += 1;
    }
    // Held until the head leads to them, so that they are not collected as garbage.
    let _kept = writer.finish()?;
    facts.join(&repo.author(author), end)?;
    Ok(JoinReport { facts: came, head: head(repo)? })
}
