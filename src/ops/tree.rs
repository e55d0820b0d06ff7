//! Reads a folder into the store, or only finds out what would be read.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::fs::openat::Root;
use crate::gate::WorkspaceFiles;
use crate::id::{Id, NodeId};
use crate::manifest::{EntryChange, ManifestBuilder, ManifestDiff, NodeSink, NodeSource};
use crate::object::Key;
use crate::object::checksum::{Checksum, DataChecksum};
use crate::object::node::{self, Entry, EntryKind, Totals};
use crate::ops::links::Links;
use crate::ops::paths;
use crate::parallel;
use crate::progress::{Progress, Stage};
use crate::repo::{Dataset, Repo};
use crate::selection::Selection;
use crate::store::{Store, Writer};
use crate::worktree::cache;
use crate::worktree::ingest::{IngestCounts, IngestSource, SampleCounter, ingest};
use crate::worktree::scan::Scan;

/// The tree of a new version.
pub(super) struct Tree {
    pub manifest: Id<NodeId>,
    pub totals: Totals,
    pub checksum: Checksum,
}

/// A folder that is read as the next version of a dataset.
pub(super) struct SourceFolder<'a> {
    pub repo: &'a Repo,
    pub dataset: &'a Dataset,
    /// A folder other than the dataset's own.
    pub from: Option<&'a Path>,
    /// The part of the version that the dataset's own folder holds.
    pub selection: Option<&'a Selection>,
    /// True if the stat data of its files is recorded; it is valid once they are stored.
    pub record: bool,
    /// True if files are not read whose stat data is in the cache.
    pub trusts_cache: bool,
    pub progress: &'a dyn Progress,
}

impl SourceFolder<'_> {
    /// Opens it.
    pub fn open(&self) -> Result<Root> {
        let folder = self.from.map_or_else(|| self.repo.folder(self.dataset), Path::to_owned);
        if folder.is_dir() {
            return Root::open(&folder);
        }
        if folder.exists() {
            return Err(Error::usage(format!("{} is a file; a dataset must be a folder", folder.display()))
                .with_hint("move the file into a folder, and set its path in helox.toml"));
        }
        Err(match self.from {
            Some(from) => Error::new(ErrorKind::PathNotFound, format!("folder {} does not exist", from.display()))
                .with_hint(format!("give a folder with data: hlx commit {} --from DIR", self.dataset.name)),
            None => paths::absent_folder(self.repo, self.dataset),
        })
    }

    /// Returns the source of its files.
    pub fn work<'r>(&self, root: &'r Root) -> Result<WorkspaceFiles<'r>> {
        let selection = self.selection.filter(|_| self.from.is_none()).map(|s| s.matcher()).transpose()?;
        Ok(WorkspaceFiles { root, selection })
    }

    /// Reads it into the store of the writer; `parent` is the manifest of the version that comes before.
    pub fn read(
        &self,
        root: &Root,
        parent: Option<Id<NodeId>>,
        counter: Option<SampleCounter<'_>>,
        writer: &mut Writer<'_>,
    ) -> Result<StoredTree> {
        let layout = self.repo.store().layout();
        let in_place = self.from.is_none();
        let began = atomic::present(&layout.tmp(), root.path());
        let known = if in_place && self.trusts_cache { cache::path(layout, &self.dataset.name) } else { PathBuf::new() };
        let mut rows = match in_place && self.record {
            true => Some(cache::CacheWriter::create(layout, &self.dataset.name)?),
            false => None,
        };
        let selection = self.selection.filter(|_| in_place).map(|s| s.matcher()).transpose()?;
        let scan = || Scan::new(root, cache::CacheReader::open(&known));
        let source = IngestSource {
            scan: scan()?,
            forecast: self.progress.is_watched().then(scan).transpose()?,
            root,
            parent,
            nodes: &**self.repo.store(),
            selection,
            counter,
            began,
        };
        let mut links = Links::default();
        let (mut builder, mut checksum, mut fresh) = (ManifestBuilder::default(), DataChecksum::default(), HashMap::new());
        // What is not stored can be read nowhere else.
        let keep = parent.is_some() || !self.record;
        self.progress.begin(Stage::Store, 0, 0);
        let counted = ingest(source, writer, self.progress, |writer, ingested| {
            let entry = ingested.entry;
            if entry.kind.is_file() {
                checksum.add(entry.path.as_str(), &entry.content);
            }
            if entry.kind == EntryKind::Symlink && ingested.row.is_some() {
                links.add(root, &entry.path);
            }
            if let (Some(rows), Some(row)) = (&mut rows, &ingested.row)
                && row.entry.kind != EntryKind::Folder
            {
                rows.push(row)?;
            }
            builder.push(&mut Tee { writer, fresh: keep.then_some(&mut fresh) }, entry)
        })?;
        let (manifest, totals) = builder.finish(&mut Tee { writer, fresh: keep.then_some(&mut fresh) })?;
        Ok(StoredTree { tree: Tree { manifest, totals, checksum: checksum.finish() }, rows, fresh, counted, links })
    }
}

