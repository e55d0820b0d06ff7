//! Garbage collection: what it removes, and that it loses nothing, whatever fails and whoever works beside it.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::fs::fault::{Call, arm_nth_errno};
use crate::ops::{fsck, gc, hold, reindex, tag, verify};
use crate::store::gc::{self as store_gc, CollectOptions, RootSource, Roots};

pub(super) const ALL: gc::GcOptions = gc::GcOptions { dry_run: false, grace: Duration::ZERO, recompress: None };

pub(super) fn collect(bench: &Bench) -> Result<gc::CollectReport> {
    gc::run(&Repo::open(&bench.path)?, &ALL, &NoProgress)
}

pub(super) fn is_valid(bench: &Bench) -> bool {
    let options = verify::VerifyOptions { all: true, ..Default::default() };
    verify::run(&bench.repo(), &options, &NoProgress).unwrap().is_valid
}

pub(super) fn packs(bench: &Bench) -> BTreeSet<PathBuf> {
    bench.repo().store().packs().unwrap().into_iter().map(|(_, path)| path).collect()
}

/// Stores files, but no version of them, as a commit does that is interrupted before its ref.
fn interrupt(bench: &Bench) {
    let repo = bench.repo();
    let options = commit_options();
    let before: BTreeSet<_> = repo.versions().numbers("ds").unwrap().into_iter().collect();
    let (mark, newest) = (repo.store().layout().newest_versions().join("ds"), repo.versions().newest());
    let report = commit::run(&repo, &options, &NoProgress).unwrap();
    assert!(!before.contains(&report.version.version));
    fs::remove_file(repo.versions().folder("ds").join(report.version.version.to_string())).unwrap();
    fs::write(mark, crate::refs::encode(newest[0].1)).unwrap();
    let state = repo.store().layout().workspace("ds").join("state.json");
    fs::remove_file(state).unwrap();
    let last = before.last().unwrap().to_string();
    bench.checkout(&last, true).unwrap();
    write_tree(&bench.path, &bench.tree_of(&last).unwrap());
}

/// Three versions, each a delta of the one before, and one that was interrupted.
pub(super) fn history() -> (Bench, Vec<Tree>) {
    let bench = Bench::new();
    let mut trees = Vec::new();
    for n in 0..3 {
        bench.write("big.jsonl", [lines(1, 1_000), lines(10 + n, 20), lines(2, 1_000)].concat());
        bench.write(&format!("own/{n}"), noise(n, if n == 0 { 150_000 } else { 40_000 }));
        bench.commit(|o| o.version = Some(number(&format!("1.{n}.0")))).unwrap();
        trees.push(read_tree(&bench.path));
    }
    bench.write("big.jsonl", [lines(1, 1_000), lines(77, 30), lines(2, 1_000)].concat());
    bench.write("garbage", noise(99, 400_000));
    interrupt(&bench);
    (bench, trees)
}

pub(super) fn check(bench: &Bench, trees: &[Tree]) {
    for (n, tree) in trees.iter().enumerate() {
        assert_eq!(bench.tree_of(&format!("1.{n}.0")).unwrap(), *tree, "1.{n}.0");
    }
    assert!(is_valid(bench));
}

#[test]
fn what_nothing_reaches_goes_and_small_packs_are_joined() {
    let (bench, trees) = history();
    let before = packs(&bench);
    let plan = gc::run(&bench.repo(), &gc::GcOptions { dry_run: true, ..ALL }, &NoProgress).unwrap();
    assert_eq!(packs(&bench), before, "a dry run changes nothing");
    let report = collect(&bench).unwrap();
    assert!(report.unreachable_bytes > 400_000 && report.freed_bytes > 400_000, "{report:?}");
    assert_eq!((plan.unreachable_bytes, plan.joined_bytes), (report.unreachable_bytes, report.joined_bytes));
    assert_eq!(packs(&bench).len(), 3, "the first pack of data, the others joined, and those of structure");
    check(&bench, &trees);
    let again = collect(&bench).unwrap();
    assert_eq!((again.unreachable_packs, again.joined_packs, again.freed_bytes), (0, 0, 0), "{again:?}");
    let tables = bench.repo().store().tables();
    assert_eq!(tables.packs().len(), 3, "the tables name no pack that was removed");
    // What was removed is stored again.
    bench.write("garbage", noise(99, 400_000));
    bench.commit(|o| o.version = Some(number("2.0.0"))).unwrap();
    assert_eq!(bench.tree_of("2.0.0").unwrap(), read_tree(&bench.path));
    check(&bench, &trees);
}

