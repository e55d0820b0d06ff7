//! Both sides of a file, or one of them, as their bytes come.

use super::Rules;
use super::account::{Account, Keeps};
use super::gather::{Gather, Visitor};
use super::table::Table;
use crate::error::{Error, Result};
use crate::sample::{
    Array, Compare, Csv, Decoder, FileIssue, Finding, Format, Jsonl, Nested, Note, Packing, Reading, Record, Records, Side,
};

/// A reader of a format whose records come from a stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reader {
    Jsonl(Jsonl),
    Array(Array),
    Nested(Box<Nested>),
    Csv(Csv),
}

impl Reader {
    /// A reader of records up to `limit` bytes; `None` for formats that are not read from a stream.
    pub fn of(reading: &Reading, limit: usize) -> Option<Reader> {
        if reading.opaque {
            return None;
        }
        match reading.format {
            Format::Jsonl | Format::Tar => Some(Reader::Jsonl(Jsonl::new().with_limit(limit))),
            Format::Json if reading.is_lines() => Some(Reader::Jsonl(Jsonl::new().with_limit(limit))),
            Format::Json => Some(match &reading.dialect.records {
                Some(pointer) => Reader::Nested(Box::new(Nested::new(pointer).with_limit(limit))),
                None => Reader::Array(Array::new().with_limit(limit)),
            }),
            Format::Csv | Format::Tsv => Some(Reader::Csv(Csv::of(reading).with_limit(limit))),
            Format::Parquet | Format::Arrow | Format::Whole | Format::Archive | Format::None => None,
        }
    }

    /// Why what has been read to its end is not of its format.
    pub fn issue(&self) -> Option<FileIssue> {
        match self {
            Reader::Array(array) => array.broken().map(damaged),
            Reader::Nested(nested) => nested.broken().as_ref().map(damaged),
            _ => None,
        }
    }

    /// A reader of rows or lines in the midst of a file, where a record begins.
    pub fn within(self, line: u64, at: u64) -> Reader {
        match self {
            Reader::Jsonl(jsonl) => Reader::Jsonl(jsonl.within(b"", line, at)),
            Reader::Csv(csv) => Reader::Csv(csv.within(line, at)),
            other => other,
        }
    }

    /// Takes the rows that were read lately and are no records.
    pub fn take_notes(&mut self) -> Vec<Note> {
        match self {
            Reader::Csv(csv) => csv.take_notes(),
            _ => Vec::new(),
        }
    }

    /// What is wrong with a file all of whose records were read.
    pub fn remark(&self) -> Option<Finding> {
        match self {
            Reader::Array(array) => array.remark(),
            Reader::Nested(nested) => nested.remark(),
            _ => None,
        }
    }
}

impl Records for Reader {
    fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        match self {
            Reader::Jsonl(reader) => reader.feed(bytes, take),
            Reader::Array(reader) => reader.feed(bytes, take),
            Reader::Nested(reader) => reader.feed(bytes, take),
            Reader::Csv(reader) => reader.feed(bytes, take),
        }
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        match self {
            Reader::Jsonl(reader) => reader.finish(take),
            Reader::Array(reader) => reader.finish(take),
            Reader::Nested(reader) => reader.finish(take),
            Reader::Csv(reader) => reader.finish(take),
        }
    }
}

/// The issue that a finding makes of the file.
fn damaged(finding: &Finding) -> FileIssue {
    FileIssue::Damaged { line: finding.line, cause: finding.message.clone() }
}

/// Whether a file of this reading may turn out to be one record when records of it have been told.
pub(super) fn may_break(reading: &Reading) -> bool {
    let is_packed = reading.packing != Packing::None && !matches!(reading.format, Format::Whole | Format::Archive);
    let is_document = reading.format == Format::Json && !reading.is_lines() || reading.format == Format::Tar;
    !reading.opaque && (is_document || is_packed)
}

enum Mode {
    Together(Box<Compare<Reader>>),
    Alone(Side, Box<Reader>, u64),
}

/// Both sides of a file, or one of them, as their bytes come.
pub(super) struct Pair<'r, 'v> {
    reading: Reading,
    mode: Mode,
    decoders: [Option<Decoder>; 2],
    damage: [Option<FileIssue>; 2],
    gather: Gather<'r, 'v>,
}

/// What a pair came to.
pub(super) struct Told<'v> {
    /// Records of the new side.
    pub count: u64,
    pub account: Account,
    /// For each side why it is one record; then all else is void.
    pub issues: [Option<FileIssue>; 2],
    /// Who was told the records.
    pub visitor: Visitor<'v>,
}

impl<'r, 'v> Pair<'r, 'v> {
    /// One side of a file. `None` if its records do not come from a stream.
    pub fn alone(
        rules: &'r Rules,
        path: &'r str,
        side: Side,
        reading: &Reading,
        keeps: Keeps,
        visitor: Visitor<'v>,
    ) -> Result<Option<Pair<'r, 'v>>> {
        let Some(reader) = Reader::of(reading, rules.max_record()) else { return Ok(None) };
        let gather = Gather::new(rules, path, reading, keeps, visitor);
        Pair::new(reading, Mode::Alone(side, Box::new(reader), 0), gather).map(Some)
    }

