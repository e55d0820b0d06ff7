//! Parquet and Arrow files: their rows on one side, and of Parquet on both.

use std::ops::Range;

use super::ReaderConfig;
use super::RecordRef;
use super::collect::{RecordCollector, Visitor, reborrow};
use super::compare::one_record;
use super::file_side::FileSide;
use super::record_diff::{DiffDetail, RecordDiff};
use crate::error::{Error, Result};
use crate::parallel;
use crate::sample::{Arrow, ArrowSlice, FileIssue, GroupPair, Pairing, ParquetFile, RecordFormat, Side, pair_groups};

/// Rows that are read as one part.
const RUN: usize = if cfg!(test) { 6 } else { 64 << 10 };

/// Both sides of a file, without the rows that are equal at the same place of two row groups: what those share byte for
/// byte need not be decoded. Returns how many rows the new side has; `None` where each side has to be read for itself, since
/// one may be damaged, or their columns differ.
pub(super) fn both_sides(
    rules: &ReaderConfig,
    old: &FileSide<'_>,
    new: &FileSide<'_>,
    account: &mut RecordDiff,
    visitor: Visitor<'_>,
) -> Result<Option<u64>> {
    if new.reading.format != RecordFormat::Parquet || new.reading.opaque || old.reading != new.reading || old.records.is_none() {
        return Ok(None);
    }
    let open = |half: &FileSide<'_>| Ok(ParquetFile::open(half.ranges()?).map(|table| table.with_limit(rules.max_record())));
    let (Ok(before), Ok(after)) = (open(old)?, open(new)?) else { return Ok(None) };
    if !is_readable(old, &before) {
        return Ok(None);
    }
    let Some(Pairing { pairs, single }) = pair_groups(&before, &after) else { return Ok(None) };
    // Rows that have been shown cannot be taken back.
    let is_shown = visitor.is_some();
    let is_paired = |group| pairs.iter().any(|pair| pair.groups[1] == group);
    if is_shown && !is_readable(new, &after) && after.check(&|group| single[1][group] || is_paired(group)).is_err() {
        return Ok(None);
    }
    let mut gather = RecordCollector::new(rules, new.path, &new.reading, account.detail(), visitor);
    let singles = [(Side::Old, &before, &single[0]), (Side::New, &after, &single[1])];
    let runs = singles.into_iter().flat_map(|(side, table, single)| {
        runs(table, |group| single[group]).map(move |run| Ok(RowPart::Run(side, table, single, run)))
    });
    let read = gather.in_parts(pairs.iter().map(|pair| Ok(RowPart::Pair(pair))).chain(runs), |part, gather| match part {
        RowPart::Pair(pair) => pair.rows([&before, &after], &mut |side, row| gather.take_columnar(side, &row)),
        RowPart::Run(side, table, single, run) => {
            table.rows(&|group| run.contains(&group) && single[group], &mut |row| gather.take_columnar(side, &row))
        }
    });
    match read {
        Ok(()) => {
            account.absorb(gather.finish().0);
            Ok(Some(after.count()))
        }
        Err(why) if is_shown => Err(Error::damaged(why.to_string()).within(new.path)),
        Err(_) => Ok(None),
    }
}

/// A part of two Parquet files.
enum RowPart<'a> {
    /// A row group of each.
    Pair(&'a GroupPair),
    /// Those of some row groups of one side that stand alone.
    Run(Side, &'a ParquetFile, &'a [bool], Range<usize>),
}

/// Cuts a file into runs of row groups, each of [`RUN`] rows or more that are wanted, if it has them.
fn runs(table: &ParquetFile, wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let (mut end, mut rows) = (start, 0);
        while rows < RUN && end < table.groups() {
            rows += if wanted(end) { table.rows_of(end) } else { 0 };
            end += 1;
        }
        let run = start..end;
        start = end;
        (!run.is_empty()).then_some(run)
    })
}

/// Row groups that follow one another, and how many rows they have.
#[derive(Debug)]
pub(super) struct RowGroupRun {
    pub groups: Range<usize>,
    pub rows: u64,
}

/// Cuts a Parquet file whose rows can all be read into runs of row groups; `None` for another file.
pub(super) fn readable_runs(rules: &ReaderConfig, half: &FileSide<'_>) -> Result<Option<Vec<RowGroupRun>>> {
    if half.reading.format != RecordFormat::Parquet || half.reading.opaque {
        return Ok(None);
    }
    let Ok(source @ RowFile::Parquet(_)) = RowFile::open(rules, half)? else { return Ok(None) };
    let RowFile::Parquet(table) = &source else { return Ok(None) };
    if !is_readable(half, table) && source.check().is_err() {
        return Ok(None);
    }
    let run = |groups: Range<usize>| RowGroupRun { rows: groups.clone().map(|group| table.rows_of(group) as u64).sum(), groups };
    Ok(Some(runs(table, |_| true).map(run).collect()))
}

