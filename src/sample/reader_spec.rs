//! The reader of a file: the format of its records, the compression around them, and the dialect.
//!
//! What a file was read as is part of what is known of it: its [`ReaderId`] stands beside its count in the manifest, so
//! that the old side of a comparison is read as it was read then.

use std::sync::Arc;

use super::RowSyntax;

/// The format of a file's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordFormat {
    /// A JSON value on every line that is not blank.
    Jsonl,
    /// One JSON document: the elements of an array, else the document itself.
    Json,
    /// Comma-separated values, RFC 4180: the records after the header.
    Csv,
    /// Tab-separated values, with the same rules.
    Tsv,
    /// Apache Parquet: the rows.
    Parquet,
    /// Apache Arrow IPC, either form: the rows.
    Arrow,
    /// tar in WebDataset's form: the samples, each of members that share a name.
    Tar,
    /// Anything else: the file itself is the sample.
    Whole,
    /// An archive, or a compression, for which there is no reader: one sample that no rule can look into.
    Archive,
    /// A file that has no samples, such as a README.
    None,
}

impl RecordFormat {
    /// Returns the name, as messages have it.
    pub fn name(self) -> &'static str {
        match self {
            RecordFormat::Jsonl => "JSON Lines",
            RecordFormat::Json => "JSON",
            RecordFormat::Csv => "CSV",
            RecordFormat::Tsv => "TSV",
            RecordFormat::Parquet => "Parquet",
            RecordFormat::Arrow => "Arrow",
            RecordFormat::Tar => "tar",
            RecordFormat::Whole => "text",
            RecordFormat::Archive => "an archive",
            RecordFormat::None => "no samples",
        }
    }
}

/// The compression around a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Nothing.
    None,
    /// gzip, RFC 1952, of one or more members.
    Gzip,
    /// Zstandard, RFC 8878, of one or more frames.
    Zstd,
    /// bzip2, of one or more streams.
    Bzip2,
    /// xz, of one or more streams.
    Xz,
    /// lz4, of one or more frames.
    Lz4,
}

/// The encoding of the text of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// UTF-16, the lower byte first.
    Utf16Le,
    /// UTF-16, the higher byte first.
    Utf16Be,
    /// ISO 8859-1.
    Latin1,
    /// Windows-1252.
    Windows1252,
}

/// The details of a format, by `helox.toml` or by the first bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// The encoding of the text.
    pub encoding: Encoding,
    /// The delimiter of the fields of a row, where it is not that of the format.
    pub delimiter: Option<u8>,
    /// True if quotes enclose fields; where they do not, they are text.
    pub quotes: bool,
    /// True if the first row has the names of the columns.
    pub header: bool,
    /// The byte with which rows begin that are comments.
    pub comment: Option<u8>,
    /// The location of the list of records in a JSON document, as a JSON pointer.
    pub records: Option<Arc<str>>,
    /// True if a `.json` file holds a document on every line.
    pub lines: bool,
}

impl Dialect {
    /// The dialect of a format without declarations and guesses.
    pub const PLAIN: Dialect = Dialect {
        encoding: Encoding::Utf8,
        delimiter: None,
        quotes: true,
        header: true,
        comment: None,
        records: None,
        lines: false,
    };
}

/// The origin of the dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// `helox.toml` names the format, so that nothing but the encoding is guessed.
    pub stated: bool,
    /// The encoding follows from the file's byte order mark.
    pub guessed_encoding: bool,
    /// The packing follows from the file's first bytes.
    pub guessed_packing: bool,
    /// The rest follows from the file's first bytes.
    pub guessed_form: bool,
}

/// The reader of a file, by format, compression and dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReaderSpec {
    /// The format of its records.
    pub format: RecordFormat,
    /// The compression of the file.
    pub compression: Compression,
    /// The dialect of the format.
    pub dialect: Dialect,
    /// The origin of the dialect.
    pub origin: Origin,
    /// True if its first bytes show that no reader can look into it, so that it is one sample.
    pub opaque: bool,
}

