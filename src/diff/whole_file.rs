//! Files that are one record: by their format, or since no reader can read them.

use super::ReaderConfig;
use super::collect::{RecordCollector, Visitor};
use super::file_side::FileSide;
use super::pair::StreamReader;
use super::record_diff::RecordDiff;
use crate::error::Result;
use crate::sample::{FileIssue, RecordFormat, RecordReader, Side};

/// Adds a file that is one record, perhaps because of an issue, to a diff; returns 1.
pub(super) fn one_record(
    config: &ReaderConfig,
    side: Side,
    file: &FileSide<'_>,
    issue: Option<FileIssue>,
    diff: &mut RecordDiff,
    visitor: Visitor<'_>,
) -> Result<u64> {
    let (id, issue) = match issue {
        Some(issue) => (file.id()?, Some(issue)),
        None => match file.unpacked_id()? {
            Ok(id) => (id, None),
            Err(issue) => (file.id()?, Some(issue)),
        },
    };
    let mut collector = RecordCollector::new(config, file.path, &file.spec, diff.detail(), visitor);
    collector.take_whole(side, id.as_bytes(), issue);
    diff.absorb(collector.finish().0);
    Ok(1)
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
