//! Blocks: many objects of one kind, compressed together. The format is specified in `docs/formats/pack.md`.

use std::ops::Range;

use crate::chunk::compress::Codec;
use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::limits;
use crate::object::{Key, ObjectKind};

/// The first bytes of every block, by which a reader finds the next one after damage.
pub const MAGIC: [u8; 4] = *b"HXBK";
/// Bytes before the block's lists.
pub const HEADER: usize = 36;

/// The header of a block, without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockHead {
    /// The kind of its objects.
    pub kind: ObjectKind,
    /// The encoding of the payload.
    pub codec: Codec,
    /// 0 for a block that stands alone, else one more than the deepest block of its base.
    pub depth: u8,
    /// The lengths of its objects, in order; their sum is the length of the payload uncompressed.
    pub lens: Vec<u32>,
    /// The runs of a delta, in order; none on any other codec.
    pub runs: Vec<DeltaRun>,
}

/// Neighbouring objects of a delta that are compressed together against a base of their own, so that they can be read
/// without the rest of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaRun {
    /// The number of objects.
    pub objects: u32,
    /// The objects whose bytes, one after the other, are its base: at least one.
    pub bases: Vec<Key>,
    /// The length of its frame in the payload.
    pub len: u32,
}

/// The location of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRange {
    /// Its bytes in the block uncompressed.
    pub raw: Range<usize>,
    /// Its frame in the payload.
    pub frame: Range<usize>,
}

impl BlockHead {
    /// Returns the length of the payload uncompressed.
    pub fn raw_len(&self) -> usize {
        self.lens.iter().map(|&n| n as usize).sum()
    }

    /// Returns true if one of its objects lies there in the block uncompressed.
    pub fn has_object(&self, raw_at: u32, raw_len: u32) -> bool {
        let mut at = 0;
        self.lens.iter().any(|&len| {
            let start = at;
            at += u64::from(len);
            (start, len) == (u64::from(raw_at), raw_len)
        })
    }

    /// Fails unless a reader accepts a block with this head and a payload of so many bytes.
    pub fn check(&self, payload: usize) -> Result<(), Malformed> {
        let objects: usize = self.runs.iter().map(|run| run.objects as usize).sum();
        let bases: usize = self.runs.iter().map(|run| run.bases.len()).sum();
        let frames: usize = self.runs.iter().map(|run| run.len as usize).sum();
        let delta = self.codec == Codec::Delta;
        match () {
            () if self.lens.is_empty() || self.lens.len() > limits::BLOCK_OBJECTS => {
                Err(Malformed("it has no objects or more than 65,536"))
            }
            () if self.raw_len() > limits::OBJECT => Err(Malformed("its objects are longer than 4,194,304 bytes")),
            () if payload > limits::OBJECT => Err(Malformed("its payload is longer than 4,194,304 bytes")),
            () if self.runs.iter().any(|run| run.objects == 0 || run.bases.is_empty()) => {
                Err(Malformed("a run has no object or no base"))
            }
            () if bases > limits::BLOCK_BASES => Err(Malformed("it has more than 65,536 bases")),
            () if self.depth > limits::BLOCK_DEPTH => Err(Malformed("it has more than 8 levels of deltas")),
            () if delta == self.runs.is_empty() || delta == (self.depth == 0) => {
                Err(Malformed("its runs, codec and depth do not match"))
            }
            () if delta && (frames != payload || objects != self.lens.len()) => Err(Malformed("its runs do not cover it")),
            () => Ok(()),
        }
    }

    /// Returns the runs and where they lie.
    pub fn run_ranges(&self) -> impl Iterator<Item = (&DeltaRun, RunRange)> {
        let (mut lens, mut raw, mut frame) = (self.lens.iter(), 0, 0);
        self.runs.iter().map(move |run| {
            let raw_len: usize = lens.by_ref().take(run.objects as usize).map(|&n| n as usize).sum();
            let range = RunRange { raw: raw..raw + raw_len, frame: frame..frame + run.len as usize };
            (raw, frame) = (range.raw.end, range.frame.end);
            (run, range)
        })
    }
}

/// Puts a block into its stored form.
///
/// # Errors
/// What [`BlockHead::check`] says of a block that no reader would accept.
pub fn encode(head: &BlockHead, payload: &[u8]) -> Result<Vec<u8>, Malformed> {
    head.check(payload.len())?;
    let mut lists =
        Vec::with_capacity(head.lens.len() * 3 + head.runs.iter().map(|run| 12 + run.bases.len() * 33).sum::<usize>() + 8);
    lists.put_varint(head.lens.len() as u64);
    for len in &head.lens {
        lists.put_varint(u64::from(*len));
    }
    lists.put_varint(head.runs.len() as u64);
    for run in &head.runs {
        lists.put_varint(u64::from(run.objects));
        lists.put_varint(run.bases.len() as u64);
        for base in &run.bases {
            lists.push(base.kind as u8);
            lists.extend_from_slice(&base.id);
        }
        lists.put_varint(u64::from(run.len));
    }
    let mut out = Vec::with_capacity(HEADER + lists.len() + payload.len());
    out.extend_from_slice(&MAGIC);
    out.push(head.kind as u8);
    out.push(head.codec as u8);
    out.push(head.depth);
    out.push(0);
    out.put_u32(head.raw_len() as u32);
    out.put_u32(lists.len() as u32);
    out.put_u32(payload.len() as u32);
    out.extend_from_slice(&[0; 16]);
    out.extend_from_slice(&lists);
    out.extend_from_slice(payload);
    let check = check(&out);
    out[20..HEADER].copy_from_slice(&check);
    Ok(out)
}

