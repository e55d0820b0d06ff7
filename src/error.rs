//! The one error type of the crate.
//!
//! Kinds are sorted by what a caller can do about them, not by where they arose. The message says what failed and on
//! which path or version; the hint, kept apart, says what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// The kinds of errors, sorted by what a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request itself is wrong: a flag, a name, a revision that cannot be understood.
    Usage,
    /// `helox.toml` or `.helox/config.toml` holds something that is not understood.
    Config,
    /// The data holds something that cannot be stored: a socket, a name that is not UTF-8, an unreadable file.
    UnsupportedInput,
    /// No repository was found at or above the folder.
    RepositoryNotFound,
    /// The dataset is not declared.
    DatasetNotFound,
    /// No version answers to the revision.
    VersionNotFound,
    /// The version or the workspace has no such path.
    PathNotFound,
    /// The version number is taken.
    VersionExists,
    /// Uncommitted work stands in the way.
    DirtyWorkspace,
    /// Something else changed the data or the repository meanwhile, or already stands there.
    Conflict,
    /// The store is damaged.
    Damaged,
    /// The operating system refused a read or a write.
    Io,
    /// The user interrupted the work.
    Interrupted,
    /// `hlx` itself has a defect.
    Internal,
}

impl ErrorKind {
    /// Returns the stable name of the kind, as `--json` prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Usage => "usage",
            ErrorKind::Config => "config",
            ErrorKind::UnsupportedInput => "unsupported-input",
            ErrorKind::RepositoryNotFound => "repository-not-found",
            ErrorKind::DatasetNotFound => "dataset-not-found",
            ErrorKind::VersionNotFound => "version-not-found",
            ErrorKind::PathNotFound => "path-not-found",
            ErrorKind::VersionExists => "version-exists",
            ErrorKind::DirtyWorkspace => "dirty-workspace",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Damaged => "damaged",
            ErrorKind::Io => "io",
            ErrorKind::Interrupted => "interrupted",
            ErrorKind::Internal => "internal",
        }
    }
}

/// An error with a kind, a message for people, and perhaps a hint and a source.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error of this kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), hint: None, source: None }))
    }

    /// Makes an [`ErrorKind::Io`] error: `doing` is what was tried, such as "cannot write", and `path` on what.
    pub fn io(doing: &str, path: &Path, source: std::io::Error) -> Self {
        let error = Error::new(ErrorKind::Io, format!("{doing} {}: {}", path.display(), reason(&source)));
        let error = match remedy(&source, path) {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        error.with_source(source)
    }

    /// Returns true if a check of many things ends with this error, rather than go on with the next: the user interrupted
    /// it, or the system does not let this user read something, which says nothing of its bytes.
    pub fn ends_check(&self) -> bool {
        let denied = |source: &std::io::Error| source.kind() == std::io::ErrorKind::PermissionDenied;
        let source = std::error::Error::source(self).and_then(|source| source.downcast_ref());
        self.kind() == ErrorKind::Interrupted || self.kind() == ErrorKind::Io && source.is_some_and(denied)
    }

    /// Returns true if a list goes on past this error: one object or file of the store cannot be read, the others can.
    pub fn is_skippable(&self) -> bool {
        matches!(self.kind(), ErrorKind::Damaged | ErrorKind::Io)
    }

    /// Returns true if the system does not let this user write: by permission, or since the file system is read-only.
    pub fn is_refused_write(&self) -> bool {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        let source = std::error::Error::source(self).and_then(|source| source.downcast_ref::<std::io::Error>());
        source.is_some_and(|source| matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem))
    }

    /// Returns true if the disk has no room left, or this user may not take more of it.
    pub fn is_disk_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let source = std::error::Error::source(self).and_then(|source| source.downcast_ref::<std::io::Error>());
        source.is_some_and(|source| matches!(source.kind(), QuotaExceeded | StorageFull))
    }

    /// Makes a [`ErrorKind::Damaged`] error.
    pub fn damaged(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Damaged, message)
    }

    /// Makes a [`ErrorKind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Usage, message)
    }

    /// Makes the error of something that no reader would accept once it is stored: a defect of the program.
    pub fn rejected(object: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Error::new(ErrorKind::Internal, format!("{object} is invalid: {reason}; nothing committed")).with_hint("please report it")
    }

    /// Returns the error of work that the user interrupted.
    pub fn interrupted() -> Self {
        Error::new(ErrorKind::Interrupted, "interrupted").with_hint("no data was lost; run the same command again to resume")
    }

    /// Adds what the user can do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Box::new(source));
        self
    }

    /// Puts the thing that the error befell before its message: `what: message`.
    #[must_use]
    pub fn within(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the message: what failed, on which path or version.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// Returns a count with a comma between thousands: `1,204`.
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns what could be read; `None` where the error spares others, which is handed to `take`.
pub(crate) fn skip_damaged<T>(read: Result<T>, take: impl FnOnce(Error)) -> Result<Option<T>> {
    match read {
        Err(e) if e.is_skippable() => {
            take(e);
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Counts things: `1 file`, `1,204 files`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// Returns what the user can do about an error of the operating system, where it is the system's and not the command's.
fn remedy(error: &std::io::Error, path: &Path) -> Option<String> {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let of_store = path.components().any(|part| part.as_os_str() == ".helox");
    match error.kind() {
        StorageFull => Some("free some space on that file system and run the same command again; no version was changed".into()),
        QuotaExceeded => Some(
            "your disk quota is exceeded: free some space or raise the quota, and run the same command again; no version was changed"
                .into(),
        ),
        ReadOnlyFilesystem => Some(
            "the file system is read-only: mount it read-write and run the same command again; commands that only read, \
             and 'hlx validate WORK', also work on a read-only file system"
                .into(),
        ),
        PermissionDenied if of_store => Some(
            "to share the repository with a group, set shared = \"group\" in [store] of helox.toml; then the owner of \
             .helox runs: hlx init"
                .into(),
        ),
        PermissionDenied => Some(format!("check the permissions: ls -ld {}", path.display())),
        _ if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Some(
            "the disk reported an error (see dmesg); copy the repository to another disk and run \
             'hlx verify --all' there"
                .into(),
        ),
        _ => None,
    }
}

/// Returns the message of an error of the operating system, without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.as_str(), self.0.message)?;
        match &self.0.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|e| e as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (count, text) in [(0, "0"), (999, "999"), (1_204, "1,204"), (1_000_000, "1,000,000")] {
            assert_eq!(thousands(count), text);
        }
    }

    #[test]
    fn errors_of_the_system_name_the_next_step() {
        let hint = |errno: Errno, path: &str| {
            Error::io("cannot write", Path::new(path), errno.into()).hint().unwrap_or_default().to_owned()
        };
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::ROFS] {
            assert!(hint(errno, "/data/.helox/tmp/x").contains("run the same command again"), "{errno}");
        }
        assert!(hint(Errno::IO, "/data/a").contains("hlx verify --all"));
        assert!(hint(Errno::ACCESS, "/data/a").ends_with("ls -ld /data/a"));
        assert!(hint(Errno::ACCESS, "/data/.helox/format").contains("shared"));
        assert_eq!(hint(Errno::NOENT, "/data/a"), "");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!([0, 1, 2].map(|n| counted(n, "file")), ["0 files", "1 file", "2 files"]);
    }
}
