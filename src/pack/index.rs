//! Tables that say where each object lies. Derived: the packs' tables of contents hold the same. The format is specified
//! in `docs/formats/index.md`.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::error::{Error, Result};
use crate::fs::map::MappedFile;
use crate::id::{Id, Pack};
use crate::object::{Key, ObjectKind};

/// The first bytes of a table.
const MAGIC: [u8; 16] = *b"HLXTABL1\0\0\0\0\0\0\0\0";
/// The last bytes of a table.
const END: [u8; 8] = *b"HLXTEND1";
/// Bytes of a row.
const ROW: usize = 56;
/// Bytes of the counts of rows by their first byte.
const FANOUT: usize = 256 * 8;
/// Bytes after the list of packs: counts, check, [`END`].
const FOOTER: usize = 8 + 4 + 4 + 32 + 8;

/// The location of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRow {
    /// The object.
    pub key: Key,
    /// The number of deltas between its block and one that stands alone.
    pub depth: u8,
    /// The pack.
    pub pack: Id<Pack>,
    /// The start of its block in the pack.
    pub offset: u32,
    /// The length of the block.
    pub len: u32,
    /// The start of the object in the block uncompressed.
    pub raw_at: u32,
    /// The length of the object.
    pub raw_len: u32,
}

/// The part of a row that says how much of a pack an object takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowUsage {
    /// The number of the pack in the list of its table.
    pub pack: usize,
    /// See [`IndexRow::depth`].
    pub depth: u8,
    /// The length of the object.
    pub raw_len: u32,
}

/// A table in memory or mapped from its file.
#[derive(Debug)]
pub struct IndexTable {
    bytes: TableBytes,
    rows: usize,
    packs: usize,
}

#[derive(Debug)]
enum TableBytes {
    Mapped(MappedFile),
    Owned(Vec<u8>),
}

impl TableBytes {
    fn len(&self) -> usize {
        match self {
            TableBytes::Mapped(file) => file.len(),
            TableBytes::Owned(bytes) => bytes.len(),
        }
    }

    /// Returns the bytes of a range; `None` if the disk cannot read them.
    fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        match self {
            TableBytes::Mapped(file) => file.get(range),
            TableBytes::Owned(bytes) => bytes.get(range),
        }
    }
}

impl IndexTable {
    /// Maps a table. Its counts, packs and fan-out are checked; its rows are checked when they are used.
    pub fn open(path: &Path) -> Result<IndexTable> {
        IndexTable::new(TableBytes::Mapped(MappedFile::open(path)?))
            .map_err(|e| Error::damaged(format!("index table {} is damaged: {e}", path.display())))
    }

    /// Returns a table in memory of these rows, in any order.
    pub fn of(rows: Vec<IndexRow>) -> IndexTable {
        let mut bytes = Vec::new();
        let mut writer = TableWriter::new(&mut bytes);
        let mut rows = rows;
        rows.sort_unstable_by_key(|a| (a.key, a.depth));
        let written =
            writer.begin().and_then(|()| rows.into_iter().try_for_each(|row| writer.push(&row))).and_then(|()| writer.finish());
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
        let (rows, packs) = (writer.rows as usize, writer.packs.len());
        IndexTable { bytes: TableBytes::Owned(bytes), rows, packs }
    }

    fn new(bytes: TableBytes) -> Result<IndexTable, Malformed> {
        const UNREADABLE: Malformed = Malformed("the disk cannot read it");
        let len = bytes.len();
        let footer = len.checked_sub(FOOTER).ok_or(Malformed("it is too short"))?;
        let mut reader = ByteReader::new(bytes.get(footer..len).ok_or(UNREADABLE)?);
        let (rows, packs) = (reader.u64()? as usize, reader.u32()? as usize);
        let _zero = reader.u32()?;
        let check: [u8; 32] = reader.array()?;
        if reader.array()? != END || bytes.get(0..MAGIC.len()).ok_or(UNREADABLE)? != MAGIC {
            return Err(Malformed("it is not an index table"));
        }
        let tail = FANOUT + packs.saturating_mul(32);
        let expected = MAGIC.len().saturating_add(rows.saturating_mul(ROW)).saturating_add(32 + tail + FOOTER);
        if expected != len {
            return Err(Malformed("its counts do not match its length"));
        }
        if *blake3::hash(bytes.get(footer - tail..footer + 16).ok_or(UNREADABLE)?).as_bytes() != check {
            return Err(Malformed("its checksum does not match"));
        }
        Ok(IndexTable { bytes, rows, packs })
    }

