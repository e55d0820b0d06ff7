//! Parts of one large file that are read beside each other.
//!
//! A part begins with a record, wherever quotes and line ends stand: rows of CSV are found by a pass over the file that
//! looks for the ends of records alone. Invariant: the parts come to what the file comes to when it is read from front to
//! back.

use std::ops::Range;

use super::ReaderConfig;
use super::collect::RecordCollector;
use super::csv_table::CsvTable;
use super::file_side::FileSide;
use super::pair::StreamReader;
use super::record_diff::{DiffDetail, RecordDiff};
use super::rows::{self, RowGroupRun};
use super::{RecordRef, RecordText};
use crate::error::{Error, Result};
use crate::parallel;
use crate::sample::{HEAD, Jsonl, Record, RecordReader, Side};

/// Bytes of a part.
const PART: u64 = if cfg!(test) { 1 << 10 } else { 16 << 20 };

/// A part of a file.
#[derive(Clone, Debug)]
pub struct FilePart {
    kind: PartKind,
    /// True if the file begins with it.
    pub is_first: bool,
    /// Bytes of the file that it has, or as many as its rows take on average.
    pub bytes: u64,
}

#[derive(Clone, Debug)]
enum PartKind {
    /// The lines that begin in a range of bytes.
    Lines(Range<u64>),
    /// The rows of a table of text from a place up to a byte.
    Rows(RecordStart, u64),
    /// Row groups of a Parquet file.
    Groups(Range<usize>),
}

/// The start of a record: its byte and its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RecordStart {
    at: u64,
    line: u64,
}

/// Cuts a file that is shown as a new side into parts; `None` where it is short, or has to be read from front to back.
pub fn parts(config: &ReaderConfig, file: &FileSide<'_>) -> Result<Option<Vec<FilePart>>> {
    if file.size <= PART {
        return Ok(None);
    }
    let spec = &file.spec;
    let of_bytes = |range: Range<u64>, kind| FilePart { kind, is_first: range.start == 0, bytes: range.end - range.start };
    let parts: Vec<FilePart> = if spec.is_lines() && spec.is_plain() {
        let range = |start| start..file.size.min(start + PART);
        (0..file.size).step_by(PART as usize).map(|start| of_bytes(range(start), PartKind::Lines(range(start)))).collect()
    } else if spec.is_table() && spec.is_plain() {
        let Some((_, begun)) = table(config, file)? else { return Ok(None) };
        let places = places(config, file, PART, begun)?;
        let ends = places.iter().skip(1).map(|place| place.at).chain([file.size]);
        places.iter().zip(ends).map(|(place, end)| of_bytes(place.at..end, PartKind::Rows(*place, end))).collect()
    } else {
        let Some(runs) = rows::readable_runs(config, file)? else { return Ok(None) };
        let all: u64 = runs.iter().map(|run| run.rows).sum();
        let bytes = |rows: u64| (u128::from(file.size) * u128::from(rows) / u128::from(all.max(1))) as u64;
        let part = |RowGroupRun { groups, rows }| FilePart {
            is_first: groups.start == 0,
            bytes: bytes(rows),
            kind: PartKind::Groups(groups),
        };
        runs.into_iter().map(part).collect()
    };
    Ok(Some(parts).filter(|parts| parts.len() > 1))
}

/// Shows the records of a part, as a new side, and not always their lines.
pub fn visit_part(
    config: &ReaderConfig,
    file: &FileSide<'_>,
    part: &FilePart,
    each: &mut dyn FnMut(RecordRef<'_>),
) -> Result<()> {
    match &part.kind {
        PartKind::Lines(range) => lines(config, file, range.clone(), each),
        PartKind::Rows(from, end) => {
            let mut collector = RecordCollector::new(config, file.path, &file.spec, DiffDetail::Nothing, Some(each));
            let table = if from.at == 0 { None } else { table(config, file)?.map(|(table, _)| table) };
            read(config, Side::New, file, *from, *end, table, &mut collector).map(drop)
        }
        PartKind::Groups(run) => rows::visit_groups(config, file, run.clone(), each),
    }
}

fn lines(config: &ReaderConfig, file: &FileSide<'_>, range: Range<u64>, each: &mut dyn FnMut(RecordRef<'_>)) -> Result<()> {
    let mut reader = None;
    let mut take = |record: Record<'_>| {
        each(RecordRef { side: Side::New, path: file.path, line: 0, at: record.at, text: RecordText::of_json(&record) });
    };
    file.lines(range, &mut |at, bytes| {
        let begin = || {
            let start = Jsonl::new().with_limit(config.max_record());
            if at == 0 { start } else { start.within(b"", 0, at) }
        };
        reader.get_or_insert_with(begin).feed(bytes, &mut take);
    })?;
    if let Some(mut reader) = reader {
        reader.finish(&mut take);
    }
    Ok(())
}

