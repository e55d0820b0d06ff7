//! A version that is ready to be created, and the stages that lead to it: the folder is read, its changes decide the
//! number, and the rules of the dataset are checked.

use crate::clock::Time;
use crate::diff::{FileParseIssue, SampleCounts, SplitMove, TreeChanges};
use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::fs::openat::Root;
use crate::gate::{Evaluation, Evaluator, FileSet, GateOutcome as Judged, VerdictView};
use crate::id::{self, Id};
use crate::object::Key;
use crate::object::version::{ChangeType, Statistics, ValidationStatus, Version, VersionNumber};
use crate::ops::commit::options::Bump;
use crate::ops::commit::plan::{Commit, Parent};
use crate::ops::commit::read::{self, Contents, Snapshot};
use crate::ops::commit::report::CommitOutcome;
use crate::ops::tree::{Overlay, Tree};
use crate::ops::{Links, key};
use crate::repo::status;
use crate::sample::Schema;
use crate::store::Writer;
use crate::store::writer::DurableWrite;
use crate::worktree::cache;

/// A version that is ready to be created, or the existing version that is reported in its place.
pub(super) struct Candidate<'a> {
    pub version: Version,
    pub outcome: CommitOutcome,
    pub details: Details,
    /// The stat cache of the workspace, for the time when the version exists.
    pub rows: Option<cache::CacheWriter>,
    pub writer: Writer<'a>,
    /// Packs that are finished.
    pub stored: Vec<DurableWrite>,
    /// Set if neither the version nor its tags are to be recorded, as another dataset was refused.
    is_withheld: bool,
}

/// The part of a report that does not follow from the version.
pub(super) struct Details {
    pub changes: TreeChanges,
    pub samples: Option<SampleCounts>,
    pub moved: Vec<SplitMove>,
    pub schema: Option<Schema>,
    pub findings: Vec<FileParseIssue>,
    pub findings_count: u64,
    pub links: Links,
    pub explained: String,
    pub validation: Option<VerdictView>,
    pub report_file: Option<String>,
    pub warnings: Vec<String>,
}

impl Candidate<'_> {
    /// Keeps the version from being created and its tags from being set.
    pub fn withhold(&mut self) {
        self.is_withheld = true;
        if self.outcome == CommitOutcome::Created {
            self.outcome = CommitOutcome::Withheld;
        }
    }

    /// Returns whether the version exists after the commit, unless that is a dry run.
    pub fn exists(&self) -> bool {
        matches!(self.outcome, CommitOutcome::Created | CommitOutcome::AlreadyThere | CommitOutcome::Unchanged)
            && !self.is_withheld
    }
}

