//! A file that comes chunk by chunk, compared with the one that it replaces.

use std::ops::Deref;
use std::sync::Arc;

use memchr::memrchr;

use super::account::{Account, Keeps};
use super::align::Aligner;
use super::compare::{alone, issue_of, one_record};
use super::gather::{Visitor, lend};
use super::half::Half;
use super::pair::{Pair, Told, may_break};
use super::table::Table;
use super::{Rules, rows};
use crate::error::Result;
use crate::object::recipe::Item;
use crate::sample::{Format, Reading, Side};
use crate::store::content::{self, Chunks};
use crate::store::read::Store;

/// A new file as its chunks come, and the one that it replaces.
pub struct Stream<'r, 'v> {
    store: &'r Arc<Store>,
    rules: &'r Rules,
    path: &'r str,
    reading: Reading,
    keeps: Keeps,
    old: Option<Half<'r>>,
    /// Who is told the records, until the first of them can come.
    visitor: Visitor<'v>,
    state: State<'r, 'v>,
    /// Shared chunks that were left out since the last that was told.
    skipped: Vec<Item>,
}

enum State<'r, 'v> {
    /// Nothing has come yet.
    Start,
    /// What comes says nothing: the file is read at its end.
    Aside,
    /// Only the new side is told.
    Alone(Box<Pair<'r, 'v>>),
    /// Both are.
    Aligned(Box<Pair<'r, 'v>>, Box<Aligner<'r>>),
}

/// What a stream came to.
#[derive(Debug)]
pub struct End {
    /// Records of the new file; not all of them where chunks were left out.
    pub count: u64,
    /// What differs.
    pub account: Account,
}

impl<'r, 'v> Stream<'r, 'v> {
    /// Begins a file that is read so; `old` lies in the store, and is left out where records are not compared.
    pub fn new(
        store: &'r Arc<Store>,
        rules: &'r Rules,
        path: &'r str,
        reading: Reading,
        old: Option<Half<'r>>,
        keeps: Keeps,
    ) -> Self {
        Stream { store, rules, path, reading, keeps, old, visitor: None, state: State::Start, skipped: Vec::new() }
    }

    /// Tells the records that may differ to this one too.
    pub fn told_to(mut self, visitor: Visitor<'v>) -> Self {
        self.visitor = visitor;
        self
    }

    /// The next chunk. Without its bytes it lies in the store, and is read if it has to be.
    pub fn chunk(&mut self, item: &Item, bytes: Option<&[u8]>) -> Result<()> {
        if matches!(self.state, State::Start) {
            self.state = self.begin(item, bytes)?;
        }
        match &mut self.state {
            State::Start | State::Aside => Ok(()),
            State::Alone(pair) => {
                pair.feed(Side::New, &self.store.bytes_of(item, bytes)?);
                Ok(())
            }
            State::Aligned(pair, aligner) => {
                let mut gap = Vec::new();
                // What is packed differs from its first difference on.
                let packed = !self.reading.is_plain();
                if !packed && aligner.find(&item.id, &mut gap)? {
                    if !gap.is_empty() {
                        catch_up(self.store, pair, &mut self.skipped)?;
                        tell_old(self.store, pair, &gap)?;
                    }
                    if bytes.is_none() && pair.may_skip() {
                        self.skipped.push(*item);
                    } else {
                        catch_up(self.store, pair, &mut self.skipped)?;
                        pair.same(&self.store.bytes_of(item, bytes)?);
                    }
                    return Ok(());
                }
                catch_up(self.store, pair, &mut self.skipped)?;
                pair.feed(Side::New, &self.store.bytes_of(item, bytes)?);
                aligner.pass(item.len, &mut gap)?;
                tell_old(self.store, pair, &gap)
            }
        }
    }