#[test]
fn what_is_younger_than_the_grace_time_stays() {
    let (bench, trees) = history();
    let options = gc::GcOptions { grace: gc::GRACE, ..ALL };
    let report = gc::run(&bench.repo(), &options, &NoProgress).unwrap();
    assert!(report.recent_bytes > 400_000 && report.unreachable_packs == 0, "{report:?}");
    check(&bench, &trees);
}

#[test]
fn a_pack_of_which_most_is_unreachable_is_rewritten() {
    let (bench, trees) = history();
    // A pack of the files of an interrupted commit, of which the next commit needs one and a part of another.
    (0..5).for_each(|n| bench.write(&format!("{n}"), noise(20 + n, 300_000)));
    bench.write("text", lines(5, 3_000));
    interrupt(&bench);
    bench.write("0", noise(20, 300_000));
    bench.write("text", [lines(5, 3_000), lines(6, 10)].concat());
    bench.commit(|o| o.version = Some(number("2.0.0"))).unwrap();
    let two = read_tree(&bench.path);
    let report = collect(&bench).unwrap();
    assert!(report.rewritten_packs > 0 && report.dead_bytes > 1_000_000 && report.freed_bytes > 1_000_000, "{report:?}");
    assert_eq!(bench.tree_of("2.0.0").unwrap(), two);
    check(&bench, &trees);
    assert_eq!(collect(&bench).unwrap().freed_bytes, 0);
}

#[test]
fn versions_whose_refs_are_lost_remove_nothing() {
    let (bench, _) = history();
    let repo = bench.repo();
    fs::remove_file(repo.versions().folder("ds").join("1.1.0")).unwrap();
    collect(&bench).unwrap();
    assert!(repo.store().version(repo.numbered("ds", &number("1.2.0")).unwrap().unwrap().0).is_ok());
    let (before, state) = (packs(&bench), repo.store().layout().workspace("ds").join("state.json"));
    fs::remove_dir_all(repo.versions().folder("ds")).unwrap();
    collect(&bench).unwrap();
    assert_eq!(packs(&bench), before, "the workspace has the last version, and that its parents");
    fs::remove_file(state).unwrap();
    for (mark, message) in [(true, "which was created last: a ref is missing"), (false, "refs are missing")] {
        if !mark {
            fs::remove_file(repo.store().layout().newest_versions().join("ds")).unwrap();
        }
        let error = collect(&bench).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!(packs(&bench), before);
    }
}

#[test]
fn a_root_that_cannot_be_read_removes_nothing() {
    let (bench, _) = history();
    tag::add(&bench.repo(), &tag::TagOptions { revision: "1.0.0".into(), tags: vec!["gold".into()], moves: false, author: None })
        .unwrap();
    let damage = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        fs::write(path, bytes).unwrap();
    };
    let layout = bench.repo().store().layout().clone();
    let own: Vec<PathBuf> =
        [layout.versions().join("ds/1.1.0"), layout.facts().join("0000000001"), layout.workspace("ds").join("state.json")]
            .into_iter()
            .chain(packs(&bench))
            .map(|path| path.strip_prefix(&bench.path).unwrap().to_owned())
            .collect();
    for path in own {
        let copy = bench.copy();
        let _ = fs::remove_dir_all(copy.path.join(".helox/index"));
        damage(&copy.path.join(&path));
        let (before, bytes) = (packs(&copy), fs::read(copy.path.join(&path)).unwrap());
        match collect(&copy) {
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Damaged, "{e}");
                assert_eq!(packs(&copy), before, "{}: {e}", path.display());
            }
            // A pack of data that stays is not read.
            Ok(_) => {
                assert!(path.starts_with(".helox/packs/data"), "{}", path.display());
                assert_eq!(fs::read(copy.path.join(&path)).unwrap(), bytes, "a damaged pack is never removed");
            }
        }
        let gone = bench.copy();
        fs::remove_file(gone.path.join(&path)).unwrap();
        let before = packs(&gone);
        if collect(&gone).is_err() {
            assert_eq!(packs(&gone), before, "{} is gone", path.display());
        }
    }
}

