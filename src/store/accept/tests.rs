//! What an encoder accepts its decoder accepts, and gives back the same: every kind of object, at and around its limits.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::sync::Arc;

use super::*;
use crate::clock::Time;
use crate::id::Id;
use crate::object::checksum::Checksum;
use crate::object::fact::{Artifact, Metric, Run, Statement};
use crate::object::node::{Child, Entry, EntryKind, SampleCount, Totals};
use crate::object::recipe::RecipeItem;
use crate::object::verdict::{FULL_SCORE, Finding, OpaquePolicy, RuleResult, Severity};
use crate::object::version::{ChangeType, Extension, Statistics, ValidationStatus, VersionNumber, canonical_json};
use crate::path::DataPath;
use crate::sample::{ReaderId, Type};

/// The lengths around a limit, and whether each is within it.
fn around(limit: usize) -> [(usize, bool); 3] {
    [(limit - 1, true), (limit, true), (limit + 1, false)]
}

/// Returns true if an object is accepted; what the checks of its type and its reader say must be the same.
fn stored(kind: ObjectKind, bytes: &[u8], checked: bool) -> bool {
    let id = kind.id_of(bytes).unwrap();
    let accepted = accept(&Key { id, kind }, bytes).is_ok();
    assert_eq!(accepted, checked, "a {} of {} bytes", kind.name(), bytes.len());
    accepted
}

fn version() -> Version {
    Version {
        dataset: "leases".into(),
        dataset_type: "lease_abstraction".into(),
        number: VersionNumber::parse("1.1.0").unwrap(),
        parents: vec![Id::from_bytes([1; 32])],
        parent_number: Some(VersionNumber::FIRST),
        manifest: Id::from_bytes([2; 32]),
        statistics: Statistics { files: 2, bytes: 300, samples: Some(2) },
        schema: Some(Id::from_bytes([4; 32])),
        data_checksum: Checksum::from_bytes([3; 32]),
        change_type: ChangeType::Minor,
        summary: "added leases".into(),
        metadata: Map::new(),
        tags: vec!["production".into()],
        validation: ValidationStatus::Passed,
        verdict: Some(Id::from_bytes([5; 32])),
        author: "ana@example.com".into(),
        created: Time::from_millis(7),
        extensions: vec![],
    }
}

/// Returns true if a version is stored.
fn version_stored(version: &Version) -> bool {
    let metadata = canonical_json(&Value::Object(version.metadata.clone())).len() <= limits::METADATA;
    stored(ObjectKind::Version, &version.encode(), metadata && version.check().is_ok())
}

/// Arrays within each other, one of them inside the object that metadata are.
fn nested(levels: usize) -> Map<String, Value> {
    let value = (1..levels).fold(json!(1), |inner, _| json!([inner]));
    [("deep".to_owned(), value)].into_iter().collect()
}

