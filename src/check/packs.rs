//! The packs: each is what its name says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::check::{Problem, Problems};
use crate::error::{Error, Result};
use crate::id::{Id, Pack};
use crate::object::{Key, ObjectKind};
use crate::pack::reader;
use crate::progress::Progress;
use crate::store::Store;

/// Recomputes the hash of every pack. Those that are not what their names say are `pack-damaged`.
///
/// # Errors
/// If the user interrupts it, or may not read a pack.
pub fn check(store: &Store, progress: &dyn Progress, problems: &Problems) -> Result<()> {
    hashes(store.packs()?, progress, |id, _, e| problems.add(damaged(&id, &e)))
}

/// Does the same for the packs of structure alone, which are small beside those of data.
///
/// # Errors
/// Those of [`check`].
pub fn check_structure(store: &Store, progress: &dyn Progress, problems: &Problems) -> Result<()> {
    structure(store, progress, |id, _, e| problems.add(damaged(&id, &e)))
}

/// Hands out the packs of structure that are not what their names say.
///
/// # Errors
/// Those of [`check`].
pub fn structure(store: &Store, progress: &dyn Progress, bad: impl FnMut(Id<Pack>, &Path, Error)) -> Result<()> {
    hashes(structure_packs(store)?, progress, bad)
}

fn structure_packs(store: &Store) -> Result<impl Iterator<Item = (Id<Pack>, PathBuf)>> {
    let folder = store.layout().packs(ObjectKind::Node);
    Ok(store.packs()?.into_iter().filter(move |(_, path)| path.parent() == Some(&folder)))
}

fn damaged(id: &Id<Pack>, error: &Error) -> Problem {
    Problem::new("pack-damaged", error.to_string()).object(format!("{id}.pack")).pack(id.to_hex())
}

fn hashes(
    packs: impl IntoIterator<Item = (Id<Pack>, PathBuf)>,
    progress: &dyn Progress,
    mut bad: impl FnMut(Id<Pack>, &Path, Error),
) -> Result<()> {
    for (id, path) in packs {
        match check_hash(id, &path, progress) {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => bad(id, &path, e),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Returns the objects of these kinds of structure that there are, by the packs' own tables of contents and by the derived
/// tables. Packs that cannot be read are passed over.
///
/// # Errors
/// Those of [`check`].
pub fn keys(store: &Store, kinds: &[ObjectKind], progress: &dyn Progress) -> Result<BTreeSet<Key>> {
    let mut keys: BTreeSet<Key> = store.tables().rows().map(|row| row.key).filter(|key| kinds.contains(&key.kind)).collect();
    for (_, path) in structure_packs(store)? {
        progress.check()?;
        match reader::read_toc(&path) {
            Err(e) if e.ends_check() => return Err(e),
            Err(_) => {}
            Ok(blocks) => {
                let own = blocks.iter().filter(|block| kinds.contains(&block.kind));
                keys.extend(own.flat_map(|block| block.keys().map(|(key, ..)| key)));
            }
        }
    }
    Ok(keys)
}

/// Fails unless a pack is what its name says, and its blocks what its table of contents says.
fn check_hash(id: Id<Pack>, path: &Path, progress: &dyn Progress) -> Result<()> {
    if reader::hash(path, || progress.check())? != *id.as_bytes() {
        return Err(Error::damaged(format!("pack {} is damaged: its content does not match its name", path.display())));
    }
    reader::check_heads(path)
}
