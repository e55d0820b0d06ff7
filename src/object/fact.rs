//! Facts: what is said about a version after it was made. The format is specified in `docs/formats/fact.md`.
//!
//! A fact names the facts that came before it, so that the facts of a store form a chain that cannot be altered without
//! notice, and the facts of two stores can be joined by one that names both ends.

use std::sync::Arc;

use crate::clock::Time;
use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::id::{FactId, Id, VerdictId, VersionId};
use crate::limits;

mod run;

pub use run::{Artifact, Metric, Run};

/// The first byte of every fact.
const FORMAT: u8 = 1;
/// The first byte of the first statement that is not defined yet.
const UNKNOWN: u8 = 9;

/// The statement of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// The version received the tag.
    TagAdded {
        /// The version.
        version: Id<VersionId>,
        /// The tag.
        tag: String,
    },
    /// The version lost the tag.
    TagRemoved {
        /// The version.
        version: Id<VersionId>,
        /// The tag.
        tag: String,
    },
    /// Nothing but that its parents are now one history.
    Joined,
    /// The rules judged the version.
    Validated {
        /// The version.
        version: Id<VersionId>,
        /// The verdict.
        verdict: Id<VerdictId>,
    },
    /// Something was trained on the version.
    Run {
        /// The version.
        version: Id<VersionId>,
        /// The run with its results.
        run: Arc<Run>,
    },
    /// Somebody noted something about the version.
    Note {
        /// The version.
        version: Id<VersionId>,
        /// The words.
        text: String,
    },
    /// A run was withdrawn: it was recorded by mistake, or its result does not count.
    RunWithdrawn {
        /// The version of the run.
        version: Id<VersionId>,
        /// The fact that recorded the run.
        run: Id<FactId>,
        /// The reason.
        reason: String,
    },
    /// The version was put on hold: nothing may remove it.
    Held {
        /// The version.
        version: Id<VersionId>,
        /// The reason.
        reason: String,
    },
    /// A hold ended.
    Released {
        /// The version.
        version: Id<VersionId>,
        /// The fact that put it on hold.
        hold: Id<FactId>,
        /// The reason.
        reason: String,
    },
    /// Something that a later version of hlx says of the version. It is kept as it is, and changes nothing here.
    Unknown {
        /// The first byte of the statement.
        code: u8,
        /// The version.
        version: Id<VersionId>,
        /// The bytes that follow.
        content: Vec<u8>,
    },
}

impl Statement {
    /// Returns the version that it is about; none for one that only joins.
    pub fn version(&self) -> Option<Id<VersionId>> {
        match self {
            Statement::Joined => None,
            Statement::TagAdded { version, .. }
            | Statement::TagRemoved { version, .. }
            | Statement::Validated { version, .. }
            | Statement::Run { version, .. }
            | Statement::Note { version, .. }
            | Statement::RunWithdrawn { version, .. }
            | Statement::Held { version, .. }
            | Statement::Released { version, .. }
            | Statement::Unknown { version, .. } => Some(*version),
        }
    }
}

/// Something said about a version, by whom and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The facts that came right before it, in the order of their ids; none for a store's first.
    pub parents: Vec<Id<FactId>>,
    /// The time of the statement.
    pub time: Time,
    /// The author.
    pub author: String,
    /// The statement.
    pub statement: Statement,
}

