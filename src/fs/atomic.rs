//! Files of the store: written under a temporary name, synced, then named, and the name synced with its folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;
use rustix::io::{Errno, retry_on_intr};

use super::fault::{Call, point};
use super::{share, uninterrupted};
use crate::error::{Error, Result};

/// A file that has no name yet that anyone would look for. Dropped before it is named, it goes away.
#[derive(Debug)]
pub struct TempFile {
    file: File,
    path: PathBuf,
    named: bool,
}

impl TempFile {
    /// Makes an empty file in `folder`, which should be the store's `tmp/`, on the file system it will be named on. The
    /// group that shares the folder may read it.
    pub fn create(folder: &Path) -> Result<TempFile> {
        let temp = TempFile::create_with_mode(folder, 0o666)?;
        share::open_file(folder, &temp.file, share::READ).map_err(|e| Error::io("cannot create", &temp.path, e))?;
        Ok(temp)
    }

    /// Makes an empty file that never gets a name: in `folder`, or in the system's folder for temporary files where this
    /// user may not write to it.
    pub fn unnamed(folder: &Path) -> Result<TempFile> {
        TempFile::create(folder).or_else(|e| match e.is_refused_write() {
            true => TempFile::create_with_mode(&std::env::temp_dir(), 0o600),
            false => Err(e),
        })
    }

    /// Makes an empty file that will be part of a workspace, with permission bits of which the umask takes its share.
    pub fn create_with_mode(folder: &Path, mode: u32) -> Result<TempFile> {
        TempFile::create_as(folder.join(unique_name()), mode)
    }

    /// Makes an empty file of this path, which nobody else uses.
    pub(super) fn create_as(path: PathBuf, mode: u32) -> Result<TempFile> {
        point(Call::Write, &path).map_err(|e| Error::io("cannot create", &path, e))?;
        #[expect(clippy::disallowed_methods, reason = "this is the one place that creates files of the store")]
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&path);
        let file = file.map_err(|e| Error::io("cannot create", &path, e))?;
        // The lock ends with the process, so that others can tell what it left. Where there are no locks nobody asks.
        let _ = file.try_lock();
        Ok(TempFile { file, path, named: false })
    }

    /// Returns the path of the file while it has no name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Appends at most `len` bytes from where a file is read, without a copy in memory where the system can. Returns the
    /// number of bytes.
    pub fn append(&mut self, from: &File, len: u64) -> io::Result<u64> {
        point(Call::Write, &self.path)?;
        io::copy(&mut from.take(len), &mut self.file)
    }

    /// Syncs the bytes, so that they survive a power cut once they have a name.
    pub fn sync(&self) -> Result<()> {
        point(Call::Sync, &self.path).and_then(|()| self.file.sync_all()).map_err(|e| Error::io("cannot sync", &self.path, e))
    }

    /// Leaves the file where it is.
    pub(super) fn keep(mut self) {
        self.named = true;
    }

    /// Gives the bytes their name, in place of what has it now. Sync first, and the folder afterwards.
    pub fn rename(mut self, to: &Path) -> Result<()> {
        point(Call::Rename, to)
            .and_then(|()| uninterrupted(|| fs::rename(&self.path, to)))
            .map_err(|e| Error::io("cannot write", to, e))?;
        self.named = true;
        Ok(())
    }

    /// Gives the bytes a name in a folder that is held open, in place of what has it now.
    pub(super) fn rename_into(mut self, folder: &OwnedFd, name: &std::ffi::CStr) -> io::Result<()> {
        retry_on_intr(|| rustix::fs::renameat(rustix::fs::CWD, &self.path, folder, name))?;
        self.named = true;
        Ok(())
    }

    /// Gives the bytes their name unless something has it already. Sync first, and the folder afterwards.
    ///
    /// Where the file system has no hard links, a rename that replaces nothing does the same in one step.
    pub fn link(mut self, to: &Path) -> Result<Created> {
        match point(Call::Rename, to).and_then(|()| uninterrupted(|| fs::hard_link(&self.path, to))) {
            Ok(()) => Ok(Created::New),
            // A network file system that repeats a request whose answer was lost finds the name that it created.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => match self.file.metadata() {
                Ok(metadata) if metadata.nlink() > 1 => Ok(Created::New),
                _ => Ok(Created::Exists),
            },
            Err(e) if lacks_links(&e) => match point(Call::Rename, to).and_then(|()| rename_new(&self.path, to)) {
                Ok(()) => {
                    self.named = true;
                    Ok(Created::New)
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(Created::Exists),
                Err(e) if is_unsupported(&e) => Err(Error::io("cannot create", to, e).with_hint(
                    "the file system supports neither hard links nor rename without replacement; \
                     move the repository to another file system; the data can stay",
                )),
                Err(e) => Err(Error::io("cannot create", to, e)),
            },
            Err(e) => Err(Error::io("cannot write", to, e)),
        }
    }
}

