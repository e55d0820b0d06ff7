//! Lists facts and versions as one history.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::clock::Time;
use crate::error::Result;
use crate::id::{FactId, Id, VerdictId, VersionId};
use crate::object::fact::{Fact, Statement};
use crate::object::verdict::FULL_SCORE;
use crate::object::version::{ChangeType, Version, VersionNumber};
use crate::ops::fact_views::RunFields;
use crate::ops::{DamageList, damage};
use crate::repo::Repo;

/// The number of entries to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditOptions {
    /// No more than so many entries.
    pub limit: Option<usize>,
}

/// The history.
#[derive(Clone, Debug, Serialize)]
pub struct AuditReport {
    /// The newest first. Facts stand in their own order, which is not that of clocks, and versions between them: before
    /// the first fact that speaks of them, else by time.
    pub entries: Vec<AuditEntry>,
    /// The errors of versions and facts that cannot be read.
    #[serde(skip_serializing_if = "DamageList::is_empty")]
    pub damaged: DamageList,
}

/// A fact or a version.
#[derive(Clone, Debug, Serialize)]
pub struct AuditEntry {
    /// The id of the fact, or of the version.
    pub id: String,
    /// The dataset; `None` where this repository does not have the version, or no version is spoken of.
    pub dataset_name: Option<String>,
    /// The version's number; `None` likewise.
    pub version: Option<VersionNumber>,
    /// The version that is spoken of.
    pub version_id: Option<Id<VersionId>>,
    /// The time of the event.
    pub time: Time,
    /// The author.
    pub author: String,
    /// The facts right before a fact, or the parents of a version.
    pub parents: Vec<String>,
    /// The event.
    #[serde(flatten)]
    pub event: AuditEvent,
}

/// The event of an entry.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AuditEvent {
    /// The version was made.
    Version {
        /// The size of the change from its first parent.
        change_type: ChangeType,
        /// The summary by its author.
        change_summary: String,
    },
    /// The version received a tag.
    TagAdded {
        /// The tag.
        tag: String,
    },
    /// The version lost a tag.
    TagRemoved {
        /// The tag.
        tag: String,
    },
    /// Two histories were joined.
    Joined,
    /// The rules judged the version.
    Validated {
        /// The verdict.
        verdict: Id<VerdictId>,
        /// True if it passed; `None` where the verdict cannot be read.
        passed: Option<bool>,
        /// The score from 0 to 1; `None` likewise.
        score: Option<f64>,
    },
    /// Something was trained on the version.
    Run(RunFields),
    /// Something was noted on the version.
    Note {
        /// The words.
        text: String,
    },
    /// A run was withdrawn.
    RunWithdrawn {
        /// The run.
        run: Id<FactId>,
        /// The reason.
        reason: String,
    },
    /// The version was put on hold.
    Held {
        /// The reason.
        reason: String,
    },
    /// A hold ended.
    Released {
        /// The fact that put the version on hold.
        hold: Id<FactId>,
        /// The reason.
        reason: String,
    },
    /// A later version of hlx said something of the version.
    Unknown {
        /// The kind of the statement, as a fact has it.
        code: u8,
    },
}

/// Lists the history, the newest first.
///
/// # Errors
/// `ErrorKind::Io`. Versions and facts that cannot be read are listed in the report.
pub fn list(repo: &Repo, options: AuditOptions) -> Result<AuditReport> {
    let mut damaged = DamageList::default();
    let facts = damaged.collect(repo.facts().all().map_err(|e| e.within("facts are omitted")))?.unwrap_or_default();
    let mut history = History::of(repo, &mut damaged)?;
    for (id, fact) in facts {
        history.push_versions_until(fact.time);
        fact.statement.version().into_iter().for_each(|version| history.push_version(version));
        history.push_fact(repo, id, fact);
    }
    history.push_versions_until(Time::from_millis(i64::MAX));
    let newest = history.entries.into_iter().rev().take(options.limit.unwrap_or(usize::MAX));
    Ok(AuditReport { entries: newest.collect(), damaged })
}

