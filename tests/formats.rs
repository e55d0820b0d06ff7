//! Reads every example of `docs/formats/` back: what the pages show is what the code writes, and what it reads.
//!
//! An example is a fenced block whose info string is `hex example: NAME`. A line is an offset, two spaces, bytes, and
//! after two more spaces a remark; `*` repeats the bytes of the line before up to the next offset.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "all of this is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helox::formats::{
    Codec, DataPath, Layout, Malformed, Selection, Stamp, Time, WorkspaceState, block, cut, decompress, index, reader, writer,
};
use helox::id::{Chunk, Content, Id, RecipeNode, VersionId};
use helox::object::checksum::{Checksum, DataChecksum};
use helox::object::fact::{Artifact, Fact, Metric, Run, Statement};
use helox::object::node::{Child, Entry, EntryKind, Node, SampleCount};
use helox::object::recipe::{Recipe, RecipeBuilder, RecipeItem};
use helox::object::verdict::{Finding, OpaquePolicy, RuleResult, Severity, Verdict};
use helox::object::version::{ChangeType, Extension, Statistics, ValidationStatus, Version, VersionNumber};
use helox::object::{Key, ObjectKind};
use helox::sample::{ReaderId, Schema};

type Check = fn(&[u8]);

/// Every example, with the check that reads it.
const CHECKS: &[(&str, Check)] = &[
    ("block-delta", block_delta),
    ("block-zstd", block_zstd),
    ("fact-held", |bytes| same(bytes, &fact_held(), Fact::decode, Fact::encode)),
    ("fact-joined", |bytes| same(bytes, &fact_joined(), Fact::decode, Fact::encode)),
    ("fact-note", |bytes| same(bytes, &fact_note(), Fact::decode, Fact::encode)),
    ("fact-released", |bytes| same(bytes, &fact_released(), Fact::decode, Fact::encode)),
    ("fact-run", |bytes| same(bytes, &fact_run(), Fact::decode, Fact::encode)),
    ("fact-tag", |bytes| same(bytes, &fact_tag(), Fact::decode, Fact::encode)),
    ("fact-unknown", |bytes| open_ended(bytes, &fact_unknown())),
    ("fact-validated", |bytes| same(bytes, &fact_validated(), Fact::decode, Fact::encode)),
    ("fact-withdrawn", |bytes| same(bytes, &fact_withdrawn(), Fact::decode, Fact::encode)),
    ("format", format_file),
    ("index", index_table),
    ("node-empty", |bytes| same(bytes, &Node::Leaf(vec![]), Node::decode, Node::encode)),
    ("node-inner", |bytes| same(bytes, &inner(), Node::decode, Node::encode)),
    ("node-leaf", |bytes| same(bytes, &leaf(), Node::decode, Node::encode)),
    ("pack", pack),
    ("recipe", |bytes| same(bytes, &(noise_id(), recipe()), Recipe::decode_root, |(id, r)| r.encode_root(*id))),
    ("recipe-long", |bytes| same(bytes, &(noise_id(), long_recipe()), Recipe::decode_root, |(id, r)| r.encode_root(*id))),
    ("recipe-node", |bytes| same(bytes, &recipe(), Recipe::decode, Recipe::encode)),
    ("ref-fact", |bytes| assert_eq!(bytes, format!("{}\n", fact_tag().id()).as_bytes())),
    ("ref-version", |bytes| assert_eq!(bytes, format!("{}\n", second().id()).as_bytes())),
    ("schema", |bytes| same(bytes, &schema(), Schema::decode, |schema| schema.encode().unwrap())),
    ("verdict", |bytes| same(bytes, &verdict(), Verdict::decode, Verdict::encode)),
    ("version", |bytes| same(bytes, &second(), Version::decode, Version::encode)),
    ("version-extended", |bytes| same_extended(bytes, &extended())),
    ("version-first", |bytes| same(bytes, &first(), Version::decode, Version::encode)),
];

