//! Makes a repository of many versions without data: `history DIR VERSIONS DATASETS TAGGED`.
//!
//! Records, facts and refs as `commit` and `tag add` leave them, a version a minute, the datasets in turn. The newest
//! versions are tagged `production`, one in a hundred or so that all together are TAGGED.
#![allow(clippy::disallowed_methods, reason = "a benchmark lays out its own files")]
#![allow(clippy::print_stdout, reason = "it says what it made")]

use std::path::Path;
use std::{env, fs, io};

use helox::formats::writer::PackWriter;
use helox::formats::{Compressor, Layout, Time, block};
use helox::id::{Id, VersionId};
use helox::object::ObjectKind;
use helox::object::checksum::Checksum;
use helox::object::fact::{Fact, Statement};
use helox::object::node::Node;
use helox::object::version::{ChangeType, Statistics, ValidationStatus, Version, VersionNumber};

/// Bytes of records that are compressed together, as `commit` does.
const GROUP: usize = 128 << 10;
/// The first version's moment, in milliseconds since 1970: 2026-01-01.
const FIRST: i64 = 1_767_225_600_000;

fn fail(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}

/// Packs of objects of one kind.
struct Packs<'a> {
    layout: &'a Layout,
    kind: ObjectKind,
    pack: Option<PackWriter>,
    ids: Vec<[u8; 32]>,
    lens: Vec<u32>,
    raw: Vec<u8>,
}

impl<'a> Packs<'a> {
    fn new(layout: &'a Layout, kind: ObjectKind) -> Packs<'a> {
        Packs { layout, kind, pack: None, ids: Vec::new(), lens: Vec::new(), raw: Vec::new() }
    }

    fn add(&mut self, id: [u8; 32], bytes: &[u8]) -> io::Result<()> {
        self.ids.push(id);
        self.lens.push(bytes.len() as u32);
        self.raw.extend_from_slice(bytes);
        if self.raw.len() < GROUP {
            return Ok(());
        }
        self.flush()?;
        if self.pack.as_ref().is_some_and(PackWriter::is_full) { self.seal() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let mut compressor = Compressor::default();
        let (codec, payload) = compressor.standalone(&self.raw, 1);
        let head = block::BlockHead { kind: self.kind, codec, depth: 0, lens: std::mem::take(&mut self.lens), runs: Vec::new() };
        let bytes = block::encode(&head, payload).map_err(fail)?;
        if self.pack.is_none() {
            self.pack = Some(PackWriter::create(&self.layout.tmp()).map_err(fail)?);
        }
        let pack = self.pack.as_mut().ok_or_else(|| fail("no pack"))?;
        pack.append(&head, &std::mem::take(&mut self.ids), &bytes).map_err(fail)?;
        self.raw.clear();
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        self.flush()?;
        let Some(pack) = self.pack.take() else { return Ok(()) };
        pack.seal().and_then(|sealed| sealed.publish(&self.layout.packs(self.kind))).map(drop).map_err(fail)
    }
}

/// A version whose parent is the one before it.
fn version(
    dataset: &str,
    kind: &str,
    n: usize,
    parent: Option<(Id<VersionId>, VersionNumber)>,
    minute: i64,
) -> io::Result<Version> {
    let (parents, parent_number) = parent.map_or((Vec::new(), None), |(id, number)| (vec![id], Some(number)));
    let number = VersionNumber::parse(&format!("1.{}.{}", n / 100, n % 100)).map_err(fail)?;
    let seed = format!("{dataset} {n}");
    Ok(Version {
        dataset: dataset.into(),
        dataset_type: kind.into(),
        number,
        parents,
        parent_number,
        manifest: Id::of(&Node::Leaf(Vec::new()).encode()),
        statistics: Statistics { files: 12, bytes: 3_000_000 + n as u64, samples: Some(4_000 + n as u64) },
        schema: None,
        data_checksum: Checksum::of(seed.as_bytes()),
        change_type: ChangeType::Patch,
        summary: format!("records of day {n}, reviewed"),
        metadata: [("source".to_owned(), "crawl".into()), ("batch".to_owned(), n.into())].into_iter().collect(),
        tags: Vec::new(),
        validation: [ValidationStatus::Passed, ValidationStatus::Pending][n % 2],
        verdict: n.is_multiple_of(2).then(|| Id::of(seed.as_bytes())),
        author: ["ana@example.com", "ben@example.com"][n % 2].into(),
        created: Time::from_millis(FIRST + minute * 60_000),
        extensions: vec![],
    })
}

fn make(dir: &Path, versions: usize, datasets: usize, tagged: usize) -> io::Result<()> {
    let layout = Layout::new(dir.join(".helox"));
    fs::create_dir_all(dir)?;
    layout.create().map_err(fail)?;
    let types = ["lease_abstraction", "contract_intelligence", "regulatory_language"];
    let mut config = String::new();
    let mut last: Vec<Option<(Id<VersionId>, VersionNumber)>> = vec![None; datasets];
    let names: Vec<String> = (0..datasets).map(|d| format!("leases-{d:03}")).collect();
    for (d, name) in names.iter().enumerate() {
        config += &format!("[dataset.{name}]\ntype = \"{}\"\npath = \"data/{name}\"\n\n", types[d % types.len()]);
        fs::create_dir_all(layout.versions().join(name))?;
    }
    fs::write(dir.join("helox.toml"), config)?;
    // All versions share the manifest of no files.
    let mut nodes = Packs::new(&layout, ObjectKind::Node);
    let manifest = Node::Leaf(Vec::new()).encode();
    nodes.add(*Id::<helox::id::NodeId>::of(&manifest).as_bytes(), &manifest)?;
    nodes.seal()?;
    let mut records = Packs::new(&layout, ObjectKind::Version);
    let mut chosen = Vec::new();
    // One of a few, so that the tagged ones lie apart.
    let every = (versions / tagged.max(1)).clamp(1, 40);
    for n in 0..versions {
        let d = n % datasets;
        let made = version(&names[d], types[d % types.len()], n / datasets, last[d].take(), n as i64)?;
        let id = made.id();
        records.add(*id.as_bytes(), &made.encode())?;
        fs::write(layout.versions().join(&names[d]).join(made.number.to_string()), format!("{id}\n"))?;
        if n + tagged * every >= versions && n % every == 0 {
            chosen.push(id);
        }
        last[d] = Some((id, made.number));
    }
    records.seal()?;
    let (mut facts, mut before) = (Packs::new(&layout, ObjectKind::Fact), None);
    for (n, version) in chosen.into_iter().enumerate() {
        let statement = Statement::TagAdded { version, tag: "production".into() };
        let time = Time::from_millis(FIRST + (versions + n) as i64 * 60_000);
        let fact = Fact { parents: before.into_iter().collect(), time, author: "ana@example.com".into(), statement };
        let id = fact.id();
        facts.add(*id.as_bytes(), &fact.encode())?;
        fs::write(layout.facts().join(format!("{:010}", n + 1)), format!("{id}\n"))?;
        before = Some(id);
    }
    facts.seal()
}

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [dir, counts @ ..] = words.as_slice() else { return Err(fail("usage: history DIR VERSIONS DATASETS TAGGED")) };
    let counts: Vec<usize> = counts.iter().map(|word| word.parse().map_err(fail)).collect::<io::Result<_>>()?;
    let [versions, datasets, tagged] = counts[..] else { return Err(fail("usage: history DIR VERSIONS DATASETS TAGGED")) };
    make(Path::new(dir), versions, datasets, tagged)
}
