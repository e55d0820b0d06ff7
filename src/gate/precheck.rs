//! Checking records while a commit compares them, so that they need not be read a second time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::evaluator::Evaluator;
use super::flagged::FlaggedRecords;
use super::measures::Measures;
use super::rule_set::FileRules;
use super::worker::{GateWorker, KeyCollectors};
use crate::diff::{RecordRef, RecordText};
use crate::error::{Error, Result};

/// Keys of one rule that are kept of a file while it is compared. A file with more differences is checked afterwards.
const MAX_PRECHECKED_KEYS: usize = if cfg!(test) { 64 } else { 256 << 10 };
/// Bytes that are kept of prechecked files. Those beyond it are checked afterwards.
const MAX_PRECHECKED_BYTES: usize = if cfg!(test) { 2 << 10 } else { 64 << 20 };

/// A file that was checked while it was compared.
pub(super) struct PrecheckedFile {
    pub measures: Measures,
    pub flagged: FlaggedRecords,
}

/// The files that were checked while they were compared, by path: as many as fit into [`MAX_PRECHECKED_BYTES`] bytes.
#[derive(Default)]
pub(super) struct PrecheckedFiles {
    files: HashMap<String, PrecheckedFile>,
    bytes: usize,
    /// The first error of a check.
    error: Option<Error>,
}

impl PrecheckedFiles {
    /// Adds a file; returns false where there is no room for it.
    fn insert(&mut self, path: &str, mut file: PrecheckedFile) -> bool {
        file.flagged.hashes.shrink_to_fit();
        let bytes = path.len() + size_of::<(String, PrecheckedFile)>() + file.measures.heap_size() + file.flagged.heap_size();
        let fits = self.bytes + bytes <= MAX_PRECHECKED_BYTES;
        if fits {
            self.bytes += bytes;
            self.files.insert(path.to_owned(), file);
        }
        fits
    }

    /// Removes a file and returns its results.
    pub fn remove(&mut self, path: &str) -> Option<PrecheckedFile> {
        self.files.remove(path)
    }

    /// Fails with the first error of a check.
    pub fn check(&mut self) -> Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }
}

/// The check of one file while its records are compared. Its results count once [`FilePrecheck::finish`] is called.
pub struct FilePrecheck<'e> {
    file_rules: FileRules,
    path: String,
    worker: GateWorker<'e>,
    flagged: FlaggedRecords,
    /// True after an error, and if the file has too many keys or is itself a record: it is checked afterwards.
    is_void: bool,
    files: &'e Mutex<PrecheckedFiles>,
    collectors: &'e KeyCollectors,
}

impl<'e> FilePrecheck<'e> {
    /// Returns a check for the records of a file, if any rule checks them. The results go to `files` and `collectors`.
    pub(super) fn new(
        evaluator: &'e Evaluator<'_>,
        path: &str,
        files: &'e Mutex<PrecheckedFiles>,
        collectors: &'e KeyCollectors,
    ) -> Option<FilePrecheck<'e>> {
        let file_rules = evaluator.rule_set.rules_for(path);
        file_rules.checks_records().then(|| FilePrecheck {
            file_rules,
            path: path.to_owned(),
            worker: GateWorker::new(evaluator),
            flagged: FlaggedRecords::default(),
            is_void: false,
            files,
            collectors,
        })
    }

    /// Checks a record that differs. A file that is itself a record has to be read, which is done afterwards.
    pub fn record(&mut self, record: &RecordRef<'_>) {
        self.is_void |= matches!(record.text, RecordText::File { .. });
        if self.is_void {
            return;
        }
        match self.worker.check_record(&self.file_rules, record, None, &mut self.flagged) {
            Ok(most) => self.is_void = most > MAX_PRECHECKED_KEYS,
            Err(e) => {
                self.is_void = true;
                self.keep_error(e);
            }
        }
    }

    /// Keeps the results, after all records of the file were compared without an error.
    pub fn finish(mut self) {
        if self.is_void {
            return;
        }
        self.flagged.sort();
        let file = PrecheckedFile { measures: self.worker.take_measures(), flagged: std::mem::take(&mut self.flagged) };
        let is_kept = self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(&self.path, file);
        if is_kept && let Err(e) = self.worker.flush_keys(self.collectors, 1) {
            self.keep_error(e);
        }
    }

    fn keep_error(&self, error: Error) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).error.get_or_insert(error);
    }
}
