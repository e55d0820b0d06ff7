//! Both sides of a file, or one of them, as their bytes come.

use super::ReaderConfig;
use super::collect::{RecordCollector, Visitor};
use super::csv_table::CsvTable;
use super::record_diff::{DiffDetail, RecordDiff};
use crate::diff::record_comparer::RecordComparer;
use crate::error::{Error, Result};
use crate::sample::{
    Array, Compression, Csv, Decoder, FileIssue, Jsonl, Nested, ParseIssue, ReaderSpec, Record, RecordFormat, RecordReader, Side,
    SkippedRow,
};

/// A reader of a format whose records come from a stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum StreamReader {
    Jsonl(Jsonl),
    Array(Array),
    Nested(Box<Nested>),
    Csv(Csv),
}

impl StreamReader {
    /// Returns a reader of records up to `limit` bytes; `None` for formats that are not read from a stream.
    pub fn of(spec: &ReaderSpec, limit: usize) -> Option<StreamReader> {
        if spec.opaque {
            return None;
        }
        match spec.format {
            RecordFormat::Jsonl | RecordFormat::Tar => Some(StreamReader::Jsonl(Jsonl::new().with_limit(limit))),
            RecordFormat::Json if spec.is_lines() => Some(StreamReader::Jsonl(Jsonl::new().with_limit(limit))),
            RecordFormat::Json => Some(match &spec.dialect.records {
                Some(pointer) => StreamReader::Nested(Box::new(Nested::new(pointer).with_limit(limit))),
                None => StreamReader::Array(Array::new().with_limit(limit)),
            }),
            RecordFormat::Csv | RecordFormat::Tsv => Some(StreamReader::Csv(Csv::of(spec).with_limit(limit))),
            RecordFormat::Parquet | RecordFormat::Arrow | RecordFormat::Whole | RecordFormat::Archive | RecordFormat::None => {
                None
            }
        }
    }

    fn reader(&mut self) -> &mut dyn RecordReader {
        match self {
            StreamReader::Jsonl(reader) => reader,
            StreamReader::Array(reader) => reader,
            StreamReader::Nested(reader) => &mut **reader,
            StreamReader::Csv(reader) => reader,
        }
    }

    /// Returns the reason that the file is not of its format, once it was read to its end.
    pub fn issue(&self) -> Option<FileIssue> {
        match self {
            StreamReader::Array(array) => array.broken().map(file_issue),
            StreamReader::Nested(nested) => nested.broken().as_ref().map(file_issue),
            _ => None,
        }
    }

    /// Returns a reader of rows or lines in the midst of a file, where a record begins.
    pub fn within(self, line: u64, at: u64) -> StreamReader {
        match self {
            StreamReader::Jsonl(jsonl) => StreamReader::Jsonl(jsonl.within(b"", line, at)),
            StreamReader::Csv(csv) => StreamReader::Csv(csv.within(line, at)),
            other => other,
        }
    }

    /// Takes the rows that were read lately and are no records.
    pub fn take_skipped_rows(&mut self) -> Vec<SkippedRow> {
        match self {
            StreamReader::Csv(csv) => csv.take_skipped_rows(),
            _ => Vec::new(),
        }
    }

    /// Returns the issue of a file all of whose records were read.
    pub fn remark(&self) -> Option<ParseIssue> {
        match self {
            StreamReader::Array(array) => array.remark(),
            StreamReader::Nested(nested) => nested.remark(),
            _ => None,
        }
    }
}

impl RecordReader for StreamReader {
    fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        self.reader().feed(bytes, take);
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        self.reader().finish(take);
    }
}

/// Returns the issue that a finding makes of the file.
fn file_issue(finding: &ParseIssue) -> FileIssue {
    FileIssue::Damaged { line: finding.line, cause: finding.message.clone() }
}