#[test]
fn versions() {
    let text = |n: usize| "x".repeat(n);
    let with = |change: &dyn Fn(&mut Version)| {
        let mut version = version();
        change(&mut version);
        version_stored(&version)
    };
    for (n, fits) in around(limits::NAME) {
        assert_eq!(with(&|v| v.dataset = text(n)), fits);
        assert_eq!(with(&|v| v.dataset_type = text(n)), fits);
        assert_eq!(with(&|v| v.tags = vec![text(n)]), fits);
    }
    for (n, fits) in around(limits::VERSION_PARENTS) {
        assert_eq!(with(&|v| v.parents = vec![Id::from_bytes([9; 32]); n]), fits);
    }
    for (n, fits) in around(limits::SUMMARY) {
        assert_eq!(with(&|v| v.summary = text(n)), fits);
    }
    for (n, fits) in around(limits::METADATA) {
        let empty = r#"{"key":""}"#.len();
        assert_eq!(with(&|v| v.metadata = [("key".to_owned(), text(n - empty).into())].into_iter().collect()), fits);
    }
    for (n, fits) in around(limits::METADATA_DEPTH) {
        assert_eq!(with(&|v| v.metadata = nested(n)), fits);
    }
    for (n, fits) in around(limits::VERSION_TAGS) {
        assert_eq!(with(&|v| v.tags = vec!["t".into(); n]), fits);
    }
    for (n, fits) in around(limits::AUTHOR) {
        assert_eq!(with(&|v| v.author = text(n)), fits);
    }
    let extension = |name: &str, n: usize| Extension { name: name.into(), value: vec![7; n] };
    for (n, fits) in around(limits::EXTENSIONS) {
        assert_eq!(with(&|v| v.extensions = (0..n).map(|i| extension(&format!("{i:04}"), 0)).collect()), fits);
    }
    for (n, fits) in around(limits::EXTENSION_BYTES) {
        assert_eq!(with(&|v| v.extensions = vec![extension("a", 9), extension("b", n - 9)]), fits);
    }
    for (n, fits) in around(limits::NAME) {
        assert_eq!(with(&|v| v.extensions = vec![extension(&text(n), 0)]), fits);
    }
    for names in [["b", "a"], ["a", "a"], ["", "a"]] {
        assert!(!with(&|v| v.extensions = names.map(|name| extension(name, 0)).to_vec()));
    }
    for (n, fits) in around(limits::NUMBER) {
        assert_eq!(VersionNumber::parse(&format!("1.0.0-{}", text(n - 6))).is_ok(), fits);
    }
    assert!(with(&|v| (v.parents, v.parent_number) = (vec![], None)));
    assert!(!with(&|v| v.parents.clear()));
    assert!(with(&|v| {
        (v.summary, v.author) = (text(limits::SUMMARY), text(limits::AUTHOR));
        v.metadata = [("key".to_owned(), text(limits::METADATA - 10).into())].into_iter().collect();
        v.tags = vec![text(limits::NAME); limits::VERSION_TAGS];
    }));
}

fn fact_stored(fact: &Fact) -> bool {
    stored(ObjectKind::Fact, &fact.encode(), fact.check().is_ok())
}

fn fact(statement: Statement) -> Fact {
    Fact { parents: vec![], time: Time::from_millis(7), author: "ana".into(), statement }
}

#[test]
fn facts() {
    let (version, text) = (Id::of(b"version"), |n: usize| "x".repeat(n));
    for (n, fits) in around(limits::FACT_PARENTS) {
        let parents = (0..n).map(|n| Id::from_bytes([n as u8; 32])).collect();
        assert_eq!(fact_stored(&Fact { parents, ..fact(Statement::Joined) }), fits);
    }
    for (n, fits) in around(limits::AUTHOR) {
        assert_eq!(fact_stored(&Fact { author: text(n), ..fact(Statement::Joined) }), fits);
    }
    for (n, fits) in around(limits::NAME) {
        assert_eq!(fact_stored(&fact(Statement::TagAdded { version, tag: text(n) })), fits);
        assert_eq!(fact_stored(&fact(Statement::TagRemoved { version, tag: text(n) })), fits);
    }
    for (n, fits) in around(limits::NOTE) {
        assert_eq!(fact_stored(&fact(Statement::Note { version, text: text(n) })), fits);
    }
    assert!(!fact_stored(&fact(Statement::Note { version, text: String::new() })));
    let withdrawn = |reason| fact(Statement::RunWithdrawn { version, run: Id::of(b"run"), reason });
    for (n, fits) in around(limits::NOTE) {
        assert_eq!(fact_stored(&withdrawn(text(n))), fits);
    }
    assert!(!fact_stored(&withdrawn(String::new())));
    let held = |reason| fact(Statement::Held { version, reason });
    let released = |reason| fact(Statement::Released { version, hold: Id::of(b"hold"), reason });
    for (n, fits) in around(limits::NOTE) {
        assert_eq!(fact_stored(&held(text(n))), fits);
        assert_eq!(fact_stored(&released(text(n))), fits);
    }
    assert!(!fact_stored(&held(String::new())) && !fact_stored(&released(String::new())));
    let unknown = |code, n: usize| fact(Statement::Unknown { code, version, content: vec![7; n] });
    for (n, fits) in around(limits::STATEMENT) {
        assert_eq!(fact_stored(&unknown(9, n)), fits);
    }
    assert!(fact_stored(&unknown(255, 0)) && unknown(8, 0).check().is_err());
    assert!(fact_stored(&fact(Statement::Validated { version, verdict: Id::of(b"verdict") })));
}

