//! The stat cache: what the file system said of each file when its content was last known. Specified in
//! `docs/formats/workspace.md`.
//!
//! Derived: without it, or with a damaged one, files are read again. It is read and written in the order of the paths, a
//! block at a time, so that a million files need no memory.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use bincode::config::{Configuration, standard};
use bincode::{Decode, Encode};

use crate::clock;
use crate::error::{Error, Result};
use crate::fs::atomic::{self, TempFile};
use crate::fs::boot::boot;
use crate::fs::openat::{FileKind, Root, Stat};
use crate::id::Id;
use crate::object::node::{Entry, EntryKind, SampleCount};
use crate::path::DataPath;
use crate::sample::ReaderId;
use crate::store::Layout;

/// The first bytes of a cache.
const BEGIN: [u8; 8] = *b"HLXSTAT3";
/// Rows of a block.
const ROWS: usize = 512;
/// No block is longer.
const MAX_BLOCK: u32 = 64 << 20;
/// The least age of a stamp, relative to its recording, that tells later changes: some ticks of the kernel's clock.
const TICK: i128 = 20_000_000;
/// The least age on file systems that store whole or even seconds only.
const COARSE_TICK: i128 = 2_500_000_000;
/// The age of a stamp from which on the bytes of the file are on the disk too: Linux writes them back after some 35 s, and
/// waits no longer than that for the stamp either.
const WRITE_BACK: i128 = 120_000_000_000;

/// A file as it was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheEntry {
    /// The entry as it was recorded.
    pub entry: Entry,
    /// The stat data of the file.
    pub stat: Stat,
    /// True if the stamps were old enough to tell later changes.
    pub trusted: bool,
    /// True if the content is in the store.
    pub stored: bool,
    /// The boot of the machine in which the file was last changed, while its bytes may not be on the disk; 0 once they are.
    /// A power cut can leave the new stamps with the old bytes.
    pub boot: u64,
}

impl CacheEntry {
    /// Returns the row of a file that was read after `began` (nanoseconds since 1970).
    pub fn read(entry: Entry, stat: Stat, stored: bool, began: i128) -> CacheEntry {
        let trusted = settled_at(&stat) < began;
        let boot = if is_written_back(&stat, began) { 0 } else { boot() };
        CacheEntry { entry, stat, trusted, stored, boot }
    }

    /// Returns the row of a file that was written just now. Whoever records it syncs it, and waits until its stamps have
    /// settled, so that later changes show.
    pub fn written(entry: Entry, stat: Stat) -> CacheEntry {
        CacheEntry { entry, stat, trusted: !is_coarse(&stat), stored: true, boot: 0 }
    }

    /// Returns true if a file with this stat data still has the content of the entry.
    pub fn is_current(&self, stat: &Stat) -> bool {
        self.trusted && self.stat == *stat && (self.boot == 0 || self.boot == boot())
    }
}

/// From when on, in nanoseconds since 1970, every change of the file gives it other stamps.
pub fn settled_at(stat: &Stat) -> i128 {
    i128::from(stat.mtime.max(stat.ctime)) + if is_coarse(stat) { COARSE_TICK } else { TICK }
}

/// Returns true if the bytes of a file with this stat data are on the disk at a time in nanoseconds since 1970.
fn is_written_back(stat: &Stat, now: i128) -> bool {
    i128::from(stat.mtime.max(stat.ctime)) + WRITE_BACK < now
}

fn is_coarse(stat: &Stat) -> bool {
    stat.mtime % 1_000_000_000 == 0 && stat.ctime % 1_000_000_000 == 0
}

/// Returns what a file of a workspace is in a version. Where the file system keeps no permission bits it is executable if
/// it is so in the version `before`.
pub fn kind_within(root: &Root, kind: EntryKind, before: Option<EntryKind>) -> EntryKind {
    let known = before.filter(|before| before.is_file()).unwrap_or(EntryKind::File);
    if kind.is_file() && kind != known && !root.keeps_modes() { known } else { kind }
}

fn file_kind(kind: EntryKind) -> FileKind {
    match kind {
        EntryKind::File => FileKind::File,
        EntryKind::Executable => FileKind::Executable,
        EntryKind::Symlink => FileKind::Symlink,
        EntryKind::Folder => FileKind::Folder,
    }
}

/// A row as bincode writes it.
#[derive(Debug, Encode, Decode)]
struct StoredEntry {
    path: String,
    kind: u8,
    size: u64,
    mtime: i64,
    ctime: i64,
    inode: u64,
    content: [u8; 32],
    samples: Option<(u64, u64, Option<String>)>,
    trusted: bool,
    stored: bool,
    boot: u64,
}

