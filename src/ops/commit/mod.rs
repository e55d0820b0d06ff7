//! `hlx commit`: makes the next version of a dataset.
//!
//! Everything is stored and synced before the version's ref is created, and the ref is what makes it exist. An
//! interrupted commit leaves nothing visible; the same command again succeeds.

mod number;
mod options;
mod read;
mod tags;

use serde::Serialize;

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::fs::atomic::{self, Created};
use crate::fs::lock::Lock;
use crate::id::{self, Id, Version as VersionId};
use crate::object::Key;
use crate::object::version::{ChangeType, Number, Statistics, ValidationStatus, Version};
use crate::ops::changes::Changes;
use crate::ops::commit::read::Snapshot;
use crate::ops::gate::{Files, Judgement, Judging, Outcome as Judged};
use crate::ops::judge::SampleChanges;
use crate::ops::labels::{Labels, Move};
use crate::ops::tree::{Folder, Tree};
use crate::ops::view::Viewer;
use crate::ops::{DamageList, FileChanges, Links, PartialCheckout, VersionView, key};
use crate::progress::Progress;
use crate::repo::{Dataset, Repo, revision, standing};
use crate::sample::Schema;
use crate::sample::schema::Change;
use crate::sample::tally::{Counts, SplitMove};
use crate::store::Writer;
use crate::store::samples::{Bytes, Rules};
use crate::worktree::cache;
use crate::worktree::ingest::Counted;
use crate::worktree::state::{self, State};

pub use crate::store::samples::Found as Finding;
pub use options::{Bump, Options};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The version was made.
    Created,
    /// The same version was there already.
    AlreadyThere,
    /// Nothing changed since the parent, which is the version that is told of.
    Unchanged,
    /// The version would be made.
    DryRun,
    /// The rules of the dataset refused it: nothing was made.
    Refused,
}

/// What was committed.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version.
    #[serde(flatten)]
    pub version: VersionView,
    /// What came of it.
    pub outcome: Outcome,
    /// How many files differ from the parent's.
    #[serde(flatten)]
    pub files: FileChanges,
    /// Bytes of all those files.
    pub bytes_changed: u64,
    /// Bytes of the parent's files.
    pub bytes_before: u64,
    /// Samples that the parent does not have, where they are counted and compared.
    pub samples_added: Option<u64>,
    /// Samples that only the parent has.
    pub samples_removed: Option<u64>,
    /// Samples that share a key with one of the parent and differ.
    pub samples_modified: Option<u64>,
    /// Samples that moved from one split to another and are the same otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples_moved: Vec<SplitMove>,
    /// The first records that are none of their format, in the files that were read.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub findings_count: u64,
    /// The symlinks of the folder, whose data the version does not hold.
    pub links: Links,
    /// What explains the number.
    pub bump: String,
    /// Tags that the version received.
    pub tags_added: Vec<String>,
    /// Those of them that another version had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_moved: Vec<Move>,
    /// The file that holds all that the rules of the dataset found, where they refused it.
    pub report_file: Option<String>,
    /// What of the parent could not be read, and what was done without it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The field that could be the key of the dataset, which has none: with it, samples count as modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_key: Option<String>,
    /// How many files of the version the workspace has, where it has a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialCheckout>,
    /// By how many bytes the packs grew.
    pub stored_bytes: u64,
}

/// Commits the workspace of a dataset, or a folder.
pub fn run(repo: &Repo, options: &Options, progress: &dyn Progress) -> Result<Report> {
    options.check(&repo.author(options.author.as_deref()))?;
    let dataset = repo.dataset(options.dataset.as_deref())?.clone();
    options.check_skip(&dataset)?;
    let layout = repo.store().layout();
    let _workspace: Option<Lock> = match options.from {
        None => Some(state::lock(layout, &dataset.name)?),
        Some(_) => None,
    };
    if !options.tags.is_empty() {
        // A tag is a fact: where none can follow, the version is not made without it.
        let hint = "commit without --tag, and add the tag when the facts can be read";
        repo.folded_facts().map_err(|e| e.with_hint(hint))?;
    }
    let state = State::load(layout, &dataset.name)?;
    let commit = Commit { repo, options, dataset, progress, state };
    let parent = commit.parent()?;
    commit.run(parent)
}

