//! The versions of a repository and the facts about them. A dataset that was renamed has the versions of all its names.

use std::sync::Arc;

use crate::catalog::{DatasetSummary, Query, VersionEntry};
use crate::error::{Error, Result};
use crate::facts::{Facts, FactsState};
use crate::id::{Id, VerdictId, VersionId};
use crate::object::verdict::Verdict;
use crate::object::version::{Version, VersionNumber};
use crate::refs::Versions;
use crate::repo::handle::Repo;

impl Repo {
    /// Returns the refs of the versions.
    pub fn versions(&self) -> Versions {
        self.store().refs()
    }

    /// Returns the facts about versions.
    pub fn facts(&self) -> Facts<'_> {
        Facts::new(self.store())
    }

    /// Returns the folded facts as they are now. A command folds no fact twice.
    ///
    /// # Errors
    /// If a fact cannot be read.
    pub fn folded_facts(&self) -> Result<Arc<FactsState>> {
        self.catalog().folded_facts()
    }

    /// Returns the versions that a query selects, in its order, and the errors of those that cannot be read.
    pub fn select(&self, query: &Query) -> Result<(Vec<VersionEntry>, Vec<Error>)> {
        let names = query.dataset.as_deref().map(|name| self.config().names(name)).unwrap_or_default();
        if names.len() < 2 {
            return self.catalog().select(query);
        }
        let (mut entries, mut damaged) = (Vec::new(), Vec::new());
        for name in names {
            let (own, errors) = self.catalog().select(&Query { dataset: Some(name.to_owned()), ..query.clone() })?;
            entries.extend(own);
            damaged.extend(errors);
        }
        entries.sort_by(|a, b| query.order(&a.version, &b.version));
        entries.truncate(query.most());
        Ok((entries, damaged))
    }

    /// Returns the names under which versions that a query selects were committed, each with their count and its highest
    /// number, and the errors of versions that cannot be read. The limit of the query does not count.
    pub fn summaries(&self, query: &Query) -> Result<(Vec<DatasetSummary>, Vec<Error>)> {
        self.catalog().summaries(query)
    }

    /// Returns the numbers of a dataset's versions, ascending.
    pub fn numbers(&self, dataset: &str) -> Result<Vec<VersionNumber>> {
        let mut numbers = Vec::new();
        for name in self.config().names(dataset) {
            numbers.extend(self.catalog().numbers(name)?);
        }
        numbers.sort();
        numbers.dedup();
        Ok(numbers)
    }

    /// Returns the highest number of a dataset, as [`VersionNumber::highest`] tells it.
    pub fn latest(&self, dataset: &str) -> Result<Option<VersionNumber>> {
        let names = self.config().names(dataset).into_iter();
        let mut latest =
            names.map(|name| self.catalog().latest(name)).filter_map(Result::transpose).collect::<Result<Vec<_>>>()?;
        latest.sort();
        Ok(VersionNumber::highest(&latest).cloned())
    }

    /// Reads the version that has this number under the dataset's name or one that it had before; `None` if none has.
    ///
    /// # Errors
    /// Those of [`Repo::numbered`].
    pub fn version_of(&self, dataset: &str, number: &VersionNumber) -> Result<Option<(Id<VersionId>, Version)>> {
        for name in self.config().names(dataset) {
            if let Some(version) = self.numbered(name, number)? {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// Reads the version that the ref of this number names; `None` if there is no such ref.
    ///
    /// # Errors
    /// Those of `Store::numbered`.
    pub fn numbered(&self, dataset: &str, number: &VersionNumber) -> Result<Option<(Id<VersionId>, Version)>> {
        self.store().numbered(dataset, number)
    }

    /// Reads a version record.
    pub fn version(&self, id: Id<VersionId>) -> Result<Version> {
        self.store().version(id)
    }

    /// Reads a verdict.
    pub fn verdict(&self, id: Id<VerdictId>) -> Result<Verdict> {
        self.store().verdict(id)
    }
}
