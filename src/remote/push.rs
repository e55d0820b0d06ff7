//! Sends versions and facts to a remote.
//!
//! The order: packs of data, packs of structure, index tables, the refs of the versions, the record of the push, the entry of
//! the facts. Each is durable before the next begins, so that whatever can be seen on the remote is whole. The record is what
//! other copies look for; a push that ended before it is completed when it is repeated.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::fs::atomic::{self, Created};
use crate::id::{FactId, Id, Pack, VersionId};
use crate::pack::index::{IndexRow, IndexTable};
use crate::pack::{reader, writer};
use crate::progress::{Progress, Stage};
use crate::refs;
use crate::remote::cache::RemoteCache;
use crate::remote::files::{DAMAGED, check_format, read_ref};
use crate::remote::history::PushHistory;
use crate::remote::outgoing::{OutgoingPack, OutgoingWalk, PushRoots};
use crate::remote::record::{PackKind, PushRecord, RemoteFact, RemotePack, RemoteTable, RemoteVersion};
use crate::remote::tables::{self, RemoteTables};
use crate::remote::{Remote, workers};
use crate::store::gc::BlockCopier;
use crate::store::{Layout, Store, Writer, format};

/// The versions and facts of a push.
#[derive(Clone, Debug, Default)]
pub struct PushRequest {
    /// Versions that the remote lacks, parents before children.
    pub versions: Vec<RemoteVersion>,
    /// The newest fact of this repository, if the remote lacks it. It is a descendant of the remote's newest.
    pub fact: Option<Id<FactId>>,
    /// The objects that the versions and the facts begin with.
    pub roots: PushRoots,
}

/// The outcome of a push.
#[derive(Debug)]
pub enum PushOutcome {
    /// Everything was sent.
    Done,
    /// The remote received other facts meanwhile, which must be joined with those of this repository first.
    NewerFacts,
    /// The remote has other versions with these numbers: the version that was to be pushed, and that of the remote. All
    /// others were sent.
    NumbersTaken(Vec<(RemoteVersion, Id<VersionId>)>),
}

/// The amount of what a push sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PushSize {
    /// Packs.
    pub packs: u64,
    /// Bytes of the packs.
    pub bytes: u64,
}

/// A push under way. It may be repeated after the facts were joined, and sends no pack twice.
pub struct PushSession<'a> {
    store: &'a Arc<Store>,
    remote: &'a dyn Remote,
    cache: &'a RemoteCache,
    progress: &'a dyn Progress,
    /// zstd's level for objects that are compressed anew.
    level: i32,
    /// Packs that were sent and are in no record yet.
    sent: Mutex<BTreeSet<Id<Pack>>>,
    /// The amount of what was sent.
    pub size: PushSize,
}

