//! The collector of garbage: removes what no version, fact or workspace leads to, and joins small packs.
//!
//! Invariants: nothing is removed unless everything that the roots lead to was read. What is marked in a pack is in another
//! pack and in a durable table before the pack is removed. An object that the tables name after a collection can be read,
//! marked or not, since a writer relies on it: so the bases of every delta that stays are marked. `docs/formats/layout.md`
//! gives the order of steps and why a crash between any two leaves a whole store.
//!
//! Most of the work is done beside committers and readers. `gc.lock` is held alone only while what came meanwhile is marked
//! and the files are removed. The lock of the index tables keeps other collectors out for the whole time.

mod left_over;
mod marks;
mod plan;
mod recompress;
mod rewrite;
mod walk;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::fs::{atomic, lock};
use crate::id::{Id, Pack};
use crate::object::version::Version;
use crate::object::{Key, ObjectKind};
use crate::pack::merged::TableReplacement;
use crate::pack::reader;
use crate::progress::{Progress, Stage};
use crate::store::gc::left_over::LeftOver;
use crate::store::gc::plan::{RemovalPlan, RemovalReason};
use crate::store::gc::rewrite::PackCopier;
use crate::store::gc::walk::MarkWalk;
use crate::store::read::Store;

pub use walk::{RootSource, Roots};

/// The settings of a collection.
#[derive(Clone, Copy, Debug)]
pub struct CollectOptions {
    /// True if nothing is changed.
    pub dry_run: bool,
    /// Unreachable objects stay in packs that are younger.
    pub grace: Duration,
    /// The level of zstd for blocks that are compressed anew.
    pub level: i32,
    /// True if all packs that this level makes shorter are compressed anew.
    pub recompress: bool,
}

/// The result of a collection: the files that it removed, or would remove.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CollectReport {
    /// True if nothing was changed.
    pub dry_run: bool,
    /// Packs in which nothing was reachable.
    pub unreachable_packs: u64,
    /// Their bytes.
    pub unreachable_bytes: u64,
    /// Packs that were rewritten since most of them was unreachable.
    pub rewritten_packs: u64,
    /// Unreachable bytes in packs that were rewritten or joined.
    pub dead_bytes: u64,
    /// Small packs that were joined.
    pub joined_packs: u64,
    /// Their bytes.
    pub joined_bytes: u64,
    /// Packs that were compressed anew at a higher level.
    pub recompressed_packs: u64,
    /// Their bytes.
    pub recompressed_bytes: u64,
    /// The seconds for which they were expected to be compressed.
    pub estimated_seconds: u64,
    /// Unreachable bytes that are younger than the grace time.
    pub recent_bytes: u64,
    /// Temporary files and folders whose writers have ended.
    pub temporary_files: u64,
    /// Their bytes.
    pub temporary_bytes: u64,
    /// Bytes of the packs that were written.
    pub written_bytes: u64,
    /// Bytes of the files that were removed, less those that were written.
    pub freed_bytes: i64,
}

/// Removes what the roots do not lead to.
///
/// # Errors
/// If anything that the roots lead to is missing or cannot be read, or a pack is damaged. Then nothing is removed.
pub fn collect(
    store: &Arc<Store>,
    roots: &mut dyn RootSource,
    options: &CollectOptions,
    progress: &dyn Progress,
) -> Result<CollectReport> {
    let layout = store.layout();
    let until = atomic::present(&layout.tmp(), layout.root()) - options.grace.as_nanos() as i128;
    let _tables = if options.dry_run {
        None
    } else {
        atomic::ensure_folder(&layout.index())?;
        Some(lock::exclusive_while(&layout.index().join("lock"), || progress.check())?)
    };
    let mut collection = Collection::begin(store, roots, options, until, progress)?;
    let mut report = collection.report();
    if options.dry_run {
        let left = LeftOver::find(&layout.tmp())?;
        (report.temporary_files, report.temporary_bytes) = (left.count(), left.bytes);
        return Ok(report);
    }
    // First, since the disk may be full.
    let left = LeftOver::find(&layout.tmp())?;
    left.remove()?;
    if !collection.plan.removed.is_empty() {
        if options.recompress {
            progress.estimate(report.recompressed_packs, report.recompressed_bytes, collection.estimate);
        }
        match collection.copy(options) {
            Err(e) if e.is_disk_full() => {
                collection.give_up_copies(until)?;
                report = collection.report();
            }
            written => report.written_bytes = written?,
        }
    }
    if !collection.plan.removed.is_empty() {
        collection.confirm()?;
        report.freed_bytes = collection.sweep(roots)? as i64 - report.written_bytes as i64;
    }
    (report.temporary_files, report.temporary_bytes) = (left.count(), left.bytes);
    report.freed_bytes += left.bytes as i64;
    Ok(report)
}

