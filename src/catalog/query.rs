//! Questions for versions, and the versions that answer them.

use std::cmp::Ordering;

use serde_json::Value;

use crate::catalog::tables::Mark;
use crate::clock::Time;
use crate::id::{Id, Version as VersionId};
use crate::object::version::{ValidationStatus, Version};

/// Which versions. What is not said selects all.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this dataset.
    pub dataset: Option<String>,
    /// Of this type.
    pub kind: Option<String>,
    /// That bear this tag now.
    pub tag: Option<String>,
    /// Whose author's name contains this.
    pub author: Option<String>,
    /// Made at or after this moment.
    pub since: Option<Time>,
    /// Made at or before this moment.
    pub until: Option<Time>,
    /// Of which this is known now.
    pub status: Option<ValidationStatus>,
    /// With these metadata: a key, and its value as a text or else as JSON.
    pub metadata: Vec<(String, String)>,
    /// No more than so many: the first in the order of [`Query::order`].
    pub limit: Option<usize>,
}

/// A version, and what holds of it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: Id<VersionId>,
    /// Its record.
    pub version: Version,
    /// The tags that it bears, in order.
    pub tags: Vec<String>,
    /// What is known of its quality.
    pub status: ValidationStatus,
}

impl Listed {
    /// A version and what the catalog holds of what was said of it.
    pub(super) fn marked(id: Id<VersionId>, version: Version, mark: Option<Mark>) -> Listed {
        let (tags, passed) = mark.map_or((Vec::new(), None), |mark| (mark.tags, mark.passed));
        let status = match passed {
            Some(true) => ValidationStatus::Passed,
            Some(false) => ValidationStatus::Failed,
            None => version.validation,
        };
        Listed { id, version, tags, status }
    }
}

impl Query {
    /// Whether no version is left out, but for the limit.
    pub fn selects_all(&self) -> bool {
        let Query { dataset, kind, tag, author, since, until, status, metadata, limit: _ } = self;
        let words = [dataset, kind, tag, author].iter().all(|word| word.is_none());
        words && since.is_none() && until.is_none() && status.is_none() && metadata.is_empty()
    }

    /// Whether a version is selected.
    pub fn selects(&self, listed: &Listed) -> bool {
        self.selects_record(&listed.version)
            && self.tag.as_ref().is_none_or(|tag| listed.tags.contains(tag))
            && self.status.is_none_or(|status| listed.status == status)
    }

    /// Whether a version is selected by what its record says.
    pub(super) fn selects_record(&self, version: &Version) -> bool {
        self.dataset.as_ref().is_none_or(|name| version.dataset == *name)
            && self.kind.as_ref().is_none_or(|kind| version.dataset_type == *kind)
            && self.author.as_ref().is_none_or(|author| version.author.contains(author.as_str()))
            && self.since.is_none_or(|since| version.created >= since)
            && self.until.is_none_or(|until| version.created <= until)
            && self.metadata.iter().all(|(key, text)| version.metadata.get(key).is_some_and(|value| is_text(value, text)))
    }

    /// The order of an answer. Within a dataset the highest number comes first: numbers exceed those of the parents, so
    /// children come before parents. Over several datasets the newest comes first, then by dataset and number.
    pub fn order(&self, a: &Version, b: &Version) -> Ordering {
        match self.dataset {
            Some(_) => b.number.cmp(&a.number),
            None => (b.created, &b.dataset, &b.number).cmp(&(a.created, &a.dataset, &a.number)),
        }
    }

    /// The limit as a number.
    pub(super) fn most(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}

/// Whether a value is this text, or is written so as JSON.
fn is_text(value: &Value, text: &str) -> bool {
    match value.as_str() {
        Some(own) => own == text,
        None => serde_json::to_string(value).is_ok_and(|written| written == text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::version;

    #[test]
    fn every_condition_can_leave_a_version_out() {
        let mut version = version("leases", "1.2.0", 60);
        version.metadata.insert("batch".into(), 7.into());
        let listed = Listed { id: version.id(), status: version.validation, version, tags: vec!["gold".into()] };
        let made = listed.version.created;
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
        assert!(good.iter().all(|query| query.selects(&listed)));
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
            assert!(!query.selects(&listed), "{query:?}");
        }
    }
}
