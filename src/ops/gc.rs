//! `hlx gc`: removes what nothing reaches any more, and joins small packs.

use std::collections::HashSet;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::id::{FactId, Id, VersionId};
use crate::object::fact::Statement;
use crate::object::version::VersionNumber;
use crate::object::{Key, ObjectKind};
use crate::progress::Progress;
use crate::repo::Repo;
use crate::store::gc::{self, CollectOptions, RootSource, Roots};
use crate::worktree::state::WorkspaceState;

pub use crate::store::gc::CollectReport;

/// The time for which unreachable objects stay: a commit that was refused or interrupted finds them when it is repeated.
pub const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// A collection of garbage.
#[derive(Clone, Copy, Debug)]
pub struct GcOptions {
    /// True if nothing is changed.
    pub dry_run: bool,
    /// Unreachable objects stay in packs that are younger.
    pub grace: Duration,
    /// The level of zstd at which all packs are compressed anew that this makes shorter, if any.
    pub recompress: Option<i32>,
}

/// Removes what no version, fact or workspace leads to, rewrites packs of which most is unreachable, joins small ones, and
/// removes temporary files whose writers have ended.
///
/// # Errors
/// `ErrorKind::Damaged` if anything that is needed to tell what is reachable is missing or damaged; then nothing is removed.
pub fn run(repo: &Repo, options: &GcOptions, progress: &dyn Progress) -> Result<CollectReport> {
    let mut roots = RepoRoots { repo, refs: HashSet::new(), facts: HashSet::new(), is_first: true };
    let collect = CollectOptions {
        dry_run: options.dry_run,
        grace: options.grace,
        level: options.recompress.unwrap_or(repo.config().level()),
        recompress: options.recompress.is_some(),
    };
    let report = gc::collect(repo.store(), &mut roots, &collect, progress);
    let report = report.map_err(|e| match e.is_skippable() {
        true => e.within("nothing was removed").with_hint("list all damage: hlx verify --all"),
        false => e,
    })?;
    Ok(CollectReport { dry_run: options.dry_run, ..report })
}

/// The versions and facts of a repository, and the versions that its workspaces have.
struct RepoRoots<'a> {
    repo: &'a Repo,
    /// The refs that were read.
    refs: HashSet<(String, VersionNumber)>,
    /// The facts that were read.
    facts: HashSet<Id<FactId>>,
    is_first: bool,
}

impl RootSource for RepoRoots<'_> {
    fn next_roots(&mut self) -> Result<Roots> {
        let mut roots = Roots::default();
        self.versions(&mut roots)?;
        self.facts(&mut roots)?;
        self.workspaces(&mut roots)?;
        self.is_first = false;
        Ok(roots)
    }
}

impl RepoRoots<'_> {
    fn versions(&mut self, roots: &mut Roots) -> Result<()> {
        let refs = self.repo.versions();
        for dataset in refs.datasets()? {
            for number in refs.numbers(&dataset)? {
                let name = (dataset.clone(), number);
                if self.refs.contains(&name) {
                    continue;
                }
                let (dataset, number) = &name;
                let version = self.repo.store().numbered(dataset, number)?;
                let (id, _) = version.ok_or_else(|| Error::damaged(format!("ref {dataset}@{number} was removed meanwhile")))?;
                roots.versions.push(id);
                self.refs.insert(name);
            }
        }
        Ok(())
    }

    /// Facts are kept whether an entry leads to them or not: what is left of an entry that was removed shows that it was.
    fn facts(&mut self, roots: &mut Roots) -> Result<()> {
        let facts = self.repo.facts();
        let mut open: Vec<Id<FactId>> = facts.head()?.map(|(_, head)| head).into_iter().collect();
        if self.is_first {
            let rows = self.repo.store().tables();
            let rows = rows.rows().filter(|row| row.key.kind == ObjectKind::Fact);
            open.extend(rows.map(|row| Id::from_bytes(row.key.id)));
        }
        while let Some(id) = open.pop() {
            if !self.facts.insert(id) {
                continue;
            }
            let fact = facts.get(id)?;
            roots.objects.push(Key::from(id));
            if let Statement::Validated { verdict, .. } = fact.statement {
                roots.objects.push(Key::from(verdict));
            }
            // Facts may be joined whose versions are not here.
            roots.versions.extend(fact.statement.version().filter(|version| self.is_here(*version)));
            open.extend(fact.parents);
        }
        Ok(())
    }

    fn workspaces(&self, roots: &mut Roots) -> Result<()> {
        let layout = self.repo.store().layout();
        for dataset in layout.workspaces()? {
            let state = WorkspaceState::load(layout, &dataset)?;
            roots.versions.extend(state.head.into_iter().chain(state.pending));
        }
        Ok(())
    }

    fn is_here(&self, version: Id<VersionId>) -> bool {
        self.repo.facts().is_present(version)
    }
}
