//! The amount of data to read, found out beside the reading: the progress of a long commit has its total at once.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use super::SampleCounter;
use super::feed::is_current;
use crate::progress::Progress;
use crate::selection::Matcher;
use crate::worktree::scan::{Scan, ScannedFile};

/// Work shorter than this needs no total.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 250 });

/// A walk over the stamps of the files that are going to be read.
pub(super) struct Forecast<'a> {
    pub scan: Scan<'a>,
    pub selection: Option<Matcher>,
    pub counter: Option<SampleCounter<'a>>,
    pub progress: &'a dyn Progress,
}

impl Forecast<'_> {
    /// Tells the progress of the total, unless the work ends before. What cannot be read is for the work itself to name.
    pub fn run(self, ended: &Receiver<()>) {
        if ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        let (mut files, mut bytes) = (0, 0);
        for file in self.scan {
            let Ok(file) = file else { return };
            if ended.try_recv() != Err(TryRecvError::Empty) {
                return;
            }
            let (is_current, size) = match &file {
                ScannedFile::Known(row) => (is_current(row, self.counter), row.stat.size),
                ScannedFile::Unknown { stat, .. } => (false, stat.size),
            };
            if !is_current && self.selection.as_ref().is_none_or(|selection| selection.selects(file.path().as_str())) {
                files += 1;
                bytes += size;
            }
        }
        self.progress.expect(files, bytes);
    }
}
