//! What the index answers, and how it keeps up with refs and facts.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::catalog::database::{self, Database};
use crate::catalog::index::Index;
use crate::catalog::seal::CatalogFolder;
use crate::catalog::tests::samples::{
    answer, commit, folder, from_objects, indexed, indexed_bearers, judge, number, repository, some_versions, tag, untag, version,
};
use crate::catalog::{FEW, FEW_NAMES, Query, VersionEntry};
use crate::error::ErrorKind;
use crate::fs::lock;
use crate::id::{FactId, Id};
use crate::object::fact::Statement;
use crate::object::version::{ValidationStatus, Version};
use crate::progress::{NoProgress, Progress, Stage};
use crate::repo::Repo;

fn numbers(entries: &[VersionEntry]) -> Vec<String> {
    entries.iter().map(|entry| entry.version.number.to_string()).collect()
}

fn sealed(repo: &Repo) -> CatalogFolder {
    CatalogFolder::of(repo.store().layout())
}

#[test]
fn sees_what_another_process_commits() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    assert_eq!(indexed(&repo, "leases").unwrap(), []);
    let other = Repo::open(dir.path()).unwrap();
    for n in 0..5 {
        let id = commit(&other, &[version("leases", &format!("1.{n}.0"), n)])[0];
        // At once, while the folder's stamp is too young to be believed.
        assert_eq!(indexed(&repo, "leases").unwrap()[0].id, id);
        tag(&other, id, "production");
        assert_eq!(indexed_bearers(&repo, "leases", "production").unwrap(), [id]);
        assert_eq!(repo.folded_facts().unwrap().versions_with("production"), [id]);
        assert_eq!(indexed(&repo, "leases").unwrap(), from_objects(&repo, "leases").unwrap());
    }
    commit(&other, &[version("contracts", "1.0.0", 0)]);
    assert_eq!(indexed(&repo, "contracts").unwrap().len(), 1);
    fs::remove_dir_all(repo.versions().folder("contracts")).unwrap();
    assert_eq!(indexed(&repo, "contracts").unwrap(), []);
}

#[test]
fn writes_nothing_when_nothing_changed_and_keeps_its_seal() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    some_versions(&repo);
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(folder(dir.path()).join("db")).unwrap());
    let expected = indexed(&repo, "leases").unwrap();
    std::thread::sleep(std::time::Duration::from_millis(50));
    // Those that were recorded now are old enough.
    indexed(&repo, "leases").unwrap();
    let database = inode();
    for _ in 0..3 {
        assert!(sealed(&repo).is_sealed());
        let is_written = database::ask(repo.store().layout(), |rows| {
            repo.catalog().folded_facts_in(rows)?;
            Index::new(rows, repo.store()).update("leases")?;
            Ok(Some(rows.is_written()))
        });
        assert_eq!(is_written.unwrap(), Some(false));
        assert_eq!(indexed(&repo, "leases").unwrap(), expected);
    }
    assert_eq!(inode(), database, "it was not built anew");
}

#[test]
fn comes_back_when_it_was_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    some_versions(&repo);
    let expected = from_objects(&repo, "leases").unwrap();
    assert_eq!(indexed(&repo, "leases").unwrap(), expected);
    let found = database::ask(repo.store().layout(), |rows| {
        fs::remove_dir_all(folder(dir.path())).unwrap();
        let facts = repo.folded_facts().unwrap();
        let query = Query { dataset: Some("leases".into()), ..Query::default() };
        Index::new(rows, repo.store()).select(&query, &facts, &["leases".into()])
    });
    assert_eq!(found.unwrap().unwrap(), expected, "also while it is open");
    assert_eq!(indexed(&repo, "leases").unwrap(), expected);
    fs::remove_dir_all(folder(dir.path())).unwrap();
    fs::write(folder(dir.path()), "no folder").unwrap();
    assert!(indexed(&repo, "leases").is_none());
    assert!(repo.catalog().rebuild(&NoProgress).is_err());
    assert_eq!(answer(&repo), expected);
}

