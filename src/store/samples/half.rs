//! One side of a file: how it is read, and where its bytes are.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::id::{Content, Id};
use crate::object::recipe::Item;
use crate::sample::{Ranges, Reading, Unpacker};
use crate::store::content::{self, Chunks};
use crate::store::read::{Object, Store};

/// Bytes that are read from an open file at once.
const READ: usize = 1 << 20;
/// Bytes that are taken of what is held at once.
const SLICE: usize = 256 << 10;

/// Where the bytes of a file are.
#[derive(Clone, Debug)]
pub enum Bytes<'a> {
    /// In the store, under their content id.
    Stored(&'a Arc<Store>),
    /// In memory.
    Held(&'a [u8]),
    /// In a file that is open, of this path.
    Open(Arc<File>, PathBuf),
}

/// One side of a file.
#[derive(Clone, Debug)]
pub struct Half<'a> {
    /// Where it lies in the dataset.
    pub path: &'a str,
    /// How it is read.
    pub reading: Reading,
    /// Its content, where it is known.
    pub content: Option<Id<Content>>,
    /// Its length in bytes.
    pub size: u64,
    /// Its bytes.
    pub bytes: Bytes<'a>,
}

/// Some bytes of a file.
pub(super) enum Piece<'a> {
    Object(Object),
    Slice(&'a [u8]),
    Read(Vec<u8>),
}

impl Deref for Piece<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Piece::Object(object) => object,
            Piece::Slice(slice) => slice,
            Piece::Read(bytes) => bytes,
        }
    }
}

type Pieces<'a> = Box<dyn Iterator<Item = Result<Piece<'a>>> + 'a>;

impl<'a> Half<'a> {
    /// Its bytes from front to back.
    pub(super) fn pieces(&self) -> Result<Pieces<'a>> {
        Ok(match &self.bytes {
            Bytes::Stored(store) => {
                let store = *store;
                let read = move |item: Result<Item>| content::chunk(store, &item?).map(Piece::Object);
                Box::new(Chunks::of(store, self.id()?, self.size)?.map(read))
            }
            Bytes::Held(bytes) => Box::new(bytes.chunks(SLICE).map(|slice| Ok(Piece::Slice(slice)))),
            Bytes::Open(file, path) => {
                let (file, path, size) = (file.clone(), path.clone(), self.size);
                let at = (0..size).step_by(READ);
                Box::new(at.map(move |at| {
                    let mut bytes = vec![0; READ.min((size - at) as usize)];
                    file.read_exact_at(&mut bytes, at).map_err(|e| match e.kind() {
                        io::ErrorKind::UnexpectedEof => {
                            Error::new(Kind::Conflict, format!("{} changed while it was read", path.display()))
                                .with_hint("run it again when nothing writes there")
                        }
                        _ => Error::io("cannot read", &path, e),
                    })?;
                    Ok(Piece::Read(bytes))
                }))
            }
        })
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

    /// All its bytes.
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.size as usize);
        for piece in self.pieces()? {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes)
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

    /// Hands over its unpacked bytes until `take` returns false. What is wrong with its packing is the inner error.
    pub(super) fn unpacked(&self, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<std::result::Result<(), String>> {
        let mut unpacker = match Unpacker::new(self.reading.packing) {
            Ok(unpacker) => unpacker,
            Err(why) => return Ok(Err(why)),
        };
        let mut on = true;
        for piece in self.pieces()? {
            if let Err(why) = unpacker.feed(&piece?, &mut |bytes| on = on && take(bytes)) {
                return Ok(Err(why));
            }
            if !on {
                return Ok(Ok(()));
            }
        }
        Ok(unpacker.finish())
    }

    /// Reads it anywhere.
    pub(super) fn ranges(&self) -> Result<Arc<dyn Ranges>> {
        Ok(match &self.bytes {
            Bytes::Stored(store) => {
                let mut places = Vec::new();
                let mut at = 0;
                for item in Chunks::of(store, self.id()?, self.size)? {
                    let item = item?;
                    places.push((at, item));
                    at += item.len;
                }
                Arc::new(StoredRanges { store: (*store).clone(), places, size: self.size })
            }
            Bytes::Held(bytes) => Arc::new(HeldRanges(bytes.to_vec())),
            Bytes::Open(file, _) => Arc::new(OpenRanges(file.clone(), self.size)),
        })
    }
}

struct StoredRanges {
    store: Arc<Store>,
    places: Vec<(u64, Item)>,
    size: u64,
}

struct HeldRanges(Vec<u8>);

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
            let bytes = content::chunk(&self.store, item).map_err(|e| io::Error::other(e.message().to_owned()))?;
            let n = buffer.len().min(bytes.len() - skip);
            buffer[..n].copy_from_slice(&bytes[skip..skip + n]);
            buffer = &mut buffer[n..];
            (next, skip) = (next + 1, 0);
        }
        Ok(())
    }
}

impl Ranges for HeldRanges {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        let range = usize::try_from(at).ok().and_then(|at| self.0.get(at..at.checked_add(buffer.len())?));
        buffer.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
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
