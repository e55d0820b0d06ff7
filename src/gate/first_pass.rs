//! The first pass: the records in which two versions differ are checked, one by one.
//!
//! Lines are not known here, since what both versions share need not be read.

use std::sync::{Mutex, PoisonError};

use super::evaluator::Evaluator;
use super::file_set::{EntryPair, FileSet};
use super::flagged::{EMPTY_FILE_HASH, FlaggedRecords, slot};
use super::measures::Measures;
use super::precheck::PrecheckedFiles;
use super::rule_set::FileRules;
use super::worker::{GateWorker, KeyCollectors};
use crate::diff::{FilePart, RecordRef, RecordText, parts, visit, visit_part};
use crate::error::Result;
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, EntryChange, ManifestDiff, NodeSource};
use crate::object::node::Entry;
use crate::sample::{RecordFormat, Side};

/// Keys that a worker has before it hands them on.
const KEY_BATCH: usize = 4 << 10;

/// The input of a worker: a file, or a part of one.
pub(super) struct FileTask {
    sides: EntryPair,
    part: Option<FilePart>,
}

/// The result of the first pass over a file.
pub(super) struct CheckedFile {
    pub sides: EntryPair,
    pub measures: Measures,
    pub flagged: FlaggedRecords,
}

/// The first pass over the files of a version.
pub(super) struct FirstPass<'p, S> {
    pub evaluator: &'p Evaluator<'p>,
    pub files: &'p FileSet<'p, S>,
    /// The manifest whose evaluation is known; `None` if every file is checked.
    pub before: Option<Id<NodeId>>,
    /// The files that were checked while they were compared.
    pub prechecked: &'p Mutex<PrecheckedFiles>,
    pub collectors: &'p KeyCollectors,
}

impl<'p, S: NodeSource + Sync> FirstPass<'p, S> {
    /// Returns the number of files to check, and their bytes.
    pub fn total(&self) -> Result<(u64, u64)> {
        self.changes()?.try_fold((0, 0), |(files, bytes), sides| {
            let sides = sides?;
            let size = sides.0.iter().chain(&sides.1).map(|entry| entry.size).max().unwrap_or(0);
            Ok((files + 1, bytes + size))
        })
    }

    /// Returns the files that differ from the known evaluation, or all, large ones in parts.
    pub fn tasks(&self) -> Result<impl Iterator<Item = Result<FileTask>> + Send> {
        Ok(self.changes()?.flat_map(|sides| match sides.and_then(|sides| self.parts(sides)) {
            Ok(tasks) => tasks.into_iter().map(Ok).collect(),
            Err(e) => vec![Err(e)],
        }))
    }

