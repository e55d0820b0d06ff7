//! The quality gate as callers use it: what is refused, and what is found where.

use super::*;
use crate::object::version::ValidationStatus;
use crate::ops::commit::CommitOutcome;
use crate::ops::{VerdictView, show, validate};

/// A repository whose dataset has these rules, in TOML without the header of the table.
pub(super) fn gated(rules: &[&str]) -> Bench {
    let bench = Bench::new();
    declare(&bench, 0.0, rules);
    bench
}

pub(super) fn declare(bench: &Bench, min_score: f64, rules: &[&str]) {
    let mut text = format!(
        "[dataset.ds]\ntype = \"test\"\npath = \".\"\nkey = \"/id\"\n\n[dataset.ds.validation]\nmin_score = {min_score:?}\n"
    );
    for rule in rules {
        text.push_str(&format!("\n[[dataset.ds.validation.rule]]\n{rule}\n"));
    }
    fs::write(bench.path.join("helox.toml"), text).unwrap();
}

pub(super) fn judge(bench: &Bench, revision: &str) -> Result<validate::ValidateReport> {
    let options = validate::ValidateOptions {
        revision: Some(revision.into()),
        record: revision != "WORK",
        ..validate::ValidateOptions::default()
    };
    validate::run(&bench.repo(), &options, &NoProgress)
}

/// Findings as `path:line: rule: message`.
pub(super) fn told(verdict: &VerdictView) -> Vec<String> {
    verdict.findings.iter().map(|f| format!("{}:{}: {}: {}", f.path, f.line, f.rule, f.message)).collect()
}

pub(super) fn places(verdict: &VerdictView) -> Vec<String> {
    verdict.findings.iter().map(|f| format!("{}:{} {}", f.path, f.line, f.rule)).collect()
}

pub(super) fn records(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|n| format!("{{\"id\":{n},\"text\":\"the rent of flat {n} is due\"}}\n")).collect()
}

#[test]
fn bad_data_becomes_no_version_and_good_data_does() {
    let bench = gated(&["kind = 'required'\nfields = '/text'", "kind = 'parse'"]);
    bench.write("a.jsonl", records(0..5) + "{\"id\":7}\n" + &records(5..9) + "{oops\n");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(report.outcome, CommitOutcome::Refused);
    let verdict = report.version.validation.unwrap();
    assert_eq!(verdict.status, ValidationStatus::Failed);
    assert_eq!(told(&verdict)[0], "a.jsonl:6: required: /text is missing");
    assert!(told(&verdict)[1].starts_with("a.jsonl:11: parse: "), "{verdict:?}");
    assert_eq!(verdict.findings_count, 2);
    assert_eq!((verdict.rules[0].checked, verdict.rules[0].failed, verdict.rules[0].unreadable), (10, 1, 1));
    let file = fs::read_to_string(report.report_file.unwrap()).unwrap();
    assert_eq!(file.lines().count(), 2);
    assert!(bench.repo().versions().datasets().unwrap().is_empty(), "nothing is visible");
    assert!(show::run(&bench.repo(), None).is_err());

    bench.write("a.jsonl", records(0..9));
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(report.outcome, CommitOutcome::Created);
    assert_eq!((report.version.validation_status, report.version.quality_score), (ValidationStatus::Passed, Some(1.0)));
    assert_eq!(report.version.version, number("1.0.0"));
}

#[test]
fn a_low_score_refuses_and_warnings_alone_do_not() {
    let rule = "kind = 'length'\nfield = '/text'\nmin = 10\nseverity = 'warning'";
    let bench = gated(&[rule]);
    bench.write("a.jsonl", records(0..3) + "{\"id\":3,\"text\":\"short\"}\n");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(report.outcome, CommitOutcome::Created);
    assert_eq!(report.version.quality_score, Some(0.75));
    assert_eq!(places(&report.version.validation.unwrap()), ["a.jsonl:4 length"]);
    declare(&bench, 0.8, &[rule]);
    bench.write("a.jsonl", records(0..3) + "{\"id\":3,\"text\":\"small\"}\n");
    assert_eq!(bench.commit(|_| {}).unwrap().outcome, CommitOutcome::Refused);
    let report = bench.commit(|o| o.no_validate = true).unwrap();
    assert_eq!(report.outcome, CommitOutcome::Created);
    assert_eq!((report.version.validation_status, report.version.quality_score), (ValidationStatus::Skipped, None));
    let later = judge(&bench, "HEAD").unwrap();
    assert_eq!(later.verdict.status, ValidationStatus::Failed);
    let shown = show::run(&bench.repo(), None).unwrap();
    assert_eq!((shown.validation_status, shown.quality_score), (ValidationStatus::Failed, Some(0.75)), "the fact counts");
}

