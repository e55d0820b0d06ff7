//! Apache Arrow IPC: the rows of a file of either form, the stream (what `datasets` of Hugging Face saves) and the random
//! access file (Feather version 2).
//!
//! Rows are those that the same table has as Parquet: each batch is put into Parquet, in memory and some rows at a time,
//! and read as that is, so that there is one rendering and one comparison of rows. Invariants: a damaged file is an issue
//! and never a panic; memory is bounded by a batch, of [`MAX_BATCH`] unpacked, the dictionaries, of
//! [`limits::DICTIONARIES`] together, and the rows that are put over at once.

mod batch;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::{Endianness, Message, MessageHeader, root_as_message};
use parquet::errors::{ParquetError, Result as ParquetResult};

use super::parquet::{ReadError, guard, is_unaccounted};
use super::{ColumnarRow, FileIssue, ParquetFile, Ranges};
use crate::limits;

const MAGIC: &[u8] = b"ARROW1";
/// The marker before the length of a message, since version 0.15 of the format.
const CONTINUATION: u32 = u32::MAX;
/// The end of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
/// The greatest offset of the first message.
const MAX_PADDING: u64 = 64;
/// Most bytes of the metadata of a message.
const MAX_METADATA: u64 = 64 << 20;
/// Most bytes of a batch, as it stands in the file and unpacked.
const MAX_BATCH: u64 = 1 << 30;
/// Rows that a batch may have beyond those that its bytes can hold: columns of nulls take none.
const SPARE_ROWS: u64 = 1 << 20;

/// An Arrow file, of which the places of the messages are known.
pub struct Arrow {
    file: Arc<dyn Ranges>,
    start: u64,
    end: u64,
    /// Longest row, in bytes.
    limit: usize,
}

impl Arrow {
    /// Finds the messages of a file.
    pub fn open(file: Arc<dyn Ranges>) -> Result<Arrow, FileIssue> {
        let size = file.size();
        let mut head = [0; 8];
        let length = size.min(8) as usize;
        read(&*file, 0, &mut head[..length])?;
        if head.starts_with(b"FEA1") {
            return Err(opaque("Feather version 1 is not supported: save the file as version 2"));
        }
        if !head.starts_with(MAGIC) {
            return Ok(Arrow { file, start: 0, end: size, limit: limits::RECORD });
        }
        let mut tail = [0; 10];
        let footer = size.checked_sub(18).ok_or_else(|| damaged("unexpected end of data"))? + 8;
        read(&*file, footer, &mut tail)?;
        let (length, magic) = tail.split_at(4);
        let end = footer.checked_sub(u64::from(number(length))).filter(|&end| end >= 8 && magic == MAGIC);
        let end = end.ok_or_else(|| damaged("it has no footer"))?;
        // Some writers leave zeros before the first message, so that it begins at a multiple of 64.
        let mut start = 8;
        while start < end.min(MAX_PADDING) {
            let mut bytes = [0; 8];
            read(&*file, start, &mut bytes)?;
            if bytes != [0; 8] {
                break;
            }
            start += 8;
        }
        Ok(Arrow { file, start, end, limit: limits::RECORD })
    }

    /// Sets the longest row, in bytes of its values. A longer one is handed over without them.
    pub fn with_limit(self, limit: usize) -> Arrow {
        Arrow { limit, ..self }
    }

    /// Returns the rows, some at a time. The first issue is the last item.
    pub fn slices(&self) -> impl Iterator<Item = Result<ArrowSlice, FileIssue>> {
        let mut slices = Some(Slices {
            arrow: self,
            decoder: StreamDecoder::new(),
            dictionaries: Dictionaries::default(),
            at: self.start,
            is_last: false,
            buffer: Buffer::from(&[]),
            batch: None,
            number: 0,
        });
        std::iter::from_fn(move || {
            let next = slices.as_mut()?.next().transpose();
            if !matches!(next, Some(Ok(_))) {
                slices = None;
            }
            next
        })
    }

