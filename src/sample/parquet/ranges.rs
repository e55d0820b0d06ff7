//! The bytes of a Parquet file, which can be read anywhere.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

/// A file that can be read anywhere.
pub trait Ranges: Send + Sync {
    /// Its length in bytes.
    fn size(&self) -> u64;
    /// Fills `buffer` with the bytes from `at`.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl Ranges for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let range = usize::try_from(at).ok().and_then(|at| self.get(at..at.checked_add(buffer.len())?));
        buffer.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// The file as the parquet crate reads it.
pub(super) struct ParquetSource(pub Arc<dyn Ranges>);

impl Length for ParquetSource {
    fn len(&self) -> u64 {
        self.0.size()
    }
}

impl ChunkReader for ParquetSource {
    type T = BufReader<RangeRead>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(RangeRead { file: Arc::clone(&self.0), at: start }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF("unexpected end of data".to_owned()));
        }
        let mut bytes = vec![0; length];
        self.0.read_at(start, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// The bytes of a file from some place on.
pub(super) struct RangeRead {
    file: Arc<dyn Ranges>,
    at: u64,
}

impl Read for RangeRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.file.size().saturating_sub(self.at);
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        self.file.read_at(self.at, &mut buffer[..n])?;
        self.at += n as u64;
        Ok(n)
    }
}