impl Fact {
    /// Returns the bytes that are stored and hashed.
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
            Statement::Validated { version, verdict } => {
                put_version(&mut out, 3, version);
                out.extend_from_slice(verdict.as_bytes());
            }
            Statement::Run { version, run } => {
                put_version(&mut out, 4, version);
                run.encode(&mut out);
            }
            Statement::Note { version, text } => {
                put_version(&mut out, 5, version);
                out.put_bytes(text.as_bytes());
            }
            Statement::RunWithdrawn { version, run, reason } => {
                put_version(&mut out, 6, version);
                out.extend_from_slice(run.as_bytes());
                out.put_bytes(reason.as_bytes());
            }
            Statement::Held { version, reason } => {
                put_version(&mut out, 7, version);
                out.put_bytes(reason.as_bytes());
            }
            Statement::Released { version, hold, reason } => {
                put_version(&mut out, 8, version);
                out.extend_from_slice(hold.as_bytes());
                out.put_bytes(reason.as_bytes());
            }
            Statement::Unknown { code, version, content } => {
                put_version(&mut out, *code, version);
                out.extend_from_slice(content);
            }
        }
        out
    }

    /// Reads what [`Fact::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Fact, Malformed> {
        let mut reader = ByteReader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(Malformed("unknown fact format; use a newer hlx"));
        }
        let count = reader.count(32)?;
        if count > limits::FACT_PARENTS {
            return Err(Malformed("the fact has too many parents"));
        }
        let parents: Vec<Id<FactId>> = (0..count).map(|_| Ok(Id::from_bytes(reader.array()?))).collect::<Result<_, _>>()?;
        let time = Time::from_millis(reader.u64()? as i64);
        let author = reader.text()?.to_owned();
        let statement = decode_statement(&mut reader)?;
        reader.end()?;
        let fact = Fact { parents, time, author, statement };
        fact.check()?;
        Ok(fact)
    }

    /// Fails unless a record can hold it: nothing longer and not more of anything than `limits.rs` allows.
    pub fn check(&self) -> Result<(), Malformed> {
        if self.parents.len() > limits::FACT_PARENTS {
            return Err(Malformed("the fact has too many parents"));
        }
        if !self.parents.is_sorted_by(|a, b| a < b) {
            return Err(Malformed("the parents of the fact are out of order"));
        }
        if self.author.len() > limits::AUTHOR {
            return Err(Malformed("the author is longer than 4,096 bytes"));
        }
        match &self.statement {
            Statement::TagAdded { tag, .. } | Statement::TagRemoved { tag, .. } if tag.len() > limits::NAME => {
                Err(Malformed("the tag is longer than 64 bytes"))
            }
            Statement::Note { text, .. } if text.is_empty() => Err(Malformed("the note is empty")),
            Statement::Note { text, .. } if text.len() > limits::NOTE => Err(Malformed("the note has more than 65,536 bytes")),
            Statement::RunWithdrawn { reason, .. } | Statement::Held { reason, .. } | Statement::Released { reason, .. } => {
                check_reason(reason)
            }
            Statement::Run { run, .. } => run.check(),
            Statement::Unknown { code, .. } if *code < UNKNOWN => Err(Malformed("the statement is of a known kind")),
            Statement::Unknown { content, .. } if content.len() > limits::STATEMENT => {
                Err(Malformed("the statement has more than 2,097,152 bytes"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the fact's id: the hash of its bytes.
    pub fn id(&self) -> Id<FactId> {
        Id::of(&self.encode())
    }
}

fn check_reason(reason: &str) -> Result<(), Malformed> {
    match reason.len() {
        0 => Err(Malformed("the reason is empty")),
        len if len > limits::NOTE => Err(Malformed("the reason has more than 65,536 bytes")),
        _ => Ok(()),
    }
}

fn decode_statement(reader: &mut ByteReader<'_>) -> Result<Statement, Malformed> {
    let kind = reader.u8()?;
    if kind == 0 {
        return Ok(Statement::Joined);
    }
    let version = Id::from_bytes(reader.array()?);
    match kind {
        1 => Ok(Statement::TagAdded { version, tag: reader.text()?.to_owned() }),
        2 => Ok(Statement::TagRemoved { version, tag: reader.text()?.to_owned() }),
        3 => Ok(Statement::Validated { version, verdict: Id::from_bytes(reader.array()?) }),
        4 => Ok(Statement::Run { version, run: Arc::new(Run::decode(reader)?) }),
        5 => Ok(Statement::Note { version, text: reader.text()?.to_owned() }),
        6 => {
            let run = Id::from_bytes(reader.array()?);
            Ok(Statement::RunWithdrawn { version, run, reason: reader.text()?.to_owned() })
        }
        7 => Ok(Statement::Held { version, reason: reader.text()?.to_owned() }),
        8 => {
            let hold = Id::from_bytes(reader.array()?);
            Ok(Statement::Released { version, hold, reason: reader.text()?.to_owned() })
        }
        code => Ok(Statement::Unknown { code, version, content: reader.slice(reader.rest().len())?.to_vec() }),
    }
}

fn put_version(out: &mut Vec<u8>, kind: u8, version: &Id<VersionId>) {
    out.push(kind);
    out.extend_from_slice(version.as_bytes());
}

fn put_tag(out: &mut Vec<u8>, kind: u8, version: &Id<VersionId>, tag: &str) {
    put_version(out, kind, version);
    out.put_bytes(tag.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_come_back_and_no_cut_or_flip_makes_it_panic() {
        let version = Id::of(b"version");
        let tag = "production".to_owned();
        let run = Run {
            model: "lease-7b".into(),
            started: Some(Time::from_millis(1)),
            ended: None,
            params: vec![("lr".into(), "3e-4".into())],
            metrics: vec![("f1".into(), Metric::new(0.8).unwrap()), ("loss".into(), Metric::new(0.31).unwrap())],
            artifacts: vec![Artifact { path: "out/weights".into(), size: 9, content: Id::of(b"weights") }],
        };
        let said = [
            Statement::TagAdded { version, tag: tag.clone() },
            Statement::TagRemoved { version, tag },
            Statement::Joined,
            Statement::Validated { version, verdict: Id::of(b"verdict") },
            Statement::Run { version, run: Arc::new(run) },
            Statement::Note { version, text: "re-crawl in May".into() },
            Statement::RunWithdrawn { version, run: Id::of(b"run"), reason: "trained on the wrong split".into() },
            Statement::Held { version, reason: "case 7".into() },
            Statement::Released { version, hold: Id::of(b"hold"), reason: "settled".into() },
            Statement::Unknown { code: UNKNOWN, version, content: vec![] },
            Statement::Unknown { code: 255, version, content: b"of a later hlx".to_vec() },
        ];
        for statement in said {
            let parents = vec![Id::from_bytes([1; 32]), Id::from_bytes([2; 32])];
            let fact = Fact { parents, time: Time::from_millis(7), author: "ana".into(), statement };
            let good = fact.encode();
            assert_eq!(Fact::decode(&good).unwrap(), fact);
            for n in 0..good.len() {
                // The end of an unknown statement is not known.
                assert!(Fact::decode(&good[..n]).map_or(true, |cut| matches!(cut.statement, Statement::Unknown { .. })));
                for bit in 0..8 {
                    let mut bad = good.clone();
                    bad[n] ^= 1 << bit;
                    let _ = Fact::decode(&bad);
                }
            }
        }
    }

    #[test]
    fn a_note_says_something_and_not_too_much() {
        let note = |text: String| {
            let statement = Statement::Note { version: Id::of(b"version"), text };
            let fact = Fact { parents: vec![], time: Time::from_millis(7), author: "ana".into(), statement };
            Fact::decode(&fact.encode())
        };
        assert!(note("x".repeat(limits::NOTE)).is_ok());
        assert!(note(String::new()).is_err() && note("x".repeat(limits::NOTE + 1)).is_err());
    }
}