#[test]
fn is_left_alone_while_another_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    some_versions(&repo);
    let expected = from_objects(&repo, "leases").unwrap();
    indexed(&repo, "leases").unwrap();
    let held = lock::exclusive(&folder(dir.path()).join("lock")).unwrap();
    assert!(indexed(&repo, "leases").is_none());
    assert_eq!(repo.catalog().rebuild(&NoProgress).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(answer(&repo), expected);
    drop(held);
    assert_eq!(indexed(&repo, "leases").unwrap(), expected);
    // sled's lock alone, with and without a whole seal.
    let held = sled::Config::new().path(folder(dir.path())).segment_size(128 << 10).open().unwrap();
    let rows = held.len();
    for _ in 0..2 {
        assert!(indexed(&repo, "leases").is_none());
        assert_eq!(repo.catalog().rebuild(&NoProgress).unwrap_err().kind(), ErrorKind::Conflict);
        sealed(&repo).seal().unwrap();
    }
    assert!(rows > 1 && held.len() == rows);
    drop(held);
    assert_eq!(answer(&repo), expected);
}

#[test]
fn is_asked_where_there_are_many_versions() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for dataset in ["a", "b"] {
        commit(&repo, &(0..FEW as i64).map(|n| version(dataset, &format!("1.{n}.0"), n)).collect::<Vec<_>>());
        assert!(repo.catalog().have_more(&names(&["a", "b"]), FEW) == (dataset == "b"));
    }
    assert!(!repo.catalog().have_more(&names(&["a", "absent"]), FEW));
    assert_eq!(FEW, FEW_NAMES, "in tests");
    repo.catalog().numbers("a").unwrap();
    assert!(!folder(dir.path()).exists());
    commit(&repo, &[version("a", "2.0.0", 7)]);
    assert_eq!(repo.catalog().numbers("a").unwrap(), repo.versions().numbers("a").unwrap());
    assert!(folder(dir.path()).exists());
}

#[test]
fn a_panic_or_a_row_that_is_lost_or_garbled_is_gone_around() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    some_versions(&repo);
    let (layout, expected) = (repo.store().layout(), from_objects(&repo, "leases").unwrap());
    let change = |key: &[u8], row: Option<&[u8]>| {
        let mut batch = sled::Batch::default();
        match row {
            Some(row) => batch.insert(key, row),
            None => batch.remove(key),
        }
        move |rows: &Database<'_>| rows.write(batch).map(Some)
    };
    indexed(&repo, "leases").unwrap();
    assert!(database::ask::<()>(layout, |_| panic!("sled")).is_err());
    assert!(!sealed(&repo).is_sealed());
    let block = b"versions\0leases\0\0\0\0\0";
    for (key, row) in [
        (&block[..], None),
        (block, Some(&b"\x05ab"[..])),
        (b"dataset\0leases", None),
        (b"dataset\0leases", Some(b"")),
        (b"facts", Some(b"garbage")),
        (b"fact\0\0\0\0\0\0\0\0\0", None),
        (b"fact\0\0\0\0\0\0\0\0\0", Some(b"")),
        (b"fact\0short", Some(b"")),
    ] {
        assert_eq!(indexed(&repo, "leases").unwrap(), expected);
        database::ask(layout, change(key, row)).unwrap();
        assert!(sealed(&repo).is_sealed());
        assert!(indexed(&repo, "leases").is_none(), "{key:?} {row:?}");
        assert!(!sealed(&repo).is_sealed());
        assert_eq!(answer(&repo), expected);
    }
}

#[test]
fn the_highest_number_comes_first_and_pre_releases_before_their_release() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let ascending = "0.9.0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-rc.2 1.0.0-rc.11 1.0.0 1.9.0 1.10.0";
    let ascending: Vec<&str> = ascending.split_whitespace().collect();
    let mut shuffled: Vec<Version> = ascending.iter().enumerate().map(|(n, text)| version("leases", text, n as i64)).collect();
    shuffled.rotate_left(4);
    shuffled.swap(0, 2);
    commit(&repo, &shuffled);
    commit(&repo, &[version("lease", "3.0.0", 0), version("leases2", "4.0.0", 0)]);
    let entries = indexed(&repo, "leases").unwrap();
    assert_eq!(numbers(&entries), ascending.iter().rev().map(|n| (*n).to_owned()).collect::<Vec<_>>());
    assert_eq!(entries, from_objects(&repo, "leases").unwrap());
    let two = Query { dataset: Some("leases".into()), limit: Some(2), ..Query::default() };
    assert_eq!(numbers(&repo.catalog().indexed(&two).unwrap()), ["1.10.0", "1.9.0"]);
    assert_eq!(indexed(&repo, "absent").unwrap(), []);
}

