//! Refs that were swapped or copied: whoever reads one says so.

use super::facts::{add_note, history, two_versions};
use super::*;
use crate::error::Kind;
use crate::ops::{log, reindex, stats};

fn versions(bench: &Bench) -> PathBuf {
    bench.path.join(".helox/refs/versions")
}

/// Fails unless everything that reads the ref says that it leads to another version.
fn is_refused(bench: &Bench, revision: &str, other: &str) {
    let error = bench.tree_of(revision).unwrap_err();
    assert_eq!(error.kind(), Kind::Damaged, "{error}");
    assert!(error.message().contains(revision) && error.message().contains(other), "{error}");
    let repo = bench.repo();
    let listed = log::run(&repo, &log::Options::default()).unwrap();
    let told = |damaged: &[String]| damaged.iter().any(|told| told.contains(revision) && told.contains(other));
    assert!(told(&listed.damaged) && told(&stats::run(&repo).unwrap().damaged));
    assert!(!reindex::run(&repo, &Silent).unwrap().unreadable.is_empty());
}

#[test]
fn a_ref_is_held_against_its_record() {
    let bench = two_versions();
    let ds = versions(&bench).join("ds");
    let swapped = bench.copy();
    fs::copy(ds.join("1.0.0"), versions(&swapped).join("ds/1.1.0")).unwrap();
    fs::copy(ds.join("1.1.0"), versions(&swapped).join("ds/1.0.0")).unwrap();
    is_refused(&swapped, "ds@1.0.0", "ds@1.1.0");
    is_refused(&swapped, "ds@1.1.0", "ds@1.0.0");
    assert_eq!(swapped.tree_of("ds@latest").unwrap_err().kind(), Kind::Damaged);
    let copied = bench.copy();
    fs::copy(ds.join("1.0.0"), versions(&copied).join("ds/2.0.0")).unwrap();
    is_refused(&copied, "ds@2.0.0", "ds@1.0.0");
    assert_eq!(copied.tree_of("ds@1.0.0").unwrap(), bench.tree_of("ds@1.0.0").unwrap(), "the others are as they were");
    let elsewhere = bench.copy();
    fs::create_dir(versions(&elsewhere).join("other")).unwrap();
    fs::copy(ds.join("1.0.0"), versions(&elsewhere).join("other/1.0.0")).unwrap();
    is_refused(&elsewhere, "other@1.0.0", "ds@1.0.0");
}

#[test]
fn a_head_of_facts_follows_the_one_before() {
    let bench = history();
    let facts = bench.path.join(".helox/refs/facts");
    let entry = |number: u64| format!("{number:010}");
    let last = fs::read_dir(&facts).unwrap().count() as u64;
    for other in [last - 1, 1] {
        for swap in [true, false] {
            let copy = bench.copy();
            let at = |number| copy.path.join(".helox/refs/facts").join(entry(number));
            fs::copy(facts.join(entry(other)), at(last)).unwrap();
            if swap {
                fs::copy(facts.join(entry(last)), at(other)).unwrap();
            }
            let repo = copy.repo();
            let error = repo.facts().fold().unwrap_err();
            assert_eq!(error.kind(), Kind::Damaged);
            assert!(error.message().contains(&entry(last)), "{error}");
            let options = crate::ops::note::Options { revision: "1.0.0".into(), text: "lost".into(), author: None };
            assert!(crate::ops::note::add(&repo, &options).is_err(), "nothing is said after a head that is wrong");
        }
    }
    add_note(&bench, "1.0.0", "the history itself is sound");
}

#[test]
fn reindex_says_what_cannot_be_read() {
    let bench = two_versions();
    let whole = reindex::run(&bench.repo(), &Silent).unwrap();
    assert!(whole.is_whole() && whole.versions == 2, "{whole:?}");
    for pack in fs::read_dir(bench.path.join(".helox/packs/structure")).unwrap().map(Result::unwrap) {
        fs::write(pack.path(), "no pack").unwrap();
    }
    let report = reindex::run(&bench.repo(), &Silent).unwrap();
    assert_eq!((report.versions, report.unreadable.len()), (0, 2), "{report:?}");
    assert!(!report.damaged.is_empty());
    let bench = two_versions();
    let packs = bench.path.join(".helox/packs/structure");
    for pack in fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path()) {
        let mut bytes = fs::read(&pack).unwrap();
        bytes[50] ^= 1;
        fs::set_permissions(&pack, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&pack, bytes).unwrap();
    }
    assert_eq!(reindex::run(&bench.repo(), &Silent).unwrap().damaged.len(), 2, "also where only a block is damaged");
}

#[test]
fn reindex_finds_what_a_damaged_table_of_contents_lost() {
    let bench = Bench::new();
    // The second version has deltas, whose bases lie in a pack that is damaged too.
    bench.write("a.jsonl", super::lines(1, 3_000));
    bench.commit(|_| {}).unwrap();
    let mut changed = super::lines(1, 3_000);
    changed.extend(super::lines(2, 10));
    changed[100] = b'#';
    bench.write("a.jsonl", changed);
    bench.commit(|_| {}).unwrap();
    let trees = ["1.0.0", "HEAD"].map(|revision| bench.tree_of(revision).unwrap());
    let mut packs = 0;
    for kind in ["data", "structure"] {
        for pack in fs::read_dir(bench.path.join(".helox/packs").join(kind)).unwrap().map(|entry| entry.unwrap().path()) {
            let mut bytes = fs::read(&pack).unwrap();
            let at = bytes.len() - 60;
            bytes[at] ^= 1;
            fs::write(&pack, bytes).unwrap();
            packs += 1;
        }
    }
    fs::remove_dir_all(bench.path.join(".helox/index")).unwrap();
    assert!(bench.tree_of("HEAD").is_err());
    let report = reindex::run(&bench.repo(), &Silent).unwrap();
    assert_eq!((report.versions, report.damaged.len()), (2, packs), "{report:?}");
    assert!(report.damaged[0].contains("objects were found without it"), "{report:?}");
    assert_eq!(["1.0.0", "HEAD"].map(|revision| bench.tree_of(revision).unwrap()), trees);
}
