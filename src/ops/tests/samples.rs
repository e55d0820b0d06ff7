//! Samples: counts, differences, schemas and the numbers that follow, against naive ones.

use std::collections::HashMap;
use std::io::Write;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::diff::{RecordChange, SampleCounts};
use crate::object::version::ChangeType;
use crate::ops::{compare, diff, show, validate};

fn difference(bench: &Bench, from: &str, to: Option<&str>) -> diff::DiffReport {
    let samples = Some(diff::SampleOptions { by_file: true, patch: true, limit: None });
    let options = diff::DiffOptions { from: Some(from.into()), to: to.map(str::to_owned), paths: vec![], samples };
    diff::run(&bench.repo(), &options, &NoProgress).unwrap()
}

pub(super) fn counts(added: u64, removed: u64, modified: u64) -> Option<SampleCounts> {
    Some(SampleCounts { added, removed, modified })
}

pub(super) fn said(report: &commit::CommitReport) -> Option<SampleCounts> {
    report.samples_added.and_then(|added| counts(added, report.samples_removed?, report.samples_modified?))
}

/// Declares the whole folder, with a key and the rest of its table.
fn declare(bench: &Bench, rest: &str) {
    fs::write(bench.path.join("helox.toml"), format!("[dataset.ds]\npath = \".\"\nkey = \"id\"\n{rest}")).unwrap();
}

/// Commits one file after the other under the same name; returns the last report.
fn versions<'a>(name: &str, contents: impl IntoIterator<Item = &'a str>) -> commit::CommitReport {
    let bench = Bench::new();
    let reports = contents.into_iter().map(|content| {
        bench.write(name, content);
        bench.commit(|o| o.allow_empty = true).unwrap()
    });
    reports.last().unwrap()
}

#[test]
fn the_number_follows_from_the_samples() {
    let two = "{\"a\":1}\n{\"a\":2}\n";
    let ten: String = (0..10).map(|n| format!("{{\"a\":{n}}}\n")).collect();
    for (before, after, kind, number) in [
        (two, "{\"a\":3}\n{\"a\":4}\n", ChangeType::Major, "2.0.0"),
        ("{\"a\":1,\"b\":1}\n{\"a\":2}\n", two, ChangeType::Major, "2.0.0"),
        (two, "{\"a\":\"1\"}\n{\"a\":2}\n", ChangeType::Major, "2.0.0"),
        (&ten, &ten.replace("{\"a\":0}", "{\"a\":0,\"b\":1}"), ChangeType::Minor, "1.1.0"),
        (&ten, &ten.replace("0", "10"), ChangeType::Patch, "1.0.1"),
        (&ten, &ten.replace("0", "10").replace("9", "19"), ChangeType::Minor, "1.1.0"),
        (two, "{\"a\":2}\r\n\n{ \"a\": 1.0 }", ChangeType::Major, "2.0.0"),
        (two, "{\"a\":2}\r\n\n{ \"a\": 1e0 }", ChangeType::Major, "2.0.0"),
        (two, "{\"a\":2}\r\n\n{ \"a\":1 }", ChangeType::Patch, "1.0.1"),
        ("", two, ChangeType::Major, "2.0.0"),
        (two, "", ChangeType::Major, "2.0.0"),
    ] {
        let report = versions("f.jsonl", [before, after]);
        assert_eq!((report.version.change_type, report.version.version.to_string().as_str()), (kind, number), "{}", report.bump);
    }
}

#[test]
fn what_moves_or_is_shuffled_is_no_change() {
    let bench = Bench::new();
    let all: Vec<String> = (0..50).map(|n| format!("{{\"n\":{n},\"t\":\"text\"}}\n")).collect();
    bench.write("a.jsonl", all[..25].concat());
    bench.write("b.jsonl", all[25..].concat());
    bench.commit(|_| ()).unwrap();
    let shuffled: String = all.iter().rev().cloned().collect();
    bench.write("a.jsonl", shuffled);
    bench.write("b.jsonl", "");
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!((said(&report), report.version.change_type), (counts(0, 0, 0), ChangeType::Patch));
    assert_eq!(report.version.total_samples, Some(50));
    let report = difference(&bench, "1.0.0", Some("latest"));
    assert_eq!(report.samples, counts(0, 0, 0));
    let by_file: Vec<_> = report.by_file.unwrap().into_iter().map(|f| (f.path, f.counts.added, f.counts.removed)).collect();
    assert_eq!(by_file, [("a.jsonl".into(), 25, 0), ("b.jsonl".into(), 0, 25)]);
    // The array of the same records in a file of another format differs only as file.
    std::fs::remove_file(bench.path.join("a.jsonl")).unwrap();
    bench.write("c.json", format!("[{}]", all.join(",")));
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!((said(&report), report.version.version), (counts(0, 0, 0), number("1.0.2")));
}