#[test]
fn ids_are_found_by_their_first_digits() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let versions: Vec<Version> = (0..300).map(|n| version(if n % 2 == 0 { "a" } else { "b" }, &format!("1.{n}.0"), n)).collect();
    let ids = commit(&repo, &versions);
    let names = ["a", "b"].map(str::to_owned);
    let found = |names: &[String], hex: &str| {
        let found = repo.catalog().ask(|rows| Index::new(rows, repo.store()).with_prefix(names, hex));
        found.unwrap().into_iter().map(|version| version.id).collect::<Vec<_>>()
    };
    for (id, version) in ids.iter().zip(&versions).step_by(10) {
        let of_other = usize::from(version.dataset == "a");
        assert_eq!(found(&names, &id.to_hex()), [*id]);
        assert_eq!(found(&names, &id.to_hex()[..12]), [*id]);
        assert_eq!(found(&names[of_other..=of_other], &id.to_hex()[..12]), []);
    }
    assert_eq!(found(&names, "").len(), 300);
    for absent in [&"0".repeat(64), &"0".repeat(65), "x", "AB"] {
        assert_eq!(found(&names, absent), [], "{absent}");
    }
}

#[test]
fn a_tag_stands_on_one_version_of_a_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let ids = commit(&repo, &[version("leases", "1.0.0", 0), version("leases", "1.1.0", 1), version("contracts", "1.0.0", 2)]);
    let bearers = |dataset: &str| indexed_bearers(&repo, dataset, "production").unwrap();
    assert_eq!(bearers("leases"), []);
    tag(&repo, ids[1], "production");
    tag(&repo, ids[0], "production");
    tag(&repo, ids[2], "production");
    tag(&repo, ids[0], "gold");
    assert_eq!(bearers("leases"), [ids[0]], "another dataset's tag is another");
    let tags: Vec<_> = indexed(&repo, "leases").unwrap().into_iter().map(|entry| entry.tags).collect();
    assert_eq!(tags, [vec![], vec!["gold", "production"]]);
    tag(&repo, ids[1], "production");
    assert_eq!(bearers("leases"), [ids[1]], "received again");
    untag(&repo, ids[1], "production");
    assert_eq!(bearers("leases"), []);
    assert_eq!(bearers("contracts"), [ids[2]]);
}

#[test]
fn a_fact_may_come_before_its_version_and_outlive_it() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let late = version("leases", "1.0.0", 0);
    let bearers = || indexed_bearers(&repo, "leases", "production").unwrap();
    tag(&repo, late.id(), "production");
    assert_eq!(bearers(), []);
    commit(&repo, std::slice::from_ref(&late));
    assert_eq!(bearers(), [late.id()]);
    std::fs::remove_file(repo.versions().folder("leases").join("1.0.0")).unwrap();
    assert_eq!(bearers(), []);
}

#[test]
fn a_version_that_came_after_its_tag_shares_it_with_its_dataset() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let late = version("leases", "1.0.0", 0);
    let there = commit(&repo, &[version("leases", "1.1.0", 1)])[0];
    tag(&repo, late.id(), "production");
    tag(&repo, there, "production");
    assert_eq!(repo.folded_facts().unwrap().versions_with("production"), [late.id(), there]);
    assert_eq!(indexed_bearers(&repo, "leases", "production").unwrap(), [there]);
    commit(&repo, &[late]);
    assert_eq!(repo.folded_facts().unwrap().versions_with("production"), [there]);
    assert_eq!(indexed_bearers(&repo, "leases", "production").unwrap(), [there]);
}

#[test]
fn the_last_verdict_holds_whenever_it_was_said() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let (first, late) = (version("leases", "1.0.0", 0), version("leases", "1.1.0", 1));
    commit(&repo, std::slice::from_ref(&first));
    let statuses = || indexed(&repo, "leases").unwrap().into_iter().map(|entry| entry.status).collect::<Vec<_>>();
    assert_eq!(statuses(), [ValidationStatus::Pending]);
    judge(&repo, first.id(), true);
    judge(&repo, late.id(), false);
    assert_eq!(statuses(), [ValidationStatus::Passed]);
    commit(&repo, std::slice::from_ref(&late));
    assert_eq!(statuses(), [ValidationStatus::Failed, ValidationStatus::Passed], "said before it came");
    judge(&repo, first.id(), false);
    judge(&repo, late.id(), true);
    assert_eq!(statuses(), [ValidationStatus::Passed, ValidationStatus::Failed]);
}

