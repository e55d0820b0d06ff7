//! Opening the database, and building it anew.

use std::collections::BTreeSet;
use std::fs;

use crate::catalog::guard::{fault, guarded};
use crate::catalog::seal::Home;
use crate::catalog::tables::{Part, Tables, decode, part};
use crate::catalog::update::{Found, Update};
use crate::error::{Error, Kind, Result};
use crate::fs::lock::Lock;
use crate::progress::{NoProgress, Progress};
use crate::repo::Repo;

/// Bytes of pages that sled keeps.
const CACHE: u64 = 16 << 20;
/// Bytes that sled writes at a time, and the least that the database takes. A row of more than a quarter becomes a file.
/// Opening clears the rest of the last segment, so that sled's own 512 KiB would cost twice the time.
const SEGMENT: usize = 128 << 10;
/// Up to so many versions the objects answer about as soon as sled has opened its files. Tests ask the catalog about fewer.
const FEW: usize = if cfg!(test) { 10 } else { 500 };

/// The catalog, open and up to date with what was there when it was opened.
///
/// While it is held no other process can open it. Drop it when the question is answered.
pub struct Catalog {
    database: Database,
    home: Home,
    /// Datasets of which the objects have to be asked.
    incomplete: BTreeSet<String>,
    _lock: Lock,
}

impl Catalog {
    /// Whether it is likely to answer sooner than the objects: not where the dataset, or without one the repository, has
    /// few versions.
    pub fn pays(repo: &Repo, dataset: Option<&str>) -> bool {
        let refs = repo.versions();
        let names = dataset.map_or_else(|| refs.datasets().unwrap_or_default(), |name| vec![name.to_owned()]);
        let entries = names.iter().filter_map(|name| fs::read_dir(refs.folder(name)).ok()).flatten();
        entries.take(FEW + 1).count() > FEW
    }

    /// Opens the catalog and brings it up to date. `None` when it cannot be used now: ask the objects.
    pub fn open(repo: &Repo) -> Option<Catalog> {
        Catalog::open_with(repo, &NoProgress)
    }

    /// The same, for a caller whose user may stop it: a catalog that was missing is built, which takes its time.
    pub fn open_with(repo: &Repo, progress: &dyn Progress) -> Option<Catalog> {
        let home = Home::of(repo.store().layout());
        let lock = home.lock().ok()?;
        let opened = match home.is_sealed() {
            true => match start(&home, repo, progress) {
                Err(e) if e.kind() != Kind::Conflict => renew(&home, repo, progress),
                opened => opened,
            },
            false => renew(&home, repo, progress),
        };
        let (database, found) = opened.ok()?;
        let catalog = Catalog { database, home, incomplete: found.incomplete, _lock: lock };
        (!found.blind).then_some(catalog)
    }

    /// Asks the tables. A fault breaks the seal, so that the next to come builds the database anew.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&Tables) -> Result<T>) -> Result<T> {
        let answer = guarded(|| question(&self.database.open()?.tables));
        if answer.is_err() {
            // If that fails too, the row will be found to be damaged again.
            let _ = self.home.unseal();
        }
        answer
    }

    /// Fails if the objects have to be asked of this dataset, or of any where none is named.
    pub(super) fn check_complete(&self, dataset: Option<&str>) -> Result<()> {
        let incomplete = match dataset {
            Some(name) => self.incomplete.contains(name),
            None => !self.incomplete.is_empty(),
        };
        if incomplete { Err(Error::damaged("some versions cannot be read")) } else { Ok(()) }
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        // sled may shorten its files after it has reported that all is written. A seal that was broken stays broken.
        let closed = self.database.close();
        if closed.is_err() {
            let _ = self.home.unseal();
        } else if self.home.has_seal() && !self.home.is_sealed() {
            let _ = self.home.seal();
        }
    }
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("home", &self.home).field("incomplete", &self.incomplete).finish_non_exhaustive()
    }
}

/// Removes the catalog and builds it anew; the number of versions in it. An error of kind [`Kind::Conflict`] if another
/// process has it open.
pub fn rebuild(repo: &Repo, progress: &dyn Progress) -> Result<u64> {
    let home = Home::of(repo.store().layout());
    let lock = home.lock()?;
    let (database, found) = renew(&home, repo, progress)?;
    let catalog = Catalog { database, home, incomplete: found.incomplete, _lock: lock };
    progress.check()?;
    catalog.ask(versions)
}

