//! One side of a file: how it is read, and where its bytes are.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memchr;
use quick_cache::sync::Cache;

use crate::error::{Error, ErrorKind, Result};
use crate::id::{Content, Id};
use crate::object::recipe::RecipeItem;
use crate::parallel;
use crate::sample::{Compression, Decoder, Encoding, FileIssue, HEAD, Hint, Ranges, ReaderSpec};
use crate::store::content::{self, Chunks};
use crate::store::read::{Object, Store};

/// Bytes that are read from an open file at once.
const READ: usize = 1 << 20;
/// Bytes that are taken of what is held at once.
const SLICE: usize = 256 << 10;

/// Chunks of a stored file that are kept for each core while it is read anywhere, some 64 KiB each.
const RECENT: usize = 128;

/// The source of the bytes of a file.
#[derive(Clone, Debug)]
pub enum FileSource<'a> {
    /// In the store, under their content id.
    Stored(&'a Arc<Store>),
    /// In memory.
    Held(&'a [u8]),
    /// In a file that is open, of this path.
    Open(Arc<File>, PathBuf),
}

/// One side of a file.
#[derive(Clone, Debug)]
pub struct FileSide<'a> {
    /// The path in the dataset.
    pub path: &'a str,
    /// The reader of the file.
    pub spec: ReaderSpec,
    /// Its content, where it is known.
    pub content: Option<Id<Content>>,
    /// Its length in bytes.
    pub size: u64,
    /// The number of records, where the file was counted by this reader.
    pub records: Option<u64>,
    /// Its bytes.
    pub bytes: FileSource<'a>,
}

/// Some bytes of a file.
pub(super) enum FileBytes<'a> {
    Object(Object),
    Slice(&'a [u8]),
    Read(Vec<u8>),
}

impl Deref for FileBytes<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            FileBytes::Object(object) => object,
            FileBytes::Slice(slice) => slice,
            FileBytes::Read(bytes) => bytes,
        }
    }
}

type Pieces<'a> = Box<dyn Iterator<Item = Result<FileBytes<'a>>> + 'a>;