#[test]
fn every_example_is_read_back_and_written_again() {
    let examples = examples();
    let names: Vec<&str> = examples.keys().map(String::as_str).collect();
    let checked: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, checked, "the examples of the pages, and those that this test reads");
    for (name, check) in CHECKS {
        println!("example {name}");
        check(&examples[*name]);
    }
}

#[test]
fn every_page_is_in_the_index() {
    let index = fs::read_to_string(pages().join("README.md")).unwrap();
    for page in page_files() {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || index.contains(&format!("({name})")), "README.md does not name {name}");
    }
}

/// The limits of `src/limits.rs`, by the page that gives them.
const LIMITS: &[(&str, &str)] = &[
    ("fact", "AUTHOR FACT_PARENTS STATEMENT NOTE RUN_NAME RUN_VALUE RUN_ITEMS RUN"),
    ("layout", "FORMAT_FILE FEATURE"),
    ("manifest", "NODE_ITEMS NODE_LEVEL NODE_PATHS FILE TARGET PATH COMPONENT DICTIONARIES POINTER"),
    ("pack", "OBJECT BASE BLOCK_OBJECTS BLOCK_BASES BLOCK_DEPTH TOC"),
    ("recipe", "RECIPE_ITEM RECIPE_ITEMS RECIPE_LEVEL"),
    ("refs", "SEQUENCE"),
    ("schema", "RECORD RECORD_VALUES SCHEMA_DEPTH SCHEMA_FIELDS FIELD_NAME SCHEMA_NAMES"),
    ("verdict", "VERDICT_RULES VERDICT_FINDINGS FINDING MEASURES MEASURE_NAME VERDICT_MEASURES"),
    ("version", "NAME NUMBER VERSION_PARENTS SUMMARY METADATA METADATA_DEPTH VERSION_TAGS EXTENSIONS EXTENSION_BYTES AUTHOR"),
];

#[test]
fn every_limit_is_on_its_page() {
    let source = fs::read_to_string(pages().join("../../src/limits.rs")).unwrap();
    let limits: BTreeMap<&str, u64> = source.lines().filter_map(limit).collect();
    assert!(limits.len() > 40, "{limits:?}");
    let listed: BTreeSet<&str> = LIMITS.iter().flat_map(|(_, names)| names.split(' ')).collect();
    assert_eq!(limits.keys().copied().collect::<BTreeSet<_>>(), listed, "the limits of src/limits.rs, and those of LIMITS");
    for (page, names) in LIMITS {
        let text = fs::read_to_string(pages().join(format!("{page}.md"))).unwrap();
        for name in names.split(' ') {
            let value = limits[name];
            let power = value.is_power_of_two().then(|| format!("2^{}", value.trailing_zeros()));
            let is_given = text.contains(&thousands(value)) || power.is_some_and(|power| text.contains(&power));
            assert!(is_given, "{page}.md does not give the limit {name}, {}", thousands(value));
        }
    }
}

/// Reads a line such as `pub const BASE: usize = 8 << 20;`.
fn limit(line: &str) -> Option<(&str, u64)> {
    let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
    let value = rest.split_once(" = ")?.1.strip_suffix(';')?.replace('_', "");
    let (number, shift) = value.split_once(" << ").unwrap_or((&value, "0"));
    Some((name, number.parse::<u64>().unwrap() << shift.parse::<u32>().unwrap()))
}

fn thousands(value: u64) -> String {
    let digits = value.to_string();
    let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).unwrap()).collect();
    parts.join(",")
}

#[test]
fn the_layout_page_draws_every_folder_of_a_new_store() {
    let page = fs::read_to_string(pages().join("layout.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join(".helox");
    Layout::new(&root).create().unwrap();
    let mut open = vec![root];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            let folder = entry.file_type().unwrap().is_dir();
            assert!(
                page.contains(&if folder { format!(" {name}/") } else { format!(" {name} ") }),
                "layout.md does not draw {name}"
            );
            open.extend(folder.then(|| entry.path()));
        }
    }
}