#[test]
fn without_rules_nothing_is_judged() {
    let bench = Bench::new();
    bench.write("a.jsonl", "{oops\n");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!((report.version.validation_status, report.version.validation.is_none()), (ValidationStatus::Pending, true));
    assert_eq!(judge(&bench, "HEAD").unwrap_err().message(), "dataset 'ds' has no validation rules");
}

#[test]
fn ten_leaked_records_are_found_where_they_are() {
    let bench = gated(&["kind = 'leakage'\ntrain = 'train'\ntest = 'test'"]);
    bench.write("train/a.jsonl", records(0..400));
    bench.write("train/b.jsonl", records(400..800));
    bench.write("test/a.jsonl", records(1_000..1_100));
    bench.write("elsewhere.jsonl", records(1_000..1_100));
    assert_eq!(bench.commit(|_| {}).unwrap().outcome, CommitOutcome::Created);
    // Ten of them come into the midst of a file, written otherwise.
    let leaked: String =
        (1_010..1_020).map(|n| format!("{{ \"text\":\"the rent of flat {n} is due\", \"id\":{n} }}\n")).collect();
    bench.write("train/b.jsonl", records(400..500) + &leaked + &records(500..800));
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(report.outcome, CommitOutcome::Refused);
    let verdict = report.version.validation.unwrap();
    let expected: Vec<String> = (0..10)
        .map(|n| format!("train/b.jsonl:{}: leakage: is also in the test split, at test/a.jsonl:{}", 101 + n, 11 + n))
        .collect();
    assert_eq!(told(&verdict), expected);
    assert_eq!((verdict.rules[0].checked, verdict.rules[0].failed), (910, 10));
}

#[test]
fn the_text_alone_can_leak() {
    let bench = gated(&["kind = 'leakage'\ntrain = '**'\ntest = 'test/**'\nfields = '/text'"]);
    bench.write("train.jsonl", "{\"id\":1,\"text\":\"Rent: 5 EUR!\"}\n{\"id\":2,\"text\":\"other\"}\n");
    bench.write("test/t.jsonl", "{\"id\":3,\"text\":\"rent 5 eur\"}\n");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(
        told(&report.version.validation.unwrap()),
        ["train.jsonl:1: leakage: is also in the test split, at test/t.jsonl:1"]
    );
}

#[test]
fn repetitions_are_found_across_versions_and_files() {
    let unique = "kind = 'unique'\nseverity = 'warning'";
    let duplicates = "kind = 'duplicates'\nseverity = 'warning'";
    let bench = gated(&[unique, duplicates]);
    bench.write("b.jsonl", records(0..50));
    bench.commit(|_| {}).unwrap();
    bench.write("a.jsonl", "{\"id\":49,\"text\":\"another\"}\n");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(told(&report.version.validation.unwrap()), ["b.jsonl:50: unique: has the same key as a.jsonl:1"]);
    bench.write("c.jsonl", records(7..8));
    let report = bench.commit(|_| {}).unwrap();
    let expected = [
        "b.jsonl:50: unique: has the same key as a.jsonl:1",
        "c.jsonl:1: unique: has the same key as b.jsonl:8",
        "c.jsonl:1: duplicates: is a duplicate of b.jsonl:8",
    ];
    assert_eq!(told(&report.version.validation.unwrap()), expected);
    bench.write("c.jsonl", "");
    bench.write("a.jsonl", "{\"id\":60,\"text\":\"another\"}\n");
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(report.version.validation.unwrap().findings_count, 0);
    declare(&bench, 0.0, &["kind = 'duplicates'\nmax_share = 0.1"]);
    bench.write("c.jsonl", records(0..5));
    assert_eq!(bench.commit(|_| {}).unwrap().version.validation.unwrap().findings_count, 0, "5 of 56 are within the share");
    bench.write("c.jsonl", records(0..6));
    assert_eq!(bench.commit(|_| {}).unwrap().version.validation.unwrap().findings_count, 6);
}

