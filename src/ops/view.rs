//! A version as users see it: the fields of `docs/cli.md`, in their order.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalog::VersionEntry;
use crate::clock::Time;
use crate::diff::{FileChanges, FileEntry, TreeChanges};
use crate::error::{ErrorKind, Result};
use crate::facts::FactsState;
use crate::gate::{RuleFinding, VerdictView};
use crate::id::{Id, NodeId, VersionId};
use crate::object::checksum::Checksum;
use crate::object::verdict::Severity;
use crate::object::version::{ChangeType, ValidationStatus, Version, VersionNumber};
use crate::ops::DamageList;
use crate::ops::fact_views::{HoldView, NoteView, RunView};
use crate::repo::{Repo, status};
use crate::sample::Schema;

/// The key of the metadata that holds why the rules were not checked.
pub(in crate::ops) const SKIP_REASON: &str = "skip_reason";

/// Every field of a version.
#[derive(Clone, Debug, Serialize)]
pub struct VersionView {
    /// The version's id.
    pub id: Id<VersionId>,
    /// The dataset.
    pub dataset_name: String,
    /// The dataset's type when the version was made.
    pub dataset_type: String,
    /// The number.
    pub version: VersionNumber,
    /// The number of the first parent.
    pub parent_version: Option<VersionNumber>,
    /// The parents.
    pub parents: Vec<Id<VersionId>>,
    /// The size of the change from the first parent.
    pub change_type: ChangeType,
    /// The summary by its author.
    pub change_summary: String,
    /// Samples, where they are counted.
    pub total_samples: Option<u64>,
    /// Regular files.
    pub file_count: u64,
    /// Bytes of the regular files.
    pub total_size_bytes: u64,
    /// The data checksum, as `find`, `sort`, `b3sum` and `sha256sum` compute it.
    pub data_checksum: Checksum,
    /// SHA-256 of the canonical JSON of name, version, statistics and metadata.
    pub metadata_checksum: Checksum,
    /// The root of the manifest.
    pub manifest: Id<NodeId>,
    /// The schema, where it is known.
    pub schema: Option<Value>,
    /// The quality score, where something judged it.
    pub quality_score: Option<f64>,
    /// The status of validation now.
    pub validation_status: ValidationStatus,
    /// The reason that its author gave for skipping validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
    /// The first findings of rules that let no version pass.
    pub validation_errors: Vec<RuleFinding>,
    /// The tags that it bears now.
    pub tags: Vec<String>,
    /// The training runs on it, the first recorded first.
    pub runs: Vec<RunView>,
    /// The notes on it, the first written first.
    pub notes: Vec<NoteView>,
    /// The holds on it, the first recorded first.
    pub holds: Vec<HoldView>,
    /// The metadata by its author.
    pub metadata: Map<String, Value>,
    /// The time of its creation.
    pub created_at: Time,
    /// The author.
    pub created_by: String,
    /// The location of its bytes: `local`.
    pub storage_backend: &'static str,
    /// The folder of the store.
    pub storage_path: String,
    /// All that the rules of its dataset said of it, where they were asked.
    pub validation: Option<VerdictView>,
    /// The number of files that differ from those of the first parent, where they are compared.
    #[serde(flatten)]
    pub files: Option<FileChanges>,
    /// The errors of parts that cannot be read and are left out.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// A file that has another path now: equal content, not empty.
#[derive(Clone, Debug, Serialize)]
pub struct RenamedFile {
    /// The path it had.
    pub from: String,
    /// The path it has.
    pub to: String,
}

impl RenamedFile {
    pub(super) fn of(from: &FileEntry, to: &FileEntry) -> RenamedFile {
        RenamedFile { from: from.path.to_string(), to: to.path.to_string() }
    }
}

/// Makes views of versions; holds the tags, which are folded once.
pub(crate) struct Viewer<'a> {
    repo: &'a Repo,
    facts: Arc<FactsState>,
    /// True if schemas and verdicts are looked up.
    whole: bool,
    /// True if the files are compared with those of the parent.
    compares: bool,
    /// The schema of a version that is not stored yet.
    schema: Option<Schema>,
    /// The verdict on the version.
    verdict: Option<VerdictView>,
}

impl<'a> Viewer<'a> {
    /// Knows what the facts say. Where they cannot be read, views are without, and `damaged` gets the reason.
    pub fn new(repo: &'a Repo, damaged: &mut DamageList) -> Result<Viewer<'a>> {
        let facts = repo.folded_facts().map_err(|e| e.within("tags, notes, runs and later verdicts are unknown"));
        let facts = damaged.collect(facts)?.unwrap_or_default();
        Ok(Viewer { repo, facts, whole: true, compares: true, schema: None, verdict: None })
    }

    /// Reads neither facts nor schemas, for versions of which tags and status are known.
    pub fn lean(repo: &'a Repo) -> Viewer<'a> {
        Viewer { repo, facts: Arc::default(), whole: false, compares: false, schema: None, verdict: None }
    }

    /// Compares the files with those of the parent.
    pub fn with_changes(self) -> Viewer<'a> {
        Viewer { compares: true, ..self }
    }

    /// Knows this schema without looking it up.
    pub fn with_schema(mut self, schema: Option<Schema>) -> Viewer<'a> {
        self.schema = schema;
        self
    }

