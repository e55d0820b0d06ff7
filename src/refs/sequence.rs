//! Something that moves, as a sequence of entries each of which is created once; the last one counts.

use std::path::PathBuf;
use std::{fs, io};

use super::{encode, not_a_folder, read};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::{self, Created};
use crate::id::Id;
use crate::limits;

/// A sequence of ids in a folder, one file an entry, named by ten decimal digits from `0000000001`.
#[derive(Clone, Debug)]
pub struct Sequence {
    folder: PathBuf,
    tmp: PathBuf,
}

/// An entry of a sequence.
#[derive(Debug)]
pub struct SequenceEntry<T> {
    /// Its number; 1 for the first.
    pub number: u64,
    /// The id.
    pub id: Id<T>,
}

impl<T> Clone for SequenceEntry<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for SequenceEntry<T> {}

impl Sequence {
    /// Returns the sequence in this folder; `tmp` is for files that have no name yet.
    pub fn new(folder: PathBuf, tmp: PathBuf) -> Sequence {
        Sequence { folder, tmp }
    }

    /// Returns the last entry; `None` for an empty sequence.
    pub fn last<T>(&self) -> Result<Option<SequenceEntry<T>>> {
        let mut last = 0;
        self.each(|number| last = last.max(number))?;
        if last == 0 { Ok(None) } else { self.get(last).map(|id| Some(SequenceEntry { number: last, id })) }
    }

    /// Returns the entry before this one; `None` for the first, or where it cannot be read.
    pub fn before<T>(&self, place: SequenceEntry<T>) -> Result<Option<SequenceEntry<T>>> {
        let mut last = 0;
        self.each(|number| last = if number < place.number { last.max(number) } else { last })?;
        Ok(self.get(last).ok().map(|id| SequenceEntry { number: last, id }))
    }

    /// Returns the numbers of the entries, ascending.
    pub fn numbers(&self) -> Result<Vec<u64>> {
        let mut numbers = Vec::new();
        self.each(|number| numbers.push(number))?;
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Reads an entry.
    pub fn get<T>(&self, number: u64) -> Result<Id<T>> {
        let path = self.path(number);
        read(&path)?.ok_or_else(|| Error::damaged(format!("ref {} was removed meanwhile", path.display())))
    }

    fn each(&self, mut take: impl FnMut(u64)) -> Result<()> {
        let fail = |e| Error::io("cannot read the folder", &self.folder, e);
        let entries = match fs::read_dir(&self.folder) {
            // Nothing was said yet: a copy may leave out empty folders.
            Err(e) if e.kind() == io::ErrorKind::NotFound && !self.folder.is_symlink() => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => return Err(not_a_folder(&self.folder)),
            entries => entries.map_err(fail)?,
        };
        for entry in entries {
            let name = entry.map_err(fail)?.file_name();
            let digits = name.to_str().filter(|n| n.len() == 10 && n.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|n| n.parse().ok()).filter(|&number| number > 0).into_iter().for_each(&mut take);
        }
        Ok(())
    }

    /// Creates the entry after `last`, unless somebody else was first. Durable when it returns.
    ///
    /// # Errors
    /// Also if `last` is the last that a sequence can have.
    pub fn append<T>(&self, last: Option<SequenceEntry<T>>, id: Id<T>) -> Result<Created> {
        let number = last.map_or(1, |p| p.number + 1);
        if number > limits::SEQUENCE {
            return Err(Error::new(ErrorKind::Conflict, format!("{} cannot have more entries", self.folder.display())));
        }
        self.create(number, id)
    }

    /// Creates an entry, unless it exists. Durable when it returns.
    pub fn create<T>(&self, number: u64, id: Id<T>) -> Result<Created> {
        atomic::ensure_folder(&self.folder)?;
        atomic::create_once(&self.tmp, &self.path(number), &encode(id))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:010}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::FactId;

    #[test]
    fn the_second_to_append_after_the_same_entry_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let sequence = Sequence::new(dir.path().to_owned(), dir.path().to_owned());
        assert!(sequence.last::<FactId>().unwrap().is_none());
        let one = Id::<FactId>::of(b"one");
        assert_eq!(sequence.append(None, one).unwrap(), Created::New);
        let last = sequence.last::<FactId>().unwrap();
        assert_eq!(last.map(|place| (place.number, place.id)), Some((1, one)));
        assert_eq!(sequence.append(last, Id::of(b"two")).unwrap(), Created::New);
        assert_eq!(sequence.append(last, Id::of(b"three")).unwrap(), Created::Exists);
        assert_eq!(sequence.last::<FactId>().unwrap().unwrap().id, Id::of(b"two"));
        fs::write(dir.path().join("0000000000"), "").unwrap();
        fs::write(dir.path().join("0000000003.bak"), "").unwrap();
        assert_eq!(sequence.numbers().unwrap(), [1, 2]);
        assert_eq!(sequence.get::<FactId>(1).unwrap(), one);
        assert!(sequence.get::<FactId>(3).is_err());
    }

    #[test]
    fn the_last_number_is_found_and_none_follows() {
        let dir = tempfile::tempdir().unwrap();
        let sequence = Sequence::new(dir.path().to_owned(), dir.path().to_owned());
        let before = SequenceEntry { number: limits::SEQUENCE - 1, id: Id::<FactId>::of(b"one") };
        assert_eq!(sequence.append(Some(before), Id::of(b"two")).unwrap(), Created::New);
        let last = sequence.last::<FactId>().unwrap();
        assert_eq!(last.map(|place| (place.number, place.id)), Some((limits::SEQUENCE, Id::of(b"two"))));
        assert_eq!(sequence.append(last, Id::of(b"three")).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(sequence.numbers().unwrap(), [limits::SEQUENCE]);
    }
}
