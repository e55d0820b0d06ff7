//! The steps of a repair.
//!
//! Good objects of damaged packs, and lost ones from elsewhere, are stored first and are durable before anything else
//! happens. Then refs are created, damaged files move to quarantine, and the tables and the catalog are built anew. The lock
//! of garbage collection is held alone while packs move, so that no writer relies on one that goes.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::check::full::FullCheck;
use crate::check::{Problem, packs};
use crate::error::{ErrorKind, Result, counted};
use crate::fs::{atomic, lock};
use crate::id::{Id, NodeId, Pack, VersionId};
use crate::object::{Key, ObjectKind};
use crate::ops::fsck::contents::ContentRestorer;
use crate::ops::fsck::entries::{self, EntryRepair};
use crate::ops::fsck::refs::{self, RefPlan, RefRepair};
use crate::ops::fsck::sources::{Sources, put};
use crate::pack::index::IndexRow;
use crate::pack::{reader, writer};
use crate::progress::Progress;
use crate::repo::Repo;
use crate::store::{Store, Writer};

/// The level of zstd for objects that are stored again.
const LEVEL: i32 = 3;

/// A repair of what a check found.
pub(super) struct Repair<'a> {
    repo: &'a Repo,
    other: Option<&'a Repo>,
    check: &'a FullCheck,
    progress: &'a dyn Progress,
    refs: RefPlan,
    entries: Vec<EntryRepair>,
    /// The repairs that were made, for people.
    done: Vec<String>,
}

