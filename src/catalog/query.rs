//! Queries for versions, and the versions that they select.

use std::cmp::Ordering;

use serde_json::Value;

use crate::clock::Time;
use crate::error::Result;
use crate::facts::FactsState;
use crate::id::{Id, VersionId};
use crate::object::version::{ValidationStatus, Version, VersionNumber};
use crate::store::Store;

/// Conditions on versions. One that is not given selects all.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this dataset.
    pub dataset: Option<String>,
    /// Of this type.
    pub kind: Option<String>,
    /// That have this tag now.
    pub tag: Option<String>,
    /// Whose author's name contains this.
    pub author: Option<String>,
    /// Made at or after this moment.
    pub since: Option<Time>,
    /// Made at or before this moment.
    pub until: Option<Time>,
    /// With this status now.
    pub status: Option<ValidationStatus>,
    /// With these metadata: a key, and its value as text or JSON.
    pub metadata: Vec<(String, String)>,
    /// The most versions to select: the first in the order of [`Query::order`].
    pub limit: Option<usize>,
}

/// A version with its tags and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionEntry {
    /// Its id.
    pub id: Id<VersionId>,
    /// Its record.
    pub version: Version,
    /// The tags that it has, in order.
    pub tags: Vec<String>,
    /// Its status by the last verdict.
    pub status: ValidationStatus,
}

/// A dataset and its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetSummary {
    /// Its name.
    pub dataset: String,
    /// How many versions it has, of those that were asked for.
    pub versions: u64,
    /// Its highest release, or its highest pre-release if there is no release.
    pub latest: Option<VersionNumber>,
}

impl DatasetSummary {
    /// Summarizes a dataset that has versions with these numbers, which ascend.
    pub(super) fn of(dataset: &str, numbers: &[VersionNumber]) -> DatasetSummary {
        let (versions, latest) = (numbers.len() as u64, VersionNumber::highest(numbers).cloned());
        DatasetSummary { dataset: dataset.to_owned(), versions, latest }
    }
}

/// A version by its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionRef {
    /// The dataset.
    pub dataset: String,
    /// Its number.
    pub number: VersionNumber,
    /// Its id.
    pub id: Id<VersionId>,
}

impl VersionEntry {
    /// Returns a version with what the facts say of it.
    ///
    /// # Errors
    /// If its last verdict cannot be read.
    pub fn read(store: &Store, facts: &FactsState, id: Id<VersionId>, version: Version) -> Result<VersionEntry> {
        let status = status(store, facts, id, version.validation)?;
        Ok(VersionEntry { id, version, tags: facts.tags_of(id), status })
    }
}

/// Returns the status of a version: by the last verdict on it that a fact gives, else the one of its record.
///
/// # Errors
/// If the verdict cannot be read.
pub fn status(store: &Store, facts: &FactsState, id: Id<VersionId>, recorded: ValidationStatus) -> Result<ValidationStatus> {
    facts.verdict_of(id).map_or(Ok(recorded), |verdict| Ok(store.verdict(verdict)?.status()))
}

impl Query {
    /// Tells if it leaves no version out, but for the limit.
    pub fn selects_all(&self) -> bool {
        let Query { dataset, kind, tag, author, since, until, status, metadata, limit: _ } = self;
        let words = [dataset, kind, tag, author].iter().all(|word| word.is_none());
        words && since.is_none() && until.is_none() && status.is_none() && metadata.is_empty()
    }

    /// Tells if it selects a version.
    pub fn selects(&self, entry: &VersionEntry) -> bool {
        self.selects_record(&entry.version)
            && self.tag.as_ref().is_none_or(|tag| entry.tags.contains(tag))
            && self.status.is_none_or(|status| entry.status == status)
    }

    /// Tells if it selects a version by its record.
    pub(super) fn selects_record(&self, version: &Version) -> bool {
        self.dataset.as_ref().is_none_or(|name| version.dataset == *name)
            && self.selects_fields(&version.dataset_type, &version.author, version.created)
            && self.metadata.iter().all(|(key, text)| version.metadata.get(key).is_some_and(|value| is_text(value, text)))
    }

    /// Tells if it selects a version by type, author and time.
    pub(super) fn selects_fields(&self, kind: &str, author: &str, created: Time) -> bool {
        self.kind.as_ref().is_none_or(|own| kind == own)
            && self.author.as_ref().is_none_or(|own| author.contains(own.as_str()))
            && self.since.is_none_or(|since| created >= since)
            && self.until.is_none_or(|until| created <= until)
    }

    /// Returns the order of an answer. Within a dataset the highest number comes first: numbers exceed those of the
    /// parents, so children come before parents. Over several datasets the newest comes first, then by dataset and number.
    pub fn order(&self, a: &Version, b: &Version) -> Ordering {
        match self.dataset {
            Some(_) => b.number.cmp(&a.number),
            None => (b.created, &b.dataset, &b.number).cmp(&(a.created, &a.dataset, &a.number)),
        }
    }

    /// Returns the limit as a number.
    pub(crate) fn most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}

/// Tells if a value is this text, or this JSON.
fn is_text(value: &Value, text: &str) -> bool {
    match value.as_str() {
        Some(own) => own == text,
        None => serde_json::to_string(value).is_ok_and(|written| written == text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::samples::version;

    #[test]
    fn every_condition_can_leave_a_version_out() {
        let mut version = version("leases", "1.2.0", 60);
        version.metadata.insert("batch".into(), 7.into());
        let entry = VersionEntry { id: version.id(), status: version.validation, version, tags: vec!["gold".into()] };
        let made = entry.version.created;
        let near = |ms: i64| Some(Time::from_millis(made.as_millis() + ms));
        let pairs = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        let text = |text: &str| Some(text.to_owned());
        let all = Query::default();
        let good = [
            all.clone(),
            Query { dataset: text("leases"), kind: text("type_of_leases"), ..all.clone() },
            Query { tag: text("gold"), author: text("@example"), status: Some(ValidationStatus::Pending), ..all.clone() },
            Query { since: near(0), until: near(0), ..all.clone() },
            Query { metadata: [pairs("source", "crawl"), pairs("batch", "7")].concat(), ..all.clone() },
        ];
        assert!(good.iter().all(|query| query.selects(&entry)));
        let bad = [
            Query { dataset: text("lease"), ..all.clone() },
            Query { kind: text("type_of_lease"), ..all.clone() },
            Query { tag: text("gol"), ..all.clone() },
            Query { author: text("Ana"), ..all.clone() },
            Query { status: Some(ValidationStatus::Passed), ..all.clone() },
            Query { since: near(1), ..all.clone() },
            Query { until: near(-1), ..all.clone() },
            Query { metadata: pairs("batch", "8"), ..all.clone() },
            Query { metadata: [pairs("source", "crawl"), pairs("absent", "")].concat(), ..all },
        ];
        for query in bad {
            assert!(!query.selects(&entry), "{query:?}");
        }
    }
}
