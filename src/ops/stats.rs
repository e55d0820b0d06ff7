//! `hlx stats`: what the store holds and what it costs.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::object::ObjectKind;
use crate::ops::{DamageList, damage};
use crate::repo::Repo;

/// The store in numbers.
#[derive(Clone, Debug, Serialize)]
pub struct StatsReport {
    /// Versions of all datasets.
    pub versions: u64,
    /// Files of all versions, each version counted by itself.
    pub files: u64,
    /// Bytes of those files.
    pub logical_bytes: u64,
    /// Bytes of the chunks, each counted once.
    pub unique_bytes: u64,
    /// Bytes of the store less what is derived or temporary.
    pub stored_bytes: u64,
    /// Chunks, each counted once.
    pub chunks: u64,
    /// Packs of data and of structure.
    pub packs: u64,
    /// Bytes of what is derived: tables, stat caches, the catalog.
    pub derived_bytes: u64,
    /// Bytes of temporary files: of commands that run, and of those that were interrupted.
    pub temporary_bytes: u64,
    /// The errors of versions and packs that cannot be read and are not counted.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// Measures the store.
///
/// # Errors
/// `ErrorKind::Io`. Versions and packs that cannot be read are listed in the report.
pub fn run(repo: &Repo) -> Result<StatsReport> {
    let store = repo.store();
    let unread = store.refresh()?;
    let (mut versions, mut files, mut logical_bytes, mut damaged) = (0, 0, 0u64, DamageList::default());
    damage::versions(repo, None, &mut damaged, |_, version| {
        versions += 1;
        files += version.statistics.files;
        logical_bytes = logical_bytes.saturating_add(version.statistics.bytes);
        Ok(())
    })?;
    unread.iter().for_each(|e| damaged.push(e));
    let tables = store.tables();
    let (mut chunks, mut unique_bytes) = (0, 0);
    for row in tables.rows().filter(|row| row.key.kind == ObjectKind::Chunk) {
        // A chunk that lies in several places counts at the first.
        if tables.find(&row.key).first() == Some(&row) {
            chunks += 1;
            unique_bytes += u64::from(row.raw_len);
        }
    }
    let layout = store.layout();
    let derived = [layout.index(), layout.catalog(), layout.root().join("workspace")];
    let derived_bytes = derived.iter().map(|path| size(path)).sum::<Result<u64>>()?;
    let temporary_bytes = size(&layout.tmp())?.saturating_sub(own_size(&layout.tmp()));
    let stored_bytes = size(layout.root())?.saturating_sub(derived_bytes + temporary_bytes);
    Ok(StatsReport {
        versions,
        files,
        logical_bytes,
        unique_bytes,
        stored_bytes,
        chunks,
        packs: store.packs()?.len() as u64,
        derived_bytes,
        temporary_bytes,
        damaged,
    })
}

/// Returns the length of a folder without its files.
fn own_size(folder: &Path) -> u64 {
    fs::symlink_metadata(folder).map_or(0, |meta| meta.len())
}

/// Returns the size of a folder as `du -sb` prints it: the lengths of its files and folders.
fn size(path: &Path) -> Result<u64> {
    let fail = |e| Error::io("cannot read", path, e);
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(fail(e)),
    };
    let mut bytes = meta.len();
    if meta.is_dir() {
        for entry in fs::read_dir(path).map_err(fail)? {
            bytes += size(&entry.map_err(fail)?.path())?;
        }
    }
    Ok(bytes)
}
