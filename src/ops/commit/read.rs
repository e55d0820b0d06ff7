//! Reads the folder that is committed and holds it against the parent, as far as the parent can be read.
//!
//! Old damage must not stop a new version: what cannot be compared with the parent is told anew, with a warning.

use crate::diff::{
    DiffDetail, FileParseIssue, FileSource, ReaderConfig, RecordDiff, SampleChanges, SchemaChange, TreeChanges, compare,
};
use crate::error::{ErrorKind, Result, counted};
use crate::fs::openat::Root;
use crate::gate::{CachedManifests, Evaluation, Evaluator, FileSet, GateOutcome};
use crate::manifest::{Entries, NodeSource};
use crate::object::node::Entry;
use crate::ops::Links;
use crate::ops::commit::plan::{Commit, Parent};
use crate::ops::tree::{Overlay, SourceFolder, StoredTree, Tree, count_unread};
use crate::parallel;
use crate::path::printable;
use crate::sample::Schema;
use crate::store::Writer;
use crate::store::writer::DurableWrite;
use crate::worktree::cache;
use crate::worktree::ingest::{DamagedFiles, IngestCounts, SampleCounter};

/// The part of the parent that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ParentExtent {
    /// All that is compared.
    All,
    /// Its manifest: what its files hold is not compared.
    Manifest,
    /// Nothing but its record.
    Record,
}

/// A folder that was read and stored.
pub(super) struct Snapshot<'a, 'j> {
    pub tree: Tree,
    pub rows: Option<cache::CacheWriter>,
    pub nodes: Overlay<'a>,
    pub changes: TreeChanges,
    pub contents: Contents,
    pub evaluation: Option<Evaluation<'j>>,
    pub writer: Writer<'a>,
    /// The packs that were written before the writer began.
    pub stored: Vec<DurableWrite>,
    /// The parts of the parent that could not be read.
    pub warnings: Vec<String>,
    /// The symlinks of the folder.
    pub links: Links,
}

impl<'a> Commit<'a> {
    /// Reads the folder into the store of the writer.
    pub(super) fn read<'j>(
        &self,
        root: &Root,
        config: Option<&ReaderConfig>,
        evaluator: Option<&'j Evaluator<'j>>,
    ) -> Result<Snapshot<'a, 'j>> {
        let parent = self.parent.as_ref();
        let damaged = DamagedFiles::default();
        let mut warnings = Vec::new();
        let mut extent = ParentExtent::All;
        let mut read = loop {
            let known = damaged.len();
            let error = match self.read_as_far(extent, &damaged, root, config, evaluator) {
                // What was counted while a file was found damaged is void.
                Ok(_) if damaged.len() > known => continue,
                Err(e) if e.kind() == ErrorKind::Damaged && parent.is_some() => e,
                read => break read?,
            };
            let (next, lost) = match extent {
                ParentExtent::All => (ParentExtent::Manifest, "all samples are counted again"),
                // The manifest alone has the files outside of the selection.
                ParentExtent::Manifest if self.options.from.is_some() || self.state.selection.is_none() => {
                    (ParentExtent::Record, "every file counts as added")
                }
                _ => return Err(error),
            };
            warnings.push(format!("cannot read the parent: {}; {lost}", error.message()));
            extent = next;
        };
        if let (ParentExtent::All, false, Some(config), Some(parent)) = (extent, damaged.is_empty(), config, parent) {
            self.count_schema(&mut read, root, config, parent)?;
            let anew = if evaluator.is_some() { "; all records are validated again" } else { "" };
            warnings.extend(damaged.into_files().iter().map(|(path, file)| {
                let records = counted(file.records.unwrap_or(0), "sample");
                let lost = format!("its {records} count as removed, those of the new version as added");
                format!("cannot read '{}' of the parent: {}; {lost}{anew}", printable(path), file.error.message())
            }));
        }
        Ok(Snapshot { warnings, ..read })
    }

    /// Counts the schema of all files anew: without a file of the parent, it does not follow from the parent's.
    fn count_schema(&self, read: &mut Snapshot<'a, '_>, root: &Root, config: &ReaderConfig, parent: &Parent) -> Result<()> {
        let store = self.repo.store();
        let work = self.options.dry_run.then(|| self.folder().work(root)).transpose()?;
        if work.is_none() {
            read.stored.push(std::mem::replace(&mut read.writer, self.writer()?).finish()?);
        }
        let mut all = RecordDiff::new(config, DiffDetail::Schema);
        let entries = Entries::new(&read.nodes, read.tree.manifest)?;
        parallel::ordered(
            entries.filter(|entry| entry.as_ref().map_or(true, |entry| entry.kind.is_file())),
            2 * parallel::threads(),
            || (),
            |(), entry: Entry| {
                let path = entry.path.as_str();
                let bytes = work.as_ref().map_or(Ok(None), |work| work.open(path))?.unwrap_or(FileSource::Stored(store));
                let file = config.file_side(path, Some(entry.content), entry.size, bytes);
                let mut own = RecordDiff::new(config, DiffDetail::Schema);
                let file = config.read_as_counted(file, entry.samples.as_ref())?;
                match compare(config, None, Some(&file), true, &mut own, None) {
                    // A file outside of the selection, which is taken over as it is.
                    Err(e) if e.kind() == ErrorKind::Damaged => Ok(RecordDiff::new(config, DiffDetail::Schema)),
                    counted => counted.map(|_| own),
                }
            },
            |own| {
                all.absorb(own);
                Ok(())
            },
        )?;
        all.schema.fit();
        if let (Some(changes), Some((before, _))) = (&mut read.contents.samples, self.repo.sample_statistics(&parent.version)?) {
            changes.schema = SchemaChange::between(&before, &all.schema, self.dataset.thresholds.field_share);
        }
        read.contents.schema = Some(all.schema);
        Ok(())
    }

    fn read_as_far<'j>(
        &self,
        extent: ParentExtent,
        damaged: &DamagedFiles,
        root: &Root,
        config: Option<&ReaderConfig>,
        evaluator: Option<&'j Evaluator<'j>>,
    ) -> Result<Snapshot<'a, 'j>> {
        let parent = self.parent.as_ref();
        let store = self.repo.store();
        // A writer that went half way has taken chunks that it did not store.
        let mut writer = self.writer()?;
        let is_whole = extent == ParentExtent::All && damaged.is_empty();
        if !is_whole {
            writer.verify_existing();
        }
        let known = match (parent, config) {
            (Some(parent), Some(_)) if extent == ParentExtent::All => self.repo.sample_statistics(&parent.version)?,
            _ => None,
        };
        let before = parent.filter(|_| extent != ParentExtent::Record).map(|parent| parent.version.manifest);
        let compared = before.filter(|_| is_whole);
        let evaluation =
            evaluator.map(|evaluator| evaluator.begin(CachedManifests { own: None, parent: compared })).transpose()?;
        let counter = config.map(|config| SampleCounter {
            store,
            config,
            tallied: known.is_some(),
            evaluation: evaluation.as_ref(),
            damaged,
        });
        // After damage, unchanged files are read too, so that what is damaged of them is stored again.
        let trusts_cache = is_whole && !store.has_known_damage();
        let folder = SourceFolder { trusts_cache, ..self.folder() };
        let StoredTree { tree, rows, fresh, mut counted, links } = folder.read(root, before, counter, &mut writer)?;
        let nodes = Overlay { store, fresh };
        let changes = match parent.filter(|_| before.is_some()) {
            Some(parent) => TreeChanges::between(&nodes, &parent.version, tree.manifest)?,
            None => TreeChanges::of_first(&tree.totals),
        };
        count_unread(counted.as_mut(), counter, &nodes, before, tree.manifest)?;
        let contents = Contents::of(counted, config, known, self.dataset.thresholds.field_share)?;
        Ok(Snapshot { tree, rows, nodes, changes, contents, evaluation, writer, stored: Vec::new(), warnings: Vec::new(), links })
    }
}

