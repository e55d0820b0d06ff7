//! The comparison of a file of which both sides can be read.

use std::sync::Arc;

use super::ReaderConfig;
use super::RecordRef;
use super::collect::{Visitor, reborrow};
use super::csv_table::CsvTable;
use super::file_diff::FileDiff;
use super::file_side::{FileSide, FileSource};
use super::pair::{PairResult, StreamPair, may_break};
use super::record_diff::{DiffDetail, RecordDiff};
use super::stream::{FileStream, StreamResult};
use super::whole_file::issue_of;
use crate::chunk::cut;
use crate::error::{Error, ErrorKind, Result};
use crate::object::recipe::RecipeItem;
use crate::sample::Side;
use crate::store::content::Chunks;
use crate::store::read::Store;

/// Files up to this size are compared byte by byte, larger ones chunk by chunk.
const SMALL: u64 = 1 << 20;
/// Bytes of an open file that are cut at once.
const READ: usize = 2 << 20;
/// Bytes of a file in which its header stands.
const HEAD: usize = 64 << 10;

/// Adds the differences of the sides of a file to a diff, and shows the records that may differ to a visitor. Returns the
/// number of records of the new side; if that must be `exact`, all of it is read. An old side is in the store.
pub fn compare(
    config: &ReaderConfig,
    old: Option<&FileSide<'_>>,
    new: Option<&FileSide<'_>>,
    exact: bool,
    diff: &mut RecordDiff,
    visitor: Visitor<'_>,
) -> Result<u64> {
    FileDiff { config, diff, visitor }.both_sides(old, new, exact)
}

impl FileDiff<'_, '_> {
    fn both_sides(&mut self, old: Option<&FileSide<'_>>, new: Option<&FileSide<'_>>, exact: bool) -> Result<u64> {
        if self.diff.detail() == DiffDetail::Schema {
            return new.map_or(Ok(0), |new| self.one_side(Side::New, new));
        }
        if let (Some(old), Some(new)) = (old, new) {
            if let Some(count) = self.rows_of_both_sides(old, new)? {
                return Ok(count);
            }
            // Records that have been shown cannot be taken back.
            if let Some(store) = in_chunks(old, new).filter(|_| self.visitor.is_none() || !may_break(&new.spec)) {
                let StreamResult { count, diff } = self.chunkwise(store, old, new, exact)?;
                self.diff.absorb(diff);
                return Ok(count);
            }
            if let Some(PairResult { count, diff, .. }) = self.in_step(old, new)? {
                self.diff.absorb(diff);
                return Ok(count);
            }
        }
        if let Some(old) = old {
            self.one_side(Side::Old, old)?;
        }
        new.map_or(Ok(0), |new| self.one_side(Side::New, new))
    }

    /// Compares both sides chunk by chunk, so that what they share need not be read.
    fn chunkwise(&mut self, store: &Arc<Store>, old: &FileSide<'_>, new: &FileSide<'_>, exact: bool) -> Result<StreamResult> {
        let mut stream = FileStream::new(store, self.config, new.path, new.spec.clone(), Some(old.clone()), self.diff.detail())
            .with_visitor(reborrow(&mut self.visitor));
        match &new.bytes {
            FileSource::Stored(store) if !exact => {
                for item in Chunks::of(store, new.id()?, new.size)? {
                    stream.chunk(&item?, None)?;
                }
            }
            FileSource::Stored(store) => {
                for item in Chunks::of(store, new.id()?, new.size)? {
                    let item = item?;
                    stream.chunk(&item, Some(&crate::store::content::chunk(store, &item)?))?;
                }
            }
            _ => {
                let mut rest: Vec<u8> = Vec::new();
                let mut tell = |rest: &mut Vec<u8>, ended: bool| -> Result<()> {
                    let mut at = 0;
                    while at < rest.len() && (ended || rest.len() - at >= cut::MAX) {
                        let bytes = &rest[at..at + cut::first(&rest[at..])];
                        let item = RecipeItem { id: *blake3::hash(bytes).as_bytes(), len: bytes.len() as u64 };
                        stream.chunk(&item, Some(bytes))?;
                        at += bytes.len();
                    }
                    rest.drain(..at);
                    Ok(())
                };
                for piece in new.pieces()? {
                    rest.extend_from_slice(&piece?);
                    if rest.len() >= READ {
                        tell(&mut rest, false)?;
                    }
                }
                tell(&mut rest, true)?;
            }
        }
        stream.finish(new)
    }