/// Returns the first 16 bytes of the BLAKE3 of a block without its check: bytes 0 to 19, and all from 36 on.
fn check(block: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&block[..20]);
    hasher.update(&block[HEADER..]);
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    out
}

/// Returns the length of a block, from its first [`HEADER`] bytes; `None` where no block begins.
pub fn len(header: &[u8]) -> Option<usize> {
    part_lens(header).map(|(lists, payload)| HEADER + lists + payload)
}

/// Returns the length of a block without its payload, from its first [`HEADER`] bytes; `None` where no block begins.
pub fn head_len(header: &[u8]) -> Option<usize> {
    part_lens(header).map(|(lists, _)| HEADER + lists)
}

/// Returns the lengths of the lists and of the payload of a block.
fn part_lens(header: &[u8]) -> Option<(usize, usize)> {
    let mut reader = ByteReader::new(header.get(..HEADER)?);
    if reader.array().ok()? != MAGIC {
        return None;
    }
    reader.slice(8).ok()?;
    let (lists, payload) = (reader.u32().ok()? as usize, reader.u32().ok()? as usize);
    (lists <= MAX_LISTS && payload <= limits::OBJECT).then_some((lists, payload))
}

/// The greatest length of the lists of a block.
const MAX_LISTS: usize = 16 + limits::BLOCK_OBJECTS * (5 + 15) + limits::BLOCK_BASES * 33;

/// Takes a whole block apart, after its check. The payload is what follows the returned offset.
pub fn decode(block: &[u8]) -> Result<(BlockHead, usize), Malformed> {
    if len(block) != Some(block.len()) {
        return Err(Malformed("it does not have the length of its block"));
    }
    if check(block) != block[20..HEADER] {
        return Err(Malformed("its checksum does not match"));
    }
    let (head, payload) = head(block)?;
    Ok((head, payload))
}

/// Reads the head from the first bytes of a block, of which the lists must be there.
pub fn head(block: &[u8]) -> Result<(BlockHead, usize), Malformed> {
    let mut reader = ByteReader::new(block);
    reader.slice(4)?;
    let kind = ObjectKind::from_byte(reader.u8()?).ok_or(Malformed("unknown kind"))?;
    let codec = Codec::from_byte(reader.u8()?).ok_or(Malformed("unknown codec"))?;
    let depth = reader.u8()?;
    if reader.u8()? != 0 {
        return Err(Malformed("a reserved byte is set"));
    }
    let raw_len = reader.u32()? as usize;
    let lists = reader.u32()? as usize;
    let payload = reader.u32()? as usize;
    reader.slice(16)?;
    let mut reader = ByteReader::new(reader.slice(lists)?);
    let count = reader.count(1)?;
    let lens = (0..count).map(|_| Ok(reader.varint_max(limits::OBJECT as u64)? as u32)).collect::<Result<Vec<_>, _>>()?;
    let runs = runs(&mut reader)?;
    reader.end()?;
    let head = BlockHead { kind, codec, depth, lens, runs };
    if head.raw_len() != raw_len {
        return Err(Malformed("its lengths do not match"));
    }
    head.check(payload)?;
    Ok((head, HEADER + lists))
}

