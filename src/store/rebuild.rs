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
use crate::store::read::{Packs, REBUILT_AT_ONCE, Store};

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

    /// Finds the objects of packs by their blocks alone, and puts them into the tables of the store.
    fn salvage(
        &self,
        packs: Vec<(Id<Pack>, PathBuf, Error)>,
        rebuilt: &mut RebuildReport,
        progress: &dyn Progress,
    ) -> Result<()> {
        let (packs, errors): (Vec<_>, Vec<_>) = packs.into_iter().map(|(id, path, error)| ((id, path), error)).unzip();
        for (rows, error) in self.salvage_rows(&packs, progress)?.into_iter().zip(errors) {
            let objects = rows.len() as u64;
            self.write_table(rows)?;
            rebuilt.objects += objects;
            let found = format!("{error}; found {} without it", counted(objects, "object"));
            rebuilt.problems.push(if objects > 0 { Error::damaged(found) } else { error });
        }
        self.refresh().map(drop)
    }

    /// Returns the rows of the objects of packs that can be decoded, by their blocks alone. This store finds them from now
    /// on. Those that stand alone come first, since deltas are decoded with them.
    pub(crate) fn salvage_rows(&self, packs: &Packs, progress: &dyn Progress) -> Result<Vec<Vec<IndexRow>>> {
        let mut blocks = Vec::new();
        for (_, path) in packs {
            progress.check()?;
            blocks.push(reader::blocks(path)?);
        }
        let mut salvaged = vec![Vec::new(); packs.len()];
        for depth in 0..=limits::BLOCK_DEPTH {
            let mut all = Vec::new();
            for (n, (pack, _)) in packs.iter().enumerate() {
                for (offset, len, head) in blocks[n].iter().filter(|(.., head)| head.depth == depth) {
                    progress.check()?;
                    let rows = self.objects(*pack, *offset, *len, head);
                    all.extend_from_slice(&rows);
                    salvaged[n].extend(rows);
                }
            }
            if !all.is_empty() {
                self.add_table(IndexTable::of(all));
            }
        }
        Ok(salvaged)
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
