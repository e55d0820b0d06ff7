//! The records of one side of a file, which the other side does not have.

use super::collect::{Visitor, reborrow};
use super::file_side::FileSide;
use super::pair::{PairResult, StreamPair, may_break};
use super::record_diff::RecordDiff;
use super::whole_file::{issue_of, one_record};
use super::{ReaderConfig, parts, rows};
use crate::error::Result;
use crate::sample::{RecordFormat, Side};

/// Adds every record of one side of a file to a diff; returns the number of records.
pub(super) fn one_side(
    config: &ReaderConfig,
    side: Side,
    file: &FileSide<'_>,
    diff: &mut RecordDiff,
    mut visitor: Visitor<'_>,
) -> Result<u64> {
    if let Some(issue) = file.opaque_issue()? {
        return one_record(config, side, file, Some(issue), diff, visitor);
    }
    match file.spec.format {
        RecordFormat::None => return Ok(0),
        RecordFormat::Whole | RecordFormat::Archive => return one_record(config, side, file, None, diff, visitor),
        RecordFormat::Parquet | RecordFormat::Arrow => return rows::one_side(config, side, file, diff, visitor),
        _ => {}
    }
    if visitor.is_some()
        && may_break(&file.spec)
        && let Some(issue) = issue_of(config, file)?
    {
        return one_record(config, side, file, Some(issue), diff, visitor);
    }
    if visitor.is_none()
        && let Some(count) = parts::one_side(config, side, file, diff)?
    {
        return Ok(count);
    }
    let shown = reborrow(&mut visitor);
    let Some(mut pair) = StreamPair::alone(config, file.path, side, &file.spec, diff.detail(), shown)? else { return Ok(0) };
    for piece in file.pieces()? {
        pair.feed(side, &piece?);
    }
    let PairResult { count, diff: own, mut issues, .. } = pair.finish();
    match issues[side as usize].take() {
        Some(issue) => one_record(config, side, file, Some(issue), diff, visitor),
        None => {
            diff.absorb(own);
            Ok(count)
        }
    }
}
