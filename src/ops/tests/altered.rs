//! Facts, entries, packs and refs that were altered, removed, exchanged or reordered: each is named.

use std::sync::Arc;

use super::facts::{add_note, history, record, two_versions, verify};
use super::*;
use crate::check::Problem;
use crate::id::Id;
use crate::object::Key;
use crate::object::fact::Statement;
use crate::ops::audit;
use crate::store::Writer;

fn entry(bench: &Bench, number: u64) -> PathBuf {
    bench.path.join(format!(".helox/refs/facts/{number:010}"))
}

/// The kinds of problems with the entries that they befall.
fn found(bench: &Bench) -> Vec<(&'static str, String)> {
    let report = verify(bench);
    assert_eq!(report.is_valid, report.problems.is_empty());
    let place =
        |p: &Problem| p.entry.as_deref().map_or("-", |e| e.rsplit('/').next().unwrap().trim_start_matches('0')).to_owned();
    report.problems.iter().map(|p| (p.kind, place(p))).collect()
}

fn is(kind: &'static str, entry: &str) -> (&'static str, String) {
    (kind, entry.to_owned())
}

#[test]
fn a_whole_history_is_intact() {
    let bench = history();
    let report = verify(&bench);
    assert!(report.is_valid && report.remarks.is_empty(), "{report:?}");
    assert_eq!(report.entries, 7);
    assert!(verify(&Bench::new()).is_valid);
}

#[test]
fn removed_entries_are_named() {
    let bench = history();
    for (gone, expected) in [(1, "entry-missing"), (3, "entry-missing")] {
        let copy = bench.copy();
        fs::remove_file(entry(&copy, gone)).unwrap();
        assert_eq!(found(&copy), [is(expected, &gone.to_string())]);
    }
    let copy = bench.copy();
    fs::remove_file(entry(&copy, 5)).unwrap();
    assert_eq!(found(&copy), [is("fact-unlisted", "-")]);
    assert!(verify(&copy).problems[0].message.ends_with("its entry was removed"));
    (1..5).for_each(|n| fs::remove_file(entry(&copy, n)).unwrap());
    assert_eq!(found(&copy), vec![is("fact-unlisted", "-"); 5]);
    fs::remove_dir(copy.path.join(".helox/refs/facts")).unwrap();
    assert_eq!(found(&copy), vec![is("fact-unlisted", "-"); 5], "as with the entries alone gone");
    let copy = bench.copy();
    fs::remove_file(entry(&copy, 5)).unwrap();
    add_note(&copy, "1.0.0", "said since");
    assert_eq!(verify(&copy).remarks.iter().map(|remark| remark.kind).collect::<Vec<_>>(), ["fact-left-over"]);
    let copy = bench.copy();
    fs::remove_file(entry(&copy, 2)).unwrap();
    fs::remove_file(entry(&copy, 3)).unwrap();
    fs::write(entry(&copy, 1), "garbage").unwrap();
    assert_eq!(found(&copy), [is("entry-damaged", "1"), is("entry-missing", "2")]);
}

#[test]
fn an_interrupted_command_is_no_theft() {
    let bench = history();
    let repo = bench.repo();
    let (number, head) = repo.facts().head().unwrap().unwrap();
    let version = repo.versions().get("ds", &super::number("1.0.0")).unwrap().unwrap();
    let note = |text: &str, parent| crate::object::fact::Fact {
        parents: vec![parent],
        time: crate::clock::Time::from_millis(5),
        author: "ana".into(),
        statement: Statement::Note { version, text: text.into() },
    };
    // Two facts whose entry is not created any more.
    let mut writer = Writer::new(repo.store(), 1).unwrap();
    let (first, second) = (note("one", head), note("two", note("one", head).id()));
    for fact in [&first, &second] {
        assert!(writer.structure(Key::from(fact.id()), &fact.encode()).unwrap());
    }
    drop(writer.finish().unwrap());
    let report = verify(&bench);
    assert!(report.is_valid, "{report:?}");
    assert_eq!(report.remarks.iter().map(|remark| remark.kind).collect::<Vec<_>>(), ["fact-left-over"; 2]);
    // The entry before is removed as well: that one was reported.
    fs::remove_file(entry(&bench, number)).unwrap();
    assert_eq!(found(&bench), [is("fact-unlisted", "-")]);
    // Without the mark, both are taken for removed.
    fs::remove_file(bench.path.join(".helox/refs/newest-fact")).unwrap();
    assert_eq!(found(&bench), vec![is("fact-unlisted", "-"); 3]);
}

#[test]
fn a_newest_fact_that_is_gone_with_its_pack_is_missed() {
    let bench = history();
    let (pack, _) = fact_packs(&bench).pop().unwrap();
    fs::remove_file(bench.path.join(pack)).unwrap();
    fs::remove_file(entry(&bench, 5)).unwrap();
    assert_eq!(found(&bench), [is("fact-missing", "-")]);
}

