//! The report of a commit: the version, or why there is none, and how it differs from its parent.

use serde::Serialize;

use crate::diff::{FileParseIssue, SplitMove};
use crate::ops::tag_plan::TagMove;
use crate::ops::{FileChanges, Links, PartialCheckout, VersionView};

/// The outcome of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitOutcome {
    /// The version was made.
    Created,
    /// A version with the same content existed already.
    AlreadyThere,
    /// Nothing changed since the parent, which is the version that is told of.
    Unchanged,
    /// The version would be made.
    DryRun,
    /// The rules of the dataset refused it: nothing was made.
    Refused,
    /// The version would have been created, had the rules of another dataset not refused its version.
    Withheld,
}

/// The result of a commit.
#[derive(Clone, Debug, Serialize)]
pub struct CommitReport {
    /// The version.
    #[serde(flatten)]
    pub version: VersionView,
    /// The outcome.
    pub outcome: CommitOutcome,
    /// The number of files that differ from the parent's.
    #[serde(flatten)]
    pub files: FileChanges,
    /// Bytes of all those files.
    pub bytes_changed: u64,
    /// Bytes of the parent's files.
    pub bytes_before: u64,
    /// Samples that the parent does not have, where they are counted and compared.
    pub samples_added: Option<u64>,
    /// Samples that only the parent has.
    pub samples_removed: Option<u64>,
    /// Samples that share a key with one of the parent and differ.
    pub samples_modified: Option<u64>,
    /// Samples that moved from one split to another and are the same otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples_moved: Vec<SplitMove>,
    /// The first records that are none of their format, in the files that were read.
    pub findings: Vec<FileParseIssue>,
    /// The number of parse issues.
    pub findings_count: u64,
    /// The symlinks of the folder, whose data the version does not hold.
    pub links: Links,
    /// The explanation of the number.
    pub bump: String,
    /// Tags that the version received.
    pub tags_added: Vec<String>,
    /// Those of them that another version had.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags_moved: Vec<TagMove>,
    /// The file that holds all that the rules of the dataset found, where they refused it.
    pub report_file: Option<String>,
    /// The parts of the parent that could not be read, and how the commit continued.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The field that could be the key of the dataset, which has none: with it, samples count as modified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_key: Option<String>,
    /// The number of files of the version that the workspace has, where it has a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialCheckout>,
    /// By how many bytes the packs grew.
    pub stored_bytes: u64,
}
