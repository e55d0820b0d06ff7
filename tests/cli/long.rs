//! The long forms of `hlx dataset`: the same work and the same documents as commit, log, show and compare.

use serde_json::Value;

use crate::json::version_fields;
use crate::sandbox::{Sandbox, keys};

const CREATE: &str = "dataset create --name leases --type lease_abstraction --path data/leases";

fn sandbox() -> Sandbox {
    let s = Sandbox::new();
    s.ok("init");
    s.write("data/leases/a.txt", "one\n");
    s
}

#[test]
fn create_declares_and_commits() {
    let s = sandbox();
    let first = s.json(&format!("{CREATE} --summary 'first leases' --tags staging,may"));
    assert_eq!(
        (&first["outcome"], &first["version"], &first["dataset_type"]),
        (&"created".into(), &"1.0.0".into(), &"lease_abstraction".into())
    );
    assert_eq!((&first["change_summary"], &first["tags"]), (&"first leases".into(), &serde_json::json!(["may", "staging"])));
    assert_eq!(keys(&first), keys(&s.json("commit leases -m again")), "the document of commit");

    // Declared just so, it is only committed.
    s.write("data/leases/a.txt", "two\n");
    let second = s.json(&format!("{CREATE} --version 1.1.0 --tags ' one , two '"));
    assert_eq!((&second["version"], &second["parent_version"]), (&"1.1.0".into(), &"1.0.0".into()));
    assert_eq!(
        (&second["tags"], &second["change_summary"]),
        (&serde_json::json!(["one", "two"]), &"leases from data/leases".into())
    );
    assert_eq!(s.json(CREATE)["outcome"], "unchanged");
    s.write("data/leases/a.txt", "three\n");
    assert_eq!(s.json(&format!("{CREATE} --version 1.0.1 --parent 1.0.0"))["parent_version"], "1.0.0");
    s.write("data/leases/a.txt", "four\n");
    assert!(s.ok(CREATE).starts_with("Created leases "));

    s.fails(&format!("{CREATE} --version 1.1.0"), 4, "version-exists");
    s.fails(&format!("{CREATE} --parent 9.9.9"), 3, "version-not-found");
    s.fails("dataset create --name leases --type other --path data/leases", 4, "conflict");
    s.fails("dataset create --name leases --type lease_abstraction --path data", 4, "conflict");
}

#[test]
fn a_folder_that_is_not_there_is_not_declared() {
    let s = sandbox();
    s.fails("dataset create --name leases --type lease_abstraction --path data/lesses", 3, "path-not-found");
    s.ok(CREATE);
    assert_eq!(s.json("dataset list")["datasets"].as_array().unwrap().len(), 1);
}

#[test]
fn list_with_a_name_lists_versions() {
    let s = Sandbox::with_two_versions();
    let log = s.json("log leases");
    assert_eq!(s.json("dataset list --name leases"), log);
    assert_eq!(s.ok("dataset list --name leases"), s.ok("log leases"));
    let one = s.json("dataset list --name leases --version 1.0.0");
    assert_eq!(one["versions"], Value::from(vec![log["versions"][1].clone()]));
    assert_eq!(keys(&one["versions"][0]), version_fields());
    assert_eq!(s.json("dataset list --name leases --version latest")["versions"][0]["version"], "1.1.0");
    assert_eq!(s.ok("dataset list --name leases --version first"), s.ok("show leases@1.0.0"));
    s.fails("dataset list --name nobody", 3, "dataset-not-found");
    s.fails("dataset list --name nobody --version 1.0.0", 3, "dataset-not-found");
    s.fails("dataset list --name leases --version 9.9.9", 3, "version-not-found");
    assert!(s.json("dataset list")["datasets"].is_array());
}

#[test]
fn compare_with_names_compares() {
    let s = Sandbox::with_two_versions();
    let line = "dataset compare --name leases --version1 1.0.0 --version2 latest";
    assert_eq!(s.json(line), s.json("compare leases@1.0.0 leases@1.1.0"));
    assert_eq!(s.ok(line), s.ok("compare leases@1.0.0 leases@1.1.0"));
    s.fails("dataset compare --name nobody --version1 1.0.0 --version2 1.1.0", 3, "dataset-not-found");
    s.fails("dataset compare --name leases --version1 9.9.9 --version2 1.1.0", 3, "version-not-found");
}

#[test]
fn create_makes_the_next_version_from_another_folder() {
    let s = Sandbox::new();
    s.write("in/v1/a.jsonl", &"{}\n".repeat(50));
    s.write("in/v2/a.jsonl", &"{}\n".repeat(70));
    s.ok("init");
    s.ok("dataset create --name leases --type t --path in/v1");
    let next = s.json("dataset create --name leases --type t --path in/v2 --parent 1.0.0");
    assert_eq!((&next["version"], &next["total_samples"]), (&"1.1.0".into(), &70.into()));
    assert_eq!(s.json("dataset show leases")["path"], "in/v1");
    assert_eq!(s.json("status leases")["version"], "1.0.0");
    let id = next["id"].as_str().unwrap().to_uppercase();
    assert_eq!(s.json(&format!("show {}", &id[..12]))["version"], "1.1.0");
}

#[test]
fn init_within_a_repository_tells_of_it() {
    let s = Sandbox::new();
    s.ok("init --name whole");
    assert!(s.run("init deep").stderr.contains("inside dataset 'whole'"));
    assert_eq!(s.json("init deep")["within"]["dataset"], "whole");
}