#[test]
fn reordered_and_replaced_entries_are_named() {
    let bench = history();
    let read = |n| fs::read(entry(&bench, n)).unwrap();
    let with = |changes: &[(u64, Vec<u8>)]| {
        let copy = bench.copy();
        for (number, bytes) in changes {
            fs::remove_file(entry(&copy, *number)).unwrap();
            fs::write(entry(&copy, *number), bytes).unwrap();
        }
        found(&copy)
    };
    let order = |n: &str| is("entry-order", n);
    assert_eq!(with(&[(2, read(3)), (3, read(2))]), [order("3")]);
    assert_eq!(with(&[(1, read(5)), (5, read(1))]), [order("2"), order("5")]);
    // Set back: the last entry leads to an old fact again, and what was newest is led to by none.
    assert_eq!(with(&[(5, read(2))]), [order("5"), is("fact-unlisted", "-")]);
    assert_eq!(with(&[(3, read(2))]), [order("3")]);
    assert_eq!(with(&[(4, b"0".repeat(64).into_iter().chain(*b"\n").collect())]), [is("fact-missing", "4"), order("5")]);
    assert_eq!(with(&[(4, b"no id".to_vec())]), [is("entry-damaged", "4")]);
}

/// The packs that hold facts, with the entry whose fact each holds.
fn fact_packs(bench: &Bench) -> Vec<(PathBuf, String)> {
    let (repo, mut packs) = (bench.repo(), Vec::new());
    for number in 1..=5 {
        let id: Id<crate::id::FactId> = Id::from_hex(fs::read_to_string(entry(bench, number)).unwrap().trim_end()).unwrap();
        let row = repo.store().locate(&Key::from(id)).unwrap();
        packs.push((crate::pack::writer::path_in(Path::new(".helox/packs/structure"), &row.pack), number.to_string()));
    }
    packs
}

fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn every_flipped_byte_of_a_pack_of_facts_is_named() {
    let bench = history();
    let (pack, number) = fact_packs(&bench).swap_remove(2);
    let good = fs::read(bench.path.join(&pack)).unwrap();
    let name = pack.file_name().unwrap().to_str().unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        replace(&bench.path.join(&pack), &bad);
        let problems = verify(&bench).problems;
        assert!(problems.iter().any(|p| p.object.as_deref() == Some(name)), "byte {at}: {problems:?}");
    }
    // In the middle of what the fact says.
    let mut bad = good.clone();
    bad[good.len() / 3] ^= 1;
    replace(&bench.path.join(&pack), &bad);
    let problems = found(&bench);
    assert!(problems.contains(&is("fact-damaged", &number)), "{problems:?}");
    fs::remove_dir_all(bench.path.join(".helox/index")).unwrap();
    fs::create_dir(bench.path.join(".helox/index")).unwrap();
    assert!(!verify(&bench).is_valid, "derived tables are not needed");
    replace(&bench.path.join(&pack), &good);
    assert!(verify(&bench).is_valid);
}

#[test]
fn removed_and_exchanged_packs_are_named() {
    let bench = history();
    let packs = fact_packs(&bench);
    for (pack, number) in &packs {
        let copy = bench.copy();
        fs::remove_file(copy.path.join(pack)).unwrap();
        let problems = found(&copy);
        assert!(problems.contains(&is("fact-missing", number)), "{problems:?}");
        assert!(problems.iter().all(|(kind, _)| *kind == "fact-missing"), "{problems:?}");
        fs::remove_file(copy.path.join(&packs[0].0)).ok();
        fs::remove_file(copy.path.join(&packs[1].0)).ok();
        assert!(found(&copy).len() >= 2, "all at once");
    }
    for keeps_tables in [true, false] {
        let copy = bench.copy();
        let (one, two) = (copy.path.join(&packs[1].0), copy.path.join(&packs[3].0));
        let (first, second) = (fs::read(&one).unwrap(), fs::read(&two).unwrap());
        replace(&one, &second);
        replace(&two, &first);
        if !keeps_tables {
            fs::remove_dir_all(copy.path.join(".helox/index")).unwrap();
            fs::create_dir(copy.path.join(".helox/index")).unwrap();
        }
        let damaged = verify(&copy).problems.into_iter().filter(|p| p.kind == "pack-damaged").count();
        assert_eq!(damaged, 2);
    }
}

