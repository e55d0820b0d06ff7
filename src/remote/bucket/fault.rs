//! The reasons for which an operation on a bucket fails, sorted by what can be done about them.

use std::error::Error as StdError;
use std::time::Duration;

use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};

use super::http::{Attempt, TooLong};
use crate::error::{Error, ErrorKind, counted, reason};

/// The reason for a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultCause {
    /// The file does not exist.
    Missing,
    /// The bucket does not exist.
    NoBucket,
    /// The file exists already.
    Exists,
    /// The file ends before the range.
    Range,
    /// The server does not know ranges.
    NoRanges,
    /// The answer is longer than its reader allows.
    Long,
    /// The server refuses this user.
    Denied,
    /// The clocks of the server and of this machine differ.
    Clock,
    /// There are no credentials.
    Credentials,
    /// The bucket is in another region.
    Region,
    /// The server is busy, or another operation on the file is under way.
    Busy,
    /// No connection was established, so that nothing was sent.
    NoConnection,
    /// The connection was cut.
    Unreachable,
    /// Nothing came for too long.
    Stalled,
    /// The server refused the request for another reason, or its answer is invalid.
    Refused,
}

/// A failed operation.
#[derive(Clone, Debug)]
pub(super) struct RequestFault {
    pub cause: FaultCause,
    /// The answer of the server, or the error of the connection.
    detail: String,
    /// True if an attempt may have had its effect although it failed.
    pub is_doubtful: bool,
    attempts: u64,
    elapsed: Duration,
}

/// The failure of one attempt.
#[derive(Debug)]
pub(super) enum AttemptFailure {
    /// The error of a request.
    Store(StoreError),
    /// A part of the answer did not come in time.
    Stalled,
    /// The answer ended early.
    Short,
}

impl From<StoreError> for AttemptFailure {
    fn from(error: StoreError) -> AttemptFailure {
        AttemptFailure::Store(error)
    }
}

/// CredentialWords for errors of a bucket.
#[derive(Debug)]
pub(super) struct CredentialWords {
    /// The origin of the credentials.
    pub credentials: String,
    /// The user's next step where there are none.
    pub no_credentials: String,
}

impl RequestFault {
    /// Sorts the failure of an attempt.
    pub fn of(failure: AttemptFailure, attempt: &Attempt) -> RequestFault {
        let (cause, detail) = match failure {
            AttemptFailure::Stalled => (FaultCause::Stalled, "the server stopped answering".to_owned()),
            AttemptFailure::Short => (FaultCause::Unreachable, "the answer ended early".to_owned()),
            AttemptFailure::Store(error) => sort(&error, attempt),
        };
        RequestFault { cause, detail, is_doubtful: false, attempts: 1, elapsed: Duration::ZERO }
    }

    /// Returns true if the next attempt may succeed.
    pub fn is_transient(&self) -> bool {
        self.leaves_doubt() || self.cause == FaultCause::NoConnection
    }

    /// Returns true if the attempt may have had its effect.
    pub fn leaves_doubt(&self) -> bool {
        matches!(self.cause, FaultCause::Busy | FaultCause::Unreachable | FaultCause::Stalled)
    }

    /// Adds the attempts of the operation.
    pub fn after(self, attempts: u64, elapsed: Duration, is_doubtful: bool) -> RequestFault {
        RequestFault { attempts, elapsed, is_doubtful, ..self }
    }

