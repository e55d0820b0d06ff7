//! Builds the index tables anew from the packs, also from those whose table of contents is damaged.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result, counted};
use crate::id::{Id, Pack};
use crate::limits;
use crate::object::Key;
use crate::pack::block::BlockHead;
use crate::pack::index::{IndexRow, IndexTable};
use crate::pack::{merged, reader, writer};
use crate::progress::Progress;
use crate::store::read::{REBUILT_AT_ONCE, Store};

/// The tables that were rebuilt.
#[derive(Debug)]
pub struct RebuildReport {
    /// Packs that were read.
    pub packs: u64,
    /// Objects in them.
    pub objects: u64,
    /// The errors of packs that could not be read.
    pub problems: Vec<Error>,
}

/// A pack whose table of contents is damaged, and the blocks that were found without it.
struct DamagedPack {
    pack: Id<Pack>,
    error: Error,
    /// The start of each block, its length, and its head.
    blocks: Vec<(u32, u32, BlockHead)>,
    objects: u64,
}

impl Store {
    /// Builds the tables anew from the packs, a part at a time, and drops the old ones. What whole blocks hold is found
    /// also where the table of contents of their pack is damaged.
    pub fn rebuild_tables(&self, progress: &dyn Progress) -> Result<RebuildReport> {
        let packs = self.packs()?;
        let mut rebuilt = RebuildReport { packs: 0, objects: 0, problems: Vec::new() };
        let mut damaged = Vec::new();
        merged::clear(&self.layout().index())?;
        progress.expect(packs.len() as u64, 0);
        for part in packs.chunks(REBUILT_AT_ONCE) {
            progress.check()?;
            let mut rows = Vec::new();
            for (id, path) in part {
                match reader::read_toc(path) {
                    Ok(blocks) => {
                        rebuilt.packs += 1;
                        rows.extend(writer::rows(id, &blocks));
                    }
                    Err(e) if e.kind() == ErrorKind::Damaged => damaged.push((*id, path.clone(), e)),
                    Err(e) => rebuilt.problems.push(e),
                }
            }
            rebuilt.objects += rows.len() as u64;
            self.write_table(rows)?;
            progress.advance(part.len() as u64, 0);
        }
        self.refresh()?;
        self.salvage(damaged, &mut rebuilt, progress)?;
        Ok(rebuilt)
    }

    /// Finds the objects of packs by their blocks alone. Those that stand alone come first, since deltas are decoded with
    /// them.
    fn salvage(
        &self,
        packs: Vec<(Id<Pack>, PathBuf, Error)>,
        rebuilt: &mut RebuildReport,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut salvages = Vec::new();
        for (pack, path, error) in packs {
            progress.check()?;
            salvages.push(DamagedPack { pack, error, blocks: reader::blocks(&path)?, objects: 0 });
        }
        for depth in 0..=limits::BLOCK_DEPTH {
            let mut any = false;
            for salvage in &mut salvages {
                let mut rows = Vec::new();
                for (offset, len, head) in salvage.blocks.iter().filter(|(.., head)| head.depth == depth) {
                    progress.check()?;
                    rows.extend(self.objects(salvage.pack, *offset, *len, head));
                }
                any |= !rows.is_empty();
                salvage.objects += rows.len() as u64;
                self.write_table(rows)?;
            }
            if any {
                self.refresh()?;
            }
        }
        for DamagedPack { error, objects, .. } in salvages {
            rebuilt.objects += objects;
            let found = format!("{error}; found {} without it", counted(objects, "object"));
            rebuilt.problems.push(if objects > 0 { Error::damaged(found) } else { error });
        }
        Ok(())
    }

    /// Returns the rows of the objects of a block that can be decoded. Their ids follow from their bytes.
    fn objects(&self, pack: Id<Pack>, offset: u32, len: u32, head: &BlockHead) -> Vec<IndexRow> {
        let (mut rows, mut raw_at) = (Vec::new(), 0);
        for raw_len in &head.lens {
            let key = Key { id: [0; 32], kind: head.kind };
            let row = IndexRow { key, depth: head.depth, pack, offset, len, raw_at, raw_len: *raw_len };
            let id = self.read(&row, false).ok().and_then(|object| head.kind.id_of(&object));
            rows.extend(id.map(|id| IndexRow { key: Key { id, ..key }, ..row }));
            raw_at += raw_len;
        }
        rows
    }

    fn write_table(&self, rows: Vec<IndexRow>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        merged::add(&self.layout().index(), &self.layout().tmp(), &IndexTable::of(rows))
    }
}
