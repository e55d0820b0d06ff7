//! The second pass: removes what is surplus, writes what differs.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::path::Path;

use super::inspect::{Survey, changed, is_unchanged};
use super::names;
use super::target::{CheckoutTarget, SelectedEntries};
use super::write::{Assembler, Naming, Replacement, WriteResult, WriteTask, WriteWorker, WrittenEntry};
use crate::chunk::cut;
use crate::clock;
use crate::diff::FileEntry;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::STORE;
use crate::fs::atomic::{self, Scratch};
use crate::fs::openat::{FileKind, Root};
use crate::fs::staging::Staging;
use crate::object::node::{Entry, EntryKind};
use crate::object::recipe::RecipeItem;
use crate::parallel;
use crate::path::DataPath;
use crate::progress::Progress;
use crate::store::Store;
use crate::store::content::Chunks;
use crate::worktree::cache::{self, CacheEntry, kind_within, settled_at};
use crate::worktree::hash;
use crate::worktree::scan::{Scan, ScannedFile};
use crate::worktree::stamp::Stamp;

/// Bytes that a worker writes or decodes at once.
const PIECE: u64 = 2 << 20;
/// Files that a worker writes at once.
const BATCH: usize = 128;

/// The number of entries that a checkout changed.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckoutCounts {
    /// Entries that were written.
    pub written: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Entries that were removed.
    pub removed: u64,
    /// Entries that were right already.
    pub unchanged: u64,
}

/// Makes a workspace what the target says, after a survey of it; `scan` walks it again once what is surplus is gone. The
/// rows of all its files go to `rows`; they hold once this has returned.
pub fn apply<'a>(
    store: &Store,
    root: &'a Root,
    scan: impl FnOnce() -> Result<Scan<'a>>,
    survey: &Survey,
    target: &CheckoutTarget<'_>,
    rows: cache::CacheWriter,
    progress: &dyn Progress,
) -> Result<CheckoutCounts> {
    let removed = remove(root, survey, progress)?;
    progress.expect(survey.pending.0, survey.pending.1);
    let scratch = Scratch::for_workspace(&store.layout().tmp(), root.path())?;
    let wanted = target.entries(store)?;
    let there = CurrentFiles { root, scan: Some(scan()?.peekable()), survey };
    let feed = WriteFeed {
        store,
        wanted: WantedEntries::Selected(Box::new(wanted)),
        there: Some(there),
        pending: None,
        large: None,
        progress,
    };
    let applied = run(store, root, Naming::Moved(scratch.path()), feed, Some(rows), progress)?;
    Ok(CheckoutCounts { removed, ..applied })
}

/// Writes the entries that a survey of selected paths found to differ, and removes what is surplus.
pub fn restore(
    store: &Store,
    root: &Root,
    survey: &Survey,
    differ: Vec<Entry>,
    progress: &dyn Progress,
) -> Result<CheckoutCounts> {
    let removed = remove(root, survey, progress)?;
    progress.expect(survey.pending.0, survey.pending.1);
    let scratch = Scratch::for_workspace(&store.layout().tmp(), root.path())?;
    let there = CurrentFiles { root, scan: None, survey };
    let wanted = WantedEntries::Listed(differ.into_iter());
    let feed = WriteFeed { store, wanted, there: Some(there), pending: None, large: None, progress };
    let applied = run(store, root, Naming::Moved(scratch.path()), feed, None, progress)?;
    Ok(CheckoutCounts { removed, ..applied })
}

/// Fills a folder that nobody sees yet.
fn fill(store: &Store, root: &Root, target: &CheckoutTarget<'_>, progress: &dyn Progress) -> Result<CheckoutCounts> {
    let mut ahead = progress.is_watched().then(|| target.entries(store)).transpose()?;
    let (mut files, mut bytes) = (0, 0);
    while let Some(entry) = ahead.as_mut().map_or(Ok(None), SelectedEntries::next)? {
        (files, bytes) = (files + 1, bytes + entry.size);
    }
    progress.expect(files, bytes);
    let wanted = target.entries(store)?;
    let feed =
        WriteFeed { store, wanted: WantedEntries::Selected(Box::new(wanted)), there: None, pending: None, large: None, progress };
    run(store, root, Naming::Direct, feed, None, progress)
}