/// The versions of all datasets.
fn versions(tables: &Tables) -> Result<u64> {
    let mut versions = 0;
    for row in tables.meta.scan_prefix(part("")) {
        versions += decode::<Part>(&row.map_err(fault)?.1)?.versions;
    }
    Ok(versions)
}

/// sled's database and its tables.
struct Open {
    tables: Tables,
    db: sled::Db,
}

/// A database that is closed without a panic, whatever happens.
struct Database {
    open: Option<Open>,
    home: Home,
}

impl Database {
    fn open(&self) -> Result<&Open> {
        self.open.as_ref().ok_or_else(|| Error::damaged("the catalog is closed"))
    }

    /// Waits until all is written and sled is gone. Only what was not written before can fail.
    fn close(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let closed = guarded(|| {
            drop(open);
            Ok(())
        });
        self.home.settle();
        closed
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// Opens the database that is there, or makes an empty one, and brings it up to date. The seal is whole afterwards, if
/// the disk allows.
fn start(home: &Home, repo: &Repo, progress: &dyn Progress) -> Result<(Database, Found)> {
    let config = sled::Config::new()
        .path(home.folder())
        .cache_capacity(CACHE)
        .segment_size(SEGMENT)
        .flush_every_ms(None)
        .mode(sled::Mode::LowSpace);
    let database = guarded(|| {
        let db = config.open().map_err(fault)?;
        Ok(Database { open: Some(Open { tables: Tables::open(&db)?, db }), home: home.clone() })
    });
    let database = database.inspect_err(|e| {
        if e.kind() != Kind::Conflict {
            home.settle();
        }
    })?;
    let found = guarded(|| {
        let open = database.open()?;
        let found = Update { repo, tables: &open.tables, home, progress, found: Found::default() }.run()?;
        open.db.flush().map_err(fault)?;
        Ok(found)
    })?;
    // Without a seal the next to come builds it anew; the answers of this one are right all the same.
    let _ = home.seal();
    Ok((database, found))
}

/// Sets aside what is there and builds the database anew. If that fails it leaves nothing behind.
fn renew(home: &Home, repo: &Repo, progress: &dyn Progress) -> Result<(Database, Found)> {
    home.clear()?;
    let build = || {
        let (mut database, _) = start(home, repo, progress)?;
        // Whoever opens it next has to go through all that was written. Better who has built it than the next question.
        database.close()?;
        start(home, repo, progress)
    };
    build().inspect_err(|_| {
        let _ = home.clear();
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::{answer, commit, folder, from_objects, number, repository, some_versions, tag, version};
    use crate::catalog::tables;

    #[test]
    fn sees_what_another_process_commits() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        assert_eq!(Catalog::open(&repo).unwrap().versions("leases", None).unwrap(), []);
        let other = Repo::open(dir.path()).unwrap();
        for n in 0..5 {
            let id = commit(&other, &[version("leases", &format!("1.{n}.0"), n)])[0];
            // At once, while the folder's stamp is too young to be believed.
            let catalog = Catalog::open(&repo).unwrap();
            assert_eq!(catalog.versions("leases", Some(1)).unwrap()[0].id, id);
            drop(catalog);
            tag(&other, id, "production");
            let catalog = Catalog::open(&repo).unwrap();
            assert_eq!(catalog.by_tag("leases", "production").unwrap(), Some(id));
            assert_eq!(catalog.versions("leases", None).unwrap(), from_objects(&repo, "leases").unwrap());
        }
        commit(&other, &[version("contracts", "1.0.0", 0)]);
        assert_eq!(Catalog::open(&repo).unwrap().versions("contracts", None).unwrap().len(), 1);
        fs::remove_dir_all(repo.versions().folder("contracts")).unwrap();
        assert_eq!(Catalog::open(&repo).unwrap().versions("contracts", None).unwrap(), []);
        assert_eq!(rebuild(&repo, &NoProgress).unwrap(), 5);
    }

    #[test]
    fn writes_nothing_when_nothing_changed_and_keeps_its_seal() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        some_versions(&repo);
        drop(Catalog::open(&repo).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(50));
        drop(Catalog::open(&repo).unwrap());
        let home = Home::of(repo.store().layout());
        for _ in 0..3 {
            assert!(home.is_sealed());
            let (_database, found) = start(&home, &repo, &NoProgress).unwrap();
            assert!(!found.wrote);
        }
        let inode = |name: &str| std::os::unix::fs::MetadataExt::ino(&fs::metadata(folder(dir.path()).join(name)).unwrap());
        let database = inode("db");
        for _ in 0..3 {
            assert_eq!(Catalog::open(&repo).unwrap().versions("leases", None).unwrap().len(), 40);
        }
        assert_eq!(inode("db"), database, "it was not built anew");
    }

    #[test]
    fn comes_back_when_it_was_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        some_versions(&repo);
        let expected = from_objects(&repo, "leases").unwrap();
        let catalog = Catalog::open(&repo).unwrap();
        fs::remove_dir_all(folder(dir.path())).unwrap();
        assert_eq!(catalog.versions("leases", None).unwrap(), expected, "also while it is open");
        drop(catalog);
        assert_eq!(Catalog::open(&repo).unwrap().versions("leases", None).unwrap(), expected);
        fs::remove_dir_all(folder(dir.path())).unwrap();
        fs::write(folder(dir.path()), "no folder").unwrap();
        assert!(Catalog::open(&repo).is_none());
        assert!(rebuild(&repo, &NoProgress).is_err());
        assert_eq!(answer(&repo), expected);
    }

    #[test]
    fn is_left_alone_while_another_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        some_versions(&repo);
        let expected = from_objects(&repo, "leases").unwrap();
        let catalog = Catalog::open(&repo).unwrap();
        assert!(Catalog::open(&repo).is_none());
        assert_eq!(rebuild(&repo, &NoProgress).unwrap_err().kind(), Kind::Conflict);
        assert_eq!(answer(&repo), expected);
        assert_eq!(catalog.versions("leases", None).unwrap(), expected, "the first is not disturbed");
        drop(catalog);
        // sled's lock alone, with and without a whole seal.
        let held = sled::Config::new().path(folder(dir.path())).segment_size(SEGMENT).open().unwrap();
        for _ in 0..2 {
            assert!(Catalog::open(&repo).is_none());
            assert_eq!(rebuild(&repo, &NoProgress).unwrap_err().kind(), Kind::Conflict);
            Home::of(repo.store().layout()).seal().unwrap();
        }
        assert_eq!(held.open_tree("versions").unwrap().len(), 40);
        drop(held);
        assert_eq!(answer(&repo), expected);
    }