/// The history as it grows.
struct History {
    versions: HashMap<Id<VersionId>, Version>,
    /// The versions by time, the last first.
    waiting: Vec<(Time, Id<VersionId>)>,
    made: HashSet<Id<VersionId>>,
    entries: Vec<AuditEntry>,
}

impl History {
    fn of(repo: &Repo, damaged: &mut DamageList) -> Result<History> {
        let mut versions = HashMap::new();
        damage::versions(repo, None, damaged, |id, version| {
            versions.insert(id, version);
            Ok(())
        })?;
        let mut waiting: Vec<_> = versions.iter().map(|(id, version)| (version.created, *id)).collect();
        waiting.sort_by(|a, b| b.cmp(a));
        Ok(History { versions, waiting, made: HashSet::new(), entries: Vec::new() })
    }

    /// Tells of the versions that were made up to a moment.
    fn push_versions_until(&mut self, moment: Time) {
        while let Some((_, id)) = self.waiting.pop_if(|(created, _)| *created <= moment) {
            self.push_version(id);
        }
    }

    /// Tells of a version, after its parents, unless that was done or it is not here.
    fn push_version(&mut self, id: Id<VersionId>) {
        let mut open = vec![id];
        while let Some(id) = open.last().copied() {
            let Some(version) = self.versions.get(&id).filter(|_| !self.made.contains(&id)) else {
                open.pop();
                continue;
            };
            let before = open.len();
            open.extend(version.parents.iter().filter(|id| self.versions.contains_key(id) && !self.made.contains(id)));
            if open.len() > before {
                continue;
            }
            open.pop();
            self.made.insert(id);
            self.entries.push(AuditEntry {
                id: id.to_hex(),
                dataset_name: Some(version.dataset.clone()),
                version: Some(version.number.clone()),
                version_id: Some(id),
                time: version.created,
                author: version.author.clone(),
                parents: version.parents.iter().map(Id::to_hex).collect(),
                event: AuditEvent::Version { change_type: version.change_type, change_summary: version.summary.clone() },
            });
        }
    }

    fn push_fact(&mut self, repo: &Repo, id: Id<FactId>, fact: Fact) {
        let version_id = fact.statement.version();
        let version = version_id.and_then(|id| self.versions.get(&id));
        self.entries.push(AuditEntry {
            id: id.to_hex(),
            dataset_name: version.map(|version| version.dataset.clone()),
            version: version.map(|version| version.number.clone()),
            version_id,
            time: fact.time,
            author: fact.author,
            parents: fact.parents.iter().map(Id::to_hex).collect(),
            event: AuditEvent::of(repo, fact.statement),
        });
    }
}

impl AuditEvent {
    fn of(repo: &Repo, statement: Statement) -> AuditEvent {
        match statement {
            Statement::Joined => AuditEvent::Joined,
            Statement::TagAdded { tag, .. } => AuditEvent::TagAdded { tag },
            Statement::TagRemoved { tag, .. } => AuditEvent::TagRemoved { tag },
            Statement::Validated { verdict, .. } => {
                let said = repo.verdict(verdict).ok();
                let score = said.as_ref().map(|said| f64::from(said.score()) / f64::from(FULL_SCORE));
                AuditEvent::Validated { verdict, passed: said.map(|said| said.passed()), score }
            }
            Statement::Run { run, .. } => AuditEvent::Run(RunFields::of(&run)),
            Statement::Note { text, .. } => AuditEvent::Note { text },
            Statement::RunWithdrawn { run, reason, .. } => AuditEvent::RunWithdrawn { run, reason },
            Statement::Held { reason, .. } => AuditEvent::Held { reason },
            Statement::Released { hold, reason, .. } => AuditEvent::Released { hold, reason },
            Statement::Unknown { code, .. } => AuditEvent::Unknown { code },
        }
    }
}
