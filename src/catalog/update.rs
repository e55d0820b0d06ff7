//! Brings the tables up to date with the refs.
//!
//! A ref is created once and never changes, so only refs that are new are read, and rows of refs that are gone are
//! removed. A folder of refs is listed only if its stamp is another one, or was too young to tell later changes when it
//! was recorded. Facts are read before refs: what a fact speaks of is there when the fact is.

use std::collections::BTreeSet;

use crate::catalog::guard::fault;
use crate::catalog::seal::Home;
use crate::catalog::stamp::Stamp;
use crate::catalog::tables::{HEADS, Heads, NAMES, Names, Part, Tables, encode, get, part, place};
use crate::catalog::timeline;
use crate::clock;
use crate::error::Result;
use crate::progress::Progress;
use crate::repo::Repo;

/// What an update found. Only faults of the catalog are errors of it.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Datasets with versions that could not be read: of them the objects have to be asked.
    pub incomplete: BTreeSet<String>,
    /// Whether datasets or facts could not be read at all, or the user stopped it.
    pub blind: bool,
    /// Whether something was written.
    pub wrote: bool,
}

/// An update of the tables.
pub(super) struct Update<'a> {
    pub repo: &'a Repo,
    pub tables: &'a Tables,
    pub home: &'a Home,
    pub progress: &'a dyn Progress,
    pub found: Found,
}

impl Update<'_> {
    /// Does all that there is to do.
    pub fn run(mut self) -> Result<Found> {
        let heads = self.heads()?;
        self.datasets()?;
        if let Some(heads) = heads.filter(|_| !self.found.blind) {
            self.fold(heads)?;
        }
        Ok(self.found)
    }

    /// Writes rows, after the seal is broken.
    pub(super) fn write(&mut self, tree: &sled::Tree, batch: sled::Batch) -> Result<()> {
        if !self.found.wrote {
            self.home.unseal()?;
            self.found.wrote = true;
        }
        tree.apply_batch(batch).map_err(fault)
    }

    /// Writes a row of `meta`, unless it is there.
    pub(super) fn note(&mut self, key: &[u8], row: Vec<u8>) -> Result<()> {
        if self.tables.meta.get(key).map_err(fault)?.is_some_and(|there| there == row) {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        batch.insert(key, row);
        self.write(&self.tables.meta, batch)
    }

    /// The newest fact, if it can be read.
    fn heads(&mut self) -> Result<Option<Heads>> {
        let began = clock::nanos_now();
        let stamp = Stamp::of(&self.repo.store().layout().facts(), began);
        let known: Heads = get(&self.tables.meta, HEADS)?.unwrap_or_default();
        if vouches(&known.stamp, &stamp) {
            return Ok(Some(known));
        }
        match self.repo.facts().head() {
            Ok(head) => Ok(Some(Heads { stamp, head: head.map(|(_, id)| *id.as_bytes()), ..known })),
            Err(_) => {
                self.found.blind = true;
                Ok(None)
            }
        }
    }

    fn datasets(&mut self) -> Result<()> {
        let began = clock::nanos_now();
        let stamp = Stamp::of(&self.repo.store().layout().versions(), began);
        let known: Names = get(&self.tables.meta, NAMES)?.unwrap_or_default();
        let names = if vouches(&known.stamp, &stamp) { Ok(known.names.clone()) } else { self.repo.versions().datasets() };
        let Ok(names) = names else {
            self.found.blind = true;
            return Ok(());
        };
        for gone in known.names.iter().filter(|name| !names.contains(name)) {
            self.forget(gone)?;
        }
        // The names come first: what an interrupted update has written of a dataset is found again by its name.
        self.note(NAMES, encode(&Names { stamp, names: names.clone() }))?;
        for name in &names {
            self.dataset(name)?;
        }
        Ok(())
    }

    fn dataset(&mut self, name: &str) -> Result<()> {
        let refs = self.repo.versions();
        let began = clock::nanos_now();
        let stamp = Stamp::of(&refs.folder(name), began);
        let mut known: Part = get(&self.tables.meta, &part(name))?.unwrap_or_default();
        if vouches(&known.stamp, &stamp) {
            return Ok(());
        }
        let Ok(numbers) = refs.numbers(name) else {
            self.found.incomplete.insert(name.to_owned());
            return Ok(());
        };
        if let (Some(old), Some(now)) = (&known.stamp, &stamp) {
            // Another folder, perhaps an older copy: its refs need not be those that were read.
            if !old.same_folder(now) {
                self.forget(name)?;
                known = Part::default();
            }
        }
        let mut gone: BTreeSet<Vec<u8>> = self.places(name)?;
        let mut new = Vec::new();
        for number in numbers {
            if !gone.remove(&place(name, &number)) {
                new.push(number);
            }
        }
        self.remove(name, &mut known, gone)?;
        let whole = self.add(name, &mut known, &new)?;
        if whole {
            known.stamp = stamp;
            self.note(&part(name), encode(&known))
        } else {
            self.found.incomplete.insert(name.to_owned());
            Ok(())
        }
    }

    /// The keys of all versions of a dataset that have rows. The list of times is shorter than the rows.
    fn places(&self, dataset: &str) -> Result<BTreeSet<Vec<u8>>> {
        timeline::newest(&self.tables.times, dataset, None, None).map(|moment| Ok(moment?.place)).collect()
    }

    /// Forgets a dataset.
    fn forget(&mut self, dataset: &str) -> Result<()> {
        let all = self.places(dataset)?;
        self.remove(dataset, &mut Part::default(), all)?;
        let mut batch = sled::Batch::default();
        batch.remove(part(dataset));
        self.write(&self.tables.meta, batch)
    }
}

