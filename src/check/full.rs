//! The check of everything that a repository holds.

use std::collections::{BTreeSet, HashMap};

use crate::check::contents::ContentsCheck;
use crate::check::refs::RefsCheck;
use crate::check::{Problem, Problems, contents, derived, facts, objects, packs, refs, tables};
use crate::error::Result;
use crate::progress::Progress;
use crate::repo::Repo;
use crate::store::read::Packs;
use crate::worktree::state::WorkspaceState;

/// The result of a check of everything.
#[derive(Debug)]
pub struct FullCheck {
    /// The damage.
    pub problems: Vec<Problem>,
    /// Observations that are no damage.
    pub remarks: Vec<Problem>,
    /// The versions and the records without refs.
    pub refs: RefsCheck,
    /// The files of the versions.
    pub contents: ContentsCheck,
    /// The packs that are damaged.
    pub damaged_packs: Packs,
    /// The number of packs.
    pub packs: u64,
    /// The number of objects of structure.
    pub objects: u64,
}

/// Checks packs, facts, refs, contents, objects, index tables, the states of workspaces and the other derived files.
///
/// # Errors
/// `ErrorKind::Interrupted`, or if this user may not read something.
pub fn check(repo: &Repo, progress: &dyn Progress) -> Result<FullCheck> {
    let (store, problems, remarks) = (repo.store(), Problems::default(), Problems::default());
    let packs = store.packs()?.len() as u64;
    tables::check(store, progress, &problems)?;
    let damaged_packs = packs::check_blocks(store, progress, &problems)?;
    let facts = facts::check(repo, progress, &problems, &remarks)?;
    let refs = refs::check(repo, &facts, progress, &problems, &remarks)?;
    let contents = contents::check(repo, &refs.versions, progress, &problems)?;
    let objects = objects::check(store, progress, &problems)?;
    check_workspaces(repo, &problems)?;
    derived::check(repo, progress, &problems)?;
    let mut problems = problems.into_list();
    add_versions_of_packs(&mut problems);
    Ok(FullCheck { problems, remarks: remarks.into_list(), refs, contents, damaged_packs, packs, objects })
}

fn check_workspaces(repo: &Repo, problems: &Problems) -> Result<()> {
    for dataset in repo.config().datasets() {
        match WorkspaceState::load(repo.store().layout(), &dataset.name) {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => {
                let hint = e.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
                let entry = format!("workspace/{}/state.json", dataset.name);
                problems.add(Problem::new("workspace-damaged", format!("{e}{hint}")).entry(entry));
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

/// Adds to the problem of a pack the versions that other problems in it affect.
fn add_versions_of_packs(problems: &mut [Problem]) {
    let mut affected: HashMap<String, BTreeSet<String>> = HashMap::new();
    for problem in problems.iter() {
        let Some(pack) = &problem.pack else { continue };
        affected.entry(pack.clone()).or_default().extend(problem.versions.iter().cloned());
    }
    for problem in problems.iter_mut().filter(|problem| problem.kind.starts_with("pack-")) {
        let versions = problem.pack.as_ref().and_then(|pack| affected.get(pack));
        problem.versions = versions.into_iter().flatten().cloned().collect();
    }
}
