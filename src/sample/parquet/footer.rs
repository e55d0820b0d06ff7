//! A look at the footer before the parquet crate reads it: that crate descends into the schema as deep as the file says,
//! and makes room for as many fields as it says, either of which could end the process.
//!
//! The footer is a Thrift struct in the compact protocol, the schema its field 2: all nodes in depth-first order, each
//! with its number of children in field 5.

use super::table::Ranges;
use crate::codec::{Malformed, Take};

/// The deepest schema, and the deepest Thrift struct, that is read.
const DEPTH: usize = 64;
/// What stands behind the footer: its length in 4 bytes, and the magic number.
const TAIL: u64 = 8;

/// Fails if the schema is deeper than [`DEPTH`] or states more children than it has nodes. Says nothing of a file whose
/// footer is not where it should be: that is found by who reads it.
pub(super) fn check(file: &dyn Ranges) -> Result<(), String> {
    let Some(end) = file.size().checked_sub(TAIL) else { return Ok(()) };
    let mut tail = [0; 4];
    let read = |at, buffer: &mut [u8]| file.read_at(at, buffer).map_err(|why| why.to_string());
    read(end, &mut tail)?;
    let length = u32::from_le_bytes(tail);
    let Some(start) = end.checked_sub(u64::from(length)) else { return Ok(()) };
    let mut footer = vec![0; length as usize];
    read(start, &mut footer)?;
    check_footer(&mut Take::new(&footer)).map_err(|why| format!("its footer is not understood: {why}"))
}

fn check_footer(take: &mut Take<'_>) -> Result<(), Malformed> {
    let mut id = 0;
    while let Some(kind) = field(take, &mut id)? {
        match (id, kind) {
            (2, LIST) => check_schema(take)?,
            _ => skip(take, kind, 0)?,
        }
    }
    Ok(())
}

fn check_schema(take: &mut Take<'_>) -> Result<(), Malformed> {
    let (nodes, kind) = list(take)?;
    if kind != STRUCT {
        return Err(Malformed("the schema is no list of nodes"));
    }
    // How many children are still to come, for each node from the root down.
    let mut open: Vec<u64> = Vec::new();
    for node in 0..nodes {
        let mut children = 0;
        let mut id = 0;
        while let Some(kind) = field(take, &mut id)? {
            match (id, kind) {
                (5, I32) => children = zigzag(take)?,
                _ => skip(take, kind, 0)?,
            }
        }
        while open.pop_if(|left| *left == 0).is_some() {}
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        let children = u64::try_from(children).map_err(|_| Malformed("a node has less than no children"))?;
        if children >= nodes - node && children > 0 {
            return Err(Malformed("the schema has too few nodes"));
        }
        open.push(children);
        if open.len() > DEPTH {
            return Err(Malformed("the schema is deeper than 64"));
        }
    }
    Ok(())
}

const I32: u8 = 5;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// The next field of a struct: its type, and its id in `id`, which held the one before. `None` at the struct's end.
fn field(take: &mut Take<'_>, id: &mut i64) -> Result<Option<u8>, Malformed> {
    let head = take.u8()?;
    if head == 0 {
        return Ok(None);
    }
    *id = match head >> 4 {
        0 => zigzag(take)?,
        more => id.saturating_add(i64::from(more)),
    };
    Ok(Some(head & 0x0f))
}

/// The head of a list or a set: its length, which cannot exceed the bytes that follow, and the type of its elements.
fn list(take: &mut Take<'_>) -> Result<(u64, u8), Malformed> {
    let head = take.u8()?;
    let length = match head >> 4 {
        15 => take.count(1)? as u64,
        few => u64::from(few),
    };
    Ok((length, head & 0x0f))
}

fn zigzag(take: &mut Take<'_>) -> Result<i64, Malformed> {
    let value = take.varint()?;
    Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

/// Passes over the value of a field.
fn skip(take: &mut Take<'_>, kind: u8, depth: usize) -> Result<(), Malformed> {
    if depth > DEPTH {
        return Err(Malformed("a struct is deeper than 64"));
    }
    match kind {
        1 | 2 => {}
        3 => drop(take.u8()?),
        4..=6 => drop(take.varint()?),
        7 => drop(take.slice(8)?),
        8 => drop(take.bytes()?),
        LIST | 10 => {
            let (length, kind) = list(take)?;
            for _ in 0..length {
                // A boolean is a byte of its own here.
                skip(take, if kind <= 2 { 3 } else { kind }, depth + 1)?;
            }
        }
        STRUCT => {
            let mut id = 0;
            while let Some(kind) = field(take, &mut id)? {
                skip(take, kind, depth + 1)?;
            }
        }
        _ => return Err(Malformed("a field is of no known type")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Put;
    use proptest::prelude::*;

    /// A footer whose schema has nodes of so many children.
    fn footer(children: &[u64]) -> Vec<u8> {
        let mut bytes = vec![0x15, 2, 0x19, 0xfc];
        bytes.put_varint(children.len() as u64);
        for &n in children {
            // The field of the name, that of the children, the end.
            bytes.extend([0x48, 1, b'n', 0x15]);
            bytes.put_varint(n << 1);
            bytes.push(0);
        }
        bytes.extend([0x16, 0, 0x19, 0x0c, 0]);
        bytes
    }

    fn check(bytes: &[u8]) -> Result<(), Malformed> {
        check_footer(&mut Take::new(bytes))
    }

    #[test]
    fn schemas_are_as_deep_and_wide_as_they_say() {
        assert_eq!(check(&footer(&[2, 1, 0, 0])), Ok(()));
        assert_eq!(check(&footer(&[&[1; 62][..], &[0]].concat())), Ok(()));
        assert_eq!(check(&footer(&[&[5000][..], &[0; 5000]].concat())), Ok(()));
        assert_eq!(check(&footer(&[&[1; 100_000][..], &[0]].concat())), Err(Malformed("the schema is deeper than 64")));
        assert_eq!(check(&footer(&[1, 1 << 31, 0])), Err(Malformed("the schema has too few nodes")));
        assert_eq!(check(&footer(&[1])), Err(Malformed("the schema has too few nodes")));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, at: prop::sample::Index) {
            let _ = check(&bytes);
            let mut whole = footer(&[2, 1, 0, 0]);
            let at = at.index(whole.len());
            whole.splice(at.., bytes);
            let _ = check(&whole);
        }
    }
}