/// Returns true if a file may turn out to be one record after records of it were handed out.
pub(super) fn may_break(spec: &ReaderSpec) -> bool {
    let is_packed = spec.compression != Compression::None && !matches!(spec.format, RecordFormat::Whole | RecordFormat::Archive);
    let is_document = spec.format == RecordFormat::Json && !spec.is_lines() || spec.format == RecordFormat::Tar;
    !spec.opaque && (is_document || is_packed)
}

enum PairMode {
    Together(Box<RecordComparer<StreamReader>>),
    Alone(Side, Box<StreamReader>, u64),
}

/// Both sides of a file, or one of them, as their bytes come.
pub(super) struct StreamPair<'r, 'v> {
    spec: ReaderSpec,
    mode: PairMode,
    decoders: [Option<Decoder>; 2],
    damage: [Option<FileIssue>; 2],
    collector: RecordCollector<'r, 'v>,
}

/// The result of a pair.
pub(super) struct PairResult<'v> {
    /// Records of the new side.
    pub count: u64,
    pub diff: RecordDiff,
    /// For each side why it is one record; then all else is void.
    pub issues: [Option<FileIssue>; 2],
    /// The visitor of the records.
    pub visitor: Visitor<'v>,
}

impl<'r, 'v> StreamPair<'r, 'v> {
    /// One side of a file. `None` if its records do not come from a stream.
    pub fn alone(
        config: &'r ReaderConfig,
        path: &'r str,
        side: Side,
        spec: &ReaderSpec,
        detail: DiffDetail,
        visitor: Visitor<'v>,
    ) -> Result<Option<StreamPair<'r, 'v>>> {
        let Some(reader) = StreamReader::of(spec, config.max_record()) else { return Ok(None) };
        let collector = RecordCollector::new(config, path, spec, detail, visitor);
        StreamPair::new(spec, PairMode::Alone(side, Box::new(reader), 0), collector).map(Some)
    }

    /// Both sides, which are read alike; of CSV with their columns, which agree.
    pub fn together(
        config: &'r ReaderConfig,
        path: &'r str,
        spec: &ReaderSpec,
        tables: Option<[CsvTable; 2]>,
        detail: DiffDetail,
        visitor: Visitor<'v>,
    ) -> Result<Option<StreamPair<'r, 'v>>> {
        let Some(reader) = StreamReader::of(spec, config.max_record()) else { return Ok(None) };
        let mut collector = RecordCollector::new(config, path, spec, detail, visitor);
        if let Some(tables) = tables {
            collector.tables = tables;
        }
        StreamPair::new(spec, PairMode::Together(Box::new(RecordComparer::new(reader.clone(), reader))), collector).map(Some)
    }

    fn new(spec: &ReaderSpec, mode: PairMode, collector: RecordCollector<'r, 'v>) -> Result<StreamPair<'r, 'v>> {
        let decoder = || Decoder::of(spec).map_err(Error::damaged);
        let decoders = [decoder()?, decoder()?];
        Ok(StreamPair { spec: spec.clone(), mode, decoders, damage: [None, None], collector })
    }

    /// The next bytes of one side.
    pub fn feed(&mut self, side: Side, bytes: &[u8]) {
        let StreamPair { mode, decoders, damage, collector, .. } = self;
        match &mut decoders[side as usize] {
            None => mode.feed(side, bytes, collector),
            Some(decoder) if damage[side as usize].is_none() => {
                let fed = decoder.feed(bytes, &mut |bytes| mode.feed(side, bytes, collector));
                damage[side as usize] = fed.err();
            }
            Some(_) => {}
        }
    }

    /// The next bytes of both sides.
    pub fn same(&mut self, bytes: &[u8]) {
        match &mut self.mode {
            PairMode::Together(compare) if self.decoders[0].is_none() => {
                compare.same(bytes, &mut |side, record| self.collector.take(side, record));
                self.mode.take_skipped_rows(&mut self.collector);
            }
            _ => {
                self.feed(Side::Old, bytes);
                self.feed(Side::New, bytes);
            }
        }
    }

