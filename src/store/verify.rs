//! Recomputes the hashes of what the store holds.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::id::{Content, Id, Pack};
use crate::object::{Key, ObjectKind};
use crate::pack::reader;
use crate::parallel;
use crate::progress::Progress;
use crate::store::content;
use crate::store::read::Store;

/// Contents of a batch that one core checks at once.
const BATCH: usize = 64;

/// Reads each content whole, on all cores, and hands out those that the store cannot rebuild.
pub fn contents(
    store: &Store,
    contents: impl Iterator<Item = Result<(Id<Content>, u64)>> + Send,
    progress: &dyn Progress,
    mut bad: impl FnMut(Id<Content>, Error) -> Result<()>,
) -> Result<()> {
    let mut contents = contents.peekable();
    let batches = std::iter::from_fn(|| {
        contents.peek()?;
        Some(contents.by_ref().take(BATCH).collect::<Result<Vec<_>>>())
    });
    let check = |(): &mut (), batch: Vec<(Id<Content>, u64)>| -> Result<Vec<(Id<Content>, Error)>> {
        let mut bad = Vec::new();
        for (id, size) in batch {
            progress.check()?;
            let chunk = |bytes: &[u8]| {
                progress.advance(0, bytes.len() as u64);
                progress.check()
            };
            if let Err(e) = content::read(store, id, size, chunk) {
                if e.ends_check() {
                    return Err(e);
                }
                bad.push((id, e));
            }
            progress.advance(1, 0);
        }
        Ok(bad)
    };
    parallel::ordered(
        batches,
        2 * parallel::threads(),
        || (),
        check,
        |found| found.into_iter().try_for_each(|(id, e)| bad(id, e)),
    )
}

/// Recomputes the hash of every pack and hands out those that are not what their names say.
pub fn packs(store: &Store, progress: &dyn Progress, bad: impl FnMut(&Path, Error)) -> Result<()> {
    hashes(store.packs()?, progress, bad)
}

/// Does the same for the packs of structure alone, which are small beside those of data.
pub fn structure(store: &Store, progress: &dyn Progress, bad: impl FnMut(&Path, Error)) -> Result<()> {
    let folder = store.layout().packs(ObjectKind::Node);
    hashes(store.packs()?.into_iter().filter(|(_, path)| path.parent() == Some(&folder)), progress, bad)
}

fn hashes(
    packs: impl IntoIterator<Item = (Id<Pack>, PathBuf)>,
    progress: &dyn Progress,
    mut bad: impl FnMut(&Path, Error),
) -> Result<()> {
    for (id, path) in packs {
        match pack(id, &path, progress) {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => bad(&path, e),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Returns the objects of these kinds of structure that there are, by the packs' own tables of contents and by the derived
/// tables. Hands out the packs that hold such and are not what their names say.
pub fn list_keys(
    store: &Store,
    kinds: &[ObjectKind],
    progress: &dyn Progress,
    mut bad: impl FnMut(&Path, Error),
) -> Result<BTreeSet<Key>> {
    let mut keys: BTreeSet<Key> = store.tables().rows().map(|row| row.key).filter(|key| kinds.contains(&key.kind)).collect();
    let folder = store.layout().packs(ObjectKind::Node);
    for (id, path) in store.packs()?.into_iter().filter(|(_, path)| path.parent() == Some(&folder)) {
        progress.check()?;
        let outcome = reader::read_toc(&path).and_then(|blocks| {
            let mut here = blocks.iter().filter(|block| kinds.contains(&block.kind)).peekable();
            let holds = here.peek().is_some();
            keys.extend(here.flat_map(|block| block.keys().map(|(key, ..)| key)));
            if holds { pack(id, &path, progress) } else { Ok(()) }
        });
        match outcome {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => bad(&path, e),
            Ok(()) => {}
        }
    }
    Ok(keys)
}

/// Fails unless a pack is what its name says.
fn pack(id: Id<Pack>, path: &Path, progress: &dyn Progress) -> Result<()> {
    if hash(path, progress)? == *id.as_bytes() {
        return Ok(());
    }
    Err(Error::damaged(format!("pack {} is damaged: its content does not match its name", path.display())))
}

fn hash(path: &Path, progress: &dyn Progress) -> Result<[u8; 32]> {
    let fail = |e| Error::io("cannot read", path, e);
    let mut file = reader::open(path)?;
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 20]);
    loop {
        progress.check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(*hasher.finalize().as_bytes()),
            Ok(n) => drop(hasher.update(&buffer[..n])),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(fail(e)),
        }
    }
}
