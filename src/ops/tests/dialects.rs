//! Tables by names, dialects that are said or guessed, and readings that change between versions.

use super::*;
use crate::diff::SampleCounts;
use crate::ops::{compare, diff, status, validate};

/// Declares the dataset with lines of `[dataset.ds.format]`.
fn declare(bench: &Bench, formats: &str) {
    let text = format!("[dataset.ds]\ntype = \"test\"\npath = \".\"\nkey = \"id\"\n\n[dataset.ds.format]\n{formats}\n");
    bench.write("helox.toml", text);
}

/// Commits a file and then another in its place; returns the second report.
fn replaced(path: &str, old: &str, new: &str) -> commit::CommitReport {
    let bench = Bench::new();
    bench.write(path, old);
    bench.commit(|_| {}).unwrap();
    bench.write(path, new);
    bench.commit(|_| {}).unwrap()
}

fn counts(report: &commit::CommitReport) -> SampleCounts {
    let count = |samples: Option<u64>| samples.unwrap();
    SampleCounts {
        added: count(report.samples_added),
        removed: count(report.samples_removed),
        modified: count(report.samples_modified),
    }
}

fn samples(report: &commit::CommitReport) -> u64 {
    report.version.total_samples.unwrap()
}

#[test]
fn a_row_is_its_names_and_values() {
    let none = SampleCounts::default();
    assert_eq!(counts(&replaced("x.csv", "a,b\n1,2\n3,4\n", "b,a\n2,1\n4,3\n")), none, "the columns change places");
    let both = SampleCounts { added: 2, removed: 2, modified: 0 };
    assert_eq!(counts(&replaced("x.csv", "a,b\n1,2\n3,4\n", "b,a\n1,2\n3,4\n")), both, "the names change places");
    assert_eq!(counts(&replaced("x.csv", "a,b\n1,2\n3,4\n", "a,c\n1,2\n3,4\n")), both, "a column is renamed");
}

#[test]
fn columns_of_one_name_are_told_and_compared_by_position() {
    let report = replaced("x.csv", "a,b,a\n1,2,3\n", "a,b,a\n3,2,1\n");
    assert_eq!(counts(&report), SampleCounts { added: 1, removed: 1, modified: 0 });
    assert_eq!((report.findings.len(), report.findings[0].message.contains("'a'")), (1, true), "{:?}", report.findings);
}

