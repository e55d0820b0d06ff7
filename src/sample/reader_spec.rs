//! The reader of a file: the format of its records, the compression around them, and the dialect.
//!
//! It follows from the path of the file, from `helox.toml`, and where both leave a choice from the first bytes of the file.

use super::{Compression, Dialect, Encoding, Origin, RowSyntax};

/// The format of a file's records. The codes are stored in reader ids and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RecordFormat {
    /// A JSON value on every line that is not blank.
    Jsonl = 1,
    /// One JSON document: the elements of an array, else the document itself.
    Json = 2,
    /// Comma-separated values, RFC 4180: the records after the header.
    Csv = 3,
    /// Tab-separated values, with the same rules.
    Tsv = 4,
    /// Apache Parquet: the rows.
    Parquet = 5,
    /// Apache Arrow IPC, either form: the rows.
    Arrow = 7,
    /// tar in WebDataset's form: the samples, each of members that share a name.
    Tar = 8,
    /// Anything else: the file itself is the sample.
    Whole = 6,
    /// An archive, or a compression, for which there is no reader: one sample that no rule can look into.
    Archive = 9,
    /// A file that has no samples, such as a README.
    None = 10,
}

impl RecordFormat {
    /// Every format, by its code.
    pub const ALL: [RecordFormat; 10] = [
        RecordFormat::Jsonl,
        RecordFormat::Json,
        RecordFormat::Csv,
        RecordFormat::Tsv,
        RecordFormat::Parquet,
        RecordFormat::Whole,
        RecordFormat::Arrow,
        RecordFormat::Tar,
        RecordFormat::Archive,
        RecordFormat::None,
    ];

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
        let origin = Origin { stated: false, guessed_encoding: false, guessed_compression: false, guessed_form: false };
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
    /// the ending of a compression as in `jsonl.gz`, or `parquet`, `arrow` or `none`.
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
        if std::mem::take(&mut spec.origin.guessed_compression) {
            spec.compression = Compression::None;
        }
        if std::mem::take(&mut spec.origin.guessed_form) {
            (spec.dialect.delimiter, spec.dialect.quotes, spec.dialect.lines) = (None, true, false);
        }
        spec
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
}
