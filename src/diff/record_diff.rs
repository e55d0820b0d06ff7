//! The result of a comparison of records.

use super::{ReaderConfig, SplitId, Tally};
use crate::limits;
use crate::sample::{Hint, Identity, Schema, Side};

/// Most findings that are kept.
const MAX_ISSUES: usize = 100;
/// Most fields of a change of the schema, which may be larger than the schema itself.
const SLACK: usize = 4 * limits::SCHEMA_FIELDS;

/// Bytes of a new file that are no record of its format.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FileParseIssue {
    /// The file.
    pub path: String,
    /// The line on which they begin, from 1.
    pub line: u64,
    /// The error.
    pub message: String,
}

/// A point in the findings of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IssueMark {
    kept: usize,
    found: u64,
}

/// The part of a comparison that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiffDetail {
    /// Nothing: somebody else looks at them.
    Nothing,
    /// Their schema: there is nothing to compare with.
    Schema,
    /// Their schema, and in which of them the sides differ.
    Differences,
}

/// The result of a comparison. The diffs of several files add up.
#[derive(Debug)]
pub struct RecordDiff {
    detail: DiffDetail,
    /// The records that differ; `None` where there is nothing to compare with, so that none can cancel.
    pub tally: Option<Tally>,
    /// The schema of the new side less that of the old side.
    pub schema: Schema,
    /// The first findings of the new side.
    pub issues: Vec<FileParseIssue>,
    /// The number of parse issues.
    pub issue_count: u64,
}

impl RecordDiff {
    /// Nothing found yet.
    pub fn new(config: &ReaderConfig, detail: DiffDetail) -> RecordDiff {
        let tally = (detail == DiffDetail::Differences).then(|| Tally::new(config.scratch()));
        RecordDiff { detail, tally, schema: Schema::new(config.depth()), issues: Vec::new(), issue_count: 0 }
    }

    /// Returns the part of the comparison that is kept.
    pub fn detail(&self) -> DiffDetail {
        self.detail
    }

    /// Returns true if records are compared.
    pub fn is_tallied(&self) -> bool {
        self.tally.is_some()
    }

    /// Adds what was found elsewhere.
    pub fn absorb(&mut self, other: RecordDiff) {
        if let (Some(own), Some(others)) = (&mut self.tally, other.tally) {
            own.absorb(others);
        }
        self.schema.add(&other.schema, 1);
        self.schema.prune(SLACK);
        let room = MAX_ISSUES.saturating_sub(self.issues.len());
        self.issues.extend(other.issues.into_iter().take(room));
        self.issue_count += other.issue_count;
    }

    /// Takes the records of a side of a file that cannot be read, whose number is known.
    pub fn add_unread(&mut self, side: Side, count: u64) {
        if let Some(tally) = &mut self.tally {
            tally.add_unread(side, count);
        }
    }

    pub(super) fn add(&mut self, side: Side, identity: Identity, split: SplitId) {
        if let Some(tally) = &mut self.tally {
            tally.add_record(side, identity, split);
        }
    }

    /// Takes what is wrong in the new side of a file, with the line.
    pub fn add_issue(&mut self, path: &str, line: u64, message: String) {
        self.issue_count += 1;
        if self.issues.len() < MAX_ISSUES {
            self.issues.push(FileParseIssue { path: path.to_owned(), line, message });
        }
    }

    /// Returns how many findings there are so far.
    pub fn mark(&self) -> IssueMark {
        IssueMark { kept: self.issues.len(), found: self.issue_count }
    }

    /// Puts hints about a file before what was found in its records since the mark, or in its place.
    pub fn insert_hints(&mut self, since: IssueMark, path: &str, hints: Vec<Hint>) {
        if hints.iter().any(|hint| hint.sums_up) {
            self.issues.truncate(since.kept);
            self.issue_count = since.found;
        }
        self.issue_count += hints.len() as u64;
        let hints = hints.into_iter().map(|Hint { line, message, .. }| FileParseIssue { path: path.to_owned(), line, message });
        self.issues.splice(since.kept..since.kept, hints);
        self.issues.truncate(MAX_ISSUES);
    }

    /// Bounds the memory over fields that never come again.
    pub(super) fn prune(&mut self) {
        self.schema.prune(SLACK);
    }
}