/// The version that comes before.
struct Parent {
    id: Id<VersionId>,
    version: Version,
}

struct Commit<'a> {
    repo: &'a Repo,
    options: &'a Options,
    dataset: Dataset,
    progress: &'a dyn Progress,
    state: State,
}

impl Commit<'_> {
    fn parent(&self) -> Result<Option<Parent>> {
        let name = &self.dataset.name;
        let id = match (&self.options.parent, &self.options.from) {
            (Some(text), _) => {
                let found = revision::version(self.repo, &self.qualified(text))?;
                if self.repo.config().current(&found.version.dataset) != name {
                    return Err(Error::usage(format!("'{text}' is a version of '{}', not of '{name}'", found.version.dataset)));
                }
                return Ok(Some(Parent { id: found.id, version: found.version }));
            }
            (None, None) => self.state.head,
            (None, Some(_)) => {
                let latest = self.repo.latest(name)?.map(|number| self.repo.version_of(name, &number)).transpose()?;
                return Ok(latest.flatten().map(|(id, version)| Parent { id, version }));
            }
        };
        id.map(|id| Ok(Parent { id, version: self.repo.version(id)? })).transpose()
    }

    /// A revision that names the dataset, if it does not already.
    fn qualified(&self, text: &str) -> String {
        if text.contains('@') { text.to_owned() } else { format!("{}@{text}", self.dataset.name) }
    }

    fn writer(&self) -> Result<Writer<'_>> {
        let store = self.repo.store();
        if self.options.dry_run { Writer::dry(store) } else { Writer::new(store, self.repo.config().level()) }
    }

    fn folder(&self) -> Folder<'_> {
        Folder {
            repo: self.repo,
            dataset: &self.dataset,
            from: self.options.from.as_deref(),
            selection: self.state.selection.as_ref(),
            record: !self.options.dry_run,
            progress: self.progress,
        }
    }

    fn run(&self, parent: Option<Parent>) -> Result<Report> {
        let store = self.repo.store();
        let rules = Some(&self.dataset)
            .filter(|dataset| dataset.samples)
            .map(|dataset| dataset.rules(&store.layout().tmp()))
            .transpose()?;
        let judging = match self.options.no_validate {
            true => None,
            false => {
                Judging::of(self.repo, &self.dataset, self.progress)?.map(|judging| judging.at_most(self.options.max_findings))
            }
        };
        let root = self.folder().open()?;
        let Snapshot { tree, rows, nodes, changes, found, judgement, mut writer, stored: mut held, mut warnings, links } =
            self.read(&root, parent.as_ref(), rules.as_ref(), judging.as_ref())?;
        let Found { schema, samples, findings, found: findings_count } = found;
        let change_type = match (&samples, &parent) {
            (Some(samples), Some(_)) => samples.kind(&self.dataset.thresholds),
            _ => changes.kind(parent.is_none()),
        };
        let explained = self.explain(&changes, samples.as_ref(), change_type, parent.is_none());
        let mut version = self.version(parent.as_ref(), &tree, change_type)?;
        if let Some(schema) = &schema {
            warnings.extend(key::missing(schema, &self.dataset));
            let schema =
                schema.encode().map_err(|e| Error::damaged(format!("cannot compute the schema from the parent's: {e}")))?;
            version.schema = Some(Id::of(&schema));
            writer.structure(Key::from(Id::<id::Schema>::of(&schema)), &schema)?;
        }
        let moved = samples.as_ref().map(|samples| samples.moved.clone()).unwrap_or_default();
        let samples = match (samples, &parent) {
            (Some(samples), _) => Some(samples.counts),
            (None, None) => tree.totals.samples.map(|added| Counts { added, ..Counts::default() }),
            _ => None,
        };
        let mut told = Told {
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
            stored: held.iter().map(|finished| finished.bytes).sum(),
        };
        if let Some(there) = self.already_there(&mut version, !changes.any)? {
            return self.report(there, Outcome::AlreadyThere, told, rows);
        }
        self.check_exceeds_parent(&version)?;
        let unchanged = !changes.any && !self.options.allow_empty;
        let parent = match parent {
            Some(parent) if unchanged => return self.report(parent, Outcome::Unchanged, told, rows),
            parent => parent,
        };
        // Before anything is stored for good: a version is not made without its tags.
        if !self.options.tags.is_empty() {
            self.labels(&*self.repo.folded_facts()?, version.id())?;
        }
        if judging.is_none() {
            self.check_protected(&version, version.validation)?;
        }
        if let (Some(judging), Some(judgement)) = (&judging, judgement) {
            if !self.options.dry_run {
                // What is judged is what was stored, whatever becomes of the files meanwhile.
                let finished = writer.finish()?;
                told.stored += finished.bytes;
                held.push(finished);
                writer = self.writer()?;
            }
            let work = self.options.dry_run.then(|| self.folder().work(&root)).transpose()?;
            let files = Files { nodes: &nodes, manifest: tree.manifest, work };
            let keep = !self.options.dry_run;
            let judged = read::judged(judging, judgement, &files, keep, &mut told.warnings)?;
            told.validation = Some(self.judged(&judged, parent.as_ref(), &mut version, &mut writer)?);
            if !judged.verdict.passed() {
                if !self.options.dry_run {
                    told.report_file = Some(self.keep_findings(&judged)?);
                }
                return self.report(Parent { id: version.id(), version }, Outcome::Refused, told, None);
            }
            self.check_protected(&version, version.validation)?;
        }
        if self.options.dry_run {
            return self.report(Parent { id: version.id(), version }, Outcome::DryRun, told, None);
        }
        writer.structure(Key::from(version.id()), &version.encode())?;
        let finished = writer.finish()?;
        told.stored += finished.bytes;
        held.push(finished);
        loop {
            self.progress.check()?;
            let id = version.id();
            if self.repo.versions().create(&self.dataset.name, &version.number, id)? == Created::New {
                return self.report(Parent { id, version }, Outcome::Created, told, rows);
            }
            // Somebody else took the number meanwhile: the next free one it is, with the same parent.
            if let Some(there) = self.already_there(&mut version, false)? {
                return self.report(there, Outcome::AlreadyThere, told, rows);
            }
            let mut writer = self.writer()?;
            writer.structure(Key::from(version.id()), &version.encode())?;
            held.push(writer.finish()?);
        }
    }

    /// Puts what the rules said into the version.
    fn judged(
        &self,
        judged: &Judged,
        parent: Option<&Parent>,
        version: &mut Version,
        writer: &mut Writer<'_>,
    ) -> Result<Judgement> {
        let verdict = &judged.verdict;
        version.validation = verdict.status();
        version.verdict = Some(verdict.id());
        writer.structure(Key::from(verdict.id()), &verdict.encode())?;
        let before = match parent {
            Some(Parent { id, version }) => standing::verdict_now(self.repo, *id, version)?,
            None => None,
        };
        Ok(judged.judgement(before.as_ref()))
    }

    /// Writes all that the rules found beside the state of the workspace; the file's path.
    fn keep_findings(&self, judged: &Judged) -> Result<String> {
        let layout = self.repo.store().layout();
        let path = layout.workspace(&self.dataset.name).join("findings.jsonl");
        atomic::ensure_folder(atomic::parent(&path))?;
        judged.write(&layout.tmp(), &path)?;
        Ok(path.display().to_string())
    }

    /// The record of the new version, with the number that was asked for or follows.
    fn version(&self, parent: Option<&Parent>, tree: &Tree, change_type: ChangeType) -> Result<Version> {
        let bump = match self.options.bump {
            Bump::Auto => change_type,
            Bump::As(change) => change,
        };
        let number = match (&self.options.version, parent) {
            (Some(number), _) => number.clone(),
            (None, Some(parent)) => parent.version.number.bump(bump),
            (None, None) => Number::FIRST,
        };
        Ok(Version {
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
        })
    }

    /// Records what follows from the outcome: tags, and what the workspace was made from.
    fn report(&self, found: Parent, outcome: Outcome, mut told: Told, rows: Option<cache::Writer>) -> Result<Report> {
        let Parent { id, version } = found;
        let stands = matches!(outcome, Outcome::Created | Outcome::AlreadyThere | Outcome::Unchanged);
        let mut labels = Labels::default();
        if !self.options.dry_run && stands {
            if self.options.from.is_none() && outcome != Outcome::Unchanged {
                let state = State { head: Some(id), selection: self.state.selection.clone(), pending: Vec::new() };
                state.save(self.repo.store().layout(), &self.dataset.name)?;
            }
            if !self.options.tags.is_empty() {
                let facts = self.repo.folded_facts()?;
                if outcome != Outcome::Created {
                    self.check_protected(&version, standing::status(self.repo, &facts, id, &version)?)?;
                }
                labels = self.labels(&facts, id)?;
                self.repo.facts().append(&self.repo.author(self.options.author.as_deref()), &labels.statements)?;
            }
        }
        if let Some(rows) = rows {
            rows.finish()?;
        }
        let is_missed = |counts| key::is_missed(&self.dataset, counts, version.parents.is_empty());
        let suggested_key = match outcome == Outcome::Created && told.samples.as_ref().is_some_and(is_missed) {
            true => key::suggestion(self.repo, &self.dataset.name, &version),
            false => None,
        };
        if let (Some(schema), true, false) = (&told.schema, stands, self.options.dry_run) {
            let files = (&**self.repo.store(), version.manifest, version.statistics.files);
            let stored = |_: &str| Ok(Bytes::Stored(self.repo.store()));
            let scratch = self.repo.store().layout().tmp();
            told.warnings.extend(key::incomplete(&self.dataset, &scratch, schema, files, stored));
        }
        let mut damaged = DamageList::default();
        let viewer =
            Viewer::new(self.repo, &mut damaged)?.with_schema(told.schema).with_judgement(told.validation).without_changes();
        told.warnings.extend_from_slice(damaged.messages());
        let selection = self.state.selection.as_ref().filter(|_| self.options.from.is_none());
        // What was not stored has no manifest to count in.
        let partial = match stands && !self.options.dry_run {
            true => PartialCheckout::new(self.repo.store(), selection, &version)?,
            false => None,
        };
        Ok(Report {
            partial,
            version: viewer.view(id, version)?,
            outcome,
            files: told.changes.counts,
            bytes_changed: told.changes.bytes,
            bytes_before: told.changes.before,
            samples_added: told.samples.map(|counts| counts.added),
            samples_removed: told.samples.map(|counts| counts.removed),
            samples_modified: told.samples.map(|counts| counts.modified),
            samples_moved: told.moved,
            findings: told.findings,
            findings_count: told.findings_count,
            links: told.links,
            bump: told.explained,
            tags_added: labels.added,
            tags_moved: labels.moved,
            report_file: told.report_file,
            warnings: told.warnings,
            suggested_key,
            stored_bytes: told.stored,
        })
    }
}

