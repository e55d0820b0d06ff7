//! Finds versions by dataset, number, id, type, time, author, tag and status, and holds the folded facts.
//!
//! The answers come from the index, a sled database that is derived from refs, records and facts, where it is sooner and
//! can be used; else from these themselves (`objects`). Its format is described in `docs/formats/catalog.md`.
//!
//! Invariants of the index:
//! - Derived. It may be deleted at any moment and is built anew by the next question. It is never needed: locked by another
//!   process, damaged, on a disk that is full or read-only, it costs time and nothing else.
//! - It gives the answer that the objects would give. Before each question it is brought up to date with the refs and the
//!   facts, and every record is read from the store, which checks its hash.
//! - sled is opened and called in one place, `database`, which turns its panics into errors. It can lose rows of a damaged
//!   log without an error: hence the `seal`, and counts of the rows that are held against what was read.

mod database;
mod facts;
mod guard;
mod index;
mod objects;
mod query;
mod seal;
mod stamp;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

pub use query::{DatasetSummary, Query, VersionEntry, VersionRef, status};

use crate::catalog::database::Database;
use crate::catalog::facts::FactsSnapshot;
use crate::catalog::guard::broken;
use crate::catalog::index::Index;
use crate::error::{Error, Result, skip_damaged};
use crate::facts::{Facts, FactsState};
use crate::object::version::VersionNumber;
use crate::progress::Progress;
use crate::refs::Versions;
use crate::store::Store;

/// Up to so many refs are read sooner than the index is opened. Tests ask the index about fewer.
const FEW: usize = if cfg!(test) { 10 } else { 500 };
/// The number of versions up to which a question that the names of the refs answer is asked of them.
const FEW_NAMES: usize = if cfg!(test) { 10 } else { 5_000 };

/// The versions of a store, and what the facts say of them.
#[derive(Debug)]
pub struct Catalog {
    store: Arc<Store>,
    /// The facts that were folded last, so that a command folds none twice.
    snapshot: Mutex<Option<FactsSnapshot>>,
}

impl Catalog {
    /// Returns the catalog of a store. Nothing is read yet.
    pub fn new(store: Arc<Store>) -> Catalog {
        Catalog { store, snapshot: Mutex::default() }
    }

    fn refs(&self) -> Versions {
        self.store.refs()
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(&self.store)
    }

    /// Returns the folded facts as they are now. Of facts that came since the last call only these are folded.
    ///
    /// # Errors
    /// Those of `Facts::fold`.
    pub fn folded_facts(&self) -> Result<Arc<FactsState>> {
        let is_first = self.snapshot().is_none();
        if is_first
            && is_longer([self.store.layout().facts()], FEW)
            && let Some(state) = self.ask(|rows| self.folded_facts_in(rows))
        {
            return Ok(state);
        }
        let mut snapshot = self.snapshot();
        let snapshot = snapshot.get_or_insert_default();
        snapshot.advance(&self.facts())?;
        Ok(snapshot.state.clone())
    }

    /// Returns the folded facts, and the empty state where they cannot be read, with the reason in `damaged`.
    ///
    /// # Errors
    /// Those that are not of damaged or unreadable facts.
    pub fn folded_facts_or_empty(&self, damaged: &mut Vec<Error>) -> Result<Arc<FactsState>> {
        let facts = self.folded_facts().map_err(|e| e.within("tags and later verdicts are unknown"));
        Ok(skip_damaged(facts, |e| damaged.push(e))?.unwrap_or_default())
    }

    /// Returns the folded facts by those of the index, which are brought up to date; `None` if facts cannot be read.
    fn folded_facts_in(&self, rows: &Database<'_>) -> Result<Option<Arc<FactsState>>> {
        let mut known = self.snapshot();
        if let Some(snapshot) = &mut *known {
            return Ok(snapshot.advance(&self.facts()).ok().map(|_| snapshot.state.clone()));
        }
        let mut snapshot = FactsSnapshot::load(rows)?;
        let Ok(changes) = snapshot.advance(&self.facts()) else { return Ok(None) };
        snapshot.save(rows, changes)?;
        Ok(Some(known.insert(snapshot).state.clone()))
    }

