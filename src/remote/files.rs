//! The small files of a remote: its format and its refs.

use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::limits;
use crate::refs;
use crate::remote::Remote;
use crate::store::format;

/// The next step after a remote had something damaged.
pub(super) const DAMAGED: &str = "run the same command again; if it fails again, the remote is damaged: copy it to a folder '.helox' \
                                  and check it there: hlx fsck";

/// Fails unless the remote is a store of a format that this version reads.
///
/// # Errors
/// `ErrorKind::RepositoryNotFound` if it is no store.
pub(super) fn check_format(remote: &dyn Remote) -> Result<()> {
    match remote.read("format", limits::FORMAT_FILE as u64)? {
        Some(bytes) => format::check(Path::new("format of the remote"), &bytes),
        None => Err(Error::new(ErrorKind::RepositoryNotFound, "the remote has no versions yet").with_hint("send some: hlx push")),
    }
}

/// Reads a ref of a remote that exists.
pub(super) fn read_ref<T>(remote: &dyn Remote, name: &str) -> Result<Id<T>> {
    let damaged = || Error::damaged(format!("{name} of the remote does not contain an id"));
    let bytes = remote.read(name, refs::LEN as u64)?.ok_or_else(damaged)?;
    refs::decode(&bytes).ok_or_else(damaged)
}
