//! Names of files within a dataset, checked once, where they enter.
//!
//! A path is UTF-8, relative, its components separated by `/`, none of them empty, `.` or `..`, none longer than 255
//! bytes, the whole at most 4,095. Paths are ordered by their bytes. A component that is, or on some file system may
//! pass for, `.helox` or `.git` is never part of a dataset.

use std::fmt;
use std::path::Path;

use crate::codec::Malformed;
use crate::error::{Error, Result};
use crate::limits;

/// The file beside data that was checked out into another folder, which says what version that is. Lies at the top of the
/// folder and is no part of it.
pub const STAMP: &str = ".hlx.json";

/// The path of an entry: relative, checked, ordered by its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataPath(Box<str>);

impl DataPath {
    /// Checks a path; the error says what is wrong with it.
    pub fn new(path: &str) -> Result<DataPath, Malformed> {
        if path.len() > limits::PATH {
            return Err(Malformed("the path is longer than 4,095 bytes"));
        }
        if path.eq_ignore_ascii_case(STAMP) {
            return Err(Malformed(
                "'.hlx.json' is reserved for the folders of 'checkout --into' and cannot be part of a dataset",
            ));
        }
        path.split('/').try_for_each(check_component)?;
        Ok(DataPath(path.into()))
    }

    /// Returns the path of `name` within the folder `self`; `name` must be a checked component.
    pub fn join(folder: Option<&DataPath>, name: &str) -> Result<DataPath, Malformed> {
        match folder {
            None => DataPath::new(name),
            Some(folder) => {
                check_component(name)?;
                if folder.0.len() + 1 + name.len() > limits::PATH {
                    return Err(Malformed("the path is longer than 4,095 bytes"));
                }
                Ok(DataPath(format!("{}/{name}", folder.0).into()))
            }
        }
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path as the operating system takes it, relative to the dataset's folder.
    pub fn as_path(&self) -> &Path {
        Path::new(&*self.0)
    }

    /// Returns the folder it lies in, unless that is the dataset's own, and its last component.
    pub fn split(&self) -> (Option<&str>, &str) {
        match self.0.rsplit_once('/') {
            Some((folder, name)) => (Some(folder), name),
            None => (None, &self.0),
        }
    }

    /// Returns true if it is `folder` itself or below it; everything is below the empty path.
    pub fn is_within(&self, folder: &str) -> bool {
        is_within(&self.0, folder)
    }
}

/// Returns true if a path is a folder or below it; everything is below the empty path.
pub fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl AsRef<str> for DataPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for DataPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl serde::Serialize for DataPath {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

fn check_component(component: &str) -> Result<(), Malformed> {
    match component {
        "" => return Err(Malformed("the path has an empty component")),
        "." | ".." => return Err(Malformed("the path has a component '.' or '..'")),
        _ => {}
    }
    if component.len() > limits::COMPONENT {
        return Err(Malformed("a component of the path is longer than 255 bytes"));
    }
    if component.as_bytes().contains(&0) {
        return Err(Malformed("the path contains a NUL byte"));
    }
    if is_reserved(component) {
        return Err(Malformed("a component of the path can be confused with '.helox' or '.git'"));
    }
    Ok(())
}

/// Returns true if a component is `.helox` or `.git`, or may be taken for one of them by a file system that folds case
/// (macOS, Windows), ignores zero-width characters (HFS+), strips dots and spaces or knows short names and streams (NTFS).
pub fn is_reserved(component: &str) -> bool {
    let first = component.as_bytes().first();
    if !matches!(first, Some(b'.' | b'g' | b'G' | b'h' | b'H')) && component.is_ascii() {
        return false;
    }
    let stream = component.split(':').next().unwrap_or(component);
    let folded: String = stream.chars().filter(|c| !is_ignorable(*c)).flat_map(char::to_lowercase).collect();
    let folded = folded.trim_end_matches(['.', ' ']);
    let short = |stem: &str| folded.strip_prefix(stem).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    matches!(folded, ".helox" | ".git") || short("helox~") || short("git~")
}

/// Characters that HFS+ leaves out when it compares names.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

/// Returns a path within a dataset as a user typed it, in its one form; empty for the dataset's own folder.
pub fn from_user(typed: &str) -> Result<String> {
    let trimmed = typed.trim_start_matches("./").trim_end_matches('/').trim_end_matches("/.");
    if trimmed.is_empty() || trimmed == "." {
        return Ok(String::new());
    }
    match DataPath::new(trimmed) {
        Ok(path) => Ok(path.to_string()),
        Err(why) => Err(Error::usage(format!("'{}' is not a valid path: {why}", printable(typed)))),
    }
}

/// Returns a path for a person to read: control characters and bidirectional overrides escaped, so that no name can change
/// the terminal or forge a line.
pub fn printable(path: &str) -> std::borrow::Cow<'_, str> {
    let odd =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    if !path.chars().any(odd) {
        return path.into();
    }
    path.chars().map(|c| if odd(c) { c.escape_default().to_string() } else { c.to_string() }).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_posix_allows() {
        for path in [
            "a",
            "a/b",
            "new\nline",
            "-rf",
            " lead",
            "...",
            "é/ü.txt",
            "gitfile",
            "github",
            "a:b",
            ".gitignore",
            ".hlxignore",
            "a/.hlx.json",
        ] {
            assert!(DataPath::new(path).is_ok(), "{path:?}");
        }
        assert!(DataPath::new(&"n".repeat(255)).is_ok());
        assert!(DataPath::new(&["d"; 2048].join("/")).is_ok());
    }

    #[test]
    fn rejects_what_could_escape_or_reach_the_store() {
        let too_long = ["d"; 2049].join("/");
        let wide = "n".repeat(256);
        for path in [
            "",
            "/abs",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "./a",
            "nul\0",
            ".helox",
            "a/.helox/x",
            ".HELOX/x",
            ".git",
            ".GIT/hooks",
            ".helox.",
            ".helox ",
            ".he\u{200c}lox",
            "HELOX~1",
            "git~1",
            ".hlx.json",
            ".HLX.json",
            ".git::$INDEX_ALLOCATION",
            &too_long,
            &wide,
        ] {
            assert!(DataPath::new(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn control_characters_are_escaped_for_people() {
        assert_eq!(printable("plain é"), "plain é");
        assert_eq!(printable("a\nb\u{1b}[2J"), "a\\nb\\u{1b}[2J");
    }
}
