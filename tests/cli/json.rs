//! What `--json` and `--jsonl` print: the exact fields of every verb.

use std::collections::BTreeSet;
use std::fs;

use helox::object::checksum::Checksum;
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, keys, set};

/// The fields of a version in JSON.
pub fn version_fields() -> BTreeSet<&'static str> {
    set([
        "id",
        "dataset_name",
        "dataset_type",
        "version",
        "parent_version",
        "parents",
        "change_type",
        "change_summary",
        "total_samples",
        "file_count",
        "total_size_bytes",
        "data_checksum",
        "metadata_checksum",
        "manifest",
        "schema",
        "quality_score",
        "validation_status",
        "validation_errors",
        "tags",
        "runs",
        "notes",
        "holds",
        "metadata",
        "created_at",
        "created_by",
        "storage_backend",
        "storage_path",
        "validation",
        "files_added",
        "files_modified",
        "files_removed",
        "files_renamed",
        "files_mode_changed",
        "files_reread",
        "links_changed",
        "folders_added",
        "folders_removed",
    ])
}

#[test]
fn every_verb_has_its_fields_in_json() {
    let s = Sandbox::new();
    s.write("a.txt", "one\n");
    assert_eq!(keys(&s.json("init --name leases")), set(["root", "created", "dataset", "gitignore_changed", "in_git", "within"]));
    let mut committed = version_fields();
    committed.extend([
        "outcome",
        "links",
        "bytes_changed",
        "bytes_before",
        "bump",
        "stored_bytes",
        "samples_added",
        "samples_removed",
        "samples_modified",
        "findings",
        "findings_count",
        "report_file",
        "tags_added",
    ]);
    let commit = s.json("commit -m x --meta n=3 --meta s=007 --meta l=[1] --tag production");
    assert_eq!(keys(&commit), committed);
    assert_eq!(commit["metadata"], serde_json::json!({ "n": 3, "s": "007", "l": [1] }));
    assert_eq!(
        (&commit["outcome"], &commit["tags"][0], &commit["created_by"]),
        (&"created".into(), &"production".into(), &"ana@example.com".into())
    );
    assert_eq!(s.json("commit -m x")["outcome"], "unchanged");

    s.write("a.txt", "two\n");
    s.write("c.txt", "new\n");
    assert_eq!(s.json("commit -m y --dry-run")["outcome"], "dry-run");
    let status = s.json("status");
    assert_eq!(
        keys(&status),
        set([
            "dataset_name",
            "version",
            "latest",
            "clean",
            "added",
            "modified",
            "removed",
            "renamed",
            "mode_changed",
            "reread",
            "folders_added",
            "folders_removed",
            "outside",
            "selection"
        ])
    );
    assert_eq!((&status["clean"], &status["modified"][0]), (&false.into(), &"a.txt".into()));
    let diff = s.json("diff");
    let files =
        ["from", "to", "added", "modified", "removed", "renamed", "mode_changed", "reread", "folders_added", "folders_removed"];
    assert_eq!(keys(&diff), set(files));
    assert_eq!(keys(&diff["added"][0]), set(["path", "size", "samples"]));
    assert_eq!(keys(&diff["modified"][0]), set(["path", "old_size", "new_size", "old_samples", "new_samples"]));
    s.ok("commit -m y --version 1.1.0");

    let log = s.json("log");
    assert_eq!(keys(&log), set(["versions"]));
    assert_eq!(keys(&log["versions"][1]), version_fields());
    let show = s.json("show leases@1.1.0");
    assert_eq!(keys(&show), version_fields());
    assert_eq!(
        (&show["version"], &show["parent_version"], &show["change_summary"]),
        (&"1.1.0".into(), &"1.0.0".into(), &"y".into())
    );
    let compare = set([
        "version1",
        "version2",
        "sample_difference",
        "file_difference",
        "size_difference_bytes",
        "samples_added",
        "samples_removed",
        "samples_modified",
        "schema_changes",
        "change_type",
        "change_summary",
        "files_added",
        "files_modified",
        "files_removed",
        "files_renamed",
        "files_mode_changed",
        "files_reread",
        "links_changed",
        "folders_added",
        "folders_removed",
    ]);
    assert_eq!(keys(&s.json("compare 1.0.0 1.1.0")), compare);
    let checkout =
        set(["dataset_name", "version", "id", "path", "written", "removed", "unchanged", "bytes_written", "discarded"]);
    assert_eq!(keys(&s.json("checkout 1.0.0")), checkout);
    assert_eq!(
        keys(&s.json("restore a.txt --source 1.1.0")),
        set(["dataset_name", "version", "restored", "removed", "discarded"])
    );
    s.write("sub/new.txt", "new\n");
    let cleaned = s.json("clean --force");
    assert_eq!(keys(&cleaned), set(["dataset_name", "removed", "folders", "dry_run"]));
    assert_eq!((&cleaned["removed"], &cleaned["folders"]), (&json!(["sub", "sub/new.txt"]), &json!(["sub"])));
    let ls = s.json("ls 1.0.0");
    assert_eq!(keys(&ls), set(["items"]));
    assert_eq!(keys(&ls["items"][0]), set(["path", "kind", "size", "samples", "id"]));
    assert_eq!(keys(&s.json("cat 1.0.0 a.txt")), set(["revision", "path", "size", "text"]));

    let tag = set(["dataset_name", "version", "id", "changed", "unchanged", "tags"]);
    assert_eq!(keys(&s.json("tag add 1.1.0 staging")), tag);
    assert_eq!(keys(&s.json("tag rm 1.1.0 staging")), tag);
    let tags = s.json("tag list");
    assert_eq!(keys(&tags["tags"][0]), set(["dataset_name", "tag", "versions"]));
    let dataset = set(["name", "type", "path", "versions", "latest", "head"]);
    assert_eq!(keys(&s.json("dataset show leases")), dataset);
    assert_eq!(keys(&s.json("dataset list")["datasets"][0]), dataset);
    let verify = set([
        "is_valid",
        "expected_checksum",
        "actual_checksum",
        "validation_timestamp",
        "problems",
        "versions",
        "versions_left",
        "files",
        "bytes",
    ]);
    assert_eq!(keys(&s.json("verify 1.0.0")), verify);
    let stats = set([
        "versions",
        "files",
        "logical_bytes",
        "unique_bytes",
        "stored_bytes",
        "chunks",
        "packs",
        "derived_bytes",
        "temporary_bytes",
    ]);
    assert_eq!(keys(&s.json("stats")), stats);
    let gc = set([
        "dry_run",
        "unreachable_packs",
        "unreachable_bytes",
        "rewritten_packs",
        "dead_bytes",
        "joined_packs",
        "joined_bytes",
        "recompressed_packs",
        "recompressed_bytes",
        "estimated_seconds",
        "recent_bytes",
        "temporary_files",
        "temporary_bytes",
        "written_bytes",
        "freed_bytes",
    ]);
    assert_eq!(keys(&s.json("gc --dry-run")), gc);
    let remote = ["name", "url", "endpoint", "region", "profile", "anonymous", "path_style", "read_only"];
    let mut added = set(remote);
    added.extend(["already_declared", "honours_create"]);
    assert_eq!(keys(&s.json("remote add copy ../copy")), added);
    assert_eq!(keys(&s.json("remote list")["remotes"][0]), set(remote));
    let fetch = ["remote", "url", "versions", "facts", "bytes", "requests", "dry_run"];
    let mut push = set(fetch);
    push.extend(["packs", "pack_bytes"]);
    let pushed = s.json("push");
    assert_eq!(keys(&pushed), push);
    assert_eq!(keys(&pushed["versions"][0]), set(["dataset_name", "version", "id"]));
    assert_eq!(keys(&s.json("fetch")), set(fetch));
    let pulled = s.json("pull --force");
    assert_eq!(keys(&pulled), set(fetch));
    let version = ["dataset_name", "version", "id", "path", "received", "written", "removed", "unchanged"];
    assert_eq!(keys(&pulled["versions"][0]), set(version));
    let cloned = s.json("clone ../copy ../clone");
    assert_eq!(keys(&cloned), set(["path", "url", "is_repository", "versions", "checked_out", "bytes", "requests"]));
    assert_eq!(keys(&cloned["checked_out"][0]), set(["dataset_name", "version", "id", "path", "written"]));
    assert_eq!(keys(&s.json("remote rm copy")), set(remote));
    assert_eq!(keys(&s.json("reindex")), set(["packs", "objects", "versions", "damaged"]));
    assert_eq!(keys(&s.json("completions zsh")), set(["shell", "script"]));
    assert_eq!(keys(&s.json("man")), set(["page"]));
}

