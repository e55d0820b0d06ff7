//! Paths of a version that a folder cannot hold as they are.
//!
//! Invariant: a version of which two paths would be one file is refused before anything is written.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::target::CheckoutTarget;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::probe::NameRules;
use crate::id::Id;
use crate::path::printable;
use crate::store::Store;

/// Paths that one error names.
const MAX_NAMED: usize = 20;

/// Refuses a version that a folder cannot hold; errors call the folder `shown`.
///
/// # Errors
/// Names the paths that would be one file, or whose names the file system refuses.
pub fn check(store: &Store, folder: &Path, shown: &Path, target: &CheckoutTarget<'_>) -> Result<()> {
    check_written(store, folder, shown, target, &|_| true)
}

/// Refuses files of a version that a folder cannot hold beside the others, of which it may have any; `is_written` tells
/// them by their paths.
///
/// # Errors
/// As [`check`] does.
pub fn check_written(
    store: &Store,
    folder: &Path,
    shown: &Path,
    target: &CheckoutTarget<'_>,
    is_written: &dyn Fn(&str) -> bool,
) -> Result<()> {
    let names = NameRules::of(folder)?;
    if names.are_plain() {
        return Ok(());
    }
    let entries = || -> Result<_> {
        let mut entries = target.entries(store)?;
        Ok(std::iter::from_fn(move || entries.next().map(|entry| entry.map(|entry| entry.path.to_string())).transpose()))
    };
    let clashes = Clashes::find(&names, entries, is_written)?;
    clashes.refusal(shown).map_or(Ok(()), Err)
}

/// The paths that cannot be written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Clashes {
    /// Paths that would be one, by what they have in common.
    same: BTreeMap<u128, Vec<String>>,
    /// Paths with names that are refused, and why.
    refused: Vec<String>,
    /// The number of names that are refused.
    count: usize,
}

impl Clashes {
    /// Looks for clashes of the paths that are written, among all in the order of their bytes. Memory: some 20 bytes for
    /// each file and folder.
    fn find<I: Iterator<Item = Result<String>>>(
        names: &NameRules,
        paths: impl Fn() -> Result<I>,
        is_written: &dyn Fn(&str) -> bool,
    ) -> Result<Clashes> {
        let mut clashes = Clashes::default();
        let (mut folded, mut twice) = (HashMap::new(), HashSet::new());
        each(paths()?, |path| {
            let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
            let written = is_written(path);
            if let Some(why) = names.refusal(name).filter(|_| written) {
                clashes.count += 1;
                if clashes.refused.len() < MAX_NAMED {
                    clashes.refused.push(format!("{}: {why}", printable(path)));
                }
            }
            let key = key(names, path);
            match folded.entry(key) {
                Entry::Vacant(place) => drop(place.insert(written)),
                Entry::Occupied(mut other) => {
                    let any = other.get_mut();
                    *any |= written;
                    if *any && twice.len() < MAX_NAMED {
                        twice.insert(key);
                    }
                }
            }
        })?;
        if !twice.is_empty() {
            each(paths()?, |path| {
                let key = key(names, path);
                if twice.contains(&key) {
                    clashes.same.entry(key).or_default().push(path.to_owned());
                }
            })?;
        }
        Ok(clashes)
    }

    /// Returns the error that names them, if there are any.
    fn refusal(&self, folder: &Path) -> Option<Error> {
        let (kind, what, lines, hint) = if !self.same.is_empty() {
            let mut pairs: Vec<_> =
                self.same.values().map(|same| same.iter().map(|p| printable(p)).collect::<Vec<_>>().join(", ")).collect();
            pairs.sort();
            let what = "cannot contain the version: its file system does not distinguish names that differ only in case or Unicode normalization";
            (ErrorKind::Conflict, what, pairs, "check out on another file system, or leave one out with --exclude")
        } else if !self.refused.is_empty() {
            let mut lines = self.refused.clone();
            if self.count > lines.len() {
                lines.push(format!("and {} more", self.count - lines.len()));
            }
            let what = "cannot contain the version: its file system does not allow some names";
            (ErrorKind::Io, what, lines, "check out on another file system, or leave them out with --exclude")
        } else {
            return None;
        };
        let text = lines.iter().fold(format!("{} {what}:", folder.display()), |text, line| text + "\n  " + line);
        Some(Error::new(kind, text).with_hint(hint))
    }
}

