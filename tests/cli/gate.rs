//! The quality gate: what refuses a commit, what `validate` answers, and what is told of it later.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::json::version_fields;
use crate::sandbox::{Output, Sandbox, keys, set};

const RULES: &str = r#"
[dataset.leases.validation]
min_score = 0.5

[[dataset.leases.validation.rule]]
kind = "parse"

[[dataset.leases.validation.rule]]
kind = "length"
severity = "warning"
field = "/text"
min = 2
unit = "words"

[[dataset.leases.validation.rule]]
kind = "pii"
name = "no personal data"
find = ["ssn"]
"#;

const GOOD: &str = "{\"id\":1,\"text\":\"rent is due\"}\n{\"id\":2,\"text\":\"term ends\"}\n";
/// Two errors, on lines 3 and 4.
const BAD: &str = "{\"id\":3,\"text\":\"SSN 123-45-6789\"}\nno record\n";

/// A repository whose dataset has rules, and no version yet.
fn ruled() -> Sandbox {
    let s = Sandbox::new();
    s.ok("init --name leases");
    s.write("helox.toml", &(s.read("helox.toml") + RULES));
    s.write("train/a.jsonl", GOOD);
    s
}

fn spoil(s: &Sandbox) {
    s.write("train/a.jsonl", &(GOOD.to_owned() + BAD));
}

fn answer(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap()
}

fn judgement_fields() -> BTreeSet<&'static str> {
    set([
        "score",
        "min_score",
        "status",
        "rules",
        "opaque",
        "findings",
        "findings_count",
        "unreadable",
        "unreadable_count",
        "parent_score",
    ])
}

#[test]
fn a_refused_commit_exits_with_1_and_makes_nothing() {
    let s = ruled();
    let made = s.ok("commit -m good");
    assert!(made.contains("\nPASSED  score 1.0000, 3 rules passed\n"), "{made}");
    spoil(&s);
    for line in ["commit -m bad", "-q commit -m bad", "commit -m bad --dry-run", "commit -m bad --tag staging"] {
        let refused = s.run(line);
        assert_eq!(refused.code, 1, "{line}: {refused:?}");
        let said: Vec<_> = refused.stdout.lines().collect();
        assert_eq!(said[0], "leases: commit rejected by validation; no version created", "{line}");
        assert!(said[1].starts_with("FAILED  score 0.8"), "{line}: {refused:?}");
        let found = [
            "train/a.jsonl:4: parse: invalid JSON: byte 1: ",
            "train/a.jsonl:3: no personal data: /text contains a social security number",
        ];
        let told = &said[said.len() - 2..];
        assert!(told.iter().zip(found).all(|(told, found)| told.starts_with(found)), "{line}: {refused:?}");
    }
    assert!(s.run("commit -m bad").stderr.contains("findings.jsonl\nhint: fix the data"));
    assert!(!s.run("commit -m bad --dry-run").stderr.contains("findings.jsonl"), "a dry run writes no report");
    assert_eq!((s.json("stats")["versions"].clone(), s.json("tag list")), (json!(1), json!({ "tags": [] })));
    assert_eq!(s.json("status")["version"], "1.0.0");
    s.ok("verify --all");

    s.write("train/a.jsonl", &(GOOD.to_owned() + "{\"id\":3,\"text\":\"no pets\"}\n"));
    assert!(s.ok("commit -m mended").contains("\nPASSED  score 1.0000 (parent: 1.0000), 3 rules passed\n"));
}