#[test]
fn json_lines_are_one_document_each() {
    let s = Sandbox::with_two_versions();
    s.write("a.txt", "changed\n");
    s.write("new.txt", "new\n");
    fs::remove_dir_all(s.path("folder")).unwrap();
    let lines = |line: &str| -> Vec<Value> { s.ok(line).lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    assert_eq!(lines("log --jsonl").iter().map(|v| v["version"].clone()).collect::<Vec<_>>(), ["1.1.0", "1.0.0"]);
    assert_eq!(lines("ls 1.0.0 -r --jsonl").iter().map(|v| v["path"].clone()).collect::<Vec<_>>(), ["a.txt", "folder/b.txt"]);
    let changes: BTreeSet<_> = lines("diff --jsonl").iter().map(|v| format!("{} {}", v["change"], v["path"])).collect();
    let expected = ["\"added\" \"new.txt\"", "\"modified\" \"a.txt\"", "\"removed\" \"folder/b.txt\""];
    assert_eq!(changes, expected.map(str::to_owned).into());
    let failed = s.run("log 9.9.9 --jsonl");
    assert_eq!(failed.code, 3);
    assert_eq!(keys(&serde_json::from_str(&failed.stdout).unwrap()), set(["error"]));
}

#[test]
fn json_is_asked_for_anywhere_before_the_paths() {
    let s = Sandbox::new();
    for line in ["--json log", "log --json", "log --no-such-flag --json", "--json"] {
        let output = s.run(line);
        assert!(output.stdout.starts_with("{\"error\":{\"kind\":"), "{line}: {output:?}");
        assert_eq!(output.stderr, "", "{line}");
    }
    assert_eq!(s.run("diff -- --json").stdout, "");
}

#[test]
fn metadata_is_json_and_its_checksum_follows() {
    let s = Sandbox::new();
    s.write("a.txt", "one\n");
    s.ok("init --name leases");
    let given = r#"--meta batch=2 --meta 'q={"z":1.0,"a":[true,null]}' --meta name=text --meta open={"a": --meta city=Köln"#;
    let commit = s.json(&format!("commit -m x {given} --meta job=9007199254740993"));
    let expected = serde_json::json!({
        "batch": 2, "q": { "z": 1.0, "a": [true, null] }, "name": "text", "open": "{\"a\":", "city": "Köln",
        "job": "9007199254740993",
    });
    assert_eq!(commit["metadata"], expected);
    // As RFC 8785 writes it: members by name, no spaces, 1.0 as 1.
    let metadata =
        r#"{"batch":2,"city":"Köln","job":"9007199254740993","name":"text","open":"{\"a\":","q":{"a":[true,null],"z":1}}"#;
    let samples = &commit["total_samples"];
    let said = format!(
        r#"{{"dataset_name":"leases","file_count":1,"metadata":{metadata},"total_samples":{samples},"total_size_bytes":4,"version":"1.0.0"}}"#
    );
    let (show, log) = (s.json("show"), s.json("log"));
    for version in [&commit, &show, &log["versions"][0]] {
        assert_eq!(version["metadata_checksum"], Checksum::of(said.as_bytes()).to_string(), "{said}");
        assert_eq!(version["metadata"]["job"], expected["job"]);
    }
    assert_eq!(s.json("log --meta job=9007199254740993")["versions"].as_array().unwrap().len(), 1);
}