fn run(
    store: &Store,
    root: &Root,
    naming: Naming<'_>,
    mut feed: WriteFeed<'_>,
    mut rows: Option<cache::CacheWriter>,
    progress: &dyn Progress,
) -> Result<CheckoutCounts> {
    let (mut applied, mut settled) = (CheckoutCounts::default(), 0);
    let mut assembler = Assembler::new(store, root, naming);
    let record = |row: &CacheEntry, rows: &mut Option<cache::CacheWriter>| -> Result<()> {
        match rows {
            Some(rows) if row.entry.kind != EntryKind::Folder => rows.push(row),
            _ => Ok(()),
        }
    };
    let ahead = 2 * parallel::threads() + 2;
    parallel::ordered(
        parallel::until_error(|| feed.next_task()),
        ahead,
        || WriteWorker::new(store, root, naming),
        WriteWorker::work,
        |worked| {
            let written = match worked {
                WriteResult::Keep(kept) => {
                    applied.unchanged += kept.len() as u64;
                    return kept.iter().try_for_each(|row| record(row, &mut rows));
                }
                WriteResult::Written(written) => written,
                WriteResult::Piece { begins, chunks, ends } => {
                    progress.advance(0, chunks.iter().map(|chunk| chunk.len() as u64).sum());
                    assembler.piece(begins, &chunks, ends)?.into_iter().collect()
                }
            };
            for WrittenEntry { entry, stat } in written {
                applied.written += 1;
                applied.bytes += entry.size;
                progress.advance(1, if is_large(&entry) { 0 } else { entry.size });
                if let Some(stat) = stat {
                    settled = settled_at(&stat).max(settled);
                    record(&CacheEntry::written(entry, stat), &mut rows)?;
                }
            }
            Ok(())
        },
    )?;
    atomic::sync_file_system(root.path())?;
    if let Some(rows) = rows {
        clock::wait_until(settled);
        rows.finish()?;
    }
    Ok(applied)
}

/// Removes the surplus files, then folders that nothing is left in. Returns how many files and folders went.
fn remove(root: &Root, survey: &Survey, progress: &dyn Progress) -> Result<u64> {
    let mut cursor = root.cursor();
    let (mut folders, mut surplus, mut removed) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (path, then) in &survey.surplus {
        progress.check()?;
        if then.kind == FileKind::Folder {
            folders.insert(path.as_str());
            surplus.insert(path.as_str());
        } else {
            match cursor.stat(path.as_str())? {
                Some(now) if !is_unchanged(then, &now) => return Err(changed(root, path)),
                Some(_) => cursor.remove_file(path.as_str())?,
                None => {}
            }
            removed += 1;
        }
        let mut above = path.split().0;
        while let Some(folder) = above.filter(|folder| folders.insert(folder)) {
            above = folder.rsplit_once('/').map(|(up, _)| up);
        }
    }
    // The deepest first, since a path sorts before what lies below it.
    for folder in folders.into_iter().rev() {
        let is_gone = cursor.remove_folder(folder)?;
        removed += u64::from(is_gone && surplus.contains(folder));
    }
    Ok(removed)
}

/// The entries to write, in the order of the paths.
struct WriteFeed<'a> {
    store: &'a Store,
    wanted: WantedEntries<'a>,
    /// The workspace as it is, for a checkout in place.
    there: Option<CurrentFiles<'a>>,
    pending: Option<WriteStep>,
    large: Option<(Replacement, Peekable<Chunks<'a>>, bool)>,
    progress: &'a dyn Progress,
}

/// The entries that the folder is to have.
enum WantedEntries<'a> {
    Selected(Box<SelectedEntries<'a, Store>>),
    Listed(std::vec::IntoIter<Entry>),
}

enum WriteStep {
    Keep(CacheEntry),
    Write(Replacement),
}

/// The files that are in the workspace after what was surplus has gone.
struct CurrentFiles<'a> {
    root: &'a Root,
    /// Its walk, unless only selected paths are written, of which all differ.
    scan: Option<Peekable<Scan<'a>>>,
    survey: &'a Survey,
}

impl CurrentFiles<'_> {
    /// Decides how an entry of the version gets its place.
    ///
    /// # Errors
    /// Fails if the file there has changed since the survey.
    fn next(&mut self, entry: Entry) -> Result<WriteStep> {
        let replaces = self.survey.stamps(&entry.path);
        let replacement = |replaces| Ok(WriteStep::Write(Replacement { entry: entry.clone(), replaces }));
        let Some(file) = self.at(&entry.path)? else { return replacement(replaces) };
        let row = match file {
            ScannedFile::Known(row) => row,
            ScannedFile::Unknown { path, stat } => match self.survey.inspected.get(&path) {
                Some((then, FileEntry { kind, size, content: Some(content), .. })) if is_unchanged(then, &stat) => {
                    let now = Entry { path, kind: *kind, size: *size, samples: None, content: *content };
                    CacheEntry::read(now, stat, true, self.survey.began)
                }
                Some(_) => return replacement(replaces),
                None => {
                    // It was known by its stamps in the survey, and they are others now: a link to it may have gone.
                    let (content, size, stat) = hash::content(self.root, &mut self.root.cursor(), &path, stat)?;
                    let kind = kind_within(self.root, EntryKind::from(stat.kind), Some(entry.kind));
                    let now = Entry { path, kind, size, samples: None, content };
                    if !now.same(&entry) {
                        return Err(changed(self.root, &entry.path));
                    }
                    CacheEntry::read(now, stat, true, self.survey.began)
                }
            },
        };
        let kind = kind_within(self.root, row.entry.kind, Some(entry.kind));
        let now = Entry { kind, ..row.entry };
        match now.same(&entry) {
            true => Ok(WriteStep::Keep(CacheEntry { entry: now, stored: true, ..row })),
            false => replacement(replaces),
        }
    }

    /// Returns the file that the walk shows at a path.
    fn at(&mut self, path: &DataPath) -> Result<Option<ScannedFile>> {
        let Some(scan) = &mut self.scan else { return Ok(None) };
        loop {
            match scan.peek() {
                Some(Ok(file)) if file.path() < path => drop(scan.next()),
                Some(Ok(file)) if file.path() > path => return Ok(None),
                None => return Ok(None),
                _ => return scan.next().transpose(),
            }
        }
    }
}