#[test]
fn left_over_temporary_files_go_and_those_in_use_stay() {
    let bench = Bench::new();
    bench.write("a", "a");
    bench.commit(|_| {}).unwrap();
    let tmp = bench.repo().store().layout().tmp();
    fs::write(tmp.join("0123456789abcdef"), noise(1, 1_000)).unwrap();
    let used = crate::fs::atomic::TempFile::create(&tmp).unwrap();
    let report = collect(&bench).unwrap();
    assert_eq!((report.temporary_files, report.temporary_bytes), (1, 1_000));
    assert!(used.path().exists() && fs::read_dir(&tmp).unwrap().count() == 1);
}

#[test]
fn a_full_disk_ends_no_collection() {
    let (bench, trees) = history();
    fs::write(bench.repo().store().layout().tmp().join("0123456789abcdef"), noise(1, 1_000)).unwrap();
    let before = packs(&bench);
    // The first file tells the time of the file system, the second is a pack.
    let armed = arm_nth_errno(bench.path.parent().unwrap(), 2, Call::Write, rustix::io::Errno::NOSPC);
    let report = collect(&bench).unwrap();
    assert_eq!(armed.fired(), Some(Call::Write));
    drop(armed);
    assert_eq!((report.written_bytes, report.joined_packs, report.rewritten_packs, report.temporary_files), (0, 0, 0, 1));
    assert!(packs(&bench).is_subset(&before) && is_valid(&bench));
    check(&bench, &trees);
    assert!(collect(&bench).unwrap().freed_bytes > 0, "with room again, the small packs are joined");
    check(&bench, &trees);
}

/// Roots that were listed before the newest version had its ref.
struct EarlyRoots(Vec<Roots>);

impl RootSource for EarlyRoots {
    fn next_roots(&mut self) -> Result<Roots> {
        Ok(self.0.pop().unwrap_or_default())
    }
}

#[test]
fn a_version_that_came_after_the_roots_were_listed_is_not_missed() {
    let bench = Bench::new();
    for n in 1..4 {
        bench.write("a", noise(n, 10_000));
        bench.commit(|o| o.version = Some(number(&format!("{n}.0.0")))).unwrap();
    }
    let refs = |bench: &Bench, number: &str| bench.path.join(".helox/refs/versions/ds").join(number);
    // The last commit is still at work.
    fs::remove_file(refs(&bench, "3.0.0")).unwrap();
    fs::remove_file(bench.repo().store().layout().newest_versions().join("ds")).unwrap();
    let collect_early = |bench: &Bench, later: &[&str]| {
        let repo = bench.repo();
        let root = |name: &&str| repo.versions().get("ds", &number(name)).unwrap().unwrap();
        let roots = |names: &[&str]| Roots { versions: names.iter().map(root).collect(), objects: Vec::new() };
        let mut early = EarlyRoots(vec![roots(later), roots(&["1.0.0"])]);
        store_gc::collect(
            repo.store(),
            &mut early,
            &CollectOptions { dry_run: false, grace: Duration::ZERO, level: 3, recompress: false },
            &NoProgress,
        )
    };
    let lost = bench.copy();
    fs::remove_file(refs(&lost, "2.0.0")).unwrap();
    assert!(collect_early(&lost, &[]).unwrap_err().message().contains("refs are missing"));
    collect_early(&bench, &["2.0.0"]).unwrap();
    assert_eq!(bench.tree_of("2.0.0").unwrap()["a"], Node::File(noise(2, 10_000), false));
}

#[test]
fn a_folder_that_a_killed_checkout_left_goes_with_the_file_that_names_it() {
    let bench = Bench::new();
    bench.write("a", "a");
    bench.commit(|_| {}).unwrap();
    let (tmp, beside) = (bench.repo().store().layout().tmp(), bench.path.parent().unwrap().canonicalize().unwrap());
    let [left, other] = [".hlx-0123456789abcdef", "kept"].map(|name| beside.join(name));
    for folder in [&left, &other] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("file"), noise(1, 1_000)).unwrap();
    }
    fs::write(tmp.join(".hlx-0123456789abcdef"), left.to_str().unwrap()).unwrap();
    fs::write(tmp.join(".hlx-fedcba9876543210"), other.to_str().unwrap()).unwrap();
    let report = collect(&bench).unwrap();
    assert!(report.temporary_files == 3 && report.temporary_bytes > 1_000, "{report:?}");
    assert!(!left.exists() && other.exists() && fs::read_dir(&tmp).unwrap().count() == 0);
}

