//! A file that comes chunk by chunk, compared with the one that it replaces.

use std::ops::Deref;
use std::sync::Arc;

use memchr::memrchr;

use super::ReaderConfig;
use super::align::Aligner;
use super::collect::Visitor;
use super::csv_table::CsvTable;
use super::file_diff::FileDiff;
use super::file_side::FileSide;
use super::pair::{PairResult, StreamPair, may_break};
use super::record_diff::{DiffDetail, RecordDiff};
use super::whole_file::issue_of;
use crate::error::Result;
use crate::object::recipe::RecipeItem;
use crate::sample::{ReaderSpec, RecordFormat, Side};
use crate::store::content::{self, Chunks};
use crate::store::read::Store;

/// A new file as its chunks come, and the one that it replaces.
pub struct FileStream<'r, 'v> {
    store: &'r Arc<Store>,
    config: &'r ReaderConfig,
    path: &'r str,
    spec: ReaderSpec,
    detail: DiffDetail,
    old: Option<FileSide<'r>>,
    /// The visitor, until the first record can come.
    visitor: Visitor<'v>,
    state: StreamState<'r, 'v>,
    /// Shared chunks that were left out since the last that was told.
    skipped: Vec<RecipeItem>,
}

enum StreamState<'r, 'v> {
    /// Nothing has come yet.
    Start,
    /// The chunks are not parsed: the file is read at its end.
    Aside,
    /// Only the new side is told.
    Alone(Box<StreamPair<'r, 'v>>),
    /// Both are.
    Aligned(Box<StreamPair<'r, 'v>>, Box<Aligner<'r>>),
}

/// The result of a stream.
#[derive(Debug)]
pub struct StreamResult {
    /// Records of the new file; not all of them where chunks were left out.
    pub count: u64,
    /// The differences.
    pub diff: RecordDiff,
}

impl<'r, 'v> FileStream<'r, 'v> {
    /// Begins a file that is read so; `old` lies in the store, and is left out where records are not compared.
    pub fn new(
        store: &'r Arc<Store>,
        config: &'r ReaderConfig,
        path: &'r str,
        spec: ReaderSpec,
        old: Option<FileSide<'r>>,
        detail: DiffDetail,
    ) -> Self {
        FileStream { store, config, path, spec, detail, old, visitor: None, state: StreamState::Start, skipped: Vec::new() }
    }

    /// Tells the records that may differ to this one too.
    pub fn with_visitor(mut self, visitor: Visitor<'v>) -> Self {
        self.visitor = visitor;
        self
    }

