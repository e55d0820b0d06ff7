//! The folder `.helox/remotes/NAME`: what this copy of the repository knows of a remote. All of it is derived.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::fs::atomic::{self, TempFile};
use crate::id::{Id, Pack};
use crate::pack::index::IndexTable;
use crate::remote::history::PushHistory;
use crate::remote::record::RemoteTable;

/// The folder of a remote in a store.
#[derive(Clone, Debug)]
pub struct RemoteCache {
    folder: PathBuf,
    tmp: PathBuf,
    url: String,
}

impl RemoteCache {
    /// Returns the cache of the remote at `url` in a folder; `tmp` is for files that have no name yet.
    pub fn new(folder: PathBuf, tmp: PathBuf, url: String) -> RemoteCache {
        RemoteCache { folder, tmp, url }
    }

    /// Returns the folder of its index tables.
    pub fn tables(&self) -> PathBuf {
        self.folder.join("index")
    }

    /// Returns the folder of a store of packs that are made for a push.
    pub fn staging(&self) -> PathBuf {
        self.folder.join("staging")
    }

    /// Keeps a table that was sent or read. It need not be durable, since it is checked before it is used.
    ///
    /// # Errors
    /// If the disk cannot be written.
    pub fn keep_table(&self, table: &RemoteTable, bytes: &[u8]) -> Result<()> {
        let folder = self.tables();
        atomic::ensure_folder(&folder)?;
        let mut file = TempFile::create(&self.tmp)?;
        file.write_all(bytes).map_err(|e| Error::io("cannot write", file.path(), e))?;
        file.rename(&folder.join(table.file()))
    }

    /// Returns a table that was kept.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if it is missing or damaged.
    pub fn table(&self, table: &RemoteTable) -> Result<IndexTable> {
        IndexTable::open(&self.tables().join(table.file()))
    }

    /// Returns the packs that a push sent and did not record, as far as is known.
    pub fn unfinished(&self) -> BTreeSet<Id<Pack>> {
        let bytes = atomic::read(&self.folder.join("unfinished")).ok().flatten().unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() != Some(&*self.url) { BTreeSet::new() } else { lines.filter_map(Id::from_hex).collect() }
    }

    /// Keeps the packs that a push has sent. It may fail: then they are sent again.
    pub fn keep_unfinished(&self, packs: &BTreeSet<Id<Pack>>) {
        let text: String = packs.iter().map(|id| format!("{id}\n")).collect();
        let _ = atomic::ensure_folder(&self.folder);
        let _ = atomic::replace(&self.tmp, &self.folder.join("unfinished"), format!("{}\n{text}", self.url).as_bytes());
    }

    /// Returns true if the remote is known to create a file only where none exists.
    pub fn is_probed(&self) -> bool {
        let text = atomic::read(&self.folder.join("probed")).ok().flatten();
        text.is_some_and(|text| text == self.url.as_bytes())
    }

    /// Keeps that the remote creates a file only where none exists. It may fail: then it is tried again.
    pub fn keep_probed(&self) {
        let _ = atomic::ensure_folder(&self.folder);
        let _ = atomic::replace(&self.tmp, &self.folder.join("probed"), self.url.as_bytes());
    }

    /// Returns the pushes that are known.
    pub fn history(&self) -> PushHistory {
        PushHistory::load(&self.folder.join("pushes"), &self.url)
    }

    /// Keeps the pushes that are known. It may fail, since they can be read again.
    pub fn keep(&self, history: &PushHistory) {
        let _ = atomic::ensure_folder(&self.folder);
        let _ = history.save(&self.tmp, &self.folder.join("pushes"), &self.url);
    }
}
