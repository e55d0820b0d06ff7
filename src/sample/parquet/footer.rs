//! The footer of a file, read before the parquet crate does: only what is needed to read rows is handed on to it.
//!
//! That crate descends into the schema as deep as the file says, and makes room for as many fields as it says, either of
//! which could end the process. And it refuses a file for statistics or a dictionary's place that no reader needs. The
//! footer is a Thrift struct in the compact protocol: `FileMetaData` of the format's `parquet.thrift`. Its field 2 is the
//! schema: all nodes in depth-first order, each with its number of children in field 5. Its field 4 are the row groups.

use super::error::ReadError;
use super::ranges::Ranges;
use crate::codec::{ByteReader, ByteWriter, Malformed};

/// The deepest schema, and the deepest Thrift struct, that is read.
const DEPTH: usize = 64;
/// The bytes after the footer: its length in 4 bytes, and the magic number.
const TAIL: u64 = 8;
/// The magic number of a file whose footer is encrypted; of others it is `PAR1`.
const ENCRYPTED: &[u8; 4] = b"PARE";
/// Bytes in which a page's header stands: most often, and with long statistics.
const PAGE_HEADERS: [u64; 2] = [256, 1 << 20];

/// Reads the footer, without what is not needed, and fails if the file or some columns are encrypted, if the schema is
/// deeper than [`DEPTH`], or if it states more children than it has nodes.
pub(super) fn read(file: &dyn Ranges) -> Result<Vec<u8>, ReadError> {
    if file.size() == 0 {
        return Err(ReadError::damaged("it is empty"));
    }
    let end = file.size().checked_sub(TAIL + 4).ok_or_else(|| ReadError::damaged("it is too short"))? + 4;
    let mut tail = [0; TAIL as usize];
    file.read_at(end, &mut tail).map_err(|why| ReadError::damaged(&why.to_string()))?;
    let [l0, l1, l2, l3, magic @ ..] = tail;
    match &magic {
        ENCRYPTED => return Err(ReadError::Encrypted("its footer is encrypted".to_owned())),
        b"PAR1" => {}
        _ => return Err(ReadError::damaged("it does not end with PAR1")),
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]);
    let start = end.checked_sub(u64::from(length)).ok_or_else(|| ReadError::damaged("its footer is longer than the file"))?;
    let mut bytes = vec![0; length as usize];
    file.read_at(start, &mut bytes).map_err(|why| ReadError::damaged(&why.to_string()))?;
    let mut footer = ThriftStruct::default();
    let mut encrypted = false;
    put_footer(&mut ByteReader::new(&bytes), &mut footer, &mut encrypted)
        .map_err(|why| ReadError::damaged(&format!("invalid footer: {why}")))?;
    if encrypted {
        return Err(ReadError::Encrypted("some of its columns are encrypted".to_owned()));
    }
    Ok(footer.end())
}

/// The header of a page.
pub(super) struct PageHeader {
    /// The type of the page.
    pub kind: i64,
    /// Bytes of the page unpacked.
    pub unpacked: u64,
    /// Bytes of the page in the file, which follow the header.
    pub packed: u64,
    /// Bytes of the header.
    pub length: u64,
}

/// Reads the header of the page that begins at byte `start`; `None` if it is not understood.
pub(super) fn page_header(file: &dyn Ranges, start: u64) -> Option<PageHeader> {
    PAGE_HEADERS.iter().find_map(|&most| {
        let length = file.size().saturating_sub(start).min(most) as usize;
        let mut bytes = vec![0; length];
        file.read_at(start, &mut bytes).ok()?;
        let mut reader = ByteReader::new(&bytes);
        let (mut id, mut numbers) = (0, [None; 3]);
        while let Some(of) = field(&mut reader, &mut id).ok()? {
            match (id, of) {
                (1..=3, I32) => numbers[id as usize - 1] = Some(zigzag(&mut reader).ok()?),
                _ => skip(&mut reader, of, 0).ok()?,
            }
        }
        let [kind, unpacked, packed] = numbers;
        let size = |number: Option<i64>| u64::try_from(number?).ok();
        let length = (length - reader.rest().len()) as u64;
        Some(PageHeader { kind: kind?, unpacked: size(unpacked)?, packed: size(packed)?, length })
    })
}

/// Returns the length of the header of the dictionary page that a column chunk begins with; 0 if it has none.
///
/// The Java library counted it in no length before its version 1.2.9 (IMPALA-694, PARQUET-816).
pub(super) fn dictionary_header(file: &dyn Ranges, start: u64) -> u64 {
    page_header(file, start).filter(|header| header.kind == DICTIONARY_PAGE).map_or(0, |header| header.length)
}

/// Returns true if the writer of a file left the headers of dictionary pages out of the lengths of columns.
pub(super) fn omits_dictionary_headers(created_by: Option<&str>) -> bool {
    let Some(rest) = created_by.and_then(|text| text.strip_prefix("parquet-mr")) else { return false };
    let version = rest.trim_start().strip_prefix("version").unwrap_or_default().trim_start();
    let numbers: Vec<u32> = version.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok()).take(3).collect();
    numbers < vec![1, 2, 9]
}