impl Write for TempFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        point(Call::Write, &self.path)?;
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.named {
            // What is left behind lies in tmp/, means nothing, and is cleared away later.
            let _ = uninterrupted(|| fs::remove_file(&self.path));
        }
    }
}

/// A folder for temporary files on the file system of a workspace: the store's own where that is the same, else one in
/// the workspace under a name that is never part of a dataset, which goes away again when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    own: bool,
}

impl Scratch {
    /// Finds or makes the folder for files that will be moved to places below `workspace`.
    pub fn for_workspace(tmp: &Path, workspace: &Path) -> Result<Scratch> {
        let device = |path: &Path| fs::metadata(path).map(|m| m.dev()).map_err(|e| Error::io("cannot read", path, e));
        if device(tmp)? == device(workspace)? {
            return Ok(Scratch { path: tmp.to_owned(), own: false });
        }
        let path = workspace.join(super::STORE).join("tmp");
        point(Call::Write, &path)
            .and_then(|()| uninterrupted(|| fs::create_dir_all(&path)))
            .map_err(|e| Error::io("cannot create the folder", &path, e))?;
        Ok(Scratch { path, own: true })
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.own {
            // Only while nobody else uses it: a folder that is not empty stays.
            let _ = fs::remove_dir(&self.path).and_then(|()| fs::remove_dir(parent(&self.path)));
        }
    }
}

/// Returns the present, in nanoseconds since 1970, for stamps of files below `workspace`: by the clock of this machine or
/// that of the file system, which may be a server's, whichever is behind. Where nothing can be written it is the former.
pub fn present(tmp: &Path, workspace: &Path) -> i128 {
    let now = crate::clock::nanos_now();
    let stamp = || -> Result<fs::Metadata> {
        let scratch = Scratch::for_workspace(tmp, workspace)?;
        let temp = TempFile::create(scratch.path())?;
        temp.file.metadata().map_err(|e| Error::io("cannot read", &temp.path, e))
    };
    stamp().map_or(now, |m| now.min(i128::from(m.mtime()) * 1_000_000_000 + i128::from(m.mtime_nsec())))
}

/// The result of creating a file that may be created only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// It was there before; nothing was changed.
    Exists,
}

/// Replaces a file: whole old bytes or whole new ones, whatever happens. The folder must exist.
pub fn replace(tmp: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut temp = TempFile::create(tmp)?;
    temp.write_all(bytes).map_err(|e| Error::io("cannot write", path, e))?;
    temp.sync()?;
    temp.rename(path)?;
    sync_folder(parent(path))
}

/// Creates a file that nobody ever changes, unless it exists. Either way it is durable when this returns.
pub fn create_once(tmp: &Path, path: &Path, bytes: &[u8]) -> Result<Created> {
    let mut temp = TempFile::create(tmp)?;
    temp.write_all(bytes).map_err(|e| Error::io("cannot write", path, e))?;
    temp.sync()?;
    let created = temp.link(path)?;
    sync_folder(parent(path))?;
    Ok(created)
}

/// Moves a file of the store, or whatever is in its place, to another folder of it, which is created if it is missing.
/// Durable when it returns.
pub fn move_file(from: &Path, to: &Path) -> Result<()> {
    ensure_folder(parent(to))?;
    point(Call::Rename, to)
        .and_then(|()| uninterrupted(|| fs::rename(from, to)))
        .map_err(|e| Error::io("cannot move", from, e))?;
    sync_folder(parent(to))?;
    sync_folder(parent(from))
}

