//! The database: the one place where sled is opened, called and closed.

use std::cell::Cell;
use std::sync::mpsc;
use std::time::Duration;

use bincode::config::{Configuration, Limit, standard};
use bincode::{BorrowDecode, Encode};

use crate::catalog::guard::{broken, fault, guarded};
use crate::catalog::seal::CatalogFolder;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Layout;

/// Bytes of pages that sled keeps.
const CACHE: u64 = 16 << 20;
/// Bytes that sled writes at a time, and the least that the database takes. A page of more than a quarter becomes a file.
/// Opening clears the rest of the last segment, so that sled's own 512 KiB would cost twice the time.
const SEGMENT: usize = 128 << 10;
/// Most time that writing out and closing the database may take.
const CLOSING: Duration = Duration::from_secs(10);
/// Most time that closing may take after an error.
const CLOSING_BROKEN: Duration = Duration::from_millis(200);
/// No row is longer. Keeps a damaged length from taking the memory.
const MAX_ROW: usize = 64 << 20;

/// The rows of the open database.
pub(super) struct Database<'a> {
    db: &'a sled::Db,
    folder: &'a CatalogFolder,
    is_written: Cell<bool>,
}

/// Asks the database, which is created where it is missing or damaged. `None` if `question` has no answer.
///
/// # Errors
/// [`ErrorKind::Conflict`] if another process has the database open. Any error of `question` counts as damage of the database,
/// which the next to come builds anew.
pub(super) fn ask<T>(layout: &Layout, question: impl FnOnce(&Database<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let folder = CatalogFolder::of(layout);
    let _lock = folder.lock()?;
    if !folder.is_sealed() {
        folder.clear()?;
    }
    run(&folder, question)
}

/// Asks an empty database in the place of the one that is there.
///
/// # Errors
/// Those of [`ask`].
pub(super) fn rebuild<T>(layout: &Layout, question: impl FnOnce(&Database<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let folder = CatalogFolder::of(layout);
    let _lock = folder.lock()?;
    folder.clear()?;
    run(&folder, question)
}

/// Asks the database as it is; `None` if it is missing, is used by another process or would be built anew.
///
/// # Errors
/// Any error of `question`, and damage of the database, which the next to come builds anew.
pub(super) fn inspect<T>(layout: &Layout, question: impl FnOnce(&Database<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let folder = CatalogFolder::of(layout);
    if !folder.path().exists() {
        return Ok(None);
    }
    if !folder.path().is_dir() {
        return Err(Error::damaged(format!("{} is not a folder", folder.path().display())));
    }
    match folder.lock() {
        Ok(_lock) if folder.is_sealed() => match open(&folder) {
            Err(e) if e.kind() == ErrorKind::Conflict => Ok(None),
            Err(e) => {
                folder.unseal()?;
                Err(e)
            }
            Ok(db) => put(&folder, db, question),
        },
        Err(e) if e.kind() != ErrorKind::Conflict && !e.is_refused_write() => Err(e),
        _ => Ok(None),
    }
}

fn run<T>(folder: &CatalogFolder, question: impl FnOnce(&Database<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let db = match open(folder) {
        Err(e) if e.kind() != ErrorKind::Conflict => {
            folder.clear()?;
            open(folder)?
        }
        db => db?,
    };
    put(folder, db, question)
}

/// Puts a question to the open database, and closes it.
fn put<T>(folder: &CatalogFolder, db: sled::Db, question: impl FnOnce(&Database<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let rows = Database { db: &db, folder, is_written: Cell::new(false) };
    let answer = guarded(|| question(&rows));
    let is_written = rows.is_written.get() && answer.is_ok();
    let closed = close(db, is_written, if answer.is_ok() { CLOSING } else { CLOSING_BROKEN });
    let answer = match closed {
        Ok(()) => answer,
        Err(e) => answer.and(Err(e)),
    };
    folder.settle();
    // If sealing fails, the next to come builds it anew; if breaking the seal does, the damage is found again.
    let _ = match answer.is_ok() {
        true if folder.is_sealed() => Ok(()),
        true => folder.seal(),
        false => folder.unseal(),
    };
    answer
}

/// Writes a database out and closes it, on a thread of its own: sled can wait for ever for bytes whose write failed. Then the
/// thread is left behind, until the process ends.
fn close(db: sled::Db, is_written: bool, patience: Duration) -> Result<()> {
    let (closed, result) = mpsc::channel();
    let close = move || {
        let flushed = guarded(|| if is_written { db.flush().map(drop).map_err(fault) } else { Ok(()) });
        let is_flushed = flushed.is_ok();
        if !is_flushed {
            let _ = closed.send(flushed);
        }
        let dropped = guarded(|| {
            drop(db);
            Ok(())
        });
        if is_flushed {
            let _ = closed.send(dropped);
        }
    };
    let fail = |reason: &str| Error::new(ErrorKind::Io, format!("cannot use the catalog: {reason}"));
    std::thread::Builder::new().name("catalog".to_owned()).spawn(close).map_err(|e| fail(&e.to_string()))?;
    result.recv_timeout(patience).unwrap_or_else(|_| Err(fail("it cannot be closed")))
}

fn open(folder: &CatalogFolder) -> Result<sled::Db> {
    let config = sled::Config::new()
        .path(folder.path())
        .cache_capacity(CACHE)
        .segment_size(SEGMENT)
        .flush_every_ms(None)
        .mode(sled::Mode::LowSpace);
    guarded(|| config.open().map_err(fault)).inspect_err(|e| {
        if e.kind() != ErrorKind::Conflict {
            folder.settle();
        }
    })
}

impl Database<'_> {
    /// Reads the row under a key, if there is one.
    pub fn get<T: for<'b> BorrowDecode<'b, ()>>(&self, key: &[u8]) -> Result<Option<T>> {
        let Some(bytes) = self.bytes(key)? else { return Ok(None) };
        match decode(&bytes)? {
            (row, []) => Ok(Some(row)),
            _ => Err(broken("a row is too long")),
        }
    }

    /// Reads the bytes under a key, if there are any.
    pub fn bytes(&self, key: &[u8]) -> Result<Option<sled::IVec>> {
        self.db.get(key).map_err(fault)
    }

    /// Returns the keys and rows that begin with a prefix, in order.
    pub fn scan(&self, prefix: &[u8]) -> impl DoubleEndedIterator<Item = Result<(sled::IVec, sled::IVec)>> {
        self.db.scan_prefix(prefix).map(|row| row.map_err(fault))
    }

    /// Writes rows, all or none, after the seal is broken.
    pub fn write(&self, batch: sled::Batch) -> Result<()> {
        if !self.is_written.replace(true) {
            self.folder.unseal()?;
        }
        self.db.apply_batch(batch).map_err(fault)
    }
}

#[cfg(test)]
impl Database<'_> {
    /// Tells if something was written.
    pub fn is_written(&self) -> bool {
        self.is_written.get()
    }
}

/// Writes a row.
pub(super) fn encode(row: &impl Encode) -> Vec<u8> {
    // Writing to memory fails only for types that the rows are not made of; an empty row is refused when it is read.
    bincode::encode_to_vec(row, standard()).unwrap_or_default()
}

/// Reads a row at the beginning of bytes. Returns the bytes after it.
pub(super) fn decode<'b, T: BorrowDecode<'b, ()>>(bytes: &'b [u8]) -> Result<(T, &'b [u8])> {
    let config: Configuration<_, _, Limit<MAX_ROW>> = standard().with_limit::<MAX_ROW>();
    let (row, read) = bincode::borrow_decode_from_slice(bytes, config).map_err(|_| broken("a row cannot be read"))?;
    Ok((row, &bytes[read..]))
}