/// Tells an account the records of one side of a file, part by part on as many cores as are free. Returns how many there
/// are; `None` where the file is short, or has to be read from front to back.
pub(super) fn one_side(config: &ReaderConfig, side: Side, file: &FileSide<'_>, diff: &mut RecordDiff) -> Result<Option<u64>> {
    let spec = &file.spec;
    if file.size <= PART || !spec.is_plain() || !spec.is_table() && !spec.is_lines() {
        return Ok(None);
    }
    one_side_in_parts(config, side, file, diff, PART)
}

fn one_side_in_parts(
    config: &ReaderConfig,
    side: Side,
    file: &FileSide<'_>,
    diff: &mut RecordDiff,
    size: u64,
) -> Result<Option<u64>> {
    let spec = &file.spec;
    let (table, begun) = match (table(config, file)?, spec.is_table()) {
        (Some((table, begun)), _) => (Some(table), begun),
        (None, false) => (None, 0),
        (None, true) => return Ok(None),
    };
    let detail = diff.detail();
    let mut all = RecordCollector::new(config, file.path, spec, detail, None);
    let places = places(config, file, size, begun)?;
    let ends = places.iter().skip(1).map(|place| place.at).chain([file.size]);
    let work = |(from, end): (RecordStart, u64)| {
        let mut own = RecordCollector::new(config, file.path, spec, detail, None);
        let count = read(config, side, file, from, end, table.clone().filter(|_| from.at > 0), &mut own)?;
        Ok((count, own.into_account()))
    };
    let mut count = 0;
    parallel::windows(places.iter().copied().zip(ends), work, |read| {
        let (records, own) = read?;
        count += records;
        all.diff.absorb(own);
        Ok::<_, Error>(())
    })?;
    if let Some(table) = table {
        all.tables[side as usize] = table;
    }
    diff.absorb(all.finish().0);
    Ok(Some(count))
}

/// Returns the columns of a table of text, which stay the same from a row on, and the byte before which that row begins;
/// `None` where the first bytes do not tell.
fn table(config: &ReaderConfig, file: &FileSide<'_>) -> Result<Option<(CsvTable, u64)>> {
    let Some(mut reader) = StreamReader::of(&file.spec, config.max_record()).filter(|_| file.spec.is_table()) else {
        return Ok(None);
    };
    let (mut table, mut begun, head) = (CsvTable::new(&file.spec), 0, file.start(HEAD)?);
    table.feed(Some(&head));
    // A row beyond the longest length is not a header: then a later one is.
    let mut is_told = true;
    reader.feed(&head, &mut |record| {
        is_told &= begun > 0 || record.excess().is_none();
        if record.excess().is_none() && (begun == 0 || table.header().is_none()) {
            table.observe(record, &mut |_, _| ());
            begun = record.at + 1;
        }
    });
    Ok(Some((table, begun)).filter(|(table, _)| is_told && table.header().is_some()))
}

/// Finds where parts of at least so many bytes begin: the start of the file, and records from a byte on.
fn places(config: &ReaderConfig, file: &FileSide<'_>, size: u64, begun: u64) -> Result<Vec<RecordStart>> {
    let mut places = vec![RecordStart::default()];
    let Some(mut reader) = StreamReader::of(&file.spec, config.max_record()) else { return Ok(places) };
    let mut next = size.max(begun);
    for piece in file.pieces()? {
        reader.feed(&piece?, &mut |record| {
            if record.at >= next {
                places.push(RecordStart { at: record.at, line: record.line });
                next = record.at + size;
            }
        });
        drop(reader.take_skipped_rows());
    }
    Ok(places)
}