    /// Knows what the rules said without looking it up.
    pub fn with_verdict(mut self, verdict: Option<VerdictView>) -> Viewer<'a> {
        self.verdict = verdict;
        self
    }

    /// Leaves out how the files differ from those of the parent.
    pub fn without_changes(self) -> Viewer<'a> {
        Viewer { compares: false, ..self }
    }

    /// Counts the files that differ from those of the first parent; `None` where that cannot be read.
    fn files(&self, version: &Version) -> Option<FileChanges> {
        if !self.compares {
            return None;
        }
        let Some(parent) = version.parents.first() else {
            return Some(FileChanges { files_added: version.statistics.files, ..FileChanges::default() });
        };
        let parent = self.repo.version(*parent).ok()?;
        Some(TreeChanges::between(&**self.repo.store(), &parent, version.manifest).ok()?.counts)
    }

    fn schema(&self, version: &Version) -> Result<Option<Value>> {
        match &self.schema {
            _ if !self.whole || version.schema.is_none() => Ok(None),
            Some(schema) if schema.encode().is_ok_and(|bytes| version.schema == Some(Id::of(&bytes))) => {
                Ok(Some(schema.to_json()))
            }
            _ => Ok(self.repo.schema(version)?.map(|schema| schema.to_json())),
        }
    }

    /// Returns a version of which it is known what holds of it now.
    pub fn entry(&self, entry: VersionEntry) -> Result<VersionView> {
        let VersionEntry { id, version, tags, status } = entry;
        Ok(VersionView { tags, validation_status: status, ..self.view(id, version)? })
    }

    /// Returns the latest verdict, with that on the parent where it is known.
    fn judgement(&self, id: Id<VersionId>, version: &Version) -> Result<Option<VerdictView>> {
        if !self.whole || self.verdict.is_some() {
            return Ok(self.verdict.clone());
        }
        let verdict = match status::verdict(self.repo, &self.facts, id, version) {
            // The rest can be told without it; `hlx verify` names it.
            Err(e) if e.kind() == ErrorKind::Damaged => None,
            verdict => verdict?,
        };
        let of_parent = |&id| status::verdict(self.repo, &self.facts, id, &self.repo.version(id)?);
        Ok(verdict.map(|verdict| {
            let parent = version.parents.first().and_then(|id| of_parent(id).ok()).flatten();
            VerdictView::of(&verdict, parent.as_ref())
        }))
    }

    pub fn view(&self, id: Id<VersionId>, version: Version) -> Result<VersionView> {
        let name = Some((version.dataset.clone(), version.number.clone()));
        let verdict = self.judgement(id, &version)?;
        let errors = verdict.iter().flat_map(|verdict| &verdict.findings);
        let errors = errors.filter(|finding| finding.severity == Severity::Error).cloned().collect();
        let mut damaged = DamageList::default();
        let schema = damaged.collect(self.schema(&version))?.flatten();
        Ok(VersionView {
            runs: self.facts.counted_runs_of(id).map(|run| RunView::of(run, name.clone(), &self.facts)).collect(),
            holds: self.facts.holds_of(id).map(|held| HoldView::of(held, name.clone())).collect(),
            notes: self.facts.notes_of(id).iter().map(|note| NoteView::of(note, name.clone())).collect(),
            schema,
            files: self.files(&version),
            damaged,
            id,
            metadata_checksum: version.metadata_checksum(),
            dataset_name: version.dataset,
            dataset_type: version.dataset_type,
            version: version.number,
            parent_version: version.parent_number,
            parents: version.parents,
            change_type: version.change_type,
            change_summary: version.summary,
            total_samples: version.statistics.samples,
            file_count: version.statistics.files,
            total_size_bytes: version.statistics.bytes,
            data_checksum: version.data_checksum,
            manifest: version.manifest,
            quality_score: verdict.as_ref().map(|verdict| verdict.score),
            validation_status: verdict.as_ref().map_or(version.validation, |verdict| verdict.status),
            validation_errors: errors,
            tags: self.facts.tags_of(id),
            skip_reason: skip_reason(&version.metadata),
            metadata: version.metadata,
            created_at: version.created,
            created_by: version.author,
            storage_backend: "local",
            storage_path: self.repo.store().layout().root().display().to_string(),
            validation: verdict,
        })
    }
}

/// Returns the reason that `commit --no-validate --reason` put into the metadata.
fn skip_reason(metadata: &Map<String, Value>) -> Option<String> {
    metadata.get(SKIP_REASON).and_then(Value::as_str).map(str::to_owned)
}
