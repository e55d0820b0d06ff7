//! The one error type of the crate.
//!
//! Kinds are sorted by what a caller can do about them, not by where they arose. The message says what failed and on
//! which path or version; the hint, kept apart, says what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
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

impl Kind {
    /// The stable name of the kind, as `--json` prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::Config => "config",
            Kind::UnsupportedInput => "unsupported-input",
            Kind::RepositoryNotFound => "repository-not-found",
            Kind::DatasetNotFound => "dataset-not-found",
            Kind::VersionNotFound => "version-not-found",
            Kind::PathNotFound => "path-not-found",
            Kind::VersionExists => "version-exists",
            Kind::DirtyWorkspace => "dirty-workspace",
            Kind::Conflict => "conflict",
            Kind::Damaged => "damaged",
            Kind::Io => "io",
            Kind::Interrupted => "interrupted",
            Kind::Internal => "internal",
        }
    }
}

/// An error with a kind, a message for people, and perhaps a hint and a source.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), hint: None, source: None }))
    }

    /// Makes an [`Kind::Io`] error: `doing` is what was tried, such as "cannot write", and `path` on what.
    pub fn io(doing: &str, path: &Path, source: std::io::Error) -> Self {
        let error = Error::new(Kind::Io, format!("{doing} {}: {}", path.display(), reason(&source)));
        let of_store = path.components().any(|part| part.as_os_str() == ".helox");
        let error = match source.kind() {
            std::io::ErrorKind::PermissionDenied if of_store => error.with_hint(
                "a group shares a repository with [store] shared = \"group\" in helox.toml, after which the owner of .helox \
                 runs 'hlx init'",
            ),
            _ => error,
        };
        error.with_source(source)
    }

    /// Tells whether a check of many things ends with this error, rather than go on with the next: the user interrupted
    /// it, or the system does not let this user read something, which says nothing of its bytes.
    pub fn ends_check(&self) -> bool {
        let denied = |source: &std::io::Error| source.kind() == std::io::ErrorKind::PermissionDenied;
        let source = std::error::Error::source(self).and_then(|source| source.downcast_ref());
        self.kind() == Kind::Interrupted || self.kind() == Kind::Io && source.is_some_and(denied)
    }

    /// Tells if the system does not let this user write: by permission, or since the file system is read-only.
    pub fn is_refused_write(&self) -> bool {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        let source = std::error::Error::source(self).and_then(|source| source.downcast_ref::<std::io::Error>());
        source.is_some_and(|source| matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem))
    }

    /// Makes a [`Kind::Damaged`] error.
    pub fn damaged(message: impl Into<String>) -> Self {
        Error::new(Kind::Damaged, message)
    }

    /// Makes a [`Kind::Usage`] error.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(Kind::Usage, message)
    }

    /// Makes the error of something that no reader would accept once it is stored: a defect of the program.
    pub fn rejected(object: impl fmt::Display, reason: impl fmt::Display) -> Self {
        Error::new(Kind::Internal, format!("{object} would not be readable: {reason}; nothing was committed"))
            .with_hint("please report it")
    }

    /// The error of work that the user interrupted.
    pub fn interrupted() -> Self {
        Error::new(Kind::Interrupted, "interrupted")
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

    /// What a caller can do about it.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What failed, on which path or version.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

/// What an error of the operating system says, without its number.
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
