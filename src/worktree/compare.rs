//! Differences between the files of two sides: a version and the workspace, or two versions.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use crate::diff::{Differences, FileEntry, FileSource, ReaderConfig};
use crate::error::Result;
use crate::fs::atomic;
use crate::fs::openat::{Root, Stat};
use crate::id::{Content, Id, NodeId};
use crate::manifest::Entries;
use crate::object::node::{Entry, EntryKind};
use crate::parallel;
use crate::path::DataPath;
use crate::progress::Progress;
use crate::selection::Selection;
use crate::store::Store;
use crate::worktree::cache::{self, CacheEntry, kind_within};
use crate::worktree::hash;
use crate::worktree::scan::{Scan, ScannedFile};
use crate::worktree::state;

/// Files of a batch that is hashed at once.
const BATCH: usize = 64;

/// Compares the workspace of a dataset with a manifest. Reads only files whose stamps do not vouch for them, and of those
/// only what could be equal; the others have no content in the answer. Where `rules` are given it tells the files that they
/// read otherwise than the version did. What it learns goes to the stat cache.
pub fn workspace(
    store: &Store,
    folder: &Path,
    dataset: &str,
    manifest: Option<Id<NodeId>>,
    selection: Option<&Selection>,
    config: Option<&ReaderConfig>,
    progress: &dyn Progress,
) -> Result<Differences> {
    let layout = store.layout();
    let selection = selection.map(Selection::matcher).transpose()?;
    let root = Root::open(folder)?;
    let scan = Scan::new(&root, cache::CacheReader::open(&cache::path(layout, dataset)))?;
    let mut old = manifest.map(|m| Entries::new(store, m)).transpose()?.into_iter().flatten().peekable();
    let mut sides = WorkspaceDiff { root: &root, config, found: Differences::default(), open: Vec::new() };
    let mut learned = 0usize;
    for file in scan {
        progress.check()?;
        let file = file?;
        let selects = |path: &str| selection.as_ref().is_none_or(|s| s.selects(path));
        if !selects(file.path().as_str()) {
            sides.found.outside.push(file.path().to_string());
            continue;
        }
        let mut before = None;
        while let Some(entry) = old.next_if(|e| e.as_ref().map_or(true, |e| e.path <= *file.path())) {
            let entry = entry?;
            if entry.path == *file.path() {
                before = Some(entry);
            } else if selects(entry.path.as_str()) {
                sides.add_pair(Some(entry), None);
            }
        }
        learned += usize::from(matches!(file, ScannedFile::Unknown { .. }));
        sides.take(before, file);
    }
    for entry in old {
        let entry = entry?;
        if selection.as_ref().is_none_or(|s| s.selects(entry.path.as_str())) {
            sides.add_pair(Some(entry), None);
        }
    }
    let rows = sides.resolve(&layout.tmp(), progress)?;
    sides.keep_reread()?;
    if learned > 0 {
        // A store that cannot be written to costs time, no answer.
        let _ = update_cache(store, dataset, rows);
    }
    Ok(sides.finish())
}

/// A file of the workspace whose content is not known, and the version's at its path.
#[derive(Debug)]
struct UnreadFile {
    before: Option<Entry>,
    path: DataPath,
    stat: Stat,
}

/// A file that was read: its content, its length and its stamps.
type HashedFile = (UnreadFile, Id<Content>, u64, Stat);

/// The two sides as they are compared.
#[derive(Debug)]
struct WorkspaceDiff<'a> {
    root: &'a Root,
    /// The reader configuration, where it matters.
    config: Option<&'a ReaderConfig>,
    found: Differences,
    open: Vec<UnreadFile>,
}