/// The type of an index page, which holds no values, in a page's header.
pub(super) const INDEX_PAGE: i64 = 1;
/// The type of a dictionary page.
const DICTIONARY_PAGE: i64 = 2;

fn put_footer(reader: &mut ByteReader<'_>, out: &mut ThriftStruct, encrypted: &mut bool) -> Result<(), Malformed> {
    let mut id = 0;
    while let Some(kind) = field(reader, &mut id)? {
        match (id, kind) {
            (2, LIST) => out.copy(id, kind, reader, check_schema)?,
            (4, LIST) => put_structs(reader, out, id, &mut |reader, out| put_row_group(reader, out, encrypted))?,
            // The version, the number of rows, the writer.
            (1 | 3 | 6, _) => out.copy(id, kind, reader, |reader| skip(reader, kind, 0))?,
            _ => skip(reader, kind, 0)?,
        }
    }
    Ok(())
}

fn put_row_group(reader: &mut ByteReader<'_>, out: &mut ThriftStruct, encrypted: &mut bool) -> Result<(), Malformed> {
    let mut id = 0;
    while let Some(kind) = field(reader, &mut id)? {
        match (id, kind) {
            (1, LIST) => put_structs(reader, out, id, &mut |reader, out| put_chunk(reader, out, encrypted))?,
            // The lengths in bytes and in rows.
            (2 | 3, _) => out.copy(id, kind, reader, |reader| skip(reader, kind, 0))?,
            _ => skip(reader, kind, 0)?,
        }
    }
    Ok(())
}

fn put_chunk(reader: &mut ByteReader<'_>, out: &mut ThriftStruct, encrypted: &mut bool) -> Result<(), Malformed> {
    let mut id = 0;
    while let Some(kind) = field(reader, &mut id)? {
        match (id, kind) {
            (3, STRUCT) => {
                let mut inner = ThriftStruct::default();
                put_column(reader, &mut inner)?;
                out.put(id, kind, &inner.end());
            }
            // The path of another file that it lies in, and its place there.
            (1 | 2, _) => out.copy(id, kind, reader, |reader| skip(reader, kind, 0))?,
            // How it is encrypted.
            (8, _) => {
                *encrypted = true;
                skip(reader, kind, 0)?;
            }
            _ => skip(reader, kind, 0)?,
        }
    }
    Ok(())
}

fn put_column(reader: &mut ByteReader<'_>, out: &mut ThriftStruct) -> Result<(), Malformed> {
    let mut id = 0;
    while let Some(kind) = field(reader, &mut id)? {
        match (id, kind) {
            // From the type to the place of the first data page; 8 is metadata of the user.
            (1..=7 | 9, _) => out.copy(id, kind, reader, |reader| skip(reader, kind, 0))?,
            // No page lies where the file's own magic number does.
            (11, I64) => {
                let before = reader.rest();
                if zigzag(reader)? > 0 {
                    out.put(id, kind, &before[..before.len() - reader.rest().len()]);
                }
            }
            _ => skip(reader, kind, 0)?,
        }
    }
    Ok(())
}

