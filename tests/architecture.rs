//! Who may import whom. Every module stands on a floor and may use its own floor and those below; some neighbours on a
//! floor must not know each other. The table is the one of `docs/architecture.md`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by panicking")]

#[path = "architecture/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use source::{Source, circles, dependencies, files, production, root};

/// The floors, top down. The binary stands above all of them and sees only what the library makes public.
const FLOORS: &[&[&str]] = &[
    &["ops"],
    &["check"],
    &["repo"],
    &["catalog"],
    &["worktree", "facts", "remote"],
    &["gate"],
    &["diff"],
    &["store"],
    &["manifest", "pack", "refs"],
    &["object", "chunk", "sample", "fs", "id", "path", "selection", "codec", "spelling"],
    &["error", "progress", "clock", "parallel", "limits"],
];

/// Modules of one floor that must not use each other.
const STRANGERS: &[&[&str]] = &[&["worktree", "facts", "remote"], &["manifest", "pack", "refs"]];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn is_library(source: &Source) -> bool {
    !matches!(source.top(), "cli" | "main" | "")
}

#[test]
fn nobody_imports_from_a_floor_above() {
    let mut wrong = Vec::new();
    for source in production().iter().filter(|source| is_library(source)) {
        let (path, own) = (&source.path, source.top());
        let own_floor = floor(own).unwrap_or_else(|| panic!("'{own}' stands on no floor: add it to the table"));
        let used: BTreeSet<String> = source.paths().into_iter().filter_map(|path| path.into_iter().next()).collect();
        for used in used.iter().filter(|used| *used != own) {
            match floor(used) {
                Some(other) if other < own_floor => wrong.push(format!("{path}: {own} uses {used}, which stands above it")),
                Some(_) if STRANGERS.iter().any(|s| s.contains(&own) && s.contains(&used.as_str())) => {
                    wrong.push(format!("{path}: {own} uses its neighbour {used}"));
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
    let title = fs::read_to_string(root().join("src/ops/mod.rs")).unwrap();
    let verbs: BTreeSet<&str> = title.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(verbs.len() > 15, "{verbs:?}");
    for source in production().iter().filter(|source| source.top() == "ops" && source.module.len() > 1) {
        let own = source.module[1].as_str();
        for path in source.paths().iter().filter(|path| path.len() > 2 && path[0] == "ops" && path[1] != own) {
            assert!(!verbs.contains(path[1].as_str()), "{}: {own} calls {}", source.path, path[1]);
        }
    }
}

#[test]
fn the_binary_sees_only_the_public_library() {
    for source in production().iter().filter(|source| matches!(source.top(), "cli" | "main")) {
        let other = source.paths().into_iter().find(|path| path[0] != "cli");
        assert!(other.is_none(), "{}: {other:?}", source.path);
    }
}

#[test]
fn no_files_depend_on_each_other_in_a_circle() {
    let sources = production();
    let circles: Vec<String> = circles(&dependencies(&sources)).iter().map(|circle| circle.join(" ")).collect();
    assert!(circles.is_empty(), "files depend on each other:\n{}", circles.join("\n"));
}

#[test]
fn no_two_types_have_the_same_name() {
    let sources = production();
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in &sources {
        for (name, line) in source.types() {
            types.entry(name).or_default().push(format!("{}:{line}", source.path));
        }
    }
    types.retain(|_, places| places.len() > 1);
    assert!(types.is_empty(), "one type a name, see docs/glossary.md: {types:#?}");
}

#[test]
fn no_doc_comment_begins_with_a_question() {
    let asks = |doc: &str| ["What ", "What'", "Whether "].iter().any(|word| doc.starts_with(word));
    let mut wrong = Vec::new();
    for source in &production() {
        let docs = source.doc_lines().into_iter().filter(|(doc, _)| asks(doc));
        wrong.extend(docs.map(|(doc, line)| format!("{}:{line}: {doc}", source.path)));
    }
    assert!(wrong.is_empty(), "say what the thing is:\n{}", wrong.join("\n"));
}

/// The most lines of a function.
const MAX_FUNCTION: usize = 80;

#[test]
fn functions_stay_readable() {
    let mut long = Vec::new();
    for source in production() {
        let functions = source.functions().into_iter().filter(|(_, lines)| *lines > MAX_FUNCTION);
        long.extend(functions.map(|(name, lines)| format!("{}: {name} has {lines} lines", source.path)));
    }
    assert!(long.is_empty(), "functions of more than {MAX_FUNCTION} lines:\n{}", long.join("\n"));
}

#[test]
fn files_stay_readable() {
    for path in files(&root().join("src")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 520, "{} has {lines} lines: split it by the things it does", path.display());
    }
}

#[test]
fn every_test_file_is_run() {
    // Files in tests/ are found by cargo; those in the folders of src must be named by a `mod`.
    for path in files(&root().join("src")) {
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

#[test]
fn the_pages_name_what_exists() {
    let src = root().join("src");
    for page in ["architecture", "glossary"] {
        let text = fs::read_to_string(root().join(format!("docs/{page}.md"))).unwrap();
        let words = text.split('`').skip(1).step_by(2).filter(|word| !word.contains(' ') && !word.starts_with(['.', '-']));
        for word in words {
            if word.contains("::") && word.starts_with(|c: char| c.is_ascii_lowercase()) {
                // Modules, and below them the names of items.
                let mut place = src.clone();
                let is_item = |name: &&str| {
                    let inner = place.join(name);
                    let file = inner.with_extension("rs");
                    match (inner.is_dir(), file.is_file()) {
                        (true, _) => place = inner,
                        (false, true) => place = file,
                        _ => return true,
                    }
                    false
                };
                let items: Vec<&str> = word.split("::").filter(is_item).collect();
                let text: String = match place.is_dir() {
                    true => files(&place).iter().map(|file| fs::read_to_string(file).unwrap()).collect(),
                    false => fs::read_to_string(&place).unwrap(),
                };
                let unknown = items.iter().find(|item| place == src || !text.contains(*item));
                assert!(unknown.is_none(), "docs/{page}.md: `{word}` does not exist");
            } else if word.contains('/') || word.ends_with(".rs") {
                let places = [root().join(word), src.join(word), src.join(format!("{word}.rs")), root().join("docs").join(word)];
                assert!(places.iter().any(|place| place.exists()), "docs/{page}.md: `{word}` does not exist");
            }
        }
    }
}

#[test]
fn every_promise_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let is_numbered = |line: &&str| line.split('|').nth(1).is_some_and(|cell| cell.trim().parse::<u32>().is_ok());
    let promises = page.lines().filter(is_numbered);
    let mut checked = 0;
    for promise in promises {
        let tests = promise.rsplit('|').nth(1).unwrap();
        let mut file = String::new();
        for word in tests.split('`').skip(1).step_by(2) {
            if word.contains('/') {
                file = fs::read_to_string(root().join(word)).unwrap_or_else(|_| panic!("{word} does not exist: {promise}"));
            } else {
                assert!(file.contains(&format!("fn {word}()")), "`{word}` does not exist: {promise}");
            }
            checked += 1;
        }
        assert!(tests.contains('`'), "no test: {promise}");
    }
    assert!(checked > 20, "{checked} tests");
}

#[test]
fn grouped_imports_and_circles_are_known() {
    let source = |module: &str, text: &str| Source::of(&format!("src/{module}.rs"), text.to_owned());
    let paths = source(
        "a/b",
        "use crate::{\n    x::{self, Y as W},\n    z,\n};\nuse super::c::D; // use crate::no\nconst S: &str = \"crate::no\";",
    )
    .paths();
    let paths: Vec<String> = paths.iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["a::c::D", "x", "x::Y", "z"]);

    // What a.rs exports of a/c.rs makes no circle of a.rs and a/b.rs, and a/b.rs depends on a/c.rs.
    let sources = [
        source("a", "mod b;\nmod c;\npub use c::C;\nfn f() {}"),
        source("a/b", "use super::C;\nfn g() {}"),
        source("a/c", "#[cfg(test)]\nmod tests {\n    use super::super::b;\n}\npub struct C;"),
    ];
    let graph = dependencies(&sources);
    assert_eq!(graph["src/a/b.rs"], BTreeSet::from(["src/a/c.rs"]));
    assert!(circles(&graph).is_empty());
    let sources = [source("a", "mod b;\nfn f() { b::g() }"), source("a/b", "use crate::a::f;")];
    assert_eq!(circles(&dependencies(&sources)), BTreeSet::from([vec!["src/a.rs", "src/a/b.rs"]]));
}