#[test]
fn a_verdict_that_cannot_be_read_is_left_to_the_objects() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let id = commit(&repo, &[version("leases", "1.0.0", 0)])[0];
    let absent = Statement::Validated { version: id, verdict: Id::of(b"absent") };
    repo.facts().append("ana", &[absent]).unwrap();
    assert!(indexed(&repo, "leases").is_none());
    judge(&repo, id, true);
    assert!(indexed(&repo, "leases").is_some(), "only the last one counts");
}

#[test]
fn facts_that_cannot_be_read_are_left_to_the_objects() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let id = commit(&repo, &[version("leases", "1.0.0", 0)])[0];
    tag(&repo, id, "production");
    assert_eq!(indexed_bearers(&repo, "leases", "production").unwrap(), [id]);
    let bad = repo.store().layout().facts().join("0000000002");
    std::fs::write(&bad, "garbage").unwrap();
    assert!(indexed(&repo, "leases").is_none());
    assert!(repo.folded_facts().is_err());
    std::fs::remove_file(bad).unwrap();
    assert_eq!(indexed_bearers(&repo, "leases", "production").unwrap(), [id]);
}

#[test]
fn facts_are_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let ids = commit(&repo, &[version("leases", "1.0.0", 0), version("contracts", "1.0.0", 1)]);
    for n in 0..=FEW {
        repo.facts().append("ana", &[Statement::Note { version: ids[n % 2], text: n.to_string() }]).unwrap();
    }
    tag(&repo, ids[0], "production");
    let expected = repo.facts().fold().unwrap();
    assert_eq!(*repo.folded_facts().unwrap(), expected);
    // The sequence of heads alone is read from now on, and no fact but the newest.
    let (_, head) = repo.facts().head().unwrap().unwrap();
    let first: Id<FactId> = expected.notes()[0].id;
    let fact = repo.facts().get(first).unwrap();
    assert!(fact.parents.is_empty() && first != head);
    let other = Repo::open(dir.path()).unwrap();
    let state = other.folded_facts().unwrap();
    assert_eq!(*state, expected);
    tag(&other, ids[1], "production");
    let later = other.folded_facts().unwrap();
    assert_eq!(later.versions_with("production"), ids);
    assert_eq!(state.versions_with("production"), ids[..1], "who holds the old state keeps it");
    assert_eq!(*Repo::open(dir.path()).unwrap().folded_facts().unwrap(), *later);
}

#[test]
fn a_dataset_with_a_version_that_cannot_be_read_is_left_to_the_objects() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let ids = commit(&repo, &[version("leases", "1.0.0", 0), version("contracts", "1.0.0", 0)]);
    let bad = repo.versions().folder("leases").join("1.1.0");
    let all = ["contracts", "leases"].map(str::to_owned);
    // A ref that holds no id, one of a record that is not there, and one of another version.
    for holds in ["garbage".to_owned(), format!("{}\n", "0".repeat(64)), format!("{}\n", ids[0])] {
        fs::write(&bad, holds).unwrap();
        assert!(indexed(&repo, "leases").is_none());
        let prefix = repo.catalog().ask(|rows| Index::new(rows, repo.store()).with_prefix(&all, "000000"));
        assert!(prefix.is_none(), "it could be the missing one");
        assert_eq!(indexed(&repo, "contracts").unwrap().len(), 1);
    }
    repo.catalog().rebuild(&NoProgress).unwrap();
    let rest = database::ask(repo.store().layout(), |rows| Ok(Some(Index::new(rows, repo.store()).versions("leases")?)));
    assert_eq!(rest.unwrap(), Some(1), "the rest is there");
    fs::remove_file(&bad).unwrap();
    assert_eq!(indexed(&repo, "leases").unwrap(), from_objects(&repo, "leases").unwrap());
}

#[test]
fn names_that_are_no_numbers_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    commit(&repo, &[version("leases", "1.0.0", 0)]);
    fs::write(repo.versions().folder("leases").join("notes.txt"), "").unwrap();
    fs::create_dir(repo.versions().folder("No_Dataset")).unwrap();
    assert_eq!(indexed(&repo, "leases").unwrap().len(), 1);
    repo.catalog().rebuild(&NoProgress).unwrap();
    assert_eq!(repo.catalog().indexed(&Query::default()).unwrap().len(), 1);
}