#[test]
fn every_odd_file_is_counted() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let packed = gzip(b"{\"a\":1}\n{\"a\":2}\n");
    let files: &[(&str, &[u8], u64, Option<u64>)] = &[
        ("crlf.jsonl", b"\xef\xbb\xbf{\"a\":1}\r\n{\"a\":2}\r\n", 2, None),
        ("upper.JSONL", b"{\"a\":1}\n\n{\"a\":2}", 2, None),
        ("utf8.jsonl", b"{\"a\":1}\n{\"a\":\"\xff\"}\n", 2, Some(2)),
        ("nojson.jsonl", b"{\"a\":1}\n{\"a\":2}\nnothing\n", 3, Some(3)),
        ("empty.jsonl", b"", 0, None),
        ("empty.txt", b"", 1, None),
        ("array.json", b"[1,\n2, {\"a\":[3]}]", 3, None),
        ("object.json", b"{\"a\":1}", 1, None),
        ("broken.json", b"[1,\n2,", 1, Some(2)),
        ("quoted.csv", b"a,b\n1,\"x\ny\"\n2,z\n", 2, None),
        ("comments.csv", b"# one\n# two\na,b\n1,2\n", 3, None),
        ("whole.jsonl.gz", &packed, 2, None),
        ("cut.jsonl.gz", &packed[..packed.len() - 4], 1, Some(1)),
        ("bad.pq", b"PAR1 nothing PAR1", 1, Some(1)),
    ];
    let bench = Bench::new();
    for (name, bytes, ..) in files {
        bench.write(name, bytes);
    }
    let report = bench.commit(|_| ()).unwrap();
    let found: HashMap<_, _> = report.findings.iter().map(|f| (f.path.as_str(), f.line)).collect();
    for (name, _, count, line) in files {
        assert_eq!(found.get(name), line.as_ref(), "{name}");
        let entry = crate::manifest::find(&**bench.repo().store(), report.version.manifest, name).unwrap().unwrap();
        assert_eq!(entry.samples.unwrap().count, *count, "{name}");
    }
    assert_eq!(report.version.total_samples, Some(files.iter().map(|f| f.2).sum()));
    // All of it goes, and nothing is left of the schema.
    write_tree(&bench.path, &Tree::new());
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!(said(&report).unwrap().removed, files.iter().map(|f| f.2).sum::<u64>());
    assert_eq!(report.version.schema.unwrap()["records"], 0);
}

#[test]
fn records_with_a_key_are_modified() {
    let bench = Bench::new();
    let config = std::fs::read_to_string(bench.path.join("helox.toml")).unwrap();
    std::fs::write(bench.path.join("helox.toml"), config + "key = \"id\"\n").unwrap();
    bench.write("a.jsonl", "{\"id\":1,\"x\":{\"y\":1}}\n{\"id\":2}\n{\"id\":3}\n");
    bench.write("t.csv", "id,v\n7,a\n8,b\n");
    bench.commit(|_| ()).unwrap();
    bench.write("a.jsonl", "{\"id\":2}\n{\"id\":1,\"x\":{\"y\":2}}\n{\"id\":4}\n");
    bench.write("t.csv", "id,v\n7,a\n8,c\n");
    let work = difference(&bench, "1.0.0", None);
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!((said(&report), work.samples), (counts(1, 1, 2), counts(1, 1, 2)));
    let report = difference(&bench, "1.0.0", Some("latest"));
    let shown: Vec<_> = report.records.unwrap().iter().map(|r| serde_json::to_value(r).unwrap()).collect();
    let modified = |r: &&Value| r["change"] == "modified";
    let fields: Vec<_> = shown.iter().filter(modified).map(|r| r["fields"][0]["path"].as_str().unwrap()).collect();
    assert_eq!((shown.len(), fields), (4, vec!["/x/y", "/v"]));
    let back = difference(&bench, "WORK", Some("1.0.0"));
    assert_eq!(back.samples, counts(1, 1, 2));
}