    /// Makes the error for the user: `doing` is what was tried, such as "cannot read", and `file` on what.
    pub fn error(&self, doing: &str, file: &str, words: &CredentialWords) -> Error {
        let kind = if matches!(self.cause, FaultCause::Range | FaultCause::Missing | FaultCause::Long) {
            ErrorKind::Damaged
        } else {
            ErrorKind::Io
        };
        let detail = match self.cause {
            FaultCause::Missing => "the file does not exist",
            FaultCause::NoBucket => "the bucket does not exist",
            FaultCause::Exists => "the file exists already",
            FaultCause::Range => "the file is shorter",
            FaultCause::NoRanges => "the server cannot send a part of a file",
            FaultCause::Credentials => "no credentials were found",
            FaultCause::Long | FaultCause::Denied | FaultCause::Clock | FaultCause::Region | FaultCause::Refused => &self.detail,
            FaultCause::Busy | FaultCause::NoConnection | FaultCause::Unreachable | FaultCause::Stalled => {
                let (attempts, seconds) = (counted(self.attempts, "attempt"), self.elapsed.as_secs());
                &format!("{} ({attempts} in {seconds} s)", self.detail)
            }
        };
        let error = Error::new(kind, format!("{doing} {file}: {detail}"));
        match self.hint(words) {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }

    fn hint(&self, words: &CredentialWords) -> Option<String> {
        Some(match self.cause {
            FaultCause::NoBucket => "create the bucket, or change 'url' of the remote".to_owned(),
            FaultCause::NoRanges => "use a web server that answers range requests, such as nginx".to_owned(),
            FaultCause::Denied => format!(
                "the request used {}; check its permissions: to read, write, list and remove files \
                 (without s3:ListBucket, S3 denies files that do not exist)",
                words.credentials
            ),
            FaultCause::Clock => "set the clock of this machine".to_owned(),
            FaultCause::Credentials => words.no_credentials.clone(),
            FaultCause::Region => "set the region of the bucket: region = \"REGION\" in [remote.NAME] of helox.toml".to_owned(),
            FaultCause::Busy => "run the same command again later".to_owned(),
            FaultCause::NoConnection | FaultCause::Unreachable | FaultCause::Stalled => {
                "check the URL, the endpoint and the network, and run the same command again".to_owned()
            }
            FaultCause::Missing | FaultCause::Exists | FaultCause::Range | FaultCause::Long | FaultCause::Refused => return None,
        })
    }
}

/// Returns the errors that led to one, itself first.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn sort(error: &StoreError, attempt: &Attempt) -> (FaultCause, String) {
    let last = chain(error).last().map(ToString::to_string).unwrap_or_default();
    if chain(error).any(|e| e.is::<TooLong>()) {
        return (FaultCause::Long, "the answer is too long".to_owned());
    }
    let transport = chain(error).find_map(|e| e.downcast_ref::<HttpError>());
    let system = chain(error).find_map(|e| e.downcast_ref::<std::io::Error>());
    if attempt.asked_for_credentials() {
        return (FaultCause::Credentials, last);
    }
    if let Some(transport) = transport {
        let detail = match (transport.kind(), system) {
            (HttpErrorKind::Timeout, _) => "the server did not answer in time".to_owned(),
            (_, Some(system)) => reason(system),
            _ => last,
        };
        let is_connected = transport.kind() != HttpErrorKind::Connect;
        return (if is_connected { FaultCause::Unreachable } else { FaultCause::NoConnection }, detail);
    }
    let Some(status) = attempt.status() else { return (FaultCause::Refused, last) };
    let text = error.to_string();
    let code = code(&text);
    let detail = match code {
        "" => format!("the server answered {status}"),
        code => format!("the server answered {status} {code}"),
    };
    let cause = match (status, code) {
        (_, "NoSuchBucket" | "ContainerNotFound") => FaultCause::NoBucket,
        (_, "RequestTimeTooSkewed") => FaultCause::Clock,
        (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "TemporaryRedirect") => FaultCause::Region,
        (_, "ConditionalRequestConflict" | "OperationAborted" | "RequestTimeout" | "SlowDown" | "InternalError") => {
            FaultCause::Busy
        }
        (301 | 307, _) => FaultCause::Region,
        (401 | 403, _) | (400, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => FaultCause::Denied,
        (404, _) => FaultCause::Missing,
        (304 | 409 | 412, _) => FaultCause::Exists,
        (408 | 429 | 500..=599, _) => FaultCause::Busy,
        (416, _) => FaultCause::Range,
        (200, _) if text.contains("non-partial") => FaultCause::NoRanges,
        (206, _) if text.contains("Requested") => FaultCause::Range,
        (200..=299, _) => return (FaultCause::Refused, format!("the server's answer is invalid: {last}")),
        _ => FaultCause::Refused,
    };
    (cause, detail)
}

/// Returns the code of an error in the XML of an answer. The rest of it may repeat what was signed.
fn code(text: &str) -> &str {
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    if code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric()) { code } else { "" }
}
