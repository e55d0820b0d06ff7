//! A remote in a bucket of S3, Google Cloud Storage or Azure, or on a web server, which can only be read.
//!
//! Every request is repeated with growing pauses while its failure may pass. A file is created once by `If-None-Match: *`
//! or what the service has for it; after a lost answer the file itself says who created it.

mod aws;
mod client;
mod fault;
mod http;
mod open;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::PutMode;

use super::api::{Remote, RemoteFile, Traffic, TrafficCounter, check_name, folder_prefix, too_long};
use super::url::{BucketPlace, RemoteSettings};
use crate::clock::Time;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic::{self, Created};
use client::{BucketClient, RemoteContent, TimeLimits, UploadPart};
use fault::{CredentialWords, FaultCause, RequestFault};

/// Bytes of a part of an upload, and of a file that is sent in one.
const PART: u64 = 8 << 20;
/// Parts of an upload that S3 allows.
const PARTS: u64 = 10_000;
/// Bytes of an upload that are in memory.
const IN_FLIGHT: u64 = 32 << 20;
/// Files of a page of a list.
const PAGE: usize = 1_000;

/// A remote in a bucket, or on a web server.
#[derive(Debug)]
pub(super) struct BucketRemote {
    client: BucketClient,
    /// The URL, for messages.
    url: String,
    /// The beginning of all names, with a slash behind it unless it is empty.
    prefix: String,
    is_read_only: bool,
    words: CredentialWords,
    traffic: Arc<TrafficCounter>,
}

impl BucketRemote {
    /// Opens a bucket.
    pub fn open(url: String, place: &BucketPlace, settings: &RemoteSettings) -> Result<BucketRemote> {
        BucketRemote::with_limits(url, place, settings, TimeLimits::default())
    }

    fn with_limits(url: String, place: &BucketPlace, settings: &RemoteSettings, limits: TimeLimits) -> Result<BucketRemote> {
        let (clients, words) = open::bucket(place, settings)?;
        let prefix = folder_prefix(&place.prefix)?;
        let traffic = clients.traffic.clone();
        Ok(BucketRemote { client: BucketClient::start(clients, limits)?, url, prefix, is_read_only: false, words, traffic })
    }

    /// Opens a folder of a web server.
    pub fn open_web(url: String, web: &str) -> Result<BucketRemote> {
        let (clients, words) = open::web(web)?;
        let (prefix, traffic) = (String::new(), clients.traffic.clone());
        Ok(BucketRemote {
            client: BucketClient::start(clients, TimeLimits::default())?,
            url,
            prefix,
            is_read_only: true,
            words,
            traffic,
        })
    }

    fn path(&self, name: &str) -> Result<object_store::path::Path> {
        check_name(name)?;
        let full = format!("{}{name}", self.prefix);
        object_store::path::Path::parse(&full).map_err(|e| Error::usage(format!("{full}: {e}")))
    }

    /// Returns the path of a file that is to be changed.
    fn path_to_write(&self, name: &str) -> Result<object_store::path::Path> {
        let path = self.path(name)?;
        match self.is_read_only {
            false => Ok(path),
            true => Err(Error::usage(format!("{} can only be read", self.url))
                .with_hint("write to the bucket or the folder that the web server shows")),
        }
    }

    /// Makes the error of a failed operation.
    fn error(&self, doing: &str, name: &str, fault: &RequestFault) -> Error {
        let file = format!("{}/{name}", self.url.trim_end_matches('/'));
        fault.error(doing, &file, &self.words)
    }

    fn put(&self, name: &str, path: &object_store::path::Path, bytes: Bytes) -> Result<()> {
        self.client.write(path, bytes, PutMode::Overwrite).map_err(|fault| self.error("cannot write", name, &fault))
    }

    /// Sends a large file in parts.
    fn upload_parts(&self, name: &str, source: &UploadSource<'_>, progress: &dyn Fn(u64) -> Result<()>) -> Result<()> {
        let path = self.path_to_write(name)?;
        let error = |fault: RequestFault| self.error("cannot write", name, &fault);
        let part = PART.max(source.len.div_ceil(PARTS).next_multiple_of(1 << 20));
        let ahead = (IN_FLIGHT / part).max(1) as usize;
        let upload = self.client.begin(&path).map_err(error)?;
        let mut index = 0;
        let next = || {
            let offset = index as u64 * part;
            if offset >= source.len {
                return Ok(None);
            }
            index += 1;
            Ok(Some(UploadPart { index: index - 1, bytes: source.read(offset, part.min(source.len - offset))? }))
        };
        let sent = self.client.send_parts(&path, &upload, ahead, next, progress, error);
        let completed = sent.and_then(|ids| match self.client.complete(&path, &upload, &ids) {
            // An attempt whose answer was lost may have completed it, after which the upload is unknown.
            Err(fault) if fault.is_doubtful && self.client.size(&path).is_ok_and(|size| size == Some(source.len)) => Ok(()),
            completed => completed.map_err(error),
        });
        if completed.is_err() {
            self.client.abort(&path, &upload);
        }
        completed
    }
}