#[test]
fn the_cut_points_are_those_of_the_chunk_page() {
    let page = fs::read_to_string(pages().join("chunk.md")).unwrap();
    let (_, list) = page.split_once("```text example: cut-points\n").unwrap();
    let (list, _) = list.split_once("```").unwrap();
    let lengths: Vec<usize> = list.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let noise = noise(1 << 20);
    let (mut rest, mut found) = (&noise[..], Vec::new());
    while !rest.is_empty() {
        found.push(cut::first(rest));
        rest = &rest[cut::first(rest)..];
    }
    assert_eq!(found, lengths);
}

#[test]
fn the_stamp_is_that_of_the_workspace_page() {
    let page = fs::read_to_string(pages().join("workspace.md")).unwrap();
    let (_, example) = page.split_once("```json example: stamp\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let selection = Selection { include: vec!["train/**".into()], ..Selection::default() };
    let stamp = Stamp::of(second().id(), &second(), Some(selection));
    let dir = tempfile::tempdir().unwrap();
    stamp.write(dir.path()).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join(".helox-version.json")).unwrap(), example);
    assert_eq!(Stamp::read(dir.path()).unwrap(), Some(stamp));
    for (word, other) in [("selection", "part"), ("1.1.0", "one"), ("leases", "leases\", \"more\": \"")] {
        fs::write(dir.path().join(".helox-version.json"), example.replace(word, other)).unwrap();
        assert!(Stamp::read(dir.path()).is_err(), "{word}");
    }
}

#[test]
fn the_state_is_that_of_the_workspace_page() {
    let page = fs::read_to_string(pages().join("workspace.md")).unwrap();
    let (_, example) = page.split_once("```json example: state\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::new(dir.path().join(".helox"));
    layout.create().unwrap();
    fs::create_dir(layout.workspace("leases")).unwrap();
    let selection = Selection { include: vec!["train/**".into()], ..Selection::default() };
    let state = WorkspaceState { head: Some(second().id()), selection: Some(selection), pending: vec![] };
    state.save(&layout, "leases").unwrap();
    let path = layout.workspace("leases").join("state.json");
    assert_eq!(fs::read_to_string(&path).unwrap(), example);
    let fields: serde_json::Value = serde_json::from_str(example).unwrap();
    assert_eq!(fields["checksum"], blake3::hash(STATE.as_bytes()).to_hex().as_str(), "the form that is hashed");
    for (word, other) in [("selection", "part"), ("train", "test"), ("head", "heae"), ("pending", "past")] {
        fs::write(&path, example.replace(word, other)).unwrap();
        assert!(WorkspaceState::load(&layout, "leases").is_err(), "{word}");
    }
}

/// The state of the example, as its checksum covers it.
const STATE: &str = r#"{"dataset":"leases","head":"6811b8d2397e58c58575b92dea7fc58a302dfd66c2376eaf2b376797dfb9b53c","selection":{"include":["train/**"],"exclude":[],"paths":[]},"pending":[]}"#;

#[test]
fn the_checksums_are_those_of_the_version_page() {
    let page = fs::read_to_string(pages().join("version.md")).unwrap();
    let (_, rest) = page.split_once("```text example: checksums\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let (lines, sum) = text.split_once("data_checksum ").unwrap();
    let (sum, metadata) = sum.split_once("\nmetadata_checksum ").unwrap();
    assert_eq!(sum, data_checksum().to_string());
    assert_eq!(sum, Checksum::of(lines.as_bytes()).to_string());
    assert_eq!(metadata.trim_end(), second().metadata_checksum().to_string());
}

// What the examples say.

const LABELS: &[u8] = b"id,label\n1,rent\n2,term\n";
const RECORDS: &[u8] = b"{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";
const SCRIPT: &[u8] = b"#!/bin/sh\n";

fn path(text: &str) -> DataPath {
    DataPath::new(text).unwrap()
}

fn file(name: &str, bytes: &[u8], samples: Option<SampleCount>) -> Entry {
    Entry { path: path(name), kind: EntryKind::File, size: bytes.len() as u64, samples, content: Id::of(bytes) }
}

fn leaf() -> Node {
    let counted = |count, code| Some(SampleCount { count, reader: ReaderId { code, records: None } });
    Node::Leaf(vec![
        Entry::folder(path("empty")),
        file("labels.csv", LABELS, counted(2, 3)),
        file("train/a.jsonl", RECORDS, counted(3, 1)),
        Entry { kind: EntryKind::Executable, ..file("train/make.sh", SCRIPT, None) },
        Entry { kind: EntryKind::Symlink, ..file("train/new", b"a.jsonl", None) },
    ])
}

fn inner() -> Node {
    let leaf = leaf();
    let (id, totals) = (Id::of(&leaf.encode()), leaf.totals());
    let empty = Node::Leaf(vec![Entry::folder(path("val"))]);
    let second = Child { last: path("val"), id: Id::of(&empty.encode()), totals: empty.totals() };
    Node::Inner(1, vec![Child { last: path("train/new"), id, totals }, second])
}

fn data_checksum() -> Checksum {
    let Node::Leaf(entries) = leaf() else { panic!("a leaf") };
    let mut sum = DataChecksum::default();
    entries.iter().filter(|e| e.kind.is_file()).for_each(|e| sum.add(e.path.as_str(), &e.content));
    sum.finish()
}

/// The first bytes of the stream that BLAKE3 makes of `noise`.
fn noise(len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut out);
    out
}

/// Length of the file of the recipe examples: its two chunks are the first two of `chunk.md`.
const NOISE: usize = 74_076 + 101_526;

fn noise_id() -> Id<Content> {
    Id::of(&noise(NOISE))
}

fn recipe() -> Recipe {
    let noise = noise(NOISE);
    let (a, b) = noise.split_at(cut::first(&noise));
    assert_eq!(cut::first(b), b.len());
    let item = |bytes: &[u8]| RecipeItem { id: *Id::<Chunk>::of(bytes).as_bytes(), len: bytes.len() as u64 };
    let recipe = Recipe { level: 0, items: vec![item(a), item(b)] };
    let (mut builder, mut made) = (RecipeBuilder::default(), Vec::new());
    recipe.items.iter().for_each(|item| builder.chunk(*item, &mut made));
    builder.finish(noise_id(), &mut made);
    assert_eq!(made.last().unwrap().bytes, recipe.encode_root(noise_id()), "what a commit stores");
    recipe
}

fn long_recipe() -> Recipe {
    let node = recipe();
    let id: Id<RecipeNode> = Id::of(&node.encode());
    Recipe { level: 1, items: vec![RecipeItem { id: *id.as_bytes(), len: node.len() }] }
}

fn first() -> Version {
    let totals = leaf().totals();
    Version {
        dataset: "leases".into(),
        dataset_type: "lease_abstraction".into(),
        number: VersionNumber::FIRST,
        parents: vec![],
        parent_number: None,
        manifest: Id::of(&leaf().encode()),
        statistics: Statistics { files: totals.files, bytes: totals.bytes, samples: totals.samples },
        schema: None,
        data_checksum: data_checksum(),
        change_type: ChangeType::Major,
        summary: "first leases".into(),
        metadata: Default::default(),
        tags: vec![],
        validation: ValidationStatus::Pending,
        verdict: None,
        author: "ana@example.com".into(),
        created: Time::from_millis(1_795_339_800_000),
        extensions: vec![],
    }
}

fn second() -> Version {
    let count = serde_json::Value::from(2);
    Version {
        number: VersionNumber::parse("1.1.0").unwrap(),
        parents: vec![first().id()],
        parent_number: Some(VersionNumber::FIRST),
        manifest: Id::of(&inner().encode()),
        schema: Some(Id::of(&schema().encode().unwrap())),
        change_type: ChangeType::Minor,
        summary: "a folder for validation".into(),
        metadata: [("source".to_owned(), "crawl".into()), ("batch".to_owned(), count)].into_iter().collect(),
        tags: vec!["production".into()],
        validation: ValidationStatus::Passed,
        verdict: Some(Id::of(&verdict().encode())),
        created: Time::from_millis(1_795_339_860_007),
        ..first()
    }
}

fn schema() -> Schema {
    let mut schema = Schema::new(5);
    for record in [r#"{"id":1,"rent":{"amount":950.5}}"#, r#"{"id":2,"rent":null}"#] {
        schema.observe_json(record.as_bytes(), 1).unwrap();
    }
    schema
}

fn verdict() -> Verdict {
    let rule = |name: &str, severity, weight, failed, measures| RuleResult {
        name: name.into(),
        kind: name.into(),
        severity,
        weight,
        checked: 5,
        failed,
        unreadable: failed,
        measures,
    };
    let finding = Finding {
        path: "train/a.jsonl".into(),
        line: 2,
        number: 2,
        rule: 1,
        message: "/text has 3 characters, at least 10".into(),
    };
    let unread = Finding { path: "train/b.png".into(), line: 1, number: 1, rule: 1, message: "the file is not text".into() };
    Verdict {
        rules: [0x11; 32],
        min_score: 800_000,
        opaque: OpaquePolicy::Warn,
        results: vec![
            rule("parse", Severity::Error, 1_000, 0, vec![]),
            rule("length", Severity::Warning, 2_000, 1, vec![]),
            RuleResult { checked: 1, ..rule("drift", Severity::Info, 1_000, 0, vec![("samples".into(), 5)]) },
        ],
        findings_count: 1,
        findings: vec![finding],
        unread: vec![unread],
    }
}

fn fact_tag() -> Fact {
    let version: Id<VersionId> = second().id();
    let statement = Statement::TagAdded { version, tag: "production".into() };
    Fact { parents: vec![], time: Time::from_millis(1_795_340_000_000), author: "ben@example.com".into(), statement }
}

fn fact_joined() -> Fact {
    let other = Fact { author: "eva@example.com".into(), ..fact_tag() };
    let mut parents = vec![fact_tag().id(), other.id()];
    parents.sort();
    Fact { parents, time: Time::from_millis(1_795_340_060_000), author: "ben@example.com".into(), statement: Statement::Joined }
}

/// A fact that comes after the first example of the page.
fn fact_later(statement: Statement) -> Fact {
    Fact { parents: vec![fact_tag().id()], statement, ..fact_tag() }
}

fn fact_validated() -> Fact {
    fact_later(Statement::Validated { version: second().id(), verdict: verdict().id() })
}

fn fact_run() -> Fact {
    let run = Run {
        model: "lease-7b".into(),
        started: Some(Time::from_millis(1_795_339_900_000)),
        ended: None,
        params: vec![("epochs".into(), "3".into()), ("lr".into(), "3e-4".into())],
        metrics: vec![("f1".into(), Metric::new(0.84).unwrap()), ("loss".into(), Metric::new(0.31).unwrap())],
        artifacts: vec![Artifact { path: "out/weights.bin".into(), size: 10, content: Id::of(SCRIPT) }],
    };
    fact_later(Statement::Run { version: second().id(), run: Arc::new(run) })
}

fn fact_withdrawn() -> Fact {
    let reason = "evaluated on the training split".into();
    fact_later(Statement::RunWithdrawn { version: second().id(), run: fact_run().id(), reason })
}

fn fact_held() -> Fact {
    fact_later(Statement::Held { version: second().id(), reason: "evidence in case 17".into() })
}

fn fact_released() -> Fact {
    fact_later(Statement::Released { version: second().id(), hold: fact_held().id(), reason: "case 17 is closed".into() })
}

fn fact_note() -> Fact {
    fact_later(Statement::Note { version: second().id(), text: "rents of May are in euros".into() })
}

/// A fact of a later hlx, whose end is that of its bytes.
fn fact_unknown() -> Fact {
    fact_later(Statement::Unknown { code: 200, version: second().id(), content: b"later".to_vec() })
}

fn open_ended(bytes: &[u8], expected: &Fact) {
    assert_eq!(dump(&expected.encode()), dump(bytes));
    assert_eq!(Fact::decode(bytes).as_ref(), Ok(expected));
    let longer = [bytes, &[0]].concat();
    assert_eq!(Fact::decode(&longer).unwrap().encode(), longer, "every byte is kept");
}

/// A version of a later hlx. Without the extension it is the first one, so that one cut of it is a record too.
fn extended() -> Version {
    let extension = Extension { name: "note".into(), value: b"later".to_vec() };
    Version { extensions: vec![extension], ..first() }
}

fn same_extended(bytes: &[u8], expected: &Version) {
    let decode = |bytes: &[u8]| Version::decode(bytes).ok().filter(|version| *version != first()).ok_or(Malformed("cut"));
    same(bytes, expected, decode, Version::encode);
}

fn format_file(bytes: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::new(dir.path().join(".helox"));
    layout.create().unwrap();
    assert_eq!(fs::read(layout.format()).unwrap(), bytes);
}

// Blocks and packs. The payloads of the examples are taken as they stand, since another zstd may compress otherwise.

fn chunk_key(bytes: &[u8]) -> Key {
    Key::from(Id::<Chunk>::of(bytes))
}

/// Checks the head, what the payload comes to, and that the head and the same payload make the same bytes.
fn same_block(bytes: &[u8], expected: &block::BlockHead, base: &[u8], raw: &[u8]) {
    let decode = |bytes: &[u8]| block::decode(bytes).map(|(head, payload)| (head, bytes[payload..].to_vec()));
    let (_, payload) = decode(bytes).unwrap();
    assert_eq!(decompress(expected.codec, &payload, base, expected.raw_len()).unwrap(), raw);
    same(bytes, &(expected.clone(), payload), decode, |(head, payload)| block::encode(head, payload).unwrap());
}

fn lease(n: usize, rent: usize) -> Vec<u8> {
    format!("{{\"id\":{n},\"text\":\"The tenant shall pay {rent} dollars on the first day of each month.\"}}\n").into_bytes()
}

fn block_zstd(bytes: &[u8]) {
    let (a, b) = (lease(1, 900), lease(2, 850));
    let lens = vec![a.len() as u32, b.len() as u32];
    let head = block::BlockHead { kind: ObjectKind::Chunk, codec: Codec::Zstd, depth: 0, lens, runs: vec![] };
    same_block(bytes, &head, b"", &[a, b].concat());
}

fn block_delta(bytes: &[u8]) {
    let base = [lease(1, 900), lease(2, 850)];
    let raw = lease(2, 925);
    let bases = base.iter().map(|b| chunk_key(b)).collect();
    let runs = vec![block::DeltaRun { objects: 1, bases, len: 22 }];
    let head = block::BlockHead { kind: ObjectKind::Chunk, codec: Codec::Delta, depth: 1, lens: vec![raw.len() as u32], runs };
    same_block(bytes, &head, &base.concat(), &raw);
}

/// The pack of the examples, written by the code: one block of two chunks. Returns its bytes and its rows.
fn small_pack() -> (Vec<u8>, Vec<index::IndexRow>) {
    let head = block::BlockHead { kind: ObjectKind::Chunk, codec: Codec::Stored, depth: 0, lens: vec![4, 4], runs: vec![] };
    let stored = block::encode(&head, b"one\ntwo\n").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut pack = writer::PackWriter::create(dir.path()).unwrap();
    pack.append(&head, &[chunk_key(b"one\n").id, chunk_key(b"two\n").id], &stored).unwrap();
    let sealed = pack.seal().unwrap();
    let path = writer::path_in(dir.path(), &sealed.id);
    let rows = sealed.publish(dir.path()).unwrap();
    (fs::read(path).unwrap(), rows)
}

fn pack(bytes: &[u8]) {
    let (written, rows) = small_pack();
    assert_eq!(dump(&written), dump(bytes));
    let dir = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| {
        let path = dir.path().join("pack");
        fs::write(&path, bytes).unwrap();
        reader::read_toc(&path).map(|blocks| writer::rows(&Id::of(bytes), &blocks))
    };
    assert_eq!(read(bytes).unwrap(), rows);
    for row in &rows {
        let stored = &bytes[row.offset as usize..][..row.len as usize];
        let (head, payload) = block::decode(stored).unwrap();
        let raw = decompress(head.codec, &stored[payload..], b"", head.raw_len()).unwrap();
        assert!(row.key.matches(&raw[row.raw_at as usize..][..row.raw_len as usize]));
    }
    for n in 0..bytes.len() {
        assert!(read(&bytes[..n]).is_err(), "cut to {n} bytes");
    }
    assert!(read(&[bytes, &[0]].concat()).is_err());
}

fn index_table(bytes: &[u8]) {
    let (_, mut rows) = small_pack();
    assert_eq!(dump(index::IndexTable::of(rows.clone()).as_bytes().unwrap()), dump(bytes));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table");
    fs::write(&path, bytes).unwrap();
    let table = index::IndexTable::open(&path).unwrap();
    rows.sort_by_key(|row| row.key);
    assert!(table.is_intact());
    assert_eq!((0..table.len()).map(|n| table.row(n).unwrap()).collect::<Vec<_>>(), rows);
    for row in rows {
        assert_eq!(table.find(&row.key).collect::<Vec<_>>(), [row]);
    }
}

// Reading the pages.

/// Checks that `bytes` are the expected thing both ways, and that no shorter or longer bytes are anything.
fn same<T: PartialEq + Debug>(
    bytes: &[u8],
    expected: &T,
    decode: impl Fn(&[u8]) -> Result<T, Malformed>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    assert_eq!(dump(&encode(expected)), dump(bytes));
    assert_eq!(decode(bytes).as_ref(), Ok(expected));
    for n in 0..bytes.len() {
        assert!(decode(&bytes[..n]).is_err(), "cut to {n} bytes");
    }
    assert!(decode(&[bytes, &[0]].concat()).is_err(), "one byte more");
}

fn pages() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats")
}

fn page_files() -> BTreeSet<PathBuf> {
    fs::read_dir(pages()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "md")).collect()
}

/// Every example of every page, by name.
fn examples() -> BTreeMap<String, Vec<u8>> {
    let mut examples = BTreeMap::new();
    for page in page_files() {
        let text = fs::read_to_string(&page).unwrap();
        for part in text.split("```hex example: ").skip(1) {
            let (name, rest) = part.split_once('\n').unwrap();
            let (lines, _) = rest.split_once("```").unwrap();
            assert!(examples.insert(name.to_owned(), undump(name, lines)).is_none(), "two examples are named {name}");
        }
    }
    examples
}

/// The bytes that the lines of an example show.
fn undump(name: &str, lines: &str) -> Vec<u8> {
    let (mut bytes, mut last, mut repeat) = (Vec::new(), Vec::new(), false);
    for line in lines.lines() {
        if line == "*" {
            repeat = true;
            continue;
        }
        let mut parts = line.split("  ");
        let offset = usize::from_str_radix(parts.next().unwrap(), 16).unwrap_or_else(|_| panic!("{name}: no offset in '{line}'"));
        while repeat && bytes.len() < offset {
            bytes.extend_from_slice(&last);
        }
        repeat = false;
        assert_eq!(bytes.len(), offset, "{name}: the offset of '{line}'");
        let digits = parts.next().unwrap_or_default().split(' ').filter(|pair| !pair.is_empty());
        last =
            digits.map(|pair| u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{name}: no bytes in '{line}'"))).collect();
        bytes.extend_from_slice(&last);
    }
    bytes
}

/// Bytes as the pages show them, so that a failure can be compared by eye.
fn dump(bytes: &[u8]) -> String {
    let line = |(n, line): (usize, &[u8])| {
        let pairs: Vec<String> = line.iter().map(|b| format!("{b:02x}")).collect();
        format!("{:04x}  {}\n", n * 16, pairs.join(" "))
    };
    bytes.chunks(16).enumerate().map(line).collect()
}
