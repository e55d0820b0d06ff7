//! Facts: what is said about a version after it was made. The format is specified in `docs/formats/fact.md`.
//!
//! A fact names the facts that came before it, so that the facts of a store form a chain that cannot be altered without
//! notice, and the facts of two stores can be joined by one that names both ends.

use crate::clock::Time;
use crate::codec::{Malformed, Put, Take};
use crate::id::{Fact as FactId, Id, Version};

/// The first byte of every fact.
const FORMAT: u8 = 1;
/// Most facts that one fact can join.
pub const MAX_PARENTS: usize = 64;

/// What a fact says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// The version received the tag.
    TagAdded {
        /// The version.
        version: Id<Version>,
        /// The tag.
        tag: String,
    },
    /// The version lost the tag.
    TagRemoved {
        /// The version.
        version: Id<Version>,
        /// The tag.
        tag: String,
    },
    /// Nothing but that its parents are now one history.
    Joined,
}

/// Something said about a version, by whom and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The facts that came right before it, in the order of their ids; none for a store's first.
    pub parents: Vec<Id<FactId>>,
    /// When it was said.
    pub time: Time,
    /// Who said it.
    pub author: String,
    /// What was said.
    pub statement: Statement,
}

impl Fact {
    /// The bytes that are stored and hashed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        out.put_varint(self.parents.len() as u64);
        for parent in &self.parents {
            out.extend_from_slice(parent.as_bytes());
        }
        out.put_u64(self.time.as_millis() as u64);
        out.put_bytes(self.author.as_bytes());
        match &self.statement {
            Statement::Joined => out.push(0),
            Statement::TagAdded { version, tag } => put_tag(&mut out, 1, version, tag),
            Statement::TagRemoved { version, tag } => put_tag(&mut out, 2, version, tag),
        }
        out
    }

    /// Reads what [`Fact::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Fact, Malformed> {
        let mut take = Take::new(bytes);
        if take.u8()? != FORMAT {
            return Err(Malformed("the fact is of a format that this hlx does not know"));
        }
        let count = take.count(32)?;
        if count > MAX_PARENTS {
            return Err(Malformed("the fact has too many parents"));
        }
        let parents: Vec<Id<FactId>> = (0..count).map(|_| Ok(Id::from_bytes(take.array()?))).collect::<Result<_, _>>()?;
        if !parents.is_sorted_by(|a, b| a < b) {
            return Err(Malformed("the fact's parents are not in order"));
        }
        let time = Time::from_millis(take.u64()? as i64);
        let author = take.text()?.to_owned();
        let statement = match take.u8()? {
            0 => Statement::Joined,
            1 => Statement::TagAdded { version: Id::from_bytes(take.array()?), tag: take.text()?.to_owned() },
            2 => Statement::TagRemoved { version: Id::from_bytes(take.array()?), tag: take.text()?.to_owned() },
            _ => return Err(Malformed("the fact says something that this hlx does not know")),
        };
        take.end()?;
        Ok(Fact { parents, time, author, statement })
    }

    /// The fact's id: the hash of its bytes.
    pub fn id(&self) -> Id<FactId> {
        Id::of(&self.encode())
    }
}

fn put_tag(out: &mut Vec<u8>, kind: u8, version: &Id<Version>, tag: &str) {
    out.push(kind);
    out.extend_from_slice(version.as_bytes());
    out.put_bytes(tag.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_and_no_cut_or_flip_makes_it_panic() {
        let version = Id::of(b"version");
        let tag = "production".to_owned();
        let said = [Statement::TagAdded { version, tag: tag.clone() }, Statement::TagRemoved { version, tag }, Statement::Joined];
        for statement in said {
            let parents = vec![Id::from_bytes([1; 32]), Id::from_bytes([2; 32])];
            let fact = Fact { parents, time: Time::from_millis(7), author: "ana".into(), statement };
            let good = fact.encode();
            assert_eq!(Fact::decode(&good).unwrap(), fact);
            for n in 0..good.len() {
                assert!(Fact::decode(&good[..n]).is_err());
                for bit in 0..8 {
                    let mut bad = good.clone();
                    bad[n] ^= 1 << bit;
                    let _ = Fact::decode(&bad);
                }
            }
        }
    }
}