/// What a commit has to tell.
struct Told {
    stored: u64,
    changes: Changes,
    samples: Option<Counts>,
    moved: Vec<SplitMove>,
    schema: Option<Schema>,
    findings: Vec<Finding>,
    findings_count: u64,
    links: Links,
    explained: String,
    validation: Option<Judgement>,
    report_file: Option<String>,
    warnings: Vec<String>,
}

/// What counting found.
#[derive(Default)]
struct Found {
    schema: Option<Schema>,
    /// `None` where there was nothing to compare with.
    samples: Option<SampleChanges>,
    findings: Vec<Finding>,
    found: u64,
}

impl Found {
    /// From what was counted, and the parent's schema and samples where it is compared with them.
    fn of(counted: Option<Counted>, rules: Option<&Rules>, known: Option<(Schema, u64)>, field_share: f64) -> Result<Found> {
        let (Some(Counted { mut account, .. }), Some(rules)) = (counted, rules) else { return Ok(Found::default()) };
        let (findings, found) = (std::mem::take(&mut account.findings), account.found);
        let Some((before, samples)) = known else {
            let mut schema = account.schema;
            schema.fit();
            return Ok(Found { schema: Some(schema), samples: None, findings, found });
        };
        let mut schema = before.clone();
        schema.add(&account.schema, 1);
        schema.fit();
        let changes = Change::between(&before, &schema, field_share);
        let samples = Some(SampleChanges::of(account, rules.splits(), samples, changes)?);
        Ok(Found { schema: Some(schema), samples, findings, found })
    }
}
