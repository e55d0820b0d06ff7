//! The pushes to a remote, as far as this copy of the repository knows them.
//!
//! Invariants: `refs/pushes/N` is created once, and everything that it names was durable on the remote before. A record
//! covers the pushes after the one that its `since` names; 0 says that it covers all, and replaces whatever was known. The
//! history is kept in `.helox/remotes`, where it is derived: without it, it is read again.

use std::collections::BTreeMap;
use std::path::Path;

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::{self, Created};
use crate::id::{Id, VersionId};
use crate::limits;
use crate::object::version::VersionNumber;
use crate::remote::Remote;
use crate::remote::record::{self, PushRecord};

/// The first bytes of the file.
const MAGIC: [u8; 8] = *b"HLXHIST1";
/// Bytes of that file at most.
const NEWEST_LEN: u64 = 32;

/// The records of pushes that together cover all pushes up to the newest known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushHistory {
    /// By their numbers. Each covers the pushes after the one before it.
    records: BTreeMap<u64, PushRecord>,
    /// The content of a remote that has no records; it is not kept.
    listed: Option<PushRecord>,
}

impl PushHistory {
    /// Reads what is known of a remote; nothing where the file is missing, damaged or that of another remote.
    pub fn load(path: &Path, url: &str) -> PushHistory {
        let bytes = atomic::read(path).ok().flatten().unwrap_or_default();
        PushHistory::decode(&bytes, url).unwrap_or_default()
    }

    fn decode(bytes: &[u8], url: &str) -> Result<PushHistory, Malformed> {
        let mut reader = ByteReader::new(bytes);
        if reader.array()? != MAGIC || reader.array()? != *blake3::hash(url.as_bytes()).as_bytes() {
            return Err(Malformed("it is the history of another remote"));
        }
        let mut records = BTreeMap::new();
        for _ in 0..reader.count(2)? {
            let number = reader.varint()?;
            records.insert(number, PushRecord::decode(reader.bytes()?)?);
        }
        reader.end()?;
        let history = PushHistory { records, listed: None };
        if history.is_whole() { Ok(history) } else { Err(Malformed("it has a gap")) }
    }

