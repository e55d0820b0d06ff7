//! Reads packs by position, so that a fault of the disk is an error and never a signal.

use std::fs::File;
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use crate::codec::Malformed;
use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::pack::block::{self, BlockHead};
use crate::pack::toc::{self, BlockEntry};

fn damaged(path: &Path, what: Malformed) -> Error {
    Error::damaged(format!("pack {} is damaged: {what}", path.display()))
}

/// Opens a pack.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) for what is not a file, such as a folder, a pipe or a link to nothing.
pub fn open(path: &Path) -> Result<File> {
    let no_file = || Error::damaged(format!("pack {} is not a file", path.display()));
    match atomic::open(path) {
        Ok(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => Ok(file),
        Ok(_) => Err(no_file()),
        Err(_) if path.is_symlink() && !path.exists() => Err(no_file()),
        Err(e) => Err(Error::io("cannot open the pack", path, e)),
    }
}

/// Reads `len` bytes at `offset` of the pack at `path`.
pub fn read_at(file: &File, path: &Path, offset: u64, len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        let at = offset + bytes.len() as u64;
        let room = len - bytes.len();
        bytes.reserve_exact(room);
        match pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(damaged(path, Malformed("unexpected end of data"))),
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(Error::io("cannot read", path, e.into())),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

/// Reads the table of contents of a pack.
pub fn read_toc(path: &Path) -> Result<Vec<BlockEntry>> {
    let file = open(path)?;
    let len = file.metadata().map_err(|e| Error::io("cannot read", path, e))?.len();
    let least = (toc::HEADER.len() + toc::FOOTER) as u64;
    if len < least || read_at(&file, path, 0, toc::HEADER.len())? != toc::HEADER {
        return Err(damaged(path, Malformed("it is not a pack")));
    }
    let footer_at = len - toc::FOOTER as u64;
    let (toc_len, hash) = toc::footer(&read_at(&file, path, footer_at, toc::FOOTER)?).map_err(|e| damaged(path, e))?;
    let toc_at = footer_at
        .checked_sub(toc_len as u64)
        .filter(|at| *at >= toc::HEADER.len() as u64)
        .ok_or_else(|| damaged(path, Malformed("its table of contents is longer than the pack")))?;
    toc::decode(&read_at(&file, path, toc_at, toc_len)?, &hash, toc_at).map_err(|e| damaged(path, e))
}

/// Fails unless the heads of the blocks of a pack agree with its table of contents: kind, depth, and the lengths of the
/// objects.
pub fn check_heads(path: &Path) -> Result<()> {
    let blocks = read_toc(path)?;
    let file = open(path)?;
    for entry in blocks {
        let at = u64::from(entry.offset);
        let differs = || damaged(path, Malformed("the head of a block does not match its table of contents"));
        let header = read_at(&file, path, at, block::HEADER)?;
        let len = block::head_len(&header).filter(|_| block::len(&header) == Some(entry.len as usize)).ok_or_else(differs)?;
        let (head, _) = block::head(&read_at(&file, path, at, len)?).map_err(|e| damaged(path, e))?;
        let lens = entry.objects.iter().map(|(_, len)| *len);
        if (head.kind, head.depth) != (entry.kind, entry.depth) || !head.lens.iter().copied().eq(lens) {
            return Err(differs());
        }
    }
    Ok(())
}

/// Bytes that are searched for a block at once.
const WINDOW: usize = 64 << 10;

/// Finds the blocks of a pack without its table of contents: where each begins, its length, and its head. Bytes between
/// them that are no block are passed over.
pub fn blocks(path: &Path) -> Result<Vec<(u32, u32, BlockHead)>> {
    let file = open(path)?;
    let end = file.metadata().map_err(|e| Error::io("cannot read", path, e))?.len();
    let (mut blocks, mut at) = (Vec::new(), 0);
    while at + block::HEADER as u64 <= end {
        let len = block::len(&read_at(&file, path, at, block::HEADER)?).filter(|len| at + *len as u64 <= end);
        let whole = len.map(|len| read_at(&file, path, at, len)).transpose()?;
        if let Some((whole, (head, _))) = whole.and_then(|whole| Some((whole.len(), block::decode(&whole).ok()?)))
            && let Ok(offset) = u32::try_from(at)
        {
            blocks.push((offset, whole as u32, head));
            at += whole as u64;
            continue;
        }
        // The next place where a block may begin.
        at += 1;
        let window = read_at(&file, path, at, WINDOW.min((end - at) as usize))?;
        let found = window.windows(block::MAGIC.len()).position(|bytes| bytes == block::MAGIC);
        at += found.unwrap_or((window.len() + 1).saturating_sub(block::MAGIC.len()).max(1)) as u64;
    }
    Ok(blocks)
}
