//! The errors of a Parquet file whose rows cannot be read.

use std::fmt;

use crate::sample::FileIssue;

/// The error of a file whose rows cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// It is not as the format says: what is wrong.
    Damaged(String),
    /// It, or a part of it, is encrypted: which.
    Encrypted(String),
}

impl ReadError {
    pub(super) fn damaged(why: &str) -> ReadError {
        ReadError::Damaged(why.to_owned())
    }
}

impl From<ReadError> for FileIssue {
    fn from(fault: ReadError) -> FileIssue {
        let cause = fault.to_string();
        match fault {
            ReadError::Damaged(_) => FileIssue::damaged(cause),
            ReadError::Encrypted(_) => FileIssue::Opaque { cause },
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Damaged(why) => write!(f, "the Parquet file is damaged: {why}"),
            ReadError::Encrypted(why) => write!(f, "the Parquet file is encrypted: {why}; decrypt it first"),
        }
    }
}
