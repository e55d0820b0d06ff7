//! Runs and notes as reports show them.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::clock::Time;
use crate::facts::{FactsState, RecordedHold, RecordedNote, RecordedRun, Withdrawal};
use crate::id::{Content, FactId, Id, VersionId};
use crate::object::fact::Run;
use crate::object::version::VersionNumber;
use crate::repo::{Repo, VersionLookup};

/// A file that a run made.
#[derive(Clone, Debug, Serialize)]
pub struct ArtifactView {
    /// Its path as the user named it.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// The hash of the file, as `b3sum` prints it.
    pub hash: Id<Content>,
}

/// The fields of a run.
#[derive(Clone, Debug, Serialize)]
pub struct RunFields {
    /// The model that was trained.
    pub model: String,
    /// Parameters by name.
    pub params: Map<String, Value>,
    /// Metrics by name, as numbers.
    pub metrics: Map<String, Value>,
    /// Artifacts in the order of their paths.
    pub artifacts: Vec<ArtifactView>,
    /// The start of the run, where it is known.
    pub started_at: Option<Time>,
    /// The end of the run, where it is known.
    pub ended_at: Option<Time>,
}

/// A training run on a version.
#[derive(Clone, Debug, Serialize)]
pub struct RunView {
    /// The run's id: that of the fact.
    pub id: Id<FactId>,
    /// The dataset; `None` where this repository does not have the version.
    pub dataset_name: Option<String>,
    /// The version's number; `None` where this repository does not have it.
    pub version: Option<VersionNumber>,
    /// The version's id.
    pub version_id: Id<VersionId>,
    /// The fields of the run.
    #[serde(flatten)]
    pub run: RunFields,
    /// The time of the record.
    pub recorded_at: Time,
    /// The author of the record.
    pub recorded_by: String,
    /// The withdrawal of the run, if it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<WithdrawalView>,
}

/// That a run does not count.
#[derive(Clone, Debug, Serialize)]
pub struct WithdrawalView {
    /// The reason.
    pub reason: String,
    /// The time of the withdrawal.
    pub withdrawn_at: Time,
    /// The author of the withdrawal.
    pub withdrawn_by: String,
}

/// A note on a version.
#[derive(Clone, Debug, Serialize)]
pub struct NoteView {
    /// The note's id: that of the fact.
    pub id: Id<FactId>,
    /// The dataset; `None` where this repository does not have the version.
    pub dataset_name: Option<String>,
    /// The version's number; `None` where this repository does not have it.
    pub version: Option<VersionNumber>,
    /// The version's id.
    pub version_id: Id<VersionId>,
    /// The words.
    pub text: String,
    /// The time of the note.
    pub recorded_at: Time,
    /// The author of the note.
    pub recorded_by: String,
}

/// A hold on a version.
#[derive(Clone, Debug, Serialize)]
pub struct HoldView {
    /// The hold's id: that of the fact.
    pub id: Id<FactId>,
    /// The dataset; `None` where this repository does not have the version.
    pub dataset_name: Option<String>,
    /// The version's number; `None` where this repository does not have it.
    pub version: Option<VersionNumber>,
    /// The version's id.
    pub version_id: Id<VersionId>,
    /// The reason.
    pub reason: String,
    /// The time of the hold.
    pub recorded_at: Time,
    /// The author of the hold.
    pub recorded_by: String,
}

/// The runs or notes to list: all, unless one of the two is given.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Those on versions of this dataset.
    pub dataset: Option<String>,
    /// Those on this version.
    pub revision: Option<String>,
    /// Runs of this model.
    pub model: Option<String>,
    /// Also runs that were withdrawn.
    pub withdrawn: bool,
}

impl ListOptions {
    /// Returns true if what is said of a version of this dataset is listed.
    pub(super) fn wants(&self, repo: &Repo, dataset: Option<&str>) -> bool {
        let current = |name| repo.config().current(name);
        self.dataset.as_deref().is_none_or(|wanted| dataset.map(current) == Some(current(wanted)))
    }
}

/// The name of a version: dataset and number.
pub(super) type VersionName = Option<(String, VersionNumber)>;

/// The names of versions by their ids, as their records give them.
pub(super) struct VersionNames<'a> {
    repo: &'a Repo,
    lookup: VersionLookup<'a>,
    known: HashMap<Id<VersionId>, VersionName>,
}

impl<'a> VersionNames<'a> {
    /// No names yet: each is read when it is asked for.
    pub fn of(repo: &'a Repo) -> VersionNames<'a> {
        VersionNames { repo, lookup: VersionLookup::of(repo), known: HashMap::new() }
    }

    /// Returns the name of a version; `None` where the repository does not have it, its record cannot be read, or no ref of
    /// that name leads to it.
    pub fn get(&mut self, id: Id<VersionId>) -> VersionName {
        let VersionNames { repo, lookup: here, known } = self;
        let read = || {
            let version = here.version(id).ok()??;
            let named = repo.versions().get(&version.dataset, &version.number).ok()? == Some(id);
            named.then_some((version.dataset, version.number))
        };
        known.entry(id).or_insert_with(read).clone()
    }
}

/// `leases@1.1.0`, or the first digits of the id of a version that is not here.
pub(super) fn display_name(name: &VersionName, id: Id<VersionId>) -> String {
    match name {
        Some((dataset, number)) => format!("{dataset}@{number}"),
        None => id.to_hex().chars().take(12).collect(),
    }
}

impl RunFields {
    pub(super) fn of(run: &Run) -> RunFields {
        let artifact = |a: &crate::object::fact::Artifact| ArtifactView { path: a.path.clone(), size: a.size, hash: a.content };
        RunFields {
            model: run.model.clone(),
            params: run.params.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect(),
            metrics: run.metrics.iter().map(|(name, value)| (name.clone(), Value::from(value.value()))).collect(),
            artifacts: run.artifacts.iter().map(artifact).collect(),
            started_at: run.started,
            ended_at: run.ended,
        }
    }
}

impl RunView {
    pub(super) fn of(recorded: &RecordedRun, name: VersionName, facts: &FactsState) -> RunView {
        let (dataset_name, version) = name.unzip();
        let withdrawn = |withdrawal: &Withdrawal| WithdrawalView {
            reason: withdrawal.reason.clone(),
            withdrawn_at: withdrawal.time,
            withdrawn_by: withdrawal.author.clone(),
        };
        RunView {
            id: recorded.id,
            dataset_name,
            version,
            version_id: recorded.version,
            run: RunFields::of(&recorded.run),
            recorded_at: recorded.time,
            recorded_by: recorded.author.clone(),
            withdrawn: facts.withdrawal_of(recorded.id).map(withdrawn),
        }
    }
}

impl NoteView {
    pub(super) fn of(noted: &RecordedNote, name: VersionName) -> NoteView {
        let (dataset_name, version) = name.unzip();
        NoteView {
            id: noted.id,
            dataset_name,
            version,
            version_id: noted.version,
            text: noted.text.clone(),
            recorded_at: noted.time,
            recorded_by: noted.author.clone(),
        }
    }
}

impl HoldView {
    pub(super) fn of(held: &RecordedHold, name: VersionName) -> HoldView {
        let (dataset_name, version) = name.unzip();
        HoldView {
            id: held.id,
            dataset_name,
            version,
            version_id: held.version,
            reason: held.reason.clone(),
            recorded_at: held.time,
            recorded_by: held.author.clone(),
        }
    }
}
