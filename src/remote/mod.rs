//! Remotes: places that keep the files of a repository by name, such as a bucket or a folder.
//!
//! Invariants: a file appears under its name only whole; [`Remote::create`] is the one operation on which the order of
//! things depends, and of several attempts to create a name exactly one succeeds. Names, lengths and bytes that a remote
//! returns are those of a stranger: callers check them like damaged ones.

#![allow(dead_code, unused_imports, reason = "the commands that use it come next")]

mod api;
mod bucket;
#[cfg(test)]
mod conformance;
mod folder;
#[cfg(test)]
pub mod memory;
mod probe;
mod url;

pub use api::{Remote, RemoteFile, Traffic};
pub use probe::honours_create;
pub use url::{RemoteSettings, RemoteUrl};

use crate::error::Result;
use bucket::BucketRemote;
use folder::FolderRemote;
use url::Place;

/// Opens a remote. Nothing is sent yet.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) for a folder that cannot be read; `Usage` for settings that do not apply.
pub fn open(url: &RemoteUrl, settings: &RemoteSettings) -> Result<Box<dyn Remote>> {
    settings.check(url)?;
    match url.place() {
        Place::Folder(folder) => Ok(Box::new(FolderRemote::open(folder)?)),
        Place::Bucket(place) => Ok(Box::new(BucketRemote::open(url.to_string(), place, settings)?)),
        Place::Web(web) => Ok(Box::new(BucketRemote::open_web(url.to_string(), web)?)),
    }
}