/// A collection that has marked what the roots lead to.
struct Collection<'a> {
    store: &'a Arc<Store>,
    walk: MarkWalk<'a>,
    plan: RemovalPlan,
    /// The packs that were seen: those of the plan, those that came since, and the copies.
    known: HashSet<Id<Pack>>,
    /// The time for which packs are expected to be compressed anew.
    estimate: Duration,
    progress: &'a dyn Progress,
}

impl<'a> Collection<'a> {
    /// Marks, and plans what to remove.
    fn begin(
        store: &'a Arc<Store>,
        roots: &mut dyn RootSource,
        options: &CollectOptions,
        until: i128,
        progress: &'a dyn Progress,
    ) -> Result<Collection<'a>> {
        progress.begin(Stage::Mark, 0, 0);
        let first = roots.next_roots()?;
        // After the roots, so that what they lead to is in the tables.
        if !options.dry_run {
            let _writer = lock::shared(&store.layout().gc_lock())?;
            store.index_uncovered_packs()?;
        }
        if let Some(problem) = store.refresh()?.into_iter().next() {
            return Err(problem);
        }
        let mut walk = MarkWalk::new(store, store.tables(), progress);
        walk.mark(first)?;
        match walk.marks.mark_queued() {
            0 => {}
            1 => return Err(Error::damaged("a chunk is missing from the store")),
            missing => return Err(Error::damaged(format!("{missing} chunks are missing from the store"))),
        }
        check_lost_refs(store, &walk)?;
        let mut plan = RemovalPlan::new(store, &walk.marks, until)?;
        let estimate = match options.recompress {
            true => recompress::choose(store, &mut plan, options.level, progress)?,
            false => Duration::ZERO,
        };
        if !options.dry_run {
            for id in plan.removed.keys() {
                let path = plan.packs.get(id).map_or(Path::new(""), |pack| &pack.path);
                reader::check_name(id, path, || progress.check())?;
            }
        }
        plan.mark_bases(&mut walk, progress)?;
        let known = plan.packs.keys().copied().collect();
        Ok(Collection { store, walk, plan, known, estimate, progress })
    }

    fn report(&self) -> CollectReport {
        let (unreachable_packs, unreachable_bytes) = self.plan.count(RemovalReason::Unreachable);
        let (rewritten_packs, _) = self.plan.count(RemovalReason::MostlyDead);
        let (joined_packs, joined_bytes) = self.plan.count(RemovalReason::Small);
        let (recompressed_packs, recompressed_bytes) = self.plan.count(RemovalReason::WeaklyCompressed);
        CollectReport {
            unreachable_packs,
            unreachable_bytes,
            rewritten_packs,
            dead_bytes: self.plan.dead_bytes(),
            joined_packs,
            joined_bytes,
            recompressed_packs,
            recompressed_bytes,
            estimated_seconds: self.estimate.as_secs_f64().ceil() as u64,
            recent_bytes: self.plan.recent_bytes,
            ..CollectReport::default()
        }
    }

    /// Copies what is marked in the packs that will be removed. Returns the bytes of the new packs.
    fn copy(&mut self, options: &CollectOptions) -> Result<u64> {
        let ids: BTreeSet<Id<Pack>> = self.plan.removed.keys().copied().collect();
        let bytes = ids.iter().filter_map(|id| self.plan.packs.get(id)).map(|pack| pack.size).sum();
        self.progress.begin(Stage::Rewrite, ids.len() as u64, bytes);
        let mut copier = PackCopier::new(self.store, &self.walk.marks, &ids, options.level, options.recompress, self.progress)?;
        for id in self.plan.in_order() {
            if let Some(pack) = self.plan.packs.get(&id) {
                copier.copy(&id, &pack.path)?;
                self.progress.advance(1, 0);
            }
        }
        let written = copier.finish()?;
        // A pack of the same blocks has the same name.
        self.plan.removed.retain(|id, _| !written.contains(id));
        self.known.extend(&written);
        let new = self.store.packs()?.into_iter().filter(|(id, _)| written.contains(id));
        new.map(|(_, path)| path.metadata().map(|file| file.len()).map_err(|e| Error::io("cannot read", &path, e))).sum()
    }

    /// Keeps every pack of which something would be copied: the disk is full.
    fn give_up_copies(&mut self, until: i128) -> Result<()> {
        loop {
            let mut plan = RemovalPlan::new(self.store, &self.walk.marks, until)?;
            // The better place of a copy was not read, so a pack with copies stays too.
            let has_copies = |id: &Id<Pack>| plan.packs.get(id).is_none_or(|pack| pack.copies > 0);
            plan.removed.retain(|id, reason| {
                *reason == RemovalReason::Unreachable && self.plan.removed.contains_key(id) && !has_copies(id)
            });
            let is_last = plan.removed.len() == self.plan.removed.len();
            // More packs stay, whose deltas may need what no version needs.
            plan.mark_bases(&mut self.walk, self.progress)?;
            self.plan = plan;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Fails unless every marked object of the packs that will be removed, by their own tables of contents, is in a pack
    /// that stays.
    fn confirm(&self) -> Result<()> {
        let tables = self.store.tables();
        for pack in self.plan.removed.keys().filter_map(|id| self.plan.packs.get(id)) {
            self.progress.check()?;
            for (key, ..) in reader::read_toc(&pack.path)?.iter().flat_map(|block| block.keys()) {
                let stays = |key: &Key| tables.find(key).iter().any(|row| !self.plan.removed.contains_key(&row.pack));
                if self.walk.marks.contains(&key) && !stays(&key) {
                    return Err(Error::damaged(format!("an index table does not match pack {}", pack.path.display()))
                        .with_hint("rebuild the tables: hlx reindex"));
                }
            }
        }
        Ok(())
    }

    /// Removes the packs, but for those that something reaches since. Returns their bytes.
    fn sweep(&mut self, roots: &mut dyn RootSource) -> Result<u64> {
        let layout = self.store.layout();
        self.catch_up(roots)?;
        let removed = self.plan.removed.keys().copied().collect();
        let tables = TableReplacement::without(&layout.index(), &layout.tmp(), &removed)?;
        let _alone = lock::exclusive_while(&layout.gc_lock(), || self.progress.check())?;
        self.catch_up(roots)?;
        // Before the packs: a table that names a removed pack is not used, and would have to be made anew.
        tables.publish(&layout.index())?;
        let mut bytes = 0;
        for pack in self.plan.removed.keys().filter_map(|id| self.plan.packs.get(id)) {
            atomic::remove_file(&pack.path)?;
            bytes += pack.size;
        }
        for kind in [ObjectKind::Chunk, ObjectKind::Node] {
            atomic::sync_folder(&layout.packs(kind))?;
        }
        self.store.index_uncovered_packs()?;
        Ok(bytes)
    }

    /// Marks what came since the last time, and keeps the packs that it needs.
    fn catch_up(&mut self, roots: &mut dyn RootSource) -> Result<()> {
        self.walk.late.get_or_insert_default();
        let new = roots.next_roots()?;
        self.store.index_uncovered_packs()?;
        self.walk.mark(new)?;
        for (id, path) in self.store.packs()? {
            if self.known.insert(id) {
                self.mark_bases_of(&path)?;
            }
        }
        while let Some(key) = self.walk.late.as_mut().and_then(Vec::pop) {
            for row in self.walk.marks.tables().find(&key) {
                if self.plan.removed.remove(&row.pack).is_some()
                    && let Some(pack) = self.plan.packs.get(&row.pack)
                {
                    let path = pack.path.clone();
                    self.mark_bases_of(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Marks the bases of all deltas of a pack.
    fn mark_bases_of(&mut self, path: &Path) -> Result<()> {
        let file = reader::open(path)?;
        for block in reader::read_toc(path)?.iter().filter(|block| block.depth > 0) {
            for base in reader::read_head(&file, path, block)?.runs.iter().flat_map(|run| &run.bases) {
                self.walk.insert(base);
            }
        }
        Ok(())
    }
}

/// Fails if a version that nothing leads to is the parent of another such version: then it had a ref, which is lost. One whose
/// ref is there came after the roots were listed.
fn check_lost_refs(store: &Store, walk: &MarkWalk<'_>) -> Result<()> {
    let mut dead = HashSet::new();
    for (first, table) in walk.marks.tables().tables() {
        let is_dead =
            |n: &usize| table.prefix(*n).is_some_and(|(_, kind)| kind == ObjectKind::Version) && !walk.marks.has_row(first + n);
        dead.extend((0..table.len()).filter(is_dead).filter_map(|n| table.row(n)).map(|row| row.key));
    }
    for key in &dead {
        let version = store.version(Id::from_bytes(key.id))?;
        for parent in version.parents.iter().filter(|parent| dead.contains(&Key::from(**parent))) {
            let Version { dataset, number, .. } = store.version(*parent)?;
            if store.refs().get(&dataset, &number)? != Some(*parent) {
                return Err(Error::damaged(format!(
                    "no ref leads to {}, nor to its parent, {}: refs are missing in {}",
                    version.name(),
                    Key::from(*parent),
                    store.refs().folder(&version.dataset).display()
                )));
            }
        }
    }
    Ok(())
}
