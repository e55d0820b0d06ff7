//! Files that are one record: by their format, or since no reader can read them.

use super::ReaderConfig;
use super::file_diff::FileDiff;
use super::file_side::FileSide;
use super::pair::StreamReader;
use crate::error::Result;
use crate::sample::{FileIssue, RecordFormat, RecordReader, Side};

impl FileDiff<'_, '_> {
    /// Adds a file that is one record, perhaps because of an issue; returns 1.
    pub fn whole_file(&mut self, side: Side, file: &FileSide<'_>, issue: Option<FileIssue>) -> Result<u64> {
        let (id, issue) = match issue {
            Some(issue) => (file.id()?, Some(issue)),
            None => match file.unpacked_id()? {
                Ok(id) => (id, None),
                Err(issue) => (file.id()?, Some(issue)),
            },
        };
        let mut collector = self.collector(file);
        collector.take_whole(side, id.as_bytes(), issue);
        let (diff, _) = collector.finish();
        self.diff.absorb(diff);
        Ok(1)
    }
}

/// Returns the reason that a file is one record, if it is.
pub(super) fn issue_of(config: &ReaderConfig, file: &FileSide<'_>) -> Result<Option<FileIssue>> {
    let is_document = file.spec.format == RecordFormat::Json && !file.spec.is_lines();
    let mut reader = StreamReader::of(&file.spec, config.max_record()).filter(|_| is_document);
    let read = file.unpacked(&mut |bytes| {
        if let Some(reader) = &mut reader {
            reader.feed(bytes, &mut |_| {});
        }
        true
    })?;
    if let Err(issue) = read {
        return Ok(Some(issue));
    }
    Ok(reader.and_then(|mut reader| {
        reader.finish(&mut |_| {});
        reader.issue()
    }))
}
