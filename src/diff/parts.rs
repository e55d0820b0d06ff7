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
    /// Whether the file begins with it.
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

/// Where a record begins: its byte and its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RecordStart {
    at: u64,
    line: u64,
}

/// Cuts a file that is shown as a new side into parts; `None` where it is short, or has to be read from front to back.
pub fn parts(rules: &ReaderConfig, half: &FileSide<'_>) -> Result<Option<Vec<FilePart>>> {
    if half.size <= PART {
        return Ok(None);
    }
    let reading = &half.reading;
    let of_bytes = |range: Range<u64>, kind| FilePart { kind, is_first: range.start == 0, bytes: range.end - range.start };
    let parts: Vec<FilePart> = if reading.is_lines() && reading.is_plain() {
        let range = |start| start..half.size.min(start + PART);
        (0..half.size).step_by(PART as usize).map(|start| of_bytes(range(start), PartKind::Lines(range(start)))).collect()
    } else if reading.is_table() && reading.is_plain() {
        let Some((_, begun)) = table(rules, half)? else { return Ok(None) };
        let places = places(rules, half, PART, begun)?;
        let ends = places.iter().skip(1).map(|place| place.at).chain([half.size]);
        places.iter().zip(ends).map(|(place, end)| of_bytes(place.at..end, PartKind::Rows(*place, end))).collect()
    } else {
        let Some(runs) = rows::readable_runs(rules, half)? else { return Ok(None) };
        let all: u64 = runs.iter().map(|run| run.rows).sum();
        let bytes = |rows: u64| (u128::from(half.size) * u128::from(rows) / u128::from(all.max(1))) as u64;
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
pub fn visit_part(rules: &ReaderConfig, half: &FileSide<'_>, part: &FilePart, see: &mut dyn FnMut(RecordRef<'_>)) -> Result<()> {
    match &part.kind {
        PartKind::Lines(range) => lines(rules, half, range.clone(), see),
        PartKind::Rows(from, end) => {
            let mut gather = RecordCollector::new(rules, half.path, &half.reading, DiffDetail::Nothing, Some(see));
            let table = if from.at == 0 { None } else { table(rules, half)?.map(|(table, _)| table) };
            read(rules, Side::New, half, *from, *end, table, &mut gather).map(drop)
        }
        PartKind::Groups(run) => rows::visit_groups(rules, half, run.clone(), see),
    }
}

fn lines(rules: &ReaderConfig, half: &FileSide<'_>, range: Range<u64>, see: &mut dyn FnMut(RecordRef<'_>)) -> Result<()> {
    let mut reader = None;
    let mut take = |record: Record<'_>| {
        see(RecordRef { side: Side::New, path: half.path, line: 0, at: record.at, text: RecordText::of_json(&record) });
    };
    half.lines(range, &mut |at, bytes| {
        let begin = || {
            let start = Jsonl::new().with_limit(rules.max_record());
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
pub(super) fn one_side(rules: &ReaderConfig, side: Side, half: &FileSide<'_>, account: &mut RecordDiff) -> Result<Option<u64>> {
    let reading = &half.reading;
    if half.size <= PART || !reading.is_plain() || !reading.is_table() && !reading.is_lines() {
        return Ok(None);
    }
    one_side_in_parts(rules, side, half, account, PART)
}

fn one_side_in_parts(
    rules: &ReaderConfig,
    side: Side,
    half: &FileSide<'_>,
    account: &mut RecordDiff,
    size: u64,
) -> Result<Option<u64>> {
    let reading = &half.reading;
    let (table, begun) = match (table(rules, half)?, reading.is_table()) {
        (Some((table, begun)), _) => (Some(table), begun),
        (None, false) => (None, 0),
        (None, true) => return Ok(None),
    };
    let keeps = account.detail();
    let mut all = RecordCollector::new(rules, half.path, reading, keeps, None);
    let places = places(rules, half, size, begun)?;
    let ends = places.iter().skip(1).map(|place| place.at).chain([half.size]);
    let work = |(from, end): (RecordStart, u64)| {
        let mut own = RecordCollector::new(rules, half.path, reading, keeps, None);
        let count = read(rules, side, half, from, end, table.clone().filter(|_| from.at > 0), &mut own)?;
        Ok((count, own.into_account()))
    };
    let mut count = 0;
    parallel::windows(places.iter().copied().zip(ends), work, |read| {
        let (records, own) = read?;
        count += records;
        all.account.absorb(own);
        Ok::<_, Error>(())
    })?;
    if let Some(table) = table {
        all.tables[side as usize] = table;
    }
    account.absorb(all.finish().0);
    Ok(Some(count))
}

/// The columns of a table of text, which stay the same from a row on, and the byte before which that row begins; `None`
/// where the first bytes do not tell.
fn table(rules: &ReaderConfig, half: &FileSide<'_>) -> Result<Option<(CsvTable, u64)>> {
    let Some(mut reader) = StreamReader::of(&half.reading, rules.max_record()).filter(|_| half.reading.is_table()) else {
        return Ok(None);
    };
    let (mut table, mut begun, head) = (CsvTable::new(&half.reading), 0, half.start(HEAD)?);
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
fn places(rules: &ReaderConfig, half: &FileSide<'_>, size: u64, begun: u64) -> Result<Vec<RecordStart>> {
    let mut places = vec![RecordStart::default()];
    let Some(mut reader) = StreamReader::of(&half.reading, rules.max_record()) else { return Ok(places) };
    let mut next = size.max(begun);
    for piece in half.pieces()? {
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
    rules: &ReaderConfig,
    side: Side,
    half: &FileSide<'_>,
    from: RecordStart,
    end: u64,
    table: Option<CsvTable>,
    gather: &mut RecordCollector<'_, '_>,
) -> Result<u64> {
    let Some(mut reader) = StreamReader::of(&half.reading, rules.max_record()) else { return Ok(0) };
    if from.at > 0 {
        reader = reader.within(from.line, from.at);
    }
    if let Some(table) = table {
        gather.tables[side as usize] = table;
    }
    let mut count = 0;
    half.range(from.at..end, &mut |bytes| {
        gather.tables[side as usize].feed(Some(bytes));
        reader.feed(bytes, &mut |record| {
            count += 1;
            gather.take(side, record);
        });
        gather.take_skipped_rows(side, reader.take_skipped_rows());
    })?;
    gather.tables[side as usize].feed(None);
    reader.finish(&mut |record| {
        count += 1;
        gather.take(side, record);
    });
    gather.take_skipped_rows(side, reader.take_skipped_rows());
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::{FileSource, compare, visit};
    use super::*;
    use crate::sample::ReaderSpec;

    fn rules(key: &str) -> ReaderConfig {
        let no_formats: [(&str, &ReaderSpec); 0] = [];
        ReaderConfig::new(no_formats, &[key.to_owned()], &[], 4, 64, Path::new("/tmp")).unwrap()
    }

    fn half<'h>(path: &'h str, rules: &ReaderConfig, bytes: &'h [u8]) -> FileSide<'h> {
        let (reading, size) = (rules.reading(path), bytes.len() as u64);
        FileSide { path, reading, content: None, size, records: None, bytes: FileSource::Held(bytes) }.with_guess().unwrap()
    }

    /// What an account has to tell.
    fn told(account: RecordDiff) -> String {
        let mut schema = account.schema;
        schema.fit();
        let counts = account.tally.map(|tally| tally.counts().unwrap().0);
        format!("{counts:?} {:?} {} {:?}", schema.fields(), account.issue_count, account.issues)
    }

    /// Compares the parts of a file with all of it.
    fn check(path: &str, bytes: &[u8], size: u64) -> Result<(), TestCaseError> {
        let rules = rules("a");
        let half = half(path, &rules, bytes);
        for keeps in [DiffDetail::Schema, DiffDetail::Differences] {
            for side in [Side::Old, Side::New] {
                let (mut whole, mut parted) = (RecordDiff::new(&rules, keeps), RecordDiff::new(&rules, keeps));
                let mut see = |_: RecordRef<'_>| {};
                let count = super::super::compare::one_side(&rules, side, &half, &mut whole, Some(&mut see)).unwrap();
                let own = one_side_in_parts(&rules, side, &half, &mut parted, size).unwrap();
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
            let rules = rules("a");
            let half = half("t.csv", &rules, text.as_bytes());
            let Some(parts) = parts(&rules, &half).unwrap() else { return Ok(()) };
            let (mut whole, mut parted) = (Vec::new(), Vec::new());
            visit(&rules, None, Some(&half), true, &mut |seen| whole.push(format!("{seen:?}"))).unwrap();
            for part in &parts {
                visit_part(&rules, &half, part, &mut |seen| parted.push(format!("{seen:?}"))).unwrap();
            }
            prop_assert_eq!(parts.iter().map(|part| part.bytes).sum::<u64>(), half.size);
            // The header is shown after the records that came with it.
            parted.sort();
            whole.sort();
            prop_assert!(parted == whole, "{} of {}", parted.len(), whole.len());
        }
    }

    #[test]
    fn a_part_begins_with_a_record() {
        let rules = rules("a");
        let text = "a,b\n1,\"x\ny\"\n2,z\n3,z\n";
        let places = places(&rules, &half("t.csv", &rules, text.as_bytes()), 6, 0).unwrap();
        assert_eq!(places, [RecordStart::default(), RecordStart { at: 12, line: 4 }]);
        assert!(
            compare(
                &rules,
                None,
                Some(&half("t.csv", &rules, text.as_bytes())),
                true,
                &mut RecordDiff::new(&rules, DiffDetail::Schema),
                None
            )
            .unwrap()
                == 3
        );
    }
}
