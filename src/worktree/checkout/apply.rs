//! The second pass: removes what is surplus, writes what differs.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::path::Path;

use super::Selected;
use super::survey::Survey;
use super::write::{Assembler, Naming, Unit, Worked, Worker, Written};
use crate::chunk::cut;
use crate::clock;
use crate::error::{Error, Kind, Result};
use crate::fs::atomic::{self, Scratch};
use crate::fs::beneath::{Root, Stat};
use crate::id::{Id, Node};
use crate::manifest::Entries;
use crate::object::node::{Entry, EntryKind};
use crate::object::recipe::Item;
use crate::parallel;
use crate::path::DataPath;
use crate::progress::Progress;
use crate::store::Store;
use crate::store::content::Chunks;
use crate::worktree::cache::{self, Row, entry_kind, settles};
use crate::worktree::hash;
use crate::worktree::scan::Scan;
use crate::worktree::selection::Matcher;

/// Bytes that a worker writes or decodes at once.
const PIECE: u64 = 2 << 20;
/// Files that a worker writes at once.
const BATCH: usize = 128;

/// What the folder becomes.
#[derive(Debug)]
pub struct Target<'a> {
    /// The manifest of the version.
    pub manifest: Id<Node>,
    /// The part of it; all for `None`.
    pub selection: Option<&'a Matcher>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Applied {
    /// Entries that were written.
    pub written: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Entries that were removed.
    pub removed: u64,
    /// Entries that were right already.
    pub unchanged: u64,
}

/// Makes a workspace what the target says, after a survey of it; `scan` walks it again once what is surplus is gone. The rows of all its files go to `rows`; they hold once
/// this has returned.
pub fn apply<'a>(
    store: &Store,
    root: &Root,
    scan: impl FnOnce() -> Result<Scan<'a>>,
    survey: &Survey,
    target: &Target<'_>,
    rows: cache::Writer,
    progress: &dyn Progress,
) -> Result<Applied> {
    let removed = remove(root, &survey.surplus, progress)?;
    let scratch = Scratch::for_workspace(&store.layout().tmp(), root.path())?;
    let wanted = Selected::new(Entries::new(store, target.manifest)?, target.selection);
    let feed = Feed {
        store,
        wanted: Wanted::Selected(wanted),
        scan: Some((scan()?.peekable(), survey)),
        pending: None,
        large: None,
        progress,
    };
    let applied = run(store, root, Naming::Moved(scratch.path()), feed, Some(rows), progress)?;
    Ok(Applied { removed, ..applied })
}

/// Brings what the target selects back into a workspace, whatever is there: surplus goes, and what differs when it is
/// read is written. Returns the paths that were written.
pub fn bring_back(
    store: &Store,
    root: &Root,
    surplus: &[Entry],
    target: &Target<'_>,
    progress: &dyn Progress,
) -> Result<Vec<DataPath>> {
    remove(root, surplus, progress)?;
    let (mut wanted, mut cursor) = (Selected::new(Entries::new(store, target.manifest)?, target.selection), root.cursor());
    let mut differ = Vec::new();
    while let Some(entry) = wanted.next()? {
        progress.check()?;
        let alike =
            |stat: &Stat| entry_kind(stat.kind) == entry.kind && (stat.size == entry.size || entry.kind == EntryKind::Folder);
        let same = match cursor.stat(entry.path.as_str())?.filter(alike) {
            Some(_) if entry.kind == EntryKind::Folder => true,
            Some(stat) => hash::content(root, &mut cursor, &entry.path, stat)?.0 == entry.content,
            None => false,
        };
        if !same {
            differ.push(entry);
        }
    }
    let scratch = Scratch::for_workspace(&store.layout().tmp(), root.path())?;
    let paths = differ.iter().map(|entry| entry.path.clone()).collect();
    let feed = Feed { store, wanted: Wanted::Listed(differ.into_iter()), scan: None, pending: None, large: None, progress };
    run(store, root, Naming::Moved(scratch.path()), feed, None, progress)?;
    Ok(paths)
}

/// Fills a folder that nobody sees yet.
fn into(store: &Store, root: &Root, target: &Target<'_>, progress: &dyn Progress) -> Result<Applied> {
    let wanted = Selected::new(Entries::new(store, target.manifest)?, target.selection);
    let feed = Feed { store, wanted: Wanted::Selected(wanted), scan: None, pending: None, large: None, progress };
    run(store, root, Naming::Direct, feed, None, progress)
}