    /// Hands over the rows of a slice.
    pub fn rows_of(&self, slice: &ArrowSlice, take: &mut dyn FnMut(ColumnarRow<'_>)) -> Result<(), FileIssue> {
        let bytes = guarded(|| batch::as_parquet(&slice.rows))?;
        let mut table = ParquetFile::open(Arc::new(bytes)).map_err(of_fault)?.with_limit(self.limit);
        table.set_seconds(&batch::seconds(slice.rows.schema().fields()));
        table.rows_from(&mut slice.first.clone(), take).map_err(of_fault)
    }

    /// Reads the message at a place whole; it is empty at the end of the stream.
    fn message(&self, at: u64, dictionaries: &mut Dictionaries) -> Result<Vec<u8>, FileIssue> {
        let early = || damaged("unexpected end of data");
        if at == self.end {
            return Ok(Vec::new());
        }
        let mut prefix = [0; 8];
        let length = (self.end - at).min(8) as usize;
        read(&*self.file, at, &mut prefix[..length])?;
        let (first, second) = prefix.split_at(4);
        let (prefix, metadata) = if number(first) == CONTINUATION { (8, number(second)) } else { (4, number(first)) };
        if length < prefix {
            return Err(early());
        }
        let metadata = u64::from(metadata);
        if metadata == 0 {
            return Ok(Vec::new());
        }
        let head = prefix as u64 + metadata;
        if metadata > MAX_METADATA {
            return Err(damaged("a message declares more than 64 MiB of metadata"));
        }
        if head > self.end - at {
            return Err(early());
        }
        let mut bytes = vec![0; head as usize];
        read(&*self.file, at, &mut bytes)?;
        let message = root_as_message(&bytes[prefix..]).map_err(|why| damaged(&why.to_string()))?;
        let body = u64::try_from(message.bodyLength()).map_err(|_| damaged("a message declares a negative length"))?;
        if body > self.end - at - head {
            return Err(early());
        }
        if body > MAX_BATCH {
            return Err(too_large());
        }
        if message.header_as_schema().is_some_and(|schema| schema.endianness() == Endianness::Big) {
            return Err(opaque("big-endian Arrow files are not supported: save the file as little-endian"));
        }
        let mut whole = Vec::with_capacity((head + body) as usize);
        whole.extend_from_slice(&bytes);
        whole.resize((head + body) as usize, 0);
        read(&*self.file, at + head, &mut whole[head as usize..])?;
        let size = check_size(&message, &whole[head as usize..])?;
        dictionaries.take(&message, size)?;
        Ok(whole)
    }
}

/// Some rows of a file.
#[derive(Debug)]
pub struct ArrowSlice {
    rows: RecordBatch,
    /// The number of rows before them.
    first: u64,
}

impl ArrowSlice {
    /// Returns the number of rows.
    pub fn count(&self) -> u64 {
        self.rows.num_rows() as u64
    }
}

/// The rows of a file as its messages come.
struct Slices<'a> {
    arrow: &'a Arrow,
    decoder: StreamDecoder,
    dictionaries: Dictionaries,
    /// The start of the next message.
    at: u64,
    /// The last message has been read.
    is_last: bool,
    /// The rest of the current message.
    buffer: Buffer,
    /// The batch at hand, and how many rows of it have been given out.
    batch: Option<(RecordBatch, usize)>,
    /// The number of rows that were handed out.
    number: u64,
}

impl Slices<'_> {
    fn next(&mut self) -> Result<Option<ArrowSlice>, FileIssue> {
        loop {
            if let Some((batch, at)) = self.batch.as_mut().filter(|(batch, at)| *at < batch.num_rows()) {
                let rows = batch::slice(batch, *at).ok_or_else(too_large)?;
                let first = self.number;
                *at += rows.num_rows();
                self.number += rows.num_rows() as u64;
                return Ok(Some(ArrowSlice { rows, first }));
            }
            self.batch = None;
            if self.buffer.is_empty() {
                if self.is_last {
                    return if self.decoder.schema().is_none() { Err(damaged("it has no schema")) } else { Ok(None) };
                }
                let message = self.arrow.message(self.at, &mut self.dictionaries)?;
                self.at += message.len() as u64;
                self.is_last = message.is_empty();
                // The end makes the decoder hand over a batch without a body.
                self.buffer = if self.is_last { Buffer::from(&END) } else { Buffer::from(message) };
            }
            let Slices { decoder, buffer, .. } = self;
            if let Some(batch) = guarded(|| Ok(decoder.decode(buffer)?))? {
                if let Some(cause) = batch::unread_type(batch.schema().fields()) {
                    return Err(opaque(&cause));
                }
                self.batch = Some((batch, 0));
            }
        }
    }
}