#[test]
fn a_fault_at_every_call_leaves_a_whole_store_and_a_collection_that_succeeds() {
    let (bench, trees) = history();
    for n in 1.. {
        let copy = bench.copy();
        let armed = crate::fs::fault::arm(copy.path.parent().unwrap(), n);
        let outcome = collect(&copy);
        let fired = armed.fired();
        drop(armed);
        assert!(is_valid(&copy), "fault {n} ({fired:?})");
        // A writer must not rely on what an interrupted collection removed in part.
        copy.write("big.jsonl", [lines(1, 1_000), lines(77, 30), lines(2, 1_000)].concat());
        copy.write("garbage", noise(99, 400_000));
        copy.commit(|o| o.version = Some(number("2.0.0"))).unwrap();
        assert_eq!(copy.tree_of("2.0.0").unwrap(), read_tree(&copy.path), "fault {n} ({fired:?})");
        collect(&copy).unwrap_or_else(|e| panic!("the retry after fault {n} ({fired:?}) fails: {e}; first {outcome:?}"));
        assert!(is_valid(&copy), "fault {n} ({fired:?})");
        if fired.is_none() {
            outcome.unwrap();
            check(&copy, &trees);
            assert!(n > 20, "only {n} calls are covered");
            break;
        }
    }
}

#[test]
fn a_reader_that_was_there_before_finds_its_objects() {
    let (bench, trees) = history();
    let (before, dir) = (bench.repo(), tempfile::tempdir().unwrap());
    collect(&bench).unwrap();
    for (n, tree) in trees.iter().enumerate() {
        let into = dir.path().join(n.to_string());
        let options = checkout::CheckoutOptions { revision: format!("1.{n}.0"), into: Some(into.clone()), ..Default::default() };
        checkout::run(&before, &options, &NoProgress).unwrap();
        assert_eq!(read_tree(&into), *tree);
    }
}

#[test]
fn committers_and_readers_beside_collectors_lose_nothing() {
    let bench = Bench::new();
    bench.write("a.jsonl", lines(1, 2_000));
    bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    let first = read_tree(&bench.path);
    let done = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let collector = || {
            while done.load(std::sync::atomic::Ordering::Relaxed) < 3 {
                collect(&bench).unwrap();
            }
        };
        scope.spawn(collector);
        scope.spawn(collector);
        for committer in 0..3u64 {
            let (bench, first, done) = (&bench, &first, &done);
            scope.spawn(move || {
                for n in 0..6 {
                    let from = tempfile::tempdir().unwrap();
                    let bytes = [lines(1, 1_000), lines(100 * committer + n % 3, 50), lines(1, 2_000)].concat();
                    fs::write(from.path().join("a.jsonl"), &bytes).unwrap();
                    let name = format!("{}.{n}.0", committer + 2);
                    let report = bench.commit(|o| {
                        (o.from, o.version, o.parent) = (Some(from.path().to_owned()), Some(number(&name)), Some("1.0.0".into()));
                        o.allow_empty = true;
                    });
                    report.unwrap();
                    assert_eq!(bench.tree_of(&name).unwrap(), read_tree(from.path()));
                    assert_eq!(bench.tree_of("1.0.0").unwrap(), *first);
                }
                done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            });
        }
    });
    assert_eq!(bench.repo().versions().numbers("ds").unwrap().len(), 19);
    assert!(is_valid(&bench));
    collect(&bench).unwrap();
    assert!(is_valid(&bench) && reindex::run(&bench.repo(), &NoProgress).unwrap().is_whole());
}

