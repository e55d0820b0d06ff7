//! Exit codes: one class of failure each.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::sandbox::Sandbox;

#[test]
fn wrong_arguments_exit_with_2() {
    let s = Sandbox::with_two_versions();
    for line in [
        "no-such-verb",
        "commit",
        "commit -m x --version 1.2",
        "commit -m x --version 1.2.0+build",
        "commit -m x --version 2.0.0 --bump major",
        "commit -m x --bump huge",
        "commit -m x --meta novalue",
        "commit -m x --meta a=1 --meta a=2",
        "log --since whenever",
        "log --status GOOD",
        "log -n many",
        "diff --stat --name-only",
        "restore",
        "tag add 1.0.0",
        "verify 1.0.0 --all",
        "completions csh",
        "-q -v stats",
        "show 1.0.0 1.1.0",
        "dataset create --name x --path y",
        "dataset create --name x --type t --path y --version 1",
        "dataset list --version 1.0.0",
        "dataset compare --name leases --version1 1.0.0",
        "init --type generic",
        "commit -m ''",
        "tag add 1.0.0 latest",
        "run record 1.0.0",
        "run record 1.0.0 --model ''",
        "run record 1.0.0 --model m --metric loss=low",
        "run record 1.0.0 --model m --metric loss=NaN",
        "run record 1.0.0 --model m --metric a=1 --metric a=2",
        "run record 1.0.0 --model m --param lr",
        "run record 1.0.0 --model m --start 2026-11-23 --end 2026-11-22",
        "run record 1.0.0 --model m --start whenever",
        "run compare 1.0.0",
        "note add 1.0.0 ''",
        "note add 1.0.0",
        "audit --verify -n 3",
    ] {
        s.fails(line, 2, "usage");
    }
    s.write("helox.toml", "not toml at all [");
    s.fails("status", 2, "config");
    s.write("helox.toml", "[dataset.leases]\npath = '.'\nversion.majr_above = 0.4\n");
    s.fails("status", 2, "config");
    let error = s.run("status").stderr;
    let expected = "helox.toml:3: unknown key 'majr_above' in [dataset.leases.version]\nhint: did you mean 'major_above'?\n";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn flags_and_verbs_of_later_work_are_absent() {
    let s = Sandbox::with_two_versions();
    for line in [
        "diff --limit 3",
        "push",
        "fetch",
        "pull",
        "clone x y",
        "install-hooks",
        "export 1.0.0 --format tar -o x",
        "commit -m x -V",
        "log --merges",
    ] {
        s.fails(line, 2, "usage");
    }
}

#[test]
fn nothing_typed_prints_the_help_and_exits_with_2() {
    let s = Sandbox::new();
    let output = s.run("");
    assert_eq!((output.code, output.stdout.as_str()), (2, ""));
    assert!(output.stderr.contains("Usage: hlx"), "{output:?}");
    assert_eq!(s.run("dataset").code, 2);
}

#[test]
fn what_is_not_found_exits_with_3() {
    let s = Sandbox::new();
    s.fails("log", 3, "repository-not-found");
    s.fails("-C nowhere stats", 3, "path-not-found");
    let s = Sandbox::with_two_versions();
    s.fails("log nobody@latest", 3, "dataset-not-found");
    s.fails("dataset show nobody", 3, "dataset-not-found");
    for line in ["show 9.9.9", "checkout 9.9.9", "diff 1.0.0 9.9.9", "cat 9.9.9 a.txt", "tag add 9.9.9 x", "compare 9.9.9 1.0.0"]
    {
        s.fails(line, 3, "version-not-found");
    }
    for line in
        ["run record 9.9.9 --model m", "run list 9.9.9", "run compare 1.0.0 abcdef", "note add 9.9.9 x", "note list 9.9.9"]
    {
        s.fails(line, 3, "version-not-found");
    }
    for line in ["cat 1.0.0 none", "ls 1.0.0 none", "restore none", "run record 1.0.0 --model m --artifact none"] {
        s.fails(line, 3, "path-not-found");
    }
}

#[test]
fn conflicts_exit_with_4() {
    let s = Sandbox::with_two_versions();
    s.write("a.txt", "neither one nor the other\n");
    s.fails("commit -m x --version 1.0.0", 4, "version-exists");
    s.fails("commit -m x --version 1.0.5", 4, "conflict");
    s.fails("commit -m x --version 1.1.0-rc.1", 4, "conflict");
    assert!(s.run("commit -m x --version 1.0.5").stderr.contains("hint: the next free number is "));
    s.fails("checkout 1.0.0", 4, "dirty-workspace");
    assert!(s.run("checkout 1.0.0").stderr.contains("a.txt"));
    assert_eq!(s.read("a.txt"), "neither one nor the other\n");
    s.fails("checkout 1.0.0 --into folder", 4, "conflict");
}

#[test]
fn damage_exits_with_5() {
    let s = Sandbox::with_two_versions();
    s.ok("verify --all");
    for pack in files(&s.path(".helox/packs")) {
        let mut bytes = fs::read(&pack).unwrap();
        bytes.iter_mut().for_each(|byte| *byte ^= 0xff);
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    s.fails("cat 1.0.0 a.txt", 5, "damaged");
}

#[test]
fn verify_of_damaged_content_exits_with_1() {
    let s = Sandbox::with_two_versions();
    for pack in files(&s.path(".helox/packs/data")) {
        let mut bytes = fs::read(&pack).unwrap();
        // Near the front, where the first block lies.
        bytes[40] ^= 1;
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    let output = s.run("--json verify --all");
    assert_eq!(output.code, 1, "{output:?}");
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(report["is_valid"], false);
    let problem = &report["problems"][0];
    assert!(problem["path"].is_string() || problem["object"].is_string(), "{report}");
    assert!(problem["kind"].is_string() && problem["message"].is_string(), "{report}");
    let output = s.run("verify --all -q");
    assert_eq!(output.code, 1);
    assert_ne!(output.stdout, "");
}

#[test]
fn fsck_of_a_damaged_store_exits_with_1_and_says_how_to_repair_it() {
    let s = Sandbox::with_two_versions();
    assert!(s.ok("fsck").starts_with("intact  2 versions, "));
    assert_eq!(s.json("fsck --repair")["repairs"], serde_json::json!([]));
    let pack = files(&s.path(".helox/packs/data")).remove(0);
    let bytes = fs::read(&pack).unwrap();
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, &bytes[..60]).unwrap();
    let output = s.run("fsck");
    assert!(output.code == 1 && output.stderr.contains("hint: repair it: hlx fsck --repair"), "{output:?}");
    let report: Value = serde_json::from_str(&s.run("--json fsck").stdout).unwrap();
    let problem = report["problems"].as_array().unwrap().iter().find(|problem| problem["kind"] == "content").unwrap();
    assert!(problem["path"].is_string() && problem["pack"].is_string() && problem["versions"][0].is_string(), "{report}");
    assert_eq!(s.run("fsck --from .").code, 2);
    let repaired = s.run("fsck --repair");
    assert!(repaired.stdout.contains("repaired  moved pack "), "{repaired:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn stdout_that_cannot_be_written_exits_with_6() {
    let s = Sandbox::with_two_versions();
    for line in ["log", "--json log", "cat 1.0.0 a.txt", "completions bash", "--version"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = s.command(line).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{line}");
        assert!(output.stderr.starts_with(b"error: "), "{line}");
    }
}

#[test]
fn ctrl_c_ends_work_cleanly_with_130() {
    let s = Sandbox::with_two_versions();
    // Sparse: it takes no room, and reading it takes long enough to be interrupted.
    fs::File::create(s.path("huge")).unwrap().set_len(64 << 30).unwrap();
    for (line, json) in [("commit -m huge", false), ("--json commit -m huge", true)] {
        let child = s.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{line}");
        let (said, other) = if json { (output.stdout, output.stderr) } else { (output.stderr, output.stdout) };
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("interrupted") && said.contains("run the same command again to resume"), "{line}: {said}");
        assert_eq!(other, b"", "{line}");
    }
    fs::remove_file(s.path("huge")).unwrap();
    assert_eq!(s.json("log")["versions"].as_array().unwrap().len(), 2);
    s.write("a.txt", "after the interruption\n");
    s.ok("commit -m after");
}

#[test]
fn ctrl_c_ends_at_once_where_nothing_has_to_be_ended_cleanly() {
    let s = Sandbox::with_two_versions();
    s.write("big.txt", &"a line of a big file\n".repeat(100_000));
    s.ok("commit -m big --version 1.2.0");
    let mut child = s.command("cat 1.2.0 big.txt").stdout(Stdio::piped()).spawn().unwrap();
    // Once it writes, it waits for a reader that never reads on.
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found: Vec<_> = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    assert!(!found.is_empty(), "nothing in {}", folder.display());
    found
}

fn interrupt(child: &std::process::Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_store_whose_refs_are_lost_exits_with_5() {
    let s = Sandbox::with_two_versions();
    let refs = s.path(".helox/refs");
    fs::rename(&refs, s.path("elsewhere")).unwrap();
    for line in ["log", "status", "reindex", "verify --all", "commit -m x"] {
        s.fails(line, 5, "damaged");
    }
    assert!(!refs.exists());
    // Empty as 'init' leaves it.
    s.ok("init");
    for line in ["log", "reindex", "status"] {
        assert_eq!(s.run(line).code, 5, "{line}");
    }
    assert_eq!(s.run("verify --all").code, 1);
}