    /// Returns true if bytes of both sides may be left out from here on until [`StreamPair::restart`].
    pub fn may_skip(&self) -> bool {
        self.spec.is_lines()
            && self.decoders[0].is_none()
            && matches!(&self.mode, PairMode::Together(compare) if !compare.resync_needed())
    }

    /// Goes on so many bytes further down, in a line that begins so.
    pub fn restart(&mut self, partial: &[u8], skipped: u64) {
        if let PairMode::Together(compare) = &mut self.mode
            && let (StreamReader::Jsonl(old), StreamReader::Jsonl(new)) = compare.readers()
        {
            let within =
                |before: &Jsonl| StreamReader::Jsonl(before.within(partial, 0, before.place() + skipped - partial.len() as u64));
            let (old, new) = (within(old), within(new));
            compare.restart(old, new);
        }
    }

    /// The file ends here.
    pub fn finish(mut self) -> PairResult<'v> {
        let mut issues = self.damage.clone();
        for (side, issue) in [Side::Old, Side::New].into_iter().zip(&mut issues) {
            if let (Some(decoder), None) = (self.decoders[side as usize].take(), &issue) {
                let StreamPair { mode, collector, .. } = &mut self;
                match decoder.finish(&mut |bytes| mode.feed(side, bytes, collector)) {
                    Ok(false) => {}
                    Ok(true) => {
                        let message = "some of its bytes are not valid UTF-16 and are read as U+FFFD".to_owned();
                        collector.take_remark(side, Some(ParseIssue { line: 1, message }));
                    }
                    Err(own) => *issue = Some(own),
                }
            }
        }
        let collector = &mut self.collector;
        let count = match self.mode {
            PairMode::Together(compare) => {
                let (mut old, mut new, count) = compare.finish(&mut |side, record| collector.take(side, record));
                for (side, reader) in [&old, &new].into_iter().enumerate() {
                    issues[side] = issues[side].take().or_else(|| reader.issue());
                }
                collector.take_skipped_rows(Side::Old, old.take_skipped_rows());
                collector.take_skipped_rows(Side::New, new.take_skipped_rows());
                collector.take_remark(Side::New, new.remark());
                count
            }
            PairMode::Alone(side, mut reader, mut count) => {
                let own = &mut issues[side as usize];
                collector.tables[side as usize].feed(None);
                reader.finish(&mut |record| {
                    count += 1;
                    collector.take(side, record);
                });
                *own = own.take().or_else(|| reader.issue());
                collector.take_skipped_rows(side, reader.take_skipped_rows());
                collector.take_remark(side, reader.remark());
                issues[1 - side as usize] = None;
                count
            }
        };
        let (diff, visitor) = self.collector.finish();
        PairResult { count, diff, issues, visitor }
    }
}

impl PairMode {
    fn feed(&mut self, side: Side, bytes: &[u8], collector: &mut RecordCollector<'_, '_>) {
        match self {
            PairMode::Together(compare) => compare.feed(side, bytes, &mut |side, record| collector.take(side, record)),
            PairMode::Alone(own, reader, count) => {
                debug_assert_eq!(*own, side, "the other side is reported elsewhere");
                collector.tables[side as usize].feed(Some(bytes));
                reader.feed(bytes, &mut |record| {
                    *count += 1;
                    collector.take(side, record);
                });
            }
        }
        self.take_skipped_rows(collector);
    }

    /// Shows the rows that were read lately and are no records.
    fn take_skipped_rows(&mut self, collector: &mut RecordCollector<'_, '_>) {
        match self {
            PairMode::Together(compare) => {
                for (side, reader) in [Side::Old, Side::New].into_iter().zip(compare.readers_mut()) {
                    collector.take_skipped_rows(side, reader.take_skipped_rows());
                }
            }
            PairMode::Alone(side, reader, _) => collector.take_skipped_rows(*side, reader.take_skipped_rows()),
        }
    }
}
