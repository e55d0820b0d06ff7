//! The rules of a dataset with what their evaluation needs: the reader configuration, the store and the cache folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::CacheFolder;
use super::file_set::FileSet;
use super::rule_set::RuleSet;
use super::spec::{Check, ValidationSpec};
use crate::diff::{FileSide, FileSource, ReaderConfig, hint_warnings};
use crate::error::Result;
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, NodeSource};
use crate::object::node::Entry;
use crate::object::verdict::OpaquePolicy;
use crate::progress::Progress;
use crate::sample::{ReaderSpec, RecordFormat, Side};
use crate::store::Store;

/// Findings of a rule that a report has, unless the user asks for another number.
pub const MAX_FINDINGS: usize = if cfg!(test) { 12 } else { 10_000 };

/// The compiled rules of a dataset, which are applied to the files of a version.
pub struct Evaluator<'a> {
    pub(super) store: &'a Arc<Store>,
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

    /// Sets the number of findings of each rule that a report has.
    pub fn with_max_findings(mut self, findings: Option<usize>) -> Self {
        self.max_findings = findings.unwrap_or(MAX_FINDINGS);
        self
    }

    /// Returns the number of findings of each rule whose positions are kept.
    pub(super) fn max_positions(&self) -> usize {
        self.max_findings.max(MAX_FINDINGS)
    }

    /// Returns the folder with the cached evaluation of a version.
    pub(super) fn cache_folder(&self, manifest: Id<NodeId>) -> CacheFolder {
        CacheFolder::of(self.folder.clone(), manifest, &self.digest)
    }

    /// Returns one side of a file, to be read as it is configured.
    pub(super) fn file_side<'h, S>(&self, files: &FileSet<'_, S>, entry: &'h Entry, side: Side) -> Result<FileSide<'h>>
    where
        'a: 'h,
    {
        let path = entry.path.as_str();
        let work = files.workspace.as_ref().filter(|_| side == Side::New);
        let bytes = work.map_or(Ok(None), |work| work.open(path))?.unwrap_or(FileSource::Stored(self.store));
        let file = self.reader_config.file_side(path, Some(entry.content), entry.size, bytes);
        self.reader_config.read_as_configured(file, entry.samples.as_ref())
    }

    /// Returns the warnings of a commit of these files: the guesses of how they are read. The first bytes of a file that was
    /// never counted are read.
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
                None => self.file_side(files, &entry, Side::New)?.hints()?,
            };
            Ok((path.to_owned(), hints))
        }))
    }

    /// Returns true if any rule compares the version with its parent.
    pub(super) fn measures_drift(&self) -> bool {
        self.rule_set.rules().iter().any(|rule| matches!(rule.check, Check::Drift { .. }))
    }
}
