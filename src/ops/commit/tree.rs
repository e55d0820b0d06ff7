//! Reads the folder of a commit into the store.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{Commit, Parent};
use crate::clock;
use crate::error::{Error, Result};
use crate::fs::beneath::Root;
use crate::id::{Id, Node};
use crate::manifest::{Builder, Change, Diff, NodeSink, NodeSource};
use crate::object::Key;
use crate::object::checksum::{Checksum, DataChecksum};
use crate::object::node::{self, Entry, EntryKind, Totals};
use crate::parallel;
use crate::progress::Stage;
use crate::store::{Store, Writer};
use crate::worktree::cache;
use crate::worktree::ingest::{Counted, Counting, Source, ingest};
use crate::worktree::scan::Scan;

/// What the tree of the new version is.
pub(super) struct Tree {
    pub manifest: Id<Node>,
    pub totals: Totals,
    pub checksum: Checksum,
}

impl Commit<'_> {
    /// Reads the folder into the store.
    pub(super) fn store_tree(
        &self,
        parent: Option<&Parent>,
        counting: Option<Counting<'_>>,
        writer: &mut Writer<'_>,
    ) -> Result<Stored> {
        let layout = self.repo.store().layout();
        let in_place = self.options.from.is_none();
        let began = clock::nanos_now();
        let root = Root::open(&self.folder()?)?;
        let known = if in_place { cache::path(layout, &self.dataset.name) } else { PathBuf::new() };
        let mut rows = match in_place && !self.options.dry_run {
            true => Some(cache::Writer::create(layout, &self.dataset.name)?),
            false => None,
        };
        let selection = self.state.selection.as_ref().filter(|_| in_place).map(|s| s.matcher()).transpose()?;
        let source = Source {
            scan: Scan::new(&root, cache::Reader::open(&known))?,
            root: &root,
            parent: parent.map(|p| p.version.manifest),
            nodes: &**self.repo.store(),
            selection,
            counting,
            began,
        };
        let (mut builder, mut checksum, mut fresh) = (Builder::default(), DataChecksum::default(), HashMap::new());
        let keep = parent.is_some();
        self.progress.begin(Stage::Store, 0, 0);
        let counted = ingest(source, writer, self.progress, |writer, ingested| {
            let entry = ingested.entry;
            if entry.kind.is_file() {
                checksum.add(entry.path.as_str(), &entry.content);
            }
            if let (Some(rows), Some(row)) = (&mut rows, &ingested.row)
                && row.entry.kind != EntryKind::Folder
            {
                rows.push(row)?;
            }
            builder.push(&mut Tee { writer, fresh: keep.then_some(&mut fresh) }, entry)
        })?;
        let (manifest, totals) = builder.finish(&mut Tee { writer, fresh: keep.then_some(&mut fresh) })?;
        Ok(Stored { tree: Tree { manifest, totals, checksum: checksum.finish() }, rows, fresh, counted })
    }
}

/// What reading the folder made.
pub(super) struct Stored {
    pub tree: Tree,
    pub rows: Option<cache::Writer>,
    pub fresh: HashMap<Id<Node>, Vec<u8>>,
    pub counted: Option<Counted>,
}

/// Hands nodes to the store and keeps those that have a parent to be compared with.
struct Tee<'a, 'w> {
    writer: &'a mut Writer<'w>,
    fresh: Option<&'a mut HashMap<Id<Node>, Vec<u8>>>,
}

impl NodeSink for Tee<'_, '_> {
    fn put(&mut self, id: Id<Node>, bytes: &[u8]) -> Result<()> {
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
    pub fresh: HashMap<Id<Node>, Vec<u8>>,
}

impl NodeSource for Overlay<'_> {
    fn node(&self, id: Id<Node>) -> Result<node::Node> {
        match self.fresh.get(&id) {
            Some(bytes) => node::Node::decode(bytes).map_err(|e| Error::damaged(format!("the manifest node {id}: {e}"))),
            None => self.store.node(id),
        }
    }
}

/// Tells the account of what was not read: files that only the parent has, and those that came from elsewhere in the
/// store.
pub(super) fn settle(
    counted: &mut Counted,
    counting: Counting<'_>,
    nodes: &(impl NodeSource + Sync),
    before: Id<Node>,
    after: Id<Node>,
) -> Result<()> {
    type Sides = (Option<Entry>, Option<Entry>);
    let Counted { account, told } = counted;
    let files = |entry: Entry| Some(entry).filter(|entry| entry.kind.is_file());
    let untold = |entry: &Entry| !told.contains(&entry.path);
    let sides = |change| -> Sides {
        match change {
            Change::Removed(old) => (files(old), None),
            Change::Added(new) => (None, files(new).filter(untold)),
            Change::Modified(old, new) if new.kind.is_file() && !untold(&new) => {
                drop(old);
                (None, None)
            }
            Change::Modified(old, new) => (files(old), files(new)),
        }
    };
    let changes = Diff::new(nodes, before, after)?.map(|change| change.map(sides));
    let changes = changes.filter(|sides| !matches!(sides, Ok((None, None))));
    parallel::ordered(
        changes,
        2 * parallel::threads(),
        || (),
        |(), (old, new): Sides| {
            let mut account = counting.account();
            counting.stored(old.as_ref(), new.as_ref(), &mut account)?;
            Ok(account)
        },
        |own| {
            account.absorb(own);
            Ok(())
        },
    )
}
