//! Index tables: any bytes are refused, or every row is read and looked up.
#![no_main]

use helox::formats::index::IndexTable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    std::fs::write(&path, input).unwrap();
    let Ok(table) = IndexTable::open(&path) else { return };
    let rows: Vec<_> = (0..table.len().min(1_000)).filter_map(|n| table.row(n)).collect();
    for row in &rows {
        assert!(!table.is_intact() || table.find(&row.key).any(|found| found == *row));
    }
});