/// Hands the records from a place up to a byte to an account; returns how many there are. `table` has the columns, but at
/// the start of the file, where they are found.
fn read(
    config: &ReaderConfig,
    side: Side,
    file: &FileSide<'_>,
    from: RecordStart,
    end: u64,
    table: Option<CsvTable>,
    collector: &mut RecordCollector<'_, '_>,
) -> Result<u64> {
    let Some(mut reader) = StreamReader::of(&file.spec, config.max_record()) else { return Ok(0) };
    if from.at > 0 {
        reader = reader.within(from.line, from.at);
    }
    if let Some(table) = table {
        collector.tables[side as usize] = table;
    }
    let mut count = 0;
    file.range(from.at..end, &mut |bytes| {
        collector.tables[side as usize].feed(Some(bytes));
        reader.feed(bytes, &mut |record| {
            count += 1;
            collector.take(side, record);
        });
        collector.take_skipped_rows(side, reader.take_skipped_rows());
    })?;
    collector.tables[side as usize].feed(None);
    reader.finish(&mut |record| {
        count += 1;
        collector.take(side, record);
    });
    collector.take_skipped_rows(side, reader.take_skipped_rows());
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::file_diff::FileDiff;
    use super::super::{FileSource, compare, visit};
    use super::*;
    use crate::sample::ReaderSpec;

    fn rules(key: &str) -> ReaderConfig {
        let no_formats: [(&str, &ReaderSpec); 0] = [];
        ReaderConfig::new(no_formats, &[key.to_owned()], &[], 4, 64, Path::new("/tmp")).unwrap()
    }

    fn half<'h>(path: &'h str, config: &ReaderConfig, bytes: &'h [u8]) -> FileSide<'h> {
        let (spec, size) = (config.spec_for(path), bytes.len() as u64);
        FileSide { path, spec, content: None, size, records: None, bytes: FileSource::Held(bytes) }.with_guess().unwrap()
    }

    /// Formats a diff.
    fn told(diff: RecordDiff) -> String {
        let mut schema = diff.schema;
        schema.fit();
        let counts = diff.tally.map(|tally| tally.counts().unwrap().0);
        format!("{counts:?} {:?} {} {:?}", schema.fields(), diff.issue_count, diff.issues)
    }

    /// Compares the parts of a file with all of it.
    fn check(path: &str, bytes: &[u8], size: u64) -> Result<(), TestCaseError> {
        let config = rules("a");
        let file = half(path, &config, bytes);
        for detail in [DiffDetail::Schema, DiffDetail::Differences] {
            for side in [Side::Old, Side::New] {
                let (mut whole, mut parted) = (RecordDiff::new(&config, detail), RecordDiff::new(&config, detail));
                let mut see = |_: RecordRef<'_>| {};
                let mut file_diff = FileDiff { config: &config, diff: &mut whole, visitor: Some(&mut see) };
                let count = file_diff.one_side(side, &file).unwrap();
                let own = one_side_in_parts(&config, side, &file, &mut parted, size).unwrap();
                prop_assert!(own.is_none_or(|own| own == count), "{own:?} of {count}");
                if own.is_some() {
                    prop_assert_eq!(told(parted), told(whole));
                }
            }
        }
        Ok(())
    }

    /// Text of some rows of CSV, with all that a row may be.
    fn csv() -> impl Strategy<Value = String> {
        let field = prop::sample::select(vec![
            "",
            "1",
            "x",
            "\"a,b\"",
            "\"two\nlines\"",
            "\"a \"\" b\"",
            "a\"b",
            "\"open",
            "é",
            "2024-01-01",
        ]);
        let row = (prop::collection::vec(field, 1..4), prop::sample::select(vec!["\n", "\r\n", "\n\n", "\r"]));
        let row = row.prop_map(|(fields, end)| format!("{}{end}", fields.join(",")));
        let long = prop::sample::select(vec!["", "", "", "# a comment\n", "x,".repeat(40).leak(), "\u{feff}"]);
        (
            prop::sample::select(vec!["a,b\n", "#a,b\n", "", "\u{feff}a,b\r\n", "a,a\n", "# x\n# y\na,b\n"]),
            prop::collection::vec((long, row), 0..30),
        )
            .prop_map(|(head, rows)| rows.into_iter().fold(head.to_owned(), |text, (before, row)| text + before + &row))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn the_parts_of_a_table_come_to_the_whole(text in csv(), size in 1u64..80) {
            check("t.csv", text.as_bytes(), size)?;
        }

        #[test]
        fn the_parts_of_lines_come_to_the_whole(text in "(\\{\"a\":[0-9]\\}|\\{|[ab]|\r|\u{feff}|\n){0,40}", size in 1u64..40) {
            check("t.jsonl", text.as_bytes(), size)?;
        }

        #[test]
        fn each_part_shows_its_records(text in csv(), times in 1usize..6) {
            // Some parts of the length that files have.
            let text = text.repeat(times * 8);
            let config = rules("a");
            let file = half("t.csv", &config, text.as_bytes());
            let Some(parts) = parts(&config, &file).unwrap() else { return Ok(()) };
            let (mut whole, mut parted) = (Vec::new(), Vec::new());
            visit(&config, None, Some(&file), true, &mut |record| whole.push(format!("{record:?}"))).unwrap();
            for part in &parts {
                visit_part(&config, &file, part, &mut |record| parted.push(format!("{record:?}"))).unwrap();
            }
            prop_assert_eq!(parts.iter().map(|part| part.bytes).sum::<u64>(), file.size);
            // The header is shown after the records that came with it.
            parted.sort();
            whole.sort();
            prop_assert!(parted == whole, "{} of {}", parted.len(), whole.len());
        }
    }

    #[test]
    fn a_part_begins_with_a_record() {
        let config = rules("a");
        let text = "a,b\n1,\"x\ny\"\n2,z\n3,z\n";
        let places = places(&config, &half("t.csv", &config, text.as_bytes()), 6, 0).unwrap();
        assert_eq!(places, [RecordStart::default(), RecordStart { at: 12, line: 4 }]);
        assert!(
            compare(
                &config,
                None,
                Some(&half("t.csv", &config, text.as_bytes())),
                true,
                &mut RecordDiff::new(&config, DiffDetail::Schema),
                None
            )
            .unwrap()
                == 3
        );
    }
}
