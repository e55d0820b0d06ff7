//! A set of keys as a file.
//!
//! ```text
//! "HLXKEYS1"
//! row *      key (16) · raw (8, little-endian) · varint: twice the count, plus the split
//! BLAKE3 of all before it (32)
//! ```
//!
//! Rows ascend by key, `raw` and split, none stands twice, and no count is zero: one multiset has one form. The reader
//! ends only after the checksum was found right.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::row::KeyRow;
use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::fs::atomic::TempFile;

const MAGIC: &[u8; 8] = b"HLXKEYS1";
/// Bytes of the checksum.
const SUM: usize = blake3::OUT_LEN;
/// Bytes that are written or read at once.
const BUFFER: usize = if cfg!(test) { 100 } else { 128 << 10 };
/// The most bytes that a row takes.
const MAX_ROW: usize = 16 + 8 + 10;

/// A set that is being written.
#[derive(Debug)]
pub(super) struct KeySetWriter {
    temp: TempFile,
    into: PathBuf,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

impl KeySetWriter {
    /// Begins a set in `tmp`, to be named `into`.
    pub fn create(tmp: &Path, into: &Path) -> Result<KeySetWriter> {
        let mut buffer = Vec::with_capacity(BUFFER + MAX_ROW);
        buffer.extend_from_slice(MAGIC);
        Ok(KeySetWriter { temp: TempFile::create(tmp)?, into: into.to_owned(), hasher: blake3::Hasher::new(), buffer })
    }

    /// Adds a row, which comes after those before it.
    pub fn put(&mut self, row: KeyRow, count: u64) -> Result<()> {
        self.buffer.extend_from_slice(&row.key.to_be_bytes());
        self.buffer.put_u64(row.raw);
        self.buffer.put_varint(count << 1 | u64::from(row.split));
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.hasher.update(&self.buffer);
        self.temp.write_all(&self.buffer).map_err(|e| Error::io("cannot write", &self.into, e))?;
        self.buffer.clear();
        Ok(())
    }

    /// Gives the set its name. It is not synced: a damaged set is noticed, and made anew.
    pub fn finish(mut self) -> Result<()> {
        self.flush()?;
        let sum = self.hasher.finalize();
        self.temp.write_all(sum.as_bytes()).map_err(|e| Error::io("cannot write", &self.into, e))?;
        self.temp.rename(&self.into)
    }
}

/// A set that is being read.
#[derive(Debug)]
pub(super) struct KeySetReader {
    file: File,
    path: PathBuf,
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes of rows that are still to be read from the file.
    left: u64,
    last: Option<KeyRow>,
    checked: bool,
}

impl KeySetReader {
    /// Opens a set at its first row.
    pub fn open(path: &Path) -> Result<KeySetReader> {
        let failed = |e| Error::io("cannot read", path, e);
        let file = atomic::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut reader = KeySetReader {
            file,
            path: path.to_owned(),
            hasher: blake3::Hasher::new(),
            buffer: Vec::with_capacity(BUFFER),
            at: 0,
            left: 0,
            last: None,
            checked: false,
        };
        let short = || Malformed("unexpected end of data");
        reader.left = size.checked_sub((MAGIC.len() + SUM) as u64).ok_or_else(short).map_err(|e| reader.damaged(e))?;
        let mut magic = [0; MAGIC.len()];
        reader.read(&mut magic)?;
        if magic != *MAGIC {
            return Err(reader.damaged(Malformed("it is not a set of keys")));
        }
        reader.hasher.update(&magic);
        Ok(reader)
    }

    /// Returns the next row and its count; `None` at the end, when all of it was found right.
    pub fn next(&mut self) -> Result<Option<(KeyRow, u64)>> {
        if self.buffer.len() - self.at < MAX_ROW && self.left > 0 {
            self.refill()?;
        }
        if self.at == self.buffer.len() {
            if !self.checked {
                self.check()?;
            }
            return Ok(None);
        }
        let (row, count, len) = parse(&self.buffer[self.at..]).map_err(|e| self.damaged(e))?;
        self.at += len;
        if self.last.is_some_and(|last| last >= row) {
            return Err(self.damaged(Malformed("its rows are out of order")));
        }
        self.last = Some(row);
        Ok(Some((row, count)))
    }

    fn refill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let kept = self.buffer.len();
        let more = self.left.min((BUFFER - kept) as u64);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(kept + more as usize, 0);
        self.read(&mut buffer[kept..])?;
        self.hasher.update(&buffer[kept..]);
        (self.buffer, self.left) = (buffer, self.left - more);
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        let mut sum = [0; SUM];
        self.read(&mut sum)?;
        if self.hasher.finalize() != sum {
            return Err(self.damaged(Malformed("its checksum does not match")));
        }
        self.checked = true;
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.file.read_exact(buffer).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged(Malformed("unexpected end of data")),
            _ => Error::io("cannot read", &self.path, e),
        })
    }

    fn damaged(&self, why: Malformed) -> Error {
        Error::damaged(format!("the set of keys {} is damaged: {why}", self.path.display()))
    }
}

/// Returns the row at the front, its count, and the bytes that it takes.
fn parse(bytes: &[u8]) -> Result<(KeyRow, u64, usize), Malformed> {
    let mut reader = ByteReader::new(bytes);
    let (key, raw, number) = (u128::from_be_bytes(reader.array()?), reader.u64()?, reader.varint()?);
    let (count, split) = (number >> 1, (number & 1) as u8);
    if count == 0 {
        return Err(Malformed("a count is zero"));
    }
    let varint = (64 - number.leading_zeros()).div_ceil(7) as usize;
    Ok((KeyRow { key, raw, split }, count, 16 + 8 + varint))
}
