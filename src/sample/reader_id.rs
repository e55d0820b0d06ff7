//! The id of a reader, which a manifest stores beside the number of samples of a file.
//!
//! By it the old side of a comparison is read as it was read then.

use std::sync::Arc;

use super::{Compression, Dialect, Encoding, Origin, ReaderSpec, RecordFormat};

/// The reader of a file as a manifest stores it beside a count: format, compression, dialect, and the revision of the reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReaderId {
    /// Bits 0 to 7 are the format, 8 to 15 the compression, 16 to 31 the revision; 32 to 39 the delimiter or 0, 40 to 47 the
    /// first byte of a comment or 0, 48 to 51 the encoding; then one bit each: 52 quotes are text, 53 no header, 54 a
    /// document on every line, 55 [`ReaderId::records`] is given, 56 stated, 57 guessed encoding, 58 guessed form, 59
    /// opaque, 60 guessed compression. The bits never change their meaning.
    pub code: u64,
    /// [`Dialect::records`].
    pub records: Option<Arc<str>>,
}

/// The bit that says that [`ReaderId::records`] is given.
const RECORDS: u64 = 1 << 55;

impl ReaderId {
    /// Returns false where the same bytes have other records for the other reader. One that is no more has none to compare.
    pub fn reads_as(&self, other: &ReaderId) -> bool {
        let readings = ReaderSpec::from_id(self).zip(ReaderSpec::from_id(other));
        readings.is_none_or(|(one, other)| one.reads_as(&other))
    }

    /// Returns true if a pointer to the records follows the code.
    pub fn has_records(code: u64) -> bool {
        code & RECORDS != 0
    }
}

impl ReaderSpec {
    /// Returns the id that stands beside a count in the manifest.
    pub fn id(&self) -> ReaderId {
        let Dialect { encoding, delimiter, quotes, header, comment, records, lines } = &self.dialect;
        let byte = |byte: &Option<u8>| u64::from(byte.unwrap_or(0));
        let bit = |at: u32, set: bool| u64::from(set) << at;
        let Origin { stated, guessed_encoding, guessed_compression, guessed_form } = self.origin;
        let code = self.format as u64
            | (self.compression as u64) << 8
            | revision(self.format) << 16
            | byte(delimiter) << 32
            | byte(comment) << 40
            | (*encoding as u64) << 48
            | bit(52, !quotes)
            | bit(53, !header)
            | bit(54, *lines)
            | if records.is_some() { RECORDS } else { 0 }
            | bit(56, stated)
            | bit(57, guessed_encoding)
            | bit(58, guessed_form)
            | bit(59, self.opaque)
            | bit(60, guessed_compression);
        ReaderId { code, records: records.clone() }
    }

    /// Returns the reader with this [`ReaderSpec::id`]; `None` if no reader has it any more, so that the count is made anew.
    pub fn from_id(id: &ReaderId) -> Option<ReaderSpec> {
        let code = id.code;
        let format = RecordFormat::ALL.into_iter().find(|&format| format as u64 == code & 0xff)?;
        let compression = Compression::ALL.into_iter().find(|&compression| compression as u64 == code >> 8 & 0xff)?;
        let encoding = Encoding::ALL.into_iter().find(|&encoding| encoding as u64 == code >> 48 & 0xf)?;
        let byte = |at: u32| Some((code >> at & 0xff) as u8).filter(|&byte| byte != 0);
        let bit = |at: u32| code >> at & 1 == 1;
        let dialect = Dialect {
            encoding,
            delimiter: byte(32),
            comment: byte(40),
            quotes: !bit(52),
            header: !bit(53),
            lines: bit(54),
            records: id.records.clone(),
        };
        let origin = Origin { stated: bit(56), guessed_encoding: bit(57), guessed_compression: bit(60), guessed_form: bit(58) };
        let spec = ReaderSpec { format, compression, dialect, origin, opaque: bit(59) };
        (spec.id() == *id).then_some(spec)
    }
}

/// Raised by one whenever a reader finds other records in the same bytes than before.
fn revision(format: RecordFormat) -> u64 {
    match format {
        RecordFormat::Jsonl
        | RecordFormat::Json
        | RecordFormat::Parquet
        | RecordFormat::Arrow
        | RecordFormat::Whole
        | RecordFormat::Archive
        | RecordFormat::None => 1,
        // 2: a first row `sep=;` is none.
        RecordFormat::Csv | RecordFormat::Tsv => 2,
        // 2: text of any length is text; archives of another form are one sample.
        RecordFormat::Tar => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_come_back() {
        let mut readings: Vec<ReaderSpec> =
            ["a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "a", "a.json.gz", "a.csv.zst", "a.csv.bz2", "a.csv.xz", "a.lz4"]
                .into_iter()
                .map(ReaderSpec::of)
                .collect();
        let base = ReaderSpec::of("a.csv");
        let with = |change: fn(&mut ReaderSpec)| {
            let mut spec = base.clone();
            change(&mut spec);
            spec
        };
        readings.extend([
            with(|r| r.dialect.delimiter = Some(b';')),
            with(|r| r.dialect.comment = Some(b'#')),
            with(|r| r.dialect.quotes = false),
            with(|r| r.dialect.header = false),
            with(|r| r.dialect.lines = true),
            with(|r| r.dialect.records = Some("/data".into())),
            with(|r| r.dialect.records = Some("/rows".into())),
            with(|r| r.dialect.encoding = Encoding::Utf16Le),
            with(|r| r.dialect.encoding = Encoding::Utf16Be),
            with(|r| r.dialect.encoding = Encoding::Latin1),
            with(|r| r.dialect.encoding = Encoding::Windows1252),
            with(|r| r.origin.stated = true),
            with(|r| r.origin.guessed_encoding = true),
            with(|r| r.origin.guessed_form = true),
            with(|r| r.origin.guessed_compression = true),
            with(|r| r.opaque = true),
            ReaderSpec::of("a.zip"),
            ReaderSpec::of("a.arrow"),
            ReaderSpec::of("a.tar"),
        ]);
        let ids: std::collections::HashSet<_> = readings.iter().map(ReaderSpec::id).collect();
        assert_eq!(ids.len(), readings.len());
        for spec in readings {
            let id = spec.id();
            assert_eq!(ReaderSpec::from_id(&id), Some(spec));
            assert_eq!(ReaderSpec::from_id(&ReaderId { code: id.code + (1 << 16), ..id }), None);
        }
        assert_eq!(ReaderSpec::from_id(&ReaderId { code: 0, records: None }), None);
    }
}
