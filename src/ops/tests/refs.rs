//! Refs that were swapped or copied: whoever reads one says so.

use super::facts::{add_note, history, two_versions};
use super::*;
use crate::error::ErrorKind;
use crate::object::{Key, ObjectKind};
use crate::ops::{audit, log, reindex, show, stats, verify};

fn versions(bench: &Bench) -> PathBuf {
    bench.path.join(".helox/refs/versions")
}

/// Fails unless everything that reads the ref says that it leads to another version.
fn is_refused(bench: &Bench, revision: &str, other: &str) {
    let error = bench.tree_of(revision).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
    assert!(error.message().contains(revision) && error.message().contains(other), "{error}");
    let repo = bench.repo();
    let listed = log::run(&repo, &log::LogOptions::default()).unwrap();
    let told = |damaged: &[String]| damaged.iter().any(|told| told.contains(revision) && told.contains(other));
    assert!(told(listed.damaged.messages()) && told(stats::run(&repo).unwrap().damaged.messages()));
    assert!(!reindex::run(&repo, &NoProgress).unwrap().unreadable.is_empty());
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
    assert_eq!(swapped.tree_of("ds@latest").unwrap_err().kind(), ErrorKind::Damaged);
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
            assert_eq!(error.kind(), ErrorKind::Damaged);
            assert!(error.message().contains(&entry(last)), "{error}");
            let options = crate::ops::note::NoteOptions { revision: "1.0.0".into(), text: "lost".into(), author: None };
            assert!(crate::ops::note::add(&repo, &options).is_err(), "nothing is said after a head that is wrong");
        }
    }
    add_note(&bench, "1.0.0", "the history itself is sound");
}

#[test]
fn reindex_says_what_cannot_be_read() {
    let bench = two_versions();
    let whole = reindex::run(&bench.repo(), &NoProgress).unwrap();
    assert!(whole.is_whole() && whole.versions == 2, "{whole:?}");
    for pack in fs::read_dir(bench.path.join(".helox/packs/structure")).unwrap().map(Result::unwrap) {
        fs::write(pack.path(), "no pack").unwrap();
    }
    let report = reindex::run(&bench.repo(), &NoProgress).unwrap();
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
    assert_eq!(reindex::run(&bench.repo(), &NoProgress).unwrap().damaged.len(), 2, "also where only a block is damaged");
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
    let report = reindex::run(&bench.repo(), &NoProgress).unwrap();
    assert_eq!((report.versions, report.damaged.len()), (2, packs), "{report:?}");
    assert!(report.damaged[0].contains("objects without it"), "{report:?}");
    assert_eq!(["1.0.0", "HEAD"].map(|revision| bench.tree_of(revision).unwrap()), trees);
}

#[test]
fn reindex_names_the_versions_that_lost_a_pack() {
    let bench = Bench::new();
    bench.write("a", noise(1, 300_000));
    bench.write("b", "b");
    bench.commit(|_| {}).unwrap();
    let mut edited = noise(1, 300_000);
    edited[150_000] ^= 1;
    bench.write("a", edited);
    bench.commit(|_| {}).unwrap();
    bench.write("a", noise(2, 9));
    bench.commit(|_| {}).unwrap();
    let whole = reindex::run(&bench.repo(), &NoProgress).unwrap();
    assert!(whole.is_whole() && whole.versions == 3, "{whole:?}");
    // The data of 1.0.0, which the next versions share or hold as deltas against it.
    let key = Key { id: *blake3::hash(b"b").as_bytes(), kind: ObjectKind::Chunk };
    let pack = bench.repo().store().locate(&key).unwrap().pack;
    fs::remove_file(bench.path.join(format!(".helox/packs/data/{pack}.pack"))).unwrap();
    let report = reindex::run(&bench.repo(), &NoProgress).unwrap();
    assert_eq!((report.versions, report.unreadable.len(), report.incomplete.len()), (3, 0, 3), "{report:?}");
    assert!(report.incomplete[0].starts_with("ds@1.0.0: cannot read 2 files, first a: chunk "), "{report:?}");
    assert!(report.incomplete[2].contains("cannot read file b"), "{report:?}");
}

#[test]
fn what_is_no_file_in_the_place_of_a_ref_hides_no_other_version() {
    let bench = Bench::new();
    for text in ["1", "2", "3"] {
        bench.write("a.jsonl", text);
        bench.commit(|options| options.version = Some(number(&format!("{text}.0.0")))).unwrap();
    }
    let place = versions(&bench).join("ds/2.0.0");
    let kept = fs::read(&place).unwrap();
    let alterations: [&dyn Fn(); 4] = [
        &|| fs::create_dir(&place).unwrap(),
        &|| std::os::unix::fs::symlink("nothing", &place).unwrap(),
        &|| std::os::unix::fs::symlink("2.0.0", &place).unwrap(),
        &|| rustix::fs::mkfifoat(rustix::fs::CWD, &place, rustix::fs::Mode::from_raw_mode(0o644)).unwrap(),
    ];
    for alter in alterations {
        fs::remove_file(&place).unwrap();
        alter();
        let repo = bench.repo();
        let listed = log::run(&repo, &log::LogOptions::default()).unwrap();
        assert_eq!((listed.versions.len(), listed.damaged.messages().len()), (2, 1), "{listed:?}");
        assert!(listed.damaged.is_damaged() && listed.damaged.messages()[0].contains("2.0.0"), "{listed:?}");
        assert_eq!(audit::list(&repo, audit::AuditOptions::default()).unwrap().damaged.messages().len(), 1);
        assert_eq!(stats::run(&repo).unwrap().damaged.messages().len(), 1);
        assert!(bench.tree_of("3.0.0").is_ok() && bench.tree_of("2.0.0").is_err());
        let report = verify::run(&repo, &verify::VerifyOptions { all: true, ..Default::default() }, &NoProgress).unwrap();
        assert_eq!((report.versions, report.problems.len()), (2, 1), "{report:?}");
        if place.is_dir() {
            fs::remove_dir(&place).unwrap()
        } else {
            fs::remove_file(&place).unwrap()
        }
        fs::write(&place, &kept).unwrap();
    }
}

#[test]
fn damaged_facts_hide_no_version() {
    let bench = Bench::new();
    bench.write("a.jsonl", "1");
    bench.commit(|options| options.tags = vec!["gold".into()]).unwrap();
    fs::write(bench.path.join(".helox/refs/facts/0000000002"), "").unwrap();
    let repo = bench.repo();
    let listed = log::run(&repo, &log::LogOptions::default()).unwrap();
    assert_eq!((listed.versions.len(), listed.damaged.messages().len()), (1, 1), "{listed:?}");
    let history = audit::list(&repo, audit::AuditOptions::default()).unwrap();
    assert_eq!((history.entries.len(), history.damaged.messages().len()), (1, 1), "{history:?}");
    let shown = show::run(&repo, Some("1.0.0")).unwrap();
    assert!(shown.tags.is_empty() && shown.damaged.is_damaged(), "{shown:?}");
    bench.write("a.jsonl", "2");
    assert!(bench.commit(|options| options.tags = vec!["gold".into()]).is_err());
    let report = bench.commit(|_| {}).unwrap();
    assert_eq!(bench.repo().versions().numbers("ds").unwrap().len(), 2, "none was made without its tag");
    assert!(report.warnings.iter().any(|warning| warning.contains("tags, notes")), "{:?}", report.warnings);
    let repo = bench.repo();
    assert_eq!(reindex::run(&repo, &NoProgress).unwrap().unreadable.len(), 1);
}
