//! Checks the history: that no entry, fact or version was altered, removed or put elsewhere. Names everything that was.
//!
//! A version without a ref is missed where a child, a fact or a workspace names it. A fact may well speak of a version
//! that this repository never had, since facts are joined and versions are fetched apart: if the store has no record of
//! it, that is remarked and is no problem.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::error::{ErrorKind, Result};
use crate::facts::{FactProblem, FactsCheck, entry_name};
use crate::id::{Id, VersionId};
use crate::object::fact::Statement;
use crate::object::version::{Version, VersionNumber};
use crate::progress::{Progress, Stage};
use crate::repo::Repo;
use crate::worktree::state::WorkspaceState as Workspace;

/// Something that is not as it should be.
#[derive(Clone, Debug, Serialize)]
pub struct AuditProblem {
    /// The ref, by its path in `.helox`, where it befalls one.
    pub entry: Option<String>,
    /// The object or the pack, where it befalls one.
    pub object: Option<String>,
    /// The kind of problem: `entry-missing`, `entry-damaged`, `entry-order`, `fact-missing`, `fact-damaged`,
    /// `fact-unlisted`, `pack-damaged`, `verdict-damaged`, `version-damaged`, `version-mismatch`, `version-ref-missing`.
    pub kind: &'static str,
    /// The error.
    pub message: String,
}

/// The result of a check of the history.
#[derive(Clone, Debug, Serialize)]
pub struct AuditVerifyReport {
    /// True if everything is as it was.
    pub is_valid: bool,
    /// Facts and versions that were read.
    pub entries: u64,
    /// The entries that were altered, removed or moved.
    pub problems: Vec<AuditProblem>,
    /// Observations that are no problem: `unknown-version`, `fact-left-over`.
    pub remarks: Vec<AuditProblem>,
}

/// Checks every fact and every version.
///
/// # Errors
/// `ErrorKind::Io` or `Interrupted`. Damage is listed in the report.
pub fn verify(repo: &Repo, progress: &dyn Progress) -> Result<AuditVerifyReport> {
    progress.begin(Stage::Verify, 0, 0);
    let checked = repo.facts().check(progress)?;
    let mut audit = HistoryCheck { repo, problems: Vec::new(), remarks: Vec::new(), versions: Vec::new(), refs: HashSet::new() };
    audit.problems.extend(checked.problems.iter().map(|fault| {
        let FactProblem { entry, object, kind, message } = fault.clone();
        AuditProblem { entry, object, kind, message }
    }));
    audit.remarks.extend(checked.left_over.iter().map(|id| {
        AuditProblem {
            entry: None,
            object: Some(format!("fact {id}")),
            kind: "fact-left-over",
            message: "not reachable from any entry: a command was interrupted, or an entry was removed before newer ones \
                  were added"
                .to_owned(),
        }
    }));
    audit.verdicts(&checked, progress)?;
    audit.versions(&checked, progress)?;
    audit.missing(&checked)?;
    Ok(AuditVerifyReport {
        is_valid: audit.problems.is_empty(),
        entries: (checked.facts.len() + audit.versions.len()) as u64,
        problems: audit.problems,
        remarks: audit.remarks,
    })
}

struct HistoryCheck<'a> {
    repo: &'a Repo,
    problems: Vec<AuditProblem>,
    remarks: Vec<AuditProblem>,
    /// The versions whose records are as they should be.
    versions: Vec<Version>,
    /// The versions that have refs.
    refs: HashSet<Id<VersionId>>,
}

/// A version that something names and that has no ref.
#[derive(Default)]
struct MissingRef {
    /// Its dataset and number, where they can be told.
    name: Option<(String, VersionNumber)>,
    /// The objects and refs that name it.
    named_by: Vec<String>,
    facts: u64,
}

fn ref_name(dataset: &str, number: &VersionNumber) -> String {
    format!("refs/versions/{dataset}/{number}")
}

