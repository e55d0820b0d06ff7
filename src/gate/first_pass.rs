//! The first look: what changed between two versions is judged record by record.
//!
//! Lines are not known here, since what both versions share need not be read: of a record in which something was found
//! only a hash of its bytes is kept, by which it is found again.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::FixedState;

use super::cache::CachedFinding;
use super::evaluation::Evaluation;
use super::evaluation::FileTask;
use super::evaluator::{EntryPair, Evaluator, FileSet};
use crate::diff::{FilePart, FileSide, RecordRef, RecordText, visit, visit_part};
use crate::error::Result;
use crate::gate::{BinaryFile, FileRules, KeyCollector, KeyTold, Measures, RecordBody, RecordChecker, RuleInput, RuleOutput};
use crate::object::node::Entry;
use crate::sample::{Compression, FileIssue, RecordFormat, Side, is_of_another_kind};

/// Keys that a worker holds before it hands them on.
const KEY_BATCH: usize = 4 << 10;
/// The longest file that is looked into as one text.
const MAX_TEXT: usize = if cfg!(test) { 64 << 10 } else { 64 << 20 };
/// The reason for a file that is too long.
const TOO_LONG: &str = "the file is longer than 64 MiB";
/// The reason for a file that is not text.
const NO_TEXT: &str = "the file is not text";
/// Hashes of records of one file that are kept; beyond it each of its records is judged again.
const MAX_FLAGGED: usize = if cfg!(test) { 8 } else { 32 << 10 };
/// Bytes at the start of a file by which text is told.
const PROBE: usize = 8_000;

/// Returns the hash of a record as it stands in its file. It only has to be the same for this program on this machine.
pub(super) fn record_hash(text: &RecordText<'_>) -> u64 {
    let hasher = FixedState::with_seed(0x6865_6c6f_7867_6174);
    match text {
        RecordText::Json(bytes) => hasher.hash_one(bytes),
        RecordText::Fields { row, .. } => hasher.hash_one(row),
        RecordText::SkippedRow(row) => hasher.hash_one(row),
        RecordText::Excess(words) => hasher.hash_one(words),
        RecordText::Row(row) => hasher.hash_one(row.canonical()),
        RecordText::File { content, .. } => hasher.hash_one(content),
    }
}

/// The keys of every rule that asks for them.
pub(super) type KeyCollectors = Vec<Option<Mutex<KeyCollector>>>;

/// The state of a worker, reused from file to file.
pub(super) struct GateWorker<'g> {
    pub checker: RecordChecker<'g>,
    pub measures: Measures,
    keys: Vec<Vec<KeyTold>>,
}

/// The result of the first pass over a file.
pub(super) struct CheckedFile {
    pub sides: EntryPair,
    pub measures: Measures,
    pub flagged: FlaggedRecords,
}

/// The records of the new side of a file in which something was found, or at which a rule could not look.
#[derive(Clone, Debug, Default)]
pub(super) struct FlaggedRecords {
    /// Their hashes, in order once they are complete.
    pub hashes: Vec<u64>,
    /// True if there are so many that not all hashes are kept: then each record of the file is one.
    pub all: bool,
    /// The number of findings to report, by [`slot`].
    pub counts: BTreeMap<usize, u64>,
}

/// Returns the place of a list among all: what a rule found, or what it could not look at.
pub(super) fn slot(rule: usize, unreadable: bool) -> usize {
    2 * rule + usize::from(unreadable)
}

impl FlaggedRecords {
    /// Adds a record of the file as it was before.
    pub fn push_cached(&mut self, found: &CachedFinding) {
        *self.counts.entry(slot(found.rule as usize, found.unreadable)).or_default() += 1;
        self.push(found.hash);
    }

    /// Adds the hash of a record.
    pub fn push(&mut self, raw: u64) {
        if self.all {
            return;
        }
        if self.hashes.len() >= 2 * MAX_FLAGGED {
            self.sort();
        }
        self.hashes.push(raw);
    }

    /// Adds those of another part of the file.
    pub fn extend(&mut self, other: FlaggedRecords) {
        self.all |= other.all;
        other.hashes.into_iter().for_each(|raw| self.push(raw));
        other.counts.into_iter().for_each(|(rule, count)| *self.counts.entry(rule).or_default() += count);
        self.sort();
    }

    /// Sorts the hashes, each once, and gives them up where they are too many.
    pub fn sort(&mut self) {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.all |= self.hashes.len() > MAX_FLAGGED;
        if self.all {
            self.hashes = Vec::new();
        }
    }

    /// Returns true if a record with this hash may be flagged.
    pub fn has(&self, raw: u64) -> bool {
        self.all || self.hashes.binary_search(&raw).is_ok()
    }

