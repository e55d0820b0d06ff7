//! Sharing: what one copy pushes another has, byte for byte, whatever fails on the way; and only what is missing moves.

use super::*;
use crate::error::ErrorKind;
use crate::fs::fault;
use crate::ops::{clone, fetch, pull, push, tag, verify};
use crate::repo::pins;

/// Declares the folder beside the repository as its remote.
fn declare(bench: &Bench) {
    let config = bench.path.join("helox.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(config, format!("{text}\n[remote.origin]\nurl = \"{}\"\n", remote(bench).display())).unwrap();
}

fn remote(bench: &Bench) -> PathBuf {
    bench.path.parent().unwrap().join("remote")
}

/// A repository with two versions, the second mostly deltas, and a remote that has nothing.
fn history() -> (Bench, Vec<Tree>) {
    let bench = Bench::new();
    declare(&bench);
    bench.write("a.jsonl", lines(1, 4_000));
    bench.write("big.bin", noise(1, 4_500_000));
    (0..40).for_each(|n| bench.write(&format!("small/{n}.txt"), lines(n, 3)));
    bench.commit(|o| o.version = Some(number("1.0.0"))).unwrap();
    let mut trees = vec![read_tree(&bench.path)];
    bench.write("a.jsonl", [lines(1, 3_990), lines(9, 30)].concat());
    bench.write("small/7.txt", "changed");
    bench.commit(|o| o.version = Some(number("1.1.0"))).unwrap();
    trees.push(read_tree(&bench.path));
    (bench, trees)
}

fn push(bench: &Bench) -> Result<push::PushReport> {
    push::run(&Repo::open(&bench.path)?, &push::PushOptions::default(), &NoProgress)
}

fn fetch(bench: &Bench) -> Result<fetch::FetchReport> {
    fetch::run(&Repo::open(&bench.path)?, &fetch::FetchOptions::default(), &NoProgress)
}

fn tag(bench: &Bench, revision: &str, tag: &str) {
    let options = tag::TagOptions { revision: revision.into(), tags: vec![tag.into()], moves: false, author: None };
    tag::add(&bench.repo(), &options).unwrap();
}

fn tags(bench: &Bench) -> Vec<String> {
    bench.repo().folded_facts().unwrap().tags().map(|(tag, _)| tag.to_owned()).collect()
}

/// Another copy of the repository, cloned from the remote.
fn clone_of(bench: &Bench) -> Result<Bench> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work");
    let options = clone::CloneOptions { url: remote(bench).display().to_string(), dir: path.clone(), ..Default::default() };
    if let Err(e) = clone::run(&options, &NoProgress) {
        assert!(!path.exists(), "a clone that failed can be repeated");
        return Err(e);
    }
    // The copies share the remote of the first.
    Ok(Bench { _dir: dir, path })
}

/// The part of a version that a training job gets, with the bytes that were received.
fn part(bench: &Bench, cache: &Path, revision: &str, include: &str) -> Result<(Tree, u64)> {
    let dir = tempfile::tempdir().unwrap();
    let options = clone::CloneOptions {
        url: remote(bench).display().to_string(),
        dir: dir.path().join("out"),
        version: Some(revision.into()),
        include: vec![include.into()],
        cache: cache.to_owned(),
        ..Default::default()
    };
    let report = clone::run(&options, &NoProgress)?;
    Ok((read_tree(&options.dir), report.bytes))
}

fn is_valid(bench: &Bench) -> bool {
    let options = verify::VerifyOptions { all: true, ..Default::default() };
    verify::run(&bench.repo(), &options, &NoProgress).unwrap().is_valid
}

#[test]
fn a_clone_has_what_was_pushed() {
    let (bench, trees) = history();
    tag(&bench, "1.0.0", "production");
    let report = push(&bench).unwrap();
    assert_eq!((report.versions.len(), report.facts), (2, true));
    let copy = clone_of(&bench).unwrap();
    assert!(is_valid(&copy));
    for (n, tree) in trees.iter().enumerate() {
        assert_eq!(copy.tree_of(&format!("ds@1.{n}.0")).unwrap(), *tree);
    }
    assert_eq!(tags(&copy), ["production"]);
    assert_eq!(pins::load(&copy.path).unwrap()["ds"].version, number("1.1.0"));
    assert_eq!(read_tree(&copy.path.join("ds")), trees[1]);
}

#[test]
fn what_is_there_is_not_sent_again() {
    let (bench, _) = history();
    push(&bench).unwrap();
    let report = push(&bench).unwrap();
    assert!(report.versions.is_empty() && report.requests <= 2, "{report:?}");
    let before = bench.repo().store().packs().unwrap().len();
    bench.write("a.jsonl", [lines(1, 3_980), lines(9, 40)].concat());
    bench.commit(|o| o.version = Some(number("1.2.0"))).unwrap();
    let grown: u64 =
        bench.repo().store().packs().unwrap().iter().skip(before).map(|(_, path)| path.metadata().unwrap().len()).sum();
    let report = push(&bench).unwrap();
    assert_eq!(report.versions.len(), 1);
    assert!(report.bytes < grown + 40_000, "{} of {grown} bytes", report.bytes);
}

