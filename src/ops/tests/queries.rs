//! `log` and `dataset list` over many versions: the same answers whatever has become of the catalog.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::catalog::Query;
use crate::catalog::tests::samples::{
    commit, everything, folder, judge, number, reopened, repository, selected, tag, untag, version,
};
use crate::clock::Time;
use crate::error::ErrorKind;
use crate::fs::lock;
use crate::id::Id;
use crate::object::version::{ValidationStatus, Version};
use crate::ops::{VersionView, dataset, log};
use crate::repo::Repo;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    fn perhaps(&mut self, words: &[&str]) -> Option<String> {
        (self.below(3) == 0).then(|| self.one_of(words).to_owned())
    }
}

const DATASETS: [&str; 3] = ["contracts", "leases", "lease"];

/// Sixty versions of three datasets, children of each other, some with tags.
fn history(repo: &Repo, dice: &mut Dice) -> Vec<Version> {
    let mut made: Vec<Version> = Vec::new();
    for n in 0..60 {
        let dataset = dice.one_of(&DATASETS);
        let minute = n * 700 + dice.below(3) as i64 * 1_000;
        let parent = made.iter().filter(|v| v.dataset == dataset).max_by(|a, b| a.number.cmp(&b.number)).cloned();
        let validation = dice.one_of(&[ValidationStatus::Pending, ValidationStatus::Passed, ValidationStatus::Failed]);
        made.push(Version {
            parents: parent.iter().map(Version::id).collect(),
            parent_number: parent.map(|parent| parent.number),
            author: dice.one_of(&["ana@example.com", "ben@example.com"]).into(),
            validation,
            verdict: (validation != ValidationStatus::Pending).then(|| Id::of(b"verdict")),
            metadata: [("batch".to_owned(), dice.below(3).into())].into_iter().collect(),
            ..version(dataset, &format!("1.{n}.0"), minute)
        });
    }
    let ids = commit(repo, &made);
    for _ in 0..12 {
        tag(repo, dice.one_of(&ids), dice.one_of(&["gold", "production"]));
    }
    untag(repo, dice.one_of(&ids), "gold");
    for _ in 0..8 {
        judge(repo, dice.one_of(&ids), dice.below(2) == 0);
    }
    made
}

fn query(dice: &mut Dice) -> Query {
    let mut time = || (dice.below(4) == 0).then(|| Time::from_millis(1_795_339_800_000 + dice.below(45_000) as i64 * 60_000));
    let (since, until) = (time(), time());
    let status = [ValidationStatus::Pending, ValidationStatus::Passed, ValidationStatus::Failed, ValidationStatus::Skipped];
    Query {
        dataset: dice.perhaps(&DATASETS),
        kind: dice.perhaps(&["type_of_contracts", "type_of_leases", "none"]),
        tag: dice.perhaps(&["gold", "production", "none"]),
        author: dice.perhaps(&["ana@", "example.com", "zoe"]),
        since,
        until,
        status: (dice.below(4) == 0).then(|| dice.one_of(&status)),
        metadata: dice.perhaps(&["0", "1", "7"]).map(|value| ("batch".to_owned(), value)).into_iter().collect(),
        limit: (dice.below(2) == 0).then(|| dice.below(20) as usize),
    }
}

/// What a user sees of a version.
type Seen = (String, Vec<String>, ValidationStatus);

fn seen(views: &[VersionView]) -> Vec<Seen> {
    let see = |v: &VersionView| (format!("{} {}@{}", v.id, v.dataset_name, v.version), v.tags.clone(), v.validation_status);
    views.iter().map(see).collect()
}

fn log_of(repo: &Repo, query: &Query) -> Vec<Seen> {
    let options = |whole| log::LogOptions { query: query.clone(), revision: None, whole, ..Default::default() };
    let short = seen(&log::run(repo, &options(false)).unwrap().versions);
    assert_eq!(seen(&log::run(repo, &options(true)).unwrap().versions), short, "words and documents tell the same");
    short
}