    /// Returns the bytes that they take besides themselves.
    pub(super) fn heap_size(&self) -> usize {
        self.hashes.capacity() * size_of::<u64>() + self.counts.len() * size_of::<(usize, u64)>()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty() && !self.all
    }
}

impl Evaluation<'_> {
    /// Judges the records in which the sides of a file differ, unless that was done while they were compared.
    pub(super) fn check_file<S>(
        &self,
        worker: &mut GateWorker<'_>,
        files: &FileSet<'_, S>,
        task: FileTask,
    ) -> Result<CheckedFile> {
        let FileTask { sides, part } = task;
        let evaluator = self.evaluator;
        evaluator.progress.check()?;
        let path = sides.1.as_ref().or(sides.0.as_ref()).map(|entry| entry.path.as_str()).unwrap_or_default();
        let file_rules = evaluator.rule_set.rules_for(path);
        let mut flagged = FlaggedRecords::default();
        if file_rules.checks_records() {
            let watched = self.prechecked.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
            let met = match watched {
                Some(watched) => {
                    worker.measures.absorb(watched.measures);
                    flagged = watched.flagged;
                    [false; 2]
                }
                None => self.visit(worker, files, &file_rules, &sides, &part, &mut flagged)?,
            };
            for (sign, side, met, entry) in [(-1, Side::Old, met[0], &sides.0), (1, Side::New, met[1], &sides.1)] {
                let first = part.as_ref().is_none_or(|part| part.is_first);
                let Some(entry) = entry.as_ref().filter(|_| first && !met && !file_rules.empty.is_empty()) else { continue };
                if evaluator.lacks_records(files, entry, side)? {
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
        worker.flush_keys(&self.collectors, 1)?;
        flagged.sort();
        Ok(CheckedFile { measures: worker.take_measures(), sides, flagged })
    }

    /// Looks at both sides; whether any record of each was met.
    fn visit<S>(
        &self,
        worker: &mut GateWorker<'_>,
        files: &FileSet<'_, S>,
        file_rules: &FileRules,
        sides: &EntryPair,
        part: &Option<FilePart>,
        flagged: &mut FlaggedRecords,
    ) -> Result<[bool; 2]> {
        let evaluator = self.evaluator;
        let old = sides.0.as_ref().map(|entry| files.file_side(evaluator, entry, Side::Old)).transpose()?;
        let new = sides.1.as_ref().map(|entry| files.file_side(evaluator, entry, Side::New)).transpose()?;
        let (mut met, mut fault) = ([false; 2], None);
        let each = &mut |record: RecordRef<'_>| {
            met[usize::from(record.side == Side::New)] |= !matches!(record.text, RecordText::SkippedRow(_));
            let file = if record.side == Side::Old { &old } else { &new };
            if fault.is_none() {
                let looked = evaluator.check_record(worker, file_rules, &record, file.as_ref(), flagged);
                fault = looked
                    .and_then(|most| if most < KEY_BATCH { Ok(()) } else { worker.flush_keys(&self.collectors, KEY_BATCH) })
                    .err();
            }
        };
        match (part, &new) {
            (Some(part), Some(new)) => visit_part(&evaluator.reader_config, new, part, each)?,
            _ => visit(&evaluator.reader_config, old.as_ref(), new.as_ref(), false, each)?,
        }
        fault.map_or(Ok(met), Err)
    }
}

impl Evaluator<'_> {
    pub(super) fn worker(&self) -> GateWorker<'_> {
        let rules = self.rule_set.rules().len();
        GateWorker { checker: RecordChecker::new(&self.rule_set), measures: Measures::new(rules), keys: vec![Vec::new(); rules] }
    }

    /// Looks at a record; the most keys that the worker holds of a rule then.
    pub(super) fn check_record(
        &self,
        worker: &mut GateWorker<'_>,
        file_rules: &FileRules,
        seen: &RecordRef<'_>,
        file: Option<&FileSide<'_>>,
        flagged: &mut FlaggedRecords,
    ) -> Result<usize> {
        let raw = record_hash(&seen.text);
        let (new, sign) = if seen.side == Side::New { (true, 1) } else { (false, -1) };
        let GateWorker { checker: judge, measures, keys } = worker;
        let mut suspect = false;
        let mut most = 0;
        self.with_rule_input(seen, file.filter(|_| !file_rules.records.is_empty()), &mut |record| {
            judge.check(file_rules, record, measures, sign, &mut |told| match told {
                RuleOutput::Finding { rule, .. } => {
                    suspect |= new;
                    *flagged.counts.entry(slot(rule, false)).or_default() += u64::from(new);
                }
                RuleOutput::Unreadable { rule, .. } => {
                    suspect |= new;
                    *flagged.counts.entry(slot(rule, true)).or_default() += u64::from(new);
                }
                RuleOutput::Key { rule, key, split } => {
                    keys[rule].push(KeyTold { key, raw, split: split as u8, sign: sign as i8 });
                    most = most.max(keys[rule].len());
                }
            });
        })?;
        if suspect {
            flagged.push(raw);
        }
        Ok(most)
    }

    /// Returns true if a file that should have records, and is not itself the record, has none. One that was not counted is
    /// read, since records that both sides share were not visited.
    fn lacks_records<S>(&self, files: &FileSet<'_, S>, entry: &Entry, side: Side) -> Result<bool> {
        if matches!(self.reader_config.spec_for(entry.path.as_str()).format, RecordFormat::Whole | RecordFormat::None) {
            return Ok(false);
        }
        if let Some(samples) = &entry.samples {
            return Ok(samples.count == 0);
        }
        let mut none = true;
        visit(&self.reader_config, None, Some(&files.file_side(self, entry, side)?), false, &mut |record| {
            none &= matches!(record.text, RecordText::SkippedRow(_));
        })?;
        Ok(none)
    }

    /// Shows a record as rules see it. Of a file that is the record, `file_side` is where its text is read, if it is needed.
    pub(super) fn with_rule_input(
        &self,
        record: &RecordRef<'_>,
        file: Option<&FileSide<'_>>,
        show: &mut dyn FnMut(&RuleInput<'_>),
    ) -> Result<()> {
        let text;
        let body = match &record.text {
            RecordText::Json(bytes) => RecordBody::Json(bytes),
            RecordText::Fields { row, syntax, header, wrong } => {
                RecordBody::Fields { row, syntax: *syntax, header: *header, wrong: *wrong }
            }
            RecordText::SkippedRow(row) => RecordBody::SkippedRow(row),
            RecordText::Excess(words) => RecordBody::Broken(words),
            RecordText::Row(row) => RecordBody::Row(row),
            RecordText::File { issue: Some(FileIssue::Damaged { cause, .. }), .. } => RecordBody::Broken(cause),
            RecordText::File { issue: Some(FileIssue::Opaque { cause }), .. } => RecordBody::Opaque(cause),
            RecordText::File { content, .. } => match file {
                None => RecordBody::Binary(BinaryFile { content, why: NO_TEXT }),
                Some(file) => {
                    if !is_text(file.path, &file.text(PROBE)?) {
                        RecordBody::Binary(BinaryFile { content, why: NO_TEXT })
                    } else {
                        text = file.text(MAX_TEXT + 1)?;
                        if text.len() > MAX_TEXT {
                            RecordBody::Binary(BinaryFile { content, why: TOO_LONG })
                        } else {
                            RecordBody::Text(&text)
                        }
                    }
                }
            },
        };
        let line = match &record.text {
            RecordText::File { issue, .. } => issue.map_or(1, FileIssue::line),
            _ => record.line,
        };
        show(&RuleInput { line, body });
        Ok(())
    }
}

