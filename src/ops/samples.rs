//! The records in which two sets of files differ: how many, and which.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde::Serialize;

use crate::diff::{
    DiffDetail, FieldChange, FileEntry, FileSide, FileSource, ReaderConfig, RecordChange, RecordDiff, RecordRef, RecordText,
    SampleCounts, SplitMoves, Tally, UnmatchedRecords, compare_readable, field_changes, hint_warnings, visit,
};
use crate::error::{Error, ErrorKind, Result, counted};
use crate::fs::openat::Root;
use crate::object::node::SampleCount;
use crate::ops::DamageList;
use crate::parallel;
use crate::path::printable;
use crate::progress::Progress;
use crate::repo::{Dataset, Repo};
use crate::sample::{Canonicalizer, RecordFormat, Rendering, Schema, Side};

/// Returns the error of a file that cannot be read, with what becomes of its records.
fn unreadable(entry: &FileEntry, error: &Error) -> Error {
    let samples = counted(entry.samples.as_ref().map_or(0, |samples| samples.count), "sample");
    let path = printable(entry.path.as_str());
    Error::damaged(format!("cannot read '{path}': {}; its {samples} are counted, not compared", error.message()))
}

/// Counts the samples of files that have another name, another split and nothing else of their own.
pub(super) fn moved_files(config: &ReaderConfig, renamed: &[(FileEntry, FileEntry)]) -> SplitMoves {
    let mut moves = SplitMoves::new();
    for (old, new) in renamed {
        let (from, to) = (config.splits().of(old.path.as_str()), config.splits().of(new.path.as_str()));
        let same = |samples: &SampleCount| new.samples.as_ref().is_none_or(|other| other.reader == samples.reader);
        if let Some(samples) = old.samples.as_ref().filter(|samples| from != to && samples.count > 0 && same(samples)) {
            *moves.entry((from, to)).or_default() += samples.count;
        }
    }
    moves
}

/// A file as the old side and the new have it.
pub(super) type FilePair = (Option<FileEntry>, Option<FileEntry>);

/// The files of two sides that differ.
pub(super) struct ChangedFiles<'a> {
    pub repo: &'a Repo,
    pub config: ReaderConfig,
    /// The folder of the new side; `None` where it lies in the store.
    pub workspace: Option<Root>,
    pub sides: Vec<FilePair>,
}

/// The samples of one file that differ.
#[derive(Clone, Debug, Serialize)]
pub struct FileSampleCounts {
    /// Its path.
    pub path: String,
    /// The number of samples.
    #[serde(flatten)]
    pub counts: SampleCounts,
}

/// A sample that differs.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedRecord {
    /// The change of the sample.
    pub change: RecordChange,
    /// The file it stands in, on the new side if it is on both.
    pub path: String,
    /// Its line there, where that is known.
    pub line: Option<u64>,
    /// The sample, on the old side where it was removed: its JSON, the fields of a row by their columns, text if it is no
    /// JSON, and null for a file that is the sample.
    pub record: Rendering,
    /// The sample as text for people.
    #[serde(skip)]
    pub text: String,
    /// The sample on the old side, where it was modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Rendering>,
    /// The old side as text for people.
    #[serde(skip)]
    pub old_text: String,
    /// The fields that differ, where it was modified.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

impl ChangedRecord {
    fn of(change: RecordChange, seen: &RecordRef<'_>) -> ChangedRecord {
        let record = seen.text.render();
        let text = seen.text.plain(&record);
        let line = Some(seen.line).filter(|&line| line > 0);
        let (path, old_text) = (seen.path.to_owned(), String::new());
        ChangedRecord { change, path, line, record, text, old: None, old_text, fields: Vec::new() }
    }

    /// Adds the old side of a modified record.
    fn set_old(&mut self, old: ChangedRecord) {
        self.fields = field_changes(&old.record, &self.record);
        (self.old, self.old_text) = (Some(old.record), old.text);
    }