/// Some questions with the answers that are due.
fn due(repo: &Repo, dice: &mut Dice, count: usize) -> Vec<(Query, Vec<Seen>)> {
    let all = everything(repo);
    let answer = |query: Query| {
        let due = selected(&all, &query);
        let due = due.iter().map(|l| (format!("{} {}@{}", l.id, l.version.dataset, l.version.number), l.tags.clone(), l.status));
        let due = due.collect();
        (query, due)
    };
    (0..count).map(|_| answer(query(dice))).collect()
}

#[track_caller]
fn check(repo: &Repo, due: &[(Query, Vec<Seen>)], how: &str) {
    for (query, due) in due {
        assert_eq!(&log_of(repo, query), due, "{how}: {query:?}");
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).map(|all| all.flatten().map(|e| e.path()).collect()).unwrap_or_default();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

#[test]
fn the_same_answers_whatever_has_become_of_the_catalog() {
    for seed in 0..3 {
        let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(seed));
        let repo = repository(dir.path());
        history(&repo, &mut dice);
        let due = due(&repo, &mut dice, 40);
        let home = folder(dir.path());
        check(&repo, &due, "built and used");
        let held = lock::exclusive(&home.join("lock")).unwrap();
        check(&repo, &due, "locked");
        drop(held);
        fs::remove_dir_all(&home).unwrap();
        fs::write(&home, "no folder").unwrap();
        check(&repo, &due, "cannot be written");
        fs::remove_file(&home).unwrap();
        check(&repo, &due[..1], "came back");
        for (query, due) in &due {
            for path in files(&home) {
                let bytes = fs::read(&path).unwrap();
                match dice.below(4) {
                    0 => fs::write(&path, vec![dice.below(256) as u8; bytes.len()]).unwrap(),
                    1 => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
                    2 => fs::remove_file(&path).unwrap(),
                    _ => {}
                }
            }
            check(&repo, &[(query.clone(), due.clone())], "damaged before");
        }
    }
}

/// Says that it is done when it is dropped.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn damage_between_opening_and_asking_and_while_rows_are_read() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(7));
    let repo = repository(dir.path());
    history(&repo, &mut dice);
    let (due, home) = (due(&repo, &mut dice, 30), folder(dir.path()));
    let (all, done) = (everything(&repo), AtomicBool::new(false));
    for (query, _) in &due {
        let repo = reopened(&repo);
        // It is damaged while it is open, before rows are read.
        let found = repo.catalog().indexed_after(query, || {
            for path in files(&home).iter().filter(|path| !path.ends_with("lock")) {
                let length = fs::metadata(path).unwrap().len() as usize;
                match dice.below(3) {
                    0 => fs::write(path, vec![7; length]).unwrap(),
                    1 => fs::write(path, "").unwrap(),
                    _ => fs::remove_file(path).unwrap(),
                }
            }
        });
        if let Some(found) = found {
            assert_eq!(found, selected(&all, query), "{query:?}");
        }
    }
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut dice = Dice(11);
            while !done.load(Ordering::Relaxed) {
                for path in files(&home) {
                    // The process that asks must not be cut short by a lock that was taken away, so that stays.
                    let _ = match dice.below(12) {
                        _ if path.ends_with("lock") => Ok(()),
                        0 => fs::write(&path, vec![7; dice.below(200_000) as usize]),
                        1 => fs::remove_file(&path),
                        2 => fs::remove_dir_all(&home),
                        _ => Ok(()),
                    };
                }
                std::thread::sleep(std::time::Duration::from_micros(300));
            }
        });
        // Also where a check fails, or the other thread would never end.
        let _ended = Ended(&done);
        for _ in 0..2 {
            check(&repo, &due, "damaged meanwhile");
        }
    });
}

