//! The records in which two sets of files differ: how many, and which.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::error::Result;
use crate::fs::beneath::Root;
use crate::object::node::Entry;
use crate::ops::record::{self, FieldChange};
use crate::parallel;
use crate::progress::Progress;
use crate::repo::{Dataset, Repo};
use crate::sample::tally::{Counts, Fate, Leftovers};
use crate::sample::{Canonical, Rendering, Side};
use crate::store::samples::{Account, Bytes, Half, Keeps, Rules, Seen, compare, visit};

/// A file: its entry on the old side and on the new.
pub(super) type Sides = (Option<Entry>, Option<Entry>);

/// The files of two sides that differ.
pub(super) struct Files<'a> {
    pub repo: &'a Repo,
    pub rules: Rules,
    /// The folder of the new side; `None` where it lies in the store.
    pub work: Option<Root>,
    pub sides: Vec<Sides>,
}

/// The samples of one file that differ.
#[derive(Clone, Debug, Serialize)]
pub struct ByFile {
    /// Its path.
    pub path: String,
    /// How many.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A sample that differs.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// What became of it.
    pub change: Fate,
    /// The file it stands in, on the new side if it is on both.
    pub path: String,
    /// Its line there, where that is known.
    pub line: Option<u64>,
    /// The sample, on the old side where it was removed: its JSON, the fields of a row by their columns, text if it is no
    /// JSON, and null for a file that is the sample.
    pub record: Rendering,
    /// The same for people.
    #[serde(skip)]
    pub text: String,
    /// The sample on the old side, where it was modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Rendering>,
    /// The same for people.
    #[serde(skip)]
    pub old_text: String,
    /// The fields that differ, where it was modified.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

impl Record {
    /// Takes the old side for the new.
    pub(super) fn turn(&mut self) {
        self.change = turned(self.change);
        if let Some(old) = &mut self.old {
            std::mem::swap(old, &mut self.record);
            std::mem::swap(&mut self.old_text, &mut self.text);
        }
        for field in &mut self.fields {
            field.change = turned(field.change);
            std::mem::swap(&mut field.old, &mut field.new);
        }
    }
}

/// Takes the old side for the new.
fn turned(change: Fate) -> Fate {
    match change {
        Fate::Added => Fate::Removed,
        Fate::Removed => Fate::Added,
        Fate::Modified => Fate::Modified,
    }
}

/// The rules of a dataset, whether it is declared or not.
pub(super) fn rules(repo: &Repo, dataset: &str) -> Result<(Dataset, Rules)> {
    let declared = repo.config().dataset(dataset).cloned();
    let dataset = declared.unwrap_or_else(|| Dataset::new(dataset, "generic", "."));
    let rules = dataset.rules()?;
    Ok((dataset, rules))
}

impl Files<'_> {
    fn half<'h>(&'h self, entry: &'h Entry, side: Side) -> Result<Half<'h>> {
        let path = entry.path.as_str();
        let (content, bytes) = match (&self.work, side) {
            (Some(root), Side::New) => {
                let file = root.cursor().open_file(path).map_err(|e| root.error("cannot read", path, e))?;
                (None, Bytes::Open(Arc::new(file), root.path().join(path)))
            }
            _ => (Some(entry.content), Bytes::Stored(self.repo.store())),
        };
        let reader = entry.samples.map(|samples| samples.reader).filter(|_| content.is_some());
        Ok(Half { path, reading: self.rules.reading_of(path, reader), content, size: entry.size, bytes })
    }

    fn halves<'h>(&'h self, sides: &'h Sides) -> Result<[Option<Half<'h>>; 2]> {
        let half = |entry: &'h Option<Entry>, side| {
            let entry = entry.as_ref().filter(|entry| entry.kind.is_file());
            entry.map(|entry| self.half(entry, side)).transpose()
        };
        Ok([half(&sides.0, Side::Old)?, half(&sides.1, Side::New)?])
    }

    /// What differs over all files, and within each if `each` asks for it.
    pub fn leftovers(&self, progress: &dyn Progress, mut each: impl FnMut(ByFile)) -> Result<Leftovers> {
        let mut all = Account::new(&self.rules, Keeps::Differences);
        parallel::ordered(
            self.sides.iter().map(Ok),
            2 * parallel::threads(),
            || (),
            |(), sides| {
                progress.check()?;
                let mut account = Account::new(&self.rules, Keeps::Differences);
                let [old, new] = self.halves(sides)?;
                compare(&self.rules, old.as_ref(), new.as_ref(), false, &mut account, None)?;
                let bytes = old.map_or(0, |old| old.size).max(new.map_or(0, |new| new.size));
                progress.advance(1, bytes);
                Ok((sides, account))
            },
            |(sides, account)| {
                if let (Some(tally), Some(entry)) = (&account.tally, sides.1.as_ref().or(sides.0.as_ref())) {
                    each(ByFile { path: entry.path.to_string(), counts: tally.clone().finish().counts() });
                }
                all.absorb(account);
                Ok(())
            },
        )?;
        Ok(all.tally.unwrap_or_default().finish())
    }

    /// The records themselves, in the order of the files, at most `limit` of them.
    pub fn records(&self, mut leftovers: Leftovers, limit: usize, progress: &dyn Progress) -> Result<Vec<Record>> {
        let mut found = Records { limit, records: Vec::new(), halves: HashMap::new() };
        let mut canonical = Canonical::default();
        for sides in &self.sides {
            progress.check()?;
            if found.records.len() >= limit {
                break;
            }
            let [old, new] = self.halves(sides)?;
            visit(&self.rules, old.as_ref(), new.as_ref(), true, &mut |seen| {
                let identity = seen.identity(&self.rules, &mut canonical);
                if let Some(fate) = leftovers.fate(seen.side, identity) {
                    found.take(fate, identity.key, &seen);
                }
            })?;
        }
        Ok(found.records)
    }
}

/// Records as they are found.
struct Records {
    limit: usize,
    records: Vec<Record>,
    /// Of modified records by their keys, those of either side whose other side has not been met.
    halves: HashMap<[u8; 16], [Vec<Record>; 2]>,
}

impl Records {
    fn take(&mut self, change: Fate, key: Option<[u8; 16]>, seen: &Seen<'_>) {
        if self.records.len() >= self.limit {
            return;
        }
        let record = record::render(&seen.text);
        let text = record::plain(&seen.text, &record);
        let line = Some(seen.line).filter(|&line| line > 0);
        let (path, old_text) = (seen.path.to_owned(), String::new());
        let own = Record { change, path, line, record, text, old: None, old_text, fields: Vec::new() };
        let Some(key) = key.filter(|_| change == Fate::Modified) else { return self.records.push(own) };
        let halves = self.halves.entry(key).or_default();
        match halves[1 - seen.side as usize].pop() {
            None => halves[seen.side as usize].push(own),
            Some(other) => {
                let (old, new) = if seen.side == Side::Old { (own, other) } else { (other, own) };
                let fields = record::field_changes(&old.record, &new.record);
                self.records.push(Record { old: Some(old.record), old_text: old.text, fields, ..new });
            }
        }
    }
}