impl StoredEntry {
    /// Returns a row as it is recorded at a time in nanoseconds since 1970.
    fn of(row: &CacheEntry, now: i128) -> StoredEntry {
        StoredEntry {
            path: row.entry.path.as_str().to_owned(),
            kind: row.entry.kind as u8,
            size: row.entry.size,
            mtime: row.stat.mtime,
            ctime: row.stat.ctime,
            inode: row.stat.inode,
            content: *row.entry.content.as_bytes(),
            samples: row.entry.samples.as_ref().map(|s| (s.count, s.reader.code, s.reader.records.as_deref().map(str::to_owned))),
            trusted: row.trusted,
            stored: row.stored,
            boot: if is_written_back(&row.stat, now) && row.boot == boot() { 0 } else { row.boot },
        }
    }

    fn row(self) -> Option<CacheEntry> {
        let kind = [EntryKind::File, EntryKind::Executable, EntryKind::Symlink, EntryKind::Folder]
            .into_iter()
            .find(|k| *k as u8 == self.kind)?;
        let stat = Stat { kind: file_kind(kind), size: self.size, mtime: self.mtime, ctime: self.ctime, inode: self.inode };
        let entry = Entry {
            path: DataPath::new(&self.path).ok()?,
            kind,
            // A folder's length is no property of the entry.
            size: if kind == EntryKind::Folder { 0 } else { self.size },
            samples: self.samples.map(|(count, code, records)| {
                let reader = ReaderId { code, records: records.map(Into::into) };
                SampleCount { count, reader }
            }),
            content: Id::from_bytes(self.content),
        };
        Some(CacheEntry { entry, stat, trusted: self.trusted, stored: self.stored, boot: self.boot })
    }
}

fn config() -> Configuration {
    standard()
}

/// Returns the path of the cache of a dataset's workspace.
pub fn path(layout: &Layout, dataset: &str) -> PathBuf {
    layout.workspace(dataset).join("stat.cache")
}

/// Reads the rows in order. Ends early at damage: what follows is then read from the files again.
#[derive(Debug)]
pub struct CacheReader {
    file: Option<BufReader<File>>,
    rows: std::vec::IntoIter<CacheEntry>,
}

impl CacheReader {
    /// Opens a cache; an absent or damaged one has no rows.
    pub fn open(path: &Path) -> CacheReader {
        let open = || -> Option<BufReader<File>> {
            let mut file = BufReader::with_capacity(256 << 10, atomic::open(path).ok()?);
            let mut begin = [0; BEGIN.len()];
            file.read_exact(&mut begin).ok()?;
            (begin == BEGIN).then_some(file)
        };
        CacheReader { file: open(), rows: Vec::new().into_iter() }
    }

    fn block(&mut self) -> Option<Vec<CacheEntry>> {
        block(self.file.as_mut()?)
    }
}

/// Reads the next block; `None` at the end, and for one that is damaged.
fn block(file: &mut impl Read) -> Option<Vec<CacheEntry>> {
    let mut head = [0; 36];
    file.read_exact(&mut head).ok()?;
    let (len, check) = head.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len);
    if len > MAX_BLOCK {
        return None;
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact(&mut bytes).ok()?;
    if blake3::hash(&bytes) != *check.first_chunk::<32>()? {
        return None;
    }
    let (rows, _): (Vec<StoredEntry>, usize) = bincode::decode_from_slice(&bytes, config()).ok()?;
    rows.into_iter().map(StoredEntry::row).collect()
}

/// Checks a cache. One that does not exist, or is of another hlx, has no rows and is no damage.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) if a block does not match its hash.
pub fn check(path: &Path) -> Result<()> {
    let fail = |e| Error::io("cannot read", path, e);
    let mut file = match atomic::open(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        file => BufReader::new(file.map_err(fail)?),
    };
    let mut begin = Vec::new();
    file.by_ref().take(BEGIN.len() as u64).read_to_end(&mut begin).map_err(fail)?;
    if begin.len() == BEGIN.len() && begin[..7] == BEGIN[..7] && begin != BEGIN {
        return Ok(());
    }
    let mut is_intact = begin == BEGIN;
    while is_intact && !file.fill_buf().map_err(fail)?.is_empty() {
        is_intact = block(&mut file).is_some();
    }
    let damaged = || Error::damaged(format!("{} does not match its checksums", path.display()));
    is_intact.then_some(()).ok_or_else(damaged)
}

impl Iterator for CacheReader {
    type Item = CacheEntry;

    fn next(&mut self) -> Option<CacheEntry> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(row);
            }
            match self.block() {
                Some(rows) => self.rows = rows.into_iter(),
                None => {
                    self.file = None;
                    return None;
                }
            }
        }
    }
}

/// Writes a cache beside the old one and then puts it in its place.
#[derive(Debug)]
pub struct CacheWriter {
    out: BufWriter<TempFile>,
    rows: Vec<StoredEntry>,
    to: PathBuf,
    /// The time at which it was begun, in nanoseconds since 1970.
    began: i128,
}