impl<'a> PushSession<'a> {
    /// Begins a push.
    pub fn new(
        store: &'a Arc<Store>,
        remote: &'a dyn Remote,
        cache: &'a RemoteCache,
        level: i32,
        progress: &'a dyn Progress,
    ) -> PushSession<'a> {
        let sent = Mutex::new(cache.unfinished());
        PushSession { store, remote, cache, progress, level, sent, size: PushSize::default() }
    }

    /// Returns what a push would send.
    ///
    /// # Errors
    /// As [`PushSession::run`].
    pub fn plan(&self, history: &PushHistory, request: &PushRequest) -> Result<PushSize> {
        let (_lock, packs) = (Writer::dry(self.store)?, self.walk(history, request)?.packs()?);
        Ok(PushSize { packs: packs.len() as u64, bytes: packs.iter().map(|pack| pack.pack.len).sum() })
    }

    /// Sends what is requested and the remote lacks.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if something of it cannot be read from the store; `Io` if the remote fails. Then nothing that can
    /// be seen on the remote is incomplete.
    pub fn run(&mut self, history: &mut PushHistory, request: &PushRequest) -> Result<PushOutcome> {
        self.progress.begin(Stage::Mark, 0, 0);
        // Holds off garbage collection.
        let _writer = Writer::dry(self.store)?;
        let walk = self.walk(history, request)?;
        let packs = self.stage(&walk)?;
        if history.newest() == 0 {
            self.create_format()?;
            history.begin(self.remote)?;
        }
        self.send_packs(&packs)?;
        let mut record = PushRecord { tables: self.send_tables(&packs)?, ..PushRecord::default() };
        record.packs = packs.into_iter().map(|pack| pack.pack).collect();
        let mut taken = Vec::new();
        for version in &request.versions {
            match self.create_ref(version)? {
                None => drop(record.versions.insert(version.clone())),
                Some(other) => taken.push((version.clone(), other)),
            }
        }
        let outcome = self.record(history, record, request.fact)?;
        atomic::remove_tree(&self.cache.staging())?;
        Ok(if taken.is_empty() { outcome } else { PushOutcome::NumbersTaken(taken) })
    }

    fn walk(&self, history: &PushHistory, request: &PushRequest) -> Result<OutgoingWalk<'a>> {
        let all = history.all();
        let tables = RemoteTables::open(self.cache, self.remote, &all.tables, self.progress)?;
        let versions = all.versions.into_iter().map(|version| version.id).collect();
        let mut walk = OutgoingWalk::new(self.store, tables, versions, self.progress);
        walk.mark(&request.roots)?;
        Ok(walk)
    }

    /// Returns the packs to send. Those of which a part is sent are replaced by new ones of that part.
    fn stage(&self, walk: &OutgoingWalk<'_>) -> Result<Vec<OutgoingPack>> {
        let (mut packs, parts): (Vec<_>, Vec<_>) = walk.packs()?.into_iter().partition(|pack| pack.is_whole);
        atomic::remove_tree(&self.cache.staging())?;
        if parts.is_empty() {
            return Ok(packs);
        }
        let layout = Layout::new(self.cache.staging());
        layout.create()?;
        let staging = Arc::new(Store::open(layout)?);
        let mut copier = BlockCopier::new(&staging, self.level, false)?;
        for part in parts {
            let (file, path) = (reader::open(&part.path)?, &part.path);
            for block in reader::read_toc(path)? {
                self.progress.check()?;
                let rows = writer::rows(&part.pack.id, std::slice::from_ref(&block));
                let wanted: Vec<bool> = rows.iter().map(|row| walk.is_sent(row)).collect();
                if wanted.contains(&true) {
                    copier.copy(&file, path, &block, &wanted)?;
                }
            }
        }
        copier.finish()?;
        for (id, path) in staging.packs()? {
            let len = path.metadata().map_err(|e| Error::io("cannot read", &path, e))?.len();
            let is_data = path.parent().is_some_and(|folder| folder.ends_with("data"));
            let contents = if is_data { PackKind::Data } else { PackKind::Structure };
            packs.push(OutgoingPack { pack: RemotePack { contents, id, len }, path, is_whole: true });
        }
        packs.sort_by(|a, b| a.pack.cmp(&b.pack));
        packs.dedup_by(|a, b| a.pack == b.pack);
        Ok(packs)
    }

    /// Creates the file that makes the remote a store, or checks that it is one that this version can write to.
    fn create_format(&self) -> Result<()> {
        if self.remote.create("format", format::NEW)? == Created::Exists {
            check_format(self.remote)?;
        }
        Ok(())
    }

    /// Sends packs, all of data before any of structure.
    fn send_packs(&mut self, packs: &[OutgoingPack]) -> Result<()> {
        let bytes = packs.iter().map(|pack| pack.pack.len).sum();
        self.progress.begin(Stage::Upload, packs.len() as u64, bytes);
        for contents in [PackKind::Data, PackKind::Structure] {
            let own = packs.iter().filter(|pack| pack.pack.contents == contents);
            workers::each(own, self.progress, |pack| self.send_pack(&pack.pack, &pack.path))?;
        }
        self.size.packs += packs.len() as u64;
        self.size.bytes += bytes;
        Ok(())
    }

    fn send_pack(&self, pack: &RemotePack, path: &Path) -> Result<()> {
        let sent = || self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let name = pack.name();
        let is_sent = sent().contains(&pack.id);
        if is_sent && self.remote.size(&name)? == Some(pack.len) {
            self.progress.advance(1, pack.len);
            return Ok(());
        }
        let before = AtomicU64::new(0);
        self.remote.upload(&name, path, &|at| {
            let last = before.fetch_max(at, Ordering::Relaxed);
            self.progress.advance(0, at.saturating_sub(last));
            self.progress.check()
        })?;
        self.progress.advance(1, pack.len.saturating_sub(before.into_inner()));
        let mut sent = sent();
        sent.insert(pack.id);
        self.cache.keep_unfinished(&sent);
        Ok(())
    }

    /// Sends tables that cover the packs.
    fn send_tables(&self, packs: &[OutgoingPack]) -> Result<BTreeSet<RemoteTable>> {
        let mut sent = BTreeSet::new();
        for contents in [PackKind::Data, PackKind::Structure] {
            let mut rows: Vec<IndexRow> = Vec::new();
            for pack in packs.iter().filter(|pack| pack.pack.contents == contents) {
                self.progress.check()?;
                rows.extend(writer::rows(&pack.pack.id, &reader::read_toc(&pack.path)?));
                if rows.len() >= tables::ROWS {
                    sent.insert(self.send_table(contents, std::mem::take(&mut rows))?);
                }
            }
            if !rows.is_empty() {
                sent.insert(self.send_table(contents, rows)?);
            }
        }
        Ok(sent)
    }

    fn send_table(&self, contents: PackKind, rows: Vec<IndexRow>) -> Result<RemoteTable> {
        let table = IndexTable::of(rows);
        let bytes = table.as_bytes().unwrap_or_default();
        let table = RemoteTable { contents, id: Id::of(bytes), len: bytes.len() as u64 };
        self.remote.write(&table.name(), bytes.to_vec())?;
        self.cache.keep_table(&table, bytes)?;
        Ok(table)
    }

    /// Creates the ref of a version. Returns the version that has the number, if it is another one.
    fn create_ref(&self, version: &RemoteVersion) -> Result<Option<Id<VersionId>>> {
        if self.remote.create(&version.name(), &refs::encode(version.id))? == Created::New {
            return Ok(None);
        }
        let other = read_ref(self.remote, &version.name())?;
        Ok(Some(other).filter(|other| *other != version.id))
    }

    /// Records the push, after those that others recorded meanwhile.
    fn record(&self, history: &mut PushHistory, added: PushRecord, fact: Option<Id<FactId>>) -> Result<PushOutcome> {
        if added == PushRecord::default() && fact.is_none() {
            return Ok(PushOutcome::Done);
        }
        let before = history.all().fact;
        loop {
            let all = history.all();
            if fact.is_some() && all.fact != before {
                // The packs are there, but only a record says so.
                return Ok(PushOutcome::NewerFacts);
            }
            let mut record = history.repeated();
            record.add(&added);
            self.merge_tables(history, &mut record)?;
            let number = before.map_or(0, |fact| fact.number) + 1;
            record.fact = fact.map(|id| RemoteFact { number, id }).or(record.fact);
            if history.append(self.remote, record)? == Created::New {
                break;
            }
            history.update(self.remote)?;
        }
        self.cache.keep(history);
        self.cache.keep_unfinished(&BTreeSet::new());
        self.list_fact(history)?;
        Ok(PushOutcome::Done)
    }

    /// Creates the entry of the newest fact, which an interrupted push may have left out.
    fn list_fact(&self, history: &PushHistory) -> Result<()> {
        let Some(fact) = history.all().fact else { return Ok(()) };
        let name = format!("refs/facts/{:010}", fact.number);
        if self.remote.create(&name, &refs::encode(fact.id))? == Created::Exists {
            let other: Id<FactId> = read_ref(self.remote, &name)?;
            if other != fact.id {
                return Err(
                    Error::damaged(format!("{name} of the remote does not match the record of its push")).with_hint(DAMAGED)
                );
            }
        }
        Ok(())
    }

    /// Puts one table in the place of several short ones, so that a new copy reads few.
    fn merge_tables(&self, history: &PushHistory, record: &mut PushRecord) -> Result<()> {
        let all = history.all();
        for contents in [PackKind::Data, PackKind::Structure] {
            let mut short: Vec<RemoteTable> = record.tables.iter().filter(|table| table.contents == contents).cloned().collect();
            short.sort_by_key(|table| table.len);
            let mut bytes = 0;
            short.retain(|table| {
                bytes += table.len;
                bytes <= tables::MERGED
            });
            if short.len() < 2 {
                continue;
            }
            // Tables that others sent meanwhile may not be here.
            RemoteTables::open(self.cache, self.remote, &all.tables.union(&record.tables).cloned().collect(), self.progress)?;
            let mut rows = Vec::new();
            for table in &short {
                let table = self.cache.table(table)?;
                rows.extend((0..table.len()).filter_map(|n| table.row(n)));
            }
            let merged = self.send_table(contents, rows)?;
            record.tables.retain(|table| !short.contains(table));
            record.tables.insert(merged);
        }
        Ok(())
    }
}
