//! Which packs are removed, and why.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::id::{Id, Pack};
use crate::limits;
use crate::pack::index::RowUsage;
use crate::pack::reader;
use crate::progress::Progress;
use crate::store::gc::marks::Marks;
use crate::store::gc::walk::MarkWalk;
use crate::store::read::Store;

/// Packs of fewer bytes are joined. Tests have smaller packs.
const SMALL: u64 = if cfg!(test) { 100 << 10 } else { 8 << 20 };

/// The reason for which a pack is removed. What is marked in it is copied to another pack before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RemovalReason {
    /// Nothing in it is reachable.
    Unreachable,
    /// Most of it is unreachable.
    MostlyDead,
    /// It is small.
    Small,
    /// It becomes shorter at another level of zstd.
    WeaklyCompressed,
}

/// A pack, and how much of it is marked.
#[derive(Clone, Debug)]
pub(super) struct PackUsage {
    pub path: PathBuf,
    /// Bytes of the file.
    pub size: u64,
    /// The time at which it was written, in nanoseconds since 1970.
    pub modified: i128,
    /// Objects that are marked and have no better place.
    marked: u64,
    /// Objects that are marked and have a better place.
    pub copies: u64,
    /// Objects that are not marked.
    unmarked: u64,
    raw: u64,
    marked_raw: u64,
    /// A bit for each depth of its blocks.
    depths: u16,
}

impl PackUsage {
    /// Counts an object of the pack. `is_best` if no other place of it is better.
    fn add(&mut self, usage: &RowUsage, is_marked: bool, is_best: bool) {
        self.raw += u64::from(usage.raw_len);
        self.depths |= 1 << usage.depth.min(limits::BLOCK_DEPTH);
        if !is_marked {
            self.unmarked += 1;
        } else if is_best {
            self.marked += 1;
            self.marked_raw += u64::from(usage.raw_len);
        } else {
            self.copies += 1;
        }
    }

    /// Returns the bytes that are not needed, by the lengths of the objects before compression.
    pub fn dead_bytes(&self) -> u64 {
        let dead = u128::from(self.size) * u128::from(self.raw - self.marked_raw);
        (dead / u128::from(self.raw.max(1))) as u64
    }
}

/// The packs of a store and those of them that are removed.
#[derive(Debug)]
pub(super) struct RemovalPlan {
    /// Every pack that the tables cover.
    pub packs: HashMap<Id<Pack>, PackUsage>,
    pub removed: BTreeMap<Id<Pack>, RemovalReason>,
    /// Packs that stay since they have unreachable objects that are too young.
    pub recent: HashSet<Id<Pack>>,
    /// Bytes of unreachable objects in packs that are too young.
    pub recent_bytes: u64,
}

impl RemovalPlan {
    /// Counts what is marked in each pack, and chooses those to remove. A pack with unreachable objects that was written
    /// after `until`, in nanoseconds since 1970, stays.
    pub fn new(store: &Store, marks: &Marks, until: i128) -> Result<RemovalPlan> {
        let packs = usage(store, marks)?;
        let mut plan = RemovalPlan { packs, removed: BTreeMap::new(), recent: HashSet::new(), recent_bytes: 0 };
        let mut small: HashMap<PathBuf, Vec<Id<Pack>>> = HashMap::new();
        for (id, pack) in &plan.packs {
            let reason = match () {
                () if pack.unmarked > 0 && pack.modified > until => {
                    plan.recent.insert(*id);
                    plan.recent_bytes += pack.dead_bytes();
                    None
                }
                () if pack.marked == 0 => Some(RemovalReason::Unreachable),
                () if pack.marked_raw < pack.raw / 2 => Some(RemovalReason::MostlyDead),
                () if pack.size < SMALL => {
                    small.entry(pack.path.parent().map(PathBuf::from).unwrap_or_default()).or_default().push(*id);
                    None
                }
                () => None,
            };
            plan.removed.extend(reason.map(|reason| (*id, reason)));
        }
        for ids in small.into_values().filter(|ids| ids.len() > 1) {
            plan.removed.extend(ids.into_iter().map(|id| (id, RemovalReason::Small)));
        }
        Ok(plan)
    }

    /// Returns the packs that are removed for a reason, and their bytes.
    pub fn count(&self, reason: RemovalReason) -> (u64, u64) {
        let ids = self.removed.iter().filter(|(_, own)| **own == reason).map(|(id, _)| id);
        ids.filter_map(|id| self.packs.get(id)).fold((0, 0), |(packs, bytes), pack| (packs + 1, bytes + pack.size))
    }

