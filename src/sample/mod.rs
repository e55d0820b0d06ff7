//! Reading records: what a sample is in each format, how many a file has, of what shape, and which of them differ.
//!
//! Pure functions over bytes that come in pieces. Invariants: how a stream is cut into pieces never changes what is
//! found in it; memory is bounded by the longest record; bytes that are no record of their format are a finding, with
//! the line on which they begin, and never a panic.

mod columns;
pub mod csv;
mod format;
mod packing;
pub mod parquet;
mod record;

pub use columns::Columns;
pub use csv::Csv;
pub use format::{Format, Formats, Packing, Reading};
pub use packing::Unpacker;
pub use record::{Finding, Record, Records, ValueType};