/// Whether the folder still holds what it held. A folder that is not there holds nothing, but that is looked up.
fn vouches(known: &Option<Stamp>, now: &Option<Stamp>) -> bool {
    matches!((known, now), (Some(known), Some(now)) if known.vouches_for(now))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::catalog::db::{Catalog, rebuild};
    use crate::catalog::samples::{commit, from_objects, repository, tag, version};
    use crate::catalog::seal::Home;
    use crate::error::Kind;
    use crate::progress::{NoProgress, Progress, Stage};

    #[test]
    fn a_dataset_with_a_version_that_cannot_be_read_is_left_to_the_objects() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let ids = commit(&repo, &[version("leases", "1.0.0", 0), version("contracts", "1.0.0", 0)]);
        let bad = repo.versions().folder("leases").join("1.1.0");
        // A ref that holds no id, one of a record that is not there, and one of another version.
        for holds in ["garbage".to_owned(), format!("{}\n", "0".repeat(64)), format!("{}\n", ids[0])] {
            fs::write(&bad, holds).unwrap();
            let catalog = Catalog::open(&repo).unwrap();
            assert!(catalog.versions("leases", None).is_err());
            assert!(catalog.by_prefix(None, "000000").is_err(), "it could be the missing one");
            assert_eq!(catalog.versions("contracts", None).unwrap().len(), 1);
        }
        assert_eq!(rebuild(&repo, &NoProgress).unwrap(), 2, "the rest is there");
        fs::remove_file(&bad).unwrap();
        let good = Catalog::open(&repo).unwrap().versions("leases", None).unwrap();
        assert_eq!(good, from_objects(&repo, "leases").unwrap());
    }

    #[test]
    fn names_that_are_no_numbers_are_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        commit(&repo, &[version("leases", "1.0.0", 0)]);
        fs::write(repo.versions().folder("leases").join("notes.txt"), "").unwrap();
        fs::create_dir(repo.versions().folder("No_Dataset")).unwrap();
        assert_eq!(Catalog::open(&repo).unwrap().versions("leases", None).unwrap().len(), 1);
        assert_eq!(rebuild(&repo, &NoProgress).unwrap(), 1);
    }

    #[test]
    fn another_folder_of_refs_is_read_anew() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        commit(&repo, &[version("leases", "1.0.0", 0)]);
        drop(Catalog::open(&repo));
        // As after a backup was restored: the same number, another version.
        let folder = repo.versions().folder("leases");
        let kept = dir.path().join("kept");
        fs::rename(&folder, &kept).unwrap();
        let id = commit(&repo, &[version("leases", "1.0.0", 7)])[0];
        assert_eq!(Catalog::open(&repo).unwrap().versions("leases", None).unwrap()[0].id, id);
    }

    /// A user who stops it after so many versions.
    struct Stops(std::sync::atomic::AtomicI64);

    impl Progress for Stops {
        fn begin(&self, _: Stage, _: u64, _: u64) {}
        fn expect(&self, _: u64, _: u64) {}
        fn advance(&self, files: u64, _: u64) {
            self.0.fetch_sub(files as i64, std::sync::atomic::Ordering::Relaxed);
        }
        fn cancelled(&self) -> bool {
            self.0.load(std::sync::atomic::Ordering::Relaxed) <= 0
        }
    }

    #[test]
    fn what_was_stopped_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        commit(&repo, &(0..30).map(|n| version("leases", &format!("1.{n}.0"), n)).collect::<Vec<_>>());
        assert!(Catalog::open_with(&repo, &Stops(10.into())).is_none());
        let counts = Stops(1000.into());
        let catalog = Catalog::open_with(&repo, &counts).unwrap();
        assert_eq!(counts.0.into_inner(), 1000 - 20, "ten were there");
        assert_eq!(catalog.versions("leases", None).unwrap(), from_objects(&repo, "leases").unwrap());
        drop(catalog);
        assert_eq!(rebuild(&repo, &Stops(5.into())).unwrap_err().kind(), Kind::Interrupted);
        assert_eq!(rebuild(&repo, &NoProgress).unwrap(), 30);
    }

    /// Looks for the seal each time that a version was read.
    struct Looks<'a>(&'a Home, std::sync::Mutex<Vec<bool>>);

    impl Progress for Looks<'_> {
        fn begin(&self, _: Stage, _: u64, _: u64) {}
        fn expect(&self, _: u64, _: u64) {}
        fn advance(&self, _: u64, _: u64) {
            self.1.lock().unwrap().push(self.0.has_seal());
        }
        fn cancelled(&self) -> bool {
            false
        }
    }

    #[test]
    fn the_seal_is_broken_while_rows_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        drop(Catalog::open(&repo).unwrap());
        commit(&repo, &[version("a", "1.0.0", 0), version("b", "1.0.0", 0)]);
        let home = Home::of(repo.store().layout());
        assert!(home.is_sealed());
        let looks = Looks(&home, Vec::new().into());
        drop(Catalog::open_with(&repo, &looks).unwrap());
        assert_eq!(looks.1.into_inner().unwrap().last(), Some(&false));
        assert!(home.is_sealed());
    }

    #[test]
    fn tags_follow_although_it_was_stopped_before_they_were_folded() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let late = version("leases", "1.0.0", 0);
        let gone = commit(&repo, &[version("leases", "1.1.0", 0)])[0];
        tag(&repo, gone, "gold");
        tag(&repo, late.id(), "production");
        drop(Catalog::open(&repo).unwrap());
        commit(&repo, &[late.clone(), version("leases", "1.2.0", 0)]);
        fs::remove_file(repo.versions().folder("leases").join("1.1.0")).unwrap();
        assert!(Catalog::open_with(&repo, &Stops(1.into())).is_none());
        let catalog = Catalog::open(&repo).unwrap();
        assert_eq!(catalog.by_tag("leases", "production").unwrap(), Some(late.id()));
        assert_eq!(catalog.by_tag("leases", "gold").unwrap(), None);
    }
}
