//! The last stage of a commit: the ref that makes the version exist, its tags, and the state of the workspace.

use crate::diff::FileSource;
use crate::error::Result;
use crate::fs::atomic::Created;
use crate::object::Key;
use crate::object::version::Version;
use crate::ops::commit::candidate::{Candidate, Details};
use crate::ops::commit::plan::Commit;
use crate::ops::commit::report::{CommitOutcome, CommitReport};
use crate::ops::tag_plan::TagPlan;
use crate::ops::view::Viewer;
use crate::ops::{DamageList, PartialCheckout, key};
use crate::repo::pins::{self, Pin};
use crate::store::Writer;
use crate::store::writer::DurableWrite;
use crate::worktree::state::WorkspaceState;

impl<'a> Commit<'a> {
    /// Creates the version, unless the outcome is another. Then sets its tags and records that the workspace has it.
    pub fn publish(&self, candidate: Candidate<'a>) -> Result<CommitReport> {
        let exists = candidate.exists() && !self.options.dry_run;
        let Candidate { mut version, mut outcome, mut details, rows, writer, mut stored, .. } = candidate;
        if outcome == CommitOutcome::Created {
            outcome = self.create(&mut version, writer, &mut stored)?;
        }
        let mut plan = TagPlan::default();
        if exists {
            plan = self.record(&version, outcome)?;
            if let Some(rows) = rows {
                rows.finish()?;
            }
            details.warnings.extend(self.incomplete_keys(&version, &details));
        }
        let stored_bytes = stored.iter().map(|finished| finished.bytes).sum();
        self.report(version, outcome, details, plan, exists, stored_bytes)
    }

    /// Stores the version and creates its ref. If another process takes the number meanwhile, the version gets the next free
    /// one, with the same parent.
    fn create(&self, version: &mut Version, mut writer: Writer<'a>, stored: &mut Vec<DurableWrite>) -> Result<CommitOutcome> {
        loop {
            let id = version.id();
            writer.structure(Key::from(id), &version.encode())?;
            stored.push(writer.finish()?);
            self.progress.check()?;
            if self.repo.versions().create(self.name(), &version.number, id)? == Created::New {
                return Ok(CommitOutcome::Created);
            }
            if let Some(existing) = self.existing_version(version, false)? {
                *version = existing.version;
                return Ok(CommitOutcome::AlreadyThere);
            }
            writer = self.writer()?;
        }
    }

    fn record(&self, version: &Version, outcome: CommitOutcome) -> Result<TagPlan> {
        let state = WorkspaceState { head: Some(version.id()), ..self.state.clone() };
        if self.options.from.is_none() && state != self.state {
            state.save(self.repo.store().layout(), self.name())?;
        }
        if self.options.from.is_none() {
            let (root, tmp) = (self.repo.root(), self.repo.store().layout().tmp());
            pins::set(root, &tmp, self.name(), Pin::of(version.id(), version))?;
        }
        let plan = self.plan_tags(version, outcome == CommitOutcome::Created)?;
        if !plan.statements.is_empty() {
            self.repo.facts().append(&self.repo.author(self.options.author.as_deref()), &plan.statements)?;
        }
        Ok(plan)
    }

    /// Warns if no record has all fields of the key.
    fn incomplete_keys(&self, version: &Version, details: &Details) -> Option<String> {
        let store = self.repo.store();
        let files = (&**store, version.manifest, version.statistics.files);
        let bytes = |_: &str| Ok(FileSource::Stored(store));
        key::incomplete(self.dataset, &store.layout().tmp(), details.schema.as_ref()?, files, bytes)
    }

    fn report(
        &self,
        version: Version,
        outcome: CommitOutcome,
        details: Details,
        plan: TagPlan,
        exists: bool,
        stored_bytes: u64,
    ) -> Result<CommitReport> {
        let Details { changes, samples, mut warnings, .. } = details;
        let is_missed = |counts| key::may_help(self.dataset, counts, version.parents.is_empty());
        let suggested_key = match outcome == CommitOutcome::Created && samples.as_ref().is_some_and(is_missed) {
            true => key::suggestion(self.repo, self.name(), &version),
            false => None,
        };
        let mut damaged = DamageList::default();
        let viewer = Viewer::new(self.repo, &mut damaged)?;
        let viewer = viewer.with_schema(details.schema).with_verdict(details.validation).without_changes();
        warnings.extend_from_slice(damaged.messages());
        let selection = self.state.selection.as_ref().filter(|_| self.options.from.is_none());
        // A version that was not stored has no manifest to count in.
        let partial = match exists {
            true => PartialCheckout::new(self.repo.store(), selection, &version)?,
            false => None,
        };
        Ok(CommitReport {
            partial,
            version: viewer.view(version.id(), version)?,
            outcome,
            files: changes.counts,
            bytes_changed: changes.bytes,
            bytes_before: changes.before,
            samples_added: samples.map(|counts| counts.added),
            samples_removed: samples.map(|counts| counts.removed),
            samples_modified: samples.map(|counts| counts.modified),
            samples_moved: details.moved,
            findings: details.findings,
            findings_count: details.findings_count,
            links: details.links,
            bump: details.explained,
            tags_added: plan.added,
            tags_moved: plan.moved,
            report_file: details.report_file,
            warnings,
            suggested_key,
            stored_bytes,
        })
    }
}