fn run(
    store: &Store,
    root: &Root,
    naming: Naming<'_>,
    mut feed: Feed<'_>,
    mut rows: Option<cache::Writer>,
    progress: &dyn Progress,
) -> Result<Applied> {
    let (mut applied, mut settled) = (Applied::default(), 0);
    let mut assembler = Assembler::new(store, root, naming);
    let record = |row: &Row, rows: &mut Option<cache::Writer>| -> Result<()> {
        match rows {
            Some(rows) if row.entry.kind != EntryKind::Folder => rows.push(row),
            _ => Ok(()),
        }
    };
    let ahead = 2 * parallel::threads() + 2;
    parallel::ordered(
        parallel::until_error(|| feed.unit()),
        ahead,
        || Worker::new(store, root, naming),
        Worker::work,
        |worked| {
            let written = match worked {
                Worked::Keep(kept) => {
                    applied.unchanged += kept.len() as u64;
                    return kept.iter().try_for_each(|row| record(row, &mut rows));
                }
                Worked::Written(written) => written,
                Worked::Piece { begins, chunks, ends } => assembler.piece(begins, &chunks, ends)?.into_iter().collect(),
            };
            for Written { entry, stat } in written {
                applied.written += 1;
                applied.bytes += entry.size;
                progress.advance(1, entry.size);
                if let Some(stat) = stat {
                    settled = settles(&stat).max(settled);
                    record(&Row::written(entry, stat), &mut rows)?;
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

/// Removes files, then folders that nothing is left in.
fn remove(root: &Root, surplus: &[Entry], progress: &dyn Progress) -> Result<u64> {
    let mut cursor = root.cursor();
    let mut folders = BTreeSet::new();
    for entry in surplus {
        progress.check()?;
        if entry.kind == EntryKind::Folder {
            folders.insert(entry.path.as_str());
        } else {
            cursor.remove_file(entry.path.as_str())?;
        }
        let mut above = entry.path.split().0;
        while let Some(folder) = above.filter(|folder| folders.insert(folder)) {
            above = folder.rsplit_once('/').map(|(up, _)| up);
        }
    }
    // The deepest first, since a path sorts before what lies below it.
    for folder in folders.into_iter().rev() {
        cursor.remove_folder(folder)?;
    }
    Ok(surplus.len() as u64)
}

/// What has to be written, in the order of the paths.
struct Feed<'a> {
    store: &'a Store,
    wanted: Wanted<'a>,
    /// The workspace as it is, for a checkout in place.
    scan: Option<(Peekable<Scan<'a>>, &'a Survey)>,
    pending: Option<Next>,
    large: Option<(Entry, Peekable<Chunks<'a>>, bool)>,
    progress: &'a dyn Progress,
}

/// The entries that the folder is to have.
enum Wanted<'a> {
    Selected(Selected<'a, Store>),
    Listed(std::vec::IntoIter<Entry>),
}

enum Next {
    Keep(Row),
    Write(Entry),
}

impl Feed<'_> {
    fn next_entry(&mut self) -> Result<Option<Next>> {
        if let Some(next) = self.pending.take() {
            return Ok(Some(next));
        }
        let next = match &mut self.wanted {
            Wanted::Selected(selected) => selected.next()?,
            Wanted::Listed(list) => list.next(),
        };
        let Some(entry) = next else { return Ok(None) };
        if let Some((scan, survey)) = &mut self.scan {
            loop {
                match scan.peek() {
                    Some(Ok(seen)) if *seen.path() < entry.path => drop(scan.next()),
                    Some(Err(_)) => drop(scan.next().transpose()?),
                    _ => break,
                }
            }
            if scan.peek().is_some_and(|seen| seen.as_ref().is_ok_and(|seen| *seen.path() == entry.path)) {
                let row = scan.next().transpose()?.and_then(|seen| survey.entry(seen));
                if let Some(row) = row.filter(|row| row.entry.same(&entry)) {
                    return Ok(Some(Next::Keep(Row { stored: true, ..row })));
                }
            }
        }
        self.progress.expect(1, entry.size);
        Ok(Some(Next::Write(entry)))
    }

    /// The next piece of work.
    fn unit(&mut self) -> Result<Option<Unit>> {
        self.progress.check()?;
        if let Some((entry, chunks, begun)) = &mut self.large {
            let begins = (!std::mem::replace(begun, true)).then(|| entry.clone());
            let (mut items, mut bytes): (Vec<Item>, u64) = (Vec::new(), 0);
            while bytes < PIECE {
                let Some(item) = chunks.next().transpose().map_err(|e| e.within(&entry.path))? else { break };
                bytes += item.len;
                items.push(item);
            }
            let ends = chunks.peek().is_none();
            if ends {
                self.large = None;
            }
            return Ok(Some(Unit::Piece { begins, items, ends }));
        }
        match self.next_entry()? {
            None => Ok(None),
            Some(Next::Keep(first)) => {
                let mut rows = vec![first];
                while rows.len() < 8 * BATCH {
                    match self.next_entry()? {
                        Some(Next::Keep(row)) => rows.push(row),
                        next => {
                            self.pending = next;
                            break;
                        }
                    }
                }
                Ok(Some(Unit::Keep(rows)))
            }
            Some(Next::Write(entry)) if is_large(&entry) => {
                let chunks = Chunks::of(self.store, entry.content, entry.size).map_err(|e| e.within(&entry.path))?;
                self.large = Some((entry, chunks.peekable(), false));
                self.unit()
            }
            Some(Next::Write(first)) => {
                let mut bytes = first.size;
                let mut entries = vec![first];
                while entries.len() < BATCH && bytes < PIECE {
                    match self.next_entry()? {
                        Some(Next::Write(entry)) if !is_large(&entry) => {
                            bytes += entry.size;
                            entries.push(entry);
                        }
                        next => {
                            self.pending = next;
                            break;
                        }
                    }
                }
                Ok(Some(Unit::Small(entries)))
            }
        }
    }
}

fn is_large(entry: &Entry) -> bool {
    entry.kind.is_file() && entry.size > 4 * cut::MAX as u64
}

/// Makes a new folder at `path` and fills it: beside its place first, then moved there whole. `path` must be absent or an
/// empty folder.
pub fn staged(store: &Store, path: &Path, target: &Target<'_>, progress: &dyn Progress) -> Result<Applied> {
    match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
        Err(e) if e.kind() != std::io::ErrorKind::NotADirectory => return Err(Error::io("cannot read the folder", path, e)),
        _ => {
            return Err(Error::new(Kind::Conflict, format!("{} exists and is not an empty folder", path.display()))
                .with_hint("name a folder that is absent or empty"));
        }
    }
    let staging = atomic::Staging::create(path)?;
    let root = Root::open(staging.path())?;
    let applied = into(store, &root, target, progress)?;
    staging.place(path)?;
    Ok(applied)
}
