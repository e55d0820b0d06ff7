//! Who may import whom. Every module stands on a floor and may use its own floor and those below; some neighbours on a
//! floor must not know each other. The table is the one of `docs/architecture.md`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, top down. The binary stands above all of them and sees only what the library makes public.
const FLOORS: &[&[&str]] = &[
    &["ops"],
    &["catalog"],
    &["repo"],
    &["worktree", "facts"],
    &["gate"],
    &["diff"],
    &["store"],
    &["manifest", "pack", "refs"],
    &["object", "chunk", "sample", "fs", "id", "path", "selection", "codec", "spelling"],
    &["error", "progress", "clock", "parallel", "limits"],
];

/// Modules of one floor that must not use each other.
const STRANGERS: &[&[&str]] = &[&["worktree", "facts"], &["manifest", "pack", "refs"]];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The top-level modules that a file names by `crate::`, outside of its tests.
fn uses(path: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in lines {
        for (at, _) in line.match_indices("crate::") {
            let name: String = line[at + 7..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            found.insert(name);
        }
    }
    found
}

fn module(path: &Path) -> String {
    let inner = path.strip_prefix(root().join("src")).unwrap();
    let first = inner.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The library's files, with the tests that have a folder of their own left out.
fn library() -> Vec<PathBuf> {
    let all = sources(&root().join("src"));
    let outside =
        |p: &PathBuf| !["cli", "main", "lib"].contains(&module(p).as_str()) && !p.components().any(|c| c.as_os_str() == "tests");
    all.into_iter().filter(outside).collect()
}

#[test]
fn nobody_imports_from_a_floor_above() {
    let mut wrong = Vec::new();
    for path in library() {
        let own = module(&path);
        let own_floor = floor(&own).unwrap_or_else(|| panic!("'{own}' stands on no floor: add it to the table"));
        for used in uses(&path).into_iter().filter(|used| *used != own) {
            match floor(&used) {
                Some(other) if other < own_floor => {
                    wrong.push(format!("{}: {own} uses {used}, which stands above it", path.display()))
                }
                Some(_) if STRANGERS.iter().any(|s| s.contains(&own.as_str()) && s.contains(&used.as_str())) => {
                    wrong.push(format!("{}: {own} uses its neighbour {used}", path.display()));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_verb_calls_another() {
    // What verbs share is private to their folder.
    let folder = root().join("src/ops");
    let title = fs::read_to_string(folder.join("mod.rs")).unwrap();
    let verbs: BTreeSet<&str> = title.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    for path in library().iter().filter(|p| module(p) == "ops") {
        let inner = path.strip_prefix(&folder).unwrap();
        let own = inner.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs");
        let text = fs::read_to_string(path).unwrap();
        let beside = inner.components().count() == 1;
        for verb in verbs.iter().filter(|verb| **verb != own) {
            let calls = text.contains(&format!("ops::{verb}::")) || beside && text.contains(&format!("super::{verb}::"));
            assert!(!calls, "{own} calls {verb}");
        }
    }
}

#[test]
fn the_binary_sees_only_the_public_library() {
    for path in sources(&root().join("src/cli")).into_iter().chain([root().join("src/main.rs")]) {
        let inside = uses(&path);
        assert!(inside.iter().all(|m| m == "cli"), "{}: {inside:?}", path.display());
    }
}

#[test]
fn files_stay_readable() {
    for path in sources(&root().join("src")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 520, "{} has {lines} lines: split it by the things it does", path.display());
    }
}

#[test]
fn every_test_file_is_run() {
    // Files in tests/ are found by cargo; those in the folders of src must be named by a `mod`.
    for path in sources(&root().join("src")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if matches!(name, "mod" | "lib" | "main") {
            continue;
        }
        let folder = path.parent().unwrap();
        let owner = [folder.join("mod.rs"), folder.join("lib.rs")].into_iter().find(|p| p.exists());
        let owner = owner.unwrap_or_else(|| folder.with_extension("rs"));
        let text = fs::read_to_string(&owner).unwrap();
        assert!(text.contains(&format!("mod {name};")), "{} is in no module", path.display());
    }
}
