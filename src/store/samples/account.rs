//! What a comparison found.

use super::{Rules, SplitId, Tally};
use crate::limits;
use crate::sample::{Hint, Identity, Schema, Side};

/// Most findings that are kept.
const KEPT: usize = 100;
/// Most fields of a change of the schema, which may be larger than the schema itself.
const SLACK: usize = 4 * limits::SCHEMA_FIELDS;

/// Bytes of a new file that are no record of its format.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// The file.
    pub path: String,
    /// The line on which they begin, from 1.
    pub line: u64,
    /// What is wrong with them.
    pub message: String,
}

/// A point in the findings of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FindingsMark {
    kept: usize,
    found: u64,
}

/// What an account keeps of the records that it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing: somebody else looks at them.
    Nothing,
    /// Their schema: there is nothing to compare with.
    Schema,
    /// Their schema, and in which of them the sides differ.
    Differences,
}

/// What a comparison found. Accounts of several files add up.
#[derive(Debug)]
pub struct Account {
    keeps: Keeps,
    /// The records that differ; `None` where there is nothing to compare with, so that none can cancel.
    pub tally: Option<Tally>,
    /// What the new side's records count, less what the old side's do.
    pub schema: Schema,
    /// The first findings of the new side.
    pub findings: Vec<Found>,
    /// How many there are.
    pub found: u64,
}

impl Account {
    /// Nothing found yet.
    pub fn new(rules: &Rules, keeps: Keeps) -> Account {
        let tally = (keeps == Keeps::Differences).then(|| Tally::new(rules.scratch()));
        Account { keeps, tally, schema: Schema::new(rules.depth()), findings: Vec::new(), found: 0 }
    }

    /// What it keeps.
    pub fn keeps(&self) -> Keeps {
        self.keeps
    }

    /// Whether records are compared.
    pub fn is_tallied(&self) -> bool {
        self.tally.is_some()
    }

    /// Adds what was found elsewhere.
    pub fn absorb(&mut self, other: Account) {
        if let (Some(own), Some(others)) = (&mut self.tally, other.tally) {
            own.absorb(others);
        }
        self.schema.add(&other.schema, 1);
        self.schema.prune(SLACK);
        let room = KEPT.saturating_sub(self.findings.len());
        self.findings.extend(other.findings.into_iter().take(room));
        self.found += other.found;
    }

    /// Takes the records of a side of a file that cannot be read, whose number is known.
    pub fn add_unread(&mut self, side: Side, count: u64) {
        if let Some(tally) = &mut self.tally {
            tally.add_unread(side, count);
        }
    }

    pub(super) fn tell(&mut self, side: Side, identity: Identity, split: SplitId) {
        if let Some(tally) = &mut self.tally {
            tally.tell(side, identity, split);
        }
    }

    /// Takes what is wrong in the new side of a file, with the line.
    pub fn finding(&mut self, path: &str, line: u64, message: String) {
        self.found += 1;
        if self.findings.len() < KEPT {
            self.findings.push(Found { path: path.to_owned(), line, message });
        }
    }

    /// Returns how many findings there are so far.
    pub fn mark(&self) -> FindingsMark {
        FindingsMark { kept: self.findings.len(), found: self.found }
    }

    /// Puts hints about a file before what was found in its records since the mark, or in its place.
    pub fn hints(&mut self, since: FindingsMark, path: &str, hints: Vec<Hint>) {
        if hints.iter().any(|hint| hint.sums_up) {
            self.findings.truncate(since.kept);
            self.found = since.found;
        }
        self.found += hints.len() as u64;
        let hints = hints.into_iter().map(|Hint { line, message, .. }| Found { path: path.to_owned(), line, message });
        self.findings.splice(since.kept..since.kept, hints);
        self.findings.truncate(KEPT);
    }

    /// Bounds the memory over fields that never come again.
    pub(super) fn prune(&mut self) {
        self.schema.prune(SLACK);
    }
}
