//! Which reader a file gets: by the ending of its name, or as `helox.toml` says.

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
