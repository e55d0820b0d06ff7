//! The comparison of two versions: their files ([`Differences`]), their records, their schemas, and the size of a change.
//!
//! Records are compared file by file: [`compare()`] takes the two [`FileSide`]s of a file, and [`FileStream`] a file that is
//! still being stored. Both return a [`RecordDiff`]; the diffs of all files add up, in any order. Invariants: every record of
//! either side is counted exactly once or cancels byte for byte with one of the other side, so that counts are exact as
//! multisets over all files; a file that is not what its name says is one record, its content, and a finding; memory is bounded by the
//! longest record, some MiB a file, and the records that differ.

mod align;
mod collect;
mod compare;
mod counts;
mod csv_table;
mod differences;
mod fields;
mod file_changes;
mod file_diff;
mod file_entry;
mod file_side;
mod gap;
mod hints;
mod one_side;
mod pair;
mod parts;
mod reader_config;
mod record;
mod record_comparer;
mod record_diff;
mod rows;
mod schema;
mod size;
mod splits;
mod stream;
mod tally;
mod whole_file;

pub use compare::{compare, compare_readable, visit, visit_head};
pub use counts::{RecordChange, SampleCounts, SplitMove};
pub use differences::Differences;
pub use fields::{FieldChange, field_changes};
pub use file_changes::{FileChanges, TreeChanges};
pub use file_entry::FileEntry;
pub use file_side::{FileSide, FileSource};
pub use hints::hint_warnings;
pub use parts::{FilePart, parts, visit_part};
pub use reader_config::ReaderConfig;
pub use record::{RecordRef, RecordText};
pub use record_diff::{DiffDetail, FileParseIssue, IssueMark, RecordDiff};
pub use schema::{ChangeKind, SchemaChange};
pub use size::{SampleChanges, Thresholds, percent};
pub use splits::{SplitId, SplitMoves, Splits};
pub use stream::{FileStream, StreamResult};
pub use tally::{Tally, UnmatchedRecords};
