//! Repositories for the tests of the catalog, and what the objects answer.

use std::path::{Path, PathBuf};

use crate::catalog::index::Index;
use crate::catalog::seal::CatalogFolder;
use crate::catalog::{Catalog, Query, VersionEntry};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{Id, VersionId};
use crate::object::Key;
use crate::object::checksum::Checksum;
use crate::object::fact::{Fact, Statement};
use crate::object::verdict::{DEFAULT_WEIGHT, FULL_SCORE, OpaquePolicy, RuleResult, Severity, Verdict};
use crate::object::version::{ChangeType, Statistics, ValidationStatus, Version, VersionNumber};
use crate::repo::Repo;
use crate::store::layout::FOLDER;
use crate::store::{Layout, Writer};

/// Overwrites the rows of the index as if the medium had changed them: the seal is that of the files.
pub(crate) fn damage_sealed(store: &Path) {
    let layout = Layout::new(store.to_owned());
    let path = layout.catalog().join("db");
    let rows: Vec<u8> = std::fs::read(&path).unwrap().iter().map(|byte| if *byte == 0 { 0 } else { 7 }).collect();
    std::fs::write(&path, rows).unwrap();
    CatalogFolder::of(&layout).seal().unwrap();
}

/// A new repository without datasets.
pub(crate) fn repository(dir: &Path) -> Repo {
    Layout::new(dir.join(".helox")).create().unwrap();
    Repo::open(dir).unwrap()
}

pub(crate) fn number(text: &str) -> VersionNumber {
    VersionNumber::parse(text).unwrap()
}

/// A version whose other fields follow from its name and its moment in minutes.
pub(crate) fn version(dataset: &str, text: &str, minute: i64) -> Version {
    Version {
        dataset: dataset.into(),
        dataset_type: format!("type_of_{dataset}"),
        number: number(text),
        parents: Vec::new(),
        parent_number: None,
        manifest: Id::of(text.as_bytes()),
        statistics: Statistics { files: 2, bytes: 300, samples: None },
        schema: None,
        data_checksum: Checksum::of(text.as_bytes()),
        change_type: ChangeType::Minor,
        summary: format!("{dataset} {text}"),
        metadata: [("source".to_owned(), "crawl".into())].into_iter().collect(),
        tags: Vec::new(),
        validation: ValidationStatus::Pending,
        verdict: None,
        author: "ana@example.com".into(),
        created: Time::from_millis(1_795_339_800_000 + minute * 60_000),
        extensions: vec![],
    }
}

/// Stores versions and their refs; their ids.
pub(crate) fn commit(repo: &Repo, versions: &[Version]) -> Vec<Id<VersionId>> {
    let mut writer = Writer::new(repo.store(), 1).unwrap();
    for version in versions {
        writer.structure(Key::from(version.id()), &version.encode()).unwrap();
    }
    let _kept = writer.finish().unwrap();
    for version in versions {
        repo.versions().create(&version.dataset, &version.number, version.id()).unwrap();
    }
    versions.iter().map(Version::id).collect()
}

pub(crate) fn tag(repo: &Repo, version: Id<VersionId>, tag: &str) {
    repo.facts().append("ana", &[Statement::TagAdded { version, tag: tag.into() }]).unwrap();
}

pub(crate) fn untag(repo: &Repo, version: Id<VersionId>, tag: &str) {
    repo.facts().append("ana", &[Statement::TagRemoved { version, tag: tag.into() }]).unwrap();
}

/// Joins the facts with those of another copy, which said nothing but that the version has the tag.
pub(crate) fn join(repo: &Repo, version: Id<VersionId>, tag: &str) {
    let statement = Statement::TagAdded { version, tag: tag.into() };
    let fact = Fact { parents: Vec::new(), time: Time::from_millis(0), author: "bo".into(), statement };
    let mut writer = Writer::new(repo.store(), 1).unwrap();
    writer.structure(Key::from(fact.id()), &fact.encode()).unwrap();
    let _kept = writer.finish().unwrap();
    repo.facts().join("ana", fact.id()).unwrap();
}