    /// The next chunk. Without its bytes it lies in the store, and is read if it has to be.
    pub fn chunk(&mut self, item: &RecipeItem, bytes: Option<&[u8]>) -> Result<()> {
        if matches!(self.state, StreamState::Start) {
            self.state = self.begin(item, bytes)?;
        }
        match &mut self.state {
            StreamState::Start | StreamState::Aside => Ok(()),
            StreamState::Alone(pair) => {
                pair.feed(Side::New, &self.store.bytes_of(item, bytes)?);
                Ok(())
            }
            StreamState::Aligned(pair, aligner) => {
                let mut gap = Vec::new();
                // What is packed differs from its first difference on.
                let packed = !self.spec.is_plain();
                if !packed && aligner.find(&item.id, &mut gap)? {
                    if !gap.is_empty() {
                        catch_up(self.store, pair, &mut self.skipped)?;
                        feed_old(self.store, pair, &gap)?;
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
                feed_old(self.store, pair, &gap)
            }
        }
    }

    /// Decides how to go on, by the first bytes of both sides.
    fn begin(&mut self, item: &RecipeItem, bytes: Option<&[u8]>) -> Result<StreamState<'r, 'v>> {
        if self.spec.opaque
            || matches!(
                self.spec.format,
                RecordFormat::Whole | RecordFormat::Archive | RecordFormat::Parquet | RecordFormat::Arrow | RecordFormat::None
            )
        {
            return Ok(StreamState::Aside);
        }
        if let Some(old) = self.old.as_ref().filter(|old| old.spec.reads_as(&self.spec) && old.size > 0)
            && (!may_break(&self.spec) || issue_of(self.config, old)?.is_none())
        {
            let content = old.id()?;
            let tables = match self.spec.is_table() {
                true if !self.spec.is_plain() => None,
                true => {
                    let first = Chunks::of(self.store, content, old.size)?.next().transpose()?;
                    let before = first.map(|item| content::chunk(self.store, &item)).transpose()?;
                    let before = before.and_then(|bytes| CsvTable::primed(&self.spec, &bytes));
                    let after = CsvTable::primed(&self.spec, &self.store.bytes_of(item, bytes)?);
                    before.zip(after).filter(|(before, after)| before.agrees(after)).map(|(a, b)| Some([a, b]))
                }
                false => Some(None),
            };
            if let Some(tables) = tables
                && let Some(pair) =
                    StreamPair::together(self.config, self.path, &self.spec, tables, self.detail, self.visitor.take())?
            {
                let aligner = Aligner::new(self.store, content, old.size)?;
                return Ok(StreamState::Aligned(Box::new(pair), Box::new(aligner)));
            }
        }
        let pair = StreamPair::alone(self.config, self.path, Side::New, &self.spec, self.detail, self.visitor.take())?;
        Ok(pair.map_or(StreamState::Aside, |pair| StreamState::Alone(Box::new(pair))))
    }

    /// The new file ends here; `new` is where it can be read again.
    pub fn finish(mut self, new: &FileSide<'_>) -> Result<StreamResult> {
        let mut diff = RecordDiff::new(self.config, self.detail);
        let mut old = self.old.take();
        let mut file = FileDiff { config: self.config, diff: &mut diff, visitor: self.visitor.take() };
        let told = match std::mem::replace(&mut self.state, StreamState::Aside) {
            StreamState::Start | StreamState::Aside => None,
            StreamState::Alone(pair) => Some(pair.finish()),
            StreamState::Aligned(mut pair, mut aligner) => {
                while let Some(item) = aligner.next()? {
                    catch_up(self.store, &mut pair, &mut self.skipped)?;
                    feed_old(self.store, &mut pair, &[item])?;
                }
                let told = pair.finish();
                if told.issues[Side::New as usize].is_none() {
                    old = None;
                }
                Some(told)
            }
        };
        let count = match told {
            Some(PairResult { issues: [_, Some(issue)], .. }) => file.whole_file(Side::New, new, Some(issue))?,
            Some(told) => {
                file.diff.absorb(told.diff);
                file.visitor = told.visitor;
                told.count
            }
            None => {
                let both = old.as_ref().map_or(Ok(None), |old| file.rows_of_both_sides(old, new))?;
                match both {
                    Some(count) => {
                        old = None;
                        count
                    }
                    None => file.one_side(Side::New, new)?,
                }
            }
        };
        if let Some(old) = old {
            file.one_side(Side::Old, &old)?;
        }
        Ok(StreamResult { count, diff })
    }
}

impl Store {
    /// Returns the bytes of a chunk: those at hand, or read.
    fn bytes_of<'b>(&self, item: &RecipeItem, bytes: Option<&'b [u8]>) -> Result<ChunkBytes<'b>> {
        Ok(match bytes {
            Some(bytes) => ChunkBytes::Hand(bytes),
            None => ChunkBytes::Store(content::chunk(self, item)?),
        })
    }
}

/// Bytes at hand, or from the store.
enum ChunkBytes<'b> {
    Hand(&'b [u8]),
    Store(crate::store::Object),
}

impl Deref for ChunkBytes<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            ChunkBytes::Hand(bytes) => bytes,
            ChunkBytes::Store(object) => object,
        }
    }
}

fn feed_old(store: &Store, pair: &mut StreamPair<'_, '_>, gap: &[RecipeItem]) -> Result<()> {
    for item in gap {
        pair.feed(Side::Old, &content::chunk(store, item)?);
    }
    Ok(())
}

/// Brings a pair to the end of the chunks that were left out: of these it needs only the line that has begun.
fn catch_up(store: &Store, pair: &mut StreamPair<'_, '_>, skipped: &mut Vec<RecipeItem>) -> Result<()> {
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
