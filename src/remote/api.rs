//! The operations that a remote must have.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Time;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::Created;
use crate::limits;
use crate::path::printable;

/// A place that keeps the files of a repository by name, such as a bucket or a folder.
///
/// A name is a relative path with `/` between its components, each of letters, digits and `-._+@=`. Every method fails
/// for any other name. Errors are of kind [`ErrorKind::Damaged`] where the remote answers something that it cannot hold,
/// of kind [`ErrorKind::Io`] where it does not answer or refuses.
pub trait Remote: Send + Sync {
    /// Returns a file of at most `limit` bytes; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] for a longer file, of which no more than `limit` bytes are kept in memory.
    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>>;

    /// Returns exactly these bytes of a file.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`] if the file does not exist, or ends before them.
    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>>;

    /// Creates a file unless it exists. Durable when it returns.
    ///
    /// After an answer that leaves open if the file was created it reads back: [`Created::New`] if the file then has exactly
    /// these bytes, otherwise [`Created::Exists`].
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created>;

    /// Writes a file whose name follows from its content, or that is a hint only; replaces one that exists. Durable when it
    /// returns.
    fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()>;

    /// Copies a local file to a name that follows from its content; replaces one that exists. Durable when it returns.
    ///
    /// `progress` is called with the bytes sent so far, which fall back where a part is sent again; its error ends the
    /// upload.
    fn upload(&self, name: &str, file: &Path, progress: &dyn Fn(u64) -> Result<()>) -> Result<()>;

    /// Returns the length of a file; `None` if it does not exist.
    fn size(&self, name: &str) -> Result<Option<u64>>;

    /// Lists the files in a folder and those below it, in no order; all files for an empty name.
    ///
    /// Other programs may have written to the remote: the names are not checked.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the remote cannot list, as a web server cannot.
    fn list(&self, folder: &str, take: &mut dyn FnMut(RemoteFile) -> Result<()>) -> Result<()>;

    /// Removes a file, if it exists.
    fn remove(&self, name: &str) -> Result<()>;

    /// Returns the requests and bytes so far.
    fn traffic(&self) -> Traffic;
}

/// A file of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name in the remote.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// The time at which it was written, by the clock of the server.
    pub modified: Time,
}

/// Requests and bytes, those of failed attempts included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The number of requests; for a folder, of operations.
    pub requests: u64,
    /// Bytes of contents sent.
    pub sent: u64,
    /// Bytes of contents received.
    pub received: u64,
}

/// Counts the traffic of a remote that several threads use.
#[derive(Debug, Default)]
pub(super) struct TrafficCounter {
    requests: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl TrafficCounter {
    /// Counts a request.
    pub fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts bytes sent.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes received.
    pub fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns the counts.
    pub fn total(&self) -> Traffic {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic { requests: count(&self.requests), sent: count(&self.sent), received: count(&self.received) }
    }
}

/// Fails for what is no name of a file of a remote. A valid name is the same on every kind of remote and file system.
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._+@=".contains(c);
    let is_component =
        |part: &str| !matches!(part, "" | "." | "..") && part.len() <= limits::COMPONENT && part.chars().all(is_allowed);
    match name.len() <= limits::REMOTE_NAME && name.split('/').all(is_component) {
        true => Ok(()),
        false => Err(Error::usage(format!("'{}' is not a valid name for a file of a remote", printable(name)))),
    }
}

/// Returns the name of a folder as the prefix of the names in it; empty for all.
pub(super) fn folder_prefix(folder: &str) -> Result<String> {
    if folder.is_empty() {
        return Ok(String::new());
    }
    check_name(folder)?;
    Ok(format!("{folder}/"))
}

/// Makes the error of a file that is longer than its reader allows.
pub(super) fn too_long(file: &str, limit: u64) -> Error {
    Error::new(ErrorKind::Damaged, format!("{file} has more than {limit} bytes"))
}

/// Makes the error of a file that does not have the bytes of a range.
pub(super) fn no_range(file: &str, range: &Range<u64>, problem: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("cannot read bytes {} to {} of {file}: {problem}", range.start, range.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for name in ["format", "packs/data/0a", "refs/versions/a.b/1.0.0-rc.1+b", "..a", "a..", "_"] {
            check_name(name).unwrap();
        }
        let (long, longer) = ("a".repeat(256), "a/".repeat(600) + "a");
        for name in
            ["", "/a", "a/", "a//b", ".", "a/../b", "..", "a\\b", "a b", "ä", "a~b", "a%2fb", "a\0", "a:b", &long, &longer]
        {
            assert_eq!(check_name(name).unwrap_err().kind(), ErrorKind::Usage, "{name}");
        }
    }
}