#[test]
fn counting_can_be_left_out_and_taken_up() {
    let bench = Bench::new();
    let path = bench.path.join("helox.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{config}samples = false\n")).unwrap();
    bench.write("a.jsonl", "{\"a\":1}\n");
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!((report.version.total_samples, report.version.schema), (None, None));
    std::fs::write(&path, &config).unwrap();
    bench.write("b.jsonl", "{\"a\":2}\n");
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!((report.version.total_samples, said(&report)), (Some(2), None));
    bench.write("b.jsonl", "{\"a\":2}\n{\"a\":3}\n");
    assert_eq!(said(&bench.commit(|_| ()).unwrap()), counts(1, 0, 0));
    // Another reader finds other samples in the same bytes.
    std::fs::write(&path, format!("{config}[dataset.ds.format]\n\"b.jsonl\" = \"text\"\n")).unwrap();
    let report = bench.commit(|o| o.allow_empty = true).unwrap();
    assert_eq!((report.version.total_samples, said(&report)), (Some(2), counts(1, 2, 0)));
}

#[test]
fn large_files_are_compared_chunk_by_chunk() {
    let bench = Bench::new();
    let text = String::from_utf8(lines(1, 40_000)).unwrap();
    let before: Vec<&str> = text.split_inclusive('\n').collect();
    bench.write("big.jsonl", &text);
    bench.commit(|_| ()).unwrap();
    let mut after: Vec<String> = before.iter().map(|line| (*line).to_owned()).collect();
    for at in (0..40_000).step_by(997) {
        after[at] = after[at].replace("tenant", "lessee");
    }
    after.drain(20_000..20_500);
    after.rotate_left(3);
    after.insert(100, lines(2, 1).into_iter().map(char::from).collect());
    bench.write("big.jsonl", after.concat());
    let naive = {
        let mut standing: HashMap<&str, i64> = HashMap::new();
        after.iter().for_each(|line| *standing.entry(line).or_default() += 1);
        before.iter().for_each(|line| *standing.entry(line).or_default() -= 1);
        let sum = |sign: i64| standing.values().map(|n| (n * sign).max(0) as u64).sum();
        counts(sum(1), sum(-1), 0)
    };
    let work = difference(&bench, "1.0.0", None).samples;
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!(report.version.total_samples, Some(after.len() as u64));
    let stored = difference(&bench, "1.0.0", Some("latest"));
    assert_eq!((work, said(&report), stored.samples), (naive, naive, naive));
    assert_eq!(stored.records.unwrap().len() as u64, naive.map_or(0, |n| n.added + n.removed));
    let back = compare::run(&bench.repo(), "latest", "1.0.0", &NoProgress).unwrap();
    assert_eq!((back.samples_added, back.samples_removed), (naive.map(|n| n.removed), naive.map(|n| n.added)));
}

