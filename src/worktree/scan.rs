//! The current files of a workspace, each either known by its stat data or to be read.

use std::iter::Peekable;

use crate::error::Result;
use crate::fs::openat::{FileKind, Root, Stat};
use crate::object::node::Entry;
use crate::path::DataPath;
use crate::worktree::cache::{CacheEntry, CacheReader};
use crate::worktree::walk::{Walk, WalkEntry};

/// A file of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScannedFile {
    /// Its stamps vouch for the content that was recorded.
    Known(CacheEntry),
    /// It has to be read.
    Unknown {
        /// The path of the file.
        path: DataPath,
        /// The stat data of the file.
        stat: Stat,
    },
}

impl ScannedFile {
    /// Returns the path of the file.
    pub fn path(&self) -> &DataPath {
        match self {
            ScannedFile::Known(row) => &row.entry.path,
            ScannedFile::Unknown { path, .. } => path,
        }
    }
}

/// The files of a workspace in the order of their paths.
#[derive(Debug)]
pub struct Scan<'a> {
    root: &'a Root,
    walk: Walk<'a>,
    rows: Peekable<CacheReader>,
}

impl<'a> Scan<'a> {
    /// Walks a folder beside a stat cache.
    pub fn new(root: &'a Root, cache: CacheReader) -> Result<Scan<'a>> {
        Ok(Scan { root, walk: Walk::new(root)?, rows: cache.peekable() })
    }

    /// Walks a folder for a checkout, which passes over files that no version can contain.
    pub fn tolerant(root: &'a Root, cache: CacheReader) -> Result<Scan<'a>> {
        Ok(Scan { root, walk: Walk::new(root)?.tolerant(), rows: cache.peekable() })
    }

    /// Returns true if a file still has the content of a row, whatever its mode where the file system keeps none.
    fn is_current(&self, row: &CacheEntry, stat: &Stat) -> bool {
        let as_recorded = Stat { kind: row.stat.kind, ..*stat };
        row.is_current(stat)
            || row.entry.kind.is_file() && stat.kind.is_file() && row.is_current(&as_recorded) && !self.root.keeps_modes()
    }

    fn classify(&mut self, found: WalkEntry) -> ScannedFile {
        while self.rows.next_if(|row| row.entry.path < found.path).is_some() {}
        let row = self.rows.next_if(|row| row.entry.path == found.path);
        if found.stat.kind == FileKind::Folder {
            // An empty folder is known by being there.
            return ScannedFile::Known(CacheEntry {
                entry: Entry::folder(found.path),
                stat: found.stat,
                trusted: true,
                stored: true,
                boot: 0,
            });
        }
        match row.filter(|row| self.is_current(row, &found.stat)) {
            Some(row) => ScannedFile::Known(CacheEntry { stat: found.stat, ..row }),
            None => ScannedFile::Unknown { path: found.path, stat: found.stat },
        }
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<ScannedFile>;

    fn next(&mut self) -> Option<Result<ScannedFile>> {
        let found = self.walk.next()?;
        Some(found.map(|found| self.classify(found)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::*;

    fn paths(folder: &Path) -> Result<Vec<String>> {
        let root = Root::open(folder).unwrap();
        let none = CacheReader::open(Path::new("/nonexistent"));
        Scan::new(&root, none)?.map(|file| file.map(|s| s.path().to_string())).collect()
    }

    fn write(folder: &Path, path: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }

    #[test]
    fn paths_come_in_the_order_of_their_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a/x", "a.b", "a b/y", "a0", "b/c/d/e", "b/c.d", "é", ".hidden", "a-1/z"] {
            write(dir.path(), path);
        }
        for empty in ["a!", "empty/deep", "zz"] {
            fs::create_dir_all(dir.path().join(empty)).unwrap();
        }
        symlink("a", dir.path().join("link")).unwrap();
        let seen = paths(dir.path()).unwrap();
        assert!(seen.is_sorted(), "{seen:?}");
        assert_eq!(seen.len(), 9 + 3 + 1);
        assert!(seen.contains(&"empty/deep".to_owned()) && seen.contains(&"a!".to_owned()) && seen.contains(&"link".to_owned()));
    }

    #[test]
    fn what_is_never_part_of_a_dataset_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        for path in
            [".helox/format", "helox.toml", "helox.lock", "sub/.git/config", "sub/helox.toml", "sub/.helox/x", ".gitignore"]
        {
            write(dir.path(), path);
        }
        fs::write(dir.path().join(".gitignore"), "*").unwrap();
        write(dir.path(), ".hlx.json");
        assert_eq!(paths(dir.path()).unwrap(), [".gitignore", "sub/helox.toml"]);
        assert_eq!(paths(&dir.path().join("sub")).unwrap(), [] as [&str; 0], "a folder with a store of its own is a repository");
    }

    #[test]
    fn hlxignore_hides_and_a_folder_of_hidden_files_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a.tmp", "keep/a.tmp", "only/x.tmp", "cache/big", "n/a.txt", "n/b.txt"] {
            write(dir.path(), path);
        }
        fs::write(dir.path().join(".hlxignore"), "*.tmp\n/cache/\n!keep/a.tmp\n").unwrap();
        fs::write(dir.path().join("n/.hlxignore"), "a.*\n").unwrap();
        assert_eq!(paths(dir.path()).unwrap(), [".hlxignore", "keep/a.tmp", "n/.hlxignore", "n/b.txt", "only"]);
        fs::write(dir.path().join(".hlxignore"), "x[\n").unwrap();
        let outcome = paths(dir.path());
        assert!(outcome.is_ok() || outcome.unwrap_err().message().contains(".hlxignore:1"));
    }

    #[test]
    fn everything_that_cannot_be_stored_is_named_at_once() {
        use std::os::unix::ffi::OsStrExt;
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "fine");
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("sock")).unwrap();
        write(dir.path(), "HELOX~1/x");
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"bad\xff")), "x").unwrap();
        let error = paths(dir.path()).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::UnsupportedInput);
        for part in ["sock is a socket", "HELOX~1", "not UTF-8", "3 things"] {
            assert!(error.message().contains(part), "{part}: {}", error.message());
        }
        fs::write(dir.path().join(".hlxignore"), "sock\nHELOX~1\n").unwrap();
        assert!(!paths(dir.path()).unwrap_err().message().contains("socket"));
    }
}