#[test]
fn runs() {
    let text = |n: usize| "x".repeat(n);
    let with = |change: &dyn Fn(&mut Run)| {
        let mut run = Run { model: "m".into(), started: None, ended: None, params: vec![], metrics: vec![], artifacts: vec![] };
        change(&mut run);
        fact_stored(&fact(Statement::Run { version: Id::of(b"version"), run: Arc::new(run) }))
    };
    let metric = || Metric::new(0.5).unwrap();
    let artifact = |path: String| Artifact { path, size: 1, content: Id::of(b"") };
    for (n, fits) in around(limits::RUN_NAME) {
        assert_eq!(with(&|run| run.model = text(n)), fits);
        assert_eq!(with(&|run| run.params = vec![(text(n), String::new())]), fits);
        assert_eq!(with(&|run| run.metrics = vec![(text(n), metric())]), fits);
    }
    for (n, fits) in around(limits::RUN_VALUE) {
        assert_eq!(with(&|run| run.params = vec![("p".into(), text(n))]), fits);
        assert_eq!(with(&|run| run.artifacts = vec![artifact(text(n))]), fits);
    }
    for (n, fits) in around(limits::RUN_ITEMS) {
        let name = |n| format!("{n:04}");
        assert_eq!(with(&|run| run.params = (0..n).map(|n| (name(n), text(1))).collect()), fits);
        assert_eq!(with(&|run| run.metrics = (0..n).map(|n| (name(n), metric())).collect()), fits);
        assert_eq!(with(&|run| run.artifacts = (0..n).map(|n| artifact(name(n))).collect()), fits);
    }
    for (n, fits) in around(limits::RUN) {
        let (whole, rest) = (n / 4_000, n % 4_000);
        let params = (0..whole).map(|n| (format!("{n:04}"), text(3_996))).chain([("rest".to_owned(), text(rest - 4))]);
        assert_eq!(with(&|run| run.params = params.clone().collect()), fits, "{n} bytes");
    }
    assert!(!with(&|run| run.model = String::new()));
    assert!(!with(&|run| run.params = vec![("b".into(), text(1)), ("a".into(), text(1))]));
}

fn judged() -> RuleResult {
    let (name, kind) = ("ids".to_owned(), "unique".to_owned());
    RuleResult { name, kind, severity: Severity::Info, weight: 1, checked: 5, failed: 1, unreadable: 1_000, measures: vec![] }
}

#[test]
fn verdicts() {
    let text = |n: usize| "x".repeat(n);
    let with = |change: &dyn Fn(&mut Verdict)| {
        let finding = Finding { path: "a".into(), line: 1, number: 1, rule: 0, message: "no".into() };
        let (judged, findings, unread) = (vec![judged()], vec![finding.clone()], vec![finding]);
        let mut verdict = Verdict {
            rules: [7; 32],
            min_score: FULL_SCORE,
            opaque: OpaquePolicy::Warn,
            results: judged,
            findings_count: 1_000,
            findings,
            unread,
        };
        change(&mut verdict);
        stored(ObjectKind::Verdict, &verdict.encode(), verdict.check().is_ok())
    };
    for (n, fits) in around(FULL_SCORE as usize) {
        assert_eq!(with(&|v| v.min_score = n as u32), fits);
    }
    for (n, fits) in around(limits::VERDICT_RULES) {
        assert_eq!(with(&|v| v.results = vec![judged(); n]), fits);
    }
    for (n, fits) in around(limits::NAME) {
        assert_eq!(with(&|v| v.results[0].name = text(n)), fits);
        assert_eq!(with(&|v| v.results[0].kind = text(n)), fits);
    }
    for (n, fits) in around(limits::MEASURES) {
        assert_eq!(with(&|v| v.results[0].measures = vec![(text(1), 1); n]), fits);
    }
    for (n, fits) in around(limits::MEASURE_NAME) {
        assert_eq!(with(&|v| v.results[0].measures = vec![(text(n), 1)]), fits);
    }
    for (n, fits) in around(limits::VERDICT_MEASURES) {
        let sums: Vec<_> = (0..n / 256).map(|_| (text(256), u64::MAX)).chain([(text(n % 256), 1)]).collect();
        let rules = sums.chunks(limits::MEASURES).map(|sums| RuleResult { measures: sums.to_vec(), ..judged() });
        assert_eq!(with(&|v| v.results = rules.clone().collect()), fits);
    }
    for (n, fits) in around(limits::VERDICT_FINDINGS) {
        assert_eq!(with(&|v| v.findings = vec![v.findings[0].clone(); n]), fits);
        assert_eq!(with(&|v| v.unread = vec![v.unread[0].clone(); n]), fits);
    }
    for (n, fits) in around(limits::PATH) {
        assert_eq!(with(&|v| v.findings[0].path = text(n)), fits);
    }
    for (n, fits) in around(limits::FINDING) {
        assert_eq!(with(&|v| v.findings[0].message = text(n)), fits);
    }
    assert!(!with(&|v| v.findings_count = 0) && !with(&|v| v.findings[0].rule = 1) && !with(&|v| v.results[0].failed = 6));
}

