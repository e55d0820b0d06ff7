//! `hlx run`, `note` and `audit`: their fields in JSON, their words, their exit codes.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, keys, set};

const RECORD: &str = "run record 1.0.0 --model lease-7b --param lr=3e-4 --metric loss=0.41 --metric f1=1 --artifact folder";

/// The names of the fields of a run.
fn run_fields() -> std::collections::BTreeSet<&'static str> {
    set([
        "id",
        "dataset_name",
        "version",
        "version_id",
        "model",
        "params",
        "metrics",
        "artifacts",
        "started_at",
        "ended_at",
        "recorded_at",
        "recorded_by",
    ])
}

#[test]
fn runs_have_their_fields_in_json() {
    let s = Sandbox::with_two_versions();
    let run = s.json(&format!("{RECORD} --start 2026-11-22 --end 2026-11-22 --author bo"));
    assert_eq!(keys(&run), run_fields());
    assert_eq!((&run["params"], &run["metrics"]), (&json!({ "lr": "3e-4" }), &json!({ "f1": 1.0, "loss": 0.41 })));
    let artifact = &run["artifacts"][0];
    assert_eq!(keys(artifact), set(["path", "size", "hash"]));
    let hash = blake3::hash(&fs::read(s.path("folder/b.txt")).unwrap()).to_hex().to_string();
    assert_eq!((&artifact["path"], &artifact["size"], &artifact["hash"]), (&json!("folder/b.txt"), &json!(400), &json!(hash)));
    assert_eq!((&run["started_at"], &run["ended_at"]), (&json!("2026-11-22T00:00:00.000Z"), &json!("2026-11-22T23:59:59.999Z")));
    assert_eq!((&run["version"], &run["recorded_by"]), (&json!("1.0.0"), &json!("bo")));

    s.ok("run record latest --model lease-7b --metric loss=-0.5");
    for (line, count) in [("run list", 2), ("run list leases", 2), ("run list leases@1.0.0", 1), ("run list latest", 1)] {
        let runs = s.json(line);
        assert_eq!(keys(&runs), set(["runs"]));
        assert_eq!(runs["runs"].as_array().unwrap().len(), count, "{line}");
    }
    assert_eq!(s.json("run list")["runs"][0], run);
    assert_eq!(s.json("show 1.0.0")["runs"], json!([run]));
    assert_eq!(s.json("log")["versions"][1]["runs"], json!([run]));

    let id = run["id"].as_str().unwrap();
    let compare = s.json(&format!("run compare {} leases@1.1.0", &id[..6]));
    assert_eq!(keys(&compare), set(["runs_a", "metrics", "runs_b", "version_a", "version_b", "samples"]));
    assert_eq!(compare["samples"], json!({ "added": 1, "removed": 1, "modified": 0 }));
    assert_eq!((&compare["runs_a"], &compare["version_a"]), (&json!([run]), &json!("leases@1.0.0")));
}

#[test]
fn runs_stand_side_by_side() {
    let s = Sandbox::with_two_versions();
    s.ok(&format!("{RECORD} --param epochs=3"));
    s.ok("run record 1.1.0 --model lease-7b --param lr=1e-4 --param epochs=3 --metric loss=0.31");
    let words = s.ok("run compare 1.0.0 1.1.0");
    let rows: Vec<Vec<&str>> = words.lines().map(|line| line.split_whitespace().collect()).collect();
    for row in [
        ["version", "leases@1.0.0", "leases@1.1.0"].as_slice(),
        &["model", "lease-7b", "lease-7b"],
        &["param", "epochs", "3", "3"],
        &["*", "param", "lr", "3e-4", "1e-4"],
        &["metric", "f1", "1", "-"],
        &["metric", "loss", "0.41", "0.31"],
        &["leases@1.0.0", "->", "leases@1.1.0", "samples", "+1", "~0", "-1"],
    ] {
        assert!(rows.iter().any(|found| found == row), "{row:?} in {words}");
    }
    assert!(s.ok("run compare 1.1.0 latest").ends_with("same data: leases@1.1.0\n"));
    assert!(s.ok("run list -v").contains("folder/b.txt"));
    let s = Sandbox::with_two_versions();
    assert!(s.ok("run compare 1.0.0 1.1.0").starts_with("no runs on leases@1.0.0\nno runs on leases@1.1.0\n"));
}

