//! The packs: each is what its name says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::check::{Problem, Problems};
use crate::error::{Error, Result};
use crate::id::{Id, Pack};
use crate::object::{Key, ObjectKind};
use crate::pack::block;
use crate::pack::reader;
use crate::pack::toc;
use crate::progress::Progress;
use crate::store::Store;
use crate::store::read::Packs;

/// Recomputes the hash of every pack. Those that are not what their names say are `pack-damaged`.
///
/// # Errors
/// If the user interrupts it, or may not read a pack.
pub fn check(store: &Store, progress: &dyn Progress, problems: &Problems) -> Result<()> {
    hashes(store.packs()?, progress, |id, _, e| problems.add(damaged(&id, &e)))
}

/// Checks every pack by its blocks: they are whole, agree with the table of contents, and the pack is what its name says.
/// Returns the packs that are damaged.
///
/// # Errors
/// Those of [`check`].
pub fn check_blocks(store: &Store, progress: &dyn Progress, problems: &Problems) -> Result<Packs> {
    let mut bad = Packs::new();
    for (id, path) in store.packs()? {
        match check_each_block(store, id, &path, progress) {
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => {
                problems.add(damaged(&id, &e));
                bad.push((id, path));
            }
            Ok(()) => {}
        }
    }
    Ok(bad)
}

/// Fails unless a pack is what its name says, and its blocks are those of its table of contents. Reads it once.
fn check_each_block(store: &Store, id: Id<Pack>, path: &Path, progress: &dyn Progress) -> Result<()> {
    let blocks = reader::read_toc(path)?;
    let file = reader::open(path)?;
    let len = file.metadata().map_err(|e| Error::io("cannot read", path, e))?.len();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&reader::read_at(&file, path, 0, toc::HEADER.len())?);
    let (mut end, mut wrong) = (toc::HEADER.len() as u64, None);
    for entry in &blocks {
        progress.check()?;
        let bytes = reader::read_at(&file, path, u64::from(entry.offset), entry.len as usize)?;
        hasher.update(&bytes);
        end += u64::from(entry.len);
        let reason = match block::decode(&bytes) {
            Err(e) => e.to_string(),
            Ok((head, _)) if path.parent() != Some(&store.layout().packs(head.kind)) => {
                format!("a {} is in the wrong folder", head.kind.name())
            }
            Ok((head, _)) if entry.agrees_with(&head) => continue,
            Ok(_) => "it does not match the table of contents".to_owned(),
        };
        wrong.get_or_insert(format!("the block at {}: {reason}", entry.offset));
    }
    hasher.update(&reader::read_at(&file, path, end, (len - end) as usize)?);
    let is_named = hasher.finalize() == *id.as_bytes();
    let reason = match (is_named, wrong) {
        (true, None) => return Ok(()),
        (true, Some(wrong)) => wrong,
        (false, Some(wrong)) => format!("its content does not match its name; {wrong}"),
        (false, None) => "its content does not match its name".to_owned(),
    };
    Err(Error::damaged(format!("pack {} is damaged: {reason}", path.display())))
}

/// Recomputes the hash of every pack of structure; these are small beside those of data.
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

/// Returns the packs of structure.
///
/// # Errors
/// If their folder cannot be read.
pub fn structure_packs(store: &Store) -> Result<impl Iterator<Item = (Id<Pack>, PathBuf)>> {
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
///
/// # Errors
/// Those of [`check`], and damage.
pub fn check_hash(id: Id<Pack>, path: &Path, progress: &dyn Progress) -> Result<()> {
    reader::check_name(&id, path, || progress.check())?;
    reader::check_heads(path)
}