    #[test]
    fn pays_where_there_are_many_versions() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        assert!(!Catalog::pays(&repo, None));
        for dataset in ["a", "b"] {
            fs::create_dir(repo.versions().folder(dataset)).unwrap();
            for n in 0..FEW {
                fs::write(repo.versions().folder(dataset).join(format!("1.{n}.0")), "").unwrap();
            }
        }
        assert!(Catalog::pays(&repo, None));
        assert!(!Catalog::pays(&repo, Some("a")));
        assert!(!Catalog::pays(&repo, Some("absent")));
    }

    #[test]
    fn a_fault_while_it_is_asked_is_an_error_and_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        some_versions(&repo);
        let catalog = Catalog::open(&repo).unwrap();
        assert!(catalog.ask::<()>(|_| panic!("sled")).is_err());
        assert!(!catalog.home.is_sealed());
        drop(catalog);
        assert!(!Home::of(repo.store().layout()).is_sealed(), "closing does not seal it again");
        let catalog = Catalog::open(&repo).unwrap();
        assert_eq!(catalog.versions("leases", None).unwrap().len(), 40);
        // A row that is not the record that it is named by.
        let row = tables::Row { id: [7; 32], record: version("leases", "1.7.0", 7).encode() };
        let at = tables::place("leases", &number("1.7.0"));
        catalog.database.open().unwrap().tables.versions.insert(at, tables::encode(&row)).unwrap();
        assert!(catalog.versions("leases", None).is_err());
        assert_eq!(catalog.versions("leases", Some(20)).unwrap().len(), 20);
        // Rows that sled has lost.
        for n in 0..8 {
            let at = tables::place("leases", &number(&format!("1.{n}.0")));
            catalog.database.open().unwrap().tables.versions.remove(at).unwrap();
        }
        assert!(catalog.versions("leases", None).is_err());
        assert!(catalog.versions("leases", Some(33)).is_err());
        assert_eq!(catalog.versions("leases", Some(32)).unwrap().len(), 32);
        drop(catalog);
        assert_eq!(Catalog::open(&repo).unwrap().versions("leases", None).unwrap(), from_objects(&repo, "leases").unwrap());
    }
}
