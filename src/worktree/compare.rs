//! What differs between the workspace and a version.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::fs::beneath::{Root, Stat};
use crate::id::{Content, Id, Node};
use crate::manifest::{Change, Entries};
use crate::object::node::{Entry, EntryKind};
use crate::parallel;
use crate::progress::Progress;
use crate::store::Store;
use crate::worktree::cache::{self, Row, entry_kind};
use crate::worktree::hash;
use crate::worktree::scan::{Scan, Seen};
use crate::worktree::selection::Selection;
use crate::worktree::state;

/// An entry that differs.
pub type Difference = Change;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What differs, in the order of the paths, less what was renamed.
    pub differences: Vec<Difference>,
    /// Entries whose content, which is not empty, has another path now: old and new, paired in the order of the paths.
    pub renamed: Vec<(Entry, Entry)>,
    /// Files outside the selection.
    pub outside: Vec<String>,
}

/// Files of a batch that is hashed at once.
const BATCH: usize = 64;

/// Compares the workspace of a dataset with a manifest. Reads only files whose stamps do not vouch for them, and of those
/// only what could be equal; what it learns goes to the stat cache.
pub fn workspace(
    store: &Store,
    folder: &Path,
    dataset: &str,
    manifest: Option<Id<Node>>,
    selection: Option<&Selection>,
    progress: &dyn Progress,
) -> Result<Found> {
    let layout = store.layout();
    let began = clock::nanos_now();
    let selection = selection.map(Selection::matcher).transpose()?;
    let root = Root::open(folder).map_err(|e| match folder.exists() {
        true => e,
        false => Error::new(Kind::PathNotFound, format!("the folder {} of '{dataset}' does not exist", folder.display()))
            .with_hint("create it, or check out a version"),
    })?;
    let scan = Scan::new(&root, cache::Reader::open(&cache::path(layout, dataset)))?;
    let mut old = manifest.map(|m| Entries::new(store, m)).transpose()?.into_iter().flatten().peekable();
    let mut sides = Sides::default();
    let mut learned = 0usize;
    for seen in scan {
        progress.check()?;
        let seen = seen?;
        let selects = |path: &str| selection.as_ref().is_none_or(|s| s.selects(path));
        if !selects(seen.path().as_str()) {
            sides.outside.push(seen.path().to_string());
            continue;
        }
        let mut before = None;
        while let Some(entry) = old.next_if(|e| e.as_ref().map_or(true, |e| e.path <= *seen.path())) {
            let entry = entry?;
            if entry.path == *seen.path() {
                before = Some(entry);
            } else if selects(entry.path.as_str()) {
                sides.removed.push(entry);
            }
        }
        learned += usize::from(matches!(seen, Seen::Unknown { .. }));
        sides.take(before, seen);
    }
    for entry in old {
        let entry = entry?;
        if selection.as_ref().is_none_or(|s| s.selects(entry.path.as_str())) {
            sides.removed.push(entry);
        }
    }
    let rows = sides.resolve(&root, began, progress)?;
    if learned > 0 {
        // A store that cannot be written to costs time, no answer.
        let _ = remember(store, dataset, rows);
    }
    Ok(sides.finish())
}

/// A file whose content is not known.
#[derive(Debug)]
struct Open {
    before: Option<Entry>,
    now: Entry,
    stat: Stat,
}

/// A file that was read: what it is, what it holds, its length and stamps.
type Hashed = (Open, Id<Content>, u64, Stat);

/// The two sides as they are compared.
#[derive(Debug, Default)]
struct Sides {
    added: Vec<Entry>,
    modified: Vec<(Entry, Entry)>,
    removed: Vec<Entry>,
    outside: Vec<String>,
    open: Vec<Open>,
}

impl Sides {
    fn take(&mut self, before: Option<Entry>, seen: Seen) {
        match seen {
            Seen::Known(row) => self.known(before, row.entry),
            Seen::Unknown { path, stat } => {
                let now = Entry { path, kind: entry_kind(stat.kind), size: stat.size, samples: None, content: Id::of(b"") };
                self.open.push(Open { before, now, stat });
            }
        }
    }

    fn known(&mut self, before: Option<Entry>, now: Entry) {
        match before {
            None => self.added.push(now),
            Some(before) if before.same(&now) => {}
            Some(before) => self.modified.push((before, now)),
        }
    }

