//! The evaluation of a version by the rules of its dataset, from its files to a verdict.
//!
//! It takes two passes: the first ([`first_pass`](super::first_pass)) evaluates the records in which the version differs from
//! its parent, or all of them, and collects their keys; the second ([`second_pass`](super::second_pass)) finds the places of
//! the records with findings. What does not differ from the parent is taken from its cached evaluation
//! ([`cache`](super::cache)). Invariant: a verdict is the same whether the parent's evaluation was cached or not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diff::{FileSide, FileSource, ReaderConfig, hint_warnings};
use crate::error::Result;
use crate::fs::openat::Root;
use crate::gate::cache::{CacheFolder, RecordPosition};
use crate::gate::evaluation::Evaluation;
use crate::gate::second_pass::DuplicatePolicy;
use crate::gate::{Check, Measures, RuleSet, ValidationSpec};
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, NodeSource};
use crate::object::node::Entry;
use crate::object::verdict::{OpaquePolicy, Verdict};
use crate::progress::Progress;
use crate::sample::{ReaderSpec, RecordFormat, Side};
use crate::selection::Matcher;
use crate::store::Store;

/// Findings of a rule that a report has, unless the user asks for another number.
pub const MAX_FINDINGS: usize = if cfg!(test) { 12 } else { 10_000 };

/// A file on the old side and on the new.
pub(super) type EntryPair = (Option<Entry>, Option<Entry>);

/// The rules of a dataset at work.
pub struct Evaluator<'a> {
    store: &'a Arc<Store>,
    /// The folder in which the programs of rules run.
    pub(super) root: &'a Path,
    /// The folder of the dataset's cached evaluations.
    pub(super) folder: PathBuf,
    pub(super) progress: &'a dyn Progress,
    pub(super) rule_set: RuleSet,
    /// The reader configuration of the dataset.
    pub(super) reader_config: ReaderConfig,
    /// The digest of the rules and of the reader configuration.
    pub(super) digest: [u8; 32],
    /// The least score that passes, in millionths.
    pub(super) min_score: u32,
    /// The effect of records that a rule cannot read.
    pub(super) opaque: OpaquePolicy,
    /// Findings of a rule that are written into a report.
    pub(super) max_findings: usize,
}

/// The files that are judged.
pub struct FileSet<'a, S> {
    /// The source of the nodes of both manifests.
    pub nodes: &'a S,
    pub manifest: Id<NodeId>,
    /// The source of files that are not in the store; `None` if all are.
    pub workspace: Option<WorkspaceFiles<'a>>,
}

/// Versions whose judgements may have been kept.
#[derive(Clone, Copy, Debug, Default)]
pub struct CachedManifests {
    /// The manifest that is judged, if it may have been before.
    pub own: Option<Id<NodeId>>,
    /// That of the version that comes before.
    pub parent: Option<Id<NodeId>>,
}

/// A workspace.
pub struct WorkspaceFiles<'a> {
    pub root: &'a Root,
    /// The part of the version that it holds; the rest lies in the store.
    pub selection: Option<Matcher>,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedFinding {
    pub path: String,
    pub position: RecordPosition,
    pub rule: u32,
    pub message: String,
}

/// The result of an evaluation.
pub struct GateOutcome {
    pub verdict: Verdict,
    /// All that was found, errors first, then by rule and place.
    pub found: Vec<LocatedFinding>,
    /// The records that a rule could not read, in the same order.
    pub unread: Vec<LocatedFinding>,
    /// Findings of a rule that are written into a report.
    pub(super) max_findings: usize,
    /// The rules and splits that matched nothing.
    pub idle: Vec<String>,
}

impl WorkspaceFiles<'_> {
    /// Opens a file, if it is in the part that the workspace holds.
    pub fn open<'b>(&self, path: &str) -> Result<Option<FileSource<'b>>> {
        if self.selection.as_ref().is_some_and(|part| !part.selects(path)) {
            return Ok(None);
        }
        let file = self.root.cursor().open_file(path).map_err(|e| self.root.error("cannot read", path, e))?;
        Ok(Some(FileSource::Open(Arc::new(file), self.root.path().join(path))))
    }
}

impl<S> FileSet<'_, S> {
    pub(super) fn file_side<'h>(&self, evaluator: &Evaluator<'h>, entry: &'h Entry, side: Side) -> Result<FileSide<'h>> {
        let path = entry.path.as_str();
        let work = self.workspace.as_ref().filter(|_| side == Side::New);
        let bytes = work.map_or(Ok(None), |work| work.open(path))?.unwrap_or(FileSource::Stored(evaluator.store));
        let (spec, size) = (evaluator.reader_config.spec_for(path), entry.size);
        let file = FileSide { path, spec, content: Some(entry.content), size, records: None, bytes };
        evaluator.reader_config.read_as_configured(file, entry.samples.as_ref())
    }
}

