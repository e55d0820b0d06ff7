//! Look-ups of single versions: by number, by id, by tag, by what their files are. Every version that is handed out was
//! checked against the hash that it is named by.

use std::collections::BTreeMap;

use crate::catalog::db::Catalog;
use crate::catalog::guard::{broken, fault};
use crate::catalog::postings::{self, Posting};
use crate::catalog::query::{Listed, Query};
use crate::catalog::select::names;
use crate::catalog::tables::{Mark, Part, Row, Tables, dataset_of, decode, get, pair, part, place, within};
use crate::error::Result;
use crate::id::{Id, Version as VersionId};
use crate::object::checksum::Checksum;
use crate::object::version::{Number, Version};

/// A dataset and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its name.
    pub dataset: String,
    /// How many versions it has, of those that were asked for.
    pub versions: u64,
    /// Its highest release, or its highest pre-release if there is no release.
    pub latest: Option<Number>,
}

impl Catalog {
    /// The version with this number.
    pub fn by_number(&self, dataset: &str, number: &Number) -> Result<Option<Listed>> {
        self.check_complete(Some(dataset))?;
        self.ask(|tables| listed(tables, &place(dataset, number)))
    }

    /// The version with this id.
    pub fn by_id(&self, id: Id<VersionId>) -> Result<Option<Listed>> {
        self.check_complete(None)?;
        self.ask(|tables| {
            let found =
                postings::under(&tables.ids, &id.as_bytes()[..1])?.into_iter().find(|posting| posting.value == id.as_bytes());
            found.map_or(Ok(None), |posting| listed(tables, &posting.place))
        })
    }

    /// The versions whose ids begin with these lower-case hex digits, in order and two at most; of one dataset if it is
    /// named.
    pub fn by_prefix(&self, dataset: Option<&str>, hex: &str) -> Result<Vec<Id<VersionId>>> {
        self.check_complete(dataset)?;
        let fill = |digit: &str| Id::<VersionId>::from_hex(&format!("{hex}{}", digit.repeat(64usize.saturating_sub(hex.len()))));
        let (Some(lowest), Some(highest)) = (fill("0"), fill("f")) else { return Ok(Vec::new()) };
        self.ask(|tables| {
            let mut found = Vec::new();
            for first in lowest.as_bytes()[0]..=highest.as_bytes()[0] {
                for posting in postings::under(&tables.ids, &[first])? {
                    let id = id(&posting)?;
                    if (lowest..=highest).contains(&id) && of_dataset(&posting, dataset)? {
                        found.push(id);
                    }
                }
            }
            found.sort();
            found.dedup();
            found.truncate(2);
            Ok(found)
        })
    }

    /// The versions whose files have this data checksum, by dataset and number.
    pub fn by_checksum(&self, checksum: &Checksum) -> Result<Vec<Id<VersionId>>> {
        self.check_complete(None)?;
        let wanted = checksum.as_bytes();
        self.ask(|tables| {
            let mut found = postings::under(&tables.checksums, &wanted[..1])?;
            found.retain(|posting| posting.value == wanted);
            found.sort();
            found.iter().map(|posting| Ok(row(tables, &posting.place)?.0)).collect()
        })
    }

    /// The version of the dataset that received the tag last.
    pub fn by_tag(&self, dataset: &str, tag: &str) -> Result<Option<Id<VersionId>>> {
        self.check_complete(Some(dataset))?;
        self.ask(|tables| Ok(get(&tables.tags, &pair(tag, dataset))?.map(Id::from_bytes)))
    }

    /// The datasets that have versions which a query selects, in the order of their names. Its limit does not count.
    pub fn summaries(&self, query: &Query) -> Result<Vec<Summary>> {
        if query.selects_all() {
            self.check_complete(None)?;
            let summaries: Result<Vec<_>> =
                self.ask(|tables| names(tables)?.into_iter().map(|name| summary(tables, name)).collect());
            return Ok(summaries?.into_iter().filter(|summary| summary.versions > 0).collect());
        }
        let selected = count(&self.select(&Query { limit: None, ..query.clone() })?);
        self.ask(|tables| {
            let summaries = selected.into_iter().map(|(name, versions)| Ok(Summary { versions, ..summary(tables, name)? }));
            summaries.collect()
        })
    }
}

/// How many versions there are of each dataset.
pub(super) fn count(listed: &[Listed]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for listed in listed {
        *counts.entry(listed.version.dataset.clone()).or_default() += 1;
    }
    counts
}

