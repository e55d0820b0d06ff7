//! Which reader a file gets: by the ending of its name, or as `helox.toml` says.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Kind, Result};

/// What the records of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A JSON value on every line that is not blank.
    Jsonl,
    /// One JSON document: the elements of an array, else the document itself.
    Json,
    /// Comma-separated values, RFC 4180: the records after the header.
    Csv,
    /// The same with tabs.
    Tsv,
    /// Apache Parquet: the rows.
    Parquet,
    /// Anything else: the file itself is the sample.
    Whole,
}

/// What the bytes of a file are wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// Nothing.
    None,
    /// gzip, RFC 1952, of one or more members.
    Gzip,
    /// Zstandard, RFC 8878, of one or more frames.
    Zstd,
}

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    /// What its records are.
    pub format: Format,
    /// What they are wrapped in.
    pub packing: Packing,
}

impl Reading {
    /// How a file of this path is read, by the ending of its name in any case. What cannot be read from a stream in one
    /// pass (Parquet) or has no ending below its packing is [`Format::Whole`], packed or not.
    pub fn of(path: &str) -> Reading {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, packing) = match split_ending(name) {
            Some((stem, ending)) if ending.eq_ignore_ascii_case("gz") => (stem, Packing::Gzip),
            Some((stem, ending)) if ending.eq_ignore_ascii_case("zst") => (stem, Packing::Zstd),
            _ => (name, Packing::None),
        };
        let format = match split_ending(stem).map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
            Some("jsonl" | "ndjson") => Format::Jsonl,
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            Some("tsv" | "tab") => Format::Tsv,
            Some("parquet" | "pq") if packing == Packing::None => Format::Parquet,
            _ => return Reading::WHOLE,
        };
        Reading { format, packing }
    }

    /// The reading of this name in `helox.toml`: `jsonl`, `json`, `csv` or `tsv`, each perhaps with `.gz` or `.zst`,
    /// `parquet`, or `text` however packed: the file itself is the sample.
    pub fn named(name: &str) -> Option<Reading> {
        let (format, packing) = match name.split_once('.') {
            None => (name, Packing::None),
            Some((format, "gz")) => (format, Packing::Gzip),
            Some((format, "zst")) => (format, Packing::Zstd),
            Some(_) => return None,
        };
        let format = match format {
            "jsonl" => Format::Jsonl,
            "json" => Format::Json,
            "csv" => Format::Csv,
            "tsv" => Format::Tsv,
            "parquet" if packing == Packing::None => Format::Parquet,
            "text" => return Some(Reading::WHOLE),
            _ => return None,
        };
        Some(Reading { format, packing })
    }

    /// The number that stands beside a count in the manifest: which reader made it, and which revision of that reader.
    /// Bits 0 to 7 are the format, 8 to 15 the packing, the rest the revision. It never changes its meaning.
    pub fn code(&self) -> u32 {
        let format = match self.format {
            Format::Jsonl => 1,
            Format::Json => 2,
            Format::Csv => 3,
            Format::Tsv => 4,
            Format::Parquet => 5,
            Format::Whole => 6,
        };
        let packing = match self.packing {
            Packing::None => 0,
            Packing::Gzip => 1,
            Packing::Zstd => 2,
        };
        format | packing << 8 | revision(self.format) << 16
    }

    /// The reading with this [`Reading::code`]; `None` if no reader has it any more, so that the count is made anew.
    pub fn from_code(code: u32) -> Option<Reading> {
        let format = match code & 0xff {
            1 => Format::Jsonl,
            2 => Format::Json,
            3 => Format::Csv,
            4 => Format::Tsv,
            5 => Format::Parquet,
            6 => Format::Whole,
            _ => return None,
        };
        let packing = match code >> 8 & 0xff {
            0 => Packing::None,
            1 => Packing::Gzip,
            2 => Packing::Zstd,
            _ => return None,
        };
        let reading = Reading { format, packing };
        (reading.code() == code).then_some(reading)
    }

    /// The file itself is the sample.
    pub const WHOLE: Reading = Reading { format: Format::Whole, packing: Packing::None };
}

/// Raised by one whenever a reader finds other records in the same bytes than before.
fn revision(format: Format) -> u32 {
    match format {
        Format::Jsonl | Format::Json | Format::Csv | Format::Tsv | Format::Parquet | Format::Whole => 1,
    }
}

/// A name without its ending, and the ending. A name that only begins with a dot has none.
fn split_ending(name: &str) -> Option<(&str, &str)> {
    name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())
}

/// What `helox.toml` says of how files are read: globs, each with the name of a reading. The first that matches wins; a
/// path that none matches is read by its ending.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    globs: GlobSet,
    /// Two globs each: what is named, and what lies below it.
    readings: Vec<Reading>,
}