#[test]
fn what_drifted_from_the_parent_is_told() {
    let bench = gated(&["kind = 'drift'\nsamples = 0.2\nfield = '/text'\nmean_length = 0.5\nseverity = 'warning'"]);
    bench.write("a.jsonl", records(0..100));
    let first = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!((first.findings_count, first.rules[0].checked), (0, 0), "there is nothing to drift from");
    bench.write("a.jsonl", records(0..110));
    assert_eq!(bench.commit(|_| {}).unwrap().version.validation.unwrap().findings_count, 0);
    fs::remove_dir_all(bench.path.join(".helox/gate")).unwrap();
    bench.write("a.jsonl", records(0..50));
    let last = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!((last.findings_count, last.findings[0].path.as_str()), (1, ""));
    assert!(last.findings[0].message.contains("fewer samples"), "{last:?}");
}

#[test]
fn files_that_are_no_records_are_judged_as_what_they_are() {
    let rules = ["kind = 'empty'", "kind = 'encoding'", "kind = 'pii'"].map(|rule| format!("{rule}\nseverity = 'warning'"));
    let bench = gated(&rules.each_ref().map(String::as_str));
    bench.write("none.jsonl", "\n\n");
    bench.write("empty.txt", "");
    bench.write("note.txt", "write to ana@example.com\n");
    bench.write("latin.txt", b"caf\xe9");
    bench.write("image.png", b"\x89PNG\r\n\0\0\xff\xfe");
    bench.write("a.csv", "id,text\n1,\n2,ok\n");
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    let expected = ["empty.txt:1 empty", "none.jsonl:1 empty", "latin.txt:1 encoding", "note.txt:1 pii"];
    assert_eq!(places(&verdict), expected);
    bench.write("none.jsonl", records(0..1));
    assert_eq!(bench.commit(|_| {}).unwrap().version.validation.unwrap().findings_count, 3);
    bench.write("none.jsonl", "");
    assert_eq!(bench.commit(|_| {}).unwrap().version.validation.unwrap().findings_count, 4);
}

#[test]
fn the_workspace_is_judged_like_the_version_it_becomes_and_nothing_is_recorded() {
    let bench = gated(&["kind = 'required'\nfields = '/text'\nseverity = 'warning'", "kind = 'unique'\nseverity = 'warning'"]);
    bench.write("a.jsonl", records(0..50));
    bench.commit(|_| {}).unwrap();
    bench.write("b.jsonl", records(49..50) + "{\"id\":90}\n");
    let work = judge(&bench, "WORK").unwrap();
    let dry = bench.commit(|o| o.dry_run = true).unwrap();
    let real = bench.commit(|_| {}).unwrap();
    let expected = ["b.jsonl:2: required: /text is missing", "b.jsonl:1: unique: has the same key as a.jsonl:50"];
    for verdict in [&work.verdict, dry.version.validation.as_ref().unwrap(), real.version.validation.as_ref().unwrap()] {
        assert_eq!(told(verdict), expected);
    }
    assert_eq!((work.version.as_str(), work.id), ("WORK", None));
    assert_eq!(bench.repo().facts().head().unwrap(), None);
}

#[test]
fn a_program_of_the_team_is_asked() {
    let run = |script: &str| {
        let rule = format!("kind = 'command'\nrun = ['sh', '-c', '''{script}''']\ntimeout = 1");
        let bench = gated(&[&rule]);
        bench.write("a.jsonl", records(0..3));
        bench.commit(|_| {}).unwrap()
    };
    let good = run("cat > /dev/null");
    assert_eq!((good.outcome, good.version.validation.unwrap().rules[0].checked), (CommitOutcome::Created, 3));
    let found =
        run("grep -n 'flat 1' | sed 's/.*/{\"path\":\"a.jsonl\",\"line\":2,\"message\":\"no\"}/'").version.validation.unwrap();
    assert_eq!(told(&found), ["a.jsonl:2: command: no"]);
    assert_eq!(found.score, 0.666_666);
    let both =
        run("cat > /dev/null; echo '{\"path\":\"a.jsonl\",\"line\":2,\"message\":\"no\"}'; exit 3").version.validation.unwrap();
    assert_eq!(told(&both), [":0: command: exited with status 3", "a.jsonl:2: command: no"]);
    assert_eq!((both.findings_count, both.score), (2, 0.0));
    for script in ["sleep 60", "cat > /dev/null; echo garbage", "exit 3", "kill -9 $$"] {
        let failed = run(script);
        assert_eq!(failed.outcome, CommitOutcome::Refused, "{script}");
        assert_eq!(failed.version.validation.unwrap().score, 0.0, "{script}");
    }
}

