//! The comparison of the records of one file.

use super::ReaderConfig;
use super::collect::{RecordCollector, Visitor, reborrow};
use super::file_side::FileSide;
use super::record_diff::RecordDiff;

/// The records of one file being compared: how they are read, and the diff and the visitor that get them. Its methods are in
/// [`one_side`](super::one_side), [`rows`](super::rows) and [`whole_file`](super::whole_file).
pub(super) struct FileDiff<'c, 'v> {
    pub config: &'c ReaderConfig,
    pub diff: &'c mut RecordDiff,
    /// The callback that gets each record that may differ, if there is one.
    pub visitor: Visitor<'v>,
}

impl FileDiff<'_, '_> {
    /// Returns a collector for the records of a file.
    pub fn collector<'s>(&'s mut self, file: &FileSide<'s>) -> RecordCollector<'s, 's> {
        RecordCollector::new(self.config, file.path, &file.spec, self.diff.detail(), reborrow(&mut self.visitor))
    }
}
