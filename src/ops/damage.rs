//! The errors of versions, facts and packs that a list could not read.

use serde::Serialize;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::error::{Error, Result, counted, skip_damaged, thousands};
use crate::id::{FactId, Id, VersionId};
use crate::object::ObjectKind;
use crate::object::version::{Version, VersionNumber};
use crate::path::printable;
use crate::repo::Repo;

/// Versions that a message names.
const SHOWN: usize = 5;

/// Messages about what could not be read, in the order in which it was met. The rest of a report is without it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct DamageList {
    messages: Vec<String>,
    #[serde(skip)]
    damaged: bool,
}

impl DamageList {
    /// Adds an error.
    pub(super) fn push(&mut self, error: &Error) {
        self.damaged |= !error.ends_check();
        self.messages.push(error.to_string());
    }

    /// Returns what could be read; `None` where it could not and others can, which is added.
    pub(super) fn collect<T>(&mut self, read: Result<T>) -> Result<Option<T>> {
        skip_damaged(read, |e| self.push(&e))
    }

    /// Moves the errors of another list to the end of this one.
    pub(super) fn append(&mut self, other: &mut DamageList) {
        let other = std::mem::take(other);
        self.damaged |= other.damaged;
        self.messages.extend(other.messages);
    }

    /// Returns the messages.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns true if something is damaged, rather than that this user may not read it.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }
}

impl From<Vec<Error>> for DamageList {
    fn from(errors: Vec<Error>) -> DamageList {
        let mut list = DamageList::default();
        errors.iter().for_each(|error| list.push(error));
        list
    }
}

/// Finds what lies in the packs and has lost its ref: versions that others came from, and all of a dataset that has lost
/// such a one and has no ref; and the facts, where none has a ref and one came after another. A version or fact that nothing
/// came after has no ref where the command that wrote it was interrupted before its last step, and is not reported.
pub(super) fn lost_refs(repo: &Repo) -> Result<Vec<Error>> {
    let (mut records, mut facts) = (Vec::new(), Vec::new());
    for row in repo.store().tables().rows() {
        match row.key.kind {
            ObjectKind::Version => records.push(Id::from_bytes(row.key.id)),
            ObjectKind::Fact => facts.push(Id::from_bytes(row.key.id)),
            _ => {}
        }
    }
    let refs = repo.versions();
    let mut lost: BTreeMap<String, BTreeSet<VersionNumber>> = BTreeMap::new();
    // Those that cannot be read are named elsewhere.
    let records = records.into_iter().filter_map(|id| Some((id, repo.version(id).ok()?)));
    let records: Vec<(Id<VersionId>, Version)> = records.collect();
    let parents: HashSet<Id<VersionId>> = records.iter().flat_map(|(_, version)| version.parents.iter().copied()).collect();
    let has_no_ref = |version: &Version| matches!(refs.get(&version.dataset, &version.number), Ok(None));
    for (_, version) in records.iter().filter(|(id, version)| parents.contains(id) && has_no_ref(version)) {
        lost.entry(version.dataset.clone()).or_default().insert(version.number.clone());
    }
    for (dataset, numbers) in &mut lost {
        if refs.numbers(dataset)?.is_empty() {
            let own = records.iter().filter(|(_, version)| version.dataset == *dataset);
            numbers.extend(own.map(|(_, version)| version.number.clone()));
        }
    }
    let mut errors: Vec<Error> = lost.iter().map(|(dataset, numbers)| lost_versions(repo, dataset, numbers)).collect();
    let follows = |id: &Id<FactId>| repo.facts().get(*id).is_ok_and(|fact| !fact.parents.is_empty());
    if matches!(repo.facts().head(), Ok(None)) && facts.iter().any(follows) {
        let folder = repo.store().layout().facts();
        let facts = counted(facts.len() as u64, "fact");
        errors.push(Error::damaged(format!(
            "the store contains {facts} (tags, runs, notes), but {} has no refs to them",
            folder.display()
        )));
    }
    Ok(errors)
}

fn lost_versions(repo: &Repo, dataset: &str, numbers: &BTreeSet<VersionNumber>) -> Error {
    let shown: Vec<String> = numbers.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match numbers.len() - shown.len() {
        0 => String::new(),
        more => format!(" and {} more", thousands(more as u64)),
    };
    let folder = repo.versions().folder(dataset);
    let versions = counted(numbers.len() as u64, "version");
    let (dataset, shown, folder) = (printable(dataset), shown.join(", "), folder.display());
    Error::damaged(format!("the store contains {versions} of {dataset} whose refs are missing in {folder}: {shown}{more}"))
}

/// Reads every version of a dataset, or of all, in the order of the numbers. Those that cannot be read are added to `damaged`.
pub(super) fn versions(
    repo: &Repo,
    dataset: Option<&str>,
    damaged: &mut DamageList,
    mut each: impl FnMut(Id<VersionId>, Version) -> Result<()>,
) -> Result<()> {
    let refs = repo.versions();
    for name in refs.datasets()?.iter().filter(|name| dataset.is_none_or(|dataset| dataset == name.as_str())) {
        for number in damaged.collect(refs.numbers(name))?.unwrap_or_default() {
            if let Some((id, version)) = damaged.collect(repo.numbered(name, &number))?.flatten() {
                each(id, version)?;
            }
        }
    }
    Ok(())
}
