//! The numbers of records that differ between two versions.

use crate::error::thousands;
use crate::path::printable;

/// The number of samples that differ between two versions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SampleCounts {
    /// Records of the new side only.
    pub added: u64,
    /// Records of both sides that share a key and nothing else; counted in neither of the others.
    pub modified: u64,
    /// Records of the old side only.
    pub removed: u64,
}

/// Records that moved from one split to another and are the same otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct SplitMove {
    /// The split in which they were; empty for the files that are in none.
    pub from: String,
    /// The split in which they are.
    pub to: String,
    /// The number of records.
    pub count: u64,
}

/// `320 moved from train to test`.
impl std::fmt::Display for SplitMove {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |name: &str| if name.is_empty() { "no split".to_owned() } else { printable(name).into_owned() };
        write!(f, "{} moved from {} to {}", thousands(self.count), name(&self.from), name(&self.to))
    }
}

/// The change of a record that is not on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordChange {
    /// It is on the new side only.
    Added,
    /// It is on the old side only.
    Removed,
    /// The other side has another record with its key.
    Modified,
}