    /// Decides how to go on, by the first bytes of both sides.
    fn begin(&mut self, item: &Item, bytes: Option<&[u8]>) -> Result<State<'r, 'v>> {
        if self.reading.opaque
            || matches!(self.reading.format, Format::Whole | Format::Archive | Format::Parquet | Format::Arrow | Format::None)
        {
            return Ok(State::Aside);
        }
        if let Some(old) = self.old.as_ref().filter(|old| old.reading.reads_as(&self.reading) && old.size > 0)
            && (!may_break(&self.reading) || issue_of(self.rules, old)?.is_none())
        {
            let content = old.id()?;
            let tables = match self.reading.is_table() {
                true if !self.reading.is_plain() => None,
                true => {
                    let first = Chunks::of(self.store, content, old.size)?.next().transpose()?;
                    let before = first.map(|item| content::chunk(self.store, &item)).transpose()?;
                    let before = before.and_then(|bytes| Table::primed(&self.reading, &bytes));
                    let after = Table::primed(&self.reading, &self.store.bytes_of(item, bytes)?);
                    before.zip(after).filter(|(before, after)| before.agrees(after)).map(|(a, b)| Some([a, b]))
                }
                false => Some(None),
            };
            if let Some(tables) = tables
                && let Some(pair) = Pair::together(self.rules, self.path, &self.reading, tables, self.keeps, self.visitor.take())?
            {
                let aligner = Aligner::new(self.store, content, old.size)?;
                return Ok(State::Aligned(Box::new(pair), Box::new(aligner)));
            }
        }
        let pair = Pair::alone(self.rules, self.path, Side::New, &self.reading, self.keeps, self.visitor.take())?;
        Ok(pair.map_or(State::Aside, |pair| State::Alone(Box::new(pair))))
    }

    /// The new file ends here; `new` is where it can be read again.
    pub fn finish(mut self, new: &Half<'_>) -> Result<End> {
        let mut account = Account::new(self.rules, self.keeps);
        let mut old = self.old.take();
        let mut visitor = self.visitor.take();
        let told = match std::mem::replace(&mut self.state, State::Aside) {
            State::Start | State::Aside => None,
            State::Alone(pair) => Some(pair.finish()),
            State::Aligned(mut pair, mut aligner) => {
                while let Some(item) = aligner.next()? {
                    catch_up(self.store, &mut pair, &mut self.skipped)?;
                    tell_old(self.store, &mut pair, &[item])?;
                }
                let told = pair.finish();
                if told.issues[Side::New as usize].is_none() {
                    old = None;
                }
                Some(told)
            }
        };
        let count = match told {
            Some(Told { issues: [_, Some(issue)], .. }) => {
                one_record(self.rules, Side::New, new, Some(issue), &mut account, lend(&mut visitor))?
            }
            Some(told) => {
                account.absorb(told.account);
                visitor = told.visitor;
                told.count
            }
            None => {
                let both = match &old {
                    Some(old) => rows::both(self.rules, old, new, &mut account, lend(&mut visitor))?,
                    None => None,
                };
                match both {
                    Some(count) => {
                        old = None;
                        count
                    }
                    None => alone(self.rules, Side::New, new, &mut account, lend(&mut visitor))?,
                }
            }
        };
        if let Some(old) = old {
            alone(self.rules, Side::Old, &old, &mut account, visitor)?;
        }
        Ok(End { count, account })
    }
}

impl Store {
    /// The bytes of a chunk: those at hand, or read.
    fn bytes_of<'b>(&self, item: &Item, bytes: Option<&'b [u8]>) -> Result<Lent<'b>> {
        Ok(match bytes {
            Some(bytes) => Lent::Hand(bytes),
            None => Lent::Store(content::chunk(self, item)?),
        })
    }
}

/// Bytes at hand, or from the store.
enum Lent<'b> {
    Hand(&'b [u8]),
    Store(crate::store::Object),
}

impl Deref for Lent<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Lent::Hand(bytes) => bytes,
            Lent::Store(object) => object,
        }
    }
}

fn tell_old(store: &Store, pair: &mut Pair<'_, '_>, gap: &[Item]) -> Result<()> {
    for item in gap {
        pair.feed(Side::Old, &content::chunk(store, item)?);
    }
    Ok(())
}

/// Brings a pair to the end of the chunks that were left out: of these it needs only the line that has begun.
fn catch_up(store: &Store, pair: &mut Pair<'_, '_>, skipped: &mut Vec<Item>) -> Result<()> {
    if skipped.is_empty() {
        return Ok(());
    }
    let mut rest = 0;
    for (at, item) in skipped.iter().enumerate().rev() {
        let bytes = content::chunk(store, item)?;
        if let Some(newline) = memrchr(b'\n', &bytes) {
            rest = at + 1;
            pair.restart(&bytes[newline + 1..], skipped[..rest].iter().map(|item| item.len).sum());
            break;
        }
    }
    for item in skipped.drain(..).skip(rest) {
        pair.same(&content::chunk(store, &item)?);
    }
    Ok(())
}
