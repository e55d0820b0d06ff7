//! The pages of a column chunk, none of which may unpack to more memory than its place in the file accounts for.

use std::sync::Arc;

use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use super::footer::{self, INDEX_PAGE};
use super::ranges::Ranges;

/// Bytes of an unpacked page beyond which the file must account for them.
const LARGE: u64 = if cfg!(test) { 1 << 20 } else { 256 << 20 };
/// Bytes that such a page may unpack to for each that it takes in the file.
const RATIO: u64 = 256;

/// Returns true if bytes unpack to so many that the file must account for them, and does not.
pub(in crate::sample) fn is_unaccounted(packed: u64, unpacked: u64) -> bool {
    unpacked > LARGE && unpacked / RATIO > packed
}

/// Reads pages, each after its header was checked.
pub(super) struct Pages<R: ChunkReader> {
    inner: SerializedPageReader<R>,
    file: Arc<dyn Ranges>,
    /// The start of the next header.
    at: u64,
    /// The end of the column chunk.
    end: u64,
}

impl<R: ChunkReader> Pages<R> {
    /// Reads the pages of the column chunk of `length` bytes that begins at byte `start` of the file.
    pub fn new(inner: SerializedPageReader<R>, file: Arc<dyn Ranges>, (start, length): (u64, u64)) -> Pages<R> {
        Pages { inner, file, at: start, end: start.saturating_add(length) }
    }

    /// Checks the header of the next page. One that is not understood is left to the reader, which fails.
    fn check(&mut self) -> Result<()> {
        while self.at < self.end {
            let Some(header) = footer::page_header(&*self.file, self.at) else { return Ok(()) };
            self.at = self.at.saturating_add(header.length).saturating_add(header.packed);
            if is_unaccounted(header.packed, header.unpacked) {
                let (packed, unpacked) = (header.packed, header.unpacked);
                let why = format!("a page of {packed} bytes decompresses to {unpacked}, beyond the maximum ratio");
                return Err(ParquetError::General(why));
            }
            if header.kind != INDEX_PAGE {
                break;
            }
        }
        Ok(())
    }
}

impl<R: ChunkReader> Iterator for Pages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl<R: ChunkReader> PageReader for Pages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.check()?;
        self.inner.get_next_page()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.check()?;
        self.inner.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.inner.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        self.inner.take_deferred_dictionary()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.inner.at_record_boundary()
    }
}
