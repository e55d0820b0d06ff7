//! The index of versions: of each its number, id, time, type, author and status.
//!
//! The versions of a dataset are kept in blocks, in the order in which they were added: sled's pages hold sixteen rows
//! whatever their length, and opening it takes time for every page. A block begins with the highest number and the newest
//! time of the blocks before, so that a question reads from the last block back, as far as it has to.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::sync::Arc;

use bincode::{BorrowDecode, Decode, Encode};

use crate::catalog::database::{Database, decode, encode};
use crate::catalog::guard::broken;
use crate::catalog::query::{DatasetSummary, Query, VersionEntry, VersionRef, status};
use crate::catalog::stamp::FolderStamp;
use crate::clock::Time;
use crate::error::Result;
use crate::facts::FactsState;
use crate::id::{Id, VersionId};
use crate::object::version::{ValidationStatus, Version, VersionNumber};
use crate::progress::{NoProgress, Progress};
use crate::store::Store;

/// Bytes of a block, unless one version takes more.
const BLOCK: usize = 1536;
/// VersionBlocks that are written together.
const ROUND: usize = 1024;

/// The row of a dataset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct DatasetRow {
    /// The folder of its refs when all of them were in the index.
    stamp: Option<FolderStamp>,
    /// Its versions, and the blocks that they are in.
    versions: u64,
    blocks: u32,
}

/// The beginning of a block: the highest number and the newest time of the versions in the blocks before.
#[derive(Debug, Encode, BorrowDecode)]
struct BlockBounds<'a> {
    highest: Option<&'a str>,
    newest: i64,
}

/// A version in a block.
#[derive(Debug, Encode, BorrowDecode)]
struct VersionRow<'a> {
    number: &'a str,
    id: [u8; 32],
    created: i64,
    kind: &'a str,
    author: &'a str,
    status: u8,
}

/// Returns the key of a [`DatasetRow`].
fn dataset_key(dataset: &str) -> Vec<u8> {
    [b"dataset\0", dataset.as_bytes()].concat()
}

/// Returns the prefix of the keys of a dataset's blocks; no name of a dataset has a zero byte.
fn blocks_prefix(dataset: &str) -> Vec<u8> {
    [b"versions\0", dataset.as_bytes(), b"\0"].concat()
}

/// Returns the key of a block.
fn block_key(dataset: &str, block: u32) -> Vec<u8> {
    [blocks_prefix(dataset).as_slice(), &block.to_be_bytes()].concat()
}

impl BlockBounds<'_> {
    /// Tells if all versions in the blocks before have lower numbers.
    fn is_below(&self, number: &VersionNumber) -> Result<bool> {
        self.highest.map_or(Ok(true), |highest| Ok(parse(highest)? < *number))
    }
}

fn parse(number: &str) -> Result<VersionNumber> {
    VersionNumber::parse(number).map_err(|_| broken("a number cannot be read"))
}

/// The index of versions in an open database.
pub(super) struct Index<'a> {
    rows: &'a Database<'a>,
    store: &'a Arc<Store>,
    progress: &'a dyn Progress,
}

/// A version that may be in an answer. Those that come first are the greatest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct VersionCandidate<'a> {
    /// Its time, where the answer is in the order of time.
    created: Option<Time>,
    dataset: &'a str,
    number: VersionNumber,
    id: Id<VersionId>,
    status: ValidationStatus,
}