fn runs(reader: &mut ByteReader<'_>) -> Result<Vec<DeltaRun>, Malformed> {
    let count = reader.count(36)?;
    let mut runs = Vec::with_capacity(count);
    for _ in 0..count {
        let objects = reader.varint_max(limits::BLOCK_OBJECTS as u64)? as u32;
        let count = reader.count(33)?;
        let base = |reader: &mut ByteReader<'_>| {
            let kind = ObjectKind::from_byte(reader.u8()?).ok_or(Malformed("unknown kind of base"))?;
            Ok(Key { id: reader.array()?, kind })
        };
        let bases = (0..count).map(|_| base(reader)).collect::<Result<_, Malformed>>()?;
        runs.push(DeltaRun { objects, bases, len: reader.varint_max(limits::OBJECT as u64)? as u32 });
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn example() -> Vec<u8> {
        let head = BlockHead {
            kind: ObjectKind::Chunk,
            codec: Codec::Delta,
            depth: 1,
            lens: vec![3, 200, 7],
            runs: vec![
                DeltaRun { objects: 2, bases: vec![Key { id: [9; 32], kind: ObjectKind::Chunk }], len: 3 },
                DeltaRun { objects: 1, bases: vec![Key { id: [8; 32], kind: ObjectKind::Recipe }], len: 4 },
            ],
        };
        encode(&head, b"payload").unwrap()
    }

    #[test]
    fn blocks_come_back() {
        let block = example();
        assert_eq!(len(&block), Some(block.len()));
        let (head, payload) = decode(&block).unwrap();
        assert_eq!((head.raw_len(), head.depth, &block[payload..]), (210, 1, &b"payload"[..]));
        let places: Vec<RunRange> = head.run_ranges().map(|(_, range)| range).collect();
        assert_eq!(places, [RunRange { raw: 0..203, frame: 0..3 }, RunRange { raw: 203..210, frame: 3..7 }]);
    }

    #[test]
    fn every_flip_and_cut_is_noticed() {
        let good = example();
        for n in 0..good.len() {
            assert!(decode(&good[..n]).is_err());
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[n] ^= 1 << bit;
                assert!(decode(&bad).is_err(), "byte {n} bit {bit}");
                let _ = head(&bad);
            }
        }
    }

    /// Returns true if a block is accepted; the encoder and the decoder must say the same.
    fn accepted(head: &BlockHead, payload: usize) -> bool {
        let payload = vec![7; payload];
        let Ok(block) = encode(head, &payload) else { return false };
        assert_eq!(len(&block), Some(block.len()));
        let (again, at) = decode(&block).expect("what the encoder accepts the decoder does");
        assert_eq!((&again, &block[at..]), (head, &payload[..]));
        true
    }

    fn alone(lens: Vec<u32>) -> BlockHead {
        BlockHead { kind: ObjectKind::Chunk, codec: Codec::Stored, depth: 0, lens, runs: Vec::new() }
    }

    /// A delta of a run for each count of bases, with one object and one byte each.
    fn delta(bases: &[usize]) -> BlockHead {
        let base = Key { id: [9; 32], kind: ObjectKind::Chunk };
        let runs: Vec<DeltaRun> = bases.iter().map(|&n| DeltaRun { objects: 1, bases: vec![base; n], len: 1 }).collect();
        BlockHead { kind: ObjectKind::Chunk, codec: Codec::Delta, depth: 1, lens: vec![1; runs.len()], runs }
    }

    #[test]
    fn the_limits() {
        let around = |limit: usize| [(limit - 1, true), (limit, true), (limit + 1, false)];
        for (n, fits) in around(limits::BLOCK_OBJECTS) {
            assert_eq!(accepted(&alone(vec![1; n]), n), fits);
            assert_eq!(accepted(&alone(vec![0; n]), 0), fits);
        }
        for (n, fits) in around(limits::OBJECT) {
            assert_eq!(accepted(&alone(vec![n as u32]), 1), fits);
            assert_eq!(accepted(&alone(vec![n as u32 - 9, 9]), 1), fits);
            assert_eq!(accepted(&alone(vec![1]), n), fits);
        }
        for (n, fits) in around(limits::BLOCK_BASES) {
            assert_eq!(accepted(&delta(&[n]), 1), fits);
            assert_eq!(accepted(&delta(&[1, n - 1]), 2), fits);
        }
        assert!(accepted(&delta(&vec![1; limits::BLOCK_OBJECTS]), limits::BLOCK_OBJECTS), "the longest lists");
        for (n, fits) in around(usize::from(limits::BLOCK_DEPTH)) {
            assert_eq!(accepted(&BlockHead { depth: n as u8, ..delta(&[1]) }, 1), fits);
        }
        assert!(!accepted(&alone(vec![]), 0) && !accepted(&delta(&[0]), 1) && !accepted(&delta(&[]), 0));
        assert!(!accepted(&BlockHead { depth: 1, ..alone(vec![1]) }, 1) && !accepted(&BlockHead { depth: 0, ..delta(&[1]) }, 1));
    }

    proptest! {
        #[test]
        fn any_head_is_accepted_by_both_or_refused(
            lens in prop::collection::vec(prop_oneof![0u32..9, Just(limits::OBJECT as u32), any::<u32>()], 0..4),
            runs in prop::collection::vec((0u32..3, 0usize..3, 0u32..4), 0..4),
            (codec, depth, payload) in (0u8..3, 0u8..10, 0usize..9),
        ) {
            let base = Key { id: [9; 32], kind: ObjectKind::Node };
            let runs = runs.into_iter().map(|(objects, bases, len)| DeltaRun { objects, bases: vec![base; bases], len }).collect();
            let codec = Codec::from_byte(codec).unwrap_or(Codec::Stored);
            let head = BlockHead { kind: ObjectKind::Node, codec, depth, lens, runs };
            prop_assert_eq!(accepted(&head, payload), head.check(payload).is_ok());
        }
    }
}
