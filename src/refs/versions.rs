//! The refs of versions: one file a version, in a folder a dataset. Its creation is the commit point.

use std::fs;
use std::path::PathBuf;

use super::{encode, names, not_a_folder, read};
use crate::error::{Error, Result};
use crate::fs::atomic::{self, Created};
use crate::id::{Id, VersionId};
use crate::object::version::VersionNumber;

/// The refs of all versions of a repository.
#[derive(Clone, Debug)]
pub struct Versions {
    folder: PathBuf,
    tmp: PathBuf,
}

impl Versions {
    /// Returns the refs in this folder; `tmp` is for files that have no name yet.
    pub fn new(folder: PathBuf, tmp: PathBuf) -> Versions {
        Versions { folder, tmp }
    }

    /// Returns the folder with the refs of a dataset.
    pub fn folder(&self, dataset: &str) -> PathBuf {
        self.folder.join(dataset)
    }

    /// Creates the ref of a version unless the number is taken. Durable when it returns, also if it was there before.
    pub fn create(&self, dataset: &str, number: &VersionNumber, id: Id<VersionId>) -> Result<Created> {
        let folder = self.folder(dataset);
        atomic::ensure_folder(&folder)?;
        atomic::create_once(&self.tmp, &folder.join(number.to_string()), &encode(id))
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
        let refs = Versions::new(dir.path().join("versions"), dir.path().to_owned());
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
        fs::write(refs.folder("leases").join("2.0.0"), "garbage").unwrap();
        assert!(refs.get("leases", &number("2.0.0")).is_err());
    }

    #[test]
    fn the_longest_names_and_numbers_are_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let refs = Versions::new(dir.path().join("versions"), dir.path().to_owned());
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
