//! The table of contents of a pack, and the pack's first and last bytes. Specified in `docs/formats/pack.md`.

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::limits;
use crate::object::{Key, ObjectKind};
use crate::pack::block::{BlockHead, HEADER as BLOCK_HEADER};

/// The first bytes of a pack.
pub const HEADER: [u8; 8] = *b"HLXPACK1";
/// The last bytes of a pack.
pub const END: [u8; 8] = *b"HLXPEND1";
/// Bytes after the table of contents: its length, its hash, [`END`].
pub const FOOTER: usize = 4 + 32 + 8;

/// The entry of a block in the table of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// The start of the block in the pack.
    pub offset: u32,
    /// Its length.
    pub len: u32,
    /// The kind of its objects.
    pub kind: ObjectKind,
    /// See [`crate::pack::block::BlockHead::depth`].
    pub depth: u8,
    /// Its objects in order: the id and the length of each.
    pub objects: Vec<([u8; 32], u32)>,
}

impl BlockEntry {
    /// Fails unless a reader accepts it.
    fn check(&self) -> Result<(), Malformed> {
        let raw: usize = self.objects.iter().map(|(_, len)| *len as usize).sum();
        match () {
            () if self.objects.is_empty() || self.objects.len() > limits::BLOCK_OBJECTS => {
                Err(Malformed("a block of its table of contents has no objects or more than 65,536"))
            }
            () if raw > limits::OBJECT => {
                Err(Malformed("the objects of a block of its table of contents are longer than 4,194,304 bytes"))
            }
            () if self.depth > limits::BLOCK_DEPTH => {
                Err(Malformed("a block of its table of contents has more than 8 levels of deltas"))
            }
            () if (self.len as usize) < BLOCK_HEADER => Err(Malformed("a block of its table of contents is too short")),
            () => Ok(()),
        }
    }

    /// Returns true if the head of a block says the same: kind, depth, and the lengths of the objects.
    pub fn agrees_with(&self, head: &BlockHead) -> bool {
        let lens = self.objects.iter().map(|(_, len)| *len);
        (self.kind, self.depth) == (head.kind, head.depth) && head.lens.iter().copied().eq(lens)
    }

    /// Returns the keys of its objects, with where each lies in the block uncompressed.
    pub fn keys(&self) -> impl Iterator<Item = (Key, u32, u32)> + '_ {
        let mut at = 0;
        self.objects.iter().map(move |(id, len)| {
            let start = at;
            at += len;
            (Key { id: *id, kind: self.kind }, start, *len)
        })
    }
}

/// Returns the table of contents and the footer.
///
/// # Errors
/// If no reader would accept it: a block beyond the limits, or a table longer than `limits::TOC`.
pub fn encode(blocks: &[BlockEntry]) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    let mut offset = HEADER.len() as u64;
    out.put_varint(blocks.len() as u64);
    for block in blocks {
        block.check()?;
        if u64::from(block.offset) != offset {
            return Err(Malformed("its blocks are not contiguous within 4 GiB"));
        }
        offset += u64::from(block.len);
        out.push(block.kind as u8);
        out.push(block.depth);
        out.put_varint(u64::from(block.len));
        out.put_varint(block.objects.len() as u64);
        for (id, len) in &block.objects {
            out.extend_from_slice(id);
            out.put_varint(u64::from(*len));
        }
    }
    if out.len() > limits::TOC {
        return Err(Malformed("its table of contents is longer than 1 GiB"));
    }
    let hash = blake3::hash(&out);
    let len = out.len() as u32;
    out.put_u32(len);
    out.extend_from_slice(hash.as_bytes());
    out.extend_from_slice(&END);
    Ok(out)
}

/// Returns the length of the table of contents and what its hash must be, from the pack's last [`FOOTER`] bytes.
pub fn footer(bytes: &[u8]) -> Result<(usize, [u8; 32]), Malformed> {
    let mut reader = ByteReader::new(bytes);
    let len = reader.u32()? as usize;
    let hash = reader.array()?;
    if reader.array()? != END {
        return Err(Malformed("its end is not that of a pack"));
    }
    if len > limits::TOC {
        return Err(Malformed("its table of contents is longer than 1 GiB"));
    }
    Ok((len, hash))
}

