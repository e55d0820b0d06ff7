//! Paths of files as people see them: relative to the current folder, as they would type them.

use helox::{Repo, printable};

/// Prints the paths of a dataset.
#[derive(Clone, Copy)]
pub(crate) struct PathPrinter<'a> {
    repo: &'a Repo,
    dataset: Option<&'a str>,
}

impl<'a> PathPrinter<'a> {
    /// Prints the paths of a dataset; for `None`, paths that are in no folder, as they are.
    pub(crate) fn new(repo: &'a Repo, dataset: impl Into<Option<&'a str>>) -> PathPrinter<'a> {
        PathPrinter { repo, dataset: dataset.into() }
    }

    /// Returns the path in the dataset as it is printed.
    pub(crate) fn show(&self, path: &str) -> String {
        match self.dataset {
            Some(dataset) => printable(&self.repo.relative(dataset, path)).into_owned(),
            None => printable(path).into_owned(),
        }
    }
}