#[test]
fn versions_without_refs_are_named_by_who_names_them() {
    let bench = two_versions();
    bench.write("a.jsonl", lines(1, 5));
    bench.commit(|o| o.version = Some(number("1.2.0"))).unwrap();
    record(&bench, "1.1.0", "a", &[]);
    let at = |bench: &Bench, number: &str| bench.path.join(".helox/refs/versions/ds").join(number);
    for (gone, by) in [
        ("1.0.0", "it is the parent of ds@1.1.0"),
        ("1.1.0", "it is the parent of ds@1.2.0, and 1 fact refers to it"),
        ("1.2.0", "it is checked out in ds, and refs/newest-version/ds names it as the newest"),
    ] {
        let copy = bench.copy();
        fs::remove_file(at(&copy, gone)).unwrap();
        let problems = verify(&copy).problems;
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(
            (problems[0].kind, problems[0].entry.clone().unwrap()),
            ("version-ref-missing", format!("refs/versions/ds/{gone}"))
        );
        assert!(problems[0].message.ends_with(by), "{}", problems[0].message);
    }
    // The newest version, to which nothing refers but the mark.
    let copy = bench.copy();
    copy.checkout("1.0.0", false).unwrap();
    fs::remove_file(at(&copy, "1.2.0")).unwrap();
    let problems = verify(&copy).problems;
    assert_eq!(problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["version-ref-missing"], "{problems:?}");
    let options = crate::ops::fsck::FsckOptions { repair: true, from: None };
    let report = crate::ops::fsck::run(&copy.repo(), &options, &NoProgress).unwrap();
    assert!(report.is_valid && at(&copy, "1.2.0").exists(), "{report:?}");
    let copy = bench.copy();
    let (one, two) = (fs::read(at(&copy, "1.0.0")).unwrap(), fs::read(at(&copy, "1.1.0")).unwrap());
    replace(&at(&copy, "1.0.0"), &two);
    replace(&at(&copy, "1.1.0"), &one);
    assert_eq!(verify(&copy).problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["version-mismatch"; 2]);
    fs::write(at(&copy, "1.2.0"), "garbage").unwrap();
    assert_eq!(verify(&copy).problems.len(), 3, "all at once");
    let copy = bench.copy();
    let repo = copy.repo();
    let id = repo.versions().get("ds", &number("1.1.0")).unwrap().unwrap();
    let row = repo.store().locate(&Key::from(id)).unwrap();
    let pack = crate::pack::writer::path_in(&copy.path.join(".helox/packs/structure"), &row.pack);
    let mut bytes = fs::read(&pack).unwrap();
    bytes[row.offset as usize + row.len as usize / 2] ^= 1;
    replace(&pack, &bytes);
    assert_eq!(verify(&copy).problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["pack-damaged", "version-damaged"]);
    // A record that no ref leads to is what an interrupted commit leaves.
    let copy = two_versions();
    let repo = copy.repo();
    let id = repo.versions().get("ds", &number("1.1.0")).unwrap().unwrap();
    let orphan = crate::object::version::Version { number: number("3.0.0"), ..repo.version(id).unwrap() };
    let mut writer = Writer::new(repo.store(), 1).unwrap();
    writer.structure(Key::from(orphan.id()), &orphan.encode()).unwrap();
    drop(writer.finish().unwrap());
    assert!(verify(&copy).is_valid);
}

#[test]
fn a_fact_that_lost_the_race_is_no_problem_and_a_lost_verdict_is() {
    let bench = history();
    let repo = bench.repo();
    let (_, head) = repo.facts().head().unwrap().unwrap();
    let before = repo.facts().get(head).unwrap().parents;
    let version = repo.versions().get("ds", &number("1.0.0")).unwrap().unwrap();
    let late = crate::object::fact::Fact {
        parents: before,
        time: crate::clock::Time::from_millis(5),
        author: "second".into(),
        statement: Statement::Note { version, text: "too late".into() },
    };
    let mut writer = Writer::new(repo.store(), 1).unwrap();
    writer.structure(Key::from(late.id()), &late.encode()).unwrap();
    drop(writer.finish().unwrap());
    let report = verify(&bench);
    assert!(report.is_valid);
    assert_eq!((report.remarks.len(), report.remarks[0].kind), (1, "fact-left-over"));
    repo.facts().append("second", &[Statement::Note { version, text: "too late".into() }]).unwrap();
    assert!(verify(&bench).remarks.is_empty(), "it was said again");
    repo.facts().append("ana", &[Statement::Validated { version, verdict: Id::of(b"nowhere") }]).unwrap();
    assert_eq!(found(&bench), [is("verdict-damaged", "7")]);
    let run = crate::object::fact::Run {
        model: "m".into(),
        started: None,
        ended: None,
        params: vec![],
        metrics: vec![],
        artifacts: vec![],
    };
    repo.facts().append("ana", &[Statement::Run { version: Id::of(b"elsewhere"), run: Arc::new(run) }]).unwrap();
    assert_eq!(verify(&bench).remarks[0].kind, "unknown-version");
    assert_eq!(audit::list(&bench.repo(), audit::AuditOptions { limit: Some(1) }).unwrap().entries[0].dataset_name, None);
}
