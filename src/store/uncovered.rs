//! Packs that no table covers, since a process was killed before it wrote one, or a collector before it removed them all.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs::atomic;
use crate::id::{Id, Pack};
use crate::object::{Key, ObjectKind};
use crate::pack::index::IndexRow;
use crate::pack::merged::IndexTables;
use crate::pack::toc::BlockEntry;
use crate::pack::{reader, writer};
use crate::store::read::{Packs, REBUILT_AT_ONCE, Store};

impl Store {
    /// Refreshes for a writer: packs that no table covers get a table, once they are durable.
    ///
    /// A pack with a delta whose base is gone stays without one. A collector that was interrupted may have removed the pack
    /// of the base before that of the delta, and a writer must not rely on what cannot be read.
    pub(crate) fn index_uncovered_packs(&self) -> Result<()> {
        self.forget_refresh();
        let layout = self.layout();
        let (mut tables, mut stray) = self.covering_tables(IndexTables::load(&layout.index())?)?;
        loop {
            let (before, mut incomplete) = (stray.len(), Packs::new());
            for part in stray.chunks(REBUILT_AT_ONCE) {
                let (rows, left) = complete_packs(&tables, part);
                incomplete.extend(left);
                if rows.is_empty() {
                    continue;
                }
                for kind in [ObjectKind::Chunk, ObjectKind::Node] {
                    atomic::sync_folder(&layout.packs(kind))?;
                }
                self.index(rows)?;
                tables = self.covering_tables(IndexTables::load(&layout.index())?)?.0;
            }
            // The base of one part may be in a later one.
            if incomplete.is_empty() || incomplete.len() == before {
                break;
            }
            stray = incomplete;
        }
        self.set_tables(tables);
        Ok(())
    }
}

/// Returns the rows of those packs whose deltas have their bases in the tables or in these packs, and the other packs. One
/// that cannot be read is neither.
fn complete_packs(tables: &IndexTables, packs: &[(Id<Pack>, PathBuf)]) -> (Vec<IndexRow>, Packs) {
    let read = |pack: &(_, PathBuf)| Some((pack.clone(), contents(&pack.1).ok()?));
    let mut contents: Vec<_> = packs.iter().filter_map(read).collect();
    let mut incomplete = Packs::new();
    loop {
        let mut depths: HashMap<Key, u8> = HashMap::new();
        for block in contents.iter().flat_map(|(_, (blocks, _))| blocks) {
            for (key, ..) in block.keys() {
                let depth = depths.entry(key).or_insert(block.depth);
                *depth = block.depth.min(*depth);
            }
        }
        let is_there = |(key, depth): &(Key, u8)| {
            depths.get(key).is_some_and(|own| own < depth) || tables.find(key).iter().any(|row| row.depth < *depth)
        };
        let (whole, left): (Vec<_>, Vec<_>) = contents.into_iter().partition(|(_, (_, bases))| bases.iter().all(is_there));
        contents = whole;
        if left.is_empty() {
            break;
        }
        incomplete.extend(left.into_iter().map(|(pack, _)| pack));
    }
    (contents.iter().flat_map(|((id, _), (blocks, _))| writer::rows(id, blocks)).collect(), incomplete)
}

/// The blocks of a pack, and the bases of its deltas, each with the depth of the block that needs it.
type PackContents = (Vec<BlockEntry>, Vec<(Key, u8)>);

/// Reads the table of contents of a pack, and the heads of its deltas.
fn contents(path: &Path) -> Result<PackContents> {
    let (blocks, file) = (reader::read_toc(path)?, reader::open(path)?);
    let mut bases = Vec::new();
    for block in blocks.iter().filter(|block| block.depth > 0) {
        let runs = reader::read_head(&file, path, block)?.runs;
        bases.extend(runs.into_iter().flat_map(|run| run.bases).map(|base| (base, block.depth)));
    }
    Ok((blocks, bases))
}