/// A folder that was read and stored.
pub(super) struct StoredTree {
    pub tree: Tree,
    pub rows: Option<cache::CacheWriter>,
    pub fresh: HashMap<Id<NodeId>, Vec<u8>>,
    pub counted: Option<IngestCounts>,
    /// The symlinks of the folder.
    pub links: Links,
}

/// Hands nodes to the store and keeps those that have a parent to be compared with.
struct Tee<'a, 'w> {
    writer: &'a mut Writer<'w>,
    fresh: Option<&'a mut HashMap<Id<NodeId>, Vec<u8>>>,
}

impl NodeSink for Tee<'_, '_> {
    fn put(&mut self, id: Id<NodeId>, bytes: &[u8]) -> Result<()> {
        if self.writer.structure(Key::from(id), bytes)?
            && let Some(fresh) = &mut self.fresh
        {
            fresh.insert(id, bytes.to_vec());
        }
        Ok(())
    }
}

/// The nodes of the store and those that are on their way there.
pub(super) struct Overlay<'a> {
    pub store: &'a Store,
    pub fresh: HashMap<Id<NodeId>, Vec<u8>>,
}

impl NodeSource for Overlay<'_> {
    fn node(&self, id: Id<NodeId>) -> Result<node::Node> {
        match self.fresh.get(&id) {
            Some(bytes) => node::Node::decode(bytes).map_err(|e| Error::damaged(format!("the manifest node {id}: {e}"))),
            None => self.store.node(id),
        }
    }
}

/// Tells the account of what was not read: files that only the parent has, and those that came from elsewhere in the
/// store. Does nothing where samples are not compared with the parent's.
pub(super) fn count_unread(
    counted: Option<&mut IngestCounts>,
    counter: Option<SampleCounter<'_>>,
    nodes: &(impl NodeSource + Sync),
    before: Option<Id<NodeId>>,
    after: Id<NodeId>,
) -> Result<()> {
    let (Some(counted), Some(counter), Some(before)) = (counted, counter.filter(|counter| counter.tallied), before) else {
        return Ok(());
    };
    type Sides = (Option<Entry>, Option<Entry>);
    let IngestCounts { diff: account, counted: told } = counted;
    let files = |entry: Entry| Some(entry).filter(|entry| entry.kind.is_file());
    let untold = |entry: &Entry| !told.contains(&entry.path);
    let sides = |change| -> Sides {
        match change {
            EntryChange::Removed(old) => (files(old), None),
            EntryChange::Added(new) => (None, files(new).filter(untold)),
            EntryChange::Modified(old, new) if new.kind.is_file() && !untold(&new) => {
                drop(old);
                (None, None)
            }
            EntryChange::Modified(old, new) => (files(old), files(new)),
            // It was told when it was counted.
            EntryChange::Reread(..) => (None, None),
        }
    };
    let changes = ManifestDiff::new(nodes, before, after)?.map(|change| change.map(sides));
    let changes = changes.filter(|sides| !matches!(sides, Ok((None, None))));
    parallel::ordered(
        changes,
        2 * parallel::threads(),
        || (),
        |(), (old, new): Sides| {
            let mut diff = counter.empty_diff();
            counter.count_stored(old.as_ref(), new.as_ref(), &mut diff)?;
            Ok(diff)
        },
        |own| {
            account.absorb(own);
            Ok(())
        },
    )
}
