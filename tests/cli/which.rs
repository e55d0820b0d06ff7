//! Which version changed a path, and which version a file or a folder is.

use serde_json::Value;

use crate::sandbox::{Sandbox, keys, set};

/// A repository with two datasets beside code, three versions of the one and one of the other.
fn two_datasets() -> Sandbox {
    let s = Sandbox::new();
    s.ok("init");
    s.write("train.py", "print()\n");
    for (name, path) in [("leases", "data/leases"), ("notes", "data/notes")] {
        s.write(&format!("{path}/train/a.jsonl"), &format!("{{\"of\":\"{name}\"}}\n"));
        s.write(&format!("{path}/test/b.jsonl"), "{\"id\":2}\n");
        s.ok(&format!("dataset add {name} --type text --path {path}"));
        s.ok(&format!("commit {name} -m first --version 1.0.0"));
    }
    s.write("data/leases/test/b.jsonl", "{\"id\":3}\n");
    s.write("data/leases/test/c.jsonl", "{\"id\":4}\n");
    s.ok("commit leases -m second --version 1.1.0");
    s.write("data/leases/train/a.jsonl", "{\"of\":\"all\"}\n");
    s.ok("commit leases -m third --version 1.2.0");
    s
}

#[test]
fn log_of_a_path_lists_the_versions_that_changed_it() {
    let s = two_datasets();
    let numbers = |line: &str| {
        let log = s.ok(line);
        log.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("log --oneline -- data/leases/test"), ["1.1.0", "1.0.0"]);
    assert_eq!(numbers("log --oneline -- data/leases/train/a.jsonl"), ["1.2.0", "1.0.0"]);
    assert_eq!(numbers("log --oneline -- data/leases/test/c.jsonl"), ["1.1.0"]);
    assert_eq!(numbers("-C data/leases log --oneline -- test/c.jsonl train"), ["1.2.0", "1.1.0", "1.0.0"]);
    assert_eq!(numbers("-C data/leases/test log --oneline -- ."), ["1.1.0", "1.0.0"]);
    assert_eq!(numbers("-C data log --oneline leases@1.1.0 -- :/data/leases/train"), ["1.0.0"]);
    assert_eq!(numbers("log --oneline -- data/notes/train"), ["1.0.0"]);
    assert_eq!(numbers("log --oneline -1 -- data/leases/train"), ["1.2.0"]);
    assert_eq!(numbers("log leases --oneline -2"), ["1.2.0", "1.1.0"]);
    assert_eq!(numbers("log leases --oneline --since yesterday -- data/leases/test"), ["1.1.0", "1.0.0"]);
    assert_eq!(s.run("log leases --until '2 weeks ago'").stderr, "hint: no versions\n");
    let wrong = s.run("log -- data/leases/trian");
    assert_eq!(
        (wrong.code, wrong.stderr.as_str()),
        (
            3,
            "error: no version of 'leases' has 'trian'; did you mean 'data/leases/train'?\n\
             hint: 'hlx ls -r leases' lists its files\n"
        )
    );
    s.fails("log -- train.py", 3, "path-not-found");
    s.fails("log notes -- data/leases/train", 3, "path-not-found");
}

#[test]
fn log_with_stat_counts_the_files_of_each_version() {
    let s = two_datasets();
    let files = |line: &str| {
        let log = s.ok(line);
        log.lines().filter_map(|line| line.split_once("iles: ")).map(|(_, files)| files.trim().to_owned()).collect::<Vec<_>>()
    };
    let (one, two, first) =
        ("0 added, 1 modified, 0 removed", "1 added, 1 modified, 0 removed", "2 added, 0 modified, 0 removed");
    assert_eq!(files("log leases --stat"), [one, two, first]);
    assert_eq!(files("log leases --stat --oneline"), [one, two, first]);
    assert_eq!(files("log --stat -- data/leases/train"), [one, "1 added, 0 modified, 0 removed"]);
    assert!(files("log leases").is_empty());
}

#[test]
fn a_folder_that_was_checked_out_has_a_stamp_that_no_version_has() {
    let s = two_datasets();
    std::fs::create_dir(s.path("../out")).unwrap();
    s.ok("checkout leases@1.1.0 --into ../out --include 'test/**'");
    let stamp: Value = serde_json::from_str(&s.read("../out/.helox-version.json")).unwrap();
    let version = s.json("show leases@1.1.0");
    assert_eq!(keys(&stamp), set(["dataset_name", "version", "id", "data_checksum", "selection"]));
    for field in ["dataset_name", "version", "id", "data_checksum"] {
        assert_eq!(stamp[field], version[field], "{field}");
    }
    assert_eq!(stamp["selection"]["include"][0], "test/**");
    s.ok("checkout leases@1.0.0 --into ../whole");
    assert_eq!(serde_json::from_str::<Value>(&s.read("../whole/.helox-version.json")).unwrap()["selection"], Value::Null);
    let again = s.json("commit leases -m again --from ../whole --allow-empty");
    assert_eq!((&again["file_count"], &again["data_checksum"]), (&2.into(), &s.json("show leases@1.0.0")["data_checksum"]));
    s.fails("restore data/leases/.helox-version.json", 2, "usage");
    let failed = s.run("checkout leases@1.0.0 --into ../whole");
    assert!(failed.code == 4 && failed.stderr.contains("is not an empty folder"), "{failed:?}");
}
