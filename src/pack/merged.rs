//! The tables of a store: few, since each commit adds one and small ones are merged into larger ones.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::fs::atomic::{self, TempFile};
use crate::fs::lock;
use crate::id::{Id, Pack};
use crate::object::Key;
use crate::pack::index::{IndexRow, IndexTable, TableWriter};

/// More tables than this are merged.
const MAX_TABLES: usize = 8;
/// The extension of table files.
const EXTENSION: &str = "table";

/// A set of tables that are asked together.
#[derive(Debug, Default)]
pub struct IndexTables {
    tables: Vec<Arc<IndexTable>>,
}

impl IndexTables {
    /// Maps every sound table in the folder. Damaged ones are left out: the packs that they cover count as uncovered.
    pub fn load(folder: &Path) -> Result<IndexTables> {
        'again: loop {
            let mut tables = Vec::new();
            for path in files(folder) {
                match IndexTable::open(&path) {
                    Ok(table) => tables.push(Arc::new(table)),
                    // Merged into another and removed since the folder was read.
                    Err(_) if is_gone(&path) => continue 'again,
                    Err(_) => {}
                }
            }
            return Ok(IndexTables { tables });
        }
    }

    /// Returns the packs that are covered.
    pub fn packs(&self) -> HashSet<Id<Pack>> {
        self.tables.iter().flat_map(|t| t.packs()).collect()
    }

    /// Returns true if any table knows the object.
    pub fn contains(&self, key: &Key) -> bool {
        self.tables.iter().any(|t| t.find(key).next().is_some())
    }

    /// Returns every place of the object, the shallowest first.
    pub fn find(&self, key: &Key) -> Vec<IndexRow> {
        let mut rows: Vec<IndexRow> = self.tables.iter().flat_map(|t| t.find(key)).collect();
        rows.sort_by_key(|row| row.depth);
        rows.dedup();
        rows
    }

    /// Returns the number of rows of all tables.
    pub fn len(&self) -> usize {
        self.tables.iter().map(|t| t.len()).sum()
    }

    /// Returns true if there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of the first row of an object among the rows of all tables, if it has one.
    pub fn position(&self, key: &Key) -> Option<usize> {
        let mut before = 0;
        for table in &self.tables {
            if let Some(at) = table.position(key) {
                return Some(before + at);
            }
            before += table.len();
        }
        None
    }

    /// Returns the numbers of all rows of an object among the rows of all tables.
    pub fn positions(&self, key: &Key) -> Vec<usize> {
        let (mut before, mut positions) = (0, Vec::new());
        for table in &self.tables {
            positions.extend(table.positions(key).map(|at| before + at));
            before += table.len();
        }
        positions
    }

    /// Returns the tables, each with the number of its first row among the rows of all.
    pub fn tables(&self) -> impl Iterator<Item = (usize, &IndexTable)> {
        let mut before = 0;
        self.tables.iter().map(move |table| {
            let first = before;
            before += table.len();
            (first, &**table)
        })
    }

    /// Returns every row of every table. An object that lies in several places comes several times.
    pub fn rows(&self) -> impl Iterator<Item = IndexRow> + '_ {
        self.tables.iter().flat_map(|t| (0..t.len()).filter_map(|n| t.row(n)))
    }

    /// Hands out the rows of one object after the other, in the order of their keys: each row by the number of its table
    /// and its own.
    ///
    /// # Errors
    /// If the disk cannot read a row.
    pub fn by_object(&self, mut each: impl FnMut(&[(usize, usize)]) -> Result<()>) -> Result<()> {
        let mut next = vec![0; self.tables.len()];
        let mut keys: Vec<Option<&[u8]>> = self.tables.iter().map(|table| table.key_bytes(0)).collect();
        let mut rows = Vec::new();
        while let Some(least) = keys.iter().flatten().min().copied() {
            rows.clear();
            for ((number, table), key) in self.tables.iter().enumerate().zip(&mut keys) {
                while *key == Some(least) {
                    rows.push((number, next[number]));
                    next[number] += 1;
                    *key = table.key_bytes(next[number]);
                }
            }
            each(&rows)?;
        }
        match self.tables.iter().zip(&next).all(|(table, next)| table.len() == *next) {
            true => Ok(()),
            false => Err(Error::damaged("a row of an index table cannot be read").with_hint("hlx reindex")),
        }
    }

    /// Returns these tables and one more.
    #[must_use]
    pub fn with(&self, table: IndexTable) -> IndexTables {
        let mut tables = self.tables.clone();
        tables.push(Arc::new(table));
        IndexTables { tables }
    }

    /// Returns the tables whose rows are as they were written. Reads all of them.
    #[must_use]
    pub fn intact(&self) -> IndexTables {
        IndexTables { tables: self.tables.iter().filter(|t| t.is_intact()).cloned().collect() }
    }

    /// Returns the tables that cover none but these packs.
    #[must_use]
    pub fn within(&self, packs: &HashSet<Id<Pack>>) -> IndexTables {
        IndexTables { tables: self.tables.iter().filter(|t| t.packs().all(|p| packs.contains(&p))).cloned().collect() }
    }
}

