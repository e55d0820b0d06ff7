//! A remote in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::api::{Remote, RemoteFile, Traffic, TrafficCounter, check_name, folder_prefix, no_range, too_long};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::fs::atomic::Created;

/// Files with the times at which they were written.
type MemoryFiles = BTreeMap<String, (Vec<u8>, Time)>;

/// A remote in memory. A copy is the same remote.
#[derive(Clone, Debug, Default)]
pub struct MemoryRemote {
    files: Arc<Mutex<MemoryFiles>>,
    traffic: Arc<TrafficCounter>,
    replaces: bool,
}

impl MemoryRemote {
    /// Returns a remote that replaces a file that exists where it should create it, as some servers of S3 do.
    pub fn without_conditions() -> MemoryRemote {
        MemoryRemote { replaces: true, ..MemoryRemote::default() }
    }

    fn put(&self, name: &str, bytes: &[u8], replaces: bool) -> Result<Created> {
        check_name(name)?;
        self.traffic.request();
        self.traffic.sent(bytes.len() as u64);
        let mut files = self.files.lock().unwrap();
        if files.contains_key(name) && !replaces {
            return Ok(Created::Exists);
        }
        files.insert(name.to_owned(), (bytes.to_vec(), Time::now()));
        Ok(Created::New)
    }

    fn get<T>(&self, name: &str, with: impl FnOnce(Option<&[u8]>) -> T) -> Result<T> {
        check_name(name)?;
        self.traffic.request();
        Ok(with(self.files.lock().unwrap().get(name).map(|(bytes, _)| &bytes[..])))
    }

    fn received(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.traffic.received(bytes.len() as u64);
        bytes
    }
}

impl Remote for MemoryRemote {
    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let read = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) if bytes.len() as u64 > limit => Err(too_long(name, limit)),
            bytes => Ok(bytes.map(<[u8]>::to_vec)),
        };
        Ok(self.get(name, read)??.map(|bytes| self.received(bytes)))
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let read = |bytes: Option<&[u8]>| match bytes {
            None => Err(no_range(name, &range, "the file does not exist")),
            Some(bytes) => {
                let part = bytes.get(range.start as usize..range.end as usize);
                part.map(<[u8]>::to_vec).ok_or_else(|| no_range(name, &range, &format!("the file has {} bytes", bytes.len())))
            }
        };
        Ok(self.received(self.get(name, read)??))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created> {
        self.put(name, bytes, self.replaces)
    }

    fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.put(name, &bytes, true).map(drop)
    }

    fn upload(&self, name: &str, file: &Path, progress: &dyn Fn(u64) -> Result<()>) -> Result<()> {
        let bytes = std::fs::read(file).map_err(|e| Error::io("cannot read", file, e))?;
        progress(0)?;
        self.put(name, &bytes, true)?;
        progress(bytes.len() as u64)
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        self.get(name, |bytes| bytes.map(|bytes| bytes.len() as u64))
    }

    fn list(&self, folder: &str, take: &mut dyn FnMut(RemoteFile) -> Result<()>) -> Result<()> {
        let prefix = folder_prefix(folder)?;
        self.traffic.request();
        let files: Vec<RemoteFile> = self
            .files
            .lock()
            .unwrap()
            .range(prefix.clone()..)
            .take_while(|(name, _)| name.starts_with(&prefix))
            .map(|(name, (bytes, modified))| RemoteFile { name: name.clone(), size: bytes.len() as u64, modified: *modified })
            .collect();
        files.into_iter().try_for_each(take)
    }

    fn remove(&self, name: &str) -> Result<()> {
        check_name(name)?;
        self.traffic.request();
        self.files.lock().unwrap().remove(name);
        Ok(())
    }

    fn traffic(&self) -> Traffic {
        self.traffic.total()
    }
}

#[test]
fn memory_is_a_remote() {
    super::conformance::check(&MemoryRemote::default());
}