/// Says that a version was judged.
pub(crate) fn judge(repo: &Repo, version: Id<VersionId>, passed: bool) {
    let min_score = if passed { FULL_SCORE / 2 } else { FULL_SCORE };
    let judged = RuleResult {
        name: "ids".into(),
        kind: "unique".into(),
        severity: Severity::Warning,
        weight: DEFAULT_WEIGHT,
        checked: 4,
        failed: 1,
        unreadable: 0,
        measures: Vec::new(),
    };
    let (opaque, judged) = (OpaquePolicy::Warn, vec![judged]);
    let verdict = Verdict {
        rules: [7; 32],
        min_score,
        opaque,
        results: judged,
        findings_count: 0,
        findings: Vec::new(),
        unread: Vec::new(),
    };
    assert_eq!(verdict.passed(), passed);
    let mut writer = Writer::new(repo.store(), 1).unwrap();
    writer.structure(Key::from(verdict.id()), &verdict.encode()).unwrap();
    let _kept = writer.finish().unwrap();
    repo.facts().append("ana", &[Statement::Validated { version, verdict: verdict.id() }]).unwrap();
}

/// Forty versions of `leases`, one of them with a tag.
pub(super) fn some_versions(repo: &Repo) -> Vec<Id<VersionId>> {
    let ids = commit(repo, &(0..40).map(|n| version("leases", &format!("1.{n}.0"), n)).collect::<Vec<_>>());
    tag(repo, ids[3], "production");
    ids
}

/// The folder of the catalog.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join(FOLDER).join("catalog")
}

/// The repository as another process opens it.
pub(crate) fn reopened(repo: &Repo) -> Repo {
    Repo::open(repo.root()).unwrap()
}

/// The versions of `leases` as a user gets them.
pub(super) fn answer(repo: &Repo) -> Vec<VersionEntry> {
    let (entries, damaged) = reopened(repo).select(&of_dataset("leases")).unwrap();
    assert!(damaged.is_empty(), "{damaged:?}");
    entries
}

/// The query for the versions of a dataset.
pub(super) fn of_dataset(name: &str) -> Query {
    Query { dataset: Some(name.to_owned()), ..Query::default() }
}

/// The versions of a dataset by the index alone, the highest number first; `None` if it cannot answer.
pub(super) fn indexed(repo: &Repo, dataset: &str) -> Option<Vec<VersionEntry>> {
    reopened(repo).catalog().indexed(&of_dataset(dataset))
}

/// The ids of the versions of a dataset that have a tag, by the index alone.
pub(super) fn indexed_bearers(repo: &Repo, dataset: &str, tag: &str) -> Option<Vec<Id<VersionId>>> {
    let query = Query { tag: Some(tag.to_owned()), ..of_dataset(dataset) };
    let entries = reopened(repo).catalog().indexed(&query)?;
    Some(entries.into_iter().map(|entry| entry.id).collect())
}

impl Catalog {
    /// The versions that a query selects by the index alone; `None` if it cannot answer.
    pub(crate) fn indexed(&self, query: &Query) -> Option<Vec<VersionEntry>> {
        self.select_indexed(query, &self.datasets(query).unwrap())
    }

    /// The same, after something was done while the index is open.
    pub(crate) fn indexed_after(&self, query: &Query, act: impl FnOnce()) -> Option<Vec<VersionEntry>> {
        self.ask(|rows| {
            act();
            let Some(facts) = self.folded_facts_in(rows)? else { return Ok(None) };
            Index::new(rows, &self.store).select(query, &facts, &self.datasets(query)?)
        })
    }
}

/// All versions of a dataset as the objects tell them, the highest number first.
pub(super) fn from_objects(repo: &Repo, dataset: &str) -> Result<Vec<VersionEntry>> {
    let (refs, facts) = (repo.versions(), repo.facts().fold()?);
    let mut entries = Vec::new();
    for number in refs.numbers(dataset)?.iter().rev() {
        let Some(id) = refs.get(dataset, number)? else { continue };
        entries.push(VersionEntry::read(repo.store(), &facts, id, repo.version(id)?)?);
    }
    Ok(entries)
}

/// All versions of all datasets as the objects tell them.
pub(crate) fn everything(repo: &Repo) -> Vec<VersionEntry> {
    let datasets = repo.versions().datasets().unwrap();
    datasets.iter().flat_map(|dataset| from_objects(repo, dataset).unwrap()).collect()
}

/// What a query selects of them, and in which order.
pub(crate) fn selected(everything: &[VersionEntry], query: &Query) -> Vec<VersionEntry> {
    let mut all: Vec<VersionEntry> = everything.iter().filter(|entry| query.selects(entry)).cloned().collect();
    all.sort_by(|a, b| query.order(&a.version, &b.version));
    all.truncate(query.limit.unwrap_or(usize::MAX));
    all
}