/// Every kind of rule that a verdict can be compared by.
#[test]
fn a_file_that_lost_its_records_is_empty_also_where_none_are_counted() {
    let bench = gated(&["kind = 'empty'\nseverity = 'warning'"]);
    let text = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
    fs::write(bench.path.join("helox.toml"), text.replace("key = ", "samples = false\nkey = ")).unwrap();
    bench.write("a.csv", "id\n1\n");
    bench.write("b.csv", "id\n");
    bench.write("c.csv", "id\n1\n2\n");
    assert_eq!(places(&bench.commit(|_| {}).unwrap().version.validation.unwrap()), ["b.csv:1 empty"]);
    bench.write("a.csv", "id\n");
    bench.write("b.csv", "id\n3\n");
    bench.write("c.csv", "id\n1\n");
    let work = judge(&bench, "WORK").unwrap().verdict;
    for verdict in [work, bench.commit(|_| {}).unwrap().version.validation.unwrap()] {
        assert_eq!(places(&verdict), ["a.csv:1 empty"]);
        assert_eq!((verdict.rules[0].checked, verdict.rules[0].failed), (3, 1));
    }
}

#[test]
fn text_that_is_too_long_to_be_read_does_not_pass_unread() {
    let bench = gated(&["kind = 'pii'", "kind = 'duplicates'\nseverity = 'warning'"]);
    let long = "the tenant pays rent\n".repeat(4_000);
    bench.write("a.txt", &long);
    bench.write("b.txt", &long);
    bench.write("c.bin", [&b"\0"[..], long.as_bytes()].concat());
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!(places(&verdict), ["b.txt:1 duplicates"]);
    let unread = |verdict: &VerdictView| -> Vec<String> {
        verdict.unreadable.iter().map(|u| format!("{} {} {}", u.path, u.rule, u.reason)).collect()
    };
    let long = |name| format!("{name} pii the file is longer than 64 MiB");
    assert_eq!(unread(&verdict), [long("a.txt"), long("b.txt"), "c.bin pii the file is not text".to_owned()]);
    assert_eq!((verdict.rules[0].checked, verdict.rules[0].unreadable), (0, 3));
    bench.write("b.txt", "short");
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!(unread(&verdict), [long("a.txt"), "c.bin pii the file is not text".to_owned()]);
    assert_eq!((verdict.rules[0].checked, verdict.rules[0].unreadable), (1, 2));

    let config = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
    fs::write(bench.path.join("helox.toml"), config.replace("min_score", "opaque = 'error'\nmin_score")).unwrap();
    bench.write("b.txt", "shorter");
    let refused = bench.commit(|_| {}).unwrap();
    assert_eq!(refused.outcome, CommitOutcome::Refused);
    let report = fs::read_to_string(refused.report_file.unwrap()).unwrap();
    assert!(report.lines().any(|line| line.contains("c.bin") && line.contains("cannot be read")), "{report}");
}

#[test]
fn a_key_of_very_many_records_is_counted_and_its_first_are_told() {
    let bench = gated(&["kind = 'unique'\nseverity = 'warning'"]);
    let same: String = (0..40).map(|n| format!("{{\"id\":1,\"text\":\"{n}\"}}\n")).collect();
    bench.write("a.jsonl", same);
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!((verdict.findings_count, verdict.findings.len()), (39, 12), "all are counted, and the first ones told");
    assert_eq!(verdict.findings[0].message, "has the same key as a.jsonl:1");
}

#[test]
fn rules_that_look_at_nothing_are_told() {
    let leakage = "kind = 'leakage'\ntrain = 'trian'\ntest = 'test'";
    let bench = gated(&[leakage, "kind = 'parse'\nfiles = 'nosuch/**'", "kind = 'unique'\nkey = '/ID'", "kind = 'encoding'"]);
    bench.write("train/a.jsonl", records(0..3));
    bench.write("test/a.jsonl", records(3..5));
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    let expected = ["leakage: no files in the train split", "parse: nothing to check", "unique: no record has the key"];
    assert_eq!(verdict.idle, expected);
    assert!(show::run(&bench.repo(), None).unwrap().validation.unwrap().idle.is_empty(), "it is not recorded");
}

