//! Repositories for the tests of the catalog, and what the objects answer.

use std::path::{Path, PathBuf};

use crate::catalog::db::Catalog;
use crate::catalog::query::{Listed, Query};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{Id, Version as VersionId};
use crate::object::Key;
use crate::object::checksum::Checksum;
use crate::object::fact::Statement;
use crate::object::verdict::{DEFAULT_WEIGHT, FULL_SCORE, Judged, OpaquePolicy, Severity, Verdict};
use crate::object::version::{ChangeType, Number, Statistics, ValidationStatus, Version};
use crate::repo::Repo;
use crate::repo::status::status;
use crate::store::layout::FOLDER;
use crate::store::{Layout, Writer};

/// A new repository without datasets.
pub(crate) fn repository(dir: &Path) -> Repo {
    Layout::new(dir.join(".helox")).create().unwrap();
    Repo::open(dir).unwrap()
}

pub(crate) fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
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

/// Says that a version was judged.
pub(crate) fn judge(repo: &Repo, version: Id<VersionId>, passed: bool) {
    let min_score = if passed { FULL_SCORE / 2 } else { FULL_SCORE };
    let judged = Judged {
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
    let verdict = Verdict { rules: [7; 32], min_score, opaque, judged, found: 0, findings: Vec::new(), unread: Vec::new() };
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

/// The versions of `leases` as a user gets them: from the catalog, or from the objects.
pub(super) fn answer(repo: &Repo) -> Vec<Listed> {
    let asked = Catalog::open(repo).and_then(|catalog| catalog.versions("leases", None).ok());
    asked.unwrap_or_else(|| from_objects(repo, "leases").unwrap())
}

/// All versions of a dataset as the objects tell them, the highest number first.
pub(super) fn from_objects(repo: &Repo, dataset: &str) -> Result<Vec<Listed>> {
    let (refs, facts) = (repo.versions(), repo.facts().fold()?);
    let mut listed = Vec::new();
    for number in refs.numbers(dataset)?.iter().rev() {
        let Some(id) = refs.get(dataset, number)? else { continue };
        let version = repo.version(id)?;
        let status = status(repo, &facts, id, &version)?;
        listed.push(Listed { id, version, tags: facts.tags_of(id), status });
    }
    Ok(listed)
}

/// All versions of all datasets as the objects tell them.
pub(crate) fn everything(repo: &Repo) -> Vec<Listed> {
    let datasets = repo.versions().datasets().unwrap();
    datasets.iter().flat_map(|dataset| from_objects(repo, dataset).unwrap()).collect()
}

/// What a query selects of them, and in which order.
pub(crate) fn selected(everything: &[Listed], query: &Query) -> Vec<Listed> {
    let mut all: Vec<Listed> = everything.iter().filter(|listed| query.selects(listed)).cloned().collect();
    all.sort_by(|a, b| query.order(&a.version, &b.version));
    all.truncate(query.limit.unwrap_or(usize::MAX));
    all
}

impl Catalog {
    /// The versions of a dataset, the highest number first; no more than so many of them.
    pub(super) fn versions(&self, dataset: &str, limit: Option<usize>) -> Result<Vec<Listed>> {
        self.select(&Query { dataset: Some(dataset.to_owned()), limit, ..Query::default() })
    }
}

/// The version that `NAME@TAG` names, as the objects tell it.
pub(super) fn bearer(repo: &Repo, dataset: &str, tag: &str) -> Option<Id<VersionId>> {
    let refs = repo.versions();
    let there: Vec<_> = refs.numbers(dataset).unwrap().iter().map(|n| refs.get(dataset, n).unwrap().unwrap()).collect();
    repo.facts().fold().unwrap().versions_with(tag).iter().rev().find(|id| there.contains(id)).copied()
}