    /// Returns the bytes of its file; `None` if the disk cannot read them.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.bytes.get(0..self.bytes.len())
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Returns true if it has none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Returns the packs that it covers.
    pub fn packs(&self) -> impl Iterator<Item = Id<Pack>> + '_ {
        let start = MAGIC.len() + self.rows * ROW + 32 + FANOUT;
        let ids = self.bytes.get(start..start + self.packs * 32).unwrap_or_default();
        ids.as_chunks::<32>().0.iter().map(|id| Id::from_bytes(*id))
    }

    /// Returns true if its rows are as they were written. Reads all of it.
    pub fn is_intact(&self) -> bool {
        let end = MAGIC.len() + self.rows * ROW;
        let (rows, check) = (self.bytes.get(MAGIC.len()..end), self.bytes.get(end..end + 32));
        rows.is_some_and(|rows| check == Some(blake3::hash(rows).as_bytes()) && self.is_searchable(rows))
    }

    /// Returns true if every row makes sense and is where a search looks for it, which a correct checksum does not say of a
    /// table that something else wrote.
    fn is_searchable(&self, rows: &[u8]) -> bool {
        let rows = rows.as_chunks::<ROW>().0;
        let is_sorted = rows.windows(2).all(|pair| pair[0][..33] <= pair[1][..33]);
        let mut counts = [0_usize; 256];
        rows.iter().for_each(|row| counts[usize::from(row[0])] += 1);
        let mut end = 0;
        let fits = |first: u8| {
            let start = end;
            end += counts[usize::from(first)];
            self.bucket(first) == Some((start, end))
        };
        is_sorted && (0..=255).all(fits) && (0..self.rows).all(|n| self.row(n).is_some())
    }

    /// Returns the bytes of the n-th row; `None` if the disk cannot read them.
    fn raw(&self, n: usize) -> Option<&[u8]> {
        let start = MAGIC.len() + n * ROW;
        self.bytes.get(start..start + ROW)
    }

    /// Returns the n-th row in the order of the keys; `None` if it makes no sense.
    pub fn row(&self, n: usize) -> Option<IndexRow> {
        let mut reader = ByteReader::new(self.raw(n)?);
        let id = reader.array().ok()?;
        let kind = ObjectKind::from_byte(reader.u8().ok()?)?;
        let depth = reader.u8().ok()?;
        reader.slice(2).ok()?;
        let pack = reader.u32().ok()? as usize;
        let start = MAGIC.len() + self.rows * ROW + 32 + FANOUT + pack.checked_mul(32)?;
        let pack =
            if pack < self.packs { Id::from_bytes(*self.bytes.get(start..start + 32)?.first_chunk()?) } else { return None };
        let key = Key { id, kind };
        let (offset, len, raw_at, raw_len) = (reader.u32().ok()?, reader.u32().ok()?, reader.u32().ok()?, reader.u32().ok()?);
        Some(IndexRow { key, depth, pack, offset, len, raw_at, raw_len })
    }

    /// Returns how much of a pack the object of the n-th row takes; `None` if it makes no sense.
    pub fn usage(&self, n: usize) -> Option<RowUsage> {
        let raw = self.raw(n)?;
        let number = |at: usize| Some(u32::from_le_bytes(*raw.get(at..)?.first_chunk()?));
        let pack = number(36)? as usize;
        (pack < self.packs).then_some(RowUsage { pack, depth: raw[33], raw_len: number(52)? })
    }

    /// Returns the key of the n-th row as it is stored; `None` if there is none, or the disk cannot read it.
    pub(super) fn key_bytes(&self, n: usize) -> Option<&[u8]> {
        if n < self.rows { self.raw(n)?.get(..33) } else { None }
    }

    /// Returns the rows of a key, the shallowest first; none where the disk cannot read them.
    pub fn find(&self, key: &Key) -> impl Iterator<Item = IndexRow> + '_ {
        let wanted = wanted(key);
        let first = self.first(&wanted).unwrap_or(self.rows);
        (first..self.rows).take_while(move |n| self.key_bytes(*n) == Some(&wanted[..])).filter_map(|n| self.row(n))
    }

    /// Returns the number of the first row of a key, if it has one and the disk can read it.
    pub fn position(&self, key: &Key) -> Option<usize> {
        let wanted = wanted(key);
        self.first(&wanted).filter(|first| *first < self.rows && self.key_bytes(*first) == Some(&wanted[..]))
    }

    /// Returns the numbers of the rows of a key; none where the disk cannot read them.
    pub fn positions(&self, key: &Key) -> Range<usize> {
        let Some(first) = self.position(key) else { return 0..0 };
        let wanted = wanted(key);
        let more = (first + 1..self.rows).take_while(|n| self.key_bytes(*n) == Some(&wanted[..])).count();
        first..first + 1 + more
    }

    /// Returns the first eight bytes of the id of the n-th row, as a number that orders as ids do, and its kind.
    pub fn prefix(&self, n: usize) -> Option<(u64, ObjectKind)> {
        let key = self.key_bytes(n)?;
        Some((u64::from_be_bytes(*key.first_chunk()?), ObjectKind::from_byte(*key.last()?)?))
    }

    /// Returns the number of the first row whose key is not below `wanted`; `None` if the disk cannot read the rows.
    fn first(&self, wanted: &[u8]) -> Option<usize> {
        let (mut low, mut high) = self.bucket(*wanted.first()?)?;
        while low < high {
            let mid = low + (high - low) / 2;
            if self.key_bytes(mid)? < wanted { low = mid + 1 } else { high = mid }
        }
        Some(low)
    }

    /// Returns the rows whose ids begin with a byte.
    fn bucket(&self, first: u8) -> Option<(usize, usize)> {
        let start = MAGIC.len() + self.rows * ROW + 32;
        let fanout = self.bytes.get(start..start + FANOUT)?.as_chunks::<8>().0;
        let upto = |n: usize| (u64::from_le_bytes(fanout[n]) as usize).min(self.rows);
        let low = if first == 0 { 0 } else { upto(usize::from(first) - 1) };
        Some((low, upto(usize::from(first))))
    }
}

