//! Files of a workspace, reached from its folder component by component and never through a symlink.
//!
//! A path that somebody turned into a symlink meanwhile is an error, so that nothing outside of the workspace is ever
//! read as part of it or written. Paths may be longer together with the workspace's own than the system takes at once.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, mkdirat, openat, readlinkat, renameat, statat, symlinkat, unlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::atomic::TempFile;
use super::fault::{Call, point};
use super::probe;
use crate::error::{Error, Result};
use crate::path::printable;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A regular file that its owner may execute.
    Executable,
    /// A symlink.
    Symlink,
    /// A folder.
    Folder,
    /// Something that holds no bytes of its own: what a person calls it.
    Special(&'static str),
}

impl FileKind {
    /// Returns true if it is a regular file.
    pub fn is_file(self) -> bool {
        matches!(self, FileKind::File | FileKind::Executable)
    }
}

/// The stat data of a file. Two equal ones that are old enough mean the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The kind of the file.
    pub kind: FileKind,
    /// Its length in bytes.
    pub size: u64,
    /// The time of the last change of its bytes, in nanoseconds since 1970.
    pub mtime: i64,
    /// The time of the last change of anything about it, in nanoseconds since 1970. No program can set this.
    pub ctime: i64,
    /// Its number on its file system.
    pub inode: u64,
}

#[expect(clippy::useless_conversion, clippy::unnecessary_cast, reason = "the widths of these fields differ between systems")]
fn stat_of(raw: &rustix::fs::Stat) -> Stat {
    let kind = match FileType::from_raw_mode(raw.st_mode.into()) {
        FileType::RegularFile if raw.st_mode & 0o100 != 0 => FileKind::Executable,
        FileType::RegularFile => FileKind::File,
        FileType::Symlink => FileKind::Symlink,
        FileType::Directory => FileKind::Folder,
        FileType::Fifo => FileKind::Special("a FIFO"),
        FileType::Socket => FileKind::Special("a socket"),
        FileType::CharacterDevice | FileType::BlockDevice => FileKind::Special("a device"),
        _ => FileKind::Special("a special file"),
    };
    let nanos = |s: i64, n: i64| s.saturating_mul(1_000_000_000).saturating_add(n);
    Stat {
        kind,
        size: raw.st_size as u64,
        mtime: nanos(raw.st_mtime as i64, raw.st_mtime_nsec as i64),
        ctime: nanos(raw.st_ctime as i64, raw.st_ctime_nsec as i64),
        inode: raw.st_ino as u64,
    }
}

/// A folder that is held open. Names are looked up in it whatever becomes of its path.
#[derive(Clone, Debug)]
pub struct Folder(Arc<OwnedFd>);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Folder {
    fn of(fd: OwnedFd) -> Folder {
        Folder(Arc::new(fd))
    }

    /// Returns the stat data of a name; symlinks are not followed.
    pub fn stat(&self, name: &CStr) -> io::Result<Stat> {
        Ok(stat_of(&retry_on_intr(|| statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW))?))
    }

    /// Returns the names in it, in no order.
    pub fn names(&self) -> io::Result<Vec<CString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
        }
        Ok(names)
    }
}

/// The folder of a workspace. A copy is cheap.
#[derive(Clone, Debug)]
pub struct Root {
    folder: Folder,
    path: PathBuf,
    /// The path that errors name.
    shown: PathBuf,
    /// True if files keep their permission bits, once that was tried.
    modes: Arc<OnceLock<bool>>,
}

impl Root {
    /// Opens the folder itself, for which symlinks are followed.
    pub fn open(path: &Path) -> Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = retry_on_intr(|| openat(CWD, path, flags, Mode::empty()))
            .map_err(|e| Error::io("cannot open the folder", path, e.into()))?;
        Ok(Root { folder: Folder::of(fd), path: path.to_owned(), shown: path.to_owned(), modes: Arc::default() })
    }

    /// Has errors name another path: the one that the folder will be moved to.
    pub fn shown_as(self, path: &Path) -> Root {
        Root { shown: path.to_owned(), ..self }
    }

    /// Returns true if its files keep their permission bits.
    pub fn keeps_modes(&self) -> bool {
        *self.modes.get_or_init(|| probe::keeps_modes(&self.path))
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the error of an operation on a file below the root.
    pub fn error(&self, doing: &str, path: &str, error: io::Error) -> Error {
        Error::io(doing, &self.shown.join(&*printable(path)), error)
    }

    /// Returns the error of a file that cannot be created, with what to do where the file system is the cause.
    fn refusal(&self, doing: &str, path: &str, error: io::Error) -> Error {
        let hint = match Errno::from_io_error(&error) {
            Some(Errno::INVAL | Errno::ILSEQ | Errno::NAMETOOLONG) => Some("the file system does not allow this name"),
            Some(Errno::EXIST) => Some("on this file system it is the same file as another path of the version"),
            Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) if doing.ends_with("symlink") => {
                Some("the file system does not support symlinks")
            }
            _ => None,
        };
        let error = self.error(doing, path, error);
        match hint {
            Some(hint) => error.with_hint(format!("{hint}; use --exclude to leave it out, or check out on another file system")),
            None => error,
        }
    }

    /// Opens a folder below it; the folder itself for an empty path.
    pub fn folder(&self, path: &str) -> io::Result<Folder> {
        let mut folder = self.folder.clone();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            folder = Folder::of(retry_on_intr(|| openat(&folder.0, name, FOLDER, Mode::empty()))?);
        }
        Ok(folder)
    }

    /// Returns a way to files below it.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { root: self, at: None }
    }
}

