//! The plan of a commit: the dataset, the parent of the new version, and how its files are read.

use crate::diff::ReaderConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::lock::Lock;
use crate::gate::Evaluator;
use crate::id::{Id, VersionId};
use crate::object::version::Version;
use crate::ops::commit::options::CommitOptions;
use crate::ops::tree::SourceFolder;
use crate::progress::Progress;
use crate::repo::{Dataset, Repo, revision};
use crate::store::Writer;
use crate::worktree::state::{self, WorkspaceState};

/// A version that is in the store.
pub(super) struct Parent {
    pub id: Id<VersionId>,
    pub version: Version,
}

/// A commit of one dataset. Its workspace is locked as long as it exists.
pub(super) struct Commit<'a> {
    pub(super) repo: &'a Repo,
    pub(super) options: &'a CommitOptions,
    pub(super) dataset: &'a Dataset,
    pub(super) progress: &'a dyn Progress,
    pub(super) state: WorkspaceState,
    pub(super) parent: Option<Parent>,
    _workspace: Option<Lock>,
}

impl<'a> Commit<'a> {
    /// Checks the options and finds the parent, before any file is read.
    pub fn plan(
        repo: &'a Repo,
        dataset: &'a Dataset,
        options: &'a CommitOptions,
        progress: &'a dyn Progress,
    ) -> Result<Commit<'a>> {
        options.check(&repo.author(options.author.as_deref()))?;
        options.check_skip(dataset)?;
        let layout = repo.store().layout();
        let workspace = match options.from {
            None => Some(state::lock(layout, &dataset.name)?),
            Some(_) => None,
        };
        if !options.tags.is_empty() {
            // A tag is a fact: where none can follow, the version is not made without it.
            let hint = "commit without --tag, and add the tag when the facts can be read";
            repo.folded_facts().map_err(|e| e.with_hint(hint))?;
        }
        let state = WorkspaceState::load(layout, &dataset.name)?;
        let mut commit = Commit { repo, options, dataset, progress, state, parent: None, _workspace: workspace };
        commit.check_workspace()?;
        commit.parent = commit.find_parent()?;
        Ok(commit)
    }

    /// Fails if the files of the workspace may not follow a version: while a checkout is incomplete, they belong to two
    /// versions, and while nothing is checked out, to none.
    fn check_workspace(&self) -> Result<()> {
        let (name, state, options) = (self.name(), &self.state, self.options);
        if options.from.is_some() {
            return Ok(());
        }
        if let Some(pending) = state.pending.last() {
            let wanted = self.repo.version(*pending)?.name();
            let head = state.head.map(|head| self.repo.version(head)).transpose()?.map(|version| version.name());
            let back = head.map_or_else(String::new, |head| format!("\nor go back: hlx checkout {head}"));
            let message = format!("the checkout of {wanted} was interrupted, so some files of '{name}' are of that version");
            return Err(
                Error::new(ErrorKind::DirtyWorkspace, message).with_hint(format!("finish it: hlx checkout {wanted}{back}"))
            );
        }
        if state.head.is_none() && options.parent.is_none() {
            let Some(latest) = self.repo.latest(name)? else { return Ok(()) };
            let message = format!("'{name}' has versions up to {latest}, but none is checked out");
            return Err(Error::new(ErrorKind::Conflict, message).with_hint(format!(
                "check out the latest: hlx checkout {name}\nor commit these files as the next version: hlx commit {name} --parent {latest}"
            )));
        }
        Ok(())
    }

    /// Returns the name of the dataset.
    pub fn name(&self) -> &str {
        &self.dataset.name
    }

    /// Returns the highest version of the dataset.
    pub fn latest(&self) -> Result<Option<Parent>> {
        let latest = self.repo.latest(self.name())?;
        let latest = latest.map(|number| self.repo.version_of(self.name(), &number)).transpose()?;
        Ok(latest.flatten().map(|(id, version)| Parent { id, version }))
    }

    fn find_parent(&self) -> Result<Option<Parent>> {
        let id = match (&self.options.parent, &self.options.from) {
            (Some(text), _) => {
                let resolved = revision::version(self.repo, &self.qualified(text))?;
                if self.repo.config().current(&resolved.version.dataset) != self.name() {
                    let message = format!("'{text}' is a version of '{}', not of '{}'", resolved.version.dataset, self.name());
                    return Err(Error::usage(message));
                }
                return Ok(Some(Parent { id: resolved.id, version: resolved.version }));
            }
            (None, None) => self.state.head,
            (None, Some(_)) => return self.latest(),
        };
        id.map(|id| Ok(Parent { id, version: self.repo.version(id)? })).transpose()
    }

    /// Returns a revision that names the dataset, if it does not already.
    fn qualified(&self, text: &str) -> String {
        if text.contains('@') { text.to_owned() } else { format!("{}@{text}", self.dataset.name) }
    }

    /// Returns the reader configuration; `None` if samples are not counted.
    pub fn reader_config(&self) -> Result<Option<ReaderConfig>> {
        let scratch = self.repo.store().layout().tmp();
        self.dataset.samples.then(|| self.dataset.reader_config(&scratch)).transpose()
    }

    /// Returns the rules that the version must pass; `None` where there are none, or where they are skipped.
    pub fn evaluator(&self) -> Result<Option<Evaluator<'_>>> {
        if self.options.no_validate {
            return Ok(None);
        }
        let evaluator = self.repo.evaluator(self.dataset, self.progress)?;
        Ok(evaluator.map(|evaluator| evaluator.with_max_findings(self.options.max_findings)))
    }

    pub fn writer(&self) -> Result<Writer<'a>> {
        let store = self.repo.store();
        if self.options.dry_run { Writer::dry(store) } else { Writer::new(store, self.repo.config().level()) }
    }

    pub fn folder(&self) -> SourceFolder<'_> {
        SourceFolder {
            repo: self.repo,
            dataset: self.dataset,
            from: self.options.from.as_deref(),
            selection: self.state.selection.as_ref(),
            record: !self.options.dry_run,
            trusts_cache: true,
            progress: self.progress,
        }
    }
}
