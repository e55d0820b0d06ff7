//! Apache Parquet: how many rows a file has, of what columns, and what each row holds.
//!
//! The count and the columns stand in the footer; only [`ParquetFile::rows`] and [`GroupPair::rows`] read data, a page of each
//! column at a time, and [`pair_groups`] bytes that it does not decode.
//! Invariants: a row is the nested JSON that it is rendered as, so that two rows are the same whatever the order of the
//! columns, the encoding and compression, the types and widths of numbers, the unit of timestamps, what could have been
//! null, and the names that a writer gives to the inside of a list; a damaged file is an error and never a panic.

mod batch;
mod column;
mod error;
mod file;
mod footer;
mod guard;
mod pages;
mod pair;
mod ranges;
mod row;
mod shape;
mod shared;
#[cfg(test)]
mod tests;
mod text;

pub use column::Column;
pub(super) use column::Seconds;
pub(super) use error::ReadError;
pub use file::ParquetFile;
pub(super) use guard::guard;
pub use guard::is_guarded;
pub(super) use pages::is_unaccounted;
pub use ranges::Ranges;
pub use row::ColumnarRow;
pub use shared::{GroupPair, Pairing, pair_groups};