fn summary(tables: &Tables, dataset: String) -> Result<Summary> {
    let versions = get::<Part>(&tables.meta, &part(&dataset))?.unwrap_or_default().versions;
    let mut latest = None;
    for there in tables.versions.scan_prefix(within(&dataset)).rev() {
        let (at, there) = there.map_err(fault)?;
        let number = decode::<Row>(&there)?.version(&at)?.1.number;
        let is_release = !number.is_pre_release();
        if is_release || latest.is_none() {
            latest = Some(number);
        }
        if is_release {
            break;
        }
    }
    if latest.is_some() != (versions > 0) {
        return Err(broken("rows are missing"));
    }
    Ok(Summary { dataset, versions, latest })
}

/// The version at a place that must have one.
fn row(tables: &Tables, at: &[u8]) -> Result<(Id<VersionId>, Version)> {
    get::<Row>(&tables.versions, at)?.ok_or_else(|| broken("a version has no row"))?.version(at)
}

/// The version at a place with what was said of it, if there is one.
fn listed(tables: &Tables, at: &[u8]) -> Result<Option<Listed>> {
    let Some(row) = get::<Row>(&tables.versions, at)? else { return Ok(None) };
    let (id, version) = row.version(at)?;
    Ok(Some(Listed::marked(id, version, get::<Mark>(&tables.marked, at)?)))
}

fn id(posting: &Posting) -> Result<Id<VersionId>> {
    let bytes = posting.value.as_slice().try_into().map_err(|_| broken("an id is too short"))?;
    Ok(Id::from_bytes(bytes))
}

fn of_dataset(posting: &Posting, dataset: Option<&str>) -> Result<bool> {
    Ok(match dataset {
        Some(name) => dataset_of(&posting.place)? == name,
        None => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::{commit, from_objects, number, repository, version};

    fn numbers(listed: &[Listed]) -> Vec<String> {
        listed.iter().map(|listed| listed.version.number.to_string()).collect()
    }

    #[test]
    fn the_highest_number_comes_first_and_pre_releases_before_their_release() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let ascending = "0.9.0 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-rc.2 1.0.0-rc.11 1.0.0 1.9.0 1.10.0";
        let ascending: Vec<&str> = ascending.split_whitespace().collect();
        let mut shuffled: Vec<Version> =
            ascending.iter().enumerate().map(|(n, text)| version("leases", text, n as i64)).collect();
        shuffled.rotate_left(4);
        shuffled.swap(0, 2);
        commit(&repo, &shuffled);
        commit(&repo, &[version("lease", "3.0.0", 0), version("leases2", "4.0.0", 0)]);
        let catalog = Catalog::open(&repo).unwrap();
        let listed = catalog.versions("leases", None).unwrap();
        assert_eq!(numbers(&listed), ascending.iter().rev().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(listed, from_objects(&repo, "leases").unwrap());
        assert_eq!(numbers(&catalog.versions("leases", Some(2)).unwrap()), ["1.10.0", "1.9.0"]);
        assert_eq!(catalog.versions("absent", None).unwrap(), []);
        assert_eq!(catalog.by_number("leases", &number("1.0.0-rc.2")).unwrap().unwrap().version.number, number("1.0.0-rc.2"));
        assert_eq!(catalog.by_number("leases", &number("1.0.1")).unwrap(), None);
    }

    #[test]
    fn ids_and_checksums() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let versions: Vec<Version> =
            (0..300).map(|n| version(if n % 2 == 0 { "a" } else { "b" }, &format!("1.{n}.0"), n)).collect();
        let ids = commit(&repo, &versions);
        let same = commit(&repo, &[version("c", "1.7.0", 9)])[0];
        let catalog = Catalog::open(&repo).unwrap();
        for (id, version) in ids.iter().zip(&versions) {
            assert_eq!(catalog.by_id(*id).unwrap().unwrap().version, *version);
            assert_eq!(catalog.by_prefix(None, &id.to_hex()).unwrap(), [*id]);
            assert_eq!(catalog.by_prefix(Some(&version.dataset), &id.to_hex()[..12]).unwrap(), [*id]);
            assert_eq!(catalog.by_prefix(Some("c"), &id.to_hex()[..12]).unwrap(), []);
        }
        assert_eq!(catalog.by_id(Id::of(b"none")).unwrap(), None);
        assert_eq!(catalog.by_prefix(None, "").unwrap().len(), 2, "two are enough to tell that it is ambiguous");
        let first = &ids.iter().min().unwrap().to_hex()[..1];
        assert_eq!(catalog.by_prefix(None, first).unwrap()[0], *ids.iter().min().unwrap());
        for bad in ["x", "AB", &"0".repeat(65)] {
            assert_eq!(catalog.by_prefix(None, bad).unwrap(), [], "{bad}");
        }
        assert_eq!(catalog.by_checksum(&versions[7].data_checksum).unwrap(), [ids[7], same]);
        assert_eq!(catalog.by_checksum(&Checksum::of(b"none")).unwrap(), []);
    }
}