impl std::fmt::Debug for Arrow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrow").field("start", &self.start).field("end", &self.end).finish_non_exhaustive()
    }
}

/// Bytes of the dictionaries that batches refer to, by their ids.
#[derive(Default)]
struct Dictionaries(HashMap<i64, u64>);

impl Dictionaries {
    /// Counts the dictionary of a message, if it has one, which takes so many bytes. Fails if all take too many.
    fn take(&mut self, message: &Message<'_>, size: u64) -> Result<(), FileIssue> {
        let Some(dictionary) = message.header_as_dictionary_batch() else { return Ok(()) };
        let known = self.0.entry(dictionary.id()).or_default();
        *known = if dictionary.isDelta() { known.saturating_add(size) } else { size };
        if self.0.values().copied().fold(0, u64::saturating_add) > limits::DICTIONARIES {
            return Err(opaque(
                "the dictionaries of the Arrow file are larger than 1 GiB: save it without dictionaries, or in several files",
            ));
        }
        Ok(())
    }
}

/// Returns how many bytes a batch unpacks to. Fails if these are more than it may, or than its place in the file accounts
/// for, or if it has more rows than they can hold.
fn check_size(message: &Message<'_>, body: &[u8]) -> Result<u64, FileIssue> {
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()),
        _ => None,
    };
    let Some(batch) = batch else { return Ok(0) };
    let mut size = body.len() as u64;
    if batch.compression().is_some() {
        size = 0;
        for buffer in batch.buffers().into_iter().flatten().filter(|buffer| buffer.length() > 0) {
            let start = usize::try_from(buffer.offset()).unwrap_or(usize::MAX);
            let stated =
                body.get(start..).and_then(|bytes| bytes.first_chunk::<8>()).map_or(0, |bytes| i64::from_le_bytes(*bytes));
            // -1 stands for bytes that are stored as they are.
            size = size.saturating_add(u64::try_from(stated).unwrap_or_else(|_| buffer.length().unsigned_abs()));
        }
    }
    if is_unaccounted(body.len() as u64, size) {
        return Err(damaged(&format!("a batch of {} bytes decompresses to {size}, beyond the maximum ratio", body.len())));
    }
    if size > MAX_BATCH {
        return Err(too_large());
    }
    let rows = u64::try_from(batch.length()).map_err(|_| damaged("a batch declares a negative number of rows"))?;
    if rows > 8 * size + SPARE_ROWS {
        return Err(damaged(&format!("a batch declares {rows} rows, but has {size} bytes")));
    }
    Ok(size)
}

/// Runs a part of the arrow and parquet crates, which may panic on damaged files.
fn guarded<T>(read: impl FnOnce() -> ParquetResult<T>) -> Result<T, FileIssue> {
    let plain = |why: ParquetError| match why {
        ParquetError::ArrowError(why) => ParquetError::General(why),
        why => why,
    };
    guard(|| read().map_err(plain)).map_err(of_fault)
}

fn read(file: &dyn Ranges, at: u64, buffer: &mut [u8]) -> Result<(), FileIssue> {
    file.read_at(at, buffer).map_err(|why| damaged(&why.to_string()))
}

/// Returns a number of four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

fn of_fault(fault: ReadError) -> FileIssue {
    match fault {
        ReadError::Damaged(why) | ReadError::Encrypted(why) => damaged(&why),
    }
}

fn damaged(why: &str) -> FileIssue {
    FileIssue::damaged(format!("the Arrow file is damaged: {why}"))
}

fn opaque(cause: &str) -> FileIssue {
    FileIssue::Opaque { cause: cause.to_owned() }
}

fn too_large() -> FileIssue {
    opaque("a batch of the Arrow file is larger than 1 GiB: save it with smaller batches")
}

#[cfg(test)]
mod tests;