/// A few small files of records that meet often.
fn data() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let records = || prop::collection::vec((0..6u8, 0..3u8), 0..8);
    (records(), records(), records(), records()).prop_map(|(a, b, c, d)| {
        let json = |(x, y): &(u8, u8)| match y {
            0 => format!("{{\"x\":{x}}}"),
            1 => format!("{{\"y\":[{y}], \"x\":\"{x}\"}}"),
            _ => "null".to_owned(),
        };
        let all = |records: &[(u8, u8)], between: &str| records.iter().map(json).collect::<Vec<_>>().join(between);
        let csv: String = c.iter().map(|(x, y)| format!("{x},\"{y}\"\n")).collect();
        vec![
            ("a.jsonl", all(&a, "\n").into_bytes()),
            ("b.json", format!("[{}]", all(&b, ",")).into_bytes()),
            ("c.csv", format!("x,y\n{csv}").into_bytes()),
            ("sub/d.jsonl", all(&d, "\r\n").into_bytes()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_history_counts_what_its_last_version_would_alone(history in prop::collection::vec(data(), 2..4)) {
        let bench = Bench::new();
        for files in &history {
            files.iter().for_each(|(path, bytes)| bench.write(path, bytes));
            bench.commit(|o| o.allow_empty = true).unwrap();
        }
        let alone = Bench::new();
        let last = history.last().unwrap();
        last.iter().for_each(|(path, bytes)| alone.write(path, bytes));
        let first = alone.commit(|_| ()).unwrap();
        let view = show::run(&bench.repo(), None).unwrap();
        prop_assert_eq!((view.total_samples, &view.schema), (first.version.total_samples, &first.version.schema));
        prop_assert_eq!(view.manifest, first.version.manifest);
    }
}

#[test]
fn a_key_whose_fields_are_those_of_different_files_is_told() {
    let config =
        "[dataset.ds]\ntype = \"test\"\npath = \".\"\nkey = [\"lease\", \"year\"]\n[dataset.ds.validation]\nmin_score = 0.0\n";
    for (b, warns) in [("year,rent\n2024,1\n2025,2\n", true), ("year,lease\n2024,C\n2025,D\n", false)] {
        let bench = Bench::new();
        bench.write("helox.toml", config);
        bench.write("a.csv", "lease,rent\nA,1\nB,2\n");
        bench.write("b.csv", b);
        let is_told = |warnings: &[String]| match warns {
            true => {
                warnings
                    == [
                        "no record has the complete key, 'lease' and 'year', so no record counts as modified; see 'key' in helox.toml",
                    ]
            }
            false => warnings.is_empty(),
        };
        let validate = |target: &str| {
            let options = validate::ValidateOptions { revision: Some(target.into()), ..Default::default() };
            validate::run(&bench.repo(), &options, &NoProgress).unwrap().warnings
        };
        assert!(is_told(&validate("WORK")), "{:?}", validate("WORK"));
        let report = bench.commit(|_| {}).unwrap();
        assert!(is_told(&report.warnings), "{:?}", report.warnings);
        assert!(is_told(&validate("latest")));
        bench.write("a.csv", "lease,rent\nA,1\nB,3\n");
        let options = diff::DiffOptions { samples: Some(diff::SampleOptions::default()), ..Default::default() };
        let report = diff::run(&bench.repo(), &options, &NoProgress).unwrap();
        assert!(is_told(&report.warnings.unwrap()));
    }
}

#[test]
fn ignored_fields_make_no_difference() {
    let bench = Bench::new();
    let declare = |rest: &str| declare(&bench, rest);
    declare("ignore_fields = [\"at\", \"/meta/run\"]\n");
    let jsonl = |at: &str, changed: &str| -> String {
        (0..3_000)
            .map(|n| format!("{{\"id\":{n},\"at\":\"{at}{n}\",\"meta\":{{\"run\":\"{at}\",\"t\":\"{changed}\"}}}}\n"))
            .collect()
    };
    let csv = |at: &str| format!("id,at,text\n1,{at},x\n2,{at},y\n");
    let json = |at: &str| format!("[{{\"id\":1,\"at\":\"{at}\"}},{{\"id\":2}}]");
    let write = |at: &str, changed: &str| {
        bench.write("a.jsonl", jsonl(at, changed));
        bench.write("b.csv", csv(at));
        bench.write("c.json", json(at));
    };
    write("may", "same");
    bench.commit(|_| {}).unwrap();
    write("june", "same");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(said(&report), counts(0, 0, 0));
    assert_eq!((report.version.change_type, report.files.files_modified), (ChangeType::Patch, 3), "the files are others");
    let records = difference(&bench, "1.0.0", Some("1.0.1"));
    assert_eq!((records.samples, records.records.unwrap().len()), (counts(0, 0, 0), 0));

    let changed = jsonl("july", "same").replace(
        "\"id\":7,\"at\":\"july7\",\"meta\":{\"run\":\"july\",\"t\":\"same\"",
        "\"id\":7,\"at\":\"july7\",\"meta\":{\"run\":\"july\",\"t\":\"new\"",
    );
    bench.write("a.jsonl", changed);
    bench.write("b.csv", csv("july").replace(",y", ",z"));
    let work = difference(&bench, "1.0.1", None);
    assert_eq!(work.samples, counts(0, 0, 2));
    let fields: Vec<_> = work.records.unwrap().iter().flat_map(|r| r.fields.iter().map(|f| f.path.clone())).collect();
    assert_eq!(fields, ["/meta/t", "/text"], "what is ignored is not shown");

    declare("");
    assert_eq!(difference(&bench, "1.0.1", None).samples, counts(0, 0, 3_002), "what counts is what is declared now");
    declare("ignore_fields = \"att\"\n");
    let warnings = difference(&bench, "1.0.0", None).warnings.unwrap();
    assert!(
        warnings.iter().any(|w| w.contains("no record has the field 'att';") && w.ends_with("did you mean 'at'?")),
        "{warnings:?}"
    );
}

#[test]
fn records_that_move_between_splits_are_told() {
    let bench = Bench::new();
    let declare = |splits: &str| declare(&bench, splits);
    declare("");
    let lines = |ids: std::ops::Range<usize>| ids.map(|n| format!("{{\"id\":{n}}}\n")).collect::<String>();
    bench.write("train/a.jsonl", lines(0..30));
    bench.write("test/b.jsonl", lines(100..110));
    bench.write("test/c.jsonl", lines(200..205));
    bench.commit(|_| {}).unwrap();
    // Ten records move one way, a file of five the other, one is changed, one is new.
    bench.write("train/a.jsonl", lines(10..30).replace("{\"id\":29}", "{\"id\":29,\"x\":1}"));
    bench.write("test/b.jsonl", lines(100..110) + &lines(0..10) + &lines(300..301));
    fs::rename(bench.path.join("test/c.jsonl"), bench.path.join("train/c.jsonl")).unwrap();
    let moves = |moved: &[crate::diff::SplitMove]| moved.iter().map(|moved| moved.to_string()).collect::<Vec<_>>();
    let expected = ["5 moved from test to train", "10 moved from train to test"];
    let work = difference(&bench, "1.0.0", None);
    assert_eq!((work.samples, moves(&work.moved)), (counts(1, 0, 1), expected.map(str::to_owned).into()));
    let back = difference(&bench, "WORK", Some("1.0.0"));
    assert_eq!(moves(&back.moved), ["10 moved from test to train", "5 moved from train to test"]);
    let summed = |from: &str, to: Option<&str>| {
        let samples = Some(diff::SampleOptions { by_file: false, patch: false, limit: None });
        let options = diff::DiffOptions { from: Some(from.into()), to: to.map(str::to_owned), paths: vec![], samples };
        moves(&diff::run(&bench.repo(), &options, &NoProgress).unwrap().moved)
    };
    assert_eq!(summed("1.0.0", None), expected, "of a renamed file only the number is asked");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((said(&report), moves(&report.samples_moved)), (counts(1, 0, 1), expected.map(str::to_owned).into()));
    assert!(report.bump.contains("; 10 moved from train to test"), "{}", report.bump);
    assert_eq!(report.version.change_type, ChangeType::Minor, "by a new field; folders are no splits that were declared");
    let compared = compare::run(&bench.repo(), "1.0.0", "latest", &NoProgress).unwrap();
    assert_eq!(moves(&compared.samples_moved), expected);

    declare("[dataset.ds.splits]\nlearn = \"train/**\"\nheld = [\"test/**\", \"none\"]\n");
    assert_eq!(summed("1.0.0", Some("latest")), ["5 moved from held to learn", "10 moved from learn to held"]);
    declare("[dataset.ds.splits]\nall = \"**\"\n");
    assert_eq!(summed("1.0.0", Some("latest")), [] as [&str; 0]);

    declare("[dataset.ds.splits]\ntrain = \"train/**\"\ntest = \"test/**\"\n");
    bench.write("train/a.jsonl", "");
    bench.write("test/a.jsonl", lines(10..29) + "{\"id\":29,\"x\":1}\n");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((said(&report), report.version.change_type), (counts(0, 0, 0), ChangeType::Minor), "20 of 46 moved");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Keys that several records have, old sides long before their new sides, and files of which each has one side.
    #[test]
    fn a_patch_shows_each_side_of_what_differs_once(
        old in prop::collection::vec((0..3usize, 0..4u8, 0..6u8), 0..24),
        new in prop::collection::vec((0..3usize, 0..4u8, 0..6u8), 0..24),
        limit in prop::option::of(0..6usize),
    ) {
        let bench = Bench::new();
        declare(&bench, "");
        let record = |id: u8, v: u8| format!("{{\"id\":{id},\"v\":{v}}}");
        let write = |records: &[(usize, u8, u8)]| {
            for file in 0..3 {
                let own = records.iter().filter(|(of, ..)| *of == file);
                bench.write(&format!("{file}.jsonl"), own.map(|(_, id, v)| record(*id, *v) + "\n").collect::<String>());
            }
        };
        write(&old);
        bench.commit(|_| {}).unwrap();
        write(&new);
        let mut left: HashMap<String, i64> = HashMap::new();
        old.iter().for_each(|(_, id, v)| *left.entry(record(*id, *v)).or_default() -= 1);
        new.iter().for_each(|(_, id, v)| *left.entry(record(*id, *v)).or_default() += 1);
        let samples = Some(diff::SampleOptions { by_file: false, patch: true, limit });
        let options = diff::DiffOptions { from: Some("1.0.0".into()), to: None, paths: vec![], samples };
        let report = diff::run(&bench.repo(), &options, &NoProgress).unwrap();
        let shown = report.records.unwrap();
        for record in &shown {
            let is_old = record.change == RecordChange::Removed;
            *left.entry(record.record.as_str().to_owned()).or_default() -= if is_old { -1 } else { 1 };
            prop_assert_eq!(record.old.is_some(), record.change == RecordChange::Modified);
            record.old.iter().for_each(|old| *left.entry(old.as_str().to_owned()).or_default() += 1);
        }
        let counts = report.samples.unwrap();
        let all = (counts.added + counts.modified + counts.removed) as usize;
        prop_assert_eq!(shown.len(), all.min(limit.unwrap_or(all)));
        if limit.is_none_or(|limit| limit >= all) {
            prop_assert!(left.values().all(|count| *count == 0), "{:?}", left);
        }
    }
}