    /// Takes the old side for the new.
    pub(super) fn reverse(&mut self) {
        self.change = reversed(self.change);
        if let Some(old) = &mut self.old {
            std::mem::swap(old, &mut self.record);
            std::mem::swap(&mut self.old_text, &mut self.text);
        }
        for field in &mut self.fields {
            field.change = reversed(field.change);
            std::mem::swap(&mut field.old, &mut field.new);
        }
    }
}

/// Takes the old side for the new.
fn reversed(change: RecordChange) -> RecordChange {
    match change {
        RecordChange::Added => RecordChange::Removed,
        RecordChange::Removed => RecordChange::Added,
        RecordChange::Modified => RecordChange::Modified,
    }
}

/// Returns the rules of a dataset, whether it is declared or not.
pub(super) fn reader_config(repo: &Repo, dataset: &str) -> Result<(Dataset, ReaderConfig)> {
    let declared = repo.config().dataset(dataset).cloned();
    let dataset = declared.unwrap_or_else(|| Dataset::new(dataset, "generic", "."));
    let config = dataset.reader_config(&repo.store().layout().tmp())?;
    Ok((dataset, config))
}

impl ChangedFiles<'_> {
    fn file_side<'h>(&'h self, entry: &'h FileEntry, side: Side) -> Result<FileSide<'h>> {
        let path = entry.path.as_str();
        let (content, bytes) = match (&self.workspace, side) {
            (Some(root), Side::New) => {
                let file = root.cursor().open_file(path).map_err(|e| root.error("cannot read", path, e))?;
                (None, FileSource::Open(Arc::new(file), root.path().join(path)))
            }
            _ => (entry.content, FileSource::Stored(self.repo.store())),
        };
        let file = self.config.file_side(path, content, entry.size, bytes);
        self.config.read_as_counted(file, entry.samples.as_ref().filter(|_| content.is_some()))
    }

    fn file_sides<'h>(&'h self, sides: &'h FilePair) -> Result<[Option<FileSide<'h>>; 2]> {
        let file = |entry: &'h Option<FileEntry>, side| {
            let entry = entry.as_ref().filter(|entry| entry.kind.is_file());
            entry.map(|entry| self.file_side(entry, side)).transpose()
        };
        Ok([file(&sides.0, Side::Old)?, file(&sides.1, Side::New)?])
    }

    /// Returns what a commit of the new side warns of: guesses of how its files are read.
    pub fn warnings(&self) -> Result<Vec<String>> {
        let new = self.sides.iter().filter_map(|sides| sides.1.as_ref()).filter(|entry| entry.kind.is_file());
        let new = new.filter(|entry| self.config.spec_for(entry.path.as_str()).format != RecordFormat::Whole);
        hint_warnings(new.map(|entry| {
            let hints = match self.file_side(entry, Side::New).and_then(|file| file.hints()) {
                // Comparing its records tells of the damage.
                Err(e) if e.kind() == ErrorKind::Damaged => Vec::new(),
                hints => hints?,
            };
            Ok((entry.path.as_str().to_owned(), hints))
        }))
    }

    /// Compares all files, and reports each to `each`. Returns the records that differ, and the schema of the new side less
    /// that of the old side. A side that cannot be read is added to `damaged`: its records count by their number, and it is
    /// removed from the sides.
    pub fn unmatched(
        &mut self,
        progress: &dyn Progress,
        damaged: &mut DamageList,
        mut each: impl FnMut(FileSampleCounts),
    ) -> Result<(UnmatchedRecords, Schema)> {
        let mut all = RecordDiff::new(&self.config, DiffDetail::Differences);
        let mut lost = Vec::new();
        parallel::ordered(
            self.sides.iter().enumerate().map(Ok),
            2 * parallel::threads(),
            || (),
            |(), (place, sides)| {
                progress.check()?;
                let mut diff = RecordDiff::new(&self.config, DiffDetail::Differences);
                let [old, new] = self.file_sides(sides)?;
                let errors = compare_readable(&self.config, old.as_ref(), new.as_ref(), &mut diff)?;
                let bytes = old.map_or(0, |old| old.size).max(new.map_or(0, |new| new.size));
                progress.advance(1, bytes);
                Ok((place, sides, diff, errors))
            },
            |(place, sides, diff, [old, new])| {
                for (side, entry, error) in [(Side::Old, &sides.0, old), (Side::New, &sides.1, new)] {
                    if let (Some(entry), Some(error)) = (entry, error) {
                        damaged.push(&unreadable(entry, &error));
                        lost.push((place, side));
                    }
                }
                if let (Some(tally), Some(entry)) = (&diff.tally, sides.1.as_ref().or(sides.0.as_ref())) {
                    each(FileSampleCounts { path: entry.path.to_string(), counts: tally.counts()?.0 });
                }
                all.absorb(diff);
                Ok(())
            },
        )?;
        for (place, side) in lost {
            let sides = &mut self.sides[place];
            *(if side == Side::Old { &mut sides.0 } else { &mut sides.1 }) = None;
        }
        let unmatched = all.tally.unwrap_or_else(|| Tally::new(self.config.scratch())).finish()?;
        Ok((unmatched, all.schema))
    }

    /// Hands over the records themselves as they are found, in the order of the files, at most `limit` of them.
    pub fn records(
        &self,
        mut unmatched: UnmatchedRecords,
        limit: usize,
        progress: &dyn Progress,
        take: &mut dyn FnMut(ChangedRecord) -> Result<()>,
    ) -> Result<()> {
        let mut patch = Patch { limit, ..Patch::default() };
        let mut take = |mut record: ChangedRecord| {
            record.fields.retain(|field| !self.config.ignores(&field.path));
            take(record)
        };
        self.pass(&mut patch, &mut unmatched, progress, &mut take)?;
        if patch.begin_second_pass() {
            unmatched.restart();
            self.pass(&mut patch, &mut unmatched, progress, &mut take)?;
        }
        // Of what lacks its old side all the same, the new one is shown.
        patch.records.drain(..).try_for_each(take)
    }

    /// Shows a patch the records that are left.
    fn pass(
        &self,
        patch: &mut Patch,
        unmatched: &mut UnmatchedRecords,
        progress: &dyn Progress,
        take: &mut dyn FnMut(ChangedRecord) -> Result<()>,
    ) -> Result<()> {
        let mut canonical = Canonicalizer::default();
        for sides in &self.sides {
            progress.check()?;
            if patch.is_complete() {
                break;
            }
            let mut failed = None;
            let [old, new] = self.file_sides(sides)?;
            visit(&self.config, old.as_ref(), new.as_ref(), true, &mut |record| {
                if failed.is_some() || patch.is_complete() || matches!(record.text, RecordText::SkippedRow(_)) {
                    return;
                }
                let identity = record.identity(&self.config, &mut canonical);
                let told = unmatched.change(record.side, identity).and_then(|fate| match fate {
                    Some(fate) => {
                        patch.take(fate, identity.key, &record);
                        patch.hand_over(take)
                    }
                    None => Ok(()),
                });
                failed = told.err();
            })?;
            failed.map_or(Ok(()), Err)?;
        }
        Ok(())
    }
}

