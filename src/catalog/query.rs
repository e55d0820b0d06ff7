//! The questions. Every version that is handed out was checked against the hash that it is named by.

use std::collections::BTreeMap;

use crate::catalog::db::Catalog;
use crate::catalog::guard::{broken, fault};
use crate::catalog::postings::{self, Posting};
use crate::catalog::tables::{
    NAMES, Names, Part, Row, Tables, dataset_of, decode, get, moment, pair, paired, part, place, time_key, within,
};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{Id, Version as VersionId};
use crate::object::checksum::Checksum;
use crate::object::version::{Number, Version};

/// A version and the tags that it bears now, in order.
pub type Listed = (Id<VersionId>, Version, Vec<String>);

/// Which versions. What is not said selects all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Of this dataset.
    pub dataset: Option<&'a str>,
    /// Of this type.
    pub kind: Option<&'a str>,
    /// That bear this tag.
    pub tag: Option<&'a str>,
    /// Made at or after this moment.
    pub since: Option<Time>,
    /// Made at or before this moment.
    pub until: Option<Time>,
    /// No more than so many, the newest.
    pub limit: Option<usize>,
}

impl Query<'_> {
    fn spans(&self, time: &[u8]) -> bool {
        self.since.is_none_or(|since| time >= time_key(since).as_slice())
            && self.until.is_none_or(|until| time <= time_key(until).as_slice())
    }

    fn selects(&self, version: &Version) -> bool {
        self.kind.is_none_or(|kind| version.dataset_type == kind) && self.spans(&time_key(version.created))
    }
}

impl Catalog {
    /// The versions of a dataset, the highest number first; only so many of them if `newest` says so.
    pub fn versions(&self, dataset: &str, newest: Option<usize>) -> Result<Vec<Listed>> {
        self.check_complete(Some(dataset))?;
        self.ask(|tables| {
            let mut versions = Vec::new();
            for row in tables.versions.scan_prefix(within(dataset)).rev().take(newest.unwrap_or(usize::MAX)) {
                let (at, row) = row.map_err(fault)?;
                let (id, version) = decode::<Row>(&row)?.version(&at)?;
                versions.push((at, id, version));
            }
            // sled may have lost rows of a damaged log. They are missed where all rows were read.
            let there = get::<Part>(&tables.meta, &part(dataset))?.unwrap_or_default().versions;
            if versions.len() as u64 != there && newest.is_none_or(|newest| versions.len() < newest) {
                return Err(broken("rows are missing"));
            }
            let (Some(highest), Some(lowest)) = (versions.first(), versions.last()) else { return Ok(Vec::new()) };
            let mut tags = BTreeMap::new();
            for row in tables.tagged.range::<&[u8], _>(lowest.0.as_ref()..=highest.0.as_ref()) {
                let (at, row) = row.map_err(fault)?;
                tags.insert(at, decode::<Vec<String>>(&row)?);
            }
            Ok(versions.into_iter().map(|(at, id, version)| (id, version, tags.remove(&at).unwrap_or_default())).collect())
        })
    }

    /// Whether every version of the dataset is known to have a higher number than its parents, so that the highest number
    /// first is also children before parents.
    pub fn is_ordered(&self, dataset: &str) -> Result<bool> {
        self.check_complete(Some(dataset))?;
        self.ask(|tables| Ok(get::<Part>(&tables.meta, &part(dataset))?.is_none_or(|part| part.unordered == 0)))
    }

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

    /// The versions that a query selects, the newest first; of one moment by dataset and number, the last of them first.
    pub fn select(&self, query: &Query<'_>) -> Result<Vec<Listed>> {
        self.check_complete(query.dataset)?;
        self.ask(|tables| {
            let mut found = match query.tag {
                Some(tag) => with_tag(tables, query, tag)?,
                None => by_time(tables, query)?,
            };
            found.sort_unstable_by(|a, b| b.cmp(a));
            found.truncate(query.limit.unwrap_or(usize::MAX));
            let listed =
                found.iter().map(|posting| listed(tables, &posting.place)?.ok_or_else(|| broken("a version has no row")));
            listed.collect()
        })
    }
}