#[test]
fn another_folder_of_refs_is_read_anew() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    commit(&repo, &[version("leases", "1.0.0", 0)]);
    indexed(&repo, "leases").unwrap();
    // As after a backup was restored: the same number, another version.
    let folder = repo.versions().folder("leases");
    fs::rename(&folder, dir.path().join("kept")).unwrap();
    let id = commit(&repo, &[version("leases", "1.0.0", 7)])[0];
    assert_eq!(indexed(&repo, "leases").unwrap()[0].id, id);
}

/// A user who stops it after so many versions.
struct Stops(AtomicI64);

impl Progress for Stops {
    fn begin(&self, _: Stage, _: u64, _: u64) {}
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, files: u64, _: u64) {
        self.0.fetch_sub(files as i64, Ordering::Relaxed);
    }
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) <= 0
    }
}

/// Brings a dataset up to date.
fn update(repo: &Repo, dataset: &str, progress: &dyn Progress) -> bool {
    let update = |rows: &Database<'_>| Index::new(rows, repo.store()).with_progress(progress).update(dataset).map(Some);
    database::ask(repo.store().layout(), update).unwrap().unwrap()
}

#[test]
fn what_was_stopped_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    commit(&repo, &(0..30).map(|n| version("leases", &format!("1.{n}.0"), n)).collect::<Vec<_>>());
    assert!(!update(&repo, "leases", &Stops(10.into())));
    let counts = Stops(1000.into());
    assert!(update(&repo, "leases", &counts));
    assert_eq!(counts.0.into_inner(), 1000 - 20, "ten were there");
    assert_eq!(indexed(&repo, "leases").unwrap(), from_objects(&repo, "leases").unwrap());
    assert_eq!(repo.catalog().rebuild(&Stops(5.into())).unwrap_err().kind(), ErrorKind::Interrupted);
    repo.catalog().rebuild(&NoProgress).unwrap();
    assert_eq!(indexed(&repo, "leases").unwrap().len(), 30);
}

#[test]
fn the_seal_is_broken_while_rows_are_written() {
    /// Looks for the seal each time that a version was read.
    struct Looks<'a>(&'a Repo, Mutex<Vec<bool>>);

    impl Progress for Looks<'_> {
        fn begin(&self, _: Stage, _: u64, _: u64) {}
        fn expect(&self, _: u64, _: u64) {}
        fn advance(&self, _: u64, _: u64) {
            let seal = folder(self.0.root()).join("seal");
            self.1.lock().unwrap().push(seal.exists());
        }
        fn cancelled(&self) -> bool {
            false
        }
    }

    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    indexed(&repo, "a").unwrap();
    commit(&repo, &[version("a", "1.0.0", 0), version("b", "1.0.0", 0)]);
    assert!(sealed(&repo).is_sealed());
    let looks = Looks(&repo, Mutex::default());
    database::ask(repo.store().layout(), |rows| {
        let index = Index::new(rows, repo.store()).with_progress(&looks);
        Ok(Some(index.update("a")? && index.update("b")?))
    })
    .unwrap();
    assert_eq!(looks.1.into_inner().unwrap(), [true, false], "it was broken between");
    assert!(sealed(&repo).is_sealed());
    assert_eq!(indexed(&repo, "a").unwrap()[0].version.number, number("1.0.0"));
}

#[test]
fn tags_follow_although_the_versions_were_not_all_read() {
    let dir = tempfile::tempdir().unwrap();
    let repo = repository(dir.path());
    let late = version("leases", "1.0.0", 0);
    let gone = commit(&repo, &[version("leases", "1.1.0", 0)])[0];
    tag(&repo, gone, "gold");
    tag(&repo, late.id(), "production");
    indexed(&repo, "leases").unwrap();
    commit(&repo, &[late.clone(), version("leases", "1.2.0", 0)]);
    fs::remove_file(repo.versions().folder("leases").join("1.1.0")).unwrap();
    assert!(!update(&repo, "leases", &Stops(1.into())));
    assert_eq!(indexed_bearers(&repo, "leases", "production").unwrap(), [late.id()]);
    assert_eq!(indexed_bearers(&repo, "leases", "gold").unwrap(), []);
}
