//! How the tables answer a query: no more rows are read than the order of the answer and its limit ask for.

use std::collections::BinaryHeap;

use crate::catalog::db::Catalog;
use crate::catalog::guard::{broken, fault};
use crate::catalog::query::{Listed, Query};
use crate::catalog::tables::{Mark, NAMES, Names, Part, Row, Tables, decode, get, pair, paired, part, time_key, within};
use crate::catalog::timeline::{self, Moment};
use crate::error::Result;

impl Catalog {
    /// The versions that a query selects, in its order.
    pub fn select(&self, query: &Query) -> Result<Vec<Listed>> {
        self.check_complete(query.dataset.as_deref())?;
        self.ask(|tables| {
            let mut answer = Answer { tables, query, listed: Vec::new() };
            match (&query.dataset, &query.tag) {
                _ if query.limit == Some(0) => {}
                (_, Some(tag)) => answer.tagged(tag)?,
                (Some(name), None) => answer.of_dataset(name)?,
                (None, None) => answer.of_all()?,
            }
            Ok(answer.listed)
        })
    }
}

/// The names of the datasets that have versions.
pub(super) fn names(tables: &Tables) -> Result<Vec<String>> {
    Ok(get::<Names>(&tables.meta, NAMES)?.unwrap_or_default().names)
}

/// An answer as it grows, in the order of the query.
struct Answer<'a> {
    tables: &'a Tables,
    query: &'a Query,
    listed: Vec<Listed>,
}

impl Answer<'_> {
    fn is_full(&self) -> bool {
        self.listed.len() >= self.query.most()
    }

    /// Takes the version at a place, if it is selected.
    fn consider(&mut self, at: &[u8], row: &Row) -> Result<()> {
        let (id, version) = row.version(at)?;
        if self.query.selects_record(&version) {
            self.take(Listed::marked(id, version, get::<Mark>(&self.tables.marked, at)?));
        }
        Ok(())
    }

    fn take(&mut self, listed: Listed) {
        if self.query.selects(&listed) {
            self.listed.push(listed);
        }
    }

    /// Takes the versions at these places in turn, as far as they are selected.
    fn consider_all(&mut self, places: impl IntoIterator<Item = Result<Vec<u8>>>) -> Result<()> {
        for at in places {
            if self.is_full() {
                break;
            }
            let at = at?;
            let row: Row = get(&self.tables.versions, &at)?.ok_or_else(|| broken("a version has no row"))?;
            self.consider(&at, &row)?;
        }
        Ok(())
    }

    /// Versions with a tag. Few versions bear tags, so that all of them are looked at.
    fn tagged(&mut self, tag: &str) -> Result<()> {
        let (since, until) = self.span();
        let mut found = Vec::new();
        for there in self.tables.marked.scan_prefix(self.query.dataset.as_deref().map(within).unwrap_or_default()) {
            let (at, mark) = there.map_err(fault)?;
            let mark: Mark = decode(&mark)?;
            let spans = since.is_none_or(|since| mark.time >= since) && until.is_none_or(|until| mark.time <= until);
            if spans && mark.tags.iter().any(|borne| borne == tag) {
                found.push((at, mark));
            }
        }
        match self.query.dataset {
            Some(_) => found.sort_unstable_by(|(a, _), (b, _)| b.cmp(a)),
            None => found.sort_unstable_by(|(a, x), (b, y)| (y.time, b).cmp(&(x.time, a))),
        }
        for (at, mark) in found {
            if self.is_full() {
                break;
            }
            let (id, version) = mark.row.version(&at)?;
            self.take(Listed::marked(id, version, Some(mark)));
        }
        Ok(())
    }

    /// Versions of one dataset.
    fn of_dataset(&mut self, dataset: &str) -> Result<()> {
        let tables = self.tables;
        if let Some(kind) = &self.query.kind
            && get::<u64>(&tables.kinds, &pair(kind, dataset))?.is_none()
        {
            return Ok(());
        }
        if let (since, until) = self.span()
            && (since, until) != (None, None)
        {
            let moments = timeline::newest(&tables.times, dataset, since, until);
            let mut places = moments.map(|moment| Ok(moment?.place)).collect::<Result<Vec<_>>>()?;
            places.sort_unstable_by(|a, b| b.cmp(a));
            return self.consider_all(places.into_iter().map(Ok));
        }
        let mut seen = 0;
        for there in tables.versions.scan_prefix(within(dataset)).rev() {
            if self.is_full() {
                return Ok(());
            }
            let (at, row) = there.map_err(fault)?;
            self.consider(&at, &decode(&row)?)?;
            seen += 1;
        }
        // sled may have lost rows of a damaged log. They are missed where all rows were read.
        match get::<Part>(&tables.meta, &part(dataset))?.unwrap_or_default().versions {
            there if there == seen || self.is_full() => Ok(()),
            _ => Err(broken("rows are missing")),
        }
    }

    /// Versions of all datasets: the newest of each is looked at, and the newest of these taken, over and over.
    fn of_all(&mut self) -> Result<()> {
        let tables = self.tables;
        let datasets = match &self.query.kind {
            Some(kind) => of_kind(tables, kind)?,
            None => names(tables)?,
        };
        let (since, until) = self.span();
        let mut open: Vec<_> = datasets.iter().map(|name| timeline::newest(&tables.times, name, since, until)).collect();
        let mut newest = BinaryHeap::new();
        for (n, moments) in open.iter_mut().enumerate() {
            newest.extend(moments.next().transpose()?.map(|moment| (moment, n)));
        }
        self.consider_all(std::iter::from_fn(|| {
            let (Moment { place, .. }, n) = newest.pop()?;
            match open[n].next() {
                Some(Ok(moment)) => newest.push((moment, n)),
                Some(Err(e)) => return Some(Err(e)),
                None => {}
            }
            Some(Ok(place))
        }))
    }

    /// The times between which versions are selected.
    fn span(&self) -> (Option<[u8; 8]>, Option<[u8; 8]>) {
        (self.query.since.map(time_key), self.query.until.map(time_key))
    }
}

/// The datasets that have versions of a type.
fn of_kind(tables: &Tables, kind: &str) -> Result<Vec<String>> {
    let mut datasets = Vec::new();
    for row in tables.kinds.scan_prefix(within(kind)) {
        let (key, _) = row.map_err(fault)?;
        datasets.extend(paired(&key, kind).map(str::to_owned));
    }
    Ok(datasets)
}
