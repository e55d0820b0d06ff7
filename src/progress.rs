//! Progress events of long operations, and their cancellation.

use std::time::Duration;

use crate::error::{Error, Result};

/// A part of the work that a person would want named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Looking for changed files.
    Scan,
    /// Reading, hashing and storing files.
    Store,
    /// Judging records by the rules of their dataset.
    Validate,
    /// Writing files into a workspace.
    Write,
    /// Recomputing checksums.
    Verify,
    /// Rebuilding what is derived.
    Rebuild,
    /// Finding out what is reachable.
    Mark,
    /// Copying what is reachable to new packs.
    Rewrite,
}

/// Receives the events of long work. Called from several threads.
pub trait Progress: Sync {
    /// A stage begins. The totals are what is known of the work ahead; zero where nothing is.
    fn begin(&self, stage: Stage, files: u64, bytes: u64);

    /// More of the stage's work is known to lie ahead.
    fn expect(&self, files: u64, bytes: u64);

    /// So many files and bytes of the stage are done.
    fn advance(&self, files: u64, bytes: u64);

    /// The size of the work of `hlx gc --recompress`, and the time that it will take.
    fn estimate(&self, packs: u64, bytes: u64, time: Duration) {
        let _ = (packs, bytes, time);
    }

    /// Returns true if somebody watches, so that totals are worth the work of finding them out.
    fn is_watched(&self) -> bool {
        false
    }

    /// Returns true if the user asked to stop.
    fn cancelled(&self) -> bool;

    /// Fails with [`crate::ErrorKind::Interrupted`] once the user asked to stop.
    fn check(&self) -> Result<()> {
        if self.cancelled() { Err(Error::interrupted()) } else { Ok(()) }
    }
}

/// Progress that nobody watches and nobody stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _: Stage, _: u64, _: u64) {}
    fn expect(&self, _: u64, _: u64) {}
    fn advance(&self, _: u64, _: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}