#[test]
fn two_copies_take_turns() {
    let (bench, mut trees) = history();
    push(&bench).unwrap();
    let copy = clone_of(&bench).unwrap();
    tag(&bench, "1.0.0", "gold");
    tag(&copy, "1.1.0", "silver");
    fs::write(copy.path.join("ds/new.txt"), "from the copy").unwrap();
    copy.commit(|o| o.version = Some(number("1.2.0"))).unwrap();
    push(&copy).unwrap();
    push(&bench).unwrap();
    let report = fetch(&bench).unwrap();
    assert_eq!(report.versions.len(), 1);
    trees.push(read_tree(&copy.path.join("ds")));
    assert_eq!(bench.tree_of("ds@1.2.0").unwrap(), trees[2]);
    fetch(&copy).unwrap();
    assert_eq!((tags(&bench), tags(&copy)), (vec!["gold".into(), "silver".into()], vec!["gold".into(), "silver".into()]));
    assert!(is_valid(&bench) && is_valid(&copy));
    assert!(fetch(&bench).unwrap().versions.is_empty());
}

#[test]
fn a_number_belongs_to_who_pushes_first() {
    let (bench, _) = history();
    push(&bench).unwrap();
    let copy = clone_of(&bench).unwrap();
    bench.write("ours", "ours");
    fs::write(copy.path.join("ds/theirs"), "theirs").unwrap();
    bench.commit(|o| o.version = Some(number("1.2.0"))).unwrap();
    copy.commit(|o| o.version = Some(number("1.2.0"))).unwrap();
    push(&copy).unwrap();
    for refused in [push(&bench).map(drop), fetch(&bench).map(drop)] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::VersionExists, "{error}");
        assert!(error.hint().unwrap().contains("1.2.1"), "{error:?}");
    }
    bench.write("ours", "others");
    bench.commit(|o| o.version = Some(number("1.3.0"))).unwrap();
    assert!(push(&bench).is_err());
    let single = push::PushOptions { versions: vec!["ds@1.1.0".into()], ..Default::default() };
    push::run(&bench.repo(), &single, &NoProgress).unwrap();
}

#[test]
fn a_part_takes_few_bytes_and_the_second_job_none() {
    let (bench, trees) = history();
    push(&bench).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let (tree, bytes) = part(&bench, cache.path(), "ds@1.0.0", "small/7.txt").unwrap();
    assert_eq!(tree, trees[0].clone().into_iter().filter(|(path, _)| path == "small/7.txt").collect());
    // The block of the file, and the structure.
    assert!(bytes < 1_200_000, "{bytes}");
    let (tree, bytes) = part(&bench, cache.path(), "ds@1.0.0", "**").unwrap();
    assert_eq!(tree, trees[0]);
    assert!(bytes > 4_000_000, "{bytes}");
    // A delta against what is here.
    let (tree, bytes) = part(&bench, cache.path(), "ds@latest", "**").unwrap();
    assert_eq!(tree, trees[1]);
    assert!(bytes < 200_000, "{bytes}");
    let (tree, bytes) = part(&bench, cache.path(), "ds@1.1", "**").unwrap();
    assert_eq!((tree, bytes < 100), (trees[1].clone(), true), "{bytes}");
    assert_eq!(part(&bench, cache.path(), "ds@1.1", "absent/**").unwrap_err().kind(), ErrorKind::PathNotFound);
}

#[test]
fn nothing_of_what_is_not_pushed_leaves_the_machine() {
    let (bench, _) = history();
    let options = push::PushOptions { versions: vec!["ds@1.0.0".into()], ..Default::default() };
    push::run(&bench.repo(), &options, &NoProgress).unwrap();
    let store = bench.repo().store().clone();
    let packs: Vec<_> = store.packs().unwrap().into_iter().map(|(id, _)| id).collect();
    let sent = |id| remote(&bench).join(format!("packs/data/{id}.pack")).exists();
    assert!(packs.iter().any(sent) && !packs.iter().all(sent));
    // Both versions in one pack: only objects of the first are sent.
    crate::ops::gc::run(
        &bench.repo(),
        &crate::ops::gc::GcOptions { dry_run: false, grace: std::time::Duration::ZERO, recompress: None },
        &NoProgress,
    )
    .unwrap();
    fs::remove_dir_all(remote(&bench)).unwrap();
    push::run(&bench.repo(), &options, &NoProgress).unwrap();
    let copy = clone_of(&bench).unwrap();
    let own = copy.repo();
    let second = bench.repo().version_of("ds", &number("1.1.0")).unwrap().unwrap().0;
    assert!(!own.store().contains(&crate::object::Key::from(second)));
    assert!(is_valid(&copy));
}