#[test]
fn a_refused_commit_is_one_document() {
    let s = ruled();
    spoil(&s);
    let refused = s.run("--json commit -m bad");
    assert_eq!((refused.code, refused.stderr.lines().count(), refused.stdout.lines().count()), (1, 1, 1), "{refused:?}");
    assert!(refused.stderr.starts_with("warning: files or records that rules could not read: length 1; "), "{refused:?}");
    let refused = answer(&refused);
    assert_eq!((&refused["outcome"], &refused["validation_status"]), (&json!("refused"), &json!("FAILED")));
    let validation = &refused["validation"];
    assert_eq!(keys(validation), judgement_fields());
    assert_eq!(
        (&validation["status"], &validation["findings_count"], &validation["parent_score"], &validation["min_score"]),
        (&json!("FAILED"), &json!(2), &Value::Null, &json!(0.5))
    );
    assert_eq!(
        validation["rules"][1],
        json!({ "name": "length", "kind": "length", "severity": "warning", "weight": 1.0, "checked": 3, "failed": 0, "unreadable": 1 })
    );
    let ssn = json!({
        "path": "train/a.jsonl", "line": 3, "number": 3, "rule": "no personal data", "severity": "error",
        "message": "/text contains a social security number",
    });
    assert_eq!(validation["findings"][1], ssn);
    assert_eq!(refused["validation_errors"], validation["findings"]);
    // Three of four, all of four, and three of four.
    assert_eq!((&refused["quality_score"], &validation["score"]), (&json!(0.833333), &json!(0.833333)));

    let report = fs::read_to_string(refused["report_file"].as_str().unwrap()).unwrap();
    let lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), validation["findings"]);
    assert_eq!(s.json("log"), json!({ "versions": [] }));
    let dry = answer(&s.run("--json commit -m bad --dry-run"));
    assert_eq!((&dry["outcome"], &dry["report_file"]), (&json!("refused"), &Value::Null));
}