/// The versions with a tag that the query selects. Few versions bear tags.
fn with_tag(tables: &Tables, query: &Query<'_>, tag: &str) -> Result<Vec<Posting>> {
    let mut found = Vec::new();
    for there in tables.tagged.scan_prefix(query.dataset.map(within).unwrap_or_default()) {
        let (at, tags) = there.map_err(fault)?;
        if decode::<Vec<String>>(&tags)?.iter().any(|borne| borne == tag) {
            let (_, version) = row(tables, &at)?;
            if query.selects(&version) {
                found.push(Posting { value: time_key(version.created).to_vec(), place: at.to_vec() });
            }
        }
    }
    Ok(found)
}

/// The versions that the query selects, by the lists of times; of each dataset no more than the limit, the newest.
fn by_time(tables: &Tables, query: &Query<'_>) -> Result<Vec<Posting>> {
    let datasets = match (query.dataset, query.kind) {
        (Some(name), _) => vec![name.to_owned()],
        (None, Some(kind)) => of_kind(tables, kind)?,
        (None, None) => get::<Names>(&tables.meta, NAMES)?.unwrap_or_default().names,
    };
    let since = query.since.unwrap_or(Time::from_millis(i64::MIN));
    let until = query.until.unwrap_or(Time::from_millis(i64::MAX));
    let limit = query.limit.unwrap_or(usize::MAX);
    let mut all = Vec::new();
    if since > until {
        return Ok(all);
    }
    for dataset in datasets {
        let mut left = limit;
        for group in postings::descending(&tables.times, &moment(&dataset, since), &moment(&dataset, until)) {
            if left == 0 {
                break;
            }
            let mut group = group?;
            group.retain(|posting| query.spans(&posting.value));
            group.sort_unstable_by(|a, b| b.cmp(a));
            for posting in group {
                if left > 0 && (query.kind.is_none() || query.selects(&row(tables, &posting.place)?.1)) {
                    all.push(posting);
                    left -= 1;
                }
            }
        }
    }
    Ok(all)
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

/// The version at a place that must have one.
fn row(tables: &Tables, at: &[u8]) -> Result<(Id<VersionId>, Version)> {
    get::<Row>(&tables.versions, at)?.ok_or_else(|| broken("a version has no row"))?.version(at)
}

/// The version at a place with its tags, if there is one.
fn listed(tables: &Tables, at: &[u8]) -> Result<Option<Listed>> {
    let Some(row) = get::<Row>(&tables.versions, at)? else { return Ok(None) };
    let (id, version) = row.version(at)?;
    Ok(Some((id, version, get(&tables.tagged, at)?.unwrap_or_default())))
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
        listed.iter().map(|(_, version, _)| version.number.to_string()).collect()
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
        assert_eq!(catalog.by_number("leases", &number("1.0.0-rc.2")).unwrap().unwrap().1.number, number("1.0.0-rc.2"));
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
            assert_eq!(catalog.by_id(*id).unwrap().unwrap().1, *version);
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

    #[test]
    fn whether_numbers_follow_the_parents() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let first = commit(&repo, &[version("leases", "2.0.0", 0)])[0];
        let child =
            |text: &str| Version { parents: vec![first], parent_number: Some(number("2.0.0")), ..version("leases", text, 1) };
        commit(&repo, &[child("2.1.0")]);
        assert!(Catalog::open(&repo).unwrap().is_ordered("leases").unwrap());
        commit(&repo, &[child("1.5.0")]);
        assert!(!Catalog::open(&repo).unwrap().is_ordered("leases").unwrap());
        std::fs::remove_file(repo.versions().folder("leases").join("1.5.0")).unwrap();
        assert!(Catalog::open(&repo).unwrap().is_ordered("leases").unwrap());
    }
}