fn entry(path: &str, samples: Option<u64>) -> Entry {
    let samples = samples.map(|count| SampleCount {
        count,
        reader: ReaderId { code: u64::MAX, records: Some("/".repeat(limits::POINTER).into()) },
    });
    Entry { path: DataPath::new(path).unwrap(), kind: EntryKind::File, size: limits::FILE, samples, content: Id::of(b"content") }
}

#[test]
fn nodes() {
    for (n, fits) in around(limits::NODE_ITEMS) {
        let leaf = Node::Leaf((0..n).map(|n| entry(&format!("{n:04}"), Some(1))).collect());
        assert_eq!(stored(ObjectKind::Node, &leaf.encode(), fits), fits);
        let child = |n| Child { last: DataPath::new(&format!("{n:04}")).unwrap(), id: Id::of(b""), totals: Totals::NONE };
        assert_eq!(stored(ObjectKind::Node, &Node::Inner(1, (0..n).map(child).collect()).encode(), fits), fits);
    }
    for (level, fits) in around(usize::from(limits::NODE_LEVEL)) {
        let child = Child { last: DataPath::new("a").unwrap(), id: Id::of(b""), totals: Totals::NONE };
        assert_eq!(stored(ObjectKind::Node, &Node::Inner(level as u8, vec![child]).encode(), fits), fits);
    }
    for (n, fits) in around(limits::PATH) {
        let path: String = (0..n).map(|at| if at % 200 == 199 && at + 1 < n { '/' } else { 'x' }).collect();
        assert_eq!(DataPath::new(&path).is_ok(), fits);
        if fits {
            assert!(stored(ObjectKind::Node, &Node::Leaf(vec![entry(&path, None)]).encode(), true));
        }
    }
    assert!(stored(ObjectKind::Node, &Node::Leaf(vec![entry("a", Some(u64::MAX - 1))]).encode(), true));
    assert!(stored(ObjectKind::Node, &Node::Leaf(vec![]).encode(), true));
    let with = |kind, size, content: &[u8]| {
        let entry = Entry { kind, size, content: Id::of(content), ..entry("a", None) };
        Node::Leaf(vec![entry]).encode()
    };
    for (kind, limit) in [(EntryKind::File, limits::FILE), (EntryKind::Symlink, limits::TARGET)] {
        for (size, fits) in [(limit - 1, true), (limit, true), (limit + 1, false), (1, true)] {
            assert_eq!(stored(ObjectKind::Node, &with(kind, size, b"content"), fits), fits);
        }
    }
    for (kind, size, content, fits) in [
        (EntryKind::File, 0, &b""[..], true),
        (EntryKind::File, 1, b"", false),
        (EntryKind::File, 0, b"content", false),
        (EntryKind::Symlink, 0, b"", false),
    ] {
        assert_eq!(stored(ObjectKind::Node, &with(kind, size, content), fits), fits);
    }
}