impl WriteFeed<'_> {
    fn next_entry(&mut self) -> Result<Option<WriteStep>> {
        if let Some(next) = self.pending.take() {
            return Ok(Some(next));
        }
        let next = match &mut self.wanted {
            WantedEntries::Selected(selected) => selected.next()?,
            WantedEntries::Listed(list) => list.next(),
        };
        let Some(entry) = next else { return Ok(None) };
        let next = match &mut self.there {
            Some(there) => there.next(entry)?,
            None => WriteStep::Write(Replacement { entry, replaces: None }),
        };
        Ok(Some(next))
    }

    /// Returns the next piece of work.
    fn next_task(&mut self) -> Result<Option<WriteTask>> {
        self.progress.check()?;
        if let Some((file, chunks, begun)) = &mut self.large {
            let begins = (!std::mem::replace(begun, true)).then(|| file.clone());
            let (mut items, mut bytes): (Vec<RecipeItem>, u64) = (Vec::new(), 0);
            while bytes < PIECE {
                let Some(item) = chunks.next().transpose().map_err(|e| e.within(&file.entry.path))? else { break };
                bytes += item.len;
                items.push(item);
            }
            let ends = chunks.peek().is_none();
            if ends {
                self.large = None;
            }
            return Ok(Some(WriteTask::Piece { begins, items, ends }));
        }
        match self.next_entry()? {
            None => Ok(None),
            Some(WriteStep::Keep(first)) => {
                let mut rows = vec![first];
                while rows.len() < 8 * BATCH {
                    match self.next_entry()? {
                        Some(WriteStep::Keep(row)) => rows.push(row),
                        next => {
                            self.pending = next;
                            break;
                        }
                    }
                }
                Ok(Some(WriteTask::Keep(rows)))
            }
            Some(WriteStep::Write(file)) if is_large(&file.entry) => {
                let entry = &file.entry;
                let chunks = Chunks::of(self.store, entry.content, entry.size).map_err(|e| e.within(&entry.path))?;
                self.large = Some((file, chunks.peekable(), false));
                self.next_task()
            }
            Some(WriteStep::Write(first)) => {
                let mut bytes = first.entry.size;
                let mut entries = vec![first];
                while entries.len() < BATCH && bytes < PIECE {
                    match self.next_entry()? {
                        Some(WriteStep::Write(file)) if !is_large(&file.entry) => {
                            bytes += file.entry.size;
                            entries.push(file);
                        }
                        next => {
                            self.pending = next;
                            break;
                        }
                    }
                }
                Ok(Some(WriteTask::Small(entries)))
            }
        }
    }
}

fn is_large(entry: &Entry) -> bool {
    entry.kind.is_file() && entry.size > 4 * cut::MAX as u64
}

/// Creates a folder at `path` and fills it: beside its place first, with the stamp last, then moved there whole. `path` must
/// be absent or an empty folder.
pub fn staged(
    store: &Store,
    path: &Path,
    target: &CheckoutTarget<'_>,
    stamp: &Stamp,
    progress: &dyn Progress,
) -> Result<CheckoutCounts> {
    if path.is_symlink() {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("{} is a symlink; a folder cannot be created in its place", path.display()),
        )
        .with_hint("name the folder that it points to, or a path that does not exist"));
    }
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) if e.kind() != std::io::ErrorKind::NotADirectory => return Err(Error::io("cannot read the folder", path, e)),
        _ => {
            return Err(Error::new(ErrorKind::Conflict, format!("{} exists and is not an empty folder", path.display()))
                .with_hint("give a new or empty folder"));
        }
    }
    let staging = Staging::create(&store.layout().tmp(), path)?;
    let root = Root::open(staging.path())?.shown_as(path);
    names::check(store, root.path(), path, target)?;
    let applied = fill(store, &root, target, progress)?;
    stamp.write(staging.path())?;
    // What trying out names could not remove is no part of the version.
    atomic::remove_tree(&staging.path().join(STORE))?;
    staging.place(path)?;
    Ok(applied)
}