    /// Reads what has to be read: files that may be what the version has, and new ones that may be what was removed.
    fn resolve(&mut self, root: &Root, began: i128, progress: &dyn Progress) -> Result<BTreeMap<String, Row>> {
        let gone: HashSet<(EntryKind, u64)> = self.removed.iter().filter(|e| e.size > 0).map(|e| (e.kind, e.size)).collect();
        let (read, differ): (Vec<Open>, Vec<Open>) =
            std::mem::take(&mut self.open).into_iter().partition(|open| match &open.before {
                Some(before) => before.kind == open.now.kind && before.size == open.now.size,
                None => gone.contains(&(open.now.kind, open.now.size)),
            });
        for open in differ {
            self.known(open.before, open.now);
        }
        progress.expect(read.len() as u64, read.iter().map(|open| open.now.size).sum());
        let mut rows = BTreeMap::new();
        let mut read = read.into_iter();
        let batches = std::iter::from_fn(|| Some(read.by_ref().take(BATCH).collect::<Vec<_>>()).filter(|b| !b.is_empty()));
        let work = |cursor: &mut crate::fs::beneath::Cursor<'_>, batch: Vec<Open>| -> Result<Vec<Hashed>> {
            progress.check()?;
            let one = |open: Open| {
                let (content, size, stat) = hash::content(root, cursor, &open.now.path, open.stat)?;
                progress.advance(1, size);
                Ok((open, content, size, stat))
            };
            batch.into_iter().map(one).collect()
        };
        parallel::ordered(
            batches.map(Ok),
            2 * parallel::threads(),
            || root.cursor(),
            work,
            |done| {
                for (open, content, size, stat) in done {
                    let now = Entry { content, size, kind: entry_kind(stat.kind), ..open.now };
                    let stored = open.before.as_ref().is_some_and(|before| before.content == content);
                    rows.insert(now.path.to_string(), Row::read(now.clone(), stat, stored, began));
                    self.known(open.before, now);
                }
                Ok(())
            },
        )?;
        Ok(rows)
    }

    fn finish(mut self) -> Found {
        self.added.sort_by(|a, b| a.path.cmp(&b.path));
        let renamed = pair(&mut self.removed, &mut self.added);
        let mut differences: Vec<Difference> = self.added.into_iter().map(Change::Added).collect();
        differences.extend(self.removed.into_iter().map(Change::Removed));
        differences.extend(self.modified.into_iter().map(|(a, b)| Change::Modified(a, b)));
        differences.sort_by(|a, b| a.path().cmp(b.path()));
        Found { differences, renamed, outside: self.outside }
    }
}

/// Takes out of both lists, which are in the order of their paths, what has the same content, and pairs it.
pub fn pair(removed: &mut Vec<Entry>, added: &mut Vec<Entry>) -> Vec<(Entry, Entry)> {
    let mut by_content: BTreeMap<(Id<Content>, u64), std::collections::VecDeque<usize>> = BTreeMap::new();
    let key = |e: &Entry| (e.content, e.kind as u64);
    for (n, entry) in removed.iter().enumerate().filter(|(_, e)| e.size > 0) {
        by_content.entry(key(entry)).or_default().push_back(n);
    }
    let (mut pairs, mut gone, mut left) = (Vec::new(), HashSet::new(), Vec::new());
    for entry in std::mem::take(added) {
        match by_content.get_mut(&key(&entry)).filter(|_| entry.size > 0).and_then(|queue| queue.pop_front()) {
            Some(n) => {
                gone.insert(n);
                pairs.push((removed[n].clone(), entry));
            }
            None => left.push(entry),
        }
    }
    *added = left;
    let mut n = 0;
    removed.retain(|_| {
        n += 1;
        !gone.contains(&(n - 1))
    });
    pairs
}

/// Puts what was learned into the stat cache, unless somebody else is at it.
fn remember(store: &Store, dataset: &str, mut learned: BTreeMap<String, Row>) -> Result<()> {
    let layout = store.layout();
    let Some(_lock) = state::try_lock(layout, dataset)? else { return Ok(()) };
    let mut writer = cache::Writer::create(layout, dataset)?;
    for row in cache::Reader::open(&cache::path(layout, dataset)) {
        let upto = learned.split_off(row.entry.path.as_str());
        for new in std::mem::replace(&mut learned, upto).into_values() {
            writer.push(&new)?;
        }
        match learned.remove(row.entry.path.as_str()) {
            Some(new) => writer.push(&new)?,
            None => writer.push(&row)?,
        }
    }
    for new in learned.into_values() {
        writer.push(&new)?;
    }
    writer.finish()
}