#[test]
fn dialects_are_guessed_where_nothing_is_said() {
    let count = |path: &str, bytes: &[u8]| {
        let bench = Bench::new();
        bench.write(path, bytes);
        let report = bench.commit(|_| {}).unwrap();
        assert_eq!(report.findings.iter().filter(|finding| finding.message.starts_with("is read ")).count(), 1, "{path}");
        samples(&report)
    };
    assert_eq!(count("x.csv", b"id;text\n1;\"a; b\"\n2;\"two\nlines\"\n3;x\n"), 3);
    assert_eq!(count("x.tsv", b"id\ttext\n1\t\"Hello\n2\tbye\n3\t\"x\" y\n"), 3);
    assert_eq!(count("x.json", b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n"), 3);
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(count("x.jsonl", &utf16("\u{feff}{\"a\":1}\n{\"a\":2}\n")), 2);
    assert_eq!(count("x.csv", &utf16("id,text\n1,a\n")), 1);
}

#[test]
fn dialects_that_are_said_are_read() {
    let bench = Bench::new();
    declare(
        &bench,
        "\"*.dat\" = { kind = \"csv\", header = false, delimiter = \"|\", comment = \"#\", encoding = \"latin1\" }\n\
         \"*.json\" = { kind = \"json\", records = \"/data\" }",
    );
    bench.write("a.dat", b"# made by hand\n5|caf\xe9\n# more\n6|tea\n");
    bench.write("b.json", "{\"version\":\"2\",\"data\":[{\"id\":1},{\"id\":2},{\"id\":3}]}");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(samples(&report), 5);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let paths: Vec<_> = report.version.schema.as_ref().unwrap()["fields"].as_array().unwrap().iter().collect();
    assert!(paths.iter().any(|field| field["path"] == "/#2"), "{paths:?}");
}

#[test]
fn a_record_beyond_the_longest_length_is_one_broken_sample() {
    let long = |letter: &str| format!("{{\"id\":2,\"text\":\"{}\"}}", letter.repeat(5_000));
    let row = |letter: &str| format!("2,\"{}\n\"", letter.repeat(5_000));
    let lines = |long: String| format!("{{\"id\":1}}\n{long}\n{{\"id\":3}}\n");
    let array = |long: String| format!("[{{\"id\":1}},{long},{{\"id\":3}}]");
    let table = |row: String| format!("id,text\n1,a\n{row}\n3,c\n");
    for (path, old, new) in [
        ("x.jsonl", lines(long("a")), lines(long("b"))),
        ("x.json", array(long("a")), array(long("b"))),
        ("x.csv", table(row("a")), table(row("b"))),
    ] {
        let bench = Bench::new();
        bench.write(
            "helox.toml",
            "[dataset.ds]\ntype = \"test\"\npath = \".\"\nkey = \"id\"\nmax_record = \"4 KiB\"\n\n\
             [[dataset.ds.validation.rule]]\nkind = \"required\"\nfields = \"id\"\n",
        );
        bench.write(path, &old);
        let first = bench.commit(|_| {}).unwrap();
        assert_eq!(samples(&first), 3, "{path}");
        let finding = &first.findings[0];
        assert_eq!((first.findings.len(), finding.line), (1, if path == "x.json" { 1 } else { 2 + u64::from(path == "x.csv") }));
        assert!(finding.message.contains("more than 'max_record' allows"), "{}", finding.message);
        bench.write(path, &new);
        let second = bench.commit(|_| {}).unwrap();
        assert_eq!(counts(&second), SampleCounts { added: 1, removed: 1, modified: 0 }, "{path}");
    }
}

#[test]
fn one_bad_element_costs_one_sample() {
    let report = replaced("x.json", "[{\"a\":NaN},{\"a\":2},{\"a\":3}]", "[{\"a\":NaN},{\"a\":2},{\"a\":4}]");
    assert_eq!((samples(&report), counts(&report)), (3, SampleCounts { added: 1, removed: 1, modified: 0 }));
}

#[test]
fn a_changed_reading_is_the_same_change_for_every_verb() {
    let bench = Bench::new();
    bench.write("x.dat", "{\"id\":1}\n{\"id\":2}\n");
    bench.write("y.jsonl", "{\"id\":9}\n");
    bench.write("z.csv", "id;t\n1;a\n");
    bench.commit(|_| {}).unwrap();
    declare(&bench, "\"*.dat\" = \"jsonl\"\n\"*.csv\" = { kind = \"csv\", delimiter = \";\" }");
    bench.write("y.jsonl", "{\"id\":8}\n");
    let status = || status::run(&bench.repo(), &status::StatusOptions::default(), &NoProgress).unwrap();
    assert_eq!(status().reread, ["x.dat"], "what was guessed of the table and is said now comes to the same");
    let diff = |to: Option<&str>| {
        let samples = Some(diff::SampleOptions { by_file: true, ..Default::default() });
        let from = Some(if to.is_some() { "HEAD~1" } else { "HEAD" }.to_owned());
        let options = diff::DiffOptions { from, to: to.map(str::to_owned), samples, ..Default::default() };
        diff::run(&bench.repo(), &options, &NoProgress).unwrap()
    };
    let expected = SampleCounts { added: 3, removed: 2, modified: 0 };
    let before = diff(None);
    assert_eq!((before.samples, before.reread), (Some(expected), vec!["x.dat".to_owned()]));
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((counts(&report), report.files.files_reread), (expected, 1));
    assert!(status().clean);
    let after = diff(Some("HEAD"));
    assert_eq!((after.samples, after.reread, after.by_file.unwrap().len()), (Some(expected), vec!["x.dat".to_owned()], 2));
    let compared = compare::run(&bench.repo(), "HEAD~1", "HEAD", &NoProgress).unwrap();
    let [added, removed] = [compared.samples_added, compared.samples_removed];
    assert_eq!((added, removed, compared.files.files_reread), (Some(3), Some(2), 1));
    assert_eq!(compared.change_type, report.version.change_type);
}

#[test]
fn a_changed_reading_is_a_change_and_counts_as_from_scratch() {
    for edited in [false, true] {
        let bench = Bench::new();
        bench.write("x.dat", "id;t\n1;a\n2;b\n");
        bench.write("y.jsonl", "{\"id\":3}\n");
        let before = bench.commit(|_| {}).unwrap();
        assert_eq!(samples(&before), 2);
        declare(&bench, "\"*.dat\" = { kind = \"csv\", delimiter = \";\" }");
        if edited {
            bench.write("x.dat", "id;t\n1;a\n2;c\n5;d\n");
        }
        let report = bench.commit(|_| {}).unwrap();
        assert_eq!(report.files.files_reread, u64::from(!edited));
        declare(&bench, "\"*.dat\" = { kind = \"csv\", delimiter = \",\" }");
        let again = bench.commit(|_| {}).unwrap();
        assert_eq!(again.files.files_reread, 1);

        for report in [&report, &again] {
            let scratch = Bench::new();
            let delimiter = if std::ptr::eq(report, &again) { "," } else { ";" };
            declare(&scratch, &format!("\"*.dat\" = {{ kind = \"csv\", delimiter = \"{delimiter}\" }}"));
            scratch.write("x.dat", fs::read(bench.path.join("x.dat")).unwrap());
            scratch.write("y.jsonl", fs::read(bench.path.join("y.jsonl")).unwrap());
            let anew = scratch.commit(|_| {}).unwrap();
            assert_eq!(samples(report), samples(&anew));
            assert_eq!(report.version.schema, anew.version.schema);
        }
        let unchanged = bench.commit(|_| {}).unwrap();
        assert_eq!((unchanged.outcome, unchanged.files.files_reread), (commit::CommitOutcome::Unchanged, 0));
    }
}

#[test]
fn a_key_that_no_record_has_is_told() {
    let bench = Bench::new();
    declare(&bench, "");
    bench.write("x.csv", "id ,t\n1,a\n");
    let report = bench.commit(|_| {}).unwrap();
    assert!(report.warnings.iter().any(|warning| warning.contains("'id'") && warning.contains("'id '")), "{:?}", report.warnings);
}

#[test]
fn pointers_to_data_elsewhere_are_told() {
    let bench = Bench::new();
    for path in ["x.parquet", "y.csv", "z.txt"] {
        bench.write(path, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n");
    }
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(report.findings.iter().filter(|finding| finding.message.contains("git lfs pull")).count(), 3);
}

#[test]
fn personal_data_in_a_header_or_a_comment_is_found() {
    for (text, line) in [("# ask ann@example.org\nid,t\n1,b\n", 1), ("ann@example.org,rent\nbob,term\n", 1)] {
        let bench = super::gate::gated(&["kind = 'pii'"]);
        bench.write("x.csv", text);
        let refused = bench.commit(|_| {}).unwrap();
        assert_eq!(refused.outcome, commit::CommitOutcome::Refused, "{text:?}");
        let verdict = refused.version.validation.unwrap();
        assert_eq!((verdict.findings[0].line, verdict.findings_count), (line, 1));

        // It stays where another record is added.
        bench.commit(|o| o.no_validate = true).unwrap();
        bench.write("x.csv", format!("{text}2,c\n"));
        let refused = bench.commit(|_| {}).unwrap();
        assert_eq!(refused.outcome, commit::CommitOutcome::Refused, "{text:?}");
        assert_eq!(refused.version.validation.unwrap().findings_count, 1);
    }
}

#[test]
fn bytes_that_are_not_of_the_encoding_are_told() {
    let bench = Bench::new();
    let mut text: Vec<u8> = "\u{feff}{\"a\":\"x\"}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    text.extend([0x22, 0, 0x3d, 0xd8, 0x22, 0]);
    bench.write("x.jsonl", text);
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(samples(&report), 2);
    assert!(report.findings.iter().any(|finding| finding.message.contains("U+FFFD")), "{:?}", report.findings);
}

#[test]
fn one_cause_is_told_once() {
    for (path, text, words, count) in [
        ("x.jsonl", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", "a document spans several lines", 6),
        ("x.jsonl", "[\n{\"a\":1},\n{\"a\":2}\n]\n", "{ kind = \"json\" }", 4),
        ("x.csv", "Report of 2024\nid,a,b\n1,2,3\n2,3,4\n", "remove the lines before the header", 3),
    ] {
        let bench = Bench::new();
        bench.write(path, text);
        let report = bench.commit(|_| {}).unwrap();
        assert_eq!((report.findings.len(), report.findings_count, samples(&report)), (1, 1, count), "{:?}", report.findings);
        assert!(report.findings[0].message.contains(words), "{:?}", report.findings);
    }
    let bench = Bench::new();
    bench.write("x.json", "{\"version\":\"2\",\"data\":[{\"id\":1},{\"id\":2},{\"id\":3}]}");
    let report = bench.commit(|_| {}).unwrap();
    assert!(report.findings[0].message.contains("records = \"/data\""), "{:?}", report.findings);
    declare(&bench, "\"x.json\" = { kind = \"json\", records = \"/data\" }");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((report.findings.len(), samples(&report)), (0, 3), "{:?}", report.findings);
}

#[test]
fn the_line_of_a_delimiter_is_no_row() {
    let report = replaced("x.csv", "sep=;\r\nid;t\r\n1;a,b\r\n2;c\r\n", "id;t\r\n1;a,b\r\n2;d\r\n");
    assert_eq!((samples(&report), counts(&report)), (2, SampleCounts { added: 1, removed: 1, modified: 0 }));
}

#[test]
fn diff_and_validate_warn_as_commit_does() {
    let bench = super::gate::gated(&["kind = 'parse'"]);
    bench.write("x.jsonl", "{\"a\":1}\n");
    bench.commit(|_| {}).unwrap();
    bench.write("x.csv", "no;t\n1;a\n2;b\n");
    let check = |warnings: &[String], guesses: usize| {
        let count = |words: &str| warnings.iter().filter(|warning| warning.contains(words)).count();
        assert_eq!((count("x.csv:1: is read with ';'"), count("the key '/id'")), (guesses, 1), "{warnings:?}");
    };
    let diff = |from: &str, to: Option<&str>| {
        let samples = Some(diff::SampleOptions::default());
        let options = diff::DiffOptions { from: Some(from.into()), to: to.map(str::to_owned), samples, ..Default::default() };
        diff::run(&bench.repo(), &options, &NoProgress).unwrap().warnings.unwrap()
    };
    let validate = |revision: &str| {
        let options = validate::ValidateOptions { revision: Some(revision.into()), ..Default::default() };
        validate::run(&bench.repo(), &options, &NoProgress).unwrap().warnings
    };
    check(&diff("HEAD", None), 1);
    check(&validate("WORK"), 1);
    check(&validate("HEAD"), 0);
    bench.commit(|_| {}).unwrap();
    check(&diff("HEAD~1", Some("HEAD")), 1);
    check(&validate("WORK"), 1);
    check(&validate("HEAD"), 1);
    bench.write("y.jsonl", "{\"id\":1}\n");
    for warnings in [diff("HEAD", None), validate("WORK")] {
        assert!(!warnings.iter().any(|warning| warning.contains("the key")), "{warnings:?}");
    }
}

#[test]
fn a_repetition_is_of_names_and_values() {
    let bench = super::gate::gated(&["kind = 'duplicates'"]);
    bench.write("a.csv", "id,t\n1,a\n2,b\n");
    bench.write("b.csv", "x,y\n1,a\n2,b\n");
    assert_eq!(bench.commit(|_| {}).unwrap().outcome, commit::CommitOutcome::Created);
    bench.write("b.csv", "t,id\na,1\n1,2\n");
    let refused = bench.commit(|_| {}).unwrap();
    assert_eq!(refused.outcome, commit::CommitOutcome::Refused);
    let verdict = refused.version.validation.unwrap();
    assert_eq!(super::gate::told(&verdict), ["b.csv:2: duplicates: is a duplicate of a.csv:2"]);
}