#[test]
fn recipes() {
    let recipe = |n: usize, level| Recipe {
        level,
        items: (0..n).map(|n| RecipeItem { id: [n as u8; 32], len: limits::RECIPE_ITEM }).collect(),
    };
    for (n, fits) in around(limits::RECIPE_ITEMS) {
        assert_eq!(stored(ObjectKind::RecipeNode, &recipe(n, 1).encode(), fits), fits);
        assert_eq!(stored(ObjectKind::Recipe, &recipe(n, 0).encode_root(Id::of(b"content")), fits), fits);
    }
    for (level, fits) in around(usize::from(limits::RECIPE_LEVEL)) {
        assert_eq!(stored(ObjectKind::RecipeNode, &recipe(1, level as u8).encode(), fits), fits);
    }
    assert!(!stored(ObjectKind::RecipeNode, &recipe(0, 0).encode(), false));
    for (len, fits) in [(limits::RECIPE_ITEM, true), (limits::RECIPE_ITEM - 1, false)] {
        let mut recipe = recipe(2, 0);
        recipe.items[0].len = len;
        assert_eq!(stored(ObjectKind::RecipeNode, &recipe.encode(), fits), fits);
    }
}

#[test]
fn chunks() {
    for (n, fits) in around(limits::OBJECT) {
        assert_eq!(stored(ObjectKind::Chunk, &vec![7; n], fits), fits);
    }
}

/// A schema of a level of so many fields with names of so many bytes.
fn wide(fields: usize, name: usize) -> Schema {
    let mut schema = Schema::new(5);
    schema.count(&[], Type::Object, 1);
    for n in 0..fields {
        schema.count(&[&format!("{n:0name$}")], Type::Integer, i64::MAX);
    }
    schema
}

fn schema_stored(schema: &mut Schema) -> bool {
    schema.fit();
    stored(ObjectKind::Schema, &schema.encode().unwrap(), true)
}

#[test]
fn schemas() {
    for (n, fits) in around(limits::SCHEMA_FIELDS - 1) {
        let mut schema = wide(n, 5);
        assert_eq!(schema.encode().is_ok(), fits, "{n} fields and the records");
        assert!(schema_stored(&mut schema));
        assert_eq!(schema.depth(), if fits { 5 } else { 0 });
    }
    for (n, fits) in around(limits::SCHEMA_NAMES / limits::FIELD_NAME) {
        let mut schema = wide(n, limits::FIELD_NAME);
        assert_eq!(schema.encode().is_ok(), fits, "{n} names");
        assert!(schema_stored(&mut schema));
    }
    for (n, whole) in around(limits::FIELD_NAME) {
        let mut schema = wide(1, n);
        assert_eq!(schema.fields().contains_key(&format!("/{}", "0".repeat(n))), whole);
        assert!(schema_stored(&mut schema));
    }
    for (depth, fits) in around(limits::SCHEMA_DEPTH) {
        let mut schema = Schema::new(depth);
        assert_eq!(schema.depth() == depth, fits);
        let path = vec!["a"; depth];
        (0..=depth).for_each(|n| schema.count(&path[..n], Type::Object, 1));
        assert!(schema_stored(&mut schema));
    }
}

proptest! {
    /// Long names, some of them equal at their beginning, added and taken away again in any order.
    #[test]
    fn schemas_with_long_names_subtract(names in prop::collection::vec((250usize..265, 0u8..3), 0..12), keep in 0usize..12) {
        let record = |(length, last): &(usize, u8)| format!("{{\"{}{last}\":1}}", "é".repeat(length / 2)).into_bytes();
        let (mut sum, mut anew) = (Schema::new(3), Schema::new(3));
        names.iter().for_each(|name| drop(sum.observe_json(&record(name), 1).unwrap()));
        names.iter().skip(keep).for_each(|name| drop(sum.observe_json(&record(name), -1).unwrap()));
        names.iter().take(keep).for_each(|name| drop(anew.observe_json(&record(name), 1).unwrap()));
        prop_assert_eq!(&sum, &anew);
        prop_assert!(schema_stored(&mut sum));
        prop_assert_eq!(sum.encode().unwrap(), anew.encode().unwrap());
    }

    /// Versions of any texts: what their check accepts is stored and comes back.
    #[test]
    fn any_version(summary in ".{0,40}", author in ".{0,40}", key in ".{0,9}", value in any::<f64>(), tags in prop::collection::vec(".{0,9}", 0..4)) {
        let metadata = [(key, Value::from(value))].into_iter().collect();
        version_stored(&Version { summary, author, metadata, tags, ..version() });
    }
}
