//! The records of one side of a file, which the other side does not have.

use super::collect::reborrow;
use super::file_diff::FileDiff;
use super::file_side::FileSide;
use super::pair::{PairResult, StreamPair, may_break};
use super::parts;
use super::whole_file::issue_of;
use crate::error::Result;
use crate::sample::{RecordFormat, Side};

impl FileDiff<'_, '_> {
    /// Adds every record of one side of a file; returns the number of records.
    pub fn one_side(&mut self, side: Side, file: &FileSide<'_>) -> Result<u64> {
        if let Some(issue) = file.opaque_issue()? {
            return self.whole_file(side, file, Some(issue));
        }
        match file.spec.format {
            RecordFormat::None => return Ok(0),
            RecordFormat::Whole | RecordFormat::Archive => return self.whole_file(side, file, None),
            RecordFormat::Parquet | RecordFormat::Arrow => return self.rows_of_one_side(side, file),
            _ => {}
        }
        let has_visitor = self.visitor.is_some();
        if has_visitor
            && may_break(&file.spec)
            && let Some(issue) = issue_of(self.config, file)?
        {
            return self.whole_file(side, file, Some(issue));
        }
        if !has_visitor && let Some(count) = parts::one_side(self.config, side, file, self.diff)? {
            return Ok(count);
        }
        let (config, detail, visitor) = (self.config, self.diff.detail(), reborrow(&mut self.visitor));
        let Some(mut pair) = StreamPair::alone(config, file.path, side, &file.spec, detail, visitor)? else { return Ok(0) };
        for piece in file.pieces()? {
            pair.feed(side, &piece?);
        }
        let PairResult { count, diff, mut issues, .. } = pair.finish();
        match issues[side as usize].take() {
            Some(issue) => self.whole_file(side, file, Some(issue)),
            None => {
                self.diff.absorb(diff);
                Ok(count)
            }
        }
    }
}
