//! The refs of versions: one file a version, in a folder a dataset. Its creation is the commit point.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::{encode, names, not_a_folder, read};
use crate::error::{Error, Result};
use crate::fs::atomic::{self, Created, TempFile};
use crate::id::{Id, VersionId};
use crate::object::version::VersionNumber;

/// The refs of all versions of a repository.
#[derive(Clone, Debug)]
pub struct Versions {
    folder: PathBuf,
    /// The folder with the newest version of each dataset.
    newest: PathBuf,
    tmp: PathBuf,
}

impl Versions {
    /// Returns the refs in this folder, whose newest ones are named in `newest`; `tmp` is for files that have no name yet.
    pub fn new(folder: PathBuf, newest: PathBuf, tmp: PathBuf) -> Versions {
        Versions { folder, newest, tmp }
    }

    /// Returns the folder with the refs of a dataset.
    pub fn folder(&self, dataset: &str) -> PathBuf {
        self.folder.join(dataset)
    }

    /// Creates the ref of a version unless the number is taken. Durable when it returns, also if it was there before.
    pub fn create(&self, dataset: &str, number: &VersionNumber, id: Id<VersionId>) -> Result<Created> {
        let folder = self.folder(dataset);
        atomic::ensure_folder(&folder)?;
        let created = atomic::create_once(&self.tmp, &folder.join(number.to_string()), &encode(id))?;
        if created == Created::New {
            // Only a check needs it.
            let _ = self.mark(dataset, id);
        }
        Ok(created)
    }

    /// Records that the ref of a version exists, which is durable. A power cut may lose it.
    fn mark(&self, dataset: &str, id: Id<VersionId>) -> Result<()> {
        if !self.newest.is_dir() {
            atomic::ensure_folder(&self.newest)?;
        }
        let mut temp = TempFile::create(&self.tmp)?;
        temp.write_all(&encode(id)).map_err(|e| Error::io("cannot write", temp.path(), e))?;
        temp.rename(&self.newest.join(dataset))
    }

    /// Returns the version whose ref was created last in this copy, by dataset, as far as is known.
    pub fn newest(&self) -> Vec<(String, Id<VersionId>)> {
        let mut datasets = list(&self.newest).unwrap_or_default();
        datasets.sort();
        let id = |dataset: &String| read(&self.newest.join(dataset)).ok().flatten();
        datasets.into_iter().filter_map(|dataset| id(&dataset).map(|id| (dataset, id))).collect()
    }

    /// Makes the refs of a dataset durable that are there: another process may have been killed before it did.
    pub fn sync(&self, dataset: &str) -> Result<()> {
        atomic::sync_folder(&self.folder)?;
        atomic::sync_folder(&self.folder(dataset))
    }

    /// Returns the version with this number, if there is one.
    pub fn get(&self, dataset: &str, number: &VersionNumber) -> Result<Option<Id<VersionId>>> {
        read(&self.folder(dataset).join(number.to_string()))
    }

    /// Returns the numbers of a dataset's versions, ascending; none for a dataset that has no version.
    pub fn numbers(&self, dataset: &str) -> Result<Vec<VersionNumber>> {
        let folder = self.folder(dataset);
        let mut numbers: Vec<VersionNumber> = list(&folder)?.iter().filter_map(|name| VersionNumber::parse(name).ok()).collect();
        numbers.sort();
        Ok(numbers)
    }

    /// Returns the datasets that have versions, in order.
    pub fn datasets(&self) -> Result<Vec<String>> {
        let mut datasets = list(&self.folder)?;
        datasets.retain(|name| names::is_dataset(name));
        datasets.sort();
        Ok(datasets)
    }
}

fn list(folder: &std::path::Path) -> Result<Vec<String>> {
    let fail = |e| Error::io("cannot read the folder", folder, e);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !folder.is_symlink() => return Ok(Vec::new()),
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => return Err(not_a_folder(folder)),
        Err(e) => return Err(fail(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(fail)?.file_name().into_string());
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn a_number_is_created_once() {
        let dir = tempfile::tempdir().unwrap();
        let refs = Versions::new(dir.path().join("versions"), dir.path().join("newest"), dir.path().to_owned());
        let number = |text| VersionNumber::parse(text).unwrap();
        assert_eq!(refs.numbers("leases").unwrap(), []);
        assert_eq!(refs.create("leases", &number("1.10.0"), Id::of(b"a")).unwrap(), Created::New);
        assert_eq!(refs.create("leases", &number("1.10.0"), Id::of(b"b")).unwrap(), Created::Exists);
        refs.create("leases", &number("1.9.0"), Id::of(b"c")).unwrap();
        refs.create("leases", &number("1.10.0-rc.1"), Id::of(b"d")).unwrap();
        assert_eq!(refs.get("leases", &number("1.10.0")).unwrap(), Some(Id::of(b"a")));
        let order: Vec<String> = refs.numbers("leases").unwrap().iter().map(VersionNumber::to_string).collect();
        assert_eq!(order, ["1.9.0", "1.10.0-rc.1", "1.10.0"]);
        assert_eq!(refs.datasets().unwrap(), ["leases"]);
        assert_eq!(refs.newest(), [("leases".to_owned(), Id::of(b"d"))]);
        fs::write(refs.folder("leases").join("2.0.0"), "garbage").unwrap();
        assert!(refs.get("leases", &number("2.0.0")).is_err());
    }

    #[test]
    fn the_longest_names_and_numbers_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let refs = Versions::new(dir.path().join("versions"), dir.path().join("newest"), dir.path().to_owned());
        let dataset = "d".repeat(limits::NAME);
        let numbers =
            [limits::NUMBER - 1, limits::NUMBER].map(|n| VersionNumber::parse(&format!("1.0.0-{}", "x".repeat(n - 6))).unwrap());
        for number in &numbers {
            assert_eq!(refs.create(&dataset, number, Id::of(b"a")).unwrap(), Created::New);
            assert_eq!(refs.get(&dataset, number).unwrap(), Some(Id::of(b"a")));
        }
        let most = VersionNumber::parse(&format!("{0}.{0}.{0}", u64::MAX)).unwrap();
        refs.create(&dataset, &most, Id::of(b"b")).unwrap();
        assert_eq!(refs.numbers(&dataset).unwrap(), [numbers.to_vec(), vec![most]].concat());
        assert_eq!(refs.datasets().unwrap(), [dataset]);
    }
}