    /// Both sides, which are read alike; of CSV with their columns, which agree.
    pub fn together(
        rules: &'r Rules,
        path: &'r str,
        reading: &Reading,
        tables: Option<[Table; 2]>,
        keeps: Keeps,
        visitor: Visitor<'v>,
    ) -> Result<Option<Pair<'r, 'v>>> {
        let Some(reader) = Reader::of(reading, rules.max_record()) else { return Ok(None) };
        let mut gather = Gather::new(rules, path, reading, keeps, visitor);
        if let Some(tables) = tables {
            gather.tables = tables;
        }
        Pair::new(reading, Mode::Together(Box::new(Compare::new(reader.clone(), reader))), gather).map(Some)
    }

    fn new(reading: &Reading, mode: Mode, gather: Gather<'r, 'v>) -> Result<Pair<'r, 'v>> {
        let decoder = || Decoder::of(reading).map_err(Error::damaged);
        let decoders = [decoder()?, decoder()?];
        Ok(Pair { reading: reading.clone(), mode, decoders, damage: [None, None], gather })
    }

    /// The next bytes of one side.
    pub fn feed(&mut self, side: Side, bytes: &[u8]) {
        let Pair { mode, decoders, damage, gather, .. } = self;
        match &mut decoders[side as usize] {
            None => mode.feed(side, bytes, gather),
            Some(decoder) if damage[side as usize].is_none() => {
                let fed = decoder.feed(bytes, &mut |bytes| mode.feed(side, bytes, gather));
                damage[side as usize] = fed.err();
            }
            Some(_) => {}
        }
    }

    /// The next bytes of both sides.
    pub fn same(&mut self, bytes: &[u8]) {
        match &mut self.mode {
            Mode::Together(compare) if self.decoders[0].is_none() => {
                compare.same(bytes, &mut |side, record| self.gather.take(side, record));
                self.mode.take_notes(&mut self.gather);
            }
            _ => {
                self.feed(Side::Old, bytes);
                self.feed(Side::New, bytes);
            }
        }
    }

    /// Whether bytes of both sides may be left out from here on until [`Pair::restart`].
    pub fn may_skip(&self) -> bool {
        self.reading.is_lines()
            && self.decoders[0].is_none()
            && matches!(&self.mode, Mode::Together(compare) if !compare.resync_needed())
    }

    /// Goes on so many bytes further down, in a line that begins so.
    pub fn restart(&mut self, partial: &[u8], skipped: u64) {
        if let Mode::Together(compare) = &mut self.mode
            && let (Reader::Jsonl(old), Reader::Jsonl(new)) = compare.readers()
        {
            let within =
                |before: &Jsonl| Reader::Jsonl(before.within(partial, 0, before.place() + skipped - partial.len() as u64));
            let (old, new) = (within(old), within(new));
            compare.restart(old, new);
        }
    }

    /// The file ends here.
    pub fn finish(mut self) -> Told<'v> {
        let mut issues = self.damage.clone();
        for (side, issue) in [Side::Old, Side::New].into_iter().zip(&mut issues) {
            if let (Some(decoder), None) = (self.decoders[side as usize].take(), &issue) {
                let Pair { mode, gather, .. } = &mut self;
                match decoder.finish(&mut |bytes| mode.feed(side, bytes, gather)) {
                    Ok(false) => {}
                    Ok(true) => {
                        let message = "some of its bytes are not valid UTF-16 and are read as U+FFFD".to_owned();
                        gather.take_remark(side, Some(Finding { line: 1, message }));
                    }
                    Err(own) => *issue = Some(own),
                }
            }
        }
        let gather = &mut self.gather;
        let count = match self.mode {
            Mode::Together(compare) => {
                let (mut old, mut new, count) = compare.finish(&mut |side, record| gather.take(side, record));
                for (side, reader) in [&old, &new].into_iter().enumerate() {
                    issues[side] = issues[side].take().or_else(|| reader.issue());
                }
                gather.take_notes(Side::Old, old.take_notes());
                gather.take_notes(Side::New, new.take_notes());
                gather.take_remark(Side::New, new.remark());
                count
            }
            Mode::Alone(side, mut reader, mut count) => {
                let own = &mut issues[side as usize];
                gather.tables[side as usize].feed(None);
                reader.finish(&mut |record| {
                    count += 1;
                    gather.take(side, record);
                });
                *own = own.take().or_else(|| reader.issue());
                gather.take_notes(side, reader.take_notes());
                gather.take_remark(side, reader.remark());
                issues[1 - side as usize] = None;
                count
            }
        };
        let (account, visitor) = self.gather.finish();
        Told { count, account, issues, visitor }
    }
}

impl Mode {
    fn feed(&mut self, side: Side, bytes: &[u8], gather: &mut Gather<'_, '_>) {
        match self {
            Mode::Together(compare) => compare.feed(side, bytes, &mut |side, record| gather.take(side, record)),
            Mode::Alone(own, reader, count) => {
                debug_assert_eq!(*own, side, "the other side is reported elsewhere");
                gather.tables[side as usize].feed(Some(bytes));
                reader.feed(bytes, &mut |record| {
                    *count += 1;
                    gather.take(side, record);
                });
            }
        }
        self.take_notes(gather);
    }

    /// Shows the rows that were read lately and are no records.
    fn take_notes(&mut self, gather: &mut Gather<'_, '_>) {
        match self {
            Mode::Together(compare) => {
                for (side, reader) in [Side::Old, Side::New].into_iter().zip(compare.readers_mut()) {
                    gather.take_notes(side, reader.take_notes());
                }
            }
            Mode::Alone(side, reader, _) => gather.take_notes(*side, reader.take_notes()),
        }
    }
}
