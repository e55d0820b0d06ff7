//! Parquet and Arrow files: their rows on one side, and of Parquet on both.

use std::ops::Range;

use super::ReaderConfig;
use super::RecordRef;
use super::collect::RecordCollector;
use super::file_diff::FileDiff;
use super::file_side::FileSide;
use super::record_diff::DiffDetail;
use crate::error::{Error, Result};
use crate::parallel;
use crate::sample::{Arrow, ArrowSlice, FileIssue, GroupPair, Pairing, ParquetFile, RecordFormat, Side, pair_groups};

/// Rows that are read as one part.
const RUN: usize = if cfg!(test) { 6 } else { 64 << 10 };

impl FileDiff<'_, '_> {
    /// Adds both sides of a file, without the rows that are equal at the same place of two row groups: what those share byte
    /// for byte need not be decoded. Returns the number of rows of the new side; `None` where each side has to be read for
    /// itself, since one may be damaged, or their columns differ.
    pub fn rows_of_both_sides(&mut self, old: &FileSide<'_>, new: &FileSide<'_>) -> Result<Option<u64>> {
        if new.spec.format != RecordFormat::Parquet || new.spec.opaque || old.spec != new.spec || old.records.is_none() {
            return Ok(None);
        }
        let open =
            |file: &FileSide<'_>| Ok(ParquetFile::open(file.ranges()?).map(|table| table.with_limit(self.config.max_record())));
        let (Ok(before), Ok(after)) = (open(old)?, open(new)?) else { return Ok(None) };
        if !is_readable(old, &before) {
            return Ok(None);
        }
        let Some(Pairing { pairs, single }) = pair_groups(&before, &after) else { return Ok(None) };
        // Rows that have been shown cannot be taken back.
        let is_shown = self.visitor.is_some();
        let is_paired = |group| pairs.iter().any(|pair| pair.groups[1] == group);
        if is_shown && !is_readable(new, &after) && after.check(&|group| single[1][group] || is_paired(group)).is_err() {
            return Ok(None);
        }
        let mut collector = self.collector(new);
        let singles = [(Side::Old, &before, &single[0]), (Side::New, &after, &single[1])];
        let runs = singles.into_iter().flat_map(|(side, table, single)| {
            runs(table, |group| single[group]).map(move |run| Ok(RowPart::Run(side, table, single, run)))
        });
        let read =
            collector.in_parts(pairs.iter().map(|pair| Ok(RowPart::Pair(pair))).chain(runs), |part, collector| match part {
                RowPart::Pair(pair) => pair.rows([&before, &after], &mut |side, row| collector.take_columnar(side, &row)),
                RowPart::Run(side, table, single, run) => {
                    table.rows(&|group| run.contains(&group) && single[group], &mut |row| collector.take_columnar(side, &row))
                }
            });
        let (diff, _) = collector.finish();
        match read {
            Ok(()) => {
                self.diff.absorb(diff);
                Ok(Some(after.count()))
            }
            Err(why) if is_shown => Err(Error::damaged(why.to_string()).within(new.path)),
            Err(_) => Ok(None),
        }
    }

    /// Adds the rows of one side of a file; returns the number of rows.
    pub fn rows_of_one_side(&mut self, side: Side, file: &FileSide<'_>) -> Result<u64> {
        let source = match RowFile::open(self.config, file)? {
            Ok(source) => source,
            Err(issue) => return self.unreadable_file(side, file, issue),
        };
        // Rows that have been shown cannot be taken back.
        let is_shown = self.visitor.is_some();
        let is_known = matches!(&source, RowFile::Parquet(table) if is_readable(file, table));
        if is_shown
            && !is_known
            && let Err(issue) = source.check()
        {
            return self.unreadable_file(side, file, issue);
        }
        let mut collector = self.collector(file);
        let read = source.read_rows(side, &mut collector);
        let (diff, _) = collector.finish();
        match read {
            Ok(count) => {
                self.diff.absorb(diff);
                Ok(count)
            }
            Err(issue) if is_shown => {
                file.check()?;
                Err(Error::damaged(issue.cause().to_owned()).within(file.path))
            }
            Err(issue) => self.unreadable_file(side, file, issue),
        }
    }