/// Makes a folder and all above it that are missing, and syncs each into its parent, also those that were there: an
/// earlier process may have been killed between the two.
pub fn ensure_folder(path: &Path) -> Result<()> {
    if !path.is_dir() {
        let up = parent(path);
        if !up.is_dir() {
            ensure_folder(up)?;
        }
        point(Call::Write, path).map_err(|e| Error::io("cannot create the folder", path, e))?;
        match uninterrupted(|| fs::create_dir(path)) {
            Ok(()) => share::new_folder(path).map_err(|e| Error::io("cannot share with the group", path, e))?,
            Err(_) if path.is_dir() => {}
            Err(e) => return Err(Error::io("cannot create the folder", path, e)),
        }
    }
    sync_folder(parent(path))
}

/// Makes the names in a folder durable, where the file system can sync folders.
pub fn sync_folder(path: &Path) -> Result<()> {
    let folder = File::open(path).map_err(|e| Error::io("cannot sync the folder", path, e))?;
    match point(Call::Sync, path).and_then(|()| folder.sync_all()) {
        Err(e) if !is_unsupported(&e) => Err(Error::io("cannot sync the folder", path, e)),
        _ => Ok(()),
    }
}

/// Returns true if an error of a link means that the file system has no hard links, or no more for this file.
fn lacks_links(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK))
}

/// Returns true if an error of an exclusive rename or of the sync of a folder means that the file system has no such call. It
/// is about the call and never about the bytes, as `EIO` and `ENOSPC` are.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS))
}

/// Renames a file unless something has the name already.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(retry_on_intr(|| renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE))?)
}

/// Renames a file unless something has the name already: not to be had on this system.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_new(_: &Path, _: &Path) -> io::Result<()> {
    Err(Errno::NOSYS.into())
}

/// Makes everything written to the file system of `path` durable.
pub fn sync_file_system(path: &Path) -> Result<()> {
    let sync = || -> io::Result<()> {
        point(Call::Sync, path)?;
        let folder = File::open(path)?;
        #[cfg(target_os = "linux")]
        retry_on_intr(|| rustix::fs::syncfs(&folder))?;
        #[cfg(not(target_os = "linux"))]
        folder.sync_all()?;
        Ok(())
    };
    sync().map_err(|e| Error::io("cannot sync the file system of", path, e))
}

/// Has the disk begin with bytes that were just written, so that a later sync has less to wait for. A hint: what comes of
/// it shows in that sync.
pub fn begin_write_back(file: &File, offset: u64, len: u64) {
    // The kernel sends what is dirty on its way and, since it is then still busy with it, keeps it in memory.
    if let Some(len) = std::num::NonZeroU64::new(len) {
        let _ = rustix::fs::fadvise(file, offset, Some(len), rustix::fs::Advice::DontNeed);
    }
}

/// Empties a file that is being written, to begin anew.
pub fn restart(mut file: &File, path: &Path) -> io::Result<()> {
    point(Call::Write, path)?;
    file.set_len(0)?;
    file.rewind()
}

/// Opens a file of the store to read. A pipe that lies in its place does not block.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlags::NONBLOCK.bits() as i32);
    #[expect(clippy::disallowed_methods, reason = "it is opened to be read")]
    options.open(path)
}

/// Reads a whole small file; `None` if it does not exist.
///
/// # Errors
/// [`ErrorKind::Io`](crate::error::ErrorKind::Io) also for a pipe or a device in its place.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let read_file = || {
        let (mut file, mut bytes) = (open(path)?, Vec::new());
        let kind = file.metadata()?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(io::Error::other("it is not a regular file"));
        }
        file.read_to_end(&mut bytes).map(|_| bytes)
    };
    match read_file() {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("cannot read", path, e)),
    }
}

/// Removes a file if it is there.
pub fn remove_file(path: &Path) -> Result<()> {
    match point(Call::Rename, path).and_then(|()| uninterrupted(|| fs::remove_file(path))) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("cannot remove", path, e)),
        _ => Ok(()),
    }
}

/// Time that a new temporary file may be without its lock.
const UNLOCKED: i128 = 1_000_000_000;