impl<'a> Repair<'a> {
    /// Plans the repair.
    pub fn new(repo: &'a Repo, other: Option<&'a Repo>, check: &'a FullCheck, progress: &'a dyn Progress) -> Result<Repair<'a>> {
        // Where the facts lie now says where entries were.
        let entries = entries::plan(repo, other, &check.problems);
        let refs = refs::plan(repo, other, &check.problems, progress)?;
        Ok(Repair { repo, other, check, progress, refs, entries, done: Vec::new() })
    }

    /// Runs it. Returns the repairs that were made.
    pub fn run(mut self) -> Result<Vec<String>> {
        let salvaged = self.salvage_objects()?;
        self.restore_objects(&salvaged)?;
        self.restore_refs()?;
        self.restore_entries()?;
        self.quarantine_states()?;
        self.quarantine_packs()?;
        self.repo.store().exclude([])?;
        let kinds = ["index-damaged", "pack-damaged", "pack-missing"];
        if self.check.problems.iter().any(|problem| kinds.contains(&problem.kind)) {
            let rebuilt = self.repo.store().rebuild_tables(self.progress)?;
            self.done.push(format!("rebuilt the index tables from {}", counted(rebuilt.packs, "pack")));
        }
        let was_damaged = self.check.problems.iter().any(|problem| problem.kind == "catalog-damaged");
        match self.repo.catalog().rebuild(self.progress) {
            Ok(()) => self.done.extend(was_damaged.then(|| "rebuilt the catalog".to_owned())),
            // Another process has it open, and keeps it up to date.
            Err(e) if e.kind() == ErrorKind::Conflict => {}
            Err(e) if was_damaged || e.kind() == ErrorKind::Interrupted => return Err(e),
            // It cannot be written now, and every command does without it.
            Err(_) => {}
        }
        Ok(self.done)
    }

    /// Stores the good objects of damaged packs again, which are durable then. Returns the nodes of manifests among them.
    fn salvage_objects(&mut self) -> Result<HashSet<Id<NodeId>>> {
        let (store, mut nodes) = (self.repo.store(), HashSet::new());
        if self.check.damaged_packs.is_empty() {
            return Ok(nodes);
        }
        // A store of its own still finds the damaged packs.
        let salvage = Store::open(store.layout().clone())?;
        let rows = self.salvage_rows(&salvage)?;
        store.exclude(self.check.damaged_packs.iter().map(|(id, _)| *id))?;
        let mut writer = Writer::new(store, LEVEL)?;
        for ((_, path), rows) in self.check.damaged_packs.iter().zip(rows) {
            let (all, mut good) = (rows.len() as u64, 0);
            for row in rows {
                self.progress.check()?;
                match salvage.read(&row, true) {
                    Err(e) if e.kind() == ErrorKind::Interrupted => return Err(e),
                    Err(_) => {}
                    Ok(object) => {
                        good += u64::from(put(&mut writer, row.key, &object)?.is_some());
                        nodes.extend(Some(row.key).filter(|key| key.kind == ObjectKind::Node).map(|key| Id::from_bytes(key.id)));
                    }
                }
            }
            if all > 0 {
                self.done.push(format!("salvaged {good} of {} of pack {}", counted(all, "object"), path.display()));
            }
        }
        drop(writer.finish()?);
        // Where all objects of a pack were stored again alike, the new pack has its name, and took its place.
        let is_damaged = |(id, path): &&(Id<Pack>, PathBuf)| packs::check_hash(*id, path, self.progress).is_err();
        store.exclude(self.check.damaged_packs.iter().filter(is_damaged).map(|(id, _)| *id))?;
        Ok(nodes)
    }

    /// Stores lost objects from the other repository and the workspaces.
    fn restore_objects(&mut self, salvaged: &HashSet<Id<NodeId>>) -> Result<()> {
        let mut writer = Writer::new(self.repo.store(), LEVEL)?;
        let sources = Sources::new(self.repo.store(), self.other.map(|other| &**other.store()));
        let damaged = &self.check.contents.damaged;
        let mut restorer = ContentRestorer::new(self.repo, sources, &mut writer, damaged, salvaged, self.progress);
        for problem in &self.check.problems {
            let key = problem.object.as_deref().and_then(Key::parse);
            key.map_or(Ok(()), |key| restorer.object(key))?;
        }
        let versions: HashSet<Id<VersionId>> = self.versions().collect();
        versions.into_iter().try_for_each(|id| restorer.version(id))?;
        let found = restorer.search_workspaces()?;
        let copied = restorer.sources.copied;
        drop(writer.finish()?);
        if let Some(other) = self.other.filter(|_| copied > 0) {
            self.done.push(format!("copied {} from {}", counted(copied, "object"), other.root().display()));
        }
        if found > 0 {
            self.done.push(format!("restored {} from the files of the workspace", counted(found, "object")));
        }
        Ok(())
    }

    /// Returns the versions of which something may be missing.
    fn versions(&self) -> impl Iterator<Item = Id<VersionId>> + '_ {
        let affected: HashSet<&str> =
            self.check.problems.iter().flat_map(|problem| &problem.versions).map(String::as_str).collect();
        let named = self.check.refs.versions.iter().filter(move |version| affected.contains(&*version.name));
        let refs = self.refs.refs.iter().map(|repair| repair.id);
        named.map(|version| version.id).chain(refs).chain(self.refs.unreadable.iter().copied())
    }

    /// Returns the rows of the objects of each damaged pack: by its table of contents, or by its blocks where that is
    /// damaged.
    fn salvage_rows(&self, salvage: &Store) -> Result<Vec<Vec<IndexRow>>> {
        let damaged = &self.check.damaged_packs;
        let (mut known, mut unknown): (HashMap<Id<Pack>, Vec<IndexRow>>, _) = (HashMap::new(), Vec::new());
        for (id, path) in damaged {
            match reader::read_toc(path) {
                Ok(blocks) => drop(known.insert(*id, writer::rows(id, &blocks))),
                // A folder or a pipe has no blocks.
                Err(_) if path.is_file() => unknown.push((*id, path.clone())),
                Err(_) => {}
            }
        }
        let rows = salvage.salvage_rows(&unknown, self.progress)?;
        known.extend(unknown.iter().map(|(id, _)| *id).zip(rows));
        Ok(damaged.iter().map(|(id, _)| known.remove(id).unwrap_or_default()).collect())
    }

    fn restore_refs(&mut self) -> Result<()> {
        let refs = self.repo.versions();
        for RefRepair { dataset, number, id } in std::mem::take(&mut self.refs.refs) {
            let is_record =
                |id| self.repo.version(id).is_ok_and(|version| version.dataset == dataset && version.number == number);
            // A ref must not lead to nothing. One whose own record was restored is right.
            if !is_record(id) || refs.get(&dataset, &number).is_ok_and(|now| now.is_some_and(is_record)) {
                continue;
            }
            self.quarantine_ref(refs.folder(&dataset), &number.to_string())?;
            refs.create(&dataset, &number, id)?;
            self.done.push(format!("restored the ref of {dataset}@{number}"));
        }
        Ok(())
    }

    fn restore_entries(&mut self) -> Result<()> {
        let facts = self.repo.facts();
        for EntryRepair { number, id } in std::mem::take(&mut self.entries) {
            if facts.get(id).is_err() {
                continue;
            }
            self.quarantine_ref(facts.folder(), &format!("{number:010}"))?;
            facts.restore_entry(number, id)?;
            self.done.push(format!("restored refs/facts/{number:010}"));
        }
        Ok(())
    }

    /// Moves damaged states of workspaces away: a checkout writes them anew. So do other commands with what is derived.
    fn quarantine_states(&mut self) -> Result<()> {
        for Problem { kind, entry, .. } in &self.check.problems {
            let Some(entry) = entry else { continue };
            let path = self.repo.store().layout().root().join(entry);
            match *kind {
                "workspace-damaged" => {
                    let dataset = entry.split('/').nth(1).unwrap_or_default();
                    let hint = format!("check out the version of the files: hlx checkout {dataset}@REV");
                    self.done.push(format!("moved {entry} to quarantine; {hint}"));
                }
                "evaluation-damaged" | "stat-cache-damaged" => self.done.push(format!("moved {entry} to quarantine")),
                // The folder itself stays, with its lock.
                "catalog-damaged" if path.is_dir() => continue,
                "catalog-damaged" => self.done.push(format!("moved {entry} to quarantine")),
                _ => continue,
            }
            self.quarantine(&path)?;
        }
        Ok(())
    }

    fn quarantine_packs(&mut self) -> Result<()> {
        if self.check.damaged_packs.is_empty() {
            return Ok(());
        }
        let _alone = lock::exclusive(&self.repo.store().layout().gc_lock())?;
        for (id, path) in &self.check.damaged_packs {
            if packs::check_hash(*id, path, self.progress).is_ok() {
                continue;
            }
            self.quarantine(path)?;
            self.done.push(format!("moved pack {id} to {}", self.repo.store().layout().quarantine().display()));
        }
        Ok(())
    }

    /// Moves away what is in the place of a ref, or of the folder of refs.
    fn quarantine_ref(&mut self, folder: PathBuf, name: &str) -> Result<()> {
        if folder.is_dir() || folder.symlink_metadata().is_err() {
            return self.quarantine(&folder.join(name));
        }
        self.done.push(format!("moved {} to quarantine, which was not a folder", folder.display()));
        self.quarantine(&folder)
    }

    /// Moves a file of `.helox` to the same place in quarantine, if it is there.
    fn quarantine(&self, path: &Path) -> Result<()> {
        let layout = self.repo.store().layout();
        if path.symlink_metadata().is_err() {
            return Ok(());
        }
        let mut to = layout.quarantine().join(path.strip_prefix(layout.root()).unwrap_or(path));
        if to.symlink_metadata().is_ok() {
            let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
            to.set_file_name(format!("{name}.{}", atomic::unique_name()));
        }
        atomic::move_file(path, &to)
    }
}
