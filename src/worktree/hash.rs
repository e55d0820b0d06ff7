//! Reads files that somebody may be writing at the same time.

use std::fs::File;
use std::io::{self, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::{Cursor, FileKind, Root, Stat, stat_open};
use crate::id::{Content, Id};
use crate::path::{DataPath, printable};

/// The number of times that a file is read that changes while it is read.
pub(super) const ATTEMPTS: usize = 3;

/// Returns the error for a file that somebody is writing.
pub(super) fn unstable(root: &Root, path: &str) -> Error {
    let path = root.path().join(&*printable(path));
    Error::new(ErrorKind::Conflict, format!("{} changed while it was read", path.display()))
        .with_hint("stop other programs from writing to it and run the command again")
}

/// Opens a file that the walk has seen. One that is gone or something else now has changed.
pub(super) fn open(root: &Root, cursor: &mut Cursor<'_>, path: &str) -> Result<File> {
    cursor.open_file(path).map_err(|e| {
        let gone = e.kind() == io::ErrorKind::NotFound || e.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        if gone { unstable(root, path) } else { root.error("cannot read", path, e) }
    })
}

/// Reads a file or a symlink by `read`, which may be called again, until the file system's stamps before and after are
/// the same. `stat` is what the walk saw; returned is what holds for what was read.
pub(super) fn read_stable<T>(
    root: &Root,
    cursor: &mut Cursor<'_>,
    path: &DataPath,
    stat: Stat,
    mut read: impl FnMut(&mut dyn Read, &Stat) -> io::Result<T>,
) -> Result<(T, Stat)> {
    let name = path.as_str();
    let mut before = stat;
    for _ in 0..ATTEMPTS {
        let (value, after) = if stat.kind == FileKind::Symlink {
            let target = cursor.read_link(name).map_err(|_| unstable(root, name))?;
            if std::str::from_utf8(&target).is_err() {
                let path = root.path().join(&*printable(name));
                let what = format!("{} is a symlink whose target is not UTF-8", path.display());
                return Err(Error::new(ErrorKind::UnsupportedInput, what).with_hint("remove it, or list it in .hlxignore"));
            }
            let value = read(&mut &target[..], &before).map_err(|e| root.error("cannot read", name, e))?;
            (value, cursor.stat(name)?.ok_or_else(|| unstable(root, name))?)
        } else {
            let mut file = open(root, cursor, name)?;
            let value = read(&mut file, &before).map_err(|e| root.error("cannot read", name, e))?;
            (value, stat_open(&file).map_err(|e| root.error("cannot read", name, e))?)
        };
        if after == before {
            return Ok((value, after));
        }
        if std::mem::discriminant(&after.kind) != std::mem::discriminant(&before.kind) && !both_files(&after, &before) {
            break;
        }
        before = after;
    }
    Err(unstable(root, name))
}

fn both_files(a: &Stat, b: &Stat) -> bool {
    let file = |s: &Stat| matches!(s.kind, FileKind::File | FileKind::Executable);
    file(a) && file(b)
}

/// Returns the content id and the length of a file or a symlink.
pub fn content(root: &Root, cursor: &mut Cursor<'_>, path: &DataPath, stat: Stat) -> Result<(Id<Content>, u64, Stat)> {
    let mut buffer = vec![0; 256 << 10];
    let ((id, len), stat) = read_stable(root, cursor, path, stat, |file, _| {
        let mut hasher = blake3::Hasher::new();
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok((Id::from_bytes(*hasher.finalize().as_bytes()), hasher.count())),
                Ok(n) => drop(hasher.update(&buffer[..n])),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    })?;
    Ok((id, len, stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_is_read_again_and_then_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        std::fs::write(&file, "one").unwrap();
        let root = Root::open(dir.path()).unwrap();
        let mut cursor = root.cursor();
        let stat = cursor.stat("f").unwrap().unwrap();
        let path = DataPath::new("f").unwrap();
        let mut reads = 0;
        let steady = read_stable(&root, &mut cursor, &path, stat, |_, _| {
            reads += 1;
            if reads == 1 {
                std::fs::write(&file, "longer")?;
            }
            Ok(())
        });
        assert_eq!(steady.unwrap().1.size, 6);
        let outcome = read_stable(&root, &mut cursor, &path, stat, |_, _| {
            reads += 1;
            std::fs::write(&file, "x".repeat(reads * 100))
        });
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(content(&root, &mut cursor, &path, stat).unwrap().0, Id::of("x".repeat(500).as_bytes()));
    }
}