impl<'a> FileSide<'a> {
    /// Its bytes from front to back.
    pub(super) fn pieces(&self) -> Result<Pieces<'a>> {
        Ok(match &self.bytes {
            FileSource::Stored(store) => {
                let store = *store;
                let read = move |item: Result<RecipeItem>| content::chunk(store, &item?).map(FileBytes::Object);
                Box::new(Chunks::of(store, self.id()?, self.size)?.map(read))
            }
            FileSource::Held(bytes) => Box::new(bytes.chunks(SLICE).map(|slice| Ok(FileBytes::Slice(slice)))),
            FileSource::Open(file, path) => {
                let (file, path, size) = (file.clone(), path.clone(), self.size);
                let at = (0..size).step_by(READ);
                Box::new(at.map(move |at| {
                    let mut bytes = vec![0; READ.min((size - at) as usize)];
                    file.read_exact_at(&mut bytes, at).map_err(|e| unreadable(&path, e))?;
                    Ok(FileBytes::Read(bytes))
                }))
            }
        })
    }

    /// Reads all of it. What is damaged in the store is an error, never an issue of the file.
    pub(super) fn check(&self) -> Result<()> {
        self.pieces()?.try_for_each(|piece| piece.map(drop))
    }

    /// Its first bytes, so many if it has them.
    pub fn start(&self, most: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for piece in self.pieces()? {
            bytes.extend_from_slice(&piece?);
            if bytes.len() >= most {
                break;
            }
        }
        bytes.truncate(most);
        Ok(bytes)
    }

    /// Returns the reason that no reader can parse the file, by its first bytes.
    pub(super) fn opaque_issue(&self) -> Result<Option<FileIssue>> {
        if !self.spec.opaque {
            return Ok(None);
        }
        let cause = self.spec.opaque_cause(&self.start(HEAD)?);
        // The version of hlx that read it as opaque may have known more kinds of files.
        let cause = cause.unwrap_or_else(|| "its format could not be read when it was committed".to_owned());
        Ok(Some(FileIssue::Opaque { cause }))
    }

    /// Returns the side with the reader that its first bytes imply, where neither its extension nor `helox.toml` decides.
    pub fn with_guess(mut self) -> Result<FileSide<'a>> {
        self.spec = self.spec.guess(&self.start(HEAD)?);
        Ok(self)
    }

    /// Returns what a user has to know of how it is read.
    pub fn hints(&self) -> Result<Vec<Hint>> {
        Ok(self.spec.hints(&self.start(HEAD)?))
    }

    /// Hands over the lines that begin in a part of it, and nothing else, in pieces and the place of each. So the parts of
    /// a file have each line once.
    pub(super) fn lines(&self, part: Range<u64>, take: &mut dyn FnMut(u64, &[u8])) -> Result<()> {
        // The byte before the part tells whether a line begins with it.
        let mut lines = LineFinder { at: part.start.saturating_sub(1), begun: part.start == 0, end: part.end };
        self.from(lines.at, &mut |bytes| lines.feed(bytes, take))
    }

    /// Hands over a range of its bytes, in pieces.
    pub(super) fn range(&self, range: Range<u64>, take: &mut dyn FnMut(&[u8])) -> Result<()> {
        let mut left = range.end - range.start;
        self.from(range.start, &mut |bytes| {
            let bytes = &bytes[..(bytes.len() as u64).min(left) as usize];
            left -= bytes.len() as u64;
            take(bytes);
            left > 0
        })
    }

    /// Hands over its bytes from a place on, until `take` returns false.
    fn from(&self, start: u64, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<()> {
        match &self.bytes {
            FileSource::Stored(store) => {
                let mut end = 0;
                for item in Chunks::of(store, self.id()?, self.size)? {
                    let item = item?;
                    let skip = start.saturating_sub(end);
                    end += item.len;
                    if end > start && !take(&content::chunk(store, &item)?[skip as usize..]) {
                        break;
                    }
                }
            }
            FileSource::Held(bytes) => drop(take(&bytes[start as usize..])),
            FileSource::Open(file, path) => {
                let mut at = start;
                while at < self.size {
                    let mut bytes = vec![0; READ.min((self.size - at) as usize)];
                    file.read_exact_at(&mut bytes, at).map_err(|e| unreadable(path, e))?;
                    at += bytes.len() as u64;
                    if !take(&bytes) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Its content id; read from its bytes where it is not known.
    pub(super) fn id(&self) -> Result<Id<Content>> {
        if let Some(content) = self.content {
            return Ok(content);
        }
        let mut hasher = blake3::Hasher::new();
        for piece in self.pieces()? {
            hasher.update(&piece?);
        }
        Ok(Id::from_bytes(*hasher.finalize().as_bytes()))
    }

    /// Returns the id of its unpacked bytes, so that the same text packed otherwise is the same sample. What is wrong with
    /// its compression is the inner error.
    pub(super) fn unpacked_id(&self) -> Result<std::result::Result<Id<Content>, FileIssue>> {
        if self.spec.compression == Compression::None {
            return self.id().map(Ok);
        }
        let mut hasher = blake3::Hasher::new();
        let mut file = self.clone();
        file.spec.dialect.encoding = Encoding::Utf8;
        let unpacked = file.unpacked(&mut |bytes| {
            hasher.update(bytes);
            true
        })?;
        Ok(unpacked.map(|()| Id::from_bytes(*hasher.finalize().as_bytes())))
    }

    /// Returns the start of its text, unpacked and in UTF-8: so many bytes if it has them.
    pub fn text(&self, most: usize) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        // What is wrong with its compression makes a record of its own.
        let _ = self.unpacked(&mut |bytes| {
            text.extend_from_slice(&bytes[..bytes.len().min(most - text.len())]);
            text.len() < most
        })?;
        Ok(text)
    }

    /// Hands over its unpacked bytes until `take` returns false. What is wrong with its compression is the inner error.
    pub(super) fn unpacked(&self, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<std::result::Result<(), FileIssue>> {
        let mut decoder = match Decoder::of(&self.spec) {
            Ok(decoder) => decoder,
            Err(why) => return Ok(Err(FileIssue::damaged(why))),
        };
        let mut on = true;
        for piece in self.pieces()? {
            let fed = match &mut decoder {
                Some(decoder) => decoder.feed(&piece?, &mut |bytes| on = on && take(bytes)),
                None => {
                    on = on && take(&piece?);
                    Ok(())
                }
            };
            if fed.is_err() || !on {
                return Ok(fed);
            }
        }
        Ok(decoder.map_or(Ok(()), |decoder| decoder.finish(&mut |bytes| on = on && take(bytes)).map(drop)))
    }

    /// Reads it anywhere.
    pub(super) fn ranges(&self) -> Result<Arc<dyn Ranges>> {
        Ok(match &self.bytes {
            FileSource::Stored(store) => {
                let mut places = Vec::new();
                let mut at = 0;
                for item in Chunks::of(store, self.id()?, self.size)? {
                    let item = item?;
                    places.push((at, item));
                    at += item.len;
                }
                let recent = Cache::new(RECENT * parallel::threads());
                Arc::new(StoredRanges { store: (*store).clone(), places, size: self.size, recent })
            }
            FileSource::Held(bytes) => Arc::new(bytes.to_vec()),
            FileSource::Open(file, _) => Arc::new(OpenRanges(file.clone(), self.size)),
        })
    }
}

/// Finds the lines that begin in a part of a file, as its bytes come.
struct LineFinder {
    /// The place of the next byte.
    at: u64,
    /// True if a line of the part has begun.
    begun: bool,
    end: u64,
}

impl LineFinder {
    /// The next bytes; false once the last line of the part has ended.
    fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(u64, &[u8])) -> bool {
        if !self.begun {
            let before = memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
            self.begun = before > 0 && bytes[before - 1] == b'\n';
            self.at += before as u64;
            bytes = &bytes[before..];
            if self.at >= self.end || !self.begun {
                return self.at < self.end;
            }
        }
        // The first line end from here on ends the last line.
        let from = (self.end - 1).saturating_sub(self.at).min(bytes.len() as u64) as usize;
        let ends = memchr(b'\n', &bytes[from..]).map(|at| from + at + 1);
        let (now, _) = bytes.split_at(ends.unwrap_or(bytes.len()));
        take(self.at, now);
        self.at += now.len() as u64;
        ends.is_none()
    }
}

/// Returns the error of a read from a file of a workspace.
fn unreadable(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Error::new(ErrorKind::Conflict, format!("{} changed while it was read", path.display()))
            .with_hint("stop other programs from writing to it and run the command again"),
        _ => Error::io("cannot read", path, error),
    }
}

struct StoredRanges {
    store: Arc<Store>,
    places: Vec<(u64, RecipeItem)>,
    size: u64,
    /// The last chunks that were read: columns are read side by side, in small pieces. Copies, since an object keeps all
    /// that was decoded with it.
    recent: Cache<usize, Arc<[u8]>>,
}

impl StoredRanges {
    fn chunk(&self, index: usize, item: &RecipeItem) -> io::Result<Arc<[u8]>> {
        self.recent.get_or_insert_with(&index, || match content::chunk(&self.store, item) {
            Ok(chunk) => Ok(Arc::from(&*chunk)),
            Err(e) => Err(io::Error::other(e.message().to_owned())),
        })
    }
}

struct OpenRanges(Arc<File>, u64);

impl Ranges for StoredRanges {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        let mut next = self.places.partition_point(|(start, item)| start + item.len <= at);
        let mut skip = self.places.get(next).map_or(0, |(start, _)| (at - start) as usize);
        while !buffer.is_empty() {
            let Some((_, item)) = self.places.get(next) else { return Err(io::ErrorKind::UnexpectedEof.into()) };
            let bytes = self.chunk(next, item)?;
            let n = buffer.len().min(bytes.len() - skip);
            buffer[..n].copy_from_slice(&bytes[skip..skip + n]);
            buffer = &mut buffer[n..];
            (next, skip) = (next + 1, 0);
        }
        Ok(())
    }
}

impl Ranges for OpenRanges {
    fn size(&self) -> u64 {
        self.1
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_of_a_file_have_each_line_once(text in "[ab\n]{0,40}", size in 1u64..12, piece in 1usize..9) {
            let mut all = Vec::new();
            for start in (0..text.len() as u64).step_by(size as usize) {
                let end = (start + size).min(text.len() as u64);
                let mut lines = LineFinder { at: start.saturating_sub(1), begun: start == 0, end };
                let mut own = Vec::new();
                let rest = &text.as_bytes()[lines.at as usize..];
                let _ = rest.chunks(piece).all(|bytes| lines.feed(bytes, &mut |at, bytes| {
                    assert_eq!(&text.as_bytes()[at as usize..][..bytes.len()], bytes);
                    own.extend_from_slice(bytes);
                }));
                prop_assert!(own.is_empty() || start == 0 || text.as_bytes()[all.len() - 1] == b'\n');
                all.extend_from_slice(&own);
            }
            prop_assert_eq!(all, text.into_bytes());
        }
    }
}