impl<'a> Evaluator<'a> {
    /// Compiles the rules of a dataset, whose files are read as `reader_config` says. Relative paths in rules start at `root`,
    /// and evaluations are cached in `folder`.
    pub fn new(
        spec: &ValidationSpec,
        reader_config: ReaderConfig,
        store: &'a Arc<Store>,
        (root, folder): (&'a Path, PathBuf),
        progress: &'a dyn Progress,
    ) -> Result<Evaluator<'a>> {
        let rule_set = RuleSet::new(spec, root)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&rule_set.digest());
        for (glob, spec) in reader_config.formats() {
            hasher.update(format!("{glob:?} {:?}\n", spec.id()).as_bytes());
        }
        Ok(Evaluator {
            store,
            root,
            folder,
            progress,
            rule_set,
            reader_config,
            digest: *hasher.finalize().as_bytes(),
            min_score: spec.min_score,
            opaque: spec.opaque,
            max_findings: MAX_FINDINGS,
        })
    }

    /// Writes so many findings of each rule into a report.
    pub fn with_max_findings(mut self, findings: Option<usize>) -> Self {
        self.max_findings = findings.unwrap_or(MAX_FINDINGS);
        self
    }

    /// Places that are kept of what a rule found.
    pub(super) fn max_positions(&self) -> usize {
        self.max_findings.max(MAX_FINDINGS)
    }

    pub(super) fn cache_folder(&self, manifest: Id<NodeId>) -> CacheFolder {
        CacheFolder::of(self.folder.clone(), manifest, &self.digest)
    }

    /// Judges files: all of them, or what they differ in from a version that was judged before.
    pub fn evaluate<S: NodeSource + Sync>(
        &self,
        files: &FileSet<'_, S>,
        base: CachedManifests,
        keep: bool,
    ) -> Result<GateOutcome> {
        self.begin(base)?.finish(files, keep)
    }

    /// Begins to judge; what is compared meanwhile may be looked at along the way.
    pub fn begin(&self, base: CachedManifests) -> Result<Evaluation<'_>> {
        let past = match base.parent {
            Some(parent) if self.measures_drift() => Some(self.measures_of(parent)?),
            _ => None,
        };
        let own = base.own.filter(|&own| self.cache_folder(own).exists());
        let before = own.or(base.parent);
        let cached = before.and_then(|before| Some((before, self.cache_folder(before).load()?)));
        Evaluation::new(self, cached, past)
    }

    /// Returns what a commit of these files warns of: guesses of how they are read. Of a file that was never counted the
    /// first bytes are read.
    pub fn warnings<S: NodeSource>(&self, files: &FileSet<'_, S>) -> Result<Vec<String>> {
        let is_read = |entry: &Entry| {
            entry.kind.is_file() && self.reader_config.spec_for(entry.path.as_str()).format != RecordFormat::Whole
        };
        let entries = Entries::new(files.nodes, files.manifest)?.filter(|entry| entry.as_ref().map_or(true, is_read));
        hint_warnings(entries.map(|entry| {
            let entry = entry?;
            let path = entry.path.as_str();
            let counted = entry.samples.as_ref().filter(|samples| self.reader_config.is_current(path, &samples.reader));
            let hints = match counted.and_then(|samples| ReaderSpec::from_id(&samples.reader)) {
                Some(spec) => spec.guesses().into_iter().collect(),
                None => files.file_side(self, &entry, Side::New)?.hints()?,
            };
            Ok((path.to_owned(), hints))
        }))
    }

    fn measures_drift(&self) -> bool {
        self.rule_set.rules().iter().any(|rule| matches!(rule.check, Check::Drift { .. }))
    }

    /// Returns the measures of a version, which is evaluated if they are not cached.
    fn measures_of(&self, manifest: Id<NodeId>) -> Result<Measures> {
        if let Some(measures) = self.cache_folder(manifest).load().and_then(|cached| cached.measures()) {
            return Ok(measures);
        }
        let store: &Store = self.store;
        let (_, measures) =
            Evaluation::new(self, None, None)?.measured(&FileSet { nodes: store, manifest, workspace: None }, true)?;
        Ok(measures)
    }
}

/// Returns the condition of a rule on records that share a key, if it compares keys.
pub(super) fn duplicate_policy(check: &Check) -> Option<DuplicatePolicy> {
    match check {
        Check::Unique { .. } => Some(DuplicatePolicy::Repetition("has the same key as")),
        Check::Duplicates { .. } => Some(DuplicatePolicy::Repetition("is a duplicate of")),
        Check::Leakage { .. } => Some(DuplicatePolicy::Leak),
        _ => None,
    }
}
