//! The objects of structure: each can be read, and is in its canonical form.

use crate::check::{Problem, Problems, packs};
use crate::error::{Error, Result};
use crate::id::{Id, VersionId};
use crate::object::{Key, ObjectKind};
use crate::pack::reader;
use crate::progress::Progress;
use crate::store::{Store, check_form};

/// Reads every recipe, node, schema, verdict, version record and fact of the packs. Those that cannot be read, and no other
/// problem names, are `object-damaged`. Returns the number of objects.
///
/// # Errors
/// If the user interrupts it, or may not read a pack.
pub fn check(store: &Store, progress: &dyn Progress, problems: &Problems) -> Result<u64> {
    let mut objects = 0;
    for (id, path) in packs::structure_packs(store)? {
        // A pack without a table of contents is a problem of its own.
        let Ok(blocks) = reader::read_toc(&path) else { continue };
        for (key, ..) in blocks.iter().flat_map(|block| block.keys()) {
            progress.check()?;
            objects += 1;
            let form = |bytes: &[u8]| check_form(&key, bytes).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")));
            match store.get(&key).and_then(|object| form(&object)) {
                Err(e) if e.ends_check() => return Err(e),
                Err(e) if !is_named(problems, &key) => {
                    let problem = Problem::new("object-damaged", e.to_string());
                    problems.add(problem.object(key.to_string()).pack(id.to_hex()));
                }
                _ => {}
            }
        }
    }
    Ok(objects)
}

/// Returns true if a problem names the object.
fn is_named(problems: &Problems, key: &Key) -> bool {
    let version = || format!("version {}", Id::<VersionId>::from_bytes(key.id));
    problems.has_object(&key.to_string()) || key.kind == ObjectKind::Version && problems.has_object(&version())
}