/// A way to files below a root that keeps the folder of the last one open, since the next is mostly beside it.
#[derive(Debug)]
pub struct Cursor<'a> {
    root: &'a Root,
    at: Option<(String, Folder)>,
}

impl Cursor<'_> {
    /// Returns the folder that a path lies in, and its name there.
    fn place(&mut self, path: &str) -> io::Result<(&Folder, CString)> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let at = match self.at.take() {
            Some(at) if at.0 == folder => at,
            _ => (folder.to_owned(), self.root.folder(folder)?),
        };
        Ok((&self.at.insert(at).1, CString::new(name)?))
    }

    /// Returns the error of an operation on a file.
    fn error(&self, doing: &str, path: &str, error: io::Error) -> Error {
        self.root.error(doing, path, error)
    }

    /// Lets go of the folder that is held open, when folders are about to be removed or replaced.
    pub fn forget(&mut self) {
        self.at = None;
    }

    /// Returns the stat data of a path; `None` if nothing has it, or if a file or a symlink takes the place of one of its
    /// folders.
    pub fn stat(&mut self, path: &str) -> Result<Option<Stat>> {
        match self.place(path).and_then(|(folder, name)| folder.stat(&name)) {
            Ok(stat) => Ok(Some(stat)),
            Err(e) if is_absent(&e) => Ok(None),
            Err(e) => Err(self.error("cannot read", path, e)),
        }
    }

    /// Opens a regular file for reading. A FIFO that has taken its place does not block.
    pub fn open_file(&mut self, path: &str) -> io::Result<File> {
        let (folder, name) = self.place(path)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(retry_on_intr(|| openat(&folder.0, &name, flags, Mode::empty()))?))
    }

    /// Returns the target of a symlink.
    pub fn read_link(&mut self, path: &str) -> io::Result<Vec<u8>> {
        let (folder, name) = self.place(path)?;
        Ok(retry_on_intr(|| readlinkat(&folder.0, &name, Vec::new()))?.into_bytes())
    }

    /// Makes a folder and those above it, below the root, where they are missing.
    pub fn ensure_folder(&mut self, path: &str) -> Result<()> {
        if self.at.as_ref().is_some_and(|at| at.0 == path) {
            return Ok(());
        }
        let root = self.root;
        let make = || -> io::Result<Folder> {
            let mut folder = root.folder("")?;
            for name in path.split('/').filter(|name| !name.is_empty()) {
                folder = match retry_on_intr(|| openat(&folder.0, name, FOLDER, Mode::empty())) {
                    Ok(fd) => Folder::of(fd),
                    Err(Errno::NOENT) => {
                        point(Call::Write, &root.path)?;
                        match retry_on_intr(|| mkdirat(&folder.0, name, Mode::from_raw_mode(0o777))) {
                            Ok(()) | Err(Errno::EXIST) => {}
                            Err(e) => return Err(e.into()),
                        }
                        Folder::of(retry_on_intr(|| openat(&folder.0, name, FOLDER, Mode::empty()))?)
                    }
                    Err(e) => return Err(e.into()),
                };
            }
            Ok(folder)
        };
        let folder = make().map_err(|e| root.refusal("cannot create the folder", path, e))?;
        self.at = Some((path.to_owned(), folder));
        Ok(())
    }

    /// Makes a new file, which must not exist, in a folder that must.
    pub fn create(&mut self, path: &str, executable: bool) -> Result<File> {
        let mut make = || -> io::Result<File> {
            point(Call::Write, &self.root.path)?;
            let (folder, name) = self.place(path)?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(if executable { 0o777 } else { 0o666 });
            Ok(File::from(retry_on_intr(|| openat(&folder.0, &name, flags, mode))?))
        };
        make().map_err(|e| self.root.refusal("cannot create", path, e))
    }

    /// Puts a finished file in place of what has the path now, in a folder that must exist.
    pub fn adopt(&mut self, temp: TempFile, path: &str) -> Result<()> {
        let place = || -> io::Result<()> {
            point(Call::Rename, &self.root.path)?;
            let (folder, name) = self.place(path)?;
            temp.rename_into(&folder.0, &name)
        };
        place().map_err(|e| self.root.refusal("cannot write", path, e))
    }

    /// Makes a symlink in place of what has the path now, in a folder that must exist. With `tmp`, it is made there
    /// first and then moved, so that there is always one or the other.
    pub fn symlink(&mut self, tmp: Option<&Path>, target: &[u8], path: &str) -> Result<()> {
        let mut make = || -> io::Result<()> {
            point(Call::Rename, &self.root.path)?;
            let target = CString::new(target)?;
            let (folder, name) = self.place(path)?;
            let Some(tmp) = tmp else { return Ok(retry_on_intr(|| symlinkat(target.as_c_str(), &folder.0, &name))?) };
            let temp = tmp.join(super::atomic::unique_name());
            retry_on_intr(|| symlinkat(target.as_c_str(), CWD, &temp))?;
            let moved = retry_on_intr(|| renameat(CWD, &temp, &folder.0, &name));
            if moved.is_err() {
                let _ = unlinkat(CWD, &temp, AtFlags::empty());
            }
            Ok(moved?)
        };
        make().map_err(|e| self.root.refusal("cannot create the symlink", path, e))
    }

    fn remove(&mut self, path: &str, flags: AtFlags) -> io::Result<()> {
        point(Call::Rename, &self.root.path)?;
        let (folder, name) = self.place(path)?;
        match retry_on_intr(|| unlinkat(&folder.0, &name, flags)).map_err(io::Error::from) {
            Err(e) if !is_absent(&e) => Err(e),
            _ => Ok(()),
        }
    }

    /// Removes a file or a symlink if it is there.
    pub fn remove_file(&mut self, path: &str) -> Result<()> {
        match self.remove(path, AtFlags::empty()) {
            Err(e) if !is_absent(&e) => Err(self.error("cannot remove", path, e)),
            _ => Ok(()),
        }
    }

    /// Removes a folder if it is there and empty; true if it is gone.
    pub fn remove_folder(&mut self, path: &str) -> Result<bool> {
        self.forget();
        match self.remove(path, AtFlags::REMOVEDIR) {
            Err(e) if matches!(e.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => Ok(false),
            Err(e) if !is_absent(&e) => Err(self.error("cannot remove", path, e)),
            _ => Ok(true),
        }
    }
}