#[test]
fn notes_have_their_fields_in_json() {
    let s = Sandbox::with_two_versions();
    let note = s.json("note add 1.0.0 '- in euros' --author bo");
    assert_eq!(keys(&note), set(["id", "dataset_name", "version", "version_id", "text", "recorded_at", "recorded_by"]));
    assert_eq!((&note["text"], &note["recorded_by"]), (&json!("- in euros"), &json!("bo")));
    assert_eq!(s.json("note list"), json!({ "notes": [note] }));
    assert_eq!(s.json("note list 1.1.0"), json!({ "notes": [] }));
    assert_eq!(s.json("show 1.0.0")["notes"], json!([note]));
    assert!(s.ok("show 1.0.0").contains("in euros") && s.ok("note list leases").contains("in euros"));
}

#[test]
fn the_audit_lists_everything_from_the_newest_on() {
    let s = Sandbox::with_two_versions();
    s.ok(RECORD);
    s.ok("note add 1.1.0 'in euros'");
    s.ok("tag rm 1.0.0 first");
    let entries = s.json("audit")["entries"].clone();
    let told: Vec<_> =
        entries.as_array().unwrap().iter().map(|e| (e["kind"].as_str().unwrap(), e["version"].as_str().unwrap())).collect();
    let expected = [
        ("tag-removed", "1.0.0"),
        ("note", "1.1.0"),
        ("run", "1.0.0"),
        ("version", "1.1.0"),
        ("tag-added", "1.0.0"),
        ("version", "1.0.0"),
    ];
    assert_eq!(told, expected);
    let common = ["id", "kind", "dataset_name", "version", "version_id", "time", "author", "parents"];
    for (n, own) in [
        ["tag"].as_slice(),
        &["text"],
        &["model", "params", "metrics", "artifacts", "started_at", "ended_at"],
        &["change_type", "change_summary"],
        &["tag"],
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(keys(&entries[n]), common.iter().chain(*own).copied().collect(), "{n}");
    }
    assert_eq!(entries[0]["parents"][0], entries[1]["id"]);
    let words = s.ok("audit -n 2");
    assert_eq!(words.lines().count(), 2);
    let id = entries[0]["id"].as_str().unwrap();
    assert!(words.contains("ana@example.com  removed tag first from leases@1.0.0") && words.contains(&id[..12]), "{words}");
}

#[test]
fn verify_of_an_altered_history_exits_with_1_and_names_all_of_it() {
    let s = Sandbox::with_two_versions();
    for n in 0..4 {
        s.ok(&format!("note add 1.0.0 'note {n}'"));
    }
    let intact = s.json("audit --verify");
    assert_eq!(keys(&intact), set(["is_valid", "entries", "problems", "remarks"]));
    assert_eq!((&intact["is_valid"], &intact["entries"]), (&json!(true), &json!(7)));
    let entry = |n: u64| s.path(&format!(".helox/refs/facts/{n:010}"));
    let moved = fs::read(entry(2)).unwrap();
    fs::remove_file(entry(2)).unwrap();
    fs::remove_file(entry(4)).unwrap();
    fs::write(entry(4), moved).unwrap();
    fs::remove_file(s.path(".helox/refs/versions/leases/1.0.0")).unwrap();
    let output = s.run("--json audit --verify");
    assert_eq!(output.code, 1, "{output:?}");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    let problems = report["problems"].as_array().unwrap();
    let named: Vec<_> = problems.iter().map(|p| (p["kind"].as_str().unwrap(), p["entry"].as_str().unwrap())).collect();
    let expected = [
        ("entry-missing", "refs/facts/0000000002"),
        ("entry-order", "refs/facts/0000000004"),
        ("version-ref-missing", "refs/versions/leases/1.0.0"),
    ];
    assert_eq!(named, expected);
    assert_eq!(keys(&problems[0]), set(["entry", "object", "kind", "message", "versions"]));
    let output = s.run("audit --verify -q");
    assert_eq!((output.code, output.stdout.lines().count()), (1, 4), "{output:?}");
}