/// Returns a key as the rows store it.
fn wanted(key: &Key) -> [u8; 33] {
    let mut wanted = [0; 33];
    wanted[..32].copy_from_slice(&key.id);
    wanted[32] = key.kind as u8;
    wanted
}

/// Writes a table of rows that come in the order of their keys. Of rows that say the same, one is kept.
#[derive(Debug)]
pub struct TableWriter<W> {
    out: W,
    hasher: blake3::Hasher,
    rows: u64,
    fanout: Vec<u64>,
    packs: Vec<Id<Pack>>,
    numbers: std::collections::HashMap<Id<Pack>, u32>,
    last: Option<IndexRow>,
}

impl<W: Write> TableWriter<W> {
    /// Creates a table that goes to `out`.
    pub fn new(out: W) -> Self {
        TableWriter {
            out,
            hasher: blake3::Hasher::new(),
            rows: 0,
            fanout: vec![0; 256],
            packs: Vec::new(),
            numbers: Default::default(),
            last: None,
        }
    }

    /// Writes what comes before the rows.
    pub fn begin(&mut self) -> io::Result<()> {
        self.out.write_all(&MAGIC)
    }

    /// Adds the next row.
    pub fn push(&mut self, row: &IndexRow) -> io::Result<()> {
        if self.last.as_ref() == Some(row) {
            return Ok(());
        }
        let next = self.packs.len() as u32;
        let pack = *self.numbers.entry(row.pack).or_insert_with(|| {
            self.packs.push(row.pack);
            next
        });
        let mut bytes = Vec::with_capacity(ROW);
        bytes.extend_from_slice(&row.key.id);
        bytes.extend_from_slice(&[row.key.kind as u8, row.depth, 0, 0]);
        for field in [pack, row.offset, row.len, row.raw_at, row.raw_len] {
            bytes.put_u32(field);
        }
        self.hasher.update(&bytes);
        self.rows += 1;
        self.fanout[usize::from(row.key.id[0])] += 1;
        self.last = Some(row.clone());
        self.out.write_all(&bytes)
    }

    /// Writes what comes after the rows.
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(self.hasher.finalize().as_bytes())?;
        let mut tail = Vec::with_capacity(FANOUT + self.packs.len() * 32 + FOOTER);
        let mut upto = 0;
        for count in &self.fanout {
            upto += count;
            tail.put_u64(upto);
        }
        for pack in &self.packs {
            tail.extend_from_slice(pack.as_bytes());
        }
        tail.put_u64(self.rows);
        tail.put_u32(self.packs.len() as u32);
        tail.put_u32(0);
        let check = blake3::hash(&tail);
        tail.extend_from_slice(check.as_bytes());
        tail.extend_from_slice(&END);
        self.out.write_all(&tail)?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn row(n: u32) -> IndexRow {
        let id = *blake3::hash(&(n / 2).to_le_bytes()).as_bytes();
        let kind = if n.is_multiple_of(2) { ObjectKind::Chunk } else { ObjectKind::Recipe };
        IndexRow {
            key: Key { id, kind },
            depth: 0,
            pack: Id::from_bytes([n as u8 % 3; 32]),
            offset: n,
            len: 9,
            raw_at: 1,
            raw_len: 2,
        }
    }

