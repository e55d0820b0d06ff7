//! The index tables of a remote: where each of its objects is.
//!
//! A table covers some packs and is a few MiB long. Tables are kept in `.helox/remotes` by their names, which say their
//! content, so that each is read once.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::id::Id;
use crate::limits;
use crate::object::Key;
use crate::pack::index::{IndexRow, IndexTable};
use crate::pack::merged::{self, IndexTables};
use crate::progress::Progress;
use crate::remote::cache::RemoteCache;
use crate::remote::files::DAMAGED;
use crate::remote::record::RemoteTable;
use crate::remote::{Remote, workers};

/// Rows of a table, after which another one begins: 3.5 MiB.
pub(super) const ROWS: usize = 1 << 16;
/// Bytes of a table that takes the place of shorter ones.
pub(super) const MERGED: u64 = 4 << 20;

/// The index tables of a remote that are here.
#[derive(Debug, Default)]
pub struct RemoteTables {
    tables: IndexTables,
}

impl RemoteTables {
    /// Reads the tables that are not here yet, and removes those that the remote has no more.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` for a table that does not match its name.
    pub fn open(
        cache: &RemoteCache,
        remote: &dyn Remote,
        wanted: &BTreeSet<RemoteTable>,
        progress: &dyn Progress,
    ) -> Result<RemoteTables> {
        let folder = cache.tables();
        atomic::ensure_folder(&folder)?;
        let known: BTreeSet<String> = wanted.iter().map(RemoteTable::file).collect();
        let mut present = BTreeSet::new();
        for path in merged::files(&folder) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // A damaged one is read again.
            if known.contains(name) && IndexTable::open(&path).is_ok_and(|table| table.is_intact()) {
                present.insert(name.to_owned());
            } else {
                atomic::remove_file(&path)?;
            }
        }
        let absent = wanted.iter().filter(|table| !present.contains(&table.file()));
        workers::each(absent, progress, |table| read_table(cache, remote, table))?;
        Ok(RemoteTables { tables: IndexTables::load(&folder)? })
    }

    /// Returns the places of an object, the shallowest first.
    pub fn find(&self, key: &Key) -> Vec<IndexRow> {
        self.tables.find(key)
    }

    /// Returns true if the remote has an object.
    pub fn contains(&self, key: &Key) -> bool {
        self.tables.contains(key)
    }
}

fn read_table(cache: &RemoteCache, remote: &dyn Remote, table: &RemoteTable) -> Result<()> {
    let name = table.name();
    let damaged = |reason| Error::damaged(format!("{name} of the remote {reason}")).with_hint(DAMAGED);
    if table.len > limits::REMOTE_TABLE {
        return Err(damaged("is too long"));
    }
    let bytes = remote.read(&name, table.len)?.ok_or_else(|| damaged("is missing"))?;
    if Id::of(&bytes) != table.id {
        return Err(damaged("does not match its name"));
    }
    cache.keep_table(table, &bytes)
}
