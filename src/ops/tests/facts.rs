//! What is said of versions: recorded apart and joined, and whatever was altered, removed or reordered is named.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::id::Id;
use crate::object::Key;
use crate::object::fact::Statement;
use crate::object::verdict::Verdict;
use crate::ops::audit::{self, Problem, VerifyReport, What};
use crate::ops::{join, note, run, show, tag};
use crate::store::Writer;

fn record(bench: &Bench, revision: &str, model: &str, metrics: &[(&str, f64)]) -> crate::ops::RunView {
    let options = run::Options {
        revision: revision.into(),
        model: model.into(),
        params: vec![("lr".into(), "3e-4".into()), ("epochs".into(), "3".into())],
        metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        author: Some(model.into()),
        ..Default::default()
    };
    run::record(&bench.repo(), &options, &Silent).unwrap()
}

fn add_tag(bench: &Bench, revision: &str, tag: &str) {
    let options = tag::Options { revision: revision.into(), tags: vec![tag.into()], author: None };
    tag::add(&bench.repo(), &options).unwrap();
}

fn add_note(bench: &Bench, revision: &str, text: &str) {
    note::add(&bench.repo(), &note::Options { revision: revision.into(), text: text.into(), author: None }).unwrap();
}

/// Two versions, of one record and of two.
fn two_versions() -> Bench {
    let bench = Bench::new();
    bench.write("a.jsonl", lines(1, 1));
    bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    bench.write("a.jsonl", lines(1, 3));
    bench.commit(|o| o.version = Some(number("1.1.0"))).unwrap();
    bench
}

/// A history of five facts, an entry each.
fn history() -> Bench {
    let bench = two_versions();
    add_tag(&bench, "1.0.0", "gold");
    record(&bench, "1.0.0", "a", &[("loss", 0.5)]);
    add_note(&bench, "1.1.0", "more records");
    record(&bench, "1.1.0", "b", &[("loss", 0.25)]);
    add_tag(&bench, "1.1.0", "gold");
    bench
}

fn entry(bench: &Bench, number: u64) -> PathBuf {
    bench.path.join(format!(".helox/refs/facts/{number:010}"))
}