impl<'a> Commit<'a> {
    /// Reads the folder into the store and checks everything that may prevent the version. Nothing is visible yet.
    pub fn prepare(&self) -> Result<Candidate<'a>> {
        let (config, evaluator) = (self.reader_config()?, self.evaluator()?);
        let root = self.folder().open()?;
        let Snapshot { tree, rows, nodes, changes, contents, evaluation: judgement, writer, stored, warnings, links } =
            self.read(&root, config.as_ref(), evaluator.as_ref())?;
        let (version, details) = self.describe(&tree, changes, contents, warnings, links)?;
        let mut candidate =
            Candidate { version, outcome: CommitOutcome::Created, details, rows, writer, stored, is_withheld: false };
        self.add_schema(&mut candidate)?;
        self.find_existing(&mut candidate)?;
        let is_new = candidate.outcome == CommitOutcome::Created;
        self.plan_tags(&candidate.version, is_new)?;
        if !is_new {
            return Ok(candidate);
        }
        if let (Some(evaluator), Some(evaluation)) = (&evaluator, judgement) {
            self.validate(&mut candidate, evaluator, evaluation, (&root, &tree, &nodes))?;
        }
        if candidate.outcome != CommitOutcome::Refused {
            self.check_protected(&candidate.version, candidate.version.validation)?;
            self.warn_of_old_parent(&mut candidate)?;
            if self.options.dry_run {
                candidate.outcome = CommitOutcome::DryRun;
            }
        }
        Ok(candidate)
    }

    /// Returns the version by its files and by how much they changed, with the number that was asked for or follows.
    fn describe(
        &self,
        tree: &Tree,
        changes: TreeChanges,
        contents: Contents,
        warnings: Vec<String>,
        links: Links,
    ) -> Result<(Version, Details)> {
        let Contents { schema, samples, findings, findings_count } = contents;
        let change_type = match (&samples, &self.parent) {
            (Some(samples), Some(_)) => samples.kind(&self.dataset.thresholds),
            _ => changes.kind(self.parent.is_none()),
        };
        let explained = self.explain(&changes, samples.as_ref(), change_type);
        let moved = samples.as_ref().map(|samples| samples.moved.clone()).unwrap_or_default();
        let samples = match (samples, &self.parent) {
            (Some(samples), _) => Some(samples.counts),
            (None, None) => tree.totals.samples.map(|added| SampleCounts { added, ..SampleCounts::default() }),
            _ => None,
        };
        let details = Details {
            changes,
            samples,
            moved,
            schema,
            findings,
            findings_count,
            links,
            explained,
            validation: None,
            report_file: None,
            warnings,
        };
        Ok((self.version(tree, change_type), details))
    }

    fn version(&self, tree: &Tree, change_type: ChangeType) -> Version {
        let bump = match self.options.bump {
            Bump::Auto => change_type,
            Bump::As(change) => change,
        };
        let parent = self.parent.as_ref();
        let number = match (&self.options.version, parent) {
            (Some(number), _) => number.clone(),
            (None, Some(parent)) => parent.version.number.bump(bump),
            (None, None) => VersionNumber::FIRST,
        };
        Version {
            dataset: self.dataset.name.clone(),
            dataset_type: self.dataset.kind.clone(),
            number,
            parents: parent.iter().map(|p| p.id).collect(),
            parent_number: parent.map(|p| p.version.number.clone()),
            manifest: tree.manifest,
            statistics: Statistics { files: tree.totals.files, bytes: tree.totals.bytes, samples: tree.totals.samples },
            schema: None,
            data_checksum: tree.checksum,
            change_type,
            summary: self.options.summary.clone(),
            metadata: self.options.metadata(),
            tags: self.options.tags.clone(),
            validation: if self.options.no_validate { ValidationStatus::Skipped } else { ValidationStatus::Pending },
            verdict: None,
            author: self.repo.author(self.options.author.as_deref()),
            created: Time::now(),
            extensions: Vec::new(),
        }
    }

    /// Stores the schema, and warns of a key that it does not have.
    fn add_schema(&self, candidate: &mut Candidate<'_>) -> Result<()> {
        let Some(schema) = &candidate.details.schema else { return Ok(()) };
        candidate.details.warnings.extend(key::missing(schema, self.dataset));
        let bytes = schema.encode().map_err(|e| Error::damaged(format!("cannot compute the schema from the parent's: {e}")))?;
        candidate.version.schema = Some(Id::of(&bytes));
        candidate.writer.structure(Key::from(Id::<id::SchemaId>::of(&bytes)), &bytes)?;
        Ok(())
    }

    /// Replaces the version by the one that exists already, if there is one: with the same files and parents, or the parent
    /// itself where nothing changed.
    fn find_existing(&self, candidate: &mut Candidate<'_>) -> Result<()> {
        let is_changed = candidate.details.changes.any;
        if let Some(existing) = self.existing_version(&mut candidate.version, !is_changed)? {
            (candidate.version, candidate.outcome) = (existing.version, CommitOutcome::AlreadyThere);
            return Ok(());
        }
        self.check_exceeds_parent(&candidate.version)?;
        if let (Some(parent), false, false) = (&self.parent, is_changed, self.options.allow_empty) {
            (candidate.version, candidate.outcome) = (parent.version.clone(), CommitOutcome::Unchanged);
        }
        Ok(())
    }

    /// Checks the rules of the dataset and puts the verdict into the version.
    fn validate<'j>(
        &self,
        candidate: &mut Candidate<'a>,
        evaluator: &'j Evaluator<'j>,
        evaluation: Evaluation<'j>,
        (root, tree, nodes): (&Root, &Tree, &Overlay<'_>),
    ) -> Result<()> {
        let keep = !self.options.dry_run;
        if keep {
            // What is judged is what was stored, whatever becomes of the files meanwhile.
            let writer = std::mem::replace(&mut candidate.writer, self.writer()?);
            candidate.stored.push(writer.finish()?);
        }
        let work = self.options.dry_run.then(|| self.folder().work(root)).transpose()?;
        let files = FileSet { nodes, manifest: tree.manifest, workspace: work };
        let outcome = read::finish_evaluation(evaluator, evaluation, &files, keep, &mut candidate.details.warnings)?;
        let verdict = &outcome.verdict;
        candidate.version.validation = verdict.status();
        candidate.version.verdict = Some(verdict.id());
        candidate.writer.structure(Key::from(verdict.id()), &verdict.encode())?;
        let before = match &self.parent {
            Some(Parent { id, version }) => status::verdict_now(self.repo, *id, version, &mut candidate.details.warnings)?,
            None => None,
        };
        candidate.details.validation = Some(outcome.view(before.as_ref()));
        if !verdict.passed() {
            candidate.outcome = CommitOutcome::Refused;
            if keep {
                candidate.details.report_file = Some(self.write_findings(&outcome)?);
            }
        }
        Ok(())
    }

    /// Writes all that the rules found beside the state of the workspace; the file's path.
    fn write_findings(&self, judged: &Judged) -> Result<String> {
        let layout = self.repo.store().layout();
        let path = layout.workspace(&self.dataset.name).join("findings.jsonl");
        atomic::ensure_folder(atomic::parent(&path))?;
        judged.write(&layout.tmp(), &path)?;
        Ok(path.display().to_string())
    }

    /// Warns if the workspace has another version than the latest, so that the new one lacks what the latest has.
    fn warn_of_old_parent(&self, candidate: &mut Candidate<'_>) -> Result<()> {
        let (None, Some(parent)) = (&self.options.parent, &self.parent) else { return Ok(()) };
        let Some(latest) = self.repo.latest(self.name())? else { return Ok(()) };
        let parent = &parent.version.number;
        if latest != *parent {
            let (name, new) = (self.name(), &candidate.version.number);
            candidate.details.warnings.push(format!(
                "{name}@{new} is based on {parent}, not on the latest version {latest}: it does not have the changes of {latest}; \
                 compare them: hlx diff {name}@{latest} {name}@{new}"
            ));
        }
        Ok(())
    }
}