#[test]
fn a_report_takes_the_name_of_files_alone() {
    let bench = gated(&["kind = 'parse'"]);
    bench.write("a.jsonl", "{oops\n");
    let outside = tempfile::tempdir().unwrap();
    let at = |name: &str| Some(outside.path().join(name));
    let to = |report| {
        let options = validate::ValidateOptions { report, ..validate::ValidateOptions::default() };
        validate::run(&bench.repo(), &options, &NoProgress).map(|report| report.verdict.findings_count)
    };
    std::os::unix::fs::symlink("all.jsonl", outside.path().join("link")).unwrap();
    std::os::unix::net::UnixListener::bind(outside.path().join("pipe")).unwrap();
    for name in ["link", "pipe", ""] {
        assert!(to(at(name)).unwrap_err().message().ends_with("is not a regular file"), "{name}");
    }
    assert!(to(at("none/all.jsonl")).unwrap_err().message().starts_with("the folder of "));
    for _ in 0..2 {
        assert_eq!(to(at("all.jsonl")).unwrap(), 1);
        assert_eq!(fs::read_to_string(outside.path().join("all.jsonl")).unwrap().lines().count(), 1);
    }
}

#[test]
fn a_file_of_which_only_the_mode_changed_is_told_once() {
    use std::os::unix::fs::PermissionsExt;
    let bench = gated(&["kind = 'duplicates'\nseverity = 'warning'"]);
    bench.write("a.jsonl", "{\"id\":1}\n{\"id\":1}\n");
    bench.commit(|_| {}).unwrap();
    fs::set_permissions(bench.path.join("a.jsonl"), fs::Permissions::from_mode(0o755)).unwrap();
    bench.write("b.jsonl", "{\"id\":2}\n");
    let kept = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!(places(&kept), ["a.jsonl:2 duplicates"]);
}

#[test]
fn repetitions_that_stayed_are_told_when_their_share_grows_too_large() {
    let bench = gated(&["kind = 'duplicates'\nmax_share = 0.3\nseverity = 'warning'"]);
    bench.write("a.jsonl", records(0..3) + &records(0..2));
    bench.write("b.jsonl", records(5..9));
    assert!(places(&bench.commit(|_| {}).unwrap().version.validation.unwrap()).is_empty());
    bench.write("b.jsonl", records(5..6));
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!(places(&verdict), ["a.jsonl:4 duplicates", "a.jsonl:5 duplicates"]);
    assert_eq!(verdict.findings_count, 2);
}

#[test]
fn rules_that_cannot_be_read_do_not_keep_from_leaving_them_out() {
    let bench = gated(&["kind = 'schema'\nfile = 'none.json'"]);
    bench.write("a.jsonl", records(0..3));
    let message = bench.commit(|_| {}).unwrap_err().message().to_owned();
    assert!(message.contains("helox.toml: rule 1 (schema): cannot read the schema 'none.json'"), "{message}");
    assert_eq!(bench.commit(|o| o.no_validate = true).unwrap().outcome, CommitOutcome::Created);
}

#[test]
fn a_record_is_its_place_in_the_file_and_not_its_line() {
    let bench = gated(&["kind = 'unique'\nkey = 'id'", "kind = 'duplicates'"]);
    bench.write("a.json", r#"[{"id":1,"t":"a"},{"id":2,"t":"b"},{"id":1,"t":"c"},{"id":2,"t":"b"}]"#);
    let numbered = |verdict: &VerdictView| -> Vec<String> {
        let one = |f: &crate::ops::RuleFinding| format!("{}:{}: {}: {}", f.line, f.number, f.rule, f.message);
        verdict.findings.iter().map(one).collect()
    };
    let refused = bench.commit(|_| {}).unwrap();
    let verdict = refused.version.validation.unwrap();
    let expected = [
        "1:3: unique: has the same key as record 1 of a.json:1",
        "1:4: unique: has the same key as record 2 of a.json:1",
        "1:4: duplicates: is a duplicate of record 2 of a.json:1",
    ];
    assert_eq!(numbered(&verdict), expected);
    assert_eq!(numbered(&judge(&bench, "WORK").unwrap().verdict), expected);
}

#[test]
fn a_record_that_moved_within_its_line_keeps_its_findings() {
    let bench = gated(&["kind = 'unique'\nkey = 'id'\nseverity = 'warning'"]);
    bench.write("a.json", r#"[{"id":1,"t":"a"},{"id":1,"t":"c"}]"#);
    bench.commit(|_| {}).unwrap();
    bench.write("a.json", r#"[{"id":1,"t":"a"},{"id":2},{"id":3},{"id":1,"t":"c"}]"#);
    bench.write("b.csv", "id,t\n7,\"x\ny\"\n7,\"x\ny\"\n");
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    let found: Vec<_> = verdict.findings.iter().map(|f| (f.path.as_str(), f.line, f.number, f.message.as_str())).collect();
    let expected = [("a.json", 1, 4, "has the same key as record 1 of a.json:1"), ("b.csv", 4, 2, "has the same key as b.csv:2")];
    assert_eq!(found, expected);
}
