//! Parquet and Arrow files: their rows on one side, and of Parquet on both.

use super::Rules;
use super::account::Account;
use super::compare::one_record;
use super::gather::{Gather, Visitor, lend};
use super::half::Half;
use crate::error::{Error, Result};
use crate::sample::{Arrow, FileIssue, Format, Pairing, Row, Side, Table, pair_groups};

/// Both sides of a file, without the rows that are equal at the same place of two row groups: what those share byte for
/// byte need not be decoded. Returns how many rows the new side has; `None` where each side has to be read for itself, since
/// one may be damaged, or their columns differ.
pub(super) fn both(
    rules: &Rules,
    old: &Half<'_>,
    new: &Half<'_>,
    account: &mut Account,
    visitor: Visitor<'_>,
) -> Result<Option<u64>> {
    if new.reading.format != Format::Parquet || new.reading.opaque || old.reading != new.reading || old.records.is_none() {
        return Ok(None);
    }
    let open = |half: &Half<'_>| Ok(Table::open(half.ranges()?).map(|table| table.with_limit(rules.max_record())));
    let (Ok(before), Ok(after)) = (open(old)?, open(new)?) else { return Ok(None) };
    // A damaged file was counted as one record: of any other number it is known that its rows can be read.
    let is_readable = |half: &Half<'_>, table: &Table| half.records == Some(table.count()) && table.count() > 1;
    if !is_readable(old, &before) {
        return Ok(None);
    }
    let Some(Pairing { pairs, single }) = pair_groups(&before, &after) else { return Ok(None) };
    // Rows that have been shown cannot be taken back.
    let is_shown = visitor.is_some();
    let is_paired = |group| pairs.iter().any(|pair| pair.groups[1] == group);
    if is_shown && !is_readable(new, &after) && after.check(&|group| single[1][group] || is_paired(group)).is_err() {
        return Ok(None);
    }
    let mut gather = Gather::new(rules, new.path, &new.reading, account.keeps(), visitor);
    let mut read =
        pairs.iter().try_for_each(|pair| pair.rows([&before, &after], &mut |side, row| gather.take_columnar(side, &row)));
    for (side, table, single) in [(Side::Old, &before, &single[0]), (Side::New, &after, &single[1])] {
        read = read.and_then(|()| table.rows(&|group| single[group], &mut |row| gather.take_columnar(side, &row)));
    }
    gather.count_paths();
    match read {
        Ok(()) => {
            account.absorb(gather.finish().0);
            Ok(Some(after.count()))
        }
        Err(why) if is_shown => Err(Error::damaged(why.to_string()).within(new.path)),
        Err(_) => Ok(None),
    }
}

/// A file whose rows are read from anywhere in it.
enum Source {
    Parquet(Box<Table>),
    Arrow(Arrow),
}

impl Source {
    fn open(rules: &Rules, half: &Half<'_>) -> Result<std::result::Result<Source, FileIssue>> {
        let (ranges, limit) = (half.ranges()?, rules.max_record());
        Ok(match half.reading.format {
            Format::Arrow => Arrow::open(ranges).map(|arrow| Source::Arrow(arrow.with_limit(limit))),
            _ => {
                let table = Table::open(ranges).map(|table| table.with_limit(limit));
                table.map(|table| Source::Parquet(Box::new(table))).map_err(FileIssue::from)
            }
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
    let source = match Source::open(rules, half)? {
        Ok(source) => source,
        Err(issue) => return broken(rules, side, half, issue, account, visitor),
    };
    // Rows that have been shown cannot be taken back.
    if visitor.is_some()
        && let Err(issue) = source.check()
    {
        return broken(rules, side, half, issue, account, visitor);
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
        Err(issue) => broken(rules, side, half, issue, account, visitor),
    }
}

/// A file whose rows cannot be read, which is one record; an error where it is the store that is damaged.
fn broken(
    rules: &Rules,
    side: Side,
    half: &Half<'_>,
    issue: FileIssue,
    account: &mut Account,
    visitor: Visitor<'_>,
) -> Result<u64> {
    half.pieces()?.try_for_each(|piece| piece.map(drop))?;
    one_record(rules, side, half, Some(issue), account, visitor)
}
