//! The table of contents of a pack, and the pack's first and last bytes. Specified in `docs/formats/pack.md`.

use crate::codec::{Malformed, Put, Take};
use crate::limits;
use crate::object::{Key, Kind};
use crate::pack::block::HEADER as BLOCK_HEADER;

/// The first bytes of a pack.
pub const HEADER: [u8; 8] = *b"HLXPACK1";
/// The last bytes of a pack.
pub const END: [u8; 8] = *b"HLXPEND1";
/// Bytes after the table of contents: its length, its hash, [`END`].
pub const FOOTER: usize = 4 + 32 + 8;

/// What the table says of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Where the block begins in the pack.
    pub offset: u32,
    /// Its length.
    pub len: u32,
    /// The kind of its objects.
    pub kind: Kind,
    /// See [`crate::pack::block::Head::depth`].
    pub depth: u8,
    /// Its objects in order: the id and the length of each.
    pub objects: Vec<([u8; 32], u32)>,
}

impl BlockEntry {
    /// The keys of its objects, with where each lies in the block uncompressed.
    pub fn keys(&self) -> impl Iterator<Item = (Key, u32, u32)> + '_ {
        let mut at = 0;
        self.objects.iter().map(move |(id, len)| {
            let start = at;
            at += len;
            (Key { id: *id, kind: self.kind }, start, *len)
        })
    }
}

/// The table of contents and the footer.
pub fn encode(blocks: &[BlockEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_varint(blocks.len() as u64);
    for block in blocks {
        out.push(block.kind as u8);
        out.push(block.depth);
        out.put_varint(u64::from(block.len));
        out.put_varint(block.objects.len() as u64);
        for (id, len) in &block.objects {
            out.extend_from_slice(id);
            out.put_varint(u64::from(*len));
        }
    }
    let hash = blake3::hash(&out);
    let len = out.len() as u32;
    out.put_u32(len);
    out.extend_from_slice(hash.as_bytes());
    out.extend_from_slice(&END);
    out
}

/// The length of the table of contents and what its hash must be, from the pack's last [`FOOTER`] bytes.
pub fn footer(bytes: &[u8]) -> Result<(usize, [u8; 32]), Malformed> {
    let mut take = Take::new(bytes);
    let len = take.u32()? as usize;
    let hash = take.array()?;
    if take.array()? != END {
        return Err(Malformed("it does not end as a pack does"));
    }
    if len > limits::TOC {
        return Err(Malformed("its table of contents is too long"));
    }
    Ok((len, hash))
}

/// Reads the table of contents; `end` is where the blocks end in the pack.
pub fn decode(bytes: &[u8], hash: &[u8; 32], end: u64) -> Result<Vec<BlockEntry>, Malformed> {
    if blake3::hash(bytes) != *hash {
        return Err(Malformed("its table of contents does not match its hash"));
    }
    let mut take = Take::new(bytes);
    let count = take.count(4)?;
    let mut blocks = Vec::with_capacity(count);
    let mut offset = HEADER.len() as u64;
    for _ in 0..count {
        let kind = Kind::from_byte(take.u8()?).ok_or(Malformed("a block is of no known kind"))?;
        let depth = take.u8()?;
        let len = take.varint_max(u64::from(u32::MAX))? as u32;
        let objects = take.count(33)?;
        if objects == 0 || objects > limits::BLOCK_OBJECTS || depth > limits::BLOCK_DEPTH || (len as usize) < BLOCK_HEADER {
            return Err(Malformed("a block of its table of contents cannot be"));
        }
        let objects = (0..objects)
            .map(|_| Ok((take.array()?, take.varint_max(limits::OBJECT as u64)? as u32)))
            .collect::<Result<Vec<_>, Malformed>>()?;
        if objects.iter().map(|(_, len)| *len as usize).sum::<usize>() > limits::OBJECT {
            return Err(Malformed("a block of its table of contents is too long"));
        }
        let at = u32::try_from(offset).map_err(|_| Malformed("it is longer than 4 GiB"))?;
        blocks.push(BlockEntry { offset: at, len, kind, depth, objects });
        offset += u64::from(len);
    }
    take.end()?;
    if offset != end {
        return Err(Malformed("its blocks do not fill it"));
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_come_back_and_damage_is_noticed() {
        let blocks = vec![
            BlockEntry { offset: 8, len: 100, kind: Kind::Chunk, depth: 0, objects: vec![([1; 32], 5), ([2; 32], 700)] },
            BlockEntry { offset: 108, len: 50, kind: Kind::Chunk, depth: 2, objects: vec![([3; 32], 0)] },
        ];
        let bytes = encode(&blocks);
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
}
