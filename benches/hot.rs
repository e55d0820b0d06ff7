//! The hot parts one by one: cutting, compressing, looking up, building and comparing manifests. `cargo bench`.

use std::collections::HashMap;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use helox::Result;
use helox::formats::{Compressor, DataPath, Delta, cut, decompress, index};
use helox::id::{Id, NodeId};
use helox::manifest::{ManifestBuilder, ManifestDiff, NodeSink, NodeSource};
use helox::object::node::{Entry, EntryKind, Node};
use helox::object::{Key, ObjectKind};

fn main() {
    divan::main();
}

/// JSON lines as legal records look: some words often, ids never twice.
fn records(seed: u64, bytes: usize) -> Vec<u8> {
    let words =
        ["tenant", "landlord", "shall", "premises", "rent", "notice", "term", "renewal", "consent", "default", "the", "of", "to"];
    let mut noise = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    let (mut out, mut dice) = (Vec::with_capacity(bytes + 400), [0u8; 40]);
    while out.len() < bytes {
        noise.fill(&mut dice);
        let id = u32::from_le_bytes([dice[0], dice[1], dice[2], dice[3]]);
        let text: Vec<&str> = dice[4..].iter().map(|d| words[usize::from(*d) % words.len()]).collect();
        out.extend_from_slice(format!("{{\"id\":\"lease-{id:08x}\",\"text\":\"{}\"}}\n", text.join(" ")).as_bytes());
    }
    out.truncate(bytes);
    out
}

const BLOCK: usize = 1 << 20;

#[divan::bench]
fn cut_16_mib(bencher: Bencher<'_, '_>) {
    let data = records(1, 16 << 20);
    bencher.counter(BytesCount::of_slice(&data)).bench(|| {
        let (mut rest, mut chunks) = (&data[..], 0);
        while !rest.is_empty() {
            rest = &rest[cut::first(rest)..];
            chunks += 1;
        }
        chunks
    });
}

#[divan::bench(args = [1, 3])]
fn compress_a_block(bencher: Bencher<'_, '_>, level: i32) {
    let data = records(1, BLOCK);
    let mut compressor = Compressor::default();
    bencher.counter(BytesCount::new(BLOCK)).bench_local(|| compressor.standalone(&data, level).1.len());
}

#[divan::bench]
fn compress_a_block_against_its_base(bencher: Bencher<'_, '_>) {
    let base = records(1, BLOCK);
    let mut data = base.clone();
    for (n, at) in (0..BLOCK - 200).step_by(30_000).enumerate() {
        data.splice(at..at + 100, records(n as u64 + 9, 120));
    }
    let mut compressor = Compressor::default();
    bencher
        .counter(BytesCount::of_slice(&data))
        .bench_local(|| compressor.deltas(&[Delta { raw: &data, base: &base, old: false }], 1));
}

#[divan::bench]
fn decompress_a_block(bencher: Bencher<'_, '_>) {
    let data = records(1, BLOCK);
    let mut compressor = Compressor::default();
    let (codec, frame) = compressor.standalone(&data, 1);
    bencher.counter(BytesCount::new(BLOCK)).bench(|| decompress(codec, frame, b"", BLOCK));
}

#[divan::bench(args = [10_000, 1_000_000])]
fn look_up(bencher: Bencher<'_, '_>, rows: u32) {
    let key = |n: u32| Key { id: *blake3::hash(&n.to_le_bytes()).as_bytes(), kind: ObjectKind::Chunk };
    let row = |n: u32| index::IndexRow {
        key: key(n),
        depth: 0,
        pack: Id::from_bytes([1; 32]),
        offset: n,
        len: 9,
        raw_at: 1,
        raw_len: 2,
    };
    let table = index::IndexTable::of((0..rows).map(row).collect());
    let wanted: Vec<Key> = (0..1_000).map(|n| key(n * 7)).collect();
    bencher.counter(ItemsCount::new(wanted.len())).bench(|| wanted.iter().filter(|k| table.find(k).next().is_some()).count());
}

#[derive(Default)]
struct Memory(HashMap<Id<NodeId>, Vec<u8>>);

impl NodeSink for Memory {
    fn put(&mut self, id: Id<NodeId>, bytes: &[u8]) -> Result<()> {
        self.0.insert(id, bytes.to_vec());
        Ok(())
    }
}

impl NodeSource for Memory {
    fn node(&self, id: Id<NodeId>) -> Result<Node> {
        Node::decode(&self.0[&id]).map_err(|e| helox::Error::damaged(e.to_string()))
    }
}

fn build(memory: &mut Memory, files: usize, changed: usize) -> Id<NodeId> {
    let mut builder = ManifestBuilder::default();
    for n in 0..files {
        let path = DataPath::new(&format!("d{:04}/doc_{n:07}.txt", n / 500)).unwrap_or_else(|e| unreachable!("{e}"));
        let content = Id::of(&(if n == changed { files } else { n }).to_le_bytes());
        let entry = Entry { path, kind: EntryKind::File, size: 5, samples: None, content };
        builder.push(memory, entry).unwrap_or_else(|e| unreachable!("{e}"));
    }
    builder.finish(memory).unwrap_or_else(|e| unreachable!("{e}")).0
}

#[divan::bench]
fn build_a_manifest_of_100_000(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(100_000usize)).bench(|| build(&mut Memory::default(), 100_000, usize::MAX));
}

#[divan::bench]
fn compare_manifests_of_100_000_with_one_change(bencher: Bencher<'_, '_>) {
    let mut memory = Memory::default();
    let (a, b) = (build(&mut memory, 100_000, usize::MAX), build(&mut memory, 100_000, 55_555));
    bencher.bench(|| ManifestDiff::new(&memory, a, b).map(Iterator::count));
}