/// Returns the length of a temporary file whose writer has ended; `None` if it is being written, or is a folder.
pub fn abandoned(path: &Path) -> Result<Option<u64>> {
    let metadata = match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(|e| Error::io("cannot read", path, e))?,
    };
    if metadata.is_dir() {
        return Ok(None);
    }
    // A new one has no lock yet.
    let locked_by = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()) + UNLOCKED;
    if metadata.is_file() && is_locked(path)? {
        return Ok(None);
    }
    crate::clock::wait_until(locked_by);
    let is_used = !path.symlink_metadata().is_ok_and(|now| now.ino() == metadata.ino()) || metadata.is_file() && is_locked(path)?;
    Ok((!is_used).then_some(metadata.len()))
}

/// Returns true if a process writes a temporary file, or it is gone.
fn is_locked(path: &Path) -> Result<bool> {
    let file = match open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(true),
        file => file.map_err(|e| Error::io("cannot read", path, e))?,
    };
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(fs::TryLockError::WouldBlock) => Ok(true),
        Err(fs::TryLockError::Error(e)) => Err(Error::io("cannot lock", path, e)),
    }
}

/// Removes a folder and all within it if it is there. Symlinks are removed, not followed.
pub fn remove_tree(path: &Path) -> Result<()> {
    match point(Call::Rename, path).and_then(|()| uninterrupted(|| fs::remove_dir_all(path))) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("cannot remove", path, e)),
        _ => Ok(()),
    }
}

/// Returns the folder that a path lies in.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(p) if p.as_os_str().is_empty() => Path::new("."),
        Some(p) => p,
        None => path,
    }
}

/// Returns a name that no other process or thread uses: 16 hex digits of the process, the moment and a count.
pub fn unique_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&u64::from(std::process::id()).to_le_bytes());
    seed[8..16].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    seed[16..].copy_from_slice(&crate::clock::nanos_now().to_le_bytes());
    blake3::hash(&seed).to_hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::fault;
    use super::*;

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        assert_eq!(read(&path).unwrap(), None);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn create_once_keeps_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ref");
        assert_eq!(create_once(dir.path(), &path, b"one").unwrap(), Created::New);
        assert_eq!(create_once(dir.path(), &path, b"two").unwrap(), Created::Exists);
        assert_eq!(read(&path).unwrap().unwrap(), b"one");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_name_that_the_file_has_already_is_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ref");
        let temp = TempFile::create(dir.path()).unwrap();
        fs::hard_link(temp.path(), &path).unwrap();
        assert_eq!(temp.link(&path).unwrap(), Created::New);
        assert_eq!(TempFile::create(dir.path()).unwrap().link(&path).unwrap(), Created::Exists);
    }

    #[test]
    fn a_folder_that_cannot_be_synced_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let outcome = |errno: Errno| {
            let _armed = fault::arm_errno(dir.path(), Call::Sync, errno);
            sync_folder(dir.path())
        };
        for errno in [Errno::INVAL, Errno::OPNOTSUPP, Errno::NOSYS] {
            outcome(errno).unwrap();
        }
        for errno in [Errno::IO, Errno::NOSPC, Errno::DQUOT] {
            assert_eq!(outcome(errno).unwrap_err().kind(), crate::error::ErrorKind::Io);
        }
    }

    #[test]
    fn a_file_is_created_once_without_hard_links() {
        for errno in [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK] {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("ref");
            for (bytes, expected) in [(b"one", Created::New), (b"two", Created::Exists)] {
                let armed = fault::arm_errno(dir.path(), Call::Rename, errno);
                assert_eq!(create_once(dir.path(), &path, bytes).unwrap(), expected);
                assert_eq!(armed.fired(), Some(Call::Rename));
            }
            assert_eq!(read(&path).unwrap().unwrap(), b"one");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
        }
    }

    #[test]
    fn a_fault_leaves_the_old_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        replace(dir.path(), &path, b"old").unwrap();
        for n in 1.. {
            let armed = super::super::fault::arm(dir.path(), n);
            let outcome = replace(dir.path(), &path, b"new");
            let now = read(&path).unwrap().unwrap();
            if armed.fired().is_none() {
                outcome.unwrap();
                assert_eq!(now, b"new");
                assert!(n > 4, "create, write, sync, rename and the folder's sync are counted");
                break;
            }
            assert!(outcome.is_err());
            assert!(now == b"old" || now == b"new");
            drop(armed);
            replace(dir.path(), &path, b"old").unwrap();
        }
    }
}
