//! The condition that everything on a remote depends on, tried on the remote itself.

use super::api::Remote;
use crate::error::Result;
use crate::fs::atomic::{Created, unique_name};

/// Bytes that a probe reads at most.
const LIMIT: u64 = 64;

/// Returns true if a remote creates a file only where none exists. Some servers of S3 ignore that condition and replace the
/// file, and say that they created it.
///
/// # Errors
/// If the remote cannot be read or written to. A probe file may be left in `tmp/`.
pub fn honours_create(remote: &dyn Remote) -> Result<bool> {
    let name = format!("tmp/probe-{}", unique_name());
    let first = remote.create(&name, b"one")?;
    let second = remote.create(&name, b"two")?;
    let kept = remote.read(&name, LIMIT)?;
    remote.remove(&name)?;
    Ok((first, second) == (Created::New, Created::Exists) && kept.as_deref() == Some(b"one"))
}

#[cfg(test)]
mod tests {
    use super::super::memory::MemoryRemote;
    use super::*;

    #[test]
    fn a_remote_that_replaces_files_is_recognized() {
        for (remote, expected) in [(MemoryRemote::default(), true), (MemoryRemote::without_conditions(), false)] {
            assert_eq!(honours_create(&remote).unwrap(), expected);
            remote.list("", &mut |file| panic!("{file:?} is left")).unwrap();
        }
    }
}
