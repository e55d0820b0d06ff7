//! Readers of records: where the samples of a file begin and end in each format, and what shape they have.
//!
//! Pure functions over bytes that come in pieces. Invariants: how a stream is cut into pieces never changes what is
//! found in it; memory is bounded by the longest record; bytes that are no record of their format are a finding, with
//! the line on which they begin, and never a panic.

mod array;
mod arrow;
mod canonical;
mod columns;
mod compression;
mod csv;
mod datetime;
mod dialect;
mod fields;
mod format;
mod guess;
mod hint;
mod issue;
mod json;
mod jsonl;
mod kind;
mod nested;
mod opaque;
mod parquet;
mod partial;
mod pointer;
mod reader_id;
mod reader_spec;
mod record;
mod render;
pub mod schema;
mod tar;
mod transcode;

pub use array::Array;
pub use arrow::{Arrow, ArrowSlice};
pub use canonical::{Canonicalizer, Identity};
pub(crate) use canonical::{put_scalar, put_value};
pub(crate) use columns::type_of;
pub use columns::{Columns, Header, identity_of_row};
pub use compression::{Compression, Decompressor};
pub use csv::{Csv, SkippedRow};
pub(crate) use datetime::Instant;
pub use dialect::{Dialect, Encoding, Origin};
pub use fields::{RowSyntax, fields};
pub use format::Formats;
pub(crate) use format::globs;
pub use guess::HEAD;
pub use hint::Hint;
pub use issue::FileIssue;
#[cfg(test)]
pub(crate) use json::tests::spelled;
pub(crate) use json::{InvalidJson, MAX_DEPTH, Tape, duplicate_key};
pub use jsonl::Jsonl;
pub use kind::Type;
pub use nested::Nested;
pub use opaque::is_of_another_kind;
pub(crate) use parquet::Column;
pub use parquet::{ColumnarRow, GroupPair, Pairing, ParquetFile, Ranges, is_guarded, pair_groups};
pub use pointer::Pointer;
pub use reader_id::ReaderId;
pub use reader_spec::{ReaderSpec, RecordFormat};
pub(crate) use record::digest;
#[cfg(test)]
pub(crate) use record::tests::found;
pub use record::{ParseIssue, Record, RecordReader, Side};
pub use render::{Rendering, escaped};
pub use schema::Schema;
pub use transcode::Decoder;