/// Shows the rows of some row groups of a Parquet file whose rows can be read, as a new side.
pub(super) fn visit_groups(
    rules: &ReaderConfig,
    half: &FileSide<'_>,
    groups: Range<usize>,
    see: &mut dyn FnMut(RecordRef<'_>),
) -> Result<()> {
    let damaged = |issue: FileIssue| Error::damaged(issue.cause().to_owned()).within(half.path);
    let RowFile::Parquet(table) = RowFile::open(rules, half)?.map_err(damaged)? else { return Ok(()) };
    let mut gather = RecordCollector::new(rules, half.path, &half.reading, DiffDetail::Nothing, Some(see));
    let read = table.rows(&|group| groups.contains(&group), &mut |row| gather.take_columnar(Side::New, &row));
    read.map_err(|fault| damaged(fault.into()))
}

/// Tells if the rows of a file are known to be readable: a damaged file was counted as one record.
fn is_readable(half: &FileSide<'_>, table: &ParquetFile) -> bool {
    half.records == Some(table.count()) && table.count() > 1
}

/// A file whose rows are read from anywhere in it.
enum RowFile {
    Parquet(Box<ParquetFile>),
    Arrow(Arrow),
}

impl RowFile {
    fn open(rules: &ReaderConfig, half: &FileSide<'_>) -> Result<std::result::Result<RowFile, FileIssue>> {
        let (ranges, limit) = (half.ranges()?, rules.max_record());
        Ok(match half.reading.format {
            RecordFormat::Arrow => Arrow::open(ranges).map(|arrow| RowFile::Arrow(arrow.with_limit(limit))),
            _ => {
                let table = ParquetFile::open(ranges).map(|table| table.with_limit(limit));
                table.map(|table| RowFile::Parquet(Box::new(table))).map_err(FileIssue::from)
            }
        })
    }

    /// Decodes every row.
    fn check(&self) -> std::result::Result<(), FileIssue> {
        match self {
            RowFile::Parquet(table) => {
                let check = |run: Range<usize>| table.check(&|group| run.contains(&group));
                Ok(parallel::windows(runs(table, |_| true), check, |checked| checked)?)
            }
            RowFile::Arrow(arrow) => {
                parallel::windows(arrow.slices(), |slice| arrow.rows_of(&slice?, &mut |_| ()), |checked| checked)
            }
        }
    }

    /// Hands every row to an account; returns how many there are.
    fn rows(&self, side: Side, gather: &mut RecordCollector<'_, '_>) -> std::result::Result<u64, FileIssue> {
        match self {
            RowFile::Parquet(table) => {
                let read = |run: Range<usize>, gather: &mut RecordCollector<'_, '_>| {
                    table.rows(&|group| run.contains(&group), &mut |row| gather.take_columnar(side, &row))
                };
                Ok(gather.in_parts(runs(table, |_| true).map(Ok), read).map(|()| table.count())?)
            }
            RowFile::Arrow(arrow) => {
                let mut count = 0;
                let slices = arrow.slices().inspect(|slice| count += slice.as_ref().map_or(0, ArrowSlice::count));
                let read = |slice: ArrowSlice, gather: &mut RecordCollector<'_, '_>| {
                    arrow.rows_of(&slice, &mut |row| gather.take_columnar(side, &row))
                };
                gather.in_parts(slices, read)?;
                Ok(count)
            }
        }
    }
}

/// One side of a file; returns how many rows it has.
pub(super) fn one_side(
    rules: &ReaderConfig,
    side: Side,
    half: &FileSide<'_>,
    account: &mut RecordDiff,
    mut visitor: Visitor<'_>,
) -> Result<u64> {
    let source = match RowFile::open(rules, half)? {
        Ok(source) => source,
        Err(issue) => return unreadable_file(rules, side, half, issue, account, visitor),
    };
    // Rows that have been shown cannot be taken back.
    let is_shown = visitor.is_some();
    let is_known = matches!(&source, RowFile::Parquet(table) if is_readable(half, table));
    if is_shown
        && !is_known
        && let Err(issue) = source.check()
    {
        return unreadable_file(rules, side, half, issue, account, visitor);
    }
    let shown = reborrow(&mut visitor);
    let mut gather = RecordCollector::new(rules, half.path, &half.reading, account.detail(), shown);
    let read = source.rows(side, &mut gather);
    let (own, _) = gather.finish();
    match read {
        Ok(count) => {
            account.absorb(own);
            Ok(count)
        }
        Err(issue) if is_shown => {
            half.check()?;
            Err(Error::damaged(issue.cause().to_owned()).within(half.path))
        }
        Err(issue) => unreadable_file(rules, side, half, issue, account, visitor),
    }
}

/// A file whose rows cannot be read, which is one record; an error where it is the store that is damaged.
fn unreadable_file(
    rules: &ReaderConfig,
    side: Side,
    half: &FileSide<'_>,
    issue: FileIssue,
    account: &mut RecordDiff,
    visitor: Visitor<'_>,
) -> Result<u64> {
    half.check()?;
    one_record(rules, side, half, Some(issue), account, visitor)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use ::parquet::file::properties::WriterProperties;
    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use arrow_ipc::writer::StreamWriter;
    use proptest::prelude::*;

    use super::super::parts::{parts, visit_part};
    use super::super::{FileSource, visit};
    use super::*;
    use crate::sample::ReaderSpec;

    fn rules() -> ReaderConfig {
        let no_formats: [(&str, &ReaderSpec); 0] = [];
        ReaderConfig::new(no_formats, &["id".to_owned()], &[], 4, 64, Path::new("/tmp")).unwrap()
    }

    fn half<'h>(path: &'h str, rules: &ReaderConfig, bytes: &'h [u8], records: Option<u64>) -> FileSide<'h> {
        let (reading, size) = (rules.reading(path), bytes.len() as u64);
        FileSide { path, reading, content: None, size, records, bytes: FileSource::Held(bytes) }
    }

    fn table(ids: &[i64]) -> RecordBatch {
        let texts: StringArray = ids.iter().map(|id| Some("x".repeat(if *id == 7 { 90 } else { *id as usize }))).collect();
        let columns: [(&str, ArrayRef); 2] = [("id", Arc::new(Int64Array::from(ids.to_vec()))), ("text", Arc::new(texts))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    /// A file of each format, in groups or batches of so many rows.
    fn files(ids: &[i64], rows: usize) -> [(&'static str, Vec<u8>); 2] {
        let batch = table(ids);
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows)).build();
        let mut parquet = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
        parquet.write(&batch).unwrap();
        let mut arrow = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        (0..ids.len()).step_by(rows).for_each(|at| arrow.write(&batch.slice(at, rows.min(ids.len() - at))).unwrap());
        [("t.parquet", parquet.into_inner().unwrap()), ("t.arrow", arrow.into_inner().unwrap())]
    }

    /// What an account has to tell.
    fn told(account: RecordDiff) -> String {
        let counts = account.tally.map(|tally| tally.counts().unwrap().0);
        format!("{counts:?} {:?} {} {:?}", account.schema.fields(), account.issue_count, account.issues)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn rows_read_in_parts_come_to_those_read_in_turn(
            old in prop::collection::vec(0i64..9, 2..40),
            new in prop::collection::vec(0i64..9, 2..40),
            rows in 1usize..9,
            damage in prop::option::of((any::<prop::sample::Index>(), 1u8..)),
        ) {
            let rules = rules();
            for ((path, before), (_, mut after)) in files(&old, rows).into_iter().zip(files(&new, rows)) {
                if let Some((at, bit)) = &damage {
                    let at = at.index(after.len());
                    after[at] ^= bit;
                }
                let before = half(path, &rules, &before, Some(old.len() as u64));
                let after = half(path, &rules, &after, None);
                let mut turns = RecordDiff::new(&rules, DiffDetail::Differences);
                let mut see = |_: RecordRef<'_>| {};
                let in_turn = super::super::compare(&rules, Some(&before), Some(&after), true, &mut turns, Some(&mut see)).unwrap();
                let mut parts = RecordDiff::new(&rules, DiffDetail::Differences);
                let in_parts = super::super::compare(&rules, Some(&before), Some(&after), true, &mut parts, None).unwrap();
                prop_assert_eq!(in_parts, in_turn);
                prop_assert_eq!(told(parts), told(turns));
            }
        }
    }

    #[test]
    fn each_part_shows_its_rows() {
        let rules = rules();
        let ids: Vec<i64> = (0..100).collect();
        let [(path, bytes), _] = files(&ids, 5);
        for records in [None, Some(100)] {
            let half = half(path, &rules, &bytes, records);
            let (mut whole, mut parted) = (Vec::new(), Vec::new());
            visit(&rules, None, Some(&half), true, &mut |seen| whole.push(format!("{} {:?}", seen.line, seen.at))).unwrap();
            let parts = parts(&rules, &half).unwrap().unwrap();
            for part in &parts {
                visit_part(&rules, &half, part, &mut |seen| parted.push(format!("{} {:?}", seen.line, seen.at))).unwrap();
            }
            assert_eq!((parts.len(), parted), (10, whole));
        }
    }
}
