//! The index tables, which are derived: each is as it was written, and says what the packs say.

use std::collections::{BTreeMap, HashSet};

use crate::check::{Problem, Problems};
use crate::error::{Result, counted};
use crate::id::{Id, Pack};
use crate::pack::index::IndexTable;
use crate::pack::merged::{self, IndexTables};
use crate::pack::{reader, writer};
use crate::progress::Progress;
use crate::store::Store;

/// Checks the tables. Damaged ones, and packs of which they lack objects, are `index-damaged`; packs that only they know are
/// `pack-missing`.
///
/// # Errors
/// If the user interrupts it, or may not read a pack.
pub fn check(store: &Store, progress: &dyn Progress, problems: &Problems) -> Result<()> {
    let folder = store.layout().index();
    for path in merged::files(&folder) {
        let reason = match IndexTable::open(&path) {
            Ok(table) if table.is_intact() => continue,
            Ok(_) => format!("index table {} is damaged: its rows do not match their hash", path.display()),
            Err(e) if e.ends_check() => return Err(e),
            Err(e) => e.to_string(),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        problems.add(Problem::new("index-damaged", reason).entry(format!("index/{name}")));
    }
    let tables = IndexTables::load(&folder)?.intact();
    let (packs, covered) = (store.packs()?, tables.packs());
    let present: HashSet<Id<Pack>> = packs.iter().map(|(id, _)| *id).collect();
    missing_packs(&tables, &present, problems);
    for (id, path) in packs.iter().filter(|(id, _)| covered.contains(id)) {
        progress.check()?;
        let Ok(blocks) = reader::read_toc(path) else { continue };
        let lacking = writer::rows(id, &blocks).into_iter().filter(|row| !tables.find(&row.key).contains(row)).count();
        if lacking > 0 {
            let message = format!("the index tables lack {} of pack {}", counted(lacking as u64, "object"), path.display());
            problems.add(Problem::new("index-damaged", message).object(format!("{id}.pack")).pack(id.to_hex()));
        }
    }
    Ok(())
}

fn missing_packs(tables: &IndexTables, present: &HashSet<Id<Pack>>, problems: &Problems) {
    if tables.packs().is_subset(present) {
        return;
    }
    let mut missing: BTreeMap<Id<Pack>, u64> = BTreeMap::new();
    for row in tables.rows().filter(|row| !present.contains(&row.pack)) {
        *missing.entry(row.pack).or_default() += 1;
    }
    for (id, objects) in missing {
        let message = format!("pack {id} is missing; the index tables list {} in it", counted(objects, "object"));
        problems.add(Problem::new("pack-missing", message).object(format!("{id}.pack")).pack(id.to_hex()));
    }
}