/// Returns the paths of the tables in the folder, in order.
pub fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let list = || fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>();
    let mut paths = match list() {
        // Tables are derived, and so is their folder: without them the packs are read.
        Err(_) => return Vec::new(),
        Ok(paths) => paths,
    };
    paths.retain(|p| p.extension().is_some_and(|e| e == EXTENSION) && !p.is_dir());
    paths.sort();
    paths
}

fn is_gone(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

/// Writes a table of these rows, whose packs must be durable, and merges tables where there are too many.
pub fn add(folder: &Path, tmp: &Path, table: &IndexTable) -> Result<()> {
    let bytes = table.as_bytes().ok_or_else(|| Error::damaged("a new index table cannot be read"))?;
    let mut temp = TempFile::create(tmp)?;
    temp.write_all(bytes).map_err(|e| Error::io("cannot write", temp.path(), e))?;
    publish(folder, temp, bytes)?;
    merge(folder, tmp)
}

/// Removes all tables, and what is not a folder in the place of theirs.
pub fn clear(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        atomic::remove_file(folder)?;
    }
    files(folder).iter().try_for_each(|path| atomic::remove_file(path))
}

fn publish(folder: &Path, temp: TempFile, name_from: &[u8]) -> Result<()> {
    temp.sync()?;
    if !folder.is_dir() {
        atomic::ensure_folder(folder).map_err(|e| e.with_hint("rebuild the tables: hlx reindex"))?;
    }
    temp.rename(&folder.join(format!("{}.{EXTENSION}", &Id::<Pack>::of(name_from).to_hex()[..32])))?;
    atomic::sync_folder(folder)
}

/// Merges small tables until each is at least twice as long as the next, and there are at most [`MAX_TABLES`]. Another process
/// that is about it already does it for us.
fn merge(folder: &Path, tmp: &Path) -> Result<()> {
    // Without the lock there are more tables than need be.
    let Ok(Some(_lock)) = lock::try_exclusive(&folder.join("lock")) else { return Ok(()) };
    let mut tables = Vec::new();
    for path in files(folder) {
        match IndexTable::open(&path) {
            Ok(table) => tables.push((path, table)),
            Err(_) => atomic::remove_file(&path)?,
        }
    }
    tables.sort_by_key(|(_, table)| table.len());
    let (mut take, mut rows) = (0, 0);
    for (n, (_, table)) in tables.iter().enumerate() {
        let crowded = tables.len() - n >= MAX_TABLES;
        if n == 0 || crowded || table.len() < 2 * rows {
            rows += table.len();
            take = n + 1;
        }
    }
    if take < 2 {
        return Ok(());
    }
    // Damage must not be written anew: without its table a pack is read again by the next writer.
    let damaged: Vec<_> = tables[..take].iter().filter(|(_, table)| !table.is_intact()).map(|(path, _)| path).collect();
    if !damaged.is_empty() {
        return damaged.into_iter().try_for_each(|path| atomic::remove_file(path));
    }
    let mut temp = TempFile::create(tmp)?;
    let hash = write_merged(&tables[..take], &mut temp, |_| true).map_err(|e| Error::io("cannot write", temp.path(), e))?;
    publish(folder, temp, hash.as_bytes())?;
    for (path, _) in &tables[..take] {
        atomic::remove_file(path)?;
    }
    Ok(())
}

/// A table that takes the place of all others and has no row of some packs. Nothing uses it before it is published.
#[derive(Debug)]
pub struct TableReplacement {
    temp: TempFile,
    name: blake3::Hash,
    replaced: Vec<std::path::PathBuf>,
}

impl TableReplacement {
    /// Writes the table. The lock of the folder must be held, so that nobody merges the others until it is published.
    pub fn without(folder: &Path, tmp: &Path, removed: &HashSet<Id<Pack>>) -> Result<TableReplacement> {
        let paths = files(folder);
        // The rows of a damaged table are not written anew: the next writer reads its packs again.
        let intact = |path: &std::path::PathBuf| IndexTable::open(path).ok().filter(IndexTable::is_intact);
        let tables: Vec<_> = paths.iter().filter_map(|path| Some((path.clone(), intact(path)?))).collect();
        let mut temp = TempFile::create(tmp)?;
        let name = write_merged(&tables, &mut temp, |row| !removed.contains(&row.pack));
        let name = name.map_err(|e| Error::io("cannot write", temp.path(), e))?;
        Ok(TableReplacement { temp, name, replaced: paths })
    }

