//! The row groups that two files share, byte for byte.

use std::collections::{HashMap, HashSet, VecDeque};

use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};

use super::file::ParquetFile;
use crate::codec::ByteWriter;

/// Bytes that are hashed at once.
const READ: u64 = 1 << 20;

/// The pairs of row groups of two files. Groups that are equal byte for byte are in neither field.
#[derive(Debug, PartialEq, Eq)]
pub struct Pairing {
    /// Groups of as many rows.
    pub pairs: Vec<GroupPair>,
    /// For each side which of its groups have no partner.
    pub single: [Vec<bool>; 2],
}

/// A row group of each side, with as many rows.
#[derive(Debug, PartialEq, Eq)]
pub struct GroupPair {
    /// Their places in the files, the old one first.
    pub groups: [usize; 2],
    /// The columns that are not equal byte for byte, at least one.
    pub differing: Vec<usize>,
}

/// Pairs off the row groups of two files: those that are equal byte for byte, then those that share a column, then any of
/// as many rows in their order. `None` where the schemas differ or a file cannot be read.
pub fn pair_groups(old: &ParquetFile, new: &ParquetFile) -> Option<Pairing> {
    if !old.is_read_as(new) {
        return None;
    }
    let tables = [old, new];
    let outlines = tables.map(outlines);
    let digests = [digests(old, &outlines[0], &outlines[1])?, digests(new, &outlines[1], &outlines[0])?];
    let mut single = tables.map(|table| vec![true; table.groups()]);
    let rows = |side: usize, group: usize| tables[side].group_metadata(group).num_rows();

    let mut whole: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (group, columns) in digests[0].iter().enumerate() {
        whole.entry((rows(0, group), columns)).or_default().push_back(group);
    }
    for (group, columns) in digests[1].iter().enumerate().filter(|(_, columns)| columns.iter().all(Option::is_some)) {
        if let Some(other) = whole.get_mut(&(rows(1, group), columns)).and_then(VecDeque::pop_front) {
            (single[0][other], single[1][group]) = (false, false);
        }
    }

    let mut by_column: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    let mut by_rows: HashMap<i64, VecDeque<usize>> = HashMap::new();
    for group in (0..old.groups()).filter(|&group| single[0][group]) {
        digests[0][group].iter().flatten().for_each(|digest| by_column.entry(*digest).or_default().push(group));
        by_rows.entry(rows(0, group)).or_default().push_back(group);
    }
    let mut pairs = Vec::new();
    for shares_column in [true, false] {
        for group in 0..new.groups() {
            if !single[1][group] {
                continue;
            }
            let free = |other: &usize| single[0][*other];
            let other = if shares_column {
                digests[1][group].iter().flatten().flat_map(|digest| by_column.get(digest)).flatten().copied().find(free)
            } else {
                by_rows.get_mut(&rows(1, group)).and_then(|groups| {
                    groups.retain(free);
                    groups.pop_front()
                })
            };
            let Some(other) = other else { continue };
            let columns = digests[0][other].iter().zip(&digests[1][group]).enumerate();
            let differing: Vec<_> = columns.filter(|(_, (a, b))| a.is_none() || a != b).map(|(column, _)| column).collect();
            // Groups without columns and of other lengths.
            if !differing.is_empty() {
                (single[0][other], single[1][group]) = (false, false);
                pairs.push(GroupPair { groups: [other, group], differing });
            }
        }
    }
    pairs.sort_by_key(|pair| pair.groups[1]);
    Some(Pairing { pairs, single })
}

/// Returns the metadata of each column of each row group that affects the meaning of its bytes.
fn outlines(table: &ParquetFile) -> Vec<Vec<Vec<u8>>> {
    let of =
        |group: &RowGroupMetaData| group.columns().iter().enumerate().map(|(at, column)| outline(group, at, column)).collect();
    (0..table.groups()).map(|group| of(table.group_metadata(group))).collect()
}

/// Returns the metadata of a column of a row group that affects the meaning of its bytes, without its place in the file.
fn outline(group: &RowGroupMetaData, at: usize, column: &ColumnChunkMetaData) -> Vec<u8> {
    let (start, length) = range(column);
    let mut outline = Vec::new();
    outline.put_u64(at as u64);
    outline.put_u64(group.num_rows().cast_unsigned());
    outline.put_u64(length);
    outline.put_u64(column.num_values().cast_unsigned());
    outline.put_u64(column.data_page_offset().wrapping_sub(start).cast_unsigned());
    outline.put_bytes(column.compression_codec().to_string().as_bytes());
    outline
}

/// Returns the place and length of a column chunk.
fn range(column: &ColumnChunkMetaData) -> (i64, u64) {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    (start, u64::try_from(column.compressed_size()).unwrap_or(0))
}

/// Returns the hash of each column of each row group. Only those are read that have one of the same outline on the other
/// side.
fn digests(table: &ParquetFile, own: &[Vec<Vec<u8>>], others: &[Vec<Vec<u8>>]) -> Option<Vec<Vec<Option<[u8; 32]>>>> {
    let known: HashSet<&[u8]> = others.iter().flatten().map(Vec::as_slice).collect();
    let mut digests = Vec::with_capacity(own.len());
    for (group, outlines) in own.iter().enumerate() {
        let mut columns = Vec::with_capacity(outlines.len());
        for (column, outline) in table.group_metadata(group).columns().iter().zip(outlines) {
            let digest = if known.contains(&outline[..]) { Some(digest(table, column, outline)?) } else { None };
            columns.push(digest);
        }
        digests.push(columns);
    }
    Some(digests)
}

/// Returns the hash of a column's outline and bytes.
fn digest(table: &ParquetFile, column: &ColumnChunkMetaData, outline: &[u8]) -> Option<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(outline);
    let mut buffer = Vec::new();
    let (start, length) = range(column);
    let mut at = u64::try_from(start).ok()?;
    let end = at.checked_add(length)?;
    while at < end {
        buffer.resize((end - at).min(READ) as usize, 0);
        table.file().read_at(at, &mut buffer).ok()?;
        hasher.update(&buffer);
        at += buffer.len() as u64;
    }
    Some(*hasher.finalize().as_bytes())
}