    fn snapshot(&self) -> MutexGuard<'_, Option<FactsSnapshot>> {
        self.snapshot.lock().unwrap_or_else(|poisoned| {
            // Whoever panicked may have changed it by half.
            let mut snapshot = poisoned.into_inner();
            *snapshot = None;
            snapshot
        })
    }

    /// Asks the index; `None` if it cannot answer.
    fn ask<T>(&self, question: impl FnOnce(&Database<'_>) -> Result<Option<T>>) -> Option<T> {
        database::ask(self.store.layout(), question).ok().flatten()
    }

    /// The datasets that a query is about.
    fn datasets(&self, query: &Query) -> Result<Vec<String>> {
        query.dataset.as_ref().map_or_else(|| self.refs().datasets(), |name| Ok(vec![name.clone()]))
    }

    /// Tells if datasets have more than `count` refs together.
    fn have_more(&self, datasets: &[String], count: usize) -> bool {
        let refs = self.refs();
        is_longer(datasets.iter().map(|name| refs.folder(name)), count)
    }

    /// Returns the versions that a query selects, in its order, and the errors of those that cannot be read.
    pub fn select(&self, query: &Query) -> Result<(Vec<VersionEntry>, Vec<Error>)> {
        let datasets = self.datasets(query)?;
        if let Some(entries) = self.have_more(&datasets, FEW).then(|| self.select_indexed(query, &datasets)).flatten() {
            return Ok((entries, Vec::new()));
        }
        let mut damaged = Vec::new();
        let facts = self.folded_facts_or_empty(&mut damaged)?;
        let entries = objects::select(&self.store, &facts, query, &datasets, &mut damaged)?;
        Ok((entries, damaged))
    }

    fn select_indexed(&self, query: &Query, datasets: &[String]) -> Option<Vec<VersionEntry>> {
        self.ask(|rows| {
            let Some(facts) = self.folded_facts_in(rows)? else { return Ok(None) };
            Index::new(rows, &self.store).select(query, &facts, datasets)
        })
    }

    /// Returns the datasets that have versions which a query selects, by name, and the errors of versions that cannot be
    /// read. Its limit does not count.
    pub fn summaries(&self, query: &Query) -> Result<(Vec<DatasetSummary>, Vec<Error>)> {
        let (mut counts, mut damaged) = (None, Vec::new());
        if !query.selects_all() {
            let (entries, errors) = self.select(&Query { limit: None, ..query.clone() })?;
            damaged = errors;
            let mut selected = BTreeMap::<String, u64>::new();
            entries.into_iter().for_each(|entry| *selected.entry(entry.version.dataset).or_default() += 1);
            counts = Some(selected);
        }
        let (datasets, mut summaries) = (self.datasets(&Query::default())?, Vec::new());
        let mut totals = self.totals_indexed(&datasets).map(Vec::into_iter);
        for dataset in datasets {
            let own = match &mut totals {
                Some(totals) => totals.next(),
                None => skip_damaged(self.refs().numbers(&dataset), |e| damaged.push(e))?
                    .map(|numbers| DatasetSummary::of(&dataset, &numbers)),
            };
            let Some(mut summary) = own else { continue };
            if let Some(counts) = &counts {
                summary.versions = counts.get(&dataset).copied().unwrap_or(0);
            }
            summaries.extend(Some(summary).filter(|summary| summary.versions > 0));
        }
        Ok((summaries, damaged))
    }

    /// Returns the highest number of a dataset, as [`VersionNumber::highest`] tells it.
    pub fn latest(&self, dataset: &str) -> Result<Option<VersionNumber>> {
        match self.totals_indexed(&[dataset.to_owned()]).and_then(|mut totals| totals.pop()) {
            Some(summary) => Ok(summary.latest),
            None => Ok(VersionNumber::highest(&self.refs().numbers(dataset)?).cloned()),
        }
    }

    /// The counts and highest numbers of these datasets, where the index has them sooner.
    fn totals_indexed(&self, datasets: &[String]) -> Option<Vec<DatasetSummary>> {
        let totals = || self.ask(|rows| Index::new(rows, &self.store).totals(datasets));
        self.have_more(datasets, FEW_NAMES).then(totals).flatten()
    }

    /// Returns the numbers of a dataset's versions, ascending.
    pub fn numbers(&self, dataset: &str) -> Result<Vec<VersionNumber>> {
        let indexed = || self.ask(|rows| Index::new(rows, &self.store).numbers(dataset));
        match self.have_more(&[dataset.to_owned()], FEW_NAMES).then(indexed).flatten() {
            Some(numbers) => Ok(numbers),
            None => self.refs().numbers(dataset),
        }
    }

    /// Returns the versions of these datasets whose ids begin with these lower-case hex digits.
    pub fn with_prefix(&self, datasets: &[String], hex: &str) -> Result<Vec<VersionRef>> {
        let indexed = || self.ask(|rows| Index::new(rows, &self.store).with_prefix(datasets, hex));
        match self.have_more(datasets, FEW).then(indexed).flatten() {
            Some(versions) => Ok(versions),
            None => objects::with_prefix(&self.refs(), datasets, hex),
        }
    }

    /// Compares the index with the refs, the records and the facts, where they can be read. An index that the next question
    /// would build anew is not compared.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) if it is damaged or has other versions; the next question then
    /// builds it anew.
    pub fn check(&self) -> Result<()> {
        let (Ok(datasets), Ok(facts)) = (self.refs().datasets(), self.facts().fold()) else { return Ok(()) };
        let compared = database::inspect(self.store.layout(), |rows| {
            *self.snapshot() = None;
            if !datasets.is_empty() && rows.scan(b"").next().is_none() {
                return Err(broken("all of its rows are lost"));
            }
            let Some(indexed_facts) = self.folded_facts_in(rows)? else { return Ok(None) };
            for dataset in &datasets {
                let (query, own) = (Query { dataset: Some(dataset.clone()), ..Query::default() }, [dataset.clone()]);
                let mut damaged = Vec::new();
                let expected = objects::select(&self.store, &facts, &query, &own, &mut damaged)?;
                let indexed = Index::new(rows, &self.store).select(&query, &indexed_facts, &own)?;
                if damaged.is_empty() && indexed != Some(expected) {
                    return Err(broken(&format!("it does not have the versions of {dataset}")));
                }
            }
            Ok(Some(()))
        });
        *self.snapshot() = None;
        compared.map(drop)
    }

    /// Builds the index anew.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) if another process has it open.
    pub fn rebuild(&self, progress: &dyn Progress) -> Result<()> {
        let datasets = self.refs().datasets()?;
        database::rebuild(self.store.layout(), |rows| {
            *self.snapshot() = None;
            self.folded_facts_in(rows)?;
            let index = Index::new(rows, &self.store).with_progress(progress);
            datasets.iter().try_for_each(|dataset| index.update(dataset).map(drop))?;
            Ok(Some(()))
        })?;
        progress.check()
    }
}

/// Tells if folders have more than `count` entries together.
fn is_longer(folders: impl IntoIterator<Item = PathBuf>, count: usize) -> bool {
    folders.into_iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().nth(count).is_some()
}
