//! Read-only maps of files that the store wrote itself and never changes.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use memmap2::Mmap;

use super::atomic;
use crate::error::{Error, Result};

/// Bytes that are read from the disk at once. Linux maps as many around a page that is touched.
const REGION: usize = 64 << 10;

/// A file that is mapped for reading.
///
/// Only for derived files that are written once under a temporary name and then never again: the user's files are read
/// into buffers, since they may change at any time, and packs are read by position.
///
/// A page that the disk cannot read would end the process with a signal when it is touched. So each region of the map is
/// read through the kernel before it is first used, and a fault of the disk is an answer like any other.
#[derive(Debug)]
pub struct MappedFile {
    map: Mmap,
    /// True for the regions that were read.
    loaded: Box<[AtomicBool]>,
}

impl MappedFile {
    /// Maps a whole file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::error::ErrorKind::Io) if the file cannot be opened or mapped.
    #[expect(unsafe_code, reason = "mapping a file is unsafe by nature; this is the only place")]
    pub fn open(path: &Path) -> Result<MappedFile> {
        let file = atomic::open(path).map_err(|e| Error::io("cannot open", path, e))?;
        // SAFETY: the caller maps files that hlx itself wrote under a temporary name and renamed; nothing changes or
        // truncates them afterwards, only removes the name, which leaves the map intact.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io("cannot map", path, e))?;
        let loaded = (0..map.len().div_ceil(REGION)).map(|_| AtomicBool::new(false)).collect();
        Ok(MappedFile { map, loaded })
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Returns the bytes of a range; `None` if the file ends before, or the disk cannot read them.
    pub fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        let bytes = self.map.get(range.clone())?;
        let regions = range.start / REGION..range.end.div_ceil(REGION);
        regions.into_iter().all(|region| self.load(region)).then_some(bytes)
    }

    /// Reads a region unless that was done. Returns false if the disk cannot.
    fn load(&self, region: usize) -> bool {
        let Some(loaded) = self.loaded.get(region) else { return true };
        if loaded.load(Ordering::Relaxed) {
            return true;
        }
        let start = region * REGION;
        let readable = populate(&self.map, start, REGION.min(self.map.len() - start));
        loaded.store(readable, Ordering::Relaxed);
        readable
    }
}

/// Reads a part of a map into memory. Returns false if the disk cannot. Kernels before Linux 5.14 do not know the call;
/// there the map is used as it is.
#[cfg(target_os = "linux")]
fn populate(map: &Mmap, start: usize, len: usize) -> bool {
    match map.advise_range(memmap2::Advice::PopulateRead, start, len) {
        Ok(()) => true,
        Err(e) => e.kind() == std::io::ErrorKind::InvalidInput,
    }
}

/// Other systems have no such call; there the map is used as it is.
#[cfg(not(target_os = "linux"))]
fn populate(_: &Mmap, _: usize, _: usize) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_every_region_are_those_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        let bytes: Vec<u8> = (0..3 * REGION + 5).map(|n| (n / 7) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = MappedFile::open(&path).unwrap();
        assert_eq!(file.len(), bytes.len());
        for range in [0..0, 0..1, REGION - 1..REGION + 1, 10..3 * REGION + 5, 3 * REGION..3 * REGION + 5] {
            assert_eq!(file.get(range.clone()), Some(&bytes[range]));
        }
        assert_eq!(file.get(0..bytes.len() + 1), None);
    }

    #[test]
    fn bytes_that_cannot_be_read_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table");
        std::fs::write(&path, vec![1; 2 * REGION]).unwrap();
        let file = MappedFile::open(&path).unwrap();
        // A page beyond the end of the file cannot be read, as one in a bad sector cannot.
        std::fs::File::options().write(true).open(&path).unwrap().set_len(REGION as u64).unwrap();
        assert_eq!(file.get(0..100), Some(&[1; 100][..]));
        if cfg!(target_os = "linux") {
            assert_eq!(file.get(REGION..REGION + 1), None);
        }
    }
}
