//! Reads single chunks from the packs of a remote: the blocks that contain them, near ones together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::chunk::compress::{Codec, decompress};
use crate::codec::Malformed;
use crate::error::{Error, Result};
use crate::limits;
use crate::object::ObjectKind;
use crate::pack::block;
use crate::pack::index::IndexRow;
use crate::progress::Progress;
use crate::remote::files::DAMAGED;
use crate::remote::record::{PackKind, RemotePack};
use crate::remote::{Remote, workers};
use crate::store::{Store, Writer};

/// Bytes between two blocks that are read along with them, rather than with a request of their own.
const GAP: u32 = 128 << 10;
/// Bytes of a request.
const REQUEST: u32 = 4 << 20;
/// Bytes of blocks that are in memory at once.
const WINDOW: usize = 48 << 20;

/// Neighbouring blocks of a pack, with the rows of their chunks that are needed.
struct BlockSpan {
    start: u32,
    end: u32,
    rows: Vec<IndexRow>,
}

/// Reads chunks and stores them anew.
pub(super) struct BlockReader<'a> {
    pub store: &'a Arc<Store>,
    pub remote: &'a dyn Remote,
    /// zstd's level.
    pub level: i32,
    /// Brings the bases of deltas to the store.
    pub bring: &'a dyn Fn(Vec<[u8; 32]>) -> Result<()>,
    pub progress: &'a dyn Progress,
}

impl BlockReader<'_> {
    /// Reads the chunks of some rows, in the order of packs and offsets. Durable when it returns.
    pub fn read(&self, rows: Vec<IndexRow>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let spans = spans(rows);
        self.progress.expect(0, spans.iter().map(|span| u64::from(span.end - span.start)).sum());
        let mut writer = Writer::new(self.store, self.level)?;
        let (mut window, mut bytes) = (Vec::new(), 0);
        for span in spans {
            bytes += (span.end - span.start) as usize;
            window.push(span);
            if bytes >= WINDOW {
                self.window(std::mem::take(&mut window), &mut writer)?;
                bytes = 0;
            }
        }
        self.window(window, &mut writer)?;
        writer.finish().map(drop)
    }

    fn window(&self, spans: Vec<BlockSpan>, writer: &mut Writer<'_>) -> Result<()> {
        let read: Mutex<Vec<(BlockSpan, Vec<u8>)>> = Mutex::default();
        workers::each(spans.into_iter(), self.progress, |span| {
            let Some(row) = span.rows.first() else { return Ok(()) };
            let pack = RemotePack { contents: PackKind::Data, id: row.pack, len: 0 };
            let bytes = self.remote.read_range(&pack.name(), u64::from(span.start)..u64::from(span.end))?;
            self.progress.advance(0, bytes.len() as u64);
            read.lock().unwrap_or_else(PoisonError::into_inner).push((span, bytes));
            Ok(())
        })?;
        let read = read.into_inner().unwrap_or_else(PoisonError::into_inner);
        let blocks: Vec<(&[IndexRow], &[u8])> = read.iter().flat_map(|(span, bytes)| span.blocks(bytes)).collect();
        let mut bases = Vec::new();
        for (rows, block) in blocks.iter().filter(|(rows, _)| rows.iter().any(|row| row.depth > 0)) {
            let (head, _) = block::decode(block).map_err(|e| damaged(rows, e))?;
            for (run, range) in head.run_ranges() {
                if rows.iter().any(|row| range.raw.contains(&(row.raw_at as usize))) {
                    bases.extend(run.bases.iter().map(|base| base.id));
                }
            }
        }
        (self.bring)(bases)?;
        blocks.iter().try_for_each(|(rows, block)| self.block(rows, block, writer))
    }

    /// Stores the chunks of a block.
    fn block(&self, rows: &[IndexRow], stored: &[u8], writer: &mut Writer<'_>) -> Result<()> {
        self.progress.check()?;
        let (head, payload) = block::decode(stored).map_err(|e| damaged(rows, e))?;
        let payload = &stored[payload..];
        let whole = match head.codec {
            Codec::Delta => Vec::new(),
            codec => decompress(codec, payload, b"", head.raw_len()).map_err(|_| damaged(rows, UNREADABLE))?,
        };
        let mut runs: HashMap<usize, Vec<u8>> = HashMap::new();
        for row in rows {
            let at = row.raw_at as usize;
            let (start, raw) = match head.run_ranges().find(|(_, range)| range.raw.contains(&at)) {
                None => (0, &whole),
                Some((run, range)) => {
                    if let std::collections::hash_map::Entry::Vacant(place) = runs.entry(range.raw.start) {
                        let mut base = Vec::new();
                        for key in &run.bases {
                            let object = self.store.get(key)?;
                            if base.len() + object.len() > limits::BASE {
                                return Err(damaged(rows, Malformed("its base is too long")));
                            }
                            base.extend_from_slice(&object);
                        }
                        let frame = payload.get(range.frame).ok_or_else(|| damaged(rows, UNREADABLE))?;
                        let raw =
                            decompress(Codec::Delta, frame, &base, range.raw.len()).map_err(|_| damaged(rows, UNREADABLE))?;
                        place.insert(raw);
                    }
                    (range.raw.start, &runs[&range.raw.start])
                }
            };
            let bytes = at.checked_sub(start).and_then(|at| raw.get(at..at + row.raw_len as usize));
            match bytes.filter(|bytes| row.key.kind == ObjectKind::Chunk && row.key.matches(bytes)) {
                Some(bytes) => drop(writer.object(row.key, bytes)?),
                None => return Err(damaged(rows, Malformed("its content does not match its hash"))),
            }
        }
        Ok(())
    }
}

const UNREADABLE: Malformed = Malformed("decompression failed");

fn damaged(rows: &[IndexRow], why: Malformed) -> Error {
    let pack = rows.first().map(|row| row.pack.to_hex()).unwrap_or_default();
    Error::damaged(format!("a block of pack {pack} of the remote is damaged: {why}")).with_hint(DAMAGED)
}

impl BlockSpan {
    /// Returns the blocks, each with its rows.
    fn blocks<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = (&'b [IndexRow], &'b [u8])> {
        self.rows.chunk_by(|a, b| a.offset == b.offset).map(|rows| {
            let range = rows.first().map(|row| {
                let start = (row.offset - self.start) as usize;
                start..start + row.len as usize
            });
            (rows, range.and_then(|range| bytes.get(range)).unwrap_or_default())
        })
    }
}

/// Joins the blocks of rows, which are in the order of packs and offsets, to requests.
fn spans(rows: Vec<IndexRow>) -> Vec<BlockSpan> {
    let mut spans: Vec<BlockSpan> = Vec::new();
    for row in rows {
        let end = row.offset.saturating_add(row.len);
        match spans.last_mut() {
            Some(span)
                if span.rows.last().is_some_and(|last| last.pack == row.pack)
                    && row.offset <= span.end.saturating_add(GAP)
                    && (row.offset < span.end || end - span.start <= REQUEST) =>
            {
                span.end = span.end.max(end);
                span.rows.push(row);
            }
            _ => spans.push(BlockSpan { start: row.offset, end, rows: vec![row] }),
        }
    }
    spans
}