/// A local file that is uploaded.
struct UploadSource<'a> {
    file: File,
    path: &'a Path,
    len: u64,
}

impl UploadSource<'_> {
    fn open(path: &Path) -> Result<UploadSource<'_>> {
        let file = atomic::open(path).map_err(|e| Error::io("cannot read", path, e))?;
        let len = file.metadata().map_err(|e| Error::io("cannot read", path, e))?.len();
        Ok(UploadSource { file, path, len })
    }

    fn read(&self, offset: u64, len: u64) -> Result<Bytes> {
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, offset).map_err(|e| Error::io("cannot read", self.path, e))?;
        Ok(bytes.into())
    }
}

impl Remote for BucketRemote {
    fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        match self.client.read(&self.path(name)?, limit) {
            Ok(RemoteContent::Missing) => Ok(None),
            Ok(RemoteContent::Whole(bytes)) => Ok(Some(bytes)),
            Ok(RemoteContent::Long) => Err(too_long(&format!("{}/{name}", self.url), limit)),
            Err(fault) => Err(self.error("cannot read", name, &fault)),
        }
    }

    fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>> {
        let path = self.path(name)?;
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let doing = || format!("cannot read bytes {} to {} of", range.start, range.end);
        let bytes = self.client.read_range(&path, &range).map_err(|fault| self.error(&doing(), name, &fault))?;
        match bytes.len() as u64 == range.end - range.start {
            true => Ok(bytes),
            false => Err(Error::new(ErrorKind::Damaged, format!("{} {}/{name}: the file is shorter", doing(), self.url))),
        }
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Created> {
        let path = self.path_to_write(name)?;
        let fault = match self.client.write(&path, Bytes::copy_from_slice(bytes), PutMode::Create) {
            Ok(()) => return Ok(Created::New),
            Err(fault) => fault,
        };
        match fault.cause {
            FaultCause::Exists if !fault.is_doubtful => return Ok(Created::Exists),
            FaultCause::Exists => {}
            _ if fault.is_doubtful => {}
            _ => return Err(self.error("cannot create", name, &fault)),
        }
        match self.client.read(&path, bytes.len() as u64) {
            Ok(RemoteContent::Whole(now)) if now == bytes => Ok(Created::New),
            Ok(RemoteContent::Whole(_) | RemoteContent::Long) => Ok(Created::Exists),
            Ok(RemoteContent::Missing) | Err(_) => Err(self.error("cannot create", name, &fault)),
        }
    }

    fn write(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.put(name, &self.path_to_write(name)?, bytes.into())
    }

    fn upload(&self, name: &str, file: &Path, progress: &dyn Fn(u64) -> Result<()>) -> Result<()> {
        let path = self.path_to_write(name)?;
        let source = UploadSource::open(file)?;
        progress(0)?;
        match source.len > PART {
            true => self.upload_parts(name, &source, progress)?,
            false => self.put(name, &path, source.read(0, source.len)?)?,
        }
        progress(source.len)
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        self.client.size(&self.path(name)?).map_err(|fault| self.error("cannot read", name, &fault))
    }

    fn list(&self, folder: &str, take: &mut dyn FnMut(RemoteFile) -> Result<()>) -> Result<()> {
        if self.is_read_only {
            return Err(Error::usage(format!("{} is on a web server, which cannot list files", self.url)));
        }
        let prefix = format!("{}{}", self.prefix, folder_prefix(folder)?);
        let parse = |text: &str| object_store::path::Path::parse(text).map_err(|e| Error::usage(format!("{text}: {e}")));
        let path = if prefix.is_empty() { None } else { Some(parse(&prefix)?) };
        let mut after = None;
        loop {
            let page = self.client.page(path.as_ref(), after.as_ref(), PAGE);
            let page = page.map_err(|fault| self.error("cannot list", folder, &fault))?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.location.clone());
            for file in page {
                // The marker of a folder, which some programs create, is no file of the remote.
                if let Some(name) = file.location.as_ref().strip_prefix(&self.prefix) {
                    let modified = Time::from_millis(file.last_modified.timestamp_millis());
                    take(RemoteFile { name: name.to_owned(), size: file.size, modified })?;
                }
            }
        }
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.path_to_write(name)?;
        self.client.remove(&path).map_err(|fault| self.error("cannot remove", name, &fault))
    }

    fn traffic(&self) -> Traffic {
        self.traffic.total()
    }
}