/// Reads the table of contents; `end` is where the blocks end in the pack.
pub fn decode(bytes: &[u8], hash: &[u8; 32], end: u64) -> Result<Vec<BlockEntry>, Malformed> {
    if blake3::hash(bytes) != *hash {
        return Err(Malformed("its table of contents does not match its hash"));
    }
    let mut reader = ByteReader::new(bytes);
    let count = reader.count(4)?;
    let mut blocks = Vec::with_capacity(count);
    let mut offset = HEADER.len() as u64;
    for _ in 0..count {
        let kind = ObjectKind::from_byte(reader.u8()?).ok_or(Malformed("unknown kind of block"))?;
        let depth = reader.u8()?;
        let len = reader.varint_max(u64::from(u32::MAX))? as u32;
        let objects = reader.count(33)?;
        let objects = (0..objects)
            .map(|_| Ok((reader.array()?, reader.varint_max(limits::OBJECT as u64)? as u32)))
            .collect::<Result<Vec<_>, Malformed>>()?;
        let at = u32::try_from(offset).map_err(|_| Malformed("it is longer than 4 GiB"))?;
        let block = BlockEntry { offset: at, len, kind, depth, objects };
        block.check()?;
        blocks.push(block);
        offset += u64::from(len);
    }
    reader.end()?;
    if offset != end {
        return Err(Malformed("its blocks do not cover it"));
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tables_come_back_and_damage_is_noticed() {
        let blocks = vec![
            BlockEntry { offset: 8, len: 100, kind: ObjectKind::Chunk, depth: 0, objects: vec![([1; 32], 5), ([2; 32], 700)] },
            BlockEntry { offset: 108, len: 50, kind: ObjectKind::Chunk, depth: 2, objects: vec![([3; 32], 0)] },
        ];
        let bytes = encode(&blocks).unwrap();
        let (toc, foot) = bytes.split_at(bytes.len() - FOOTER);
        let (len, hash) = footer(foot).unwrap();
        assert_eq!(len, toc.len());
        assert_eq!(decode(toc, &hash, 158).unwrap(), blocks);
        assert!(decode(toc, &hash, 157).is_err());
        let keys: Vec<_> = blocks[0].keys().map(|(_, at, len)| (at, len)).collect();
        assert_eq!(keys, [(0, 5), (5, 700)]);
        for n in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[n] ^= 1;
            let (toc, foot) = bad.split_at(bad.len() - FOOTER);
            let outcome =
                footer(foot).and_then(|(len, hash)| if len == toc.len() { decode(toc, &hash, 158) } else { Err(Malformed("")) });
            assert!(outcome.is_err(), "byte {n}");
        }
    }

    /// Returns true if a table is accepted; the encoder and the decoder must say the same.
    fn accepted(blocks: &[BlockEntry]) -> bool {
        let Ok(bytes) = encode(blocks) else { return false };
        let (toc, foot) = bytes.split_at(bytes.len() - FOOTER);
        let (len, hash) = footer(foot).unwrap();
        let end = blocks.last().map_or(HEADER.len() as u64, |last| u64::from(last.offset) + u64::from(last.len));
        assert_eq!(
            (len, decode(toc, &hash, end).expect("what the encoder accepts the decoder does")),
            (toc.len(), blocks.to_vec())
        );
        true
    }

    fn entry(offset: u32, len: u32, objects: Vec<u32>) -> BlockEntry {
        let objects = objects.into_iter().map(|len| ([7; 32], len)).collect();
        BlockEntry { offset, len, kind: ObjectKind::Chunk, depth: 0, objects }
    }

    #[test]
    fn the_limits() {
        let around = |limit: usize| [(limit - 1, true), (limit, true), (limit + 1, false)];
        for (n, fits) in around(limits::BLOCK_OBJECTS) {
            assert_eq!(accepted(&[entry(8, 100, vec![1; n])]), fits);
        }
        for (n, fits) in around(limits::OBJECT) {
            assert_eq!(accepted(&[entry(8, 100, vec![n as u32])]), fits);
            assert_eq!(accepted(&[entry(8, 100, vec![n as u32 - 1, 1])]), fits);
        }
        for (n, fits) in around(usize::from(limits::BLOCK_DEPTH)) {
            assert_eq!(accepted(&[BlockEntry { depth: n as u8, ..entry(8, 100, vec![1]) }]), fits);
        }
        for (n, fits) in [(BLOCK_HEADER - 1, false), (BLOCK_HEADER, true)] {
            assert_eq!(accepted(&[entry(8, n as u32, vec![1])]), fits);
        }
        // The last block may begin anywhere below 4 GiB.
        assert!(accepted(&[entry(8, u32::MAX - 8, vec![1]), entry(u32::MAX, u32::MAX, vec![1])]));
        assert!(!accepted(&[entry(8, 100, vec![1]), entry(107, 100, vec![1])]), "a gap");
        assert!(accepted(&[]) && !accepted(&[entry(8, 100, vec![])]));
    }

    proptest! {
        #[test]
        fn any_table_is_accepted_by_both_or_refused(
            blocks in prop::collection::vec((30u32..99, 0u8..10, prop::collection::vec(0..limits::OBJECT as u32, 0..3)), 0..5),
        ) {
            let mut offset = HEADER.len() as u32;
            let blocks: Vec<BlockEntry> = blocks.into_iter().map(|(len, depth, objects)| {
                let block = BlockEntry { depth, ..entry(offset, len, objects) };
                offset += len;
                block
            }).collect();
            prop_assert_eq!(accepted(&blocks), blocks.iter().all(|block| block.check().is_ok()));
        }
    }
}