/// Old sides of modified records that are held until their new sides come.
const MAX_WAITING: usize = if cfg!(test) { 2 } else { 1_024 };

/// The records that differ, as they are found. Those that are complete are handed over at once; a modified one whose old
/// side comes long before its new side is completed in a second pass, and those after it wait.
///
/// Invariant: of the old sides of a key the first ones are used, in their order, and none twice.
#[derive(Default)]
struct Patch {
    limit: usize,
    /// The records that were not handed over.
    records: VecDeque<ChangedRecord>,
    /// The number of records that were handed over.
    handed_over: usize,
    /// The number of old sides of each key that were used; in the second pass, of those that come again.
    used: HashMap<[u8; 16], usize>,
    /// The places of the modified records that lack an old side, by key.
    missing: HashMap<[u8; 16], VecDeque<usize>>,
    /// Old sides before their new sides.
    waiting: HashMap<[u8; 16], VecDeque<ChangedRecord>>,
    waits: usize,
    /// The keys of which an old side was not kept.
    dropped: HashSet<[u8; 16]>,
    second_pass: bool,
}

impl Patch {
    /// Returns true if nothing more is needed.
    fn is_complete(&self) -> bool {
        self.missing.is_empty() && (self.second_pass || self.len() >= self.limit)
    }

    /// Returns the number of records so far.
    fn len(&self) -> usize {
        self.handed_over + self.records.len()
    }

