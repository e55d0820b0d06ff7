//! The judge over records of every format.

use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::gate::{Bound, Check, LengthUnit, Rule, ValidationSpec};
use crate::object::verdict::Severity;
use crate::sample::{Header, Jsonl, ParquetFile, RecordReader, digest};

fn gate(checks: Vec<Check>) -> RuleSet {
    let rule = |check| Rule { name: String::new(), check, severity: Severity::Error, weight: 1, files: vec![] };
    RuleSet::new(
        &ValidationSpec { rules: checks.into_iter().map(rule).collect(), ..ValidationSpec::default() },
        Path::new("/nowhere"),
    )
    .unwrap()
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn header(columns: &[&str]) -> Header {
    Header::new(names(columns))
}

/// One rule of every kind that looks at records, about the fields `id`, `name`, `score` and `/tags`.
fn every_kind() -> Vec<Check> {
    vec![
        Check::Parse,
        Check::Required { fields: names(&["id", "name", "/tags"]) },
        Check::Types { fields: vec![("score".into(), vec![Type::Number])] },
        Check::Values { field: "/tags/*".into(), values: vec![json!("x"), json!("y")] },
        Check::Range { field: "score".into(), min: Bound::new("0"), max: None },
        Check::Length { field: Some("name".into()), min: Some(2), max: None, unit: LengthUnit::Characters },
        Check::Encoding,
        Check::Empty { fields: vec![] },
        Check::Pii { find: names(&["email"]), patterns: vec![], fields: vec![] },
        Check::Unique { key: names(&["id"]) },
        Check::Duplicates { fields: vec![], max_share: 0 },
        Check::Leakage { train: names(&["**"]), test: vec![], fields: names(&["name"]), max_share: 0 },
        Check::Drift { samples: Some(1), length: Some(("name".into(), 1)), labels: Some(("/tags/*".into(), 1)) },
    ]
}

/// What is told of a record: findings as rule and message, keys by their rules.
type Judged = (Vec<(usize, String)>, Vec<(usize, [u8; 16])>);

fn judged(gate: &RuleSet, body: RecordText<'_>, measures: &mut Measures) -> Judged {
    let (mut findings, mut keys) = (Vec::new(), Vec::new());
    let mut emit = |told| match told {
        RuleOutput::Finding { rule, message } => findings.push((rule, message)),
        RuleOutput::Key { rule, key, .. } => keys.push((rule, key)),
        RuleOutput::Unreadable { .. } => {}
    };
    let file_rules = gate.rules_for("a");
    RecordChecker::new(gate).check(&file_rules, &body, measures, 1, &mut emit);
    (findings, keys)
}

/// A file that is itself the record.
fn file<'a>(text: Result<&'a [u8], &'static str>) -> RecordText<'a> {
    RecordText::File { content: &[7; 32], issue: None, text }
}

fn told(gate: &RuleSet, body: RecordText<'_>) -> Judged {
    judged(gate, body, &mut Measures::new(gate.rules().len()))
}

fn said(rule: usize, message: &str) -> (usize, String) {
    (rule, message.to_owned())
}

#[test]
fn a_good_record_has_no_findings_and_all_keys() {
    let gate = gate(every_kind());
    let mut measures = Measures::new(13);
    let text = br#"{"id":1,"name":"Ann","score":1.5,"tags":["x","y","x"]}"#;
    let (findings, keys) = judged(&gate, RecordText::Json(text), &mut measures);
    assert_eq!(findings, []);
    assert_eq!(keys.iter().map(|key| key.0).collect::<Vec<_>>(), [9, 10, 11]);
    assert!((0..13).all(|rule| measures.records(rule) == 1));
    let drift = [("characters", 3), ("checked", 1), ("label:x", 2), ("label:y", 1), ("samples", 1), ("texts", 1)];
    assert_eq!(measures.to_list(12), drift.map(|(name, sum)| (name.to_owned(), sum)));
}

#[test]
fn each_rule_finds_its_own() {
    let gate = gate(every_kind());
    let (findings, keys) =
        told(&gate, RecordText::Json(br#"{"id":null,"name":"\u0007","score":"-1","tags":["z"],"m":"a@b.org"}"#));
    let all = [
        said(1, "id is null"),
        said(2, "score has the type string, not number"),
        said(3, r#"/tags/* is "z", which is not an allowed value"#),
        said(4, "score is -1, less than 0"),
        said(5, "name has 1 character, fewer than 2"),
        said(6, "/name contains the control character U+0007"),
        said(8, "/m contains an e-mail address"),
    ];
    assert_eq!(findings, all);
    assert_eq!(keys.len(), 1, "no key, no letters");
}

#[test]
fn what_does_not_parse_is_one_finding() {
    let gate = gate(every_kind());
    let row =
        RecordText::Fields { row: b"1,2", syntax: b','.into(), header: Some(&header(&["id"])), wrong: Some("too many fields") };
    for (body, keys) in [(RecordText::Json(b"{\"id\":1,"), 1), (row, 1), (RecordText::Excess("it is no Parquet"), 0)] {
        let mut measures = Measures::new(13);
        let found = judged(&gate, body, &mut measures);
        assert_eq!(found.0.iter().map(|finding| finding.0).collect::<Vec<_>>(), [0], "{body:?}");
        assert_eq!(found.1.len(), keys, "only as the whole: {body:?}");
        let looked = [1, 0, 0, keys as u64, 1];
        assert_eq!([0, 1, 9, 10, 12].map(|rule| measures.records(rule)), looked);
    }
}

#[test]
fn what_a_rule_cannot_read_it_has_not_looked_at() {
    let gate = gate(every_kind());
    let unread = |body| {
        let (mut measures, mut rules) = (Measures::new(13), Vec::new());
        let mut emit = |told| {
            if let RuleOutput::Unreadable { rule, .. } = told {
                rules.push(rule);
            }
        };
        RecordChecker::new(&gate).check(&gate.rules_for("a"), &body, &mut measures, 1, &mut emit);
        for rule in 0..12 {
            let looked = measures.records(rule) + measures.unread(rule);
            assert!(looked <= 1 && measures.unread(rule) == u64::from(rules.contains(&rule)), "{body:?}: {rule}");
        }
        rules
    };
    assert!(unread(RecordText::Json(b"{}")).is_empty());
    assert!(unread(file(Ok(b"text"))).is_empty());
    let bytes_alone = [1, 2, 3, 4, 5, 7, 9, 11];
    assert_eq!(unread(RecordText::Json(b"{\"id\":1,")), bytes_alone);
    assert_eq!(unread(RecordText::Excess("no Parquet")), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let opaque = FileIssue::Opaque { cause: "a git-lfs pointer".to_owned() };
    let opaque = RecordText::File { content: &[7; 32], issue: Some(&opaque), text: Err("") };
    assert_eq!(unread(opaque), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert_eq!(unread(file(Err("the file is not text"))), [6, 7, 8]);
}

#[test]
fn a_text_has_no_fields() {
    let gate = gate(every_kind());
    let (findings, keys) = told(&gate, file(Ok(b"mail a@b.org\0")));
    let all = [said(6, "the file contains the control character U+0000"), said(8, "the file contains an e-mail address")];
    assert_eq!(findings, all);
    assert_eq!(keys, [(10, digest(b"text:", b"mail a@b.org\0"))]);
    assert_eq!(told(&gate, file(Ok(b" \n"))).0, [said(7, "the file is empty")]);
}

#[test]
fn rows_of_csv() {
    let gate = gate(every_kind());
    let columns = header(&["id", "name", "score", "tags", "/tags/*"]);
    let row =
        |row: &'static str| RecordText::Fields { row: row.as_bytes(), syntax: b','.into(), header: Some(&columns), wrong: None };
    assert_eq!(told(&gate, row("1,Ann,.5,a,x")).0, []);
    let found = [said(1, "id is null"), said(4, r#"score is "q", not a number"#)];
    assert_eq!(told(&gate, row(",Ann,q,a,x")).0[..1], found[..1]);
    assert_eq!(told(&gate, row(",Ann,q,a,x")).0[2], found[1]);
    assert_eq!(told(&gate, row(",,,,")).0[2], said(7, "the record is empty"));
    let keys = |text| told(&gate, row(text)).1;
    assert_eq!(keys("1,Ann,.5,a,x"), keys("\"1\",Ann,\".5\",a,x"));
    assert_ne!(keys("1,Ann,.5,a,x")[0], keys("2,Ann,.5,a,x")[0]);
    let comment = RecordText::Fields { row: b"# made by hand", syntax: b','.into(), header: None, wrong: None };
    assert_eq!(told(&gate, comment).0, []);
    assert_eq!(told(&gate, comment).1.len(), 1);
}

/// Three rows: a good one, one with little, and one that only has an id.
fn people() -> ParquetFile {
    let schema = "message m { required int64 id; optional binary name (UTF8); optional double score;
        optional group tags (LIST) { repeated group list { optional binary element (UTF8); } }
        optional group at { optional binary place (UTF8); } }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts = |texts: &[&'static str]| texts.iter().map(|&text| ByteArray::from(text)).collect::<Vec<_>>();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int64Type>().write_batch(&[1, 2, 3], None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(&["Ann", "a@b.org\u{7}"]), Some(&[1, 1, 0]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<DoubleType>().write_batch(&[1.5, -1.0], Some(&[1, 1, 0]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let tags = texts(&["x", "y", "z"]);
    column.typed::<ByteArrayType>().write_batch(&tags, Some(&[3, 3, 3, 0]), Some(&[0, 1, 0, 0])).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(&["here"]), Some(&[2, 1, 0]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    ParquetFile::open(Arc::new(writer.into_inner().unwrap())).unwrap()
}

#[test]
fn rows_of_parquet() {
    let mut checks = every_kind();
    checks.push(Check::Types { fields: vec![("at".into(), vec![Type::Object]), ("/tags".into(), vec![Type::Array])] });
    checks.push(Check::Required { fields: names(&["/at", "/at/place", "nothing"]) });
    let gate = gate(checks);
    let mut rows = Vec::new();
    people().rows(&|_| true, &mut |row| rows.push(told(&gate, RecordText::Row(&row)))).unwrap();
    assert_eq!(rows[0].0, [said(14, "nothing is missing")]);
    let all = [
        said(3, r#"/tags/* is "z", which is not an allowed value"#),
        said(4, "score is -1.0, less than 0"),
        said(6, "/name contains the control character U+0007"),
        said(8, "/name contains an e-mail address"),
        said(13, "at has the type null, not object"),
        said(14, "nothing is missing; /at and /at/place are null"),
    ];
    assert_eq!(rows[1].0, all);
    assert_eq!(rows[2].0[0], said(1, "name and /tags are null"));
    assert_eq!(rows.iter().map(|row| row.1.len()).collect::<Vec<_>>(), [3, 3, 2]);
}

#[test]
fn rows_of_parquet_as_json() {
    let (mut values, constants) = (Vec::new(), crate::gate::numbers::Constants::of(b"{}").unwrap());
    people()
        .rows(&|_| true, &mut |row| {
            values.push(crate::gate::value::value(&ParsedRecord::Row(row), &constants).unwrap().unwrap().value)
        })
        .unwrap();
    assert_eq!(values[0], json!({"id": 1, "name": "Ann", "score": 1.5, "tags": ["x", "y"], "at": {"place": "here"}}));
    assert_eq!(values[2], json!({"id": 3, "name": null, "score": null, "tags": null, "at": null}));
}

#[test]
fn what_is_taken_away_leaves_no_sum() {
    let gate = gate(every_kind());
    let file_rules = gate.rules_for("a");
    let (mut measures, mut told) = (Measures::new(13), Vec::new());
    let mut checker = RecordChecker::new(&gate);
    let mut record = |sign, told: &mut Vec<RuleOutput>| {
        let record = RecordText::Json(br#"{"id":1}"#);
        checker.check(&file_rules, &record, &mut measures, sign, &mut |t| told.push(t));
    };
    record(1, &mut told);
    assert_eq!(told.len(), 3, "name and tags are missing; a key; an identity");
    record(-1, &mut told);
    assert_eq!(told[..3], told[3..]);
    assert!((0..13).all(|rule| measures.records(rule) == 0 && measures.to_list(rule).is_empty()));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(&b"{}[]\",:\\u0d8eE-. \xff\xc3\xa9an"[..]), 0..60)) {
        let gate = gate(every_kind());
        told(&gate, RecordText::Json(&bytes));
        told(&gate, file(Ok(&bytes)));
        told(&gate, RecordText::Fields { row: &bytes, syntax: b','.into(), header: Some(&header(&["id", "name"])), wrong: None });
    }

    #[test]
    fn another_spelling_has_the_same_keys((text, other) in crate::sample::spelled()) {
        let gate = gate(vec![Check::Duplicates { fields: vec![], max_share: 0 }, Check::Unique { key: names(&["a"]) }]);
        prop_assert_eq!(told(&gate, RecordText::Json(text.as_bytes())).1, told(&gate, RecordText::Json(other.as_bytes())).1);
    }
}

/// The nanoseconds that this thread has been on a processor, as Linux counts them: others may be at work too.
fn on_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

/// Run with `--release -- --ignored --nocapture` and `HLX_RECORDS` naming a file of JSON lines.
#[test]
#[ignore = "a measurement, of a file that the caller names"]
fn costs_less_than_3_ns_a_byte() {
    let text = std::fs::read(std::env::var_os("HLX_RECORDS").unwrap()).unwrap();
    let read = |take: &mut dyn FnMut(crate::sample::Record<'_>)| {
        let mut reader = Jsonl::new();
        reader.feed(&text, take);
        reader.finish(take);
    };
    let checks = || {
        vec![
            Check::Parse,
            Check::Required { fields: names(&["id", "text"]) },
            Check::Unique { key: names(&["id"]) },
            Check::Duplicates { fields: vec![], max_share: 0 },
            Check::Encoding,
            Check::Length { field: Some("text".into()), min: Some(1), max: None, unit: LengthUnit::Characters },
        ]
    };
    let one = |n: usize| vec![checks().swap_remove(n)];
    let sets = [
        ("all", checks()),
        ("parse", one(0)),
        ("unique", one(2)),
        ("duplicates", one(3)),
        ("encoding", one(4)),
        ("length", one(5)),
    ];
    for (name, checks) in sets {
        let gate = gate(checks);
        let (file_rules, mut checker, mut measures) =
            (gate.rules_for("a"), RecordChecker::new(&gate), Measures::new(gate.rules().len()));
        let (start, mut keys) = (on_cpu(), 0);
        read(&mut |record| {
            let record = RecordText::Json(record.bytes);
            checker.check(&file_rules, &record, &mut measures, 1, &mut |told| {
                keys += usize::from(matches!(told, RuleOutput::Key { .. }))
            });
        });
        let cost = (on_cpu() - start) / text.len() as f64;
        println!("{name}: {cost:.2} ns a byte, {keys} keys");
        assert!(cost < 3.0);
    }
}
