//! Reads packs by position, so that a fault of the disk is an error and never a signal.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread};

use crate::codec::Malformed;
use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::id::{Id, Pack};
use crate::pack::block::{self, BlockHead};
use crate::pack::toc::{self, BlockEntry};

/// Returns the error of a pack that is damaged.
pub fn damaged(path: &Path, what: Malformed) -> Error {
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

/// Returns the hash of all bytes of a pack. `check` is called between parts, and ends it.
fn hash(path: &Path, check: impl Fn() -> Result<()>) -> Result<[u8; 32]> {
    let mut file = open(path)?;
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 20]);
    loop {
        check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(*hasher.finalize().as_bytes()),
            Ok(n) => drop(hasher.update(&buffer[..n])),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io("cannot read", path, e)),
        }
    }
}

/// Fails unless a pack is what its name says. `check` is called between parts, and ends it.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) if its hash is another one.
pub fn check_name(id: &Id<Pack>, path: &Path, check: impl Fn() -> Result<()>) -> Result<()> {
    if hash(path, check)? == *id.as_bytes() {
        return Ok(());
    }
    Err(Error::damaged(format!("pack {} is damaged: its content does not match its name", path.display())))
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
    let (blocks, file) = (read_toc(path)?, open(path)?);
    blocks.iter().try_for_each(|entry| read_head(&file, path, entry).map(drop))
}

/// Reads the head of a block of the pack at `path`. Fails unless it agrees with the table of contents.
pub fn read_head(file: &File, path: &Path, entry: &BlockEntry) -> Result<BlockHead> {
    let at = u64::from(entry.offset);
    let differs = || damaged(path, Malformed("the head of a block does not match its table of contents"));
    let header = read_at(file, path, at, block::HEADER)?;
    let len = block::head_len(&header).filter(|_| block::len(&header) == Some(entry.len as usize)).ok_or_else(differs)?;
    let (head, _) = block::head(&read_at(file, path, at, len)?).map_err(|e| damaged(path, e))?;
    if entry.agrees_with(&head) { Ok(head) } else { Err(differs()) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::compress::Codec;
    use crate::object::{Key, ObjectKind};
    use crate::pack::block::DeltaRun;
    use crate::pack::writer::{PackWriter, path_in};

    fn alone(kind: ObjectKind, lens: &[u32]) -> BlockHead {
        BlockHead { kind, codec: Codec::Stored, depth: 0, lens: lens.to_vec(), runs: Vec::new() }
    }

    /// Writes a pack whose table of contents has a block as `listed` says.
    fn check(stored: &BlockHead, listed: &BlockHead) -> Result<()> {
        let dir = tempfile::tempdir().unwrap();
        let mut pack = PackWriter::create(dir.path()).unwrap();
        let block = block::encode(stored, &[7; 12]).unwrap();
        pack.append(listed, &vec![[1; 32]; listed.lens.len()], &block).unwrap();
        let sealed = pack.seal().unwrap();
        let path = path_in(dir.path(), &sealed.id);
        sealed.publish(dir.path()).unwrap();
        read_toc(&path).unwrap();
        check_heads(&path)
    }

    #[test]
    fn heads_agree_with_the_table_of_contents() {
        let head = alone(ObjectKind::Chunk, &[4, 8]);
        let base = Key { id: [9; 32], kind: ObjectKind::Chunk };
        let runs = vec![DeltaRun { objects: 2, bases: vec![base], len: 12 }];
        let delta = BlockHead { codec: Codec::Delta, depth: 1, runs, ..head.clone() };
        assert!(check(&head, &head).is_ok() && check(&delta, &delta).is_ok());
        for listed in [
            alone(ObjectKind::Node, &[4, 8]),
            alone(ObjectKind::Chunk, &[8, 4]),
            alone(ObjectKind::Chunk, &[4]),
            alone(ObjectKind::Chunk, &[4, 8, 0]),
            BlockHead { depth: 2, ..delta.clone() },
        ] {
            let error = check(if listed.depth > 0 { &delta } else { &head }, &listed).unwrap_err();
            assert!(error.message().ends_with("the head of a block does not match its table of contents"), "{error}");
        }
        assert!(check(&head, &delta).is_err() && check(&delta, &head).is_err());
    }

    #[test]
    fn a_block_has_the_objects_of_its_head() {
        let head = alone(ObjectKind::Chunk, &[4, 0, 8]);
        for (raw_at, raw_len, has) in [(0, 4, true), (4, 0, true), (4, 8, true), (0, 8, false), (4, 4, false), (12, 0, false)] {
            assert_eq!(head.has_object(raw_at, raw_len), has, "{raw_len} bytes at {raw_at}");
        }
    }
}
