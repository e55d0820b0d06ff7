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
             hint: list its files: hlx ls -r leases\n"
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
    let stamp: Value = serde_json::from_str(&s.read("../out/.hlx.json")).unwrap();
    let version = s.json("show leases@1.1.0");
    assert_eq!(keys(&stamp), set(["dataset_name", "version", "id", "data_checksum", "selection"]));
    for field in ["dataset_name", "version", "id", "data_checksum"] {
        assert_eq!(stamp[field], version[field], "{field}");
    }
    assert_eq!(stamp["selection"]["include"][0], "test/**");
    s.ok("checkout leases@1.0.0 --into ../whole");
    assert_eq!(serde_json::from_str::<Value>(&s.read("../whole/.hlx.json")).unwrap()["selection"], Value::Null);
    let again = s.json("commit leases -m again --from ../whole --allow-empty");
    assert_eq!((&again["file_count"], &again["data_checksum"]), (&2.into(), &s.json("show leases@1.0.0")["data_checksum"]));
    s.fails("restore data/leases/.hlx.json", 2, "usage");
    let failed = s.run("checkout leases@1.0.0 --into ../whole");
    assert!(failed.code == 4 && failed.stderr.contains("is not an empty folder"), "{failed:?}");
}

/// Copies a folder by a checkout and takes its stamp away.
fn plain_copy(s: &Sandbox, revision: &str, name: &str) {
    s.ok(&format!("checkout {revision} --into {name}"));
    std::fs::remove_file(s.path(name).join(".hlx.json")).unwrap();
}

#[test]
fn which_names_the_versions_that_hold_a_file_a_folder_or_a_checksum() {
    let s = two_datasets();
    plain_copy(&s, "leases@1.1.0", "../copy");
    assert_eq!(s.ok("which ../copy"), "leases@1.1.0  .\n");
    assert_eq!(s.ok("which ../copy/test"), "leases@1.2.0  test\nleases@1.1.0  test\n");
    assert_eq!(s.ok("which data/notes/test"), "leases@1.0.0  test\nnotes@1.0.0   test\n");
    assert_eq!(s.ok("which data/notes"), "notes@1.0.0  .\n");
    s.write("../other.jsonl", "{\"id\":4}\n");
    assert_eq!(s.ok("which ../other.jsonl"), "leases@1.2.0  test/c.jsonl\nleases@1.1.0  test/c.jsonl\n");
    let content = s.json("which ../other.jsonl")["content"].as_str().unwrap().to_owned();
    assert_eq!(s.ok(&format!("which {content}")), s.ok("which ../other.jsonl"));
    let version = s.json("show leases@1.1.0");
    for field in ["id", "data_checksum", "metadata_checksum", "manifest"] {
        let sum = version[field].as_str().unwrap();
        for word in [sum.to_owned(), sum[..12].to_uppercase()] {
            assert_eq!(s.ok(&format!("which {word}")), format!("leases@1.1.0  .  {field}\n"));
        }
    }
    let none = s.run(&format!("which {}", "0".repeat(64)));
    assert_eq!((none.code, none.stdout), (1, format!("no version contains {}\n", "0".repeat(64))));
    assert!(none.stderr.contains("BLAKE3"), "{}", none.stderr);
    s.fails("which nothing-here", 3, "path-not-found");

    // A part of a version is known by its stamp; without it, by what it is most like.
    s.ok("checkout leases@1.1.0 --into ../part --include test --exclude '**/b.jsonl'");
    assert_eq!(s.ok("which ../part"), "leases@1.1.0  .  partial: --include test --exclude **/b.jsonl\n");
    s.write("../copy/test/c.jsonl", "changed\n");
    s.write("../copy/new.txt", "new\n");
    let near = s.run("which ../copy");
    assert_eq!(
        (near.code, near.stdout.as_str()),
        (
            1,
            "no version contains ../copy\n\
             nearest: leases@1.1.0  2 files identical, 1 added, 1 modified, 0 removed\n\
             \u{20} added:    new.txt\n\
             \u{20} modified: test/c.jsonl\n"
        )
    );
    let json: Value = serde_json::from_str(&s.run("--json which ../copy").stdout).unwrap();
    let fields = ["target", "kind", "data_checksum", "versions", "nearest"];
    assert_eq!(keys(&json), set(fields));
    let nearest = ["dataset_name", "version", "id", "path", "files_shared", "added", "modified", "removed"];
    assert_eq!(keys(&json["nearest"]), set(nearest));
    let holder = &s.json("which data/notes")["versions"][0];
    assert_eq!(keys(holder), set(["dataset_name", "version", "id", "path", "matches"]));
}

#[test]
fn verify_of_a_folder_says_what_it_matched_or_how_it_differs() {
    let s = two_datasets();
    plain_copy(&s, "leases@1.1.0", "../copy");
    assert_eq!(s.ok("verify ../copy"), "../copy matches leases@1.1.0  3 files\n");
    assert_eq!(s.ok("verify leases@1.1.0 ../copy"), "../copy matches leases@1.1.0  3 files\n");
    let other = s.run("verify leases@1.2.0 ../copy");
    assert_eq!(
        (other.code, other.stdout.as_str()),
        (
            1,
            "../copy differs from leases@1.2.0: 0 added, 1 modified, 0 removed\n\
             file  train/a.jsonl: differs from leases@1.2.0\n\
             1 problem in 3 files, 34 B\n"
        )
    );
    assert_eq!(s.ok("verify ../copy/train"), "../copy/train matches leases@1.1.0:train  1 file\n");

    // The stamp says what the folder should be, though it is another version by now.
    s.ok("checkout leases@1.0.0 --into ../stamped");
    assert_eq!(s.ok("verify ../stamped"), "../stamped matches leases@1.0.0  2 files\n");
    s.write("../stamped/test/b.jsonl", &s.read("../copy/test/b.jsonl"));
    s.write("../stamped/test/c.jsonl", &s.read("../copy/test/c.jsonl"));
    let changed = s.run("verify ../stamped");
    assert!(changed.code == 1, "{changed:?}");
    assert!(changed.stdout.starts_with("../stamped differs from leases@1.0.0: 1 added, 1 modified, 0 removed\n"), "{changed:?}");

    // A declared folder is held against its own dataset alone.
    s.write("data/notes/test/b.jsonl", "other\n");
    s.write("data/notes/train/a.jsonl", &s.read("../copy/train/a.jsonl"));
    let notes = s.run("verify data/notes");
    assert!(notes.stdout.starts_with("data/notes differs from notes@1.0.0: 0 added, 2 modified, 0 removed\n"), "{notes:?}");
    s.write("../strange/x.bin", "nothing alike");
    let strange = s.run("verify ../strange");
    assert!(strange.code == 1 && strange.stdout.starts_with("../strange does not match any version\n"), "{strange:?}");
    s.ok("checkout leases@1.1.0 --into ../part --include test");
    assert_eq!(s.ok("verify ../part"), "../part matches leases@1.1.0  2 files, partial: --include test\n");
}