impl HistoryCheck<'_> {
    fn problem(&mut self, entry: Option<String>, object: Option<String>, kind: &'static str, message: String) {
        self.problems.push(AuditProblem { entry, object, kind, message });
    }

    /// Every verdict that a fact names can be read.
    fn verdicts(&mut self, checked: &FactsCheck, progress: &dyn Progress) -> Result<()> {
        for (number, id, fact) in &checked.facts {
            let Statement::Validated { verdict, .. } = &fact.statement else { continue };
            progress.check()?;
            if let Err(why) = self.repo.verdict(*verdict) {
                let message = format!("{why}; fact {id} refers to it");
                self.problem(Some(entry_name(*number)), Some(format!("verdict {verdict}")), "verdict-damaged", message);
            }
        }
        Ok(())
    }

    /// Every ref of a version leads to the record of that version.
    fn versions(&mut self, checked: &FactsCheck, progress: &dyn Progress) -> Result<()> {
        let refs = self.repo.versions();
        for dataset in refs.datasets()? {
            for number in refs.numbers(&dataset)? {
                progress.check()?;
                let entry = Some(ref_name(&dataset, &number));
                let id = match refs.get(&dataset, &number) {
                    Ok(Some(id)) => id,
                    Ok(None) => continue,
                    Err(e) => {
                        self.problem(entry, None, "version-damaged", e.to_string());
                        continue;
                    }
                };
                self.refs.insert(id);
                let object = Some(format!("version {id}"));
                match self.repo.version(id) {
                    Ok(version) if version.dataset == dataset && version.number == number => self.versions.push(version),
                    Ok(version) => {
                        let message = format!("the ref points to {}@{}", version.dataset, version.number);
                        self.problem(entry, object, "version-mismatch", message);
                    }
                    Err(e) if e.kind() == ErrorKind::Interrupted => return Err(e),
                    Err(e) if checked.records.contains(&id) => self.problem(entry, object, "version-damaged", e.to_string()),
                    Err(_) => {
                        let message = format!("record {id} is missing from the store");
                        self.problem(entry, object, "version-damaged", message);
                    }
                }
            }
        }
        Ok(())
    }

    /// Every version that is named has a ref.
    fn missing(&mut self, checked: &FactsCheck) -> Result<()> {
        let mut missed: BTreeMap<Id<VersionId>, MissingRef> = BTreeMap::new();
        for version in &self.versions {
            for (n, parent) in version.parents.iter().enumerate().filter(|(_, parent)| !self.refs.contains(parent)) {
                let missed = missed.entry(*parent).or_default();
                missed.named_by.push(format!("it is the parent of {}@{}", version.dataset, version.number));
                let number = version.parent_number.clone().filter(|_| n == 0);
                missed.name = missed.name.take().or(number.map(|number| (version.dataset.clone(), number)));
            }
        }
        for (_, _, fact) in &checked.facts {
            if let Some(id) = fact.statement.version().filter(|id| !self.refs.contains(id)) {
                missed.entry(id).or_default().facts += 1;
            }
        }
        let layout = self.repo.store().layout();
        let declared = self.repo.config().datasets().map(|dataset| dataset.name.clone());
        let datasets: HashSet<String> = declared.chain(self.repo.versions().datasets()?).collect();
        for dataset in datasets {
            // A state that cannot be read is no part of the history; the verbs of the workspace tell of it.
            let head = Workspace::load(layout, &dataset).ok().and_then(|state| state.head);
            if let Some(head) = head.filter(|id| !self.refs.contains(id)) {
                missed.entry(head).or_default().named_by.push(format!("it is checked out in {dataset}"));
            }
        }
        for (id, missed) in missed {
            self.miss(id, missed, checked.records.contains(&id));
        }
        Ok(())
    }

    fn miss(&mut self, id: Id<VersionId>, missed: MissingRef, has_record: bool) {
        let MissingRef { name, mut named_by, facts } = missed;
        match facts {
            0 => {}
            1 => named_by.push("1 fact refers to it".to_owned()),
            _ => named_by.push(format!("{facts} facts refer to it")),
        }
        let object = Some(format!("version {id}"));
        if named_by.len() == 1 && facts > 0 && !has_record {
            let message = format!("{}, but it is not in this repository", named_by[0]);
            self.remarks.push(AuditProblem { entry: None, object, kind: "unknown-version", message });
            return;
        }
        let record = if has_record { self.repo.version(id).ok().map(|version| (version.dataset, version.number)) } else { None };
        let entry = record.or(name).map(|(dataset, number)| ref_name(&dataset, &number));
        if entry.is_some() && self.problems.iter().any(|problem| problem.entry == entry) {
            // The ref is there, and what is wrong with it is told.
            return;
        }
        let message = format!("the version has no ref, but {}", named_by.join(", and "));
        self.problem(entry, object, "version-ref-missing", message);
    }
}
