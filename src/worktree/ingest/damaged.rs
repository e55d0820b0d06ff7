//! The files of the parent that a commit cannot read.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Error;
use crate::object::node::Entry;

/// Files of the parent that were found damaged, by path, with their records, where these were counted, and the error. What
/// is ingested while one is found is void: it begins anew, without the old sides of these files.
#[derive(Debug, Default)]
pub struct DamagedFiles(Mutex<BTreeMap<String, DamagedFile>>);

/// A file of the parent that cannot be read.
#[derive(Debug)]
pub struct DamagedFile {
    /// The records that it was counted to have.
    pub records: Option<u64>,
    /// The reason that it cannot be read.
    pub error: Error,
}

impl DamagedFiles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, DamagedFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a file; `old` is its entry in the parent.
    pub(super) fn add(&self, path: &str, old: Option<&Entry>, error: Error) {
        let records = old.and_then(|old| old.samples.as_ref()).map(|samples| samples.count);
        self.lock().entry(path.to_owned()).or_insert(DamagedFile { records, error });
    }

    /// Returns true if the file of this path was found damaged.
    pub fn contains(&self, path: &str) -> bool {
        self.lock().contains_key(path)
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns them with their paths, in the order of the paths.
    pub fn into_files(self) -> BTreeMap<String, DamagedFile> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
