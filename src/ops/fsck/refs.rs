//! Restores the refs of versions from the records in the packs.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Problem, packs};
use crate::error::Result;
use crate::id::{Id, VersionId};
use crate::object::version::VersionNumber;
use crate::object::{Key, ObjectKind};
use crate::progress::Progress;
use crate::repo::Repo;

/// A ref to create.
#[derive(Debug)]
pub(super) struct RefRepair {
    pub dataset: String,
    pub number: VersionNumber,
    pub id: Id<VersionId>,
}

/// The refs to create, and the versions that refs lead to and whose records cannot be read.
#[derive(Debug, Default)]
pub(super) struct RefPlan {
    pub refs: Vec<RefRepair>,
    pub unreadable: Vec<Id<VersionId>>,
}

/// Returns the refs that can be restored: exactly one record has the dataset and number, or the other repository says which.
///
/// # Errors
/// If the user interrupts it, or may not read something.
pub(super) fn plan(repo: &Repo, other: Option<&Repo>, problems: &[Problem], progress: &dyn Progress) -> Result<RefPlan> {
    let mut plan = RefPlan::default();
    let mut wanted: BTreeMap<(String, VersionNumber), Option<Id<VersionId>>> = BTreeMap::new();
    // The refs whose ids no pack seems to have.
    let mut unknown: BTreeMap<(String, VersionNumber), Id<VersionId>> = BTreeMap::new();
    let are_packs_whole = !problems.iter().any(|problem| matches!(problem.kind, "pack-damaged" | "pack-missing"));
    for problem in problems.iter().filter(|problem| problem.kind.starts_with("version-")) {
        let Some((dataset, number)) = problem.entry.as_deref().and_then(parse) else { continue };
        let is_record = |id: &Id<VersionId>| {
            repo.version(*id).is_ok_and(|version| (&version.dataset, &version.number) == (&dataset, &number))
        };
        match repo.versions().get(&dataset, &number) {
            Ok(Some(id)) if is_record(&id) => {}
            // The ref may well be right, and its record lost with a pack; if none is, the ref is damaged.
            Ok(Some(id)) if repo.version(id).is_err() => {
                plan.unreadable.push(id);
                if are_packs_whole {
                    unknown.insert((dataset.clone(), number.clone()), id);
                    wanted.insert((dataset, number), None);
                }
            }
            _ => {
                let named = Some(problem).filter(|problem| problem.kind == "version-ref-missing");
                let id = named.and_then(|problem| Id::from_hex(problem.object.as_deref()?.strip_prefix("version ")?));
                wanted.insert((dataset, number), id);
            }
        }
    }
    if wanted.is_empty() {
        return Ok(plan);
    }
    let (records, ids) = records(repo, &wanted, progress)?;
    for ((dataset, number), named) in wanted {
        let name = (dataset.clone(), number.clone());
        let own = records.get(&name).cloned().unwrap_or_default();
        if unknown.get(&name).is_some_and(|id| own.is_empty() || ids.contains(id)) {
            continue;
        }
        let others = other.and_then(|other| other.numbered(&dataset, &number).ok().flatten()).map(|(id, _)| id);
        let only = if own.len() <= 1 { own.first().copied() } else { None };
        let id = match (named, only, others) {
            (Some(named), only, others) if only.or(others) == Some(named) => named,
            (None, Some(only), None) => only,
            (None, Some(only), Some(others)) if only == others => only,
            (None, None, Some(others)) if own.is_empty() || own.contains(&others) => others,
            _ => continue,
        };
        plan.refs.push(RefRepair { dataset, number, id });
    }
    Ok(plan)
}

/// Records by their datasets and numbers.
type RecordsByName = BTreeMap<(String, VersionNumber), BTreeSet<Id<VersionId>>>;

/// Returns the records in the packs that have one of these datasets and numbers, and the ids of all records.
fn records(
    repo: &Repo,
    wanted: &BTreeMap<(String, VersionNumber), Option<Id<VersionId>>>,
    progress: &dyn Progress,
) -> Result<(RecordsByName, BTreeSet<Id<VersionId>>)> {
    let (mut records, mut ids): (BTreeMap<_, BTreeSet<_>>, _) = (BTreeMap::new(), BTreeSet::new());
    for Key { id, .. } in packs::keys(repo.store(), &[ObjectKind::Version], progress)? {
        progress.check()?;
        let id = Id::from_bytes(id);
        ids.insert(id);
        let Ok(version) = repo.version(id) else { continue };
        let name = (version.dataset, version.number);
        if wanted.contains_key(&name) {
            records.entry(name).or_default().insert(id);
        }
    }
    Ok((records, ids))
}

/// Reads the path of a ref in `.helox`.
fn parse(entry: &str) -> Option<(String, VersionNumber)> {
    let (dataset, number) = entry.strip_prefix("refs/versions/")?.split_once('/')?;
    Some((dataset.to_owned(), VersionNumber::parse(number).ok()?))
}
