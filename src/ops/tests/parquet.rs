//! Parquet files of several row groups, of which some stay as they were.

use std::collections::HashMap;
use std::sync::Arc;

use ::parquet::data_type::Int64Type;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::*;
use crate::ops::{diff, show};

/// A file of one column, in row groups of these values.
fn file(column: &str, groups: &[Vec<i64>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ required int64 {column}; }}")).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    for values in groups {
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(values, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// How many values are in one and not in the other.
fn beyond(these: &[Vec<i64>], others: &[Vec<i64>]) -> u64 {
    let mut left: HashMap<i64, i64> = HashMap::new();
    these.iter().flatten().for_each(|value| *left.entry(*value).or_default() += 1);
    others.iter().flatten().for_each(|value| *left.entry(*value).or_default() -= 1);
    left.values().filter(|count| **count > 0).sum::<i64>() as u64
}

fn groups() -> impl Strategy<Value = Vec<Vec<i64>>> {
    let group = prop::sample::select(vec![vec![1, 2, 3], vec![1, 2, 4], vec![5], vec![6, 6], vec![1, 2, 3, 7], vec![]]);
    prop::collection::vec(group, 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn what_stays_is_counted_as_if_it_were_read(old in groups(), new in groups()) {
        let bench = Bench::new();
        bench.write("f.parquet", file("x", &old));
        bench.commit(|_| ()).unwrap();
        bench.write("f.parquet", file("x", &new));
        let report = bench.commit(|o| o.allow_empty = true).unwrap();
        let expected = (Some(beyond(&new, &old)), Some(beyond(&old, &new)));
        prop_assert_eq!((report.samples_added, report.samples_removed), expected);
        let rows: usize = new.iter().map(Vec::len).sum();
        prop_assert_eq!(report.version.total_samples, Some(rows as u64));

        let samples = Some(diff::SampleOptions { by_file: true, patch: true, limit: None });
        let options = diff::DiffOptions { from: Some("HEAD~1".into()), to: Some("HEAD".into()), paths: vec![], samples };
        let found = diff::run(&bench.repo(), &options, &NoProgress).unwrap();
        let counts = found.samples.unwrap();
        prop_assert_eq!((Some(counts.added), Some(counts.removed)), expected);
        prop_assert_eq!(found.records.unwrap().len() as u64, counts.added + counts.removed);

        let anew = Bench::new();
        anew.write("f.parquet", file("x", &new));
        anew.commit(|_| ()).unwrap();
        let schema = |bench: &Bench| show::run(&bench.repo(), None).unwrap().schema;
        prop_assert_eq!(schema(&bench), schema(&anew));
    }
}

#[test]
fn a_file_that_was_damaged_is_read_whole() {
    let bench = Bench::new();
    let groups = [vec![1, 2, 3], vec![4, 5, 6]];
    let mut bytes = file("x", &groups);
    // The header of the first page.
    bytes[4] ^= 0xff;
    bench.write("f.parquet", bytes.clone());
    assert_eq!(bench.commit(|_| ()).unwrap().version.total_samples, Some(1));
    bytes.extend_from_slice(b"more");
    let footer = file("x", &groups);
    bytes.extend_from_slice(
        &footer[footer.len() - 8 - u32::from_le_bytes(*footer[..footer.len() - 4].last_chunk().unwrap()) as usize..],
    );
    bench.write("f.parquet", bytes);
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!((report.version.total_samples, report.samples_added, report.samples_removed), (Some(1), Some(1), Some(1)));
}