/// The records of the files that were read.
#[derive(Default)]
pub(super) struct Contents {
    pub schema: Option<Schema>,
    /// `None` where there was nothing to compare with.
    pub samples: Option<SampleChanges>,
    pub findings: Vec<FileParseIssue>,
    pub findings_count: u64,
}

impl Contents {
    /// From what was counted, and the parent's schema and samples where it is compared with them.
    fn of(
        counted: Option<IngestCounts>,
        config: Option<&ReaderConfig>,
        known: Option<(Schema, u64)>,
        field_share: f64,
    ) -> Result<Contents> {
        let (Some(IngestCounts { diff: mut account, .. }), Some(config)) = (counted, config) else {
            return Ok(Contents::default());
        };
        let (findings, findings_count) = (std::mem::take(&mut account.issues), account.issue_count);
        let Some((before, samples)) = known else {
            let mut schema = account.schema;
            schema.fit();
            return Ok(Contents { schema: Some(schema), samples: None, findings, findings_count });
        };
        let mut schema = before.clone();
        schema.add(&account.schema, 1);
        schema.fit();
        let changes = SchemaChange::between(&before, &schema, field_share);
        let samples = Some(SampleChanges::of(account, config.splits(), samples, changes)?);
        Ok(Contents { schema: Some(schema), samples, findings, findings_count })
    }
}

/// Ends a judgement; one that the parent's damage stops begins anew without it.
pub(super) fn finish_evaluation<'a, S: NodeSource + Sync>(
    evaluator: &'a Evaluator<'a>,
    evaluation: Evaluation<'a>,
    files: &FileSet<'_, S>,
    keep: bool,
    warnings: &mut Vec<String>,
) -> Result<GateOutcome> {
    match evaluation.finish(files, keep) {
        Err(e) if e.kind() == ErrorKind::Damaged => {
            warnings.push(format!("cannot read the parent: {}; all records are validated again", e.message()));
            evaluator.begin(CachedManifests { own: None, parent: None })?.finish(files, keep)
        }
        outcome => outcome,
    }
}
