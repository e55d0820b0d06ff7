//! A fault at every write, sync and rename: whatever fails, earlier versions stay whole and the retry works.

use super::*;
use crate::fs::fault;
use crate::object::version::ValidationStatus;

/// Runs `act` in copies of `bench` with the n-th disk call failing, for every n until it succeeds. After each, `check`
/// looks at the copy, then the act is tried again and `done` looks at the result.
fn walk(bench: &Bench, act: impl Fn(&Bench) -> Result<()>, check: impl Fn(&Bench), done: impl Fn(&Bench)) -> u64 {
    for n in 1.. {
        let copy = bench.copy();
        let armed = fault::arm(copy.path.parent().unwrap(), n);
        let outcome = act(&copy);
        let fired = armed.fired();
        drop(armed);
        check(&copy);
        let Some(call) = fired else {
            outcome.unwrap();
            done(&copy);
            return n;
        };
        if let Err(e) = act(&copy) {
            panic!("the retry after fault {n} ({call:?}) fails: {e:?}; the fault itself gave {outcome:?}");
        }
        check(&copy);
        done(&copy);
        let left: Vec<_> = fs::read_dir(copy.path.parent().unwrap()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "work" || name == "out"), "fault {n} ({call:?}) left {left:?}");
    }
    0
}

/// A repository with two versions and changes on top.
fn history() -> (Bench, Tree, Tree, Tree) {
    let bench = Bench::new();
    bench.write("a.jsonl", lines(1, 3_000));
    bench.write("big.bin", noise(1, 1_500_000));
    (0..20).for_each(|n| bench.write(&format!("small/{n}.txt"), lines(n, 3)));
    bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    let one = read_tree(&bench.path);
    bench.write("a.jsonl", [lines(1, 2_990), lines(9, 30)].concat());
    fs::remove_file(bench.path.join("small/7.txt")).unwrap();
    bench.commit(|o| o.version = Some(number("1.1.0"))).unwrap();
    let two = read_tree(&bench.path);
    bench.write("big.bin", [noise(1, 700_000), noise(2, 100_000), noise(3, 700_000)].concat());
    bench.write("small/new.txt", "new");
    fs::remove_dir_all(bench.path.join("small")).unwrap();
    bench.write("small", "now a file");
    symlink("a.jsonl", bench.path.join("link")).unwrap();
    let three = read_tree(&bench.path);
    (bench, one, two, three)
}

#[test]
fn commit_survives_a_fault_at_every_call() {
    let (bench, one, two, three) = history();
    let act = |b: &Bench| {
        b.commit(|o| {
            o.version = Some(number("2.0.0"));
            o.tags = vec!["production".into()]
        })
        .map(drop)
    };
    let check = |b: &Bench| {
        assert_eq!(b.tree_of("1.0.0").unwrap(), one);
        assert_eq!(b.tree_of("ds@1.1.0").unwrap(), two);
        assert_eq!(read_tree(&b.path), three, "the workspace is the user's");
    };
    let done = |b: &Bench| {
        assert_eq!(b.tree_of("HEAD").unwrap(), three);
        assert_eq!(b.tree_of("production").unwrap(), three);
        assert_eq!(b.repo().versions().numbers("ds").unwrap().len(), 3, "a retry makes no second version");
    };
    let calls = walk(&bench, act, check, done);
    assert!(calls > 25, "only {calls} calls are covered");
}

/// The same history under rules, of which the last change breaks one.
fn gated() -> Bench {
    let (bench, ..) = history();
    let rule = |kind: &str| format!("\n[[dataset.ds.validation.rule]]\nkind = '{kind}'\n");
    let rules = [rule("parse"), rule("unique") + "files = 'b.jsonl'\n", rule("drift") + "samples = 900\n"].concat();
    let text = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
    fs::write(bench.path.join("helox.toml"), format!("{text}key = 'hash'\n{rules}")).unwrap();
    bench
}