impl Formats {
    /// Compiles globs of paths within the dataset, with the names of their readings, in their order.
    pub fn new<'a>(table: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Formats> {
        let (mut names, mut readings) = (Vec::new(), Vec::new());
        for (glob, name) in table {
            readings.push(Reading::named(name).ok_or_else(|| {
                Error::new(Kind::Config, format!("'{glob}': no format is called '{name}'"))
                    .with_hint("jsonl, json, csv, tsv, text (each also with .gz or .zst), parquet")
            })?);
            names.push(glob);
        }
        Ok(Formats { globs: globs(names)?, readings })
    }

    /// How the file of this path is read.
    pub fn reading(&self, path: &str) -> Reading {
        match self.globs.matches(path).first() {
            Some(&first) => self.readings[first / 2],
            None => Reading::of(path),
        }
    }
}

/// Compiles globs of paths within the dataset: `*` stays within a component, `**` does not, and what names a folder takes
/// all below it. Each becomes two of the set, one after the other: what is named, and what lies below it.
pub(crate) fn globs<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        for glob in [glob, &format!("{}/**", glob.trim_end_matches('/'))] {
            let compiled = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
            set.add(compiled.map_err(|why| {
                Error::new(Kind::Config, format!("the glob '{glob}' is not understood: {}", why.kind())).with_source(why)
            })?);
        }
    }
    set.build().map_err(|why| Error::new(Kind::Config, format!("the globs are too large: {}", why.kind())).with_source(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_FORMAT: [Format; 6] = [Format::Jsonl, Format::Json, Format::Csv, Format::Tsv, Format::Parquet, Format::Whole];
    const EVERY_PACKING: [Packing; 3] = [Packing::None, Packing::Gzip, Packing::Zstd];

    fn of(path: &str) -> (Format, Packing) {
        let reading = Reading::of(path);
        (reading.format, reading.packing)
    }

    #[test]
    fn the_ending_decides() {
        assert_eq!(of("a/b.jsonl"), (Format::Jsonl, Packing::None));
        assert_eq!(of("b.NDJSON"), (Format::Jsonl, Packing::None));
        assert_eq!(of("x.y.JSON"), (Format::Json, Packing::None));
        assert_eq!(of("x.csv.gz"), (Format::Csv, Packing::Gzip));
        assert_eq!(of("x.tab.ZST"), (Format::Tsv, Packing::Zstd));
        assert_eq!(of("x.pq"), (Format::Parquet, Packing::None));
    }

    #[test]
    fn everything_else_is_whole() {
        for path in ["", "a", "a.txt", "x.gz", "x.tar.gz", "x.parquet.gz", ".jsonl", ".csv.gz", "a.csv/b", "csv", "x.csv.gz.gz"] {
            assert_eq!(Reading::of(path), Reading::WHOLE, "{path}");
        }
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(Reading::named("jsonl.gz"), Some(Reading { format: Format::Jsonl, packing: Packing::Gzip }));
        assert_eq!(Reading::named("tsv"), Some(Reading { format: Format::Tsv, packing: Packing::None }));
        assert_eq!(Reading::named("text"), Some(Reading::WHOLE));
        for name in ["", "JSONL", "parquet.gz", "json.xz", "json.gz.gz", ".gz"] {
            assert_eq!(Reading::named(name), None, "{name}");
        }
    }

    #[test]
    fn codes_are_distinct_and_come_back() {
        let mut codes = std::collections::HashSet::new();
        for format in EVERY_FORMAT {
            for packing in EVERY_PACKING {
                let reading = Reading { format, packing };
                assert!(codes.insert(reading.code()));
                assert_eq!(Reading::from_code(reading.code()), Some(reading));
                assert_eq!(Reading::from_code(reading.code() + (1 << 16)), None);
            }
        }
        assert_eq!(Reading::from_code(0), None);
    }

    #[test]
    fn the_first_glob_wins() {
        let formats = Formats::new([("top.txt", "csv"), ("raw", "text"), ("**/*.txt", "jsonl")]).unwrap();
        assert_eq!(formats.reading("a/b/c.txt").format, Format::Jsonl);
        assert_eq!(formats.reading("raw/b/c.txt").format, Format::Whole);
        assert_eq!(formats.reading("a/raw/c.txt").format, Format::Jsonl);
        assert_eq!(formats.reading("top.txt").format, Format::Csv);
        assert_eq!(formats.reading("a/top.txt").format, Format::Jsonl);
        assert_eq!(formats.reading("a.csv").format, Format::Csv);
        assert_eq!(Formats::default().reading("a.csv").format, Format::Csv);
        assert_eq!(Formats::new([("*.x", "csv")]).unwrap().reading("a/b.x").format, Format::Whole);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(Formats::new([("*.a", "xml")]).unwrap_err().message().contains("'xml'"));
        assert!(Formats::new([("[", "csv")]).unwrap_err().message().contains("'['"));
    }
}