    /// Hands over the first records, as far as they are complete.
    fn hand_over(&mut self, take: &mut dyn FnMut(ChangedRecord) -> Result<()>) -> Result<()> {
        let is_complete = |record: &ChangedRecord| record.change != RecordChange::Modified || record.old.is_some();
        while self.records.front().is_some_and(is_complete)
            && let Some(record) = self.records.pop_front()
        {
            self.handed_over += 1;
            take(record)?;
        }
        Ok(())
    }

    /// Prepares for a second pass over the same records, if one is needed: for the old sides of the keys that lack any.
    fn begin_second_pass(&mut self) -> bool {
        (self.second_pass, self.waiting, self.waits) = (true, HashMap::new(), 0);
        self.dropped.clear();
        let missing = &self.missing;
        self.used.retain(|key, _| missing.contains_key(key));
        !self.missing.is_empty()
    }

    fn take(&mut self, change: RecordChange, key: Option<[u8; 16]>, seen: &RecordRef<'_>) {
        let full = self.second_pass || self.len() >= self.limit;
        match (key.filter(|_| change == RecordChange::Modified), seen.side) {
            (Some(key), Side::Old) => self.take_old(key, full, seen),
            _ if full => {}
            (Some(key), Side::New) => {
                let (mut record, place) = (ChangedRecord::of(change, seen), self.len());
                match self.waited(&key) {
                    Some(old) => {
                        record.set_old(old);
                        *self.used.entry(key).or_default() += 1;
                    }
                    None => self.missing.entry(key).or_default().push_back(place),
                }
                self.records.push_back(record);
            }
            (None, _) => self.records.push_back(ChangedRecord::of(change, seen)),
        }
    }

    /// Takes the old side of a modified record.
    fn take_old(&mut self, key: [u8; 16], full: bool, seen: &RecordRef<'_>) {
        if self.second_pass
            && let Some(used) = self.used.get_mut(&key).filter(|used| **used > 0)
        {
            *used -= 1;
            return;
        }
        if self.dropped.contains(&key) {
            return;
        }
        if let Some(places) = self.missing.get_mut(&key) {
            if let Some(record) = places.pop_front().and_then(|place| self.records.get_mut(place - self.handed_over)) {
                record.set_old(ChangedRecord::of(RecordChange::Modified, seen));
            }
            if places.is_empty() {
                self.missing.remove(&key);
            }
            if !self.second_pass {
                *self.used.entry(key).or_default() += 1;
            }
        } else if !full && self.waits < MAX_WAITING {
            self.waiting.entry(key).or_default().push_back(ChangedRecord::of(RecordChange::Modified, seen));
            self.waits += 1;
        } else if !full {
            self.dropped.insert(key);
        }
    }

    /// Takes the first old side that waits for a new side with this key.
    fn waited(&mut self, key: &[u8; 16]) -> Option<ChangedRecord> {
        let records = self.waiting.get_mut(key)?;
        let first = records.pop_front();
        if records.is_empty() {
            self.waiting.remove(key);
        }
        self.waits -= usize::from(first.is_some());
        first
    }
}
