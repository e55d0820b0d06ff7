//! Files that no reader can look into: unreadable for every rule, and told by a commit without rules.

use super::gate::{gated, judge, told};
use super::*;
use crate::object::version::ValidationStatus;
use crate::ops::commit::CommitOutcome;

const LFS: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";

#[test]
fn every_rule_counts_opaque_files_as_unreadable() {
    let rules = ["kind = 'parse'", "kind = 'pii'", "kind = 'required'\nfields = '/id'", "kind = 'unique'", "kind = 'duplicates'"];
    let bench = gated(&rules);
    bench.write("good.jsonl", "{\"id\":1}\n");
    for (name, bytes) in [
        ("a.parquet", LFS.as_bytes()),
        ("b.csv", LFS.as_bytes()),
        ("c.txt", LFS.as_bytes()),
        ("d.jsonl", b"PK\x03\x04rest"),
        ("e.json", b"<!DOCTYPE html><title>Log in</title>"),
        ("f.csv", b"%PDF-1.7\n%\xe2\xe3"),
        ("g.zip", b"PK\x03\x04rest"),
        ("h.7z", b"7z\xbc\xaf\x27\x1c"),
        ("i.jsonl", b"PAR1\x15\0\x15"),
    ] {
        bench.write(name, bytes);
    }
    let report = bench.commit(|_| ()).unwrap();
    let verdict = report.version.validation.unwrap();
    assert_eq!(verdict.status, ValidationStatus::Passed, "{:?}", told(&verdict));
    for rule in &verdict.rules {
        assert_eq!((rule.checked, rule.failed, rule.unreadable), (1, 0, 9), "{}", rule.name);
    }
    let told: Vec<&str> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(told, ["a.parquet", "b.csv", "c.txt", "d.jsonl", "e.json", "f.csv", "g.zip", "h.7z", "i.jsonl"]);
    // One comes that can be read.
    bench.write("b.csv", "id\n2\n");
    bench.commit(|_| ()).unwrap();
    let verdict = judge(&bench, "HEAD").unwrap().verdict;
    assert_eq!((verdict.rules[0].checked, verdict.rules[0].unreadable), (2, 8));
}

#[test]
fn opaque_files_are_refused_where_that_is_asked_for() {
    let bench = gated(&["kind = 'parse'"]);
    let config = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
    fs::write(bench.path.join("helox.toml"), config.replace("min_score", "opaque = 'error'\nmin_score")).unwrap();
    bench.write("a.parquet", LFS);
    assert_eq!(bench.commit(|_| ()).unwrap().outcome, commit::CommitOutcome::Refused);
}

#[test]
fn packed_records_under_a_plain_name_are_read() {
    let packed = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let bench = Bench::new();
    bench.write("a.jsonl", packed(b"{\"id\":1}\n{\"id\":2}\n"));
    // Too long to be read at once.
    bench.write(
        "b.csv",
        packed(&[b"id\n".to_vec(), noise(7, 2 << 20).iter().flat_map(|b| format!("{b}{b}\n").into_bytes()).collect()].concat()),
    );
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!(report.version.total_samples, Some(2 + (2 << 20)));
    let told: Vec<&str> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|message| message.starts_with("is read as zstd, detected from its first bytes")), "{told:?}");
    bench.write("a.jsonl", "{\"id\":2}\n{\"id\":3}\n");
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!(super::samples::said(&report), super::samples::counts(1, 1, 0));
}

#[test]
fn a_large_opaque_file_is_one_sample() {
    let bench = Bench::new();
    bench.write("a.jsonl", [b"PK\x03\x04".to_vec(), noise(3, 3 << 20)].concat());
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!(report.version.total_samples, Some(1));
    assert!(report.findings[0].message.starts_with("this is a ZIP archive, not JSON Lines: "), "{:?}", report.findings);
    bench.write("a.jsonl", [b"PK\x03\x04".to_vec(), noise(4, 3 << 20)].concat());
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!(super::samples::said(&report), super::samples::counts(1, 1, 0));
}

#[test]
fn a_program_is_not_shown_what_cannot_be_read() {
    let bench = gated(&["kind = 'command'\nrun = ['sh', '-c', 'test $(cat | wc -l) = 3']"]);
    bench.write("a.jsonl", "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
    bench.write("b.parquet", "no Parquet");
    let report = bench.commit(|_| {}).unwrap();
    let verdict = report.version.validation.unwrap();
    assert_eq!((report.outcome, verdict.rules[0].checked, verdict.rules[0].unreadable), (CommitOutcome::Created, 3, 1));
    assert_eq!((verdict.unreadable[0].path.as_str(), verdict.unreadable_count), ("b.parquet", 1));
}