impl<'a> Index<'a> {
    pub fn new(rows: &'a Database<'a>, store: &'a Arc<Store>) -> Index<'a> {
        Index { rows, store, progress: &NoProgress }
    }

    /// Counts the versions that are added, and stops where the user asks for it.
    pub fn with_progress(self, progress: &'a dyn Progress) -> Index<'a> {
        Index { progress, ..self }
    }

    /// Returns the versions of these datasets that a query selects, in its order; `None` if the objects have to be asked.
    pub fn select(&self, query: &Query, facts: &FactsState, datasets: &[String]) -> Result<Option<Vec<VersionEntry>>> {
        let (Some(candidates), mut entries) = (self.candidates(query, facts, datasets)?, Vec::new()) else {
            return Ok(None);
        };
        for VersionCandidate { id, status, .. } in candidates {
            if entries.len() >= query.most() {
                break;
            }
            // What cannot be read is reported by the objects.
            let Ok(version) = self.store.version(id) else { return Ok(None) };
            let entry = VersionEntry { id, version, tags: facts.tags_of(id), status };
            entries.extend(Some(entry).filter(|entry| query.selects(entry)));
        }
        Ok(Some(entries))
    }

    /// Returns the versions that a query selects but for their metadata, in its order; no more than its limit where it has
    /// none of these.
    fn candidates<'d>(
        &self,
        query: &Query,
        facts: &FactsState,
        datasets: &'d [String],
    ) -> Result<Option<Vec<VersionCandidate<'d>>>> {
        let most = if query.metadata.is_empty() { query.most() } else { usize::MAX };
        let mut tagged = query.tag.as_ref().map(|tag| facts.versions_with(tag).into_iter().collect::<HashSet<_>>());
        let (mut candidates, mut is_readable) = (BinaryHeap::new(), true);
        let is_whole = self.visit(datasets, |dataset, head, rows| {
            for row in rows {
                let (id, created) = (Id::from_bytes(row.id), Time::from_millis(row.created));
                let is_tagged = tagged.as_mut().is_none_or(|tagged| tagged.remove(&id));
                if !is_tagged || !query.selects_fields(row.kind, row.author, created) {
                    continue;
                }
                let recorded = ValidationStatus::from_byte(row.status).ok_or_else(|| broken("unknown status"))?;
                let Ok(status) = status(self.store, facts, id, recorded) else {
                    is_readable = false;
                    return Ok(false);
                };
                if query.status.is_none_or(|wanted| wanted == status) {
                    let created = query.dataset.is_none().then_some(created);
                    candidates.push(Reverse(VersionCandidate { created, dataset, number: parse(row.number)?, id, status }));
                }
                if candidates.len() > most {
                    candidates.pop();
                }
            }
            let mut is_done = tagged.as_ref().is_some_and(HashSet::is_empty)
                || query.since.is_some_and(|since| since.as_millis() > head.newest);
            if let Some(Reverse(last)) = candidates.peek().filter(|_| candidates.len() >= most) {
                is_done |= match last.created {
                    Some(created) => created.as_millis() > head.newest,
                    None => head.is_below(&last.number)?,
                };
            }
            Ok(!is_done)
        })?;
        let candidates = candidates.into_sorted_vec().into_iter().map(|Reverse(candidate)| candidate);
        Ok((is_whole && is_readable).then(|| candidates.collect()))
    }

    /// Returns the numbers of a dataset's versions, ascending; `None` if the objects have to be asked.
    pub fn numbers(&self, dataset: &str) -> Result<Option<Vec<VersionNumber>>> {
        let mut numbers = Vec::new();
        let is_whole = self.visit(&[dataset.to_owned()], |_, _, rows| {
            rows.iter().try_for_each(|row| parse(row.number).map(|number| numbers.push(number)))?;
            Ok(true)
        })?;
        numbers.sort_unstable();
        Ok(is_whole.then_some(numbers))
    }

    /// Returns how many versions each of these datasets has, and its highest number as [`VersionNumber::highest`] tells it;
    /// `None` if the objects have to be asked.
    pub fn totals(&self, datasets: &[String]) -> Result<Option<Vec<DatasetSummary>>> {
        let mut totals = Vec::new();
        for dataset in datasets {
            let mut highest: Option<VersionNumber> = None;
            let is_whole = self.visit(std::slice::from_ref(dataset), |_, head, rows| {
                let mut numbers = rows.iter().map(|row| parse(row.number)).collect::<Result<Vec<_>>>()?;
                numbers.extend(highest.take());
                numbers.sort_unstable();
                highest = VersionNumber::highest(&numbers).cloned();
                let is_done = highest.as_ref().filter(|number| !number.is_pre_release());
                Ok(!is_done.map_or(Ok(false), |number| head.is_below(number))?)
            })?;
            if !is_whole {
                return Ok(None);
            }
            let versions = self.dataset(dataset)?.versions;
            totals.push(DatasetSummary { dataset: dataset.clone(), versions, latest: highest });
        }
        Ok(Some(totals))
    }

    /// Returns the versions of these datasets whose ids begin with these hex digits; `None` if the objects have to be asked.
    pub fn with_prefix(&self, datasets: &[String], hex: &str) -> Result<Option<Vec<VersionRef>>> {
        let filled = |digit: &str| Id::from_hex(&format!("{hex}{}", digit.repeat(64usize.saturating_sub(hex.len()))));
        let (Some(lowest), Some(highest)) = (filled("0"), filled("f")) else { return Ok(Some(Vec::new())) };
        let mut versions = Vec::new();
        let is_whole = self.visit(datasets, |dataset, _, rows| {
            for row in rows {
                let id = Id::from_bytes(row.id);
                if (lowest..=highest).contains(&id) {
                    versions.push(VersionRef { dataset: dataset.to_owned(), number: parse(row.number)?, id });
                }
            }
            Ok(true)
        })?;
        Ok(is_whole.then_some(versions))
    }