#[test]
fn a_commit_that_asks_nobody_is_skipped_and_a_later_verdict_holds() {
    let s = ruled();
    s.ok("commit -m good");
    spoil(&s);
    let skipped = s.json("commit -m bad --no-validate --version 1.1.0");
    assert_eq!(
        (&skipped["outcome"], &skipped["validation_status"], &skipped["quality_score"], &skipped["validation"]),
        (&json!("created"), &json!("SKIPPED"), &Value::Null, &Value::Null)
    );
    assert!(s.ok("log --oneline").contains("bad  SKIPPED\n"));
    let listed = |status: &str| {
        let log = s.json(&format!("log --status {status}"));
        log["versions"].as_array().unwrap().iter().map(|v| v["version"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((listed("PASSED"), listed("skipped"), listed("FAILED")), (vec!["1.0.0".into()], vec!["1.1.0".into()], vec![]));

    let judged = s.run("--json validate 1.1.0 --record");
    assert_eq!((judged.code, judged.stderr.lines().count()), (1, 1), "{judged:?}");
    let judged = answer(&judged);
    let mut fields = judgement_fields();
    fields.extend(["dataset_name", "version", "id", "warnings"]);
    assert_eq!(keys(&judged), fields);
    assert_eq!((&judged["version"], &judged["id"], &judged["status"]), (&json!("1.1.0"), &skipped["id"], &json!("FAILED")));
    assert_eq!(judged["parent_score"], 1.0);

    let fact = &s.json("audit")["entries"][0];
    assert_eq!(
        (&fact["kind"], &fact["version"], &fact["passed"], &fact["score"], &fact["author"]),
        (&json!("validated"), &json!("1.1.0"), &json!(false), &json!(0.833333), &json!("ana@example.com"))
    );
    assert_eq!((listed("skipped"), listed("FAILED")), (vec![], vec!["1.1.0".to_owned()]));
    let show = s.json("show 1.1.0");
    assert_eq!(keys(&show), version_fields());
    assert_eq!((&show["validation_status"], &show["quality_score"]), (&json!("FAILED"), &json!(0.833333)));
    assert_eq!(show["validation"]["findings"], judged["findings"]);
    assert!(s.ok("show 1.1.0").contains("train/a.jsonl:3: no personal data: /text contains a social security number"));
    assert_eq!((show["id"].clone(), s.ok("verify --all").contains("intact")), (skipped["id"].clone(), true));
}

#[test]
fn validate_answers_for_the_workspace_and_for_versions() {
    let s = ruled();
    assert_eq!(s.json("validate")["version"], "WORK", "before there is a version");
    s.ok("commit -m good");
    spoil(&s);
    let facts = || s.json("audit")["entries"].as_array().unwrap().len();
    let before = facts();
    for line in ["validate", "validate WORK", "validate leases@WORK", "-q validate"] {
        let output = s.run(line);
        assert_eq!(output.code, 1, "{line}: {output:?}");
        assert!(output.stdout.starts_with("leases WORK  FAILED  score 0.8333 (parent: 1.0000), 2 findings\n"), "{output:?}");
    }
    let work = answer(&s.run("--json validate"));
    assert_eq!((&work["version"], &work["id"]), (&json!("WORK"), &Value::Null));
    assert_eq!(facts(), before, "nothing is recorded of the workspace");
    for (line, recorded) in
        [("validate HEAD", 0), ("validate 1.0.0 --record", 1), ("validate leases@latest --record --author bo", 2)]
    {
        assert!(s.ok(line).starts_with("leases 1.0.0  PASSED  score 1.0000"), "{line}");
        assert_eq!(facts(), before + recorded, "{line}");
    }
    s.fails("validate WORK --record", 2, "usage");
    assert_eq!(s.json("audit")["entries"][0]["author"], "bo");
    s.fails("validate 9.9.9", 3, "version-not-found");
    s.fails("validate nobody@WORK", 3, "dataset-not-found");
}

#[test]
fn a_report_holds_every_finding_on_a_line() {
    let s = ruled();
    s.write("train/a.jsonl", &"no record\n".repeat(150));
    let output = s.run("validate --report ../findings.jsonl");
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.stdout.ends_with("\n130 more\n"), "twenty are told: {output:?}");
    assert!(
        output.stderr.starts_with("warning: files or records that rules could not read: length 150; first: train/a.jsonl:1: ")
    );
    let report = s.read("../findings.jsonl");
    let lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 150);
    assert_eq!(keys(&lines[149]), set(["path", "line", "number", "rule", "severity", "message"]));
    assert_eq!((&lines[149]["path"], &lines[149]["line"]), (&json!("train/a.jsonl"), &json!(150)));
    let told = answer(&s.run("--json validate"));
    assert_eq!((told["findings"].as_array().unwrap().len(), &told["findings_count"]), (100, &json!(150)));
    assert!(s.run("validate").stderr.contains("--report FILE"));

    s.write("train/a.jsonl", GOOD);
    s.ok("validate --report ../findings.jsonl");
    assert_eq!(s.read("../findings.jsonl"), "", "an old report does not stay");
}

#[test]
fn a_score_that_is_too_low_refuses_without_errors() {
    let s = ruled();
    s.write("train/a.jsonl", "{\"id\":1,\"text\":\"rent\"}\n");
    s.write("helox.toml", &s.read("helox.toml").replace("min_score = 0.5", "min_score = 0.9"));
    let output = s.run("commit -m short");
    assert_eq!(output.code, 1, "{output:?}");
    let line = "\nFAILED  score 0.6666, below the minimum of 0.9000, 1 finding\n";
    assert!(output.stdout.contains(line), "{output:?}");
    assert_eq!(answer(&s.run("--json validate"))["findings"][0]["severity"], "warning");
    s.write("helox.toml", &s.read("helox.toml").replace("min_score = 0.9", "min_score = 0.6"));
    assert_eq!(s.json("commit -m short")["validation_errors"], json!([]));
}

#[test]
fn a_program_of_the_team_finds_and_fails() {
    let s = ruled();
    let rule = "\n[[dataset.leases.validation.rule]]\nkind = 'command'\nrun = ['sh', 'check.sh']\nfiles = 'train'\n";
    s.write("helox.toml", &(s.read("helox.toml") + rule));
    s.write(".hlxignore", "check.sh\n");
    s.write("check.sh", "cat >/dev/null; echo '{\"path\":\"train/a.jsonl\",\"line\":2,\"message\":\"no end date\"}'\n");
    let found = s.run("validate");
    assert_eq!(found.code, 1, "{found:?}");
    assert!(found.stdout.ends_with("\ntrain/a.jsonl:2: command: no end date\n"), "{found:?}");
    s.write("check.sh", "cat >/dev/null; echo no model >&2; exit 3\n");
    let failed = s.run("validate");
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stdout.contains("\ncommand: exited with status 3: no model\n"), "{failed:?}");
    let rule = &answer(&s.run("--json validate"))["rules"][3];
    assert_eq!((&rule["checked"], &rule["failed"]), (&json!(1), &json!(1)), "it vouches for nothing");
}

