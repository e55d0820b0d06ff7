//! Repositories that a group shares, and workspaces on file systems with less than POSIX.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Bench;
use crate::fs::fault::{self, Call};
use crate::ops::{init, reindex, status};
use crate::progress::NoProgress;

/// Calls `visit` with every file and folder below a folder and its mode.
fn modes(folder: &Path, visit: &mut impl FnMut(&Path, u32)) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let meta = entry.metadata().unwrap();
        visit(&entry.path(), meta.permissions().mode() & 0o7777);
        if meta.is_dir() {
            modes(&entry.path(), visit);
        }
    }
}

/// Fails unless the group can use all of a store.
fn assert_shared(bench: &Bench) {
    modes(&bench.path.join(".helox"), &mut |path, mode| {
        let is_written = path.ends_with("lock") || path.ends_with("gc.lock") || path.parent().unwrap().ends_with("catalog");
        let wanted = match path.is_dir() {
            true => 0o2070,
            false if is_written && !path.ends_with("seal") => 0o060,
            false => 0o040,
        };
        assert_eq!(mode & wanted, wanted, "{}: {mode:o}", path.display());
    });
}

#[test]
fn a_group_shares_what_was_there_and_what_comes() {
    let bench = Bench::new();
    bench.write("a.jsonl", "{\"a\":1}\n");
    bench.commit(|_| {}).unwrap();
    modes(&bench.path.join(".helox"), &mut |path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode & 0o700)).unwrap();
    });
    let config = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
    fs::write(bench.path.join("helox.toml"), format!("{config}\n[store]\nshared = \"group\"\n")).unwrap();
    init::run(&init::InitOptions { dir: bench.path.clone(), name: None, kind: None, new: false }).unwrap();
    assert_shared(&bench);
    bench.write("a.jsonl", "{\"a\":2}\n");
    bench.commit(|_| {}).unwrap();
    reindex::run(&bench.repo(), &NoProgress).unwrap();
    assert_shared(&bench);
    let file = fs::metadata(bench.path.join("a.jsonl")).unwrap();
    bench.checkout("1.0.0", false).unwrap();
    let back = fs::metadata(bench.path.join("a.jsonl")).unwrap();
    assert_eq!(back.permissions(), file.permissions(), "the workspace follows the umask");
}

#[test]
fn a_store_that_lost_its_empty_folders_is_written_to() {
    let bench = Bench::new();
    for folder in ["tmp", "workspace", "refs/facts", "packs/data", "index"] {
        fs::remove_dir(bench.path.join(".helox").join(folder)).unwrap();
    }
    bench.write("a.jsonl", "{\"a\":1}\n");
    bench.commit(|options| options.tags = vec!["first".into()]).unwrap();
    bench.checkout("first", false).unwrap();
}

#[test]
fn modes_that_a_file_system_does_not_keep_are_no_change() {
    let bench = Bench::new();
    bench.write("tool", "#!/bin/sh\n");
    bench.write("data", "x");
    fs::set_permissions(bench.path.join("tool"), Permissions::from_mode(0o755)).unwrap();
    bench.commit(|_| {}).unwrap();
    // As a mount shows them on which every file is executable, or none.
    for (tool, data) in [(0o755, 0o755), (0o644, 0o644)] {
        fs::set_permissions(bench.path.join("tool"), Permissions::from_mode(tool)).unwrap();
        fs::set_permissions(bench.path.join("data"), Permissions::from_mode(data)).unwrap();
        let status = |bench: &Bench| status::run(&bench.repo(), &status::StatusOptions::default(), &NoProgress).unwrap();
        assert!(!status(&bench).mode_changed.is_empty(), "where modes are kept");
        let armed = fault::arm_errno(&bench.path, Call::Mode, rustix::io::Errno::PERM);
        assert!(status(&bench).clean);
        drop(armed);
        bench.write("new", tool.to_string());
        fs::set_permissions(bench.path.join("new"), Permissions::from_mode(data)).unwrap();
        let armed = fault::arm_errno(&bench.path, Call::Mode, rustix::io::Errno::PERM);
        let report = bench.commit(|_| {}).unwrap();
        drop(armed);
        let version = report.version.version.to_string();
        let executable: Vec<_> = bench
            .tree_of(&version)
            .unwrap()
            .into_iter()
            .filter(|(_, node)| matches!(node, super::Node::File(_, true)))
            .map(|(path, _)| path)
            .collect();
        assert_eq!(executable, ["tool"]);
    }
}