    /// Brings these datasets up to date, then hands over the versions of each, as far as `take` goes on. False if the
    /// objects have to be asked.
    fn visit<'d>(
        &self,
        datasets: &'d [String],
        mut take: impl FnMut(&'d str, &BlockBounds<'_>, &[VersionRow<'_>]) -> Result<bool>,
    ) -> Result<bool> {
        for dataset in datasets {
            if !self.update(dataset)? {
                return Ok(false);
            }
        }
        datasets.iter().try_for_each(|dataset| self.each(dataset, |head, rows| take(dataset, head, rows)))?;
        Ok(true)
    }

    /// Hands over the blocks of a dataset that the index has, the last one first, as far as `take` goes on.
    fn each(&self, dataset: &str, mut take: impl FnMut(&BlockBounds<'_>, &[VersionRow<'_>]) -> Result<bool>) -> Result<()> {
        // sled may have lost rows of a damaged log.
        let lost = || broken("versions are missing");
        let DatasetRow { mut versions, mut blocks, .. } = self.dataset(dataset)?;
        for row in self.rows.scan(&blocks_prefix(dataset)).rev() {
            let (key, block) = row?;
            blocks = blocks.checked_sub(1).filter(|block| key == block_key(dataset, *block)).ok_or_else(lost)?;
            let (head, mut rest) = decode::<BlockBounds<'_>>(&block)?;
            let mut rows = Vec::new();
            while !rest.is_empty() {
                let row;
                (row, rest) = decode::<VersionRow<'_>>(rest)?;
                rows.push(row);
            }
            versions = versions.checked_sub(rows.len() as u64).ok_or_else(lost)?;
            if !take(&head, &rows)? {
                return Ok(());
            }
        }
        if (versions, blocks) == (0, 0) { Ok(()) } else { Err(lost()) }
    }

    fn dataset(&self, dataset: &str) -> Result<DatasetRow> {
        Ok(self.rows.get(&dataset_key(dataset))?.unwrap_or_default())
    }

    /// Brings a dataset up to date with its refs. False if one of its refs or records cannot be read, or the user stopped.
    ///
    /// A ref is created once and never changes, so that only new ones are read. The folder is listed only if its stamp is
    /// another one, or was too young to tell later changes when it was recorded.
    pub fn update(&self, dataset: &str) -> Result<bool> {
        let (refs, old) = (self.store.refs(), self.dataset(dataset)?);
        let stamp = FolderStamp::of(&refs.folder(dataset));
        if FolderStamp::are_current(&old.stamp, &stamp) {
            return Ok(true);
        }
        let Ok(mut new) = refs.numbers(dataset) else { return Ok(false) };
        let mut known = HashSet::new();
        self.each(dataset, |_, rows| {
            rows.iter().try_for_each(|row| parse(row.number).map(|number| known.extend([number])))?;
            Ok(true)
        })?;
        let there = new.len();
        new.retain(|number| !known.contains(number));
        // Refs that are gone, or another folder, perhaps an older copy: its refs need not be those that were read.
        let is_other = matches!((&old.stamp, &stamp), (Some(old), Some(now)) if !old.is_same_folder(now));
        if is_other || there - new.len() < known.len() {
            self.forget(dataset, &old)?;
            return self.update(dataset);
        }
        self.progress.expect(new.len() as u64, 0);
        let mut blocks = VersionBlocks::open(self, dataset, old.clone())?;
        let mut is_whole = true;
        for number in &new {
            if self.progress.cancelled() {
                is_whole = false;
                break;
            }
            match self.store.numbered(dataset, number) {
                Ok(Some((id, version))) => blocks.add(id, &version)?,
                Ok(None) => {}
                Err(_) => is_whole = false,
            }
            self.progress.advance(1, 0);
        }
        blocks.row.stamp = stamp.filter(|_| is_whole);
        if blocks.row != old {
            blocks.write()?;
        }
        Ok(is_whole)
    }

    fn forget(&self, dataset: &str, row: &DatasetRow) -> Result<()> {
        let mut batch = sled::Batch::default();
        (0..row.blocks).for_each(|block| batch.remove(block_key(dataset, block)));
        batch.remove(dataset_key(dataset));
        self.rows.write(batch)
    }
}

