//! The chunks of a file that the file it replaces has too, from front to back.

use crate::error::Result;
use crate::id::{Content, Id};
use crate::object::recipe::RecipeItem;
use crate::store::OldFile;
use crate::store::read::Store;

/// Bytes of a gap's new side after which as many of the old side are told.
const TURN: u64 = 4 << 20;

/// Goes along the old file's chunks. Every one of them is given out once: as what stands in both, or in a gap.
pub(super) struct Aligner<'a> {
    old: OldFile<'a>,
    /// The start of the chunks that have not been given out.
    at: u64,
    /// Bytes of the gap's new side for which none of the old side have been told.
    ahead: u64,
}

impl<'a> Aligner<'a> {
    pub fn new(store: &'a Store, content: Id<Content>, size: u64) -> Result<Aligner<'a>> {
        Ok(Aligner { old: OldFile::of(store, content, size)?, at: 0, ahead: 0 })
    }

    /// Looks for this chunk of the new file further down in the old one. If it is there, gives out the old chunks before
    /// it, which fill the gap, and itself.
    pub fn find(&mut self, id: &[u8; 32], gap: &mut Vec<RecipeItem>) -> Result<bool> {
        let Some(place) = self.old.place(id).filter(|&place| place >= self.at) else { return Ok(false) };
        while self.at < place {
            match self.next()? {
                Some(item) => gap.push(item),
                None => return Ok(false),
            }
        }
        self.ahead = 0;
        self.next().map(|item| item.is_some())
    }

    /// Bytes of the new file that stand nowhere: which old chunks are to be told by now.
    pub fn pass(&mut self, len: u64, gap: &mut Vec<RecipeItem>) -> Result<()> {
        self.ahead += len;
        while self.ahead > TURN
            && let Some(item) = self.next()?
        {
            self.ahead = self.ahead.saturating_sub(item.len);
            gap.push(item);
        }
        Ok(())
    }

    /// Returns the next old chunk, which is given out by this.
    pub fn next(&mut self) -> Result<Option<RecipeItem>> {
        let item = self.old.at(self.at)?;
        self.at += item.map_or(0, |item| item.len);
        Ok(item)
    }
}