impl GateWorker<'_> {
    pub(super) fn take_measures(&mut self) -> Measures {
        let none = Measures::new(self.keys.len());
        std::mem::replace(&mut self.measures, none)
    }

    /// Hands on the keys of every rule that has so many.
    pub(super) fn flush_keys(&mut self, collectors: &KeyCollectors, least: usize) -> Result<()> {
        for (keys, gathering) in self.keys.iter_mut().zip(collectors) {
            if let Some(gathering) = gathering.as_ref().filter(|_| keys.len() >= least) {
                gathering.lock().unwrap_or_else(PoisonError::into_inner).add(keys)?;
                keys.clear();
            }
        }
        Ok(())
    }
}

/// The hash that stands for the record of a file without records.
pub(super) const EMPTY_FILE_HASH: u64 = 0;

/// Returns true if a file that is its own sample is text: by the ending of its name, or since no zero byte stands at its
/// start; not where that start is of an archive, a packing, an image.
fn is_text(path: &str, start: &[u8]) -> bool {
    const ENDINGS: [&str; 9] = [".txt", ".md", ".rst", ".html", ".htm", ".xml", ".tex", ".yaml", ".yml"];
    let name = path.to_ascii_lowercase();
    let name =
        name.rsplit_once('.').filter(|(_, ending)| Compression::of_ending(ending).is_some()).map_or(&name[..], |(stem, _)| stem);
    !is_of_another_kind(start) && (ENDINGS.iter().any(|ending| name.ends_with(ending)) || !start.contains(&0))
}