#[test]
fn a_commit_through_the_gate_survives_a_fault_at_every_call() {
    let bench = gated();
    let act = |b: &Bench| {
        let report = b.commit(|o| o.version = Some(number("2.0.0")))?;
        assert_eq!(report.version.validation_status, ValidationStatus::Passed);
        Ok(())
    };
    let calls = walk(&bench, act, |_| {}, |b| assert_eq!(b.repo().versions().numbers("ds").unwrap().len(), 3));
    assert!(calls > 35, "only {calls} calls are covered");
}

#[test]
fn what_the_gate_refuses_is_refused_whatever_fails() {
    let bench = gated();
    bench.write("b.jsonl", [lines(1, 1), lines(1, 1)].concat());
    let act = |b: &Bench| {
        let report = b.commit(|_| {})?;
        assert_eq!(report.outcome, commit::CommitOutcome::Refused);
        assert!(fs::read_to_string(report.report_file.unwrap()).unwrap().lines().count() == 1);
        Ok(())
    };
    let check = |b: &Bench| assert_eq!(b.repo().versions().numbers("ds").unwrap().len(), 2, "nothing is made");
    walk(&bench, act, check, |_| {});
}

#[test]
fn an_automatic_number_is_not_taken_twice_by_a_retry() {
    let (bench, _, _, three) = history();
    let act = |b: &Bench| b.commit(|_| {}).map(drop);
    walk(
        &bench,
        act,
        |_| {},
        |b| {
            assert_eq!(b.tree_of("HEAD").unwrap(), three);
            assert_eq!(b.repo().versions().numbers("ds").unwrap().len(), 3);
        },
    );
}

#[test]
fn checkout_survives_a_fault_at_every_call() {
    let (bench, one, two, three) = history();
    bench.commit(|o| o.version = Some(number("2.0.0"))).unwrap();
    let act = |b: &Bench| b.checkout("1.0.0", false).map(drop);
    let check = |b: &Bench| {
        for (path, node) in read_tree(&b.path) {
            let known = [&one, &three].iter().any(|tree| tree.get(&path) == Some(&node));
            assert!(known || node == Node::Folder, "{path} is neither wholly old nor wholly new");
        }
        assert_eq!(b.tree_of("1.1.0").unwrap(), two);
        assert_eq!(b.tree_of("2.0.0").unwrap(), three);
    };
    let calls = walk(&bench, act, check, |b| assert_eq!(read_tree(&b.path), one));
    assert!(calls > 25, "only {calls} calls are covered");
}

#[test]
fn checkout_into_a_folder_leaves_all_or_nothing() {
    let (bench, one, ..) = history();
    let act = |b: &Bench| {
        let into = Some(b.path.parent().unwrap().join("out"));
        let options = checkout::CheckoutOptions { revision: "1.0.0".into(), into: into.clone(), ..Default::default() };
        if into.as_ref().is_some_and(|p| p.exists()) {
            return Ok(());
        }
        checkout::run(&b.repo(), &options, &NoProgress).map(drop)
    };
    let check = |b: &Bench| {
        let out = b.path.parent().unwrap().join("out");
        assert!(!out.exists() || read_tree(&out) == one);
    };
    walk(&bench, act, check, check);
}

#[test]
fn init_survives_a_fault_at_every_call() {
    for n in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let options = init::InitOptions { dir: dir.path().join("new/repo"), name: Some("ds".into()), kind: None, new: false };
        let armed = fault::arm(dir.path(), n);
        let outcome = init::run(&options);
        let fired = armed.fired();
        drop(armed);
        init::run(&options).unwrap();
        assert_eq!(Repo::open(&options.dir).unwrap().config().datasets().count(), 1);
        if fired.is_none() {
            outcome.unwrap();
            assert!(n > 20, "only {n} calls are covered");
            break;
        }
        assert!(outcome.is_err(), "fault {n} was not told");
    }
}
