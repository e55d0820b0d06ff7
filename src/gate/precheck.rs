//! Checking records while a commit compares them, so that they need not be read a second time.

use std::collections::HashMap;
use std::sync::PoisonError;

use crate::diff::{RecordRef, RecordText};
use crate::error::Error;
use crate::gate::evaluation::Evaluation;
use crate::gate::first_pass::{FlaggedRecords, GateWorker};
use crate::gate::{FileRules, Measures};

/// Keys of one rule that are held of a file while it is compared. One with more differences is looked at afterwards.
const MAX_PRECHECKED_KEYS: usize = if cfg!(test) { 64 } else { 256 << 10 };
/// Bytes that are held of files that were looked at while they were compared. Those beyond it are looked at afterwards.
const MAX_PRECHECKED_BYTES: usize = if cfg!(test) { 2 << 10 } else { 64 << 20 };

/// A file that was checked while it was compared.
pub(super) struct PrecheckedFile {
    pub measures: Measures,
    pub flagged: FlaggedRecords,
}

/// The files that were looked at while they were compared, by path: as many as fit into [`MAX_PRECHECKED_BYTES`] bytes.
#[derive(Default)]
pub(super) struct PrecheckedFiles {
    files: HashMap<String, PrecheckedFile>,
    bytes: usize,
}

impl PrecheckedFiles {
    /// Adds a file; returns false where there is no room for it.
    fn insert(&mut self, path: &str, mut watched: PrecheckedFile) -> bool {
        watched.flagged.hashes.shrink_to_fit();
        let bytes =
            path.len() + size_of::<(String, PrecheckedFile)>() + watched.measures.heap_size() + watched.flagged.heap_size();
        let fits = self.bytes + bytes <= MAX_PRECHECKED_BYTES;
        if fits {
            self.bytes += bytes;
            self.files.insert(path.to_owned(), watched);
        }
        fits
    }

    pub fn remove(&mut self, path: &str) -> Option<PrecheckedFile> {
        self.files.remove(path)
    }
}

/// The check of one file while its records are compared. Its results count once [`FilePrecheck::finish`] is called.
pub struct FilePrecheck<'e> {
    evaluation: &'e Evaluation<'e>,
    path: String,
    file_rules: FileRules,
    worker: GateWorker<'e>,
    flagged: FlaggedRecords,
    /// True after an error, and if the file has too many keys or is itself a record: it is checked afterwards.
    is_void: bool,
}

impl<'e> Evaluation<'e> {
    /// Returns a check for the records of a file, if only those that differ from the parent are checked and any rule checks
    /// records of the file.
    pub fn precheck(&'e self, path: &str) -> Option<FilePrecheck<'e>> {
        let file_rules = self.evaluator.rule_set.rules_for(path);
        (self.before.is_some() && file_rules.checks_records()).then(|| FilePrecheck {
            evaluation: self,
            path: path.to_owned(),
            file_rules,
            worker: self.evaluator.worker(),
            flagged: FlaggedRecords::default(),
            is_void: false,
        })
    }

    fn keep_error(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

impl FilePrecheck<'_> {
    /// Checks a record that differs. A file that is itself a record has to be read, which is done afterwards.
    pub fn record(&mut self, record: &RecordRef<'_>) {
        self.is_void |= matches!(record.text, RecordText::File { .. });
        if self.is_void {
            return;
        }
        let evaluator = self.evaluation.evaluator;
        match evaluator.check_record(&mut self.worker, &self.file_rules, record, None, &mut self.flagged) {
            Ok(most) => self.is_void = most > MAX_PRECHECKED_KEYS,
            Err(e) => {
                self.is_void = true;
                self.evaluation.keep_error(e);
            }
        }
    }

    /// Keeps the results, after all records of the file were compared without an error.
    pub fn finish(mut self) {
        if self.is_void {
            return;
        }
        self.flagged.sort();
        let file = PrecheckedFile { measures: self.worker.take_measures(), flagged: self.flagged };
        let is_kept = self.evaluation.prechecked.lock().unwrap_or_else(PoisonError::into_inner).insert(&self.path, file);
        if is_kept && let Err(e) = self.worker.flush_keys(&self.evaluation.collectors, 1) {
            self.evaluation.keep_error(e);
        }
    }
}
