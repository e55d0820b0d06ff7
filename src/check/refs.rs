//! The refs of versions: each leads to the record of its version, and every version that something refers to has one.
//!
//! A version without a ref is missed where a child, a fact, a workspace or the mark of the newest version refers to it. A fact may refer to a version that
//! this repository never had, since facts are joined and versions are fetched apart: if the store has no record of it, that
//! is a remark. So is a record that nothing refers to: a commit was interrupted before its last step, or its ref was removed.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::check::facts::FactsCheck;
use crate::check::{Problem, Problems};
use crate::error::{ErrorKind, Result};
use crate::id::{Id, VersionId};
use crate::object::version::{Version, VersionNumber};
use crate::path::printable;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::worktree::state::WorkspaceState;

/// A version whose ref leads to its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedVersion {
    /// `DATASET@NUMBER`.
    pub name: String,
    /// The version.
    pub id: Id<VersionId>,
}

impl CheckedVersion {
    /// Returns the version of a record.
    pub fn of(version: &Version) -> CheckedVersion {
        CheckedVersion { name: version.name(), id: version.id() }
    }
}

/// A version record without a ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlistedVersion {
    /// The dataset of its record.
    pub dataset: String,
    /// The number of its record.
    pub number: VersionNumber,
    /// The version.
    pub id: Id<VersionId>,
    /// True if something refers to it: its ref was removed.
    pub is_missed: bool,
}

/// The result of a check of the refs.
#[derive(Debug, Default)]
pub struct RefsCheck {
    /// The versions whose refs lead to their records.
    pub versions: Vec<CheckedVersion>,
    /// The records that no ref leads to, without those whose number another version has.
    pub unlisted: Vec<UnlistedVersion>,
}

/// Checks every ref of a version and every record without a ref.
///
/// # Errors
/// `ErrorKind::Interrupted`, or if this user may not read something.
pub fn check(
    repo: &Repo,
    facts: &FactsCheck,
    progress: &dyn Progress,
    problems: &Problems,
    remarks: &Problems,
) -> Result<RefsCheck> {
    let mut check =
        RefChecker { repo, problems, remarks, found: RefsCheck::default(), refs: HashSet::new(), missed: BTreeMap::new() };
    check.versions(facts, progress)?;
    check.missed_by_facts(facts);
    check.missed_by_workspaces()?;
    check.missed_by_marks();
    let mut unlisted = check.records(facts, progress)?;
    check.name_missed(facts, &mut unlisted);
    check.found.unlisted = unlisted;
    Ok(check.found)
}

struct RefChecker<'a> {
    repo: &'a Repo,
    problems: &'a Problems,
    remarks: &'a Problems,
    found: RefsCheck,
    /// The versions that have refs.
    refs: HashSet<Id<VersionId>>,
    missed: BTreeMap<Id<VersionId>, MissingRef>,
}

/// A version that something refers to and that has no ref.
#[derive(Default)]
struct MissingRef {
    /// Its dataset and number, where they are known.
    name: Option<(String, VersionNumber)>,
    /// The objects and refs that refer to it.
    named_by: Vec<String>,
    facts: u64,
}

/// A version as its child names it.
struct ParentLink {
    id: Id<VersionId>,
    /// The child, `DATASET@NUMBER`.
    child: String,
    /// Its dataset and number, where the child gives them.
    name: Option<(String, VersionNumber)>,
}

fn ref_name(dataset: &str, number: &VersionNumber) -> String {
    format!("refs/versions/{dataset}/{number}")
}