impl CacheWriter {
    /// Begins a cache for a dataset's workspace.
    pub fn create(layout: &Layout, dataset: &str) -> Result<CacheWriter> {
        let mut out = BufWriter::with_capacity(256 << 10, TempFile::create(&layout.tmp())?);
        let to = path(layout, dataset);
        out.write_all(&BEGIN).map_err(|e| Error::io("cannot write", &to, e))?;
        Ok(CacheWriter { out, rows: Vec::with_capacity(ROWS), to, began: clock::nanos_now() })
    }

    /// Adds the next row; rows come in the order of their paths.
    pub fn push(&mut self, row: &CacheEntry) -> Result<()> {
        self.rows.push(StoredEntry::of(row, self.began));
        if self.rows.len() >= ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let encoded = bincode::encode_to_vec(&self.rows, config()).map_err(|e| Error::damaged(e.to_string()))?;
        self.rows.clear();
        let mut write = || -> std::io::Result<()> {
            self.out.write_all(&(encoded.len() as u32).to_le_bytes())?;
            self.out.write_all(blake3::hash(&encoded).as_bytes())?;
            self.out.write_all(&encoded)
        };
        write().map_err(|e| Error::io("cannot write", &self.to, e))
    }

    /// Puts the cache in place. It is not synced: a torn one is noticed and costs only time.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        let to = self.to;
        let temp = self.out.into_inner().map_err(|e| Error::io("cannot write", &to, e.into_error()))?;
        temp.rename(&to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: usize) -> CacheEntry {
        let path = DataPath::new(&format!("d/{n:06}")).unwrap();
        let entry = Entry { path, kind: EntryKind::File, size: 7, samples: None, content: Id::of(&n.to_le_bytes()) };
        let stat = Stat { kind: FileKind::File, size: 7, mtime: 1_000, ctime: 2_000, inode: n as u64 };
        CacheEntry::read(entry, stat, true, 1_000_000_000_000)
    }

    fn written(n: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        std::fs::create_dir_all(layout.workspace("a")).unwrap();
        std::fs::create_dir_all(layout.tmp()).unwrap();
        let mut writer = CacheWriter::create(&layout, "a").unwrap();
        (0..n).for_each(|n| writer.push(&row(n)).unwrap());
        writer.finish().unwrap();
        let path = path(&layout, "a");
        (dir, path)
    }

    #[test]
    fn rows_come_back_in_order() {
        for n in [0, 1, 511, 512, 2_000] {
            let (_dir, path) = written(n);
            assert_eq!(CacheReader::open(&path).collect::<Vec<_>>(), (0..n).map(row).collect::<Vec<_>>());
        }
    }

    #[test]
    fn damage_ends_the_rows_and_is_never_believed() {
        let (_dir, path) = written(2_000);
        let good = std::fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(997) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, &bad).unwrap();
            assert!(CacheReader::open(&path).enumerate().all(|(n, r)| r == row(n)), "byte {at}");
            std::fs::write(&path, &good[..at]).unwrap();
            assert!(CacheReader::open(&path).enumerate().all(|(n, r)| r == row(n)), "cut at {at}");
        }
    }

    #[test]
    fn young_stamps_do_not_vouch() {
        let old = row(1);
        assert!(old.is_current(&old.stat));
        assert!(!old.is_current(&Stat { ctime: 2_001, ..old.stat }));
        let stat = Stat { mtime: 5, ctime: 9_999_999_999, ..old.stat };
        let young = CacheEntry::read(old.entry.clone(), stat, true, 10_000_000_000);
        assert!(!young.is_current(&stat));
        let coarse = Stat { mtime: 8_000_000_000, ctime: 8_000_000_000, ..old.stat };
        assert!(!CacheEntry::read(old.entry, coarse, true, 10_000_000_000).trusted);
    }

    #[test]
    fn a_file_that_changed_shortly_before_another_boot_is_read_again() {
        let stat = row(1).stat;
        let began = i128::from(stat.ctime) + 60_000_000_000;
        let young = CacheEntry::read(row(1).entry, stat, true, began);
        assert!(young.is_current(&stat), "in the same boot");
        let rebooted = CacheEntry { boot: boot() ^ 1, ..young.clone() };
        assert!(!rebooted.is_current(&stat));
        assert_eq!(StoredEntry::of(&rebooted, began + WRITE_BACK).boot, rebooted.boot, "its bytes may be lost");
        let later = StoredEntry::of(&young, began + WRITE_BACK).row().unwrap();
        assert_eq!(later.boot, 0, "its bytes were written back since");
        assert_eq!(CacheEntry::read(row(1).entry, stat, true, began + WRITE_BACK).boot, 0);
    }
}