/// A reading as the manifest has it beside a count: which reader made it, which revision of that reader, and the dialect.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReaderId {
    /// Bits 0 to 7 are the format, 8 to 15 the packing, 16 to 31 the revision; 32 to 39 the delimiter or 0, 40 to 47 the
    /// first byte of a comment or 0, 48 to 51 the encoding; then one bit each: 52 quotes are text, 53 no header, 54 a
    /// document on every line, 55 [`ReaderId::records`] is given, 56 stated, 57 guessed encoding, 58 guessed form, 59
    /// opaque, 60 guessed packing. They never change their meaning.
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
    /// Returns the reader of a file that is itself the sample.
    pub const fn whole() -> ReaderSpec {
        ReaderSpec::of_format(RecordFormat::Whole, Compression::None)
    }

    /// Returns the reader of a file without samples.
    pub const fn none() -> ReaderSpec {
        ReaderSpec::of_format(RecordFormat::None, Compression::None)
    }

    const fn of_format(format: RecordFormat, compression: Compression) -> ReaderSpec {
        let dialect = Dialect::PLAIN;
        let origin = Origin { stated: false, guessed_encoding: false, guessed_packing: false, guessed_form: false };
        ReaderSpec { format, compression, dialect, origin, opaque: false }
    }

    /// Returns the reader of a file of this path, by the extension of its name in any case. A format that is not read from
    /// front to back (Parquet, Arrow) is [`RecordFormat::Whole`] if it is compressed.
    pub fn of(path: &str) -> ReaderSpec {
        let name = path.rsplit('/').next().unwrap_or(path);
        let packed = split_ending(name).and_then(|(stem, ending)| Some((stem, Compression::of_ending(ending)?)));
        let (stem, compression) = packed.unwrap_or((name, Compression::None));
        let format = match split_ending(stem).map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
            Some("jsonl" | "ndjson") => RecordFormat::Jsonl,
            Some("json") => RecordFormat::Json,
            Some("csv") => RecordFormat::Csv,
            Some("tsv" | "tab") => RecordFormat::Tsv,
            Some("parquet" | "pq") if compression == Compression::None => RecordFormat::Parquet,
            Some("arrow" | "arrows" | "feather" | "ipc") if compression == Compression::None => RecordFormat::Arrow,
            Some("tar") => RecordFormat::Tar,
            Some("zip" | "rar" | "7z" | "tgz" | "tbz" | "tbz2" | "txz" | "tzst" | "z" | "br" | "lzma" | "lz" | "cab") => {
                RecordFormat::Archive
            }
            _ => RecordFormat::Whole,
        };
        ReaderSpec::of_format(format, compression)
    }

    /// Returns the reader of this name in `helox.toml`: `jsonl`, `json`, `csv`, `tsv`, `tar` or `text`, each perhaps with
    /// the ending of a packing as in `jsonl.gz`, or `parquet`, `arrow` or `none`.
    pub fn named(name: &str) -> Option<ReaderSpec> {
        let (format, compression) = match name.split_once('.') {
            None => (name, Compression::None),
            Some((_, ending)) if ending.contains(|c: char| c.is_ascii_uppercase()) => return None,
            Some((format, ending)) => (format, Compression::of_ending(ending)?),
        };
        let format = match format {
            "jsonl" => RecordFormat::Jsonl,
            "json" => RecordFormat::Json,
            "csv" => RecordFormat::Csv,
            "tsv" => RecordFormat::Tsv,
            "parquet" if compression == Compression::None => RecordFormat::Parquet,
            "arrow" if compression == Compression::None => RecordFormat::Arrow,
            "tar" => RecordFormat::Tar,
            "text" => RecordFormat::Whole,
            "none" if compression == Compression::None => RecordFormat::None,
            _ => return None,
        };
        Some(ReaderSpec { origin: Origin { stated: true, ..Origin::default() }, ..ReaderSpec::of_format(format, compression) })
    }

    /// Returns true if the records are rows of a table of text.
    pub fn is_table(&self) -> bool {
        matches!(self.format, RecordFormat::Csv | RecordFormat::Tsv) && !self.opaque
    }

    /// Returns true if the records are JSON, one on every line.
    pub fn is_lines(&self) -> bool {
        !self.opaque && (self.format == RecordFormat::Jsonl || self.format == RecordFormat::Json && self.dialect.lines)
    }

    /// Returns true if a file is not told from its pieces as they are stored, but is read once all of them are.
    pub fn is_read_from_disk(&self) -> bool {
        match self.format {
            _ if self.opaque => true,
            RecordFormat::Parquet | RecordFormat::Arrow => true,
            RecordFormat::Whole => self.compression != Compression::None,
            _ => false,
        }
    }

    /// Returns true if the bytes of the file are its text.
    pub fn is_plain(&self) -> bool {
        self.compression == Compression::None && self.dialect.encoding == Encoding::Utf8 && self.format != RecordFormat::Tar
    }

    /// Returns the delimiter of the fields of a row.
    pub fn delimiter(&self) -> u8 {
        self.dialect.delimiter.unwrap_or(if self.format == RecordFormat::Tsv { b'\t' } else { b',' })
    }

    /// Returns the syntax of the fields of a row.
    pub fn row_syntax(&self) -> RowSyntax {
        RowSyntax { delimiter: self.delimiter(), quotes: self.dialect.quotes }
    }

    /// Returns true if the same bytes have the same records for both, whoever chose the dialect.
    pub fn reads_as(&self, other: &ReaderSpec) -> bool {
        let read = |spec: &ReaderSpec| (spec.format, spec.compression, spec.opaque);
        read(self) == read(other) && self.dialect == other.dialect
    }

    /// Returns the reader before anything was guessed.
    pub fn before_guess(&self) -> ReaderSpec {
        let mut spec = ReaderSpec { opaque: false, ..self.clone() };
        if std::mem::take(&mut spec.origin.guessed_encoding) {
            spec.dialect.encoding = Encoding::Utf8;
        }
        if std::mem::take(&mut spec.origin.guessed_packing) {
            spec.compression = Compression::None;
        }
        if std::mem::take(&mut spec.origin.guessed_form) {
            (spec.dialect.delimiter, spec.dialect.quotes, spec.dialect.lines) = (None, true, false);
        }
        spec
    }

    /// Returns the id that stands beside a count in the manifest.
    pub fn id(&self) -> ReaderId {
        let format = match self.format {
            RecordFormat::Jsonl => 1,
            RecordFormat::Json => 2,
            RecordFormat::Csv => 3,
            RecordFormat::Tsv => 4,
            RecordFormat::Parquet => 5,
            RecordFormat::Whole => 6,
            RecordFormat::Arrow => 7,
            RecordFormat::Tar => 8,
            RecordFormat::Archive => 9,
            RecordFormat::None => 10,
        };
        let packing = match self.compression {
            Compression::None => 0,
            Compression::Gzip => 1,
            Compression::Zstd => 2,
            Compression::Bzip2 => 3,
            Compression::Xz => 4,
            Compression::Lz4 => 5,
        };
        let Dialect { encoding, delimiter, quotes, header, comment, records, lines } = &self.dialect;
        let encoding = match encoding {
            Encoding::Utf8 => 0,
            Encoding::Utf16Le => 1,
            Encoding::Utf16Be => 2,
            Encoding::Latin1 => 3,
            Encoding::Windows1252 => 4,
        };
        let byte = |byte: &Option<u8>| u64::from(byte.unwrap_or(0));
        let bit = |at: u32, set: bool| u64::from(set) << at;
        let Origin { stated, guessed_encoding, guessed_packing, guessed_form } = self.origin;
        let code = format
            | packing << 8
            | revision(self.format) << 16
            | byte(delimiter) << 32
            | byte(comment) << 40
            | encoding << 48
            | bit(52, !quotes)
            | bit(53, !header)
            | bit(54, *lines)
            | if records.is_some() { RECORDS } else { 0 }
            | bit(56, stated)
            | bit(57, guessed_encoding)
            | bit(58, guessed_form)
            | bit(59, self.opaque)
            | bit(60, guessed_packing);
        ReaderId { code, records: records.clone() }
    }

    /// Returns the reader with this [`ReaderSpec::id`]; `None` if no reader has it any more, so that the count is made anew.
    pub fn from_id(id: &ReaderId) -> Option<ReaderSpec> {
        let code = id.code;
        let format = match code & 0xff {
            1 => RecordFormat::Jsonl,
            2 => RecordFormat::Json,
            3 => RecordFormat::Csv,
            4 => RecordFormat::Tsv,
            5 => RecordFormat::Parquet,
            6 => RecordFormat::Whole,
            7 => RecordFormat::Arrow,
            8 => RecordFormat::Tar,
            9 => RecordFormat::Archive,
            10 => RecordFormat::None,
            _ => return None,
        };
        let compression = match code >> 8 & 0xff {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Zstd,
            3 => Compression::Bzip2,
            4 => Compression::Xz,
            5 => Compression::Lz4,
            _ => return None,
        };
        let encoding = match code >> 48 & 0xf {
            0 => Encoding::Utf8,
            1 => Encoding::Utf16Le,
            2 => Encoding::Utf16Be,
            3 => Encoding::Latin1,
            4 => Encoding::Windows1252,
            _ => return None,
        };
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
        let origin = Origin { stated: bit(56), guessed_encoding: bit(57), guessed_packing: bit(60), guessed_form: bit(58) };
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

/// Returns a name without its ending, and the ending. A name that only begins with a dot has none.
fn split_ending(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> (RecordFormat, Compression) {
        let spec = ReaderSpec::of(path);
        (spec.format, spec.compression)
    }

    #[test]
    fn the_ending_decides() {
        assert_eq!(of("a/b.jsonl"), (RecordFormat::Jsonl, Compression::None));
        assert_eq!(of("b.NDJSON"), (RecordFormat::Jsonl, Compression::None));
        assert_eq!(of("x.y.JSON"), (RecordFormat::Json, Compression::None));
        assert_eq!(of("x.csv.gz"), (RecordFormat::Csv, Compression::Gzip));
        assert_eq!(of("x.tab.ZST"), (RecordFormat::Tsv, Compression::Zstd));
        assert_eq!(of("x.jsonl.bz2"), (RecordFormat::Jsonl, Compression::Bzip2));
        assert_eq!(of("x.json.xz"), (RecordFormat::Json, Compression::Xz));
        assert_eq!(of("x.md.lz4"), (RecordFormat::Whole, Compression::Lz4));
        assert_eq!(of("x.pq"), (RecordFormat::Parquet, Compression::None));
        assert_eq!(of("x.tar.gz"), (RecordFormat::Tar, Compression::Gzip));
        assert_eq!(of("x.Feather"), (RecordFormat::Arrow, Compression::None));
    }

    #[test]
    fn everything_else_is_whole() {
        for path in ["", "a", "a.txt", ".jsonl", ".gz", "a.csv/b", "csv"] {
            assert_eq!(ReaderSpec::of(path), ReaderSpec::whole(), "{path}");
        }
        for (path, compression) in [("x.zip", Compression::None), ("x.zip.gz", Compression::Gzip), ("x.tgz", Compression::None)] {
            assert_eq!(of(path), (RecordFormat::Archive, compression), "{path}");
        }
        for path in ["x.gz", "x.txt.gz", "x.parquet.gz", ".csv.gz", "x.csv.gz.gz"] {
            assert_eq!(of(path), (RecordFormat::Whole, Compression::Gzip), "{path}");
        }
    }

    #[test]
    fn names_are_exact() {
        let named = |name| ReaderSpec::named(name).map(|spec| (spec.format, spec.compression, spec.origin.stated));
        assert_eq!(named("jsonl.gz"), Some((RecordFormat::Jsonl, Compression::Gzip, true)));
        assert_eq!(named("tsv"), Some((RecordFormat::Tsv, Compression::None, true)));
        assert_eq!(named("text"), Some((RecordFormat::Whole, Compression::None, true)));
        for name in ["", "JSONL", "parquet.gz", "json.XZ", "json.7z", "json.gz.gz", ".gz"] {
            assert_eq!(ReaderSpec::named(name), None, "{name}");
        }
    }

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
            with(|r| r.origin.guessed_packing = true),
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
