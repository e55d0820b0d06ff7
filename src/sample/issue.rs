//! Reasons for which a file that should contain records is one sample.

/// The reason for which a file is one sample that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileIssue {
    /// The file is not as its format says.
    Damaged {
        /// The line at which that shows, from 1.
        line: u64,
        /// The error, for a person.
        cause: String,
    },
    /// No reader can look into the file: it stands for data that is elsewhere, is encrypted, or is of another format.
    Opaque {
        /// The kind of the file and the fix, for a person.
        cause: String,
    },
}

impl FileIssue {
    /// Returns the issue of a file that is wrong from its first line on.
    pub fn damaged(cause: String) -> FileIssue {
        FileIssue::Damaged { line: 1, cause }
    }

    /// Returns the line at which it shows, from 1.
    pub fn line(&self) -> u64 {
        match self {
            FileIssue::Damaged { line, .. } => *line,
            FileIssue::Opaque { .. } => 1,
        }
    }

    /// Returns the error, for a person.
    pub fn cause(&self) -> &str {
        match self {
            FileIssue::Damaged { cause, .. } | FileIssue::Opaque { cause } => cause,
        }
    }
}