    /// Returns the dead bytes of the packs that are rewritten.
    pub fn dead_bytes(&self) -> u64 {
        let rewritten = self.removed.iter().filter(|(_, reason)| **reason != RemovalReason::Unreachable);
        rewritten.filter_map(|(id, _)| self.packs.get(id)).map(PackUsage::dead_bytes).sum()
    }

    /// Returns the packs to remove, the oldest first.
    pub fn in_order(&self) -> Vec<Id<Pack>> {
        let mut ids: Vec<_> = self.removed.keys().copied().collect();
        ids.sort_by_key(|id| (self.packs.get(id).map(|pack| pack.modified), *id));
        ids
    }

    /// Marks what the deltas that stay are compressed against: every delta of a pack that stays, whether it is marked or
    /// not, since a writer can rely on any object that the tables name; of the others the runs that are copied.
    ///
    /// # Errors
    /// `ErrorKind::Damaged` if a block cannot be read, or the base of a marked object is missing.
    pub fn mark_bases(&self, walk: &mut MarkWalk<'_>, progress: &dyn Progress) -> Result<()> {
        // A base lies less deep, so that all marks of a depth are set before its bases are.
        for depth in (1..=limits::BLOCK_DEPTH).rev() {
            for (id, pack) in self.packs.iter().filter(|(_, pack)| pack.depths & (1 << depth) != 0) {
                progress.check()?;
                let file = reader::open(&pack.path)?;
                let blocks = reader::read_toc(&pack.path)?;
                for block in blocks.iter().filter(|block| block.depth == depth) {
                    let mut objects = block.keys();
                    for run in reader::read_head(&file, &pack.path, block)?.runs {
                        let own = objects.by_ref().take(run.objects as usize);
                        let is_marked = own.fold(false, |any, (key, ..)| any | walk.marks.contains(&key));
                        if !is_marked && self.removed.contains_key(id) {
                            continue;
                        }
                        for base in &run.bases {
                            if walk.insert(base) && is_marked && walk.marks.tables().position(base).is_none() {
                                let path = pack.path.display();
                                return Err(Error::damaged(format!(
                                    "{base}, the base of a delta in {path}, is missing from the store"
                                )));
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// Counts what each pack has. Of several places of an object one counts: the one with the fewest deltas below it, then that
/// in the newest pack. An interrupted collection leaves copies, which are newer than what they were made from.
fn usage(store: &Store, marks: &Marks) -> Result<HashMap<Id<Pack>, PackUsage>> {
    let paths: HashMap<Id<Pack>, PathBuf> = store.packs()?.into_iter().collect();
    let mut ids: Vec<Id<Pack>> = marks.tables().packs().into_iter().collect();
    ids.sort();
    let unused = |id: &Id<Pack>| match paths.get(id) {
        Some(path) => unused(path.clone()),
        None => Err(Error::damaged(format!("pack {id} is missing"))),
    };
    let mut packs = ids.iter().map(unused).collect::<Result<Vec<PackUsage>>>()?;
    let number = |id| ids.binary_search(&id).unwrap_or_default();
    let tables: Vec<_> =
        marks.tables().tables().map(|(first, table)| (first, table, table.packs().map(number).collect::<Vec<usize>>())).collect();
    let mut places = Vec::new();
    marks.tables().by_object(|rows| {
        places.clear();
        for (table, row) in rows {
            let (_, table, numbers) = &tables[*table];
            let usage = table.usage(*row).and_then(|usage| Some((*numbers.get(usage.pack)?, usage)));
            places.push(usage.ok_or_else(|| Error::damaged("a row of an index table cannot be read").with_hint("hlx reindex"))?);
        }
        let is_marked = rows.first().is_some_and(|(table, row)| marks.has_row(tables[*table].0 + row));
        let best = match places.len() {
            1 => 0,
            _ => (0..places.len())
                .min_by_key(|n| (places[*n].1.depth, Reverse(packs[places[*n].0].modified), places[*n].0))
                .unwrap_or(0),
        };
        for (n, (number, usage)) in places.iter().enumerate() {
            packs[*number].add(usage, is_marked, n == best);
        }
        Ok(())
    })?;
    Ok(ids.into_iter().zip(packs).collect())
}

fn unused(path: PathBuf) -> Result<PackUsage> {
    let metadata = fs::symlink_metadata(&path).map_err(|e| Error::io("cannot read", &path, e))?;
    if !metadata.is_file() {
        return Err(Error::damaged(format!("pack {} is not a file", path.display())));
    }
    let modified = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    Ok(PackUsage { path, size: metadata.len(), modified, marked: 0, copies: 0, unmarked: 0, raw: 0, marked_raw: 0, depths: 0 })
}