    fn changes(&self) -> Result<Box<dyn Iterator<Item = Result<EntryPair>> + Send + 'p>> {
        let file = |entry: Entry| Some(entry).filter(|entry| entry.kind.is_file());
        let Some(before) = self.before else {
            let entries = Entries::new(self.files.nodes, self.files.manifest)?;
            let entries = entries.filter_map(move |entry| entry.map(file).transpose());
            return Ok(Box::new(entries.map(|entry| Ok((None, Some(entry?))))));
        };
        let sides = move |change| -> Option<EntryPair> {
            let sides = match change {
                EntryChange::Added(new) => (None, file(new)),
                EntryChange::Removed(old) => (file(old), None),
                EntryChange::Modified(old, new) => match (file(old), file(new)) {
                    (Some(old), Some(new)) if old.content == new.content => (None, None),
                    sides => sides,
                },
                EntryChange::Reread(old, new) => (file(old), file(new)),
            };
            (sides != (None, None)).then_some(sides)
        };
        let changes = ManifestDiff::new(self.files.nodes, before, self.files.manifest)?;
        Ok(Box::new(changes.filter_map(move |change| change.map(sides).transpose())))
    }

    /// Cuts a file of which every record is checked into parts, so that all cores have work even if it is the only one.
    fn parts(&self, sides: EntryPair) -> Result<Vec<FileTask>> {
        let parts = match &sides {
            (None, Some(entry)) if self.evaluator.rule_set.rules_for(entry.path.as_str()).checks_records() => {
                parts(&self.evaluator.reader_config, &self.evaluator.file_side(self.files, entry, Side::New)?)?
            }
            _ => None,
        };
        Ok(match parts {
            Some(parts) => parts.into_iter().map(|part| FileTask { sides: sides.clone(), part: Some(part) }).collect(),
            None => vec![FileTask { sides, part: None }],
        })
    }

    /// Checks the records in which the sides of a file differ, unless that was done while they were compared.
    pub fn check_file(&self, worker: &mut GateWorker<'_>, task: FileTask) -> Result<CheckedFile> {
        let FileTask { sides, part } = task;
        let evaluator = self.evaluator;
        evaluator.progress.check()?;
        let path = sides.1.as_ref().or(sides.0.as_ref()).map(|entry| entry.path.as_str()).unwrap_or_default();
        let file_rules = evaluator.rule_set.rules_for(path);
        let mut flagged = FlaggedRecords::default();
        if file_rules.checks_records() {
            let prechecked = self.prechecked.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
            let has_records = match prechecked {
                Some(prechecked) => {
                    worker.measures.absorb(prechecked.measures);
                    flagged = prechecked.flagged;
                    [false; 2]
                }
                None => self.visit(worker, &file_rules, &sides, &part, &mut flagged)?,
            };
            for (sign, side, entry) in [(-1, Side::Old, &sides.0), (1, Side::New, &sides.1)] {
                let is_first = part.as_ref().is_none_or(|part| part.is_first);
                let is_asked = is_first && !has_records[side as usize] && !file_rules.empty.is_empty();
                let Some(entry) = entry.as_ref().filter(|_| is_asked) else { continue };
                if self.lacks_records(entry, side)? {
                    for &rule in &file_rules.empty {
                        worker.measures.checked(rule, sign);
                        worker.measures.failed(rule, sign);
                        if side == Side::New {
                            flagged.push(EMPTY_FILE_HASH);
                            *flagged.counts.entry(slot(rule, false)).or_default() += 1;
                        }
                    }
                }
            }
            let size = |entry: &Option<Entry>| entry.as_ref().map_or(0, |entry| entry.size);
            match &part {
                Some(part) => evaluator.progress.advance(u64::from(part.is_first), part.bytes),
                None => evaluator.progress.advance(1, size(&sides.0).max(size(&sides.1))),
            }
        }
        worker.flush_keys(self.collectors, 1)?;
        flagged.sort();
        Ok(CheckedFile { measures: worker.take_measures(), sides, flagged })
    }

    /// Checks the records of both sides; returns true for each side that has any.
    fn visit(
        &self,
        worker: &mut GateWorker<'_>,
        file_rules: &FileRules,
        sides: &EntryPair,
        part: &Option<FilePart>,
        flagged: &mut FlaggedRecords,
    ) -> Result<[bool; 2]> {
        let (evaluator, config) = (self.evaluator, &self.evaluator.reader_config);
        let open = |entry, side| evaluator.file_side(self.files, entry, side);
        let old = sides.0.as_ref().map(|entry| open(entry, Side::Old)).transpose()?;
        let new = sides.1.as_ref().map(|entry| open(entry, Side::New)).transpose()?;
        let (mut has_records, mut checked) = ([false; 2], Ok(()));
        let each = &mut |record: RecordRef<'_>| {
            has_records[record.side as usize] |= !matches!(record.text, RecordText::SkippedRow(_));
            let file = if record.side == Side::Old { &old } else { &new };
            if checked.is_ok() {
                let most = worker.check_record(file_rules, &record, file.as_ref(), flagged);
                checked =
                    most.and_then(|most| if most < KEY_BATCH { Ok(()) } else { worker.flush_keys(self.collectors, KEY_BATCH) });
            }
        };
        match (part, &new) {
            (Some(part), Some(new)) => visit_part(config, new, part, each)?,
            _ => visit(config, old.as_ref(), new.as_ref(), false, each)?,
        }
        checked.map(|()| has_records)
    }

    /// Returns true if a file that should have records, and is not itself the record, has none. One that was not counted is
    /// read, since records that both sides share were not visited.
    fn lacks_records(&self, entry: &Entry, side: Side) -> Result<bool> {
        let config = &self.evaluator.reader_config;
        if matches!(config.spec_for(entry.path.as_str()).format, RecordFormat::Whole | RecordFormat::None) {
            return Ok(false);
        }
        if let Some(samples) = &entry.samples {
            return Ok(samples.count == 0);
        }
        let mut is_empty = true;
        visit(config, None, Some(&self.evaluator.file_side(self.files, entry, side)?), false, &mut |record| {
            is_empty &= matches!(record.text, RecordText::SkippedRow(_));
        })?;
        Ok(is_empty)
    }
}