fn verify(bench: &Bench) -> VerifyReport {
    audit::verify(&bench.repo(), &Silent).unwrap()
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

fn join(into: &Bench, from: &Bench) -> join::Report {
    join::run(&into.repo(), &from.repo(), Some("joiner")).unwrap()
}

/// What was said, without the joining itself.
fn said(bench: &Bench) -> BTreeSet<String> {
    let entries = audit::list(&bench.repo(), audit::Options::default()).unwrap().entries;
    entries.into_iter().filter(|entry| !matches!(entry.what, What::Joined)).map(|entry| entry.id).collect()
}

#[test]
fn copies_that_said_different_things_agree_once_they_are_joined() {
    let a = history();
    let (b, c) = (a.copy(), a.copy());
    let (start, refs) = (said(&a), a.repo().facts().head().unwrap());
    record(&a, "1.0.0", "on-a", &[("f1", 0.7)]);
    add_tag(&a, "1.0.0", "production");
    record(&b, "1.1.0", "on-b", &[("f1", 0.8)]);
    add_tag(&b, "1.1.0", "production");
    add_note(&b, "1.0.0", "from b");
    add_note(&c, "1.1.0", "from c");
    b.write("a.jsonl", lines(1, 9));
    b.commit(|o| {
        o.version = Some(number("2.0.0"));
        o.tags = vec!["only-b".into()]
    })
    .unwrap();
    let verdict = Verdict { rules: [1; 32], min_score: 0, judged: vec![], findings: vec![] };
    let on_c = c.repo();
    let mut writer = Writer::new(on_c.store(), 1).unwrap();
    writer.structure(Key::from(verdict.id()), &verdict.encode()).unwrap();
    drop(writer.finish().unwrap());
    let one = on_c.versions().get("ds", &number("1.0.0")).unwrap().unwrap();
    on_c.facts().append("c", &[Statement::Validated { version: one, verdict: verdict.id() }]).unwrap();

    let untouched = read_tree(&b.path.join(".helox"));
    let everything: BTreeSet<String> = said(&a).union(&said(&b)).chain(&said(&c)).cloned().collect();
    assert_eq!(join(&a, &b).facts, 4);
    assert_eq!(read_tree(&b.path.join(".helox")), untouched, "nothing of the other copy is changed");
    assert_eq!(join(&a, &c).facts, 2);
    // The other way round, from the old state of each.
    assert_eq!(join(&c, &b).facts, 4);
    join(&c, &a);
    join(&b, &c);
    join(&a, &b);
    let states: Vec<_> = [&a, &b, &c].map(|bench| bench.repo().facts().fold().unwrap()).into();
    assert!(states[0] == states[1] && states[1] == states[2]);
    let heads: BTreeSet<_> = [&a, &b, &c].iter().map(|bench| bench.repo().facts().head().unwrap().unwrap().1).collect();
    assert_eq!(heads.len(), 1, "who has all of the other's takes its head");
    let again = a.repo().facts().head().unwrap();
    assert_eq!(join(&a, &b).facts, 0);
    assert_eq!(a.repo().facts().head().unwrap(), again, "joining again says nothing");

    assert_eq!(said(&b), everything);
    assert!(said(&a).is_subset(&everything) && said(&a).is_superset(&start));
    for bench in [&a, &b, &c] {
        assert!(refs < bench.repo().facts().head().unwrap());
        let report = verify(bench);
        assert!(report.is_valid, "{:?}", report.problems);
        let models: BTreeSet<_> =
            run::list(&bench.repo(), &Default::default()).unwrap().runs.into_iter().map(|r| r.run.model).collect();
        assert_eq!(models, BTreeSet::from(["a", "b", "on-a", "on-b"].map(str::to_owned)));
        assert_eq!(bench.repo().facts().fold().unwrap().verdict_of(one), Some(verdict.id()));
        assert!(bench.repo().store().get(&Key::from(verdict.id())).is_ok());
    }
    // A version that only the other has is spoken of, and stands in nobody's way.
    assert_eq!(verify(&a).remarks[0].kind, "unknown-version");
    assert!(verify(&b).remarks.is_empty());
    assert!(tag::list(&a.repo(), None).unwrap().tags.iter().all(|listed| listed.tag != "only-b"));
    assert_eq!(show::run(&a.repo(), Some("only-b")).unwrap_err().kind(), crate::error::Kind::VersionNotFound);
    add_tag(&a, "1.0.0", "only-b");
    assert_eq!(show::run(&a.repo(), Some("only-b")).unwrap().version, number("1.0.0"));
}

#[test]
fn joining_into_a_copy_where_nothing_was_said_takes_the_history_over() {
    let a = two_versions();
    let b = a.copy();
    assert_eq!(join(&a, &b), join::Report { facts: 0, head: None });
    add_tag(&b, "1.0.0", "gold");
    let head = b.repo().facts().head().unwrap().map(|(_, id)| id);
    assert_eq!(join(&a, &b), join::Report { facts: 1, head });
    assert_eq!(join(&b, &a), join::Report { facts: 0, head });
}

#[test]
fn a_join_that_failed_anywhere_succeeds_when_it_is_repeated() {
    let a = history();
    let b = a.copy();
    record(&a, "1.0.0", "on-a", &[]);
    (0..3).for_each(|n| add_note(&b, "1.1.0", &format!("note {n}")));
    let all: BTreeSet<_> = said(&a).union(&said(&b)).cloned().collect();
    for n in 1.. {
        let copy = a.copy();
        let armed = crate::fs::fault::arm(copy.path.parent().unwrap(), n);
        let outcome = join::run(&copy.repo(), &b.repo(), Some("joiner"));
        let fired = armed.fired().is_some();
        drop(armed);
        assert!(said(&copy).is_superset(&said(&a)));
        join(&copy, &b);
        assert_eq!(said(&copy), all);
        assert!(verify(&copy).is_valid, "{:?}", verify(&copy).problems);
        if !fired {
            outcome.unwrap();
            assert!(n > 8, "only {n} calls are covered");
            break;
        }
    }
}

#[test]
fn runs_are_compared_with_their_data() {
    let bench = two_versions();
    let (a, b) = (record(&bench, "1.0.0", "small", &[("loss", 0.5)]), record(&bench, "1.1.0", "small", &[("loss", 0.25)]));
    let compare = |x: &str, y: &str| run::compare(&bench.repo(), x, y, &Silent);
    let (id_a, id_b) = (a.id.to_hex(), b.id.to_hex());
    for (x, y) in [(id_a.as_str(), id_b.as_str()), (&id_a[..8], &id_b[..8]), ("1.0.0", "ds@1.1.0"), (&id_a[..8], "1.1.0")] {
        let report = compare(x, y).unwrap();
        assert_eq!((report.version_a.as_str(), report.version_b.as_str()), ("ds@1.0.0", "ds@1.1.0"));
        assert_eq!((report.runs_a[0].id, report.runs_b[0].id), (a.id, b.id));
        let samples = report.samples.unwrap();
        assert_eq!((samples.added, samples.removed, samples.modified, report.same_data), (2, 0, 0, false));
    }
    let same = compare(&id_a, "1.0.0").unwrap();
    assert!(same.same_data && same.samples.unwrap().added == 0);
    assert_eq!(compare(&id_a[..5], "1.0.0").unwrap_err().kind(), crate::error::Kind::VersionNotFound);
    assert_eq!(show::run(&bench.repo(), Some("1.1.0")).unwrap().runs[0].id, b.id);
    let on = |revision: &str| {
        let options = run::ListOptions { revision: Some(revision.into()), dataset: None };
        run::list(&bench.repo(), &options).unwrap().runs.len()
    };
    assert_eq!((on("1.0.0"), run::list(&bench.repo(), &Default::default()).unwrap().runs.len()), (1, 2));
}

#[test]
fn the_audit_tells_of_a_version_before_anything_is_said_of_it() {
    let bench = two_versions();
    // The clock of whoever said it was behind.
    let repo = bench.repo();
    let two = repo.versions().get("ds", &number("1.1.0")).unwrap().unwrap();
    let fact = crate::object::fact::Fact {
        parents: vec![],
        time: crate::clock::Time::from_millis(0),
        author: "slow clock".into(),
        statement: Statement::Note { version: two, text: "early".into() },
    };
    let mut writer = Writer::new(repo.store(), 1).unwrap();
    writer.structure(Key::from(fact.id()), &fact.encode()).unwrap();
    drop(writer.finish().unwrap());
    repo.facts().join("ana", fact.id()).unwrap();
    add_tag(&bench, "1.0.0", "gold");
    let list = |limit| audit::list(&bench.repo(), audit::Options { limit }).unwrap().entries;
    let told: Vec<_> = list(None)
        .into_iter()
        .map(|entry| match entry.what {
            What::Version { .. } => entry.version.unwrap().to_string(),
            What::Note { text } => text,
            What::TagAdded { tag } => tag,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["gold", "early", "1.1.0", "1.0.0"]);
    assert_eq!(list(Some(1)).len(), 1);
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
    assert!(verify(&copy).problems[0].message.contains("removed, or a command was interrupted"));
    (1..5).for_each(|n| fs::remove_file(entry(&copy, n)).unwrap());
    assert_eq!(found(&copy), vec![is("fact-unlisted", "-"); 5]);
    let copy = bench.copy();
    fs::remove_file(entry(&copy, 2)).unwrap();
    fs::remove_file(entry(&copy, 3)).unwrap();
    fs::write(entry(&copy, 1), "garbage").unwrap();
    assert_eq!(found(&copy), [is("entry-damaged", "1"), is("entry-missing", "2")]);
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
    assert_eq!(with(&[(4, b"0".repeat(64).into_iter().chain(*b"\n").collect())]), [is("fact-missing", "4")]);
    assert_eq!(with(&[(4, b"no id".to_vec())]), [is("entry-damaged", "4")]);
}

/// The packs that hold facts, with the entry whose fact each holds.
fn fact_packs(bench: &Bench) -> Vec<(PathBuf, String)> {
    let (repo, mut packs) = (bench.repo(), Vec::new());
    for number in 1..=5 {
        let id: Id<crate::id::Fact> = Id::from_hex(fs::read_to_string(entry(bench, number)).unwrap().trim_end()).unwrap();
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
        ("1.0.0", "ds@1.1.0 names it as its parent"),
        ("1.1.0", "ds@1.2.0 names it as its parent, and a fact speaks of it"),
        ("1.2.0", "the workspace of ds was made from it"),
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
    let copy = bench.copy();
    let (one, two) = (fs::read(at(&copy, "1.0.0")).unwrap(), fs::read(at(&copy, "1.1.0")).unwrap());
    replace(&at(&copy, "1.0.0"), &two);
    replace(&at(&copy, "1.1.0"), &one);
    assert_eq!(verify(&copy).problems.iter().map(|p| p.kind).collect::<Vec<_>>(), ["version-mismatch"; 2]);
    fs::write(at(&copy, "1.2.0"), "garbage").unwrap();
    assert_eq!(verify(&copy).problems.len(), 3, "all at once");
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
    assert!(verify(&bench).is_valid);
    repo.facts().append("ana", &[Statement::Validated { version, verdict: Id::of(b"nowhere") }]).unwrap();
    assert_eq!(found(&bench), [is("verdict-damaged", "6")]);
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
    assert_eq!(audit::list(&bench.repo(), audit::Options { limit: Some(1) }).unwrap().entries[0].dataset_name, None);
}