    #[test]
    fn every_row_is_found_and_no_other() {
        let rows: Vec<IndexRow> = (0..2_000).map(row).collect();
        let table = IndexTable::of(rows.clone());
        assert_eq!((table.len(), table.packs().count()), (2_000, 3));
        assert!(table.is_intact());
        for row in &rows {
            assert_eq!(table.find(&row.key).collect::<Vec<_>>(), std::slice::from_ref(row));
            let usage = table.usage(table.position(&row.key).unwrap()).unwrap();
            assert_eq!((table.packs().nth(usage.pack), usage.depth, usage.raw_len), (Some(row.pack), row.depth, row.raw_len));
        }
        let other = Key { kind: ObjectKind::Node, ..rows[0].key };
        assert_eq!(table.find(&other).count(), 0, "another kind never matches");
        assert_eq!(IndexTable::of(vec![]).find(&other).count(), 0);
    }

    #[test]
    fn of_several_places_the_shallowest_comes_first() {
        let deep = IndexRow { depth: 2, ..row(0) };
        let shallow = IndexRow { depth: 0, offset: 77, ..row(0) };
        let table = IndexTable::of(vec![deep.clone(), shallow.clone(), deep.clone()]);
        assert_eq!(table.find(&deep.key).collect::<Vec<_>>(), [shallow, deep]);
    }

    #[test]
    fn a_damaged_table_is_refused_and_never_panics() {
        let good = IndexTable::of((0..50).map(row).collect()).as_bytes().unwrap().to_vec();
        for n in 0..good.len() {
            let mut bad = good.clone();
            bad[n] ^= 0x40;
            if let Ok(table) = IndexTable::new(TableBytes::Owned(bad)) {
                assert!(n < MAGIC.len() + 50 * ROW + 32, "byte {n}");
                assert!(!table.is_intact(), "byte {n}");
                assert!((0..50).all(|n| table.find(&row(n).key).count() <= 50));
            }
            assert!(IndexTable::new(TableBytes::Owned(good[..n].to_vec())).is_err());
        }
    }

    #[test]
    fn a_table_that_misleads_a_search_is_not_intact() {
        let good = IndexTable::of((0..50).map(row).collect()).as_bytes().unwrap().to_vec();
        let (rows, tail) = (MAGIC.len(), MAGIC.len() + 50 * ROW + 32);
        let forged = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            change(&mut bytes);
            let check = *blake3::hash(&bytes[rows..tail - 32]).as_bytes();
            bytes[tail - 32..tail].copy_from_slice(&check);
            let footer = bytes.len() - FOOTER;
            let check = *blake3::hash(&bytes[tail..footer + 16]).as_bytes();
            bytes[footer + 16..footer + 48].copy_from_slice(&check);
            IndexTable::new(TableBytes::Owned(bytes)).unwrap().is_intact()
        };
        assert!(forged(&|_| {}));
        assert!(!forged(&|bytes| bytes[tail + 100 * 8] ^= 1), "a count of rows");
        assert!(!forged(&|bytes| bytes[rows + 7 * ROW] ^= 1), "a row out of order");
        assert!(!forged(&|bytes| bytes[rows + 7 * ROW + 36] = 200), "an unknown pack");
    }

    proptest! {
        /// Numbers from one end of their range to the other, ids that begin with any byte, several rows a key.
        #[test]
        fn any_rows_are_found(rows in prop::collection::vec((any::<(u8, u8, u8, u8)>(), any::<(u32, u32, u32, u32)>()), 0..40)) {
            let row = |((first, kind, depth, pack), (offset, len, raw_at, raw_len))| IndexRow {
                key: Key { id: [first; 32], kind: ObjectKind::from_byte(kind % 8).unwrap_or(ObjectKind::Chunk) },
                depth,
                pack: Id::from_bytes([pack; 32]),
                offset,
                len,
                raw_at,
                raw_len,
            };
            let rows: Vec<IndexRow> = rows.into_iter().map(row).collect();
            let bytes = IndexTable::of(rows.clone()).as_bytes().unwrap().to_vec();
            let table = IndexTable::new(TableBytes::Owned(bytes)).unwrap();
            prop_assert!(table.is_intact() && table.len() <= rows.len());
            for row in &rows {
                prop_assert!(table.find(&row.key).any(|there| there == *row));
                prop_assert!(table.packs().any(|pack| pack == row.pack));
            }
            prop_assert!((0..table.len()).all(|n| table.row(n).is_some_and(|row| rows.contains(&row))));
        }
    }
}
