//! Parquet files: their rows on one side, and on both.

use super::Rules;
use super::account::Account;
use super::compare::one_record;
use super::gather::{Gather, Visitor, lend};
use super::half::Half;
use crate::error::Result;
use crate::sample::{Format, Side, Table, shared_groups};

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
        let read = table.rows(&|group| !shared[group], &mut |row| gather.take_parquet(side, &row));
        gather.count_paths();
        accounts.push(gather.finish().0);
        if read.is_err() {
            return Ok(None);
        }
    }
    accounts.into_iter().for_each(|own| account.absorb(own));
    Ok(Some(after.count()))
}

/// One side of a file; returns how many rows it has.
pub(super) fn alone(rules: &Rules, side: Side, half: &Half<'_>, account: &mut Account, mut visitor: Visitor<'_>) -> Result<u64> {
    let table = match Table::open(half.ranges()?) {
        Ok(table) => table,
        Err(why) => return one_record(rules, side, half, Some(why.into()), account, visitor),
    };
    // Rows that have been shown cannot be taken back.
    if visitor.is_some()
        && let Err(why) = table.check(&|_| true)
    {
        return one_record(rules, side, half, Some(why.into()), account, visitor);
    }
    let shown = lend(&mut visitor);
    let mut gather = Gather::new(rules, half.path, &half.reading, account.keeps(), shown);
    let read = table.rows(&|_| true, &mut |row| gather.take_parquet(side, &row));
    gather.count_paths();
    let (own, _) = gather.finish();
    match read {
        Ok(()) => {
            account.absorb(own);
            Ok(table.count())
        }
        Err(why) => one_record(rules, side, half, Some(why.into()), account, visitor),
    }
}
