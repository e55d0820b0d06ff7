//! What is said of versions: recorded apart, joined, compared, listed.

use proptest::prelude::*;
use std::collections::BTreeSet;

use super::*;
use crate::object::Key;
use crate::object::fact::Statement;
use crate::object::verdict::Verdict;
use crate::ops::audit::{self, AuditEvent, AuditVerifyReport};
use crate::ops::{join, note, run, show, tag};
use crate::store::Writer;

pub(super) fn record(bench: &Bench, revision: &str, model: &str, metrics: &[(&str, f64)]) -> crate::ops::RunView {
    let options = run::RunOptions {
        versions: run::versions(&bench.repo(), &[revision.into()]).unwrap(),
        model: model.into(),
        params: vec![("lr".into(), "3e-4".into()), ("epochs".into(), "3".into())],
        metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        author: Some(model.into()),
        ..Default::default()
    };
    run::record(&bench.repo(), &options, &NoProgress).unwrap().remove(0)
}

fn add_tag(bench: &Bench, revision: &str, tag: &str) {
    let options = tag::TagOptions { revision: revision.into(), tags: vec![tag.into()], moves: true, author: None };
    tag::add(&bench.repo(), &options).unwrap();
}

pub(super) fn add_note(bench: &Bench, revision: &str, text: &str) {
    note::add(&bench.repo(), &note::NoteOptions { revision: revision.into(), text: text.into(), author: None }).unwrap();
}

/// Two versions, of one record and of two.
pub(super) fn two_versions() -> Bench {
    let bench = Bench::new();
    bench.write("a.jsonl", lines(1, 1));
    bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    bench.write("a.jsonl", lines(1, 3));
    bench.commit(|o| o.version = Some(number("1.1.0"))).unwrap();
    bench
}

/// A history of five facts, an entry each.
pub(super) fn history() -> Bench {
    let bench = two_versions();
    add_tag(&bench, "1.0.0", "gold");
    record(&bench, "1.0.0", "a", &[("loss", 0.5)]);
    add_note(&bench, "1.1.0", "more records");
    record(&bench, "1.1.0", "b", &[("loss", 0.25)]);
    add_tag(&bench, "1.1.0", "silver");
    bench
}

pub(super) fn verify(bench: &Bench) -> AuditVerifyReport {
    audit::verify(&bench.repo(), &NoProgress).unwrap()
}

fn join(into: &Bench, from: &Bench) -> join::JoinReport {
    join::run(&into.repo(), &from.repo(), Some("joiner")).unwrap()
}

/// What was said, without the joining itself.
fn said(bench: &Bench) -> BTreeSet<String> {
    let entries = audit::list(&bench.repo(), audit::AuditOptions::default()).unwrap().entries;
    entries.into_iter().filter(|entry| !matches!(entry.event, AuditEvent::Joined)).map(|entry| entry.id).collect()
}