impl WorkspaceDiff<'_> {
    fn take(&mut self, before: Option<Entry>, file: ScannedFile) {
        match file {
            ScannedFile::Known(row) => self.add_pair(before, Some(row.entry.into())),
            ScannedFile::Unknown { path, stat } => self.open.push(UnreadFile { before, path, stat }),
        }
    }

    /// Takes both sides of a path, unless they are the same.
    fn add_pair(&mut self, before: Option<Entry>, now: Option<FileEntry>) {
        let before = before.map(FileEntry::from);
        let now = now.map(|now| {
            let kind = kind_within(self.root, now.kind, before.as_ref().map(|before| before.kind));
            FileEntry { kind, ..now }
        });
        match (before, now) {
            (Some(before), Some(now)) if before.same(&now) => {
                let (path, samples) = (before.path.as_str(), before.samples.as_ref());
                let is_current = |config: &ReaderConfig| samples.is_none_or(|samples| config.is_current(path, &samples.reader));
                if !self.config.is_none_or(is_current) {
                    self.found.reread.push((before, FileEntry { samples: None, ..now }));
                }
            }
            (before, now) => self.found.push(before, now),
        }
    }

    /// Keeps those of the files that are read by other rules whose first bytes do not tell that it comes to the same.
    fn keep_reread(&mut self) -> Result<()> {
        let (root, Some(config)) = (self.root, self.config) else { return Ok(()) };
        let mut cursor = root.cursor();
        for (old, new) in std::mem::take(&mut self.found.reread) {
            let path = new.path.as_str();
            let file = cursor.open_file(path).map_err(|e| root.error("cannot read", path, e))?;
            let bytes = FileSource::Open(Arc::new(file), root.path().join(path));
            let now = config.file_side(path, None, new.size, bytes).with_guess()?.spec.id();
            if old.samples.as_ref().is_some_and(|then| !then.reader.reads_as(&now)) {
                self.found.reread.push((old, new));
            }
        }
        self.found.reread.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        Ok(())
    }

    /// Reads what has to be read: files that may be what the version has, and new ones that may be what was removed.
    fn resolve(&mut self, tmp: &Path, progress: &dyn Progress) -> Result<BTreeMap<String, CacheEntry>> {
        let root = self.root;
        // Two regular files may be the same but for their mode.
        let class = |kind: EntryKind| if kind.is_file() { EntryKind::File } else { kind };
        let gone: HashSet<(EntryKind, u64)> =
            self.found.removed.iter().filter(|e| e.size > 0).map(|e| (class(e.kind), e.size)).collect();
        let (read, differ): (Vec<UnreadFile>, Vec<UnreadFile>) = std::mem::take(&mut self.open).into_iter().partition(|open| {
            let kind = class(EntryKind::from(open.stat.kind));
            match &open.before {
                Some(before) if before.kind != EntryKind::Folder => class(before.kind) == kind && before.size == open.stat.size,
                _ => gone.contains(&(kind, open.stat.size)),
            }
        });
        for UnreadFile { before, path, stat } in differ {
            self.add_pair(before, Some(FileEntry::unread(path, &stat)));
        }
        let mut rows = BTreeMap::new();
        if read.is_empty() {
            return Ok(rows);
        }
        progress.expect(read.len() as u64, read.iter().map(|open| open.stat.size).sum());
        let began = atomic::present(tmp, root.path());
        let mut read = read.into_iter();
        let batches = std::iter::from_fn(|| Some(read.by_ref().take(BATCH).collect::<Vec<_>>()).filter(|b| !b.is_empty()));
        let work = |cursor: &mut crate::fs::openat::Cursor<'_>, batch: Vec<UnreadFile>| -> Result<Vec<HashedFile>> {
            progress.check()?;
            let one = |open: UnreadFile| {
                let (content, size, stat) = hash::content(root, cursor, &open.path, open.stat)?;
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
                for (UnreadFile { before, path, .. }, content, size, stat) in done {
                    let kind = kind_within(root, EntryKind::from(stat.kind), before.as_ref().map(|before| before.kind));
                    let now = Entry { path, content, size, kind, samples: None };
                    let stored = before.as_ref().is_some_and(|before| before.content == content);
                    rows.insert(now.path.to_string(), CacheEntry::read(now.clone(), stat, stored, began));
                    self.add_pair(before, Some(now.into()));
                }
                Ok(())
            },
        )?;
        Ok(rows)
    }

    fn finish(self) -> Differences {
        let mut found = self.found;
        found.added.sort_by(|a, b| a.path.cmp(&b.path));
        found.modified.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        found.removed.sort_by(|a, b| a.path.cmp(&b.path));
        found.pair_renames();
        found
    }
}

/// Puts what was learned into the stat cache, unless somebody else is at it.
fn update_cache(store: &Store, dataset: &str, mut learned: BTreeMap<String, CacheEntry>) -> Result<()> {
    let layout = store.layout();
    let Some(_lock) = state::try_lock(layout, dataset)? else { return Ok(()) };
    let mut writer = cache::CacheWriter::create(layout, dataset)?;
    for row in cache::CacheReader::open(&cache::path(layout, dataset)) {
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
