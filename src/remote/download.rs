//! Reads whole packs from a remote, in pieces and several at a time.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::fs::atomic::{self, TempFile};
use crate::pack::reader;
use crate::progress::Progress;
use crate::remote::files::DAMAGED;
use crate::remote::record::RemotePack;
use crate::remote::{Remote, workers};

/// Packs that are brought together, before what was brought is used.
pub(super) const GROUP: usize = 16;
/// Bytes of a piece.
const PIECE: u64 = 8 << 20;

/// A pack that is being read.
struct PackDownload<'a> {
    pack: &'a RemotePack,
    path: &'a Path,
    /// `None` before the first piece, and after the last.
    file: Mutex<Option<TempFile>>,
    /// Pieces that were not read yet.
    pieces: AtomicUsize,
}

/// Reads packs to their paths, each checked against its name. One that is there already is not read again, so that an
/// interrupted fetch goes on where it ended. Durable when it returns.
pub(super) fn packs(
    remote: &dyn Remote,
    packs: &[RemotePack],
    tmp: &Path,
    paths: &[PathBuf],
    progress: &dyn Progress,
) -> Result<()> {
    let is_there = |pack: &RemotePack, path: &Path| reader::check_name(&pack.id, path, || progress.check()).is_ok();
    let downloads: Vec<PackDownload<'_>> = packs
        .iter()
        .zip(paths)
        .filter(|(pack, path)| !path.exists() || !is_there(pack, path))
        .map(|(pack, path)| PackDownload {
            pack,
            path,
            file: Mutex::new(None),
            pieces: AtomicUsize::new(pack.len.div_ceil(PIECE) as usize),
        })
        .collect();
    progress.expect(downloads.len() as u64, downloads.iter().map(|download| download.pack.len).sum());
    let pieces =
        downloads.iter().flat_map(|download| (0..download.pack.len).step_by(PIECE as usize).map(move |at| (download, at)));
    workers::each(pieces, progress, |(download, at)| {
        let end = download.pack.len.min(at + PIECE);
        let bytes = remote.read_range(&download.pack.name(), at..end)?;
        download.write(tmp, at, &bytes)?;
        progress.advance(0, end - at);
        if download.pieces.fetch_sub(1, Ordering::AcqRel) == 1 {
            download.publish(progress)?;
            progress.advance(1, 0);
        }
        Ok(())
    })?;
    let mut folders: Vec<&Path> = paths.iter().map(|path| atomic::parent(path)).collect();
    folders.dedup();
    folders.into_iter().try_for_each(atomic::sync_folder)
}

impl PackDownload<'_> {
    fn write(&self, tmp: &Path, at: u64, bytes: &[u8]) -> Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *file {
            Some(file) => file,
            none => none.insert(TempFile::create(tmp)?),
        };
        file.file().write_all_at(bytes, at).map_err(|e| Error::io("cannot write", file.path(), e))
    }

    /// Gives the whole pack its name.
    fn publish(&self, progress: &dyn Progress) -> Result<()> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(file) = file else { return Ok(()) };
        reader::check_name(&self.pack.id, file.path(), || progress.check()).map_err(|e| {
            if e.ends_check() {
                return e;
            };
            Error::damaged(format!("{} of the remote does not match its name", self.pack.name())).with_hint(DAMAGED)
        })?;
        file.sync()?;
        file.rename(self.path)
    }
}
