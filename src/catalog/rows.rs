//! Adds and removes the rows of versions, and the entries that lead to them.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::guard::broken;
use crate::catalog::postings::{self, Posting, Postings};
use crate::catalog::tables::{HEADS, Heads, Part, Row, encode, get, pair, part, place, time_key};
use crate::catalog::timeline::{self, Moment};
use crate::catalog::update::Update;
use crate::error::Result;
use crate::id::{Id, Version as VersionId};
use crate::object::Key;
use crate::object::version::{Number, Version};

/// Versions that are written together.
const ROUND: usize = 4096;
/// Bytes of records that are written together.
const ROUND_BYTES: usize = 16 << 20;

/// A version that gets a row.
struct New {
    id: Id<VersionId>,
    record: Vec<u8>,
    version: Version,
    place: Vec<u8>,
}

impl Update<'_> {
    /// Adds the versions with these numbers; false if one of them could not be read.
    pub(super) fn add(&mut self, dataset: &str, known: &mut Part, numbers: &[Number]) -> Result<bool> {
        self.progress.expect(numbers.len() as u64, 0);
        let (mut round, mut bytes, mut whole) = (Vec::new(), 0, true);
        for number in numbers {
            if self.progress.cancelled() {
                self.found.blind = true;
                whole = false;
                break;
            }
            match self.read(dataset, number) {
                Ok(Some(new)) => {
                    bytes += new.record.len();
                    round.push(new);
                }
                Ok(None) => {}
                Err(_) => whole = false,
            }
            self.progress.advance(1, 0);
            if round.len() >= ROUND || bytes >= ROUND_BYTES {
                self.add_round(dataset, known, std::mem::take(&mut round))?;
                bytes = 0;
            }
        }
        self.add_round(dataset, known, round)?;
        Ok(whole)
    }

    /// Reads the version of a ref; none if the ref is gone.
    fn read(&self, dataset: &str, number: &Number) -> Result<Option<New>> {
        let Some(id) = self.repo.versions().get(dataset, number)? else { return Ok(None) };
        let record = self.repo.store().get(&Key::from(id))?;
        let version = Version::decode(&record).ok().filter(|v| v.dataset == dataset && v.number == *number);
        let version = version.ok_or_else(|| broken("a ref points to the record of another version"))?;
        Ok(Some(New { id, record: record.to_vec(), version, place: place(dataset, number) }))
    }

    fn add_round(&mut self, dataset: &str, known: &mut Part, round: Vec<New>) -> Result<()> {
        if round.is_empty() {
            return Ok(());
        }
        let tables = self.tables;
        let (mut entries, mut rows, mut kinds) = (Entries::default(), sled::Batch::default(), BTreeMap::<_, i64>::new());
        for new in &round {
            entries.of(new.id, &new.version, &new.place);
            *kinds.entry(pair(&new.version.dataset_type, dataset)).or_default() += 1;
        }
        known.versions += round.len() as u64;
        if get::<Heads>(&tables.meta, HEADS)?.is_some_and(|heads| heads.unplaced) {
            self.refold()?;
        }
        for new in round {
            rows.insert(new.place, encode(&Row { id: *new.id.as_bytes(), record: new.record }));
        }
        self.write(&tables.versions, rows)?;
        self.write(&tables.ids, postings::add(&tables.ids, entries.ids)?)?;
        self.write(&tables.checksums, postings::add(&tables.checksums, entries.checksums)?)?;
        self.write(&tables.times, timeline::add(&tables.times, dataset, entries.times)?)?;
        self.count(kinds)?;
        known.stamp = None;
        self.note(&part(dataset), encode(known))
    }

    pub(super) fn remove(&mut self, dataset: &str, known: &mut Part, gone: BTreeSet<Vec<u8>>) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        let tables = self.tables;
        let (mut entries, mut kinds) = (Entries::default(), BTreeMap::<_, i64>::new());
        let (mut rows, mut marks) = (sled::Batch::default(), sled::Batch::default());
        for place in &gone {
            let row: Row = get(&tables.versions, place)?.ok_or_else(|| broken("a version has no row"))?;
            let (id, version) = row.version(place)?;
            entries.of(id, &version, place);
            *kinds.entry(pair(&version.dataset_type, dataset)).or_default() -= 1;
            rows.remove(place.as_slice());
            marks.remove(place.as_slice());
        }
        known.versions = known.versions.saturating_sub(gone.len() as u64);
        self.refold()?;
        self.write(&tables.ids, postings::remove(&tables.ids, entries.ids)?)?;
        self.write(&tables.checksums, postings::remove(&tables.checksums, entries.checksums)?)?;
        self.write(&tables.times, timeline::remove(&tables.times, dataset, entries.times)?)?;
        self.write(&tables.marked, marks)?;
        self.count(kinds)?;
        self.write(&tables.versions, rows)?;
        known.stamp = None;
        self.note(&part(dataset), encode(known))
    }

    /// Adds to the numbers of versions of types.
    fn count(&mut self, kinds: BTreeMap<Vec<u8>, i64>) -> Result<()> {
        let mut batch = sled::Batch::default();
        for (key, more) in kinds {
            let before: u64 = get(&self.tables.kinds, &key)?.unwrap_or_default();
            match before.saturating_add_signed(more) {
                0 => batch.remove(key),
                now => batch.insert(key, encode(&now)),
            }
        }
        self.write(&self.tables.kinds, batch)
    }
}

/// The entries of versions in the lists.
#[derive(Default)]
struct Entries {
    ids: Postings,
    checksums: Postings,
    times: Vec<Moment>,
}

impl Entries {
    fn of(&mut self, id: Id<VersionId>, version: &Version, place: &[u8]) {
        let put = |to: &mut Postings, prefix: Vec<u8>, value: &[u8]| {
            to.entry(prefix).or_default().push(Posting { value: value.to_vec(), place: place.to_vec() });
        };
        put(&mut self.ids, vec![id.as_bytes()[0]], id.as_bytes());
        let checksum = version.data_checksum.as_bytes();
        put(&mut self.checksums, vec![checksum[0]], checksum);
        self.times.push(Moment { time: time_key(version.created), place: place.to_vec() });
    }
}