#[test]
fn without_a_name_it_lists_where_the_user_stands_or_all() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(3));
    let repo = repository(dir.path());
    let asked = log::run(&repo, &log::LogOptions::default()).unwrap_err();
    assert_eq!(asked.kind(), ErrorKind::DatasetNotFound);
    commit(&repo, &[version("leases", "1.0.0", 5)]);
    let all = |repo: &Repo, limit| {
        let query = Query { limit, ..Query::default() };
        let report = log::run(repo, &log::LogOptions { query, ..log::LogOptions::default() }).unwrap();
        report.versions.iter().map(|v| format!("{}@{}", v.dataset_name, v.version)).collect::<Vec<_>>()
    };
    assert_eq!(all(&repo, None), ["leases@1.0.0"], "a dataset that is not declared is one all the same");
    commit(&repo, &[version("contracts", "1.0.0", 9), version("contracts", "1.1.0", 2)]);
    assert_eq!(all(&repo, None), ["contracts@1.0.0", "leases@1.0.0", "contracts@1.1.0"], "the newest first");
    assert_eq!(all(&repo, Some(1)), ["contracts@1.0.0"]);
    fs::create_dir(dir.path().join("data")).unwrap();
    let options = dataset::AddOptions {
        name: "contracts".into(),
        kind: "generic".into(),
        path: "data".into(),
        key: Vec::new(),
        formerly: Vec::new(),
    };
    dataset::add(&repo, &options).unwrap();
    let inside = Repo::open(&dir.path().join("data")).unwrap();
    assert_eq!(all(&inside, None), ["contracts@1.1.0", "contracts@1.0.0"], "one dataset by its numbers");
    let none = Query { dataset: Some("nobody".into()), ..Query::default() };
    let asked = log::run(&repo, &log::LogOptions { query: none, ..log::LogOptions::default() }).unwrap_err();
    assert_eq!(asked.kind(), ErrorKind::DatasetNotFound);
    history(&repo, &mut dice);
    assert_eq!(all(&repo, None).len(), 63);
}

#[test]
fn ancestors_are_selected_like_all_others() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(5));
    let repo = repository(dir.path());
    let made = history(&repo, &mut dice);
    let all = everything(&repo);
    let newest = made.iter().filter(|v| v.dataset == "leases").max_by(|a, b| a.number.cmp(&b.number)).unwrap();
    for _ in 0..40 {
        let query = Query { dataset: Some("leases".into()), ..query(&mut dice) };
        let options = log::LogOptions { query: query.clone(), revision: Some(newest.id().to_hex()), ..Default::default() };
        let report = log::run(&repo, &options).unwrap();
        let ids: Vec<_> = selected(&all, &query).iter().map(|listed| listed.id).collect();
        assert_eq!(report.versions.iter().map(|v| v.id).collect::<Vec<_>>(), ids, "{query:?}");
    }
    assert!(newest.number > number("1.0.0"));
}

#[test]
fn datasets_are_listed_by_their_versions() {
    let (dir, mut dice) = (tempfile::tempdir().unwrap(), Dice(9));
    let repo = repository(dir.path());
    history(&repo, &mut dice);
    for name in ["contracts", "leases", "empty"] {
        let path = dir.path().join(name);
        fs::create_dir(&path).unwrap();
        let options =
            dataset::AddOptions { name: name.into(), kind: "generic".into(), path, key: Vec::new(), formerly: Vec::new() };
        dataset::add(&Repo::open(dir.path()).unwrap(), &options).unwrap();
    }
    let repo = Repo::open(dir.path()).unwrap();
    let all = everything(&repo);
    let names = |query: &Query| {
        let listed = dataset::list(&repo, query).unwrap().datasets;
        listed.into_iter().map(|info| (info.name, info.versions)).collect::<Vec<_>>()
    };
    let count = |query: &Query, name: &str| selected(&all, query).iter().filter(|l| l.version.dataset == name).count() as u64;
    let every = Query::default();
    let three = ["contracts", "empty", "leases"].map(|name| (name.to_owned(), count(&every, name)));
    assert_eq!(names(&every), three);
    assert_eq!(names(&Query { limit: Some(2), ..every.clone() }), three[..2]);
    let tagged = Query { tag: Some("production".into()), ..every };
    let due: Vec<_> = three.iter().map(|(name, _)| (name.clone(), count(&tagged, name))).filter(|(_, n)| *n > 0).collect();
    assert_eq!(names(&tagged), due);
}