impl RefChecker<'_> {
    /// Every ref of a version leads to the record of that version.
    fn versions(&mut self, facts: &FactsCheck, progress: &dyn Progress) -> Result<()> {
        let refs = self.repo.versions();
        let mut parents = Vec::new();
        let datasets = match refs.datasets() {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => {
                self.problems.add(Problem::new("version-damaged", e.to_string()).entry("refs/versions"));
                return Ok(());
            }
            datasets => datasets?,
        };
        for dataset in datasets {
            let numbers = match refs.numbers(&dataset) {
                Err(e) if e.ends_check() => return Err(e),
                Err(e) => {
                    self.problems.add(Problem::new("version-damaged", e.to_string()).entry(format!("refs/versions/{dataset}")));
                    continue;
                }
                numbers => numbers?,
            };
            for number in numbers {
                progress.check()?;
                let problem = match refs.get(&dataset, &number) {
                    Ok(None) => continue,
                    Ok(Some(id)) => match self.record(&dataset, &number, id, facts, &mut parents)? {
                        Some(problem) => problem.object(format!("version {id}")),
                        None => continue,
                    },
                    Err(e) if e.ends_check() => return Err(e),
                    Err(e) => Problem::new("version-damaged", e.to_string()),
                };
                self.problems.add(problem.entry(ref_name(&dataset, &number)).version(format!("{dataset}@{number}")));
            }
        }
        for ParentLink { id, child, name } in parents.into_iter().filter(|parent| !self.refs.contains(&parent.id)) {
            let missed = self.missed.entry(id).or_default();
            missed.named_by.push(format!("it is the parent of {child}"));
            missed.name = missed.name.take().or(name);
        }
        Ok(())
    }

    /// Reads the record that a ref leads to, and adds the parents of the version. Returns what is wrong.
    fn record(
        &mut self,
        dataset: &str,
        number: &VersionNumber,
        id: Id<VersionId>,
        facts: &FactsCheck,
        parents: &mut Vec<ParentLink>,
    ) -> Result<Option<Problem>> {
        self.refs.insert(id);
        match self.repo.version(id) {
            Ok(version) if version.dataset == dataset && version.number == *number => {
                let name = |n| version.parent_number.clone().filter(|_| n == 0).map(|number| (dataset.to_owned(), number));
                let link = |(n, id): (usize, &Id<VersionId>)| ParentLink { id: *id, child: version.name(), name: name(n) };
                parents.extend(version.parents.iter().enumerate().map(link));
                self.found.versions.push(CheckedVersion { name: version.name(), id });
                Ok(None)
            }
            Ok(version) => {
                let message = format!("the ref points to {}@{}", version.dataset, version.number);
                Ok(Some(Problem::new("version-mismatch", message)))
            }
            Err(e) if e.ends_check() => Err(e),
            Err(e) if facts.records.contains(&id) => Ok(Some(Problem::new("version-damaged", e.to_string()))),
            Err(_) => Ok(Some(Problem::new("version-damaged", format!("record {id} is missing from the store")))),
        }
    }

    fn missed_by_facts(&mut self, facts: &FactsCheck) {
        let versions = facts.facts.iter().filter_map(|(_, _, fact)| fact.statement.version());
        for id in versions.filter(|id| !self.refs.contains(id)) {
            self.missed.entry(id).or_default().facts += 1;
        }
    }

    fn missed_by_workspaces(&mut self) -> Result<()> {
        let layout = self.repo.store().layout();
        let declared = self.repo.config().datasets().map(|dataset| dataset.name.clone());
        let datasets: HashSet<String> = declared.chain(self.repo.versions().datasets().unwrap_or_default()).collect();
        for dataset in datasets {
            // A state that cannot be read is no part of the history; the verbs of the workspace report it.
            let head = WorkspaceState::load(layout, &dataset).ok().and_then(|state| state.head);
            if let Some(head) = head.filter(|id| !self.refs.contains(id)) {
                self.missed.entry(head).or_default().named_by.push(format!("it is checked out in {dataset}"));
            }
        }
        Ok(())
    }

    /// The version whose ref was created last in each dataset has one.
    fn missed_by_marks(&mut self) {
        let refs = self.repo.versions();
        // A ref that was created meanwhile is not among those that were read.
        let has_ref = |id| {
            let version = self.repo.version(id).ok();
            version.is_some_and(|version| refs.get(&version.dataset, &version.number).is_ok_and(|found| found == Some(id)))
        };
        for (dataset, id) in refs.newest().into_iter().filter(|(_, id)| !self.refs.contains(id) && !has_ref(*id)) {
            let reason = format!("refs/newest-version/{} names it as the newest", printable(&dataset));
            self.missed.entry(id).or_default().named_by.push(reason);
        }
    }

    /// Reads the records that no ref leads to. Of a dataset without any ref, of which one is missed, all are.
    fn records(&mut self, facts: &FactsCheck, progress: &dyn Progress) -> Result<Vec<UnlistedVersion>> {
        let (refs, mut unlisted) = (self.repo.versions(), Vec::new());
        let mut records: Vec<_> = facts.records.iter().filter(|id| !self.refs.contains(id)).collect();
        records.sort();
        for id in records {
            progress.check()?;
            let (dataset, number) = match self.repo.version(*id) {
                Ok(version) => (version.dataset, version.number),
                Err(e) if e.kind() == ErrorKind::Interrupted => return Err(e),
                // Where it matters, the pack that holds it is named.
                Err(_) => continue,
            };
            // A commit that lost the race for its number took the next one.
            if matches!(refs.get(&dataset, &number), Ok(None)) {
                unlisted.push(UnlistedVersion { dataset, number, id: *id, is_missed: false });
            }
        }
        let is_missed = |missed: &BTreeMap<_, _>, one: &UnlistedVersion| missed.contains_key(&one.id);
        let mut empty: HashMap<String, bool> = HashMap::new();
        for one in unlisted.iter().filter(|one| is_missed(&self.missed, one)) {
            empty.insert(one.dataset.clone(), refs.numbers(&one.dataset).is_ok_and(|numbers| numbers.is_empty()));
        }
        for one in &unlisted {
            if empty.get(&one.dataset) == Some(&true) && !is_missed(&self.missed, one) {
                let reason = format!("all refs of {} are missing", printable(&one.dataset));
                self.missed.entry(one.id).or_default().named_by.push(reason);
            }
        }
        Ok(unlisted)
    }

    /// Names the versions that something refers to, and remarks the records that nothing refers to.
    fn name_missed(&mut self, facts: &FactsCheck, unlisted: &mut [UnlistedVersion]) {
        let known: HashMap<Id<VersionId>, usize> = unlisted.iter().enumerate().map(|(n, one)| (one.id, n)).collect();
        for (id, missed) in std::mem::take(&mut self.missed) {
            let record = known.get(&id).map(|n| &mut unlisted[*n]);
            let name = record.map(|record| {
                record.is_missed = true;
                (record.dataset.clone(), record.number.clone())
            });
            self.miss(id, name, missed, facts.records.contains(&id));
        }
        for one in unlisted.iter().filter(|one| !one.is_missed) {
            let name = format!("{}@{}", one.dataset, one.number);
            let message =
                format!("{name} has a record but no ref: a commit was interrupted before its last step, or its ref was removed");
            self.remarks.add(Problem::new("version-unlisted", message).object(format!("version {}", one.id)));
        }
    }

    fn miss(&self, id: Id<VersionId>, name: Option<(String, VersionNumber)>, missed: MissingRef, has_record: bool) {
        let MissingRef { name: known, mut named_by, facts } = missed;
        match facts {
            0 => {}
            1 => named_by.push("1 fact refers to it".to_owned()),
            _ => named_by.push(format!("{facts} facts refer to it")),
        }
        let object = format!("version {id}");
        if named_by.len() == 1 && facts > 0 && !has_record {
            let message = format!("{}, but it is not in this repository", named_by[0]);
            self.remarks.add(Problem::new("unknown-version", message).object(object));
            return;
        }
        let message = format!("the version has no ref, but {}", named_by.join(", and "));
        let problem = Problem::new("version-ref-missing", message).object(object);
        let record = || self.repo.version(id).ok().map(|version| (version.dataset, version.number));
        let name = name.or_else(|| if has_record { record() } else { None }).or(known);
        let Some((dataset, number)) = name else { return self.problems.add(problem) };
        let entry = ref_name(&dataset, &number);
        // If the ref exists, its own problem is known.
        if !self.problems.has_entry(&entry) {
            self.problems.add(problem.entry(entry).version(format!("{dataset}@{number}")));
        }
    }
}