#[derive(Clone, Debug)]
enum Step {
    Write(u8, u64, usize),
    Edit(u8, usize),
    Commit,
    Interrupted,
    Tag(usize),
    Hold(usize),
    Release(usize),
    Checkout(usize),
    Check,
    Collect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4u8, 0..6u64, prop::sample::select(vec![1, 20_000, 70_000, 300_000])).prop_map(|(p, s, n)| Step::Write(p, s, n)),
        3 => (0..4u8, 0..9usize).prop_map(|(p, n)| Step::Edit(p, n)),
        4 => Just(Step::Commit),
        2 => Just(Step::Interrupted),
        1 => (0..9usize).prop_map(Step::Tag),
        1 => (0..9usize).prop_map(Step::Hold),
        1 => (0..9usize).prop_map(Step::Release),
        1 => (0..9usize).prop_map(Step::Checkout),
        1 => Just(Step::Check),
        2 => Just(Step::Collect),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_version_comes_back_whatever_is_collected(steps in prop::collection::vec(step(), 4..30)) {
        let bench = Bench::new();
        let mut versions: Vec<(String, Tree)> = Vec::new();
        for step in steps {
            match step {
                Step::Write(path, seed, len) => {
                    let mut bytes = lines(seed, len / 80 + 1);
                    bytes.truncate(len);
                    bench.write(&format!("f{path}"), bytes);
                }
                Step::Edit(path, n) => {
                    let path = bench.path.join(format!("f{path}"));
                    if let Ok(mut bytes) = fs::read(&path) {
                        let at = bytes.len() / 9 * n;
                        bytes.splice(at..at, *b"something new");
                        fs::write(path, bytes).unwrap();
                    }
                }
                Step::Commit | Step::Interrupted => {
                    let report = bench.commit(|_| {}).unwrap();
                    if report.outcome != commit::CommitOutcome::Created {
                        continue;
                    }
                    let name = report.version.version.to_string();
                    let (repo, tree) = (bench.repo(), read_tree(&bench.path));
                    match (step, versions.last()) {
                        (Step::Interrupted, Some((last, _))) => {
                            fs::remove_file(repo.versions().folder("ds").join(name)).unwrap();
                            fs::remove_file(repo.store().layout().newest_versions().join("ds")).unwrap();
                            fs::remove_file(repo.store().layout().workspace("ds").join("state.json")).unwrap();
                            bench.checkout(last, true).unwrap();
                            write_tree(&bench.path, &tree);
                        }
                        _ => versions.push((name, tree)),
                    }
                }
                Step::Tag(n) if !versions.is_empty() => {
                    let (revision, _) = versions[n % versions.len()].clone();
                    let options = tag::TagOptions { revision, tags: vec!["gold".into()], moves: true, author: None };
                    tag::add(&bench.repo(), &options).unwrap();
                }
                Step::Hold(n) | Step::Release(n) if !versions.is_empty() => {
                    let (revision, _) = versions[n % versions.len()].clone();
                    let options = hold::HoldOptions { revision: revision.clone(), reason: "a claim".into(), author: None };
                    let is_held = !hold::list(&bench.repo(), Some(&revision)).unwrap().holds.is_empty();
                    if matches!(step, Step::Hold(_)) {
                        prop_assert!(!hold::add(&bench.repo(), &options).unwrap().holds.is_empty());
                    } else {
                        prop_assert_eq!(hold::remove(&bench.repo(), &options).is_ok(), is_held);
                    }
                }
                Step::Checkout(n) if !versions.is_empty() => {
                    let (name, tree) = &versions[n % versions.len()];
                    bench.checkout(name, true).unwrap();
                    let found = read_tree(&bench.path);
                    prop_assert!(tree.iter().all(|(path, node)| found.get(path) == Some(node)), "{} is checked out", name);
                }
                Step::Check => {
                    let options = fsck::FsckOptions { repair: true, from: None };
                    let report = fsck::run(&bench.repo(), &options, &NoProgress).unwrap();
                    prop_assert!(report.is_valid && report.repairs == Some(Vec::new()), "{:?}", report);
                }
                Step::Tag(_) | Step::Hold(_) | Step::Release(_) | Step::Checkout(_) => {}
                Step::Collect => drop(collect(&bench).unwrap()),
            }
        }
        collect(&bench).unwrap();
        for (name, tree) in &versions {
            prop_assert_eq!(&bench.tree_of(name).unwrap(), tree);
        }
        prop_assert!(is_valid(&bench));
    }
}