    /// Puts the table in place of those that it replaces. Durable when it returns.
    pub fn publish(self, folder: &Path) -> Result<()> {
        publish(folder, self.temp, self.name.as_bytes())?;
        self.replaced.iter().try_for_each(|path| atomic::remove_file(path))?;
        atomic::sync_folder(folder)
    }
}

/// Writes the rows of several tables as one, those that `keep` takes; returns a hash of what they were.
fn write_merged(
    tables: &[(std::path::PathBuf, IndexTable)],
    temp: &mut TempFile,
    mut keep: impl FnMut(&IndexRow) -> bool,
) -> std::io::Result<blake3::Hash> {
    let temp_name = temp.path().to_owned();
    let mut writer = TableWriter::new(BufWriter::with_capacity(1 << 20, temp));
    writer.begin()?;
    let read = |t: usize, n: usize| {
        let table = &tables[t].1;
        (n < table.len()).then(|| table.row(n).ok_or_else(|| std::io::Error::other("a row cannot be read"))).transpose()
    };
    let mut heap = BinaryHeap::new();
    for t in 0..tables.len() {
        heap.extend(read(t, 0)?.map(|row| Reverse(((row.key, row.depth), t, 0))));
    }
    while let Some(Reverse((_, t, n))) = heap.pop() {
        if let Some(row) = read(t, n)?.filter(&mut keep) {
            writer.push(&row)?;
        }
        heap.extend(read(t, n + 1)?.map(|row| Reverse(((row.key, row.depth), t, n + 1))));
    }
    writer.finish()?;
    let mut name = blake3::Hasher::new();
    for (path, _) in tables {
        name.update(path.as_os_str().as_encoded_bytes());
    }
    name.update(temp_name.as_os_str().as_encoded_bytes());
    Ok(name.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectKind;

    fn row(n: u32) -> IndexRow {
        let key = Key { id: *blake3::hash(&n.to_le_bytes()).as_bytes(), kind: ObjectKind::Chunk };
        IndexRow { key, depth: 0, pack: Id::from_bytes([(n / 10) as u8; 32]), offset: n, len: 9, raw_at: 1, raw_len: 2 }
    }

    #[test]
    fn many_small_tables_become_few() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..300 {
            add(dir.path(), dir.path(), &IndexTable::of(vec![row(n)])).unwrap();
            assert!(files(dir.path()).len() <= MAX_TABLES);
        }
        let tables = IndexTables::load(dir.path()).unwrap();
        assert_eq!(tables.packs().len(), 30);
        for n in 0..300 {
            assert_eq!(tables.find(&row(n).key), [row(n)]);
        }
        assert!(!tables.contains(&row(300).key));
        let few: HashSet<_> = [Id::from_bytes([0; 32])].into();
        assert!(!tables.within(&few).contains(&row(299).key));
    }

    #[test]
    fn the_rows_of_an_object_come_together() {
        let of = |numbers: std::ops::Range<u32>| IndexTable::of(numbers.map(row).collect());
        let tables = IndexTables::default().with(of(0..50)).with(of(0..0)).with(of(40..90));
        let mut places: Vec<(Key, usize)> = Vec::new();
        let key = |(table, row): (usize, usize)| tables.tables().nth(table).unwrap().1.row(row).unwrap().key;
        tables
            .by_object(|rows| {
                assert!(rows.iter().all(|row| key(*row) == key(rows[0])));
                places.push((key(rows[0]), rows.len()));
                Ok(())
            })
            .unwrap();
        assert!(places.is_sorted() && places.len() == 90);
        assert!((0..90).all(|n| places.contains(&(row(n).key, if (40..50).contains(&n) { 2 } else { 1 }))));
    }

    #[test]
    fn their_folder_may_be_gone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("index");
        clear(&folder).unwrap();
        assert!(IndexTables::load(&folder).unwrap().packs().is_empty());
        add(&folder, dir.path(), &IndexTable::of(vec![row(1)])).unwrap();
        assert_eq!(IndexTables::load(&folder).unwrap().find(&row(1).key), [row(1)]);
    }

    #[test]
    fn a_damaged_table_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        add(dir.path(), dir.path(), &IndexTable::of(vec![row(1)])).unwrap();
        let path = &files(dir.path())[0];
        let mut bytes = fs::read(path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
        assert!(IndexTables::load(dir.path()).unwrap().packs().is_empty());
    }

    #[test]
    fn what_is_no_folder_of_tables_holds_none_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("index");
        for lock in [false, true] {
            fs::write(&folder, "").unwrap();
            assert!(IndexTables::load(&folder).unwrap().packs().is_empty());
            clear(&folder).unwrap();
            fs::create_dir(&folder).unwrap();
            fs::create_dir(folder.join(if lock { "lock" } else { "a.table" })).unwrap();
            add(&folder, dir.path(), &IndexTable::of(vec![row(1)])).unwrap();
            clear(&folder).unwrap();
            assert!(IndexTables::load(&folder).unwrap().packs().is_empty());
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}
