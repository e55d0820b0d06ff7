//! The row groups that two files have in common, byte for byte.

use std::collections::{HashMap, HashSet};

use parquet::file::metadata::ColumnChunkMetaData;

use super::table::Table;
use crate::codec::Put;

/// Bytes that are hashed at once.
const READ: u64 = 1 << 20;

/// Finds row groups that hold the same rows on both sides, as their columns are equal byte for byte: for each side, which
/// of its groups are paired off with one of the other. `None` where the schemas differ or a file cannot be read.
pub fn shared_groups(old: &Table, new: &Table) -> Option<[Vec<bool>; 2]> {
    if !old.is_read_as(new) {
        return None;
    }
    let outlines = |table: &Table| (0..table.groups()).map(|group| outline(table, group)).collect::<Vec<_>>();
    let (before, after) = (outlines(old), outlines(new));
    // Only groups that have a group of the same lengths on the other side are read.
    let known: HashSet<&[u8]> = after.iter().map(|outline| &outline[..]).collect();
    let mut places: HashMap<[u8; 32], Vec<usize>> = HashMap::new();
    let mut hashed = HashSet::new();
    for (group, outline) in before.iter().enumerate().filter(|(_, outline)| known.contains(&outline[..])) {
        places.entry(digest(old, group, outline)?).or_default().push(group);
        hashed.insert(&outline[..]);
    }
    let mut shared = [vec![false; before.len()], vec![false; after.len()]];
    for (group, outline) in after.iter().enumerate().filter(|(_, outline)| hashed.contains(&outline[..])) {
        if let Some(other) = places.get_mut(&digest(new, group, outline)?).and_then(Vec::pop) {
            shared[0][other] = true;
            shared[1][group] = true;
        }
    }
    Some(shared)
}

/// What the footer says of a row group that its bytes do not, their places in the file left out.
fn outline(table: &Table, group: usize) -> Vec<u8> {
    let group = table.group_metadata(group);
    let mut outline = Vec::new();
    outline.put_u64(group.num_rows().cast_unsigned());
    for column in group.columns() {
        let (start, length) = range(column);
        outline.put_u64(length);
        outline.put_u64(column.num_values().cast_unsigned());
        outline.put_u64(column.data_page_offset().wrapping_sub(start).cast_unsigned());
        outline.put_bytes(column.compression_codec().to_string().as_bytes());
    }
    outline
}

/// The place and length of a column chunk.
fn range(column: &ColumnChunkMetaData) -> (i64, u64) {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    (start, u64::try_from(column.compressed_size()).unwrap_or(0))
}

/// The hash of a row group's outline and bytes.
fn digest(table: &Table, group: usize, outline: &[u8]) -> Option<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(outline);
    let mut buffer = Vec::new();
    for column in table.group_metadata(group).columns() {
        let (start, length) = range(column);
        let mut at = u64::try_from(start).ok()?;
        let end = at.checked_add(length)?;
        while at < end {
            buffer.resize((end - at).min(READ) as usize, 0);
            table.file().read_at(at, &mut buffer).ok()?;
            hasher.update(&buffer);
            at += buffer.len() as u64;
        }
    }
    Some(*hasher.finalize().as_bytes())
}
