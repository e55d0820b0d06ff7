//! Writes one pack: blocks as they come, then the table of contents.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::atomic::TempFile;
use crate::id::{Id, Pack};
use crate::object::Key;
use crate::pack::block::BlockHead;
use crate::pack::index::IndexRow;
use crate::pack::toc::{self, BlockEntry};

/// A pack is sealed once it is this long, in bytes.
pub const FULL: u64 = 64 << 20;
/// A pack is sealed also once it holds so many objects, which bounds the memory of a commit of tiny files.
const MAX_OBJECTS: usize = 1 << 17;

/// A pack that is being written.
#[derive(Debug)]
pub struct PackWriter {
    temp: TempFile,
    hasher: blake3::Hasher,
    at: u64,
    objects: usize,
    blocks: Vec<BlockEntry>,
}

impl PackWriter {
    /// Begins a pack in the folder of temporary files.
    pub fn create(tmp: &Path) -> Result<PackWriter> {
        let mut pack =
            PackWriter { temp: TempFile::create(tmp)?, hasher: blake3::Hasher::new(), at: 0, objects: 0, blocks: Vec::new() };
        pack.write(&toc::HEADER)?;
        Ok(pack)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.temp.write_all(bytes).map_err(|e| Error::io("cannot write", self.temp.path(), e))?;
        self.hasher.update(bytes);
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Adds a block in its stored form, which holds the objects `ids` in order.
    pub fn append(&mut self, head: &BlockHead, ids: &[[u8; 32]], block: &[u8]) -> Result<()> {
        let objects = ids.iter().copied().zip(head.lens.iter().copied()).collect();
        self.objects += ids.len();
        let (Ok(offset), Ok(len)) = (u32::try_from(self.at), u32::try_from(block.len())) else {
            return Err(Error::rejected("a pack", "it is longer than 4 GiB"));
        };
        self.blocks.push(BlockEntry { offset, len, kind: head.kind, depth: head.depth, objects });
        self.write(block)
    }

    /// Returns true if the pack has reached its length.
    pub fn is_full(&self) -> bool {
        self.at >= FULL || self.objects >= MAX_OBJECTS
    }

    /// Ends the pack. Nothing is durable, nor has a name, before [`SealedPack::publish`].
    pub fn seal(mut self) -> Result<SealedPack> {
        let toc = toc::encode(&self.blocks).map_err(|e| Error::rejected("a pack", e))?;
        self.write(&toc)?;
        let id = Id::from_bytes(*self.hasher.finalize().as_bytes());
        Ok(SealedPack { temp: self.temp, id, blocks: self.blocks })
    }
}

/// A whole pack that has no name yet.
#[derive(Debug)]
pub struct SealedPack {
    temp: TempFile,
    /// The hash of its bytes.
    pub id: Id<Pack>,
    blocks: Vec<BlockEntry>,
}

impl SealedPack {
    /// Syncs the pack and gives it its name in `folder`; the caller syncs the folder. Returns the rows of its objects.
    pub fn publish(self, folder: &Path) -> Result<Vec<IndexRow>> {
        self.temp.sync()?;
        self.temp.rename(&path_in(folder, &self.id))?;
        Ok(rows(&self.id, &self.blocks))
    }
}

/// Returns the path of a pack in its folder.
pub fn path_in(folder: &Path, id: &Id<Pack>) -> PathBuf {
    folder.join(format!("{id}.pack"))
}

/// Returns the rows by which the objects of a pack are found.
pub fn rows(pack: &Id<Pack>, blocks: &[BlockEntry]) -> Vec<IndexRow> {
    let row = |block: &BlockEntry, (key, raw_at, raw_len): (Key, u32, u32)| IndexRow {
        key,
        depth: block.depth,
        pack: *pack,
        offset: block.offset,
        len: block.len,
        raw_at,
        raw_len,
    };
    blocks.iter().flat_map(|block| block.keys().map(move |object| row(block, object))).collect()
}
