//! Brings tags and verdicts up to date with the facts. They are folded again only when there is a newer fact, a version is gone,
//! or one came that a fact had spoken of before.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::guard::{broken, fault};
use crate::catalog::postings;
use crate::catalog::tables::{HEADS, Heads, Mark, Row, dataset_of, encode, get, pair, time_key};
use crate::catalog::update::Update;
use crate::error::Result;
use crate::object::version::ValidationStatus;
use crate::repo::status::by_verdict;

/// Rows by their keys.
type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

impl Update<'_> {
    /// Lets the facts be folded again, by the next update if this one does not come to it: forgets which were.
    pub(super) fn refold(&mut self) -> Result<()> {
        self.note(HEADS, encode(&Heads::default()))
    }

    /// Folds the facts up to these heads, unless that was done.
    pub(super) fn fold(&mut self, mut heads: Heads) -> Result<()> {
        let known: Option<Heads> = get(&self.tables.meta, HEADS)?;
        if heads.head != known.unwrap_or_default().head {
            let Ok(state) = self.repo.facts().fold() else {
                self.found.blind = true;
                return Ok(());
            };
            let mut places: HashMap<Vec<u8>, Vec<u8>> = HashMap::new();
            for posting in postings::under(&self.tables.ids, b"")? {
                places.insert(posting.value, posting.place);
            }
            let (mut said, mut last) = (BTreeMap::<&[u8], (Vec<String>, Option<bool>)>::new(), Rows::new());
            heads.unplaced = false;
            for (tag, versions) in state.tags() {
                for id in versions {
                    let Some(place) = places.get(id.as_bytes().as_slice()) else {
                        heads.unplaced = true;
                        continue;
                    };
                    said.entry(place).or_default().0.push(tag.to_owned());
                    // The one that received it last comes last.
                    last.insert(pair(tag, dataset_of(place)?), encode(id.as_bytes()));
                }
            }
            for (id, verdict) in state.verdicts() {
                let Some(place) = places.get(id.as_bytes().as_slice()) else {
                    heads.unplaced = true;
                    continue;
                };
                let Ok(status) = by_verdict(self.repo, verdict) else {
                    self.found.blind = true;
                    return Ok(());
                };
                said.entry(place).or_default().1 = Some(status == ValidationStatus::Passed);
            }
            let marks = self.marks(said)?;
            let tables = self.tables;
            self.replace(&tables.marked, marks)?;
            self.replace(&tables.tags, last)?;
        }
        self.note(HEADS, encode(&heads))
    }

    /// The rows of `marked` for what was said of the versions at these places.
    fn marks(&self, said: BTreeMap<&[u8], (Vec<String>, Option<bool>)>) -> Result<Rows> {
        let mut rows = Rows::new();
        for (place, (tags, passed)) in said {
            // A mark is there only as long as its version, which does not change.
            let (time, row) = match get::<Mark>(&self.tables.marked, place)? {
                Some(known) => (known.time, known.row),
                None => {
                    let row: Row = get(&self.tables.versions, place)?.ok_or_else(|| broken("a version has no row"))?;
                    (time_key(row.version(place)?.1.created), row)
                }
            };
            rows.insert(place.to_vec(), encode(&Mark { time, row, tags, passed }));
        }
        Ok(rows)
    }

    /// Makes a table hold these rows and no others, and writes only what differs.
    fn replace(&mut self, tree: &sled::Tree, mut rows: Rows) -> Result<()> {
        let mut batch = sled::Batch::default();
        let mut differs = false;
        for there in tree {
            let (key, row) = there.map_err(fault)?;
            match rows.get(key.as_ref()) {
                Some(wanted) if *wanted == row.as_ref() => {
                    rows.remove(key.as_ref());
                }
                Some(_) => {}
                None => {
                    batch.remove(key);
                    differs = true;
                }
            }
        }
        differs |= !rows.is_empty();
        for (key, row) in rows {
            batch.insert(key, row);
        }
        if differs { self.write(tree, batch) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::db::Catalog;
    use crate::catalog::samples::{commit, judge, repository, tag, untag, version};
    use crate::error::Result;
    use crate::id::{Id, Version};
    use crate::object::fact::Statement;
    use crate::object::version::ValidationStatus;
    use crate::repo::Repo;

    fn bearer(repo: &Repo, dataset: &str) -> Result<Option<Id<Version>>> {
        Catalog::open(repo).unwrap().by_tag(dataset, "production")
    }

    #[test]
    fn a_tag_stands_on_one_version_of_a_dataset() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let ids =
            commit(&repo, &[version("leases", "1.0.0", 0), version("leases", "1.1.0", 1), version("contracts", "1.0.0", 2)]);
        assert_eq!(bearer(&repo, "leases").unwrap(), None);
        tag(&repo, ids[1], "production");
        tag(&repo, ids[0], "production");
        tag(&repo, ids[2], "production");
        tag(&repo, ids[0], "gold");
        assert_eq!(bearer(&repo, "leases").unwrap(), Some(ids[0]), "another dataset's tag is another");
        let catalog = Catalog::open(&repo).unwrap();
        let tags: Vec<_> = catalog.versions("leases", None).unwrap().into_iter().map(|listed| listed.tags).collect();
        assert_eq!(tags, [vec![], vec!["gold", "production"]]);
        drop(catalog);
        tag(&repo, ids[1], "production");
        assert_eq!(bearer(&repo, "leases").unwrap(), Some(ids[1]), "received again");
        untag(&repo, ids[1], "production");
        assert_eq!(bearer(&repo, "leases").unwrap(), None);
        assert_eq!(bearer(&repo, "contracts").unwrap(), Some(ids[2]));
    }

    #[test]
    fn a_fact_may_come_before_its_version_and_outlive_it() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let late = version("leases", "1.0.0", 0);
        tag(&repo, late.id(), "production");
        assert_eq!(bearer(&repo, "leases").unwrap(), None);
        commit(&repo, std::slice::from_ref(&late));
        assert_eq!(bearer(&repo, "leases").unwrap(), Some(late.id()));
        std::fs::remove_file(repo.versions().folder("leases").join("1.0.0")).unwrap();
        assert_eq!(bearer(&repo, "leases").unwrap(), None);
    }

    #[test]
    fn the_last_verdict_holds_whenever_it_was_said() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let (first, late) = (version("leases", "1.0.0", 0), version("leases", "1.1.0", 1));
        commit(&repo, std::slice::from_ref(&first));
        let statuses = || {
            let listed = Catalog::open(&repo).unwrap().versions("leases", None).unwrap();
            listed.into_iter().map(|listed| listed.status).collect::<Vec<_>>()
        };
        assert_eq!(statuses(), [ValidationStatus::Pending]);
        judge(&repo, first.id(), true);
        judge(&repo, late.id(), false);
        assert_eq!(statuses(), [ValidationStatus::Passed]);
        commit(&repo, std::slice::from_ref(&late));
        assert_eq!(statuses(), [ValidationStatus::Failed, ValidationStatus::Passed], "said before it came");
        judge(&repo, first.id(), false);
        judge(&repo, late.id(), true);
        assert_eq!(statuses(), [ValidationStatus::Passed, ValidationStatus::Failed]);
    }

    #[test]
    fn a_verdict_that_cannot_be_read_is_left_to_the_objects() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let id = commit(&repo, &[version("leases", "1.0.0", 0)])[0];
        let absent = Statement::Validated { version: id, verdict: Id::of(b"absent") };
        repo.facts().append("ana", &[absent]).unwrap();
        assert!(Catalog::open(&repo).is_none());
        judge(&repo, id, true);
        assert!(Catalog::open(&repo).is_some(), "only the last one counts");
    }

    #[test]
    fn facts_that_cannot_be_read_are_left_to_the_objects() {
        let dir = tempfile::tempdir().unwrap();
        let repo = repository(dir.path());
        let id = commit(&repo, &[version("leases", "1.0.0", 0)])[0];
        tag(&repo, id, "production");
        std::fs::write(repo.store().layout().facts().join("0000000002"), "garbage").unwrap();
        assert!(Catalog::open(&repo).is_none());
        std::fs::remove_file(repo.store().layout().facts().join("0000000002")).unwrap();
        assert_eq!(bearer(&repo, "leases").unwrap(), Some(id));
    }
}