    /// Compares both sides in step; `None` where they are not read alike, or one of them is one record.
    fn in_step<'s>(&'s mut self, old: &FileSide<'s>, new: &FileSide<'s>) -> Result<Option<PairResult<'s>>> {
        let config = self.config;
        let spec = &new.spec;
        if !old.spec.reads_as(spec) || may_break(spec) && (issue_of(config, old)?.is_some() || issue_of(config, new)?.is_some()) {
            return Ok(None);
        }
        let mut tables = None;
        if spec.is_table() {
            let (before, after) = (head(old)?, head(new)?);
            match before.zip(after).filter(|(before, after)| before.agrees(after)) {
                Some((before, after)) => tables = Some([before, after]),
                None => return Ok(None),
            }
        }
        let Some(mut pair) =
            StreamPair::together(config, new.path, spec, tables, self.diff.detail(), reborrow(&mut self.visitor))?
        else {
            return Ok(None);
        };
        let (mut before, mut after) = (old.pieces()?, new.pieces()?);
        let mut ahead = 0i64;
        loop {
            let side = if ahead > 0 { Side::Old } else { Side::New };
            let sides = if side == Side::Old {
                [(Side::Old, &mut before), (Side::New, &mut after)]
            } else {
                [(Side::New, &mut after), (Side::Old, &mut before)]
            };
            let mut told = false;
            for (side, pieces) in sides {
                if let Some(piece) = pieces.next().transpose()? {
                    pair.feed(side, &piece);
                    ahead += if side == Side::New { piece.len() as i64 } else { -(piece.len() as i64) };
                    told = true;
                    break;
                }
            }
            if !told {
                return Ok(Some(pair.finish()));
            }
        }
    }
}

/// Compares as [`compare()`] does; where a side is damaged, each side that can be read counts by itself, and the other by
/// its number of records. Returns the error of each side that cannot be read.
pub fn compare_readable(
    config: &ReaderConfig,
    old: Option<&FileSide<'_>>,
    new: Option<&FileSide<'_>>,
    diff: &mut RecordDiff,
) -> Result<[Option<Error>; 2]> {
    let mut attempt = |old, new| {
        let mut own = RecordDiff::new(config, diff.detail());
        match compare(config, old, new, false, &mut own, None) {
            Ok(_) => diff.absorb(own),
            Err(e) if e.kind() == ErrorKind::Damaged => return Ok(Some(e)),
            Err(e) => return Err(e),
        }
        Ok(None)
    };
    if attempt(old, new)?.is_none() {
        return Ok([None, None]);
    }
    let errors = [attempt(old, None)?, attempt(None, new)?];
    for ((side, file), error) in [(Side::Old, old), (Side::New, new)].into_iter().zip(&errors) {
        if let (Some(file), Some(_)) = (file, error) {
            diff.add_unread(side, file.records.unwrap_or(0));
        }
    }
    Ok(errors)
}

/// Shows every record of either side that may differ, those that are equal left out or not. Unless the `lines` of the
/// records are needed, what both sides share need not be read.
pub fn visit(
    config: &ReaderConfig,
    old: Option<&FileSide<'_>>,
    new: Option<&FileSide<'_>>,
    lines: bool,
    each: &mut dyn FnMut(RecordRef<'_>),
) -> Result<()> {
    compare(config, old, new, lines, &mut RecordDiff::new(config, DiffDetail::Nothing), Some(each)).map(drop)
}

/// Shows the records in the first `limit` bytes of a file as those of a new side. What is not read from front to back
/// (Parquet, Arrow) is shown only where all of it is within the limit.
pub fn visit_head(config: &ReaderConfig, file: &FileSide<'_>, limit: u64, each: &mut dyn FnMut(RecordRef<'_>)) -> Result<()> {
    if file.size <= limit {
        return visit(config, None, Some(file), false, each);
    }
    let Some(mut pair) = StreamPair::alone(config, file.path, Side::New, &file.spec, DiffDetail::Nothing, Some(each))? else {
        return Ok(());
    };
    let mut read = 0;
    for piece in file.pieces()? {
        let piece = piece?;
        let piece = &piece[..piece.len().min((limit - read) as usize)];
        pair.feed(Side::New, piece);
        read += piece.len() as u64;
        if read == limit {
            break;
        }
    }
    Ok(())
}

/// Returns the store of the old side, if both sides are large and can be gone along chunk by chunk.
fn in_chunks<'a>(old: &FileSide<'a>, new: &FileSide<'_>) -> Option<&'a Arc<Store>> {
    match (&old.bytes, &new.bytes) {
        (FileSource::Stored(_), FileSource::Held(_)) => None,
        (FileSource::Stored(store), _) if old.size.max(new.size) > SMALL => Some(store),
        _ => None,
    }
}

/// Returns the columns of a file, from its first bytes.
fn head(file: &FileSide<'_>) -> Result<Option<CsvTable>> {
    let mut head = Vec::new();
    let _ = file.unpacked(&mut |bytes| {
        head.extend_from_slice(bytes);
        head.len() < HEAD
    })?;
    Ok(CsvTable::primed(&file.spec, &head))
}