#[test]
fn a_version_is_on_hold_until_all_of_its_holds_end() {
    use crate::error::ErrorKind;
    use crate::ops::hold;
    let bench = Bench::new();
    bench.write("a.txt", "a");
    bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    let options =
        |reason: &str| hold::HoldOptions { revision: "1.0.0".into(), reason: reason.into(), author: Some("ana".into()) };
    let error = hold::remove(&bench.repo(), &options("never held")).unwrap_err();
    assert!(error.to_string().contains("is not on hold"), "{error}");
    assert!(hold::add(&bench.repo(), &options(" ")).is_err());
    hold::add(&bench.repo(), &options("case 17")).unwrap();
    hold::add(&bench.repo(), &options("case 18")).unwrap();
    let reasons = |holds: &[crate::ops::HoldView]| holds.iter().map(|held| held.reason.clone()).collect::<Vec<_>>();
    assert_eq!(reasons(&show::run(&bench.repo(), Some("1.0.0")).unwrap().holds), ["case 17", "case 18"]);
    assert_eq!(reasons(&hold::list(&bench.repo(), None).unwrap().holds), ["case 17", "case 18"]);
    let ended = hold::remove(&bench.repo(), &options("closed")).unwrap();
    assert_eq!(reasons(&ended.holds), ["case 17", "case 18"]);
    assert!(hold::list(&bench.repo(), Some("1.0.0")).unwrap().holds.is_empty());
    assert_eq!(hold::remove(&bench.repo(), &options("again")).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn a_statement_of_a_later_hlx_is_kept_and_changes_nothing() {
    let (bench, copy) = (history(), two_versions());
    let before = bench.repo().facts().fold().unwrap();
    let version = bench.repo().numbered("ds", &number("1.0.0")).unwrap().unwrap().0;
    let statement = Statement::Unknown { code: 200, version, content: b"later".to_vec() };
    let id = bench.repo().facts().append("ana", std::slice::from_ref(&statement)).unwrap()[0];
    add_note(&bench, "1.0.0", "after it");
    assert_eq!(bench.repo().facts().get(id).unwrap().statement, statement);
    let unknown = |bench: &Bench| {
        let entries = audit::list(&bench.repo(), audit::AuditOptions::default()).unwrap().entries;
        entries.into_iter().filter(|entry| matches!(entry.event, AuditEvent::Unknown { code: 200 })).count()
    };
    assert_eq!(unknown(&bench), 1);
    let after = bench.repo().facts().fold().unwrap();
    assert_eq!(after.notes().len(), before.notes().len() + 1);
    assert_eq!(after.tags_of(version), before.tags_of(version));
    assert!(verify(&bench).problems.is_empty());
    join(&copy, &bench);
    assert!(unknown(&copy) == 1 && verify(&copy).problems.is_empty());
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
    let opaque = crate::object::verdict::OpaquePolicy::Warn;
    let verdict =
        Verdict { rules: [1; 32], min_score: 0, opaque, results: vec![], findings_count: 0, findings: vec![], unread: vec![] };
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
    assert_eq!(show::run(&a.repo(), Some("only-b")).unwrap_err().kind(), crate::error::ErrorKind::VersionNotFound);
    add_tag(&a, "1.0.0", "only-b");
    assert_eq!(show::run(&a.repo(), Some("only-b")).unwrap().version, number("1.0.0"));
}

#[test]
fn joining_into_a_copy_where_nothing_was_said_takes_the_history_over() {
    let a = two_versions();
    let b = a.copy();
    assert_eq!(join(&a, &b), join::JoinReport { facts: 0, head: None });
    add_tag(&b, "1.0.0", "gold");
    let head = b.repo().facts().head().unwrap().map(|(_, id)| id);
    assert_eq!(join(&a, &b), join::JoinReport { facts: 1, head });
    assert_eq!(join(&b, &a), join::JoinReport { facts: 0, head });
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
    let compare = |x: &str, y: &str| run::compare(&bench.repo(), x, y, &NoProgress);
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
    assert_eq!(compare(&id_a[..5], "1.0.0").unwrap_err().kind(), crate::error::ErrorKind::VersionNotFound);
    assert_eq!(show::run(&bench.repo(), Some("1.1.0")).unwrap().runs[0].id, b.id);
    let on = |revision: &str| {
        let options = run::ListOptions { revision: Some(revision.into()), ..run::ListOptions::default() };
        run::list(&bench.repo(), &options).unwrap().runs.len()
    };
    let list = |withdrawn| run::list(&bench.repo(), &run::ListOptions { withdrawn, ..run::ListOptions::default() }).unwrap().runs;
    assert_eq!((on("1.0.0"), list(false).len()), (1, 2));

    let withdrawn = run::withdraw(&bench.repo(), &id_a[..8], "evaluated on the training split", Some("eva")).unwrap();
    assert_eq!(withdrawn.id, a.id);
    assert_eq!((on("1.0.0"), list(false).len(), list(true).len()), (0, 1, 2));
    let why = list(true)[0].withdrawn.clone().map(|withdrawn| (withdrawn.reason, withdrawn.withdrawn_by));
    assert_eq!(why, Some(("evaluated on the training split".to_owned(), "eva".to_owned())));
    assert!(show::run(&bench.repo(), Some("1.0.0")).unwrap().runs.is_empty());
    assert!(compare("1.0.0", "1.1.0").unwrap().runs_a.is_empty(), "it does not count");
    assert_eq!(compare(&id_a, "1.1.0").unwrap().runs_a.len(), 1, "but it can be named");
    let again = run::withdraw(&bench.repo(), &id_a, "again", None).unwrap_err();
    assert_eq!(again.kind(), crate::error::ErrorKind::Conflict);
    assert!(run::withdraw(&bench.repo(), "abcdef123", "why", None).is_err());
    assert!(verify(&bench).is_valid);
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
    let list = |limit| audit::list(&bench.repo(), audit::AuditOptions { limit }).unwrap().entries;
    let told: Vec<_> = list(None)
        .into_iter()
        .map(|entry| match entry.event {
            AuditEvent::Version { .. } => entry.version.unwrap().to_string(),
            AuditEvent::Note { text } => text,
            AuditEvent::TagAdded { tag } => tag,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["gold", "early", "1.1.0", "1.0.0"]);
    assert_eq!(list(Some(1)).len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever three copies say and join in whatever order, once each has heard of all they agree, and nothing is lost.
    #[test]
    fn copies_agree_whatever_they_said_and_joined(steps in prop::collection::vec((0usize..3, 0usize..5, 0usize..2), 1..14)) {
        let first = two_versions();
        let copies = [first.copy(), first.copy(), first];
        let mut everything = BTreeSet::new();
        for (n, (at, what, which)) in steps.into_iter().enumerate() {
            let (copy, revision) = (&copies[at], ["1.0.0", "1.1.0"][which]);
            match what {
                0 => drop(record(copy, revision, &format!("model {n}"), &[])),
                1 => add_note(copy, revision, &format!("note {n}")),
                2 => add_tag(copy, revision, "gold"),
                3 => drop(tag::remove(
                    &copy.repo(),
                    &tag::TagOptions { revision: revision.into(), tags: vec!["gold".into()], moves: false, author: None },
                )),
                _ => drop(join(copy, &copies[(at + 1 + which) % 3])),
            }
            everything.extend(said(copy));
        }
        for (into, from) in [(0, 1), (0, 2), (1, 0), (2, 0)] {
            join(&copies[into], &copies[from]);
        }
        let state = |copy: &Bench| copy.repo().facts().fold().unwrap();
        for copy in &copies {
            prop_assert_eq!(said(copy), everything.clone());
            prop_assert_eq!(state(copy), state(&copies[0]));
            let report = verify(copy);
            prop_assert!(report.is_valid, "{:?}", report.problems);
        }
    }
}