/// Returns true if an error says that nothing lies at a path, or something in place of one of its folders.
fn is_absent(error: &io::Error) -> bool {
    let symlink = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    symlink || matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Returns the stat data of an open file.
pub fn stat_open(file: &File) -> io::Result<Stat> {
    Ok(stat_of(&rustix::fs::fstat(file)?))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_reached_through_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("outside")).unwrap();
        fs::write(dir.path().join("outside/file"), "kept").unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        symlink("../outside", dir.path().join("work/sub")).unwrap();
        let root = Root::open(&dir.path().join("work")).unwrap();
        let mut root = root.cursor();
        assert!(root.open_file("sub/file").is_err());
        assert!(root.create("sub/new", false).is_err());
        assert!(root.ensure_folder("sub/deeper").is_err());
        assert_eq!(root.stat("sub/file").unwrap(), None);
        root.remove_file("sub/file").unwrap();
        let temp = TempFile::create(dir.path()).unwrap();
        assert!(root.adopt(temp, "sub/file").is_err());
        assert_eq!(fs::read(dir.path().join("outside/file")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(dir.path().join("outside")).unwrap().count(), 1);
    }

    #[test]
    fn files_folders_and_symlinks_are_made_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let mut root = root.cursor();
        root.ensure_folder("a/b").unwrap();
        root.create("a/b/run", true).unwrap().write_all(b"x").unwrap();
        assert_eq!(root.stat("a/b/run").unwrap().unwrap().kind, FileKind::Executable);
        assert!(root.create("a/b/run", false).is_err());
        root.symlink(None, b"target", "a/link").unwrap();
        root.symlink(Some(dir.path()), b"other", "a/link").unwrap();
        assert_eq!(root.read_link("a/link").unwrap(), b"other");
        assert!(!root.remove_folder("a").unwrap());
        root.remove_file("a/b/run").unwrap();
        root.remove_file("a/b/run").unwrap();
        assert!(root.remove_folder("a/b").unwrap());
        assert_eq!(root.stat("a/b").unwrap(), None);
    }

    #[test]
    fn paths_may_be_longer_than_the_system_takes_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let mut root = root.cursor();
        let deep = ["d"; 2040].join("/");
        root.ensure_folder(&deep).unwrap();
        root.create(&format!("{deep}/file"), false).unwrap();
        assert!(root.stat(&format!("{deep}/file")).unwrap().is_some());
        super::super::atomic::remove_tree(&dir.path().join("d")).unwrap();
    }
}