#[test]
fn a_mistake_in_the_rules_exits_with_2_and_names_its_line() {
    let s = ruled();
    let rules = s.read("helox.toml");
    let line = |of: &str| 1 + rules.lines().position(|line| line.contains(of)).unwrap();
    for (mistake, at, said) in [
        ("kind = \"lenght\"", "kind = \"length\"", "lenght"),
        ("field = 3", "field = ", "field"),
        ("severity = \"fatal\"", "severity", "severity"),
        ("find = [\"passport\"]", "find", "passport"),
    ] {
        let old = rules.lines().find(|line| line.contains(at)).unwrap();
        s.write("helox.toml", &rules.replace(old, mistake));
        for verb in ["validate", "commit -m x"] {
            s.fails(verb, 2, "config");
            let error = s.run(verb).stderr;
            assert!(error.contains(&format!("helox.toml:{}: ", line(at))) && error.contains(said), "{mistake}: {error}");
        }
    }
}

#[test]
fn a_dataset_without_rules_is_pending_and_cannot_be_validated() {
    let s = Sandbox::with_two_versions();
    for line in ["validate", "validate HEAD", "validate 1.0.0"] {
        s.fails(line, 2, "usage");
    }
    let error = s.run("validate").stderr;
    let expected =
        "error: dataset 'leases' has no validation rules\nhint: add rules to helox.toml: [[dataset.leases.validation.rule]]\n";
    assert_eq!(error, expected);
    let show = s.json("show 1.0.0");
    assert_eq!(
        (&show["validation_status"], &show["validation"], &show["validation_errors"]),
        (&json!("PENDING"), &Value::Null, &json!([]))
    );
}

#[test]
fn a_reason_for_no_validation_is_kept_and_shown() {
    let s = ruled();
    spoil(&s);
    s.ok("commit -m bad --no-validate --reason 'the labels come on Monday'");
    assert!(s.ok("log").contains("\nSkipped: the labels come on Monday\n"), "{}", s.ok("log"));
    assert!(s.ok("show").contains("the labels come on Monday"));
    let version = s.json("show");
    assert_eq!(
        (&version["skip_reason"], &version["validation_status"]),
        (&json!("the labels come on Monday"), &json!("SKIPPED"))
    );
    s.fails("commit -m x --reason r", 2, "usage");
    s.fails("commit -m x --no-validate --reason ' '", 2, "usage");
    s.fails("commit -m x --no-validate --reason r --meta skip_reason=s", 2, "usage");
}

#[test]
fn helox_toml_says_when_the_rules_may_be_left_out() {
    let s = ruled();
    spoil(&s);
    let set = |skip: &str| {
        let text = s.read("helox.toml");
        let old = text.lines().find(|line| line.starts_with("min_score")).unwrap();
        s.write("helox.toml", &text.replace(old, &format!("min_score = 0.5 # {skip}\nskip = \"{skip}\"")));
    };
    set("reason");
    s.fails("commit -m bad --no-validate", 2, "usage");
    let refused = s.run("commit -m bad --no-validate").stderr;
    assert_eq!(
        refused,
        "error: dataset 'leases' requires a reason for --no-validate\n\
         hint: add --reason TEXT; helox.toml has skip = \"reason\" in [dataset.leases.validation]\n"
    );
    s.ok("commit -m bad --no-validate --reason known");
    s.write("helox.toml", &s.read("helox.toml").replace("skip = \"reason\"", "skip = \"never\""));
    for line in ["commit -m bad --no-validate", "commit -m bad --no-validate --reason known"] {
        s.fails(line, 2, "usage");
        assert!(s.run(line).stderr.starts_with("error: dataset 'leases' does not allow --no-validate\n"), "{line}");
    }
    s.write("helox.toml", &s.read("helox.toml").replace("skip = \"never\"", "skip = \"perhaps\""));
    s.fails("status", 2, "config");
}

