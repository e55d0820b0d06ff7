//! The limits of everything that is stored, in one table.
//!
//! A reader refuses what lies beyond a limit, so whoever writes holds the same limit before anything is stored: what the
//! one accepts the other does. The largest object of every kind fits into a block, so that no object can make its pack
//! unreadable. The pages in `docs/formats/` give the same numbers.

/// Bytes of an object, and of a block uncompressed.
pub const OBJECT: usize = 4 << 20;
/// Bytes of the base that a run of a delta block is compressed against.
pub const BASE: usize = 8 << 20;
/// Objects in a block.
pub const BLOCK_OBJECTS: usize = 1 << 16;
/// Objects that the bases of a block are made of.
pub const BLOCK_BASES: usize = 1 << 16;
/// Deltas between a block and one that stands alone.
pub const BLOCK_DEPTH: u8 = 8;
/// Bytes of the table of contents of a pack, of which a pack has a few MiB at most.
pub const TOC: usize = 1 << 30;

/// Bytes of the file `format`.
pub const FORMAT_FILE: usize = 64 << 10;
/// Bytes of the name of a feature of a store.
pub const FEATURE: usize = 64;

/// Bytes of the name of a file of a remote, which S3 counts with the prefix of its URL.
pub const REMOTE_NAME: usize = 768;

/// Entries of a sequence of refs: ten decimal digits.
pub const SEQUENCE: u64 = 9_999_999_999;

/// Bytes that every item of a recipe or a recipe node has at least, but for the last: only the last chunk of a file is shorter.
pub const RECIPE_ITEM: u64 = 16 << 10;
/// Items in a recipe or a recipe node.
pub const RECIPE_ITEMS: usize = 4_096;
/// Levels of a recipe; five hold more than any file.
pub const RECIPE_LEVEL: u8 = 8;
/// Items in a node of a manifest.
pub const NODE_ITEMS: usize = 1_024;
/// Levels of a manifest.
pub const NODE_LEVEL: u8 = 40;
/// Bytes of the paths in a node, after which it ends.
pub const NODE_PATHS: usize = 256 << 10;

/// Bytes of a file: as many as ext4 can hold.
pub const FILE: u64 = 1 << 44;
/// Bytes of the target of a symlink.
pub const TARGET: u64 = 4_095;

/// Bytes of the path of an entry.
pub const PATH: usize = 4_095;
/// Bytes of a component of a path.
pub const COMPONENT: usize = 255;

/// Bytes of a record where nothing else is set. Of a longer one only length and hash are known.
pub const RECORD: usize = 256 << 20;
/// Values and names in a JSON record. One of more is not JSON.
pub const RECORD_VALUES: usize = 1 << 24;

/// Bytes of the dictionaries of an Arrow file that are in force at once.
pub const DICTIONARIES: u64 = 1 << 30;

/// Bytes of the JSON pointer to the records of a document.
pub const POINTER: usize = 255;

/// Bytes of the name of a dataset or a tag, and of the type of a dataset.
pub const NAME: usize = 64;
/// Bytes of a version number.
pub const NUMBER: usize = 255;
/// Parents of a version.
pub const VERSION_PARENTS: usize = 16;
/// Bytes of the summary of a version.
pub const SUMMARY: usize = 1 << 20;
/// Bytes of the metadata of a version, as canonical JSON.
pub const METADATA: usize = 1 << 20;
/// Objects and arrays within each other in the metadata of a version, the outermost counted.
pub const METADATA_DEPTH: usize = 64;
/// Tags of a version record.
pub const VERSION_TAGS: usize = 256;
/// Extensions of a version record.
pub const EXTENSIONS: usize = 64;
/// Bytes of the values of all extensions of a version record.
pub const EXTENSION_BYTES: usize = 1 << 20;
/// Bytes of an author, of a version or a fact.
pub const AUTHOR: usize = 4 << 10;

/// Facts that one fact joins.
pub const FACT_PARENTS: usize = 64;
/// Bytes of a statement of a kind that is not defined yet, after its version.
pub const STATEMENT: usize = 2 << 20;
/// Bytes of a note.
pub const NOTE: usize = 64 << 10;
/// Bytes of the name of a model, a parameter or a metric.
pub const RUN_NAME: usize = 256;
/// Bytes of the value of a parameter, and of the path of an artifact.
pub const RUN_VALUE: usize = 4 << 10;
/// Parameters, metrics, and artifacts of a run, of each.
pub const RUN_ITEMS: usize = 1_000;
/// Bytes of all names, values and paths of a run.
pub const RUN: usize = 2 << 20;

/// Levels of a schema below the records.
pub const SCHEMA_DEPTH: usize = 32;
/// Fields of a schema. One of more looks less deep.
pub const SCHEMA_FIELDS: usize = 16_384;
/// Bytes of the name of a field. A longer one is cut.
pub const FIELD_NAME: usize = 256;
/// Bytes of the names of all fields of a schema. One of more looks less deep.
pub const SCHEMA_NAMES: usize = 2 << 20;

/// Rules of a verdict.
pub const VERDICT_RULES: usize = 256;
/// Findings of a verdict.
pub const VERDICT_FINDINGS: usize = 100;
/// Bytes of the message of a finding in a verdict. A longer one is cut.
pub const FINDING: usize = 1_024;
/// Sums that a rule measures: labels, and a few more.
pub const MEASURES: usize = 1_100;
/// Bytes of the name of a sum.
pub const MEASURE_NAME: usize = 256;
/// Bytes of the names of all sums of a verdict.
pub const VERDICT_MEASURES: usize = 2 << 20;
