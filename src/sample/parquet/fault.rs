//! Why the rows of a Parquet file cannot be read.

use std::fmt;

use crate::sample::FileIssue;

/// Why the rows of a file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not as the format says: what is wrong.
    Damaged(String),
    /// It, or a part of it, is encrypted: which.
    Encrypted(String),
}

impl Fault {
    pub(super) fn damaged(why: &str) -> Fault {
        Fault::Damaged(why.to_owned())
    }
}

impl From<Fault> for FileIssue {
    fn from(fault: Fault) -> FileIssue {
        let cause = fault.to_string();
        match fault {
            Fault::Damaged(_) => FileIssue::damaged(cause),
            Fault::Encrypted(_) => FileIssue::Opaque { cause },
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Damaged(why) => write!(f, "the Parquet file is damaged: {why}"),
            Fault::Encrypted(why) => write!(f, "the Parquet file is encrypted: {why}; decrypt it first"),
        }
    }
}