#[test]
fn a_git_clone_pulls_what_the_lock_pins() {
    let (bench, trees) = history();
    push(&bench).unwrap();
    bench.checkout("1.0.0", false).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work");
    fs::create_dir(&path).unwrap();
    for name in ["helox.toml", "helox.lock"] {
        fs::copy(bench.path.join(name), path.join(name)).unwrap();
    }
    let repo = pull::open(&path).unwrap();
    let report = pull::run(&repo, &pull::PullOptions::default(), &NoProgress).unwrap();
    assert_eq!(report.versions[0].version, number("1.0.0"));
    assert_eq!(read_tree(&path), trees[0]);
    fs::write(path.join("a.jsonl"), "an edit").unwrap();
    let latest = pull::PullOptions { versions: vec!["ds".into()], ..Default::default() };
    let refused = pull::run(&repo, &latest, &NoProgress).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::DirtyWorkspace);
    pull::run(&repo, &pull::PullOptions { force: true, ..latest }, &NoProgress).unwrap();
    assert_eq!(read_tree(&path), trees[1]);
}

#[test]
fn a_push_survives_faults_of_the_remote() {
    let bench = Bench::new();
    declare(&bench);
    for n in 0..2 {
        bench.write("a.jsonl", [lines(1, 500), lines(n, 5)].concat());
        bench.write(&format!("{n}.txt"), lines(n, 1));
        bench.commit(|o| o.version = Some(number(&format!("1.{n}.0")))).unwrap();
    }
    let tree = read_tree(&bench.path);
    tag(&bench, "1.0.0", "production");
    // One call in five: there are a hundred, and each takes three transfers.
    for n in (1..).step_by(5) {
        let copy = bench.copy();
        let text = fs::read_to_string(copy.path.join("helox.toml")).unwrap();
        let moved = text.replace(&remote(&bench).display().to_string(), &remote(&copy).display().to_string());
        fs::write(copy.path.join("helox.toml"), moved).unwrap();
        let armed = fault::arm(&remote(&copy), n);
        let outcome = push(&copy);
        let fired = armed.fired();
        drop(armed);
        // Whatever can be seen is whole.
        if let Ok(seen) = clone_of(&copy) {
            assert!(is_valid(&seen), "fault {n}");
        }
        match fired {
            None => {
                outcome.unwrap();
                assert!(n > 20, "{n}");
                return;
            }
            Some(_) => drop(push(&copy).unwrap_or_else(|e| panic!("the retry after fault {n} ({fired:?}) fails: {e:?}"))),
        }
        let seen = clone_of(&copy).unwrap();
        assert_eq!(seen.tree_of("ds@1.1.0").unwrap(), tree);
        assert_eq!(tags(&seen), ["production"]);
    }
}

#[test]
fn damage_on_the_remote_is_named_and_never_received() {
    let (bench, _) = history();
    push(&bench).unwrap();
    let files = |folder: &str| fs::read_dir(remote(&bench).join(folder)).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    let pushes: Vec<_> = files("refs/pushes");
    for path in [files("packs/data"), files("packs/structure"), files("index"), pushes].concat() {
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let at = bad.len() / 2;
        bad[at] ^= 1;
        for damage in [Some(bad), Some(good[..at].to_vec()), None] {
            match damage {
                Some(bytes) => fs::write(&path, bytes).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let error = clone_of(&bench).map(drop).unwrap_err();
            let is_empty = error.kind() == ErrorKind::RepositoryNotFound && path.starts_with(remote(&bench).join("refs"));
            assert!(error.kind() == ErrorKind::Damaged || is_empty, "{}: {error:?}", path.display());
            fs::write(&path, &good).unwrap();
        }
    }
    clone_of(&bench).unwrap();
}

#[test]
fn a_repository_is_a_remote_to_fetch_from() {
    let (bench, trees) = history();
    tag(&bench, "1.0.0", "production");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("work");
    let options = clone::CloneOptions { url: bench.path.display().to_string(), dir: path.clone(), ..Default::default() };
    clone::run(&options, &NoProgress).unwrap();
    let copy = Bench { _dir: dir, path };
    assert_eq!((copy.tree_of("ds@1.0.0").unwrap(), tags(&copy)), (trees[0].clone(), vec!["production".into()]));
    bench.write("more", "more");
    bench.commit(|o| o.version = Some(number("1.2.0"))).unwrap();
    assert_eq!(fetch(&copy).unwrap().versions.len(), 1);
    fs::write(copy.path.join("ds/own"), "own").unwrap();
    copy.commit(|o| o.version = Some(number("1.3.0"))).unwrap();
    assert_eq!(push(&copy).unwrap_err().kind(), ErrorKind::Conflict);
}

#[test]
fn a_copied_remote_is_a_repository() {
    let (bench, trees) = history();
    push(&bench).unwrap();
    let copy = Bench::new();
    fs::remove_dir_all(copy.path.join(".helox")).unwrap();
    fs::rename(remote(&bench), copy.path.join(".helox")).unwrap();
    assert!(is_valid(&copy));
    assert_eq!(copy.tree_of("ds@1.1.0").unwrap(), trees[1]);
}