#[test]
fn a_broken_record_is_named_in_a_refusal_without_a_rule_that_parses() {
    let s = ruled();
    s.write("helox.toml", &s.read("helox.toml").replace("kind = \"parse\"", "kind = \"encoding\""));
    spoil(&s);
    let refused = s.run("commit -m bad");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("warning: train/a.jsonl:4: invalid JSON"), "{refused:?}");
}

#[test]
fn findings_for_continuous_integration_have_paths_from_the_root() {
    let s = Sandbox::new();
    s.ok("init");
    s.write("data set/train/a.jsonl", &(GOOD.to_owned() + BAD));
    s.ok("dataset add leases --type t --path 'data set'");
    s.write("helox.toml", &(s.read("helox.toml") + RULES));
    let github = s.run("validate --format github");
    assert_eq!(github.code, 1, "{github:?}");
    let lines: Vec<_> = github.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{github:?}");
    assert!(lines[0].starts_with("::error file=data set/train/a.jsonl,line=4,title=leases%3A parse::invalid JSON: byte 1: "));
    assert_eq!(
        lines[1],
        "::error file=data set/train/a.jsonl,line=3,title=leases%3A no personal data::/text contains a social security number"
    );

    let junit = s.run("-C 'data set' validate --format junit");
    assert_eq!(junit.code, 1, "{junit:?}");
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"hlx validate\">\n",
        "<testsuite name=\"leases WORK\" tests=\"4\" failures=\"2\">",
        "<testcase name=\"length\" classname=\"leases\"/>",
        "<failure message=\"1 finding\" type=\"error\">data set/train/a.jsonl:3: /text contains a social security number</failure>",
        "</testsuites>\n",
    ] {
        assert!(junit.stdout.contains(part), "{part}: {}", junit.stdout);
    }

    let sarif = answer(&s.run("validate --format sarif"));
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules: Vec<_> = run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert_eq!(rules, ["parse", "length", "no personal data", "min_score"]);
    assert_eq!(
        run["results"][1],
        json!({
            "ruleId": "no personal data",
            "level": "error",
            "message": { "text": "/text contains a social security number" },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": "data%20set/train/a.jsonl", "uriBaseId": "%SRCROOT%" },
                "region": { "startLine": 3 },
            } }],
        })
    );
    assert_eq!(s.run("--json validate --format sarif").code, 2);
    s.fails("validate --format html", 2, "usage");
}

#[test]
fn a_hook_of_git_validates_before_each_commit() {
    let s = Sandbox::new();
    s.ok("init --name leases");
    s.fails("install-hooks", 2, "usage");
    s.write("helox.toml", &(s.read("helox.toml") + RULES));
    s.fails("install-hooks", 2, "usage");
    let git = |line: &str| {
        let bin = std::path::Path::new(env!("CARGO_BIN_EXE_hlx")).parent().unwrap().display().to_string();
        let mut git = std::process::Command::new("git");
        git.args(line.split(' ')).current_dir(s.path("")).env_clear().env("HOME", s.dir.path());
        git.env("PATH", format!("{bin}:/usr/bin:/bin")).env("GIT_AUTHOR_NAME", "ana").env("GIT_AUTHOR_EMAIL", "a@example.com");
        git.env("GIT_COMMITTER_NAME", "ana").env("GIT_COMMITTER_EMAIL", "a@example.com").output().unwrap()
    };
    assert!(git("init -q .").status.success());
    let created = s.ok("install-hooks");
    assert!(created.starts_with("Created ") && created.contains(".git/hooks/pre-commit"), "{created}");
    assert!(s.ok("install-hooks").contains("already installed"));
    spoil(&s);
    git("add helox.toml");
    let refused = git("commit -qm code");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).contains("social security number"));
    s.write("train/a.jsonl", GOOD);
    let committed = git("commit -qm code");
    assert!(committed.status.success(), "{committed:?}");
    s.write(".git/hooks/pre-commit", "#!/bin/sh\n");
    s.fails("install-hooks", 4, "conflict");
    assert_eq!(s.read(".git/hooks/pre-commit"), "#!/bin/sh\n");
}