/// The last blocks of a dataset, to which versions are added.
struct VersionBlocks<'a> {
    index: &'a Index<'a>,
    dataset: &'a str,
    row: DatasetRow,
    /// Those that are not written yet, or can take more.
    last: Vec<Vec<u8>>,
    /// The highest number and the newest time of all versions.
    highest: Option<VersionNumber>,
    newest: i64,
}

impl<'a> VersionBlocks<'a> {
    fn open(index: &'a Index<'a>, dataset: &'a str, row: DatasetRow) -> Result<VersionBlocks<'a>> {
        let mut blocks = VersionBlocks {
            index,
            dataset,
            row: DatasetRow { stamp: None, ..row },
            last: Vec::new(),
            highest: None,
            newest: i64::MIN,
        };
        index.each(dataset, |head, rows| {
            blocks.newest = rows.iter().map(|row| row.created).fold(head.newest, i64::max);
            let numbers = rows.iter().map(|row| row.number).chain(head.highest).map(parse);
            blocks.highest = numbers.collect::<Result<Vec<_>>>()?.into_iter().max();
            Ok(false)
        })?;
        if let Some(last) = blocks.row.blocks.checked_sub(1) {
            blocks.last.extend(index.rows.bytes(&block_key(dataset, last))?.map(|block| block.to_vec()));
        }
        Ok(blocks)
    }

    fn add(&mut self, id: Id<VersionId>, version: &Version) -> Result<()> {
        let number = version.number.to_string();
        let row = encode(&VersionRow {
            number: &number,
            id: *id.as_bytes(),
            created: version.created.as_millis(),
            kind: &version.dataset_type,
            author: &version.author,
            status: version.validation as u8,
        });
        match self.last.last_mut() {
            Some(block) if block.len() + row.len() <= BLOCK => block.extend_from_slice(&row),
            _ => {
                let highest = self.highest.as_ref().map(VersionNumber::to_string);
                let head = encode(&BlockBounds { highest: highest.as_deref(), newest: self.newest });
                self.last.push([head, row].concat());
                self.row.blocks += 1;
            }
        }
        self.row.versions += 1;
        self.newest = self.newest.max(version.created.as_millis());
        if self.highest.as_ref().is_none_or(|highest| version.number > *highest) {
            self.highest = Some(version.number.clone());
        }
        if self.last.len() > ROUND { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        let (mut batch, rest) = (sled::Batch::default(), self.last.last().cloned());
        let blocks = std::mem::replace(&mut self.last, rest.into_iter().collect());
        for (block, bytes) in (0..self.row.blocks).rev().zip(blocks.into_iter().rev()) {
            batch.insert(block_key(self.dataset, block), bytes);
        }
        batch.insert(dataset_key(self.dataset), encode(&self.row));
        self.index.rows.write(batch)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::catalog::database;
    use crate::catalog::tests::samples::{repository, version};

    impl Index<'_> {
        /// The number of versions of a dataset.
        pub fn versions(&self, dataset: &str) -> Result<u64> {
            self.each(dataset, |_, _| Ok(true))?;
            Ok(self.dataset(dataset)?.versions)
        }
    }

    #[test]
    fn blocks_are_filled_and_grow_over_several_writes() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let versions: Vec<Version> = (0..100).map(|n| version("leases", &format!("1.{n}.0"), n)).collect();
        let read = database::ask(repo.store().layout(), |rows| {
            let index = Index::new(rows, repo.store());
            for some in [&versions[..1], &versions[1..40], &versions[40..41], &versions[41..]] {
                let mut blocks = VersionBlocks::open(&index, "leases", index.dataset("leases")?)?;
                some.iter().try_for_each(|version| blocks.add(version.id(), version))?;
                blocks.write()?;
            }
            let mut numbers = Vec::new();
            index.each("leases", |head, rows| {
                let below = rows.iter().map(|row| parse(row.number).unwrap()).collect::<Vec<_>>();
                assert_eq!((head.highest.is_some(), head.is_below(&below[0])?), (below[0] != versions[0].number, true));
                numbers.splice(0..0, below);
                Ok(true)
            })?;
            Ok(Some((numbers, index.dataset("leases")?.blocks, index.versions("lease")?)))
        });
        let (numbers, blocks, of_other) = read.unwrap().unwrap();
        assert_eq!(numbers, versions.iter().map(|version| version.number.clone()).collect::<Vec<_>>());
        assert!((6..9).contains(&blocks) && of_other == 0, "{blocks} blocks");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_row_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode::<VersionRow<'_>>(&bytes);
            let _ = decode::<DatasetRow>(&bytes);
        }
    }
}
