//! Parquet and Arrow files: their rows on one side, and of Parquet on both.

use super::Rules;
use super::account::Account;
use super::compare::one_record;
use super::gather::{Gather, Visitor, lend};
use super::half::Half;
use crate::error::Result;
use crate::sample::{Arrow, FileIssue, Format, Row, Side, Table, shared_groups};

/// Both sides of a file, without the row groups that they share; returns how many rows the new one has. `None` where
/// each has to be read for itself: if one may be damaged, or their columns differ.
pub(super) fn both(
    rules: &Rules,
    old: &Half<'_>,
    new: &Half<'_>,
    account: &mut Account,
    mut visitor: Visitor<'_>,
) -> Result<Option<u64>> {
    if new.reading.format != Format::Parquet || new.reading.opaque || old.reading != new.reading || old.records.is_none() {
        return Ok(None);
    }
    let (Ok(before), Ok(after)) = (Table::open(old.ranges()?), Table::open(new.ranges()?)) else { return Ok(None) };
    // A damaged file was counted as one record: of any other number it is known that its rows can be read.
    if old.records != Some(before.count()) || before.count() <= 1 {
        return Ok(None);
    }
    let Some([left, right]) = shared_groups(&before, &after) else { return Ok(None) };
    let sides = [(Side::Old, old, &before, &left), (Side::New, new, &after, &right)];
    // Rows that have been shown cannot be taken back.
    if visitor.is_some() && sides.iter().any(|(_, _, table, shared)| table.check(&|group| !shared[group]).is_err()) {
        return Ok(None);
    }
    let mut accounts = Vec::new();
    for (side, half, table, shared) in sides {
        let shown = lend(&mut visitor);
        let mut gather = Gather::new(rules, half.path, &half.reading, account.keeps(), shown);
        let read = table.rows(&|group| !shared[group], &mut |row| gather.take_columnar(side, &row));
        gather.count_paths();
        accounts.push(gather.finish().0);
        if read.is_err() {
            return Ok(None);
        }
    }
    accounts.into_iter().for_each(|own| account.absorb(own));
    Ok(Some(after.count()))
}

/// A file whose rows are read from anywhere in it.
enum Source {
    Parquet(Box<Table>),
    Arrow(Arrow),
}

impl Source {
    fn open(half: &Half<'_>) -> Result<std::result::Result<Source, FileIssue>> {
        let ranges = half.ranges()?;
        Ok(match half.reading.format {
            Format::Arrow => Arrow::open(ranges).map(Source::Arrow),
            _ => Table::open(ranges).map(|table| Source::Parquet(Box::new(table))).map_err(FileIssue::from),
        })
    }

    /// Decodes every row.
    fn check(&self) -> std::result::Result<(), FileIssue> {
        match self {
            Source::Parquet(table) => Ok(table.check(&|_| true)?),
            Source::Arrow(arrow) => arrow.rows(&mut |_| ()).map(drop),
        }
    }

    /// Hands over every row; returns how many there are.
    fn rows(&self, take: &mut dyn FnMut(Row<'_>)) -> std::result::Result<u64, FileIssue> {
        match self {
            Source::Parquet(table) => Ok(table.rows(&|_| true, take).map(|()| table.count())?),
            Source::Arrow(arrow) => arrow.rows(take),
        }
    }
}

/// One side of a file; returns how many rows it has.
pub(super) fn alone(rules: &Rules, side: Side, half: &Half<'_>, account: &mut Account, mut visitor: Visitor<'_>) -> Result<u64> {
    let source = match Source::open(half)? {
        Ok(source) => source,
        Err(issue) => return one_record(rules, side, half, Some(issue), account, visitor),
    };
    // Rows that have been shown cannot be taken back.
    if visitor.is_some()
        && let Err(issue) = source.check()
    {
        return one_record(rules, side, half, Some(issue), account, visitor);
    }
    let shown = lend(&mut visitor);
    let mut gather = Gather::new(rules, half.path, &half.reading, account.keeps(), shown);
    let read = source.rows(&mut |row| gather.take_columnar(side, &row));
    gather.count_paths();
    let (own, _) = gather.finish();
    match read {
        Ok(count) => {
            account.absorb(own);
            Ok(count)
        }
        Err(issue) => one_record(rules, side, half, Some(issue), account, visitor),
    }
}