    /// Adds a file whose rows cannot be read, which is one record; fails if it is the store that is damaged.
    fn unreadable_file(&mut self, side: Side, file: &FileSide<'_>, issue: FileIssue) -> Result<u64> {
        file.check()?;
        self.whole_file(side, file, Some(issue))
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
pub(super) fn readable_runs(config: &ReaderConfig, file: &FileSide<'_>) -> Result<Option<Vec<RowGroupRun>>> {
    if file.spec.format != RecordFormat::Parquet || file.spec.opaque {
        return Ok(None);
    }
    let Ok(source @ RowFile::Parquet(_)) = RowFile::open(config, file)? else { return Ok(None) };
    let RowFile::Parquet(table) = &source else { return Ok(None) };
    if !is_readable(file, table) && source.check().is_err() {
        return Ok(None);
    }
    let run = |groups: Range<usize>| RowGroupRun { rows: groups.clone().map(|group| table.rows_of(group) as u64).sum(), groups };
    Ok(Some(runs(table, |_| true).map(run).collect()))
}

/// Shows the rows of some row groups of a Parquet file whose rows can be read, as a new side.
pub(super) fn visit_groups(
    config: &ReaderConfig,
    file: &FileSide<'_>,
    groups: Range<usize>,
    each: &mut dyn FnMut(RecordRef<'_>),
) -> Result<()> {
    let damaged = |issue: FileIssue| Error::damaged(issue.cause().to_owned()).within(file.path);
    let RowFile::Parquet(table) = RowFile::open(config, file)?.map_err(damaged)? else { return Ok(()) };
    let mut collector = RecordCollector::new(config, file.path, &file.spec, DiffDetail::Nothing, Some(each));
    let read = table.rows(&|group| groups.contains(&group), &mut |row| collector.take_columnar(Side::New, &row));
    read.map_err(|fault| damaged(fault.into()))
}

/// Returns true if the rows of a file are known to be readable: a damaged file was counted as one record.
fn is_readable(file: &FileSide<'_>, table: &ParquetFile) -> bool {
    file.records == Some(table.count()) && table.count() > 1
}

/// A file whose rows are read from anywhere in it.
enum RowFile {
    Parquet(Box<ParquetFile>),
    Arrow(Arrow),
}

impl RowFile {
    fn open(config: &ReaderConfig, file: &FileSide<'_>) -> Result<std::result::Result<RowFile, FileIssue>> {
        let (ranges, limit) = (file.ranges()?, config.max_record());
        Ok(match file.spec.format {
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
    fn read_rows(&self, side: Side, collector: &mut RecordCollector<'_, '_>) -> std::result::Result<u64, FileIssue> {
        match self {
            RowFile::Parquet(table) => {
                let read = |run: Range<usize>, collector: &mut RecordCollector<'_, '_>| {
                    table.rows(&|group| run.contains(&group), &mut |row| collector.take_columnar(side, &row))
                };
                Ok(collector.in_parts(runs(table, |_| true).map(Ok), read).map(|()| table.count())?)
            }
            RowFile::Arrow(arrow) => {
                let mut count = 0;
                let slices = arrow.slices().inspect(|slice| count += slice.as_ref().map_or(0, ArrowSlice::count));
                let read = |slice: ArrowSlice, collector: &mut RecordCollector<'_, '_>| {
                    arrow.rows_of(&slice, &mut |row| collector.take_columnar(side, &row))
                };
                collector.in_parts(slices, read)?;
                Ok(count)
            }
        }
    }
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
    use super::super::{FileSource, RecordDiff, visit};
    use super::*;
    use crate::sample::ReaderSpec;

    fn rules() -> ReaderConfig {
        let no_formats: [(&str, &ReaderSpec); 0] = [];
        ReaderConfig::new(no_formats, &["id".to_owned()], &[], 4, 64, Path::new("/tmp")).unwrap()
    }

    fn half<'h>(path: &'h str, config: &ReaderConfig, bytes: &'h [u8], records: Option<u64>) -> FileSide<'h> {
        let (spec, size) = (config.spec_for(path), bytes.len() as u64);
        FileSide { path, spec, content: None, size, records, bytes: FileSource::Held(bytes) }
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

    /// Formats a diff.
    fn told(diff: RecordDiff) -> String {
        let counts = diff.tally.map(|tally| tally.counts().unwrap().0);
        format!("{counts:?} {:?} {} {:?}", diff.schema.fields(), diff.issue_count, diff.issues)
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
            let config = rules();
            for ((path, before), (_, mut after)) in files(&old, rows).into_iter().zip(files(&new, rows)) {
                if let Some((at, bit)) = &damage {
                    let at = at.index(after.len());
                    after[at] ^= bit;
                }
                let before = half(path, &config, &before, Some(old.len() as u64));
                let after = half(path, &config, &after, None);
                let mut turns = RecordDiff::new(&config, DiffDetail::Differences);
                let mut see = |_: RecordRef<'_>| {};
                let in_turn = super::super::compare(&config, Some(&before), Some(&after), true, &mut turns, Some(&mut see)).unwrap();
                let mut parts = RecordDiff::new(&config, DiffDetail::Differences);
                let in_parts = super::super::compare(&config, Some(&before), Some(&after), true, &mut parts, None).unwrap();
                prop_assert_eq!(in_parts, in_turn);
                prop_assert_eq!(told(parts), told(turns));
            }
        }
    }

    #[test]
    fn each_part_shows_its_rows() {
        let config = rules();
        let ids: Vec<i64> = (0..100).collect();
        let [(path, bytes), _] = files(&ids, 5);
        for records in [None, Some(100)] {
            let file = half(path, &config, &bytes, records);
            let (mut whole, mut parted) = (Vec::new(), Vec::new());
            visit(&config, None, Some(&file), true, &mut |record| whole.push(format!("{} {:?}", record.line, record.at)))
                .unwrap();
            let parts = parts(&config, &file).unwrap().unwrap();
            for part in &parts {
                visit_part(&config, &file, part, &mut |record| parted.push(format!("{} {:?}", record.line, record.at))).unwrap();
            }
            assert_eq!((parts.len(), parted), (10, whole));
        }
    }
}