/// Rewrites a list of structs, each by `put`.
fn put_structs(
    reader: &mut ByteReader<'_>,
    out: &mut ThriftStruct,
    id: i64,
    put: &mut dyn FnMut(&mut ByteReader<'_>, &mut ThriftStruct) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let (length, kind) = list(reader)?;
    if kind != STRUCT && length > 0 {
        return Err(Malformed("a list has no structs"));
    }
    let mut bytes = vec![0xf0 | STRUCT];
    bytes.put_varint(length);
    for _ in 0..length {
        let mut inner = ThriftStruct::default();
        put(reader, &mut inner)?;
        bytes.extend_from_slice(&inner.end());
    }
    out.put(id, LIST, &bytes);
    Ok(())
}

/// A struct that is being written.
#[derive(Default)]
struct ThriftStruct {
    bytes: Vec<u8>,
    /// The id of the last field.
    last: i64,
}

impl ThriftStruct {
    fn put(&mut self, id: i64, kind: u8, value: &[u8]) {
        match u8::try_from(id - self.last) {
            Ok(more @ 1..=15) => self.bytes.push(more << 4 | kind),
            _ => {
                self.bytes.push(kind);
                self.bytes.put_varint((id << 1 ^ id >> 63).cast_unsigned());
            }
        }
        self.last = id;
        self.bytes.extend_from_slice(value);
    }

    /// Copies a field whose value `pass` passes over.
    fn copy(
        &mut self,
        id: i64,
        kind: u8,
        reader: &mut ByteReader<'_>,
        pass: impl FnOnce(&mut ByteReader<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let before = reader.rest();
        pass(reader)?;
        self.put(id, kind, &before[..before.len() - reader.rest().len()]);
        Ok(())
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn check_schema(reader: &mut ByteReader<'_>) -> Result<(), Malformed> {
    let (nodes, kind) = list(reader)?;
    if kind != STRUCT {
        return Err(Malformed("the schema is not a list of nodes"));
    }
    // How many children are still to come, for each node from the root down.
    let mut open: Vec<u64> = Vec::new();
    for node in 0..nodes {
        let mut children = 0;
        let mut id = 0;
        while let Some(kind) = field(reader, &mut id)? {
            match (id, kind) {
                (5, I32) => children = zigzag(reader)?,
                _ => skip(reader, kind, 0)?,
            }
        }
        while open.pop_if(|left| *left == 0).is_some() {}
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        let children = u64::try_from(children).map_err(|_| Malformed("a node has a negative number of children"))?;
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
const I64: u8 = 6;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// Returns the next field of a struct: its type, and its id in `id`, which held the one before. `None` at the struct's end.
fn field(reader: &mut ByteReader<'_>, id: &mut i64) -> Result<Option<u8>, Malformed> {
    let head = reader.u8()?;
    if head == 0 {
        return Ok(None);
    }
    *id = match head >> 4 {
        0 => zigzag(reader)?,
        more => id.saturating_add(i64::from(more)),
    };
    Ok(Some(head & 0x0f))
}

/// Returns the head of a list or a set: its length, which cannot exceed the bytes that follow, and the type of its
/// elements.
fn list(reader: &mut ByteReader<'_>) -> Result<(u64, u8), Malformed> {
    let head = reader.u8()?;
    let length = match head >> 4 {
        15 => reader.count(1)? as u64,
        few => u64::from(few),
    };
    Ok((length, head & 0x0f))
}

fn zigzag(reader: &mut ByteReader<'_>) -> Result<i64, Malformed> {
    let value = reader.varint()?;
    Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

/// Passes over the value of a field.
fn skip(reader: &mut ByteReader<'_>, kind: u8, depth: usize) -> Result<(), Malformed> {
    if depth > DEPTH {
        return Err(Malformed("a struct is deeper than 64"));
    }
    match kind {
        1 | 2 => {}
        3 => drop(reader.u8()?),
        4..=6 => drop(reader.varint()?),
        7 => drop(reader.slice(8)?),
        8 => drop(reader.bytes()?),
        LIST | 10 => {
            let (length, kind) = list(reader)?;
            for _ in 0..length {
                // A boolean is a byte of its own here.
                skip(reader, if kind <= 2 { 3 } else { kind }, depth + 1)?;
            }
        }
        STRUCT => {
            let mut id = 0;
            while let Some(kind) = field(reader, &mut id)? {
                skip(reader, kind, depth + 1)?;
            }
        }
        _ => return Err(Malformed("unknown type of a field")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::ByteWriter;
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
        put_footer(&mut ByteReader::new(bytes), &mut ThriftStruct::default(), &mut false)
    }

    #[test]
    fn writers_are_told_apart_by_their_version() {
        for old in
            ["parquet-mr", "parquet-mr version 1.2.8 (build x)", "parquet-mr version 1.2.8-SNAPSHOT", "parquet-mr version 0.9"]
        {
            assert!(omits_dictionary_headers(Some(old)), "{old}");
        }
        for new in ["parquet-mr version 1.2.9", "parquet-mr version 1.12.0-2018 (build x)", "parquet-cpp-arrow version 1.0.0", ""]
        {
            assert!(!omits_dictionary_headers(Some(new)), "{new}");
        }
        assert!(!omits_dictionary_headers(None));
    }

    #[test]
    fn a_dictionary_does_not_lie_where_the_file_begins() {
        let column = |place: u8| {
            // The type, the place of the data page, that of the dictionary, the length of a filter.
            let bytes = [0x15, 2, 0x86, 8, 0x26, place, 0x45, 2, 0];
            let mut out = ThriftStruct::default();
            put_column(&mut ByteReader::new(&bytes), &mut out).unwrap();
            out.end()
        };
        assert_eq!(column(8), [0x15, 2, 0x86, 8, 0x26, 8, 0]);
        assert_eq!(column(0), [0x15, 2, 0x86, 8, 0]);
    }

    #[test]
    fn only_what_is_needed_is_kept() {
        // A footer of fields 1 (1), 3 (7 rows), 5 (a list), 7 (a struct) and 20.
        let bytes = [0x15, 2, 0x26, 14, 0x29, 0x18, 1, b'k', 0x2c, 0x15, 4, 0, 0x05, 40, 2, 0];
        let mut out = ThriftStruct::default();
        put_footer(&mut ByteReader::new(&bytes), &mut out, &mut false).unwrap();
        assert_eq!(out.end(), [0x15, 2, 0x26, 14, 0]);
        let far = {
            let mut out = ThriftStruct::default();
            out.put(40, I32, &[2]);
            out.end()
        };
        assert_eq!(far, [0x05, 80, 2, 0]);
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