    /// Writes it.
    ///
    /// # Errors
    /// If the disk cannot be written.
    pub fn save(&self, tmp: &Path, path: &Path, url: &str) -> Result<()> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(blake3::hash(url.as_bytes()).as_bytes());
        bytes.put_varint(self.records.len() as u64);
        for (number, record) in &self.records {
            bytes.put_varint(*number);
            bytes.put_bytes(&record.encode());
        }
        atomic::replace(tmp, path, &bytes)
    }

    /// Returns true if each record begins where the one before it ends.
    fn is_whole(&self) -> bool {
        let mut before = 0;
        self.records.iter().all(|(number, record)| {
            let follows = record.since == before && *number > before;
            before = *number;
            follows
        })
    }

    /// Returns the number of the newest push that is known; 0 if none is.
    pub fn newest(&self) -> u64 {
        self.records.keys().next_back().copied().unwrap_or(0)
    }

    /// Returns everything that the remote has.
    pub fn all(&self) -> PushRecord {
        let mut all = self.listed.clone().unwrap_or_default();
        self.records.values().for_each(|record| all.add(record));
        all
    }

    /// Returns the version of the remote with this dataset and number.
    pub fn version(&self, dataset: &str, number: &VersionNumber) -> Option<Id<VersionId>> {
        let version = |record: &PushRecord| {
            record
                .versions
                .iter()
                .find(|version| version.dataset == dataset && version.number == *number)
                .map(|version| version.id)
        };
        self.listed.iter().chain(self.records.values()).find_map(version)
    }

    /// Reads the pushes that came since. Takes two requests if there are none, and a few dozen at most.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if a record is missing or damaged.
    pub fn update(&mut self, remote: &dyn Remote) -> Result<()> {
        let mut known = self.newest();
        if let Some(record) = self.records.get(&known)
            && remote.size(&record::name(known))? != Some(record.encode().len() as u64)
        {
            // The remote was made anew.
            self.records.clear();
            known = 0;
        }
        if known > 0 && remote.size(&record::name(known + 1))?.is_none() {
            return Ok(());
        }
        let Some(newest) = newest(remote, known + 1)? else { return Ok(()) };
        let (mut later, mut number) = (BTreeMap::new(), newest);
        while number > 0 && !self.records.contains_key(&number) {
            let record = read_record(remote, number)?.ok_or_else(|| missing(number))?;
            if record.since >= number {
                return Err(Error::damaged(format!("{} covers no push", record::name(number))));
            }
            let since = record.since;
            later.insert(number, record);
            number = since;
        }
        self.records.retain(|known, _| *known <= number);
        self.records.extend(later);
        if self.is_whole() { Ok(()) } else { Err(Error::damaged("the records of the pushes do not follow each other")) }
    }

    /// Makes an empty remote one that pushes go to, which is not listed.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(&self, remote: &dyn Remote) -> Result<()> {
        remote.create(record::NEWEST, b"0\n").map(drop)
    }

    /// Adds the content of a remote that no push began.
    pub fn add_listing(&mut self, listing: PushRecord) {
        self.listed = Some(listing);
    }

    /// Returns true if the remote is a repository with commits of its own, or a copy of one.
    pub fn is_listed(&self) -> bool {
        self.listed.is_some()
    }

    /// Records a push after those that are known. Returns [`Created::Exists`] if somebody else was first.
    ///
    /// # Errors
    /// If the remote cannot be written.
    pub fn append(&mut self, remote: &dyn Remote, record: PushRecord) -> Result<Created> {
        let number = self.newest() + 1;
        if number > limits::SEQUENCE {
            return Err(Error::new(ErrorKind::Conflict, "the remote cannot have more pushes"));
        }
        if remote.create(&record::name(number), &record.encode())? == Created::Exists {
            return Ok(Created::Exists);
        }
        self.records.retain(|known, _| *known <= record.since);
        self.records.insert(number, record);
        // Only a hint: without it, or with an older one, later records are looked for one by one.
        let _ = remote.write(record::NEWEST, format!("{number}\n").into_bytes());
        Ok(Created::New)
    }

    /// Returns the part of earlier records that the record of the next push repeats.
    pub fn repeated(&self) -> PushRecord {
        let most = record::since(self.newest() + 1);
        let since = self.records.range(..=most).next_back().map_or(0, |(number, _)| *number);
        let mut repeated = PushRecord { since, ..PushRecord::default() };
        self.records.range(since + 1..).for_each(|(_, record)| repeated.add(record));
        repeated
    }
}

fn missing(number: u64) -> Error {
    Error::damaged(format!("{} is missing on the remote", record::name(number)))
}

fn read_record(remote: &dyn Remote, number: u64) -> Result<Option<PushRecord>> {
    let name = record::name(number);
    let Some(bytes) = remote.read(&name, limits::PUSH_RECORD)? else { return Ok(None) };
    PushRecord::decode(&bytes).map(Some).map_err(|e| Error::damaged(format!("{name} of the remote is damaged: {e}")))
}

/// Returns the number of the newest push, at least `least`; `None` if there is none.
fn newest(remote: &dyn Remote, least: u64) -> Result<Option<u64>> {
    let exists = |number: u64| Ok(remote.size(&record::name(number))?.is_some());
    let hint =
        remote.read(record::NEWEST, NEWEST_LEN)?.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.trim_end().parse().ok());
    let mut newest = hint.unwrap_or(0).max(least);
    if !exists(newest)? {
        // The file is written after the record.
        return if hint.is_some_and(|hint| hint >= least) { Err(missing(newest)) } else { Ok(None) };
    }
    while newest < limits::SEQUENCE && exists(newest + 1)? {
        newest += 1;
    }
    Ok(Some(newest))
}