#[test]
fn run_exec_records_what_becomes_of_a_command() {
    let s = Sandbox::with_two_versions();
    let script = "echo training; echo \"{\\\"loss\\\": 0.25, \\\"eval\\\": {\\\"f1\\\": 0.5}}\" > m.json; echo $HLX_DATASET@$HLX_VERSION > seen";
    s.write("train.sh", script);
    let first = s.run("run exec 1.0.0 --model m --metrics m.json --param lr=1 -- sh train.sh");
    assert!(first.code == 0 && first.stdout.starts_with("training\nm trained on leases@1.0.0  "), "{first:?}");
    assert_eq!(s.read("seen"), "leases@1.0.0\n");
    let run = &s.json("run list 1.0.0")["runs"][0];
    assert_eq!(run["metrics"], serde_json::json!({ "eval/f1": 0.5, "loss": 0.25 }));
    let params = serde_json::json!({ "command": "sh train.sh", "data.dirty": "true", "exit": "0", "lr": "1", "status": "done" });
    assert_eq!(run["params"], params);
    assert!(run["started_at"].is_string() && run["ended_at"].is_string());
    let shown = s.json(&format!("run show {}", &run["id"].as_str().unwrap()[..8]));
    assert_eq!(&shown, run);

    // What fails is recorded, and its exit code is ours. The metrics of the run before are not its own.
    let failed = s.run("run exec 1.1.0 --model m --metrics m.json -- sh -c 'exit 7'");
    assert_eq!(failed.code, 7, "{failed:?}");
    assert!(failed.stderr.contains("the command did not write m.json"), "{failed:?}");
    let run = &s.json("run list 1.1.0")["runs"][0];
    assert_eq!((&run["params"]["status"], &run["params"]["exit"]), (&"failed".into(), &"7".into()));
    assert_eq!(run["metrics"], serde_json::json!({}));
    assert_eq!(s.run("run exec 1.1.0 --model m -- sh -c 'kill -INT $$'").code, 130);
    assert_eq!(s.json("run list 1.1.0")["runs"][1]["params"]["status"], "interrupted");
    s.fails("run exec 1.1.0 --model m --param data.dirty=true -- ./no-such-program", 3, "path-not-found");
    assert_eq!(s.json("run list")["runs"].as_array().unwrap().len(), 3);
    s.fails("run show 000000", 3, "version-not-found");

    let id = run["id"].as_str().unwrap();
    s.fails(&format!("run withdraw {id} --why ' '"), 2, "usage");
    let said = s.ok(&format!("run withdraw {} --why 'it crashed'", &id[..8]));
    assert!(said.starts_with("Withdrew run ") && said.ends_with(" on leases@1.1.0\n"), "{said}");
    s.fails(&format!("run withdraw {id} --why again"), 4, "conflict");
    assert_eq!(s.json("run list")["runs"].as_array().unwrap().len(), 2);
    assert!(s.ok("run list --all").contains("withdrawn: it crashed"));
    let withdrawn = &s.json(&format!("run show {id}"))["withdrawn"];
    assert_eq!(keys(withdrawn), set(["reason", "withdrawn_at", "withdrawn_by"]));
    assert!(s.ok("audit -n 1").contains(": it crashed"));
}

#[test]
fn runs_on_several_versions_and_the_difference_of_their_metrics() {
    let s = Sandbox::with_two_versions();
    let both = s.json("run record 1.0.0 1.1.0 --model m --metric loss=0.3");
    assert_eq!(both["runs"][0]["params"]["with"], "leases@1.1.0");
    assert_eq!(both["runs"][1]["params"]["with"], "leases@1.0.0");
    let other = s.json("run record 1.1.0 --model m --metric loss=0.27 --metric f1=1");
    let (a, b) = (both["runs"][0]["id"].as_str().unwrap(), other["id"].as_str().unwrap());
    let compared = s.ok(&format!("run compare {a} {b}"));
    assert!(compared.contains("difference\n  loss  -0.03  (-10.0%)\n"), "{compared}");
    let metrics = &s.json(&format!("run compare {a} {b}"))["metrics"];
    assert_eq!(metrics[0], serde_json::json!({ "name": "f1", "a": null, "b": 1.0, "difference": null, "percent": null }));
}

#[test]
fn a_run_beside_code_has_the_commit_of_git() {
    let s = Sandbox::with_two_versions();
    let git = |line: &str| {
        let mut git = std::process::Command::new("git");
        git.args(line.split(' ')).current_dir(s.path("")).env("HOME", s.dir.path());
        let output = git.output().unwrap();
        assert!(output.status.success(), "git {line}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(s.json("run record 1.0.0 --model m")["params"], serde_json::json!({}));
    git("init -q");
    s.write("train.py", "print()\n");
    git("add train.py");
    git("-c user.name=ana -c user.email=ana@example.com commit -q -m code");
    let commit = git("rev-parse HEAD");
    let params = |dirty: &str| serde_json::json!({ "git.commit": commit, "git.dirty": dirty });
    assert_eq!(s.json("run record 1.0.0 --model m")["params"], params("false"));
    s.write("train.py", "print(1)\n");
    assert_eq!(s.json("run record 1.0.0 --model m")["params"], params("true"));
    let listed = s.ok("run list 1.0.0");
    assert!(listed.contains(&format!("git.commit={} ", &commit[..12])), "{listed}");
}