fn key(names: &NameRules, path: &str) -> u128 {
    let hash = Id::<crate::id::Content>::of(names.fold(path).as_bytes());
    u128::from_le_bytes(*hash.as_bytes().first_chunk().unwrap_or(&[0; 16]))
}

/// Calls `visit` with each path and each folder above one, once.
fn each(paths: impl Iterator<Item = Result<String>>, mut visit: impl FnMut(&str)) -> Result<()> {
    let mut last = String::new();
    for path in paths {
        let path = path?;
        for (at, _) in path.match_indices('/') {
            let folder = &path[..at];
            // Paths below a folder follow one another.
            if !last.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')) {
                visit(folder);
            }
        }
        visit(&path);
        last = path;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(names: &NameRules, paths: &[&str]) -> Option<Error> {
        let paths = || Ok(paths.iter().map(|path| Ok((*path).to_owned())));
        Clashes::find(names, paths, &|_| true).unwrap().refusal(Path::new("out"))
    }

    #[test]
    fn paths_that_are_one_are_named() {
        let names = NameRules { folds_case: true, folds_marks: true, ..NameRules::default() };
        for (paths, named) in [
            (&["Data.jsonl", "data.jsonl"][..], "Data.jsonl, data.jsonl"),
            (&["A/x", "a/y"], "A, a"),
            (&["d/É", "d/e\u{301}"], "d/"),
            (&["d/\u{e9}", "d.x", "d/e\u{301}"], "d/e"),
            (&["A", "a/b"], "A, a"),
        ] {
            let error = find(&names, paths).unwrap();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.message().contains(named), "{paths:?}: {}", error.message());
        }
        assert!(find(&names, &["A", "b/A", "b/c", "b0", "c/A"]).is_none());
        let plain = NameRules { folds_case: true, ..NameRules::default() };
        assert!(find(&plain, &["d/\u{e9}", "d/e\u{301}"]).is_none());
    }

    #[test]
    fn a_file_that_is_written_beside_another_of_its_name_is_refused() {
        let names = NameRules { folds_case: true, ..NameRules::default() };
        let written = |paths: &[&str], written: &str| {
            let paths = || Ok(paths.iter().map(|path| Ok((*path).to_owned())));
            Clashes::find(&names, paths, &|path| path == written).unwrap().refusal(Path::new("out"))
        };
        let paths = ["A.txt", "B.txt", "a.txt", "c.txt"];
        for one in ["A.txt", "a.txt"] {
            assert!(written(&paths, one).is_some_and(|error| error.message().contains("A.txt, a.txt")));
        }
        assert!(written(&paths, "B.txt").is_none() && written(&paths, "c.txt").is_none());
        assert!(written(&["A/x", "a/y"], "a/y").is_none(), "folders that become one lose no file");
    }

    #[test]
    fn names_that_are_refused_are_named_with_the_cause() {
        let names = NameRules { refused: vec![':', '\u{1}'], drops_dots: true, ..NameRules::default() };
        let error = find(&names, &["a:b/c", "d.", "e\u{1}", "f.g"]).unwrap();
        assert_eq!(error.kind(), ErrorKind::Io);
        let expected = "out cannot contain the version: its file system does not allow some names:\n  a:b: ':' is refused\n  \
                        d.: a dot at the end is refused";
        assert!(error.message().starts_with(expected), "{}", error.message());
        assert!(!error.message().contains("f.g"));
    }
}
