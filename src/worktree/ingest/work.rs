//! The second stage, on every core: small files are read whole, and chunks are hashed.

use std::io::{self, Read};

use super::SampleCounter;
use super::feed::{IngestedEntry, ReadTask, SMALL};
use super::job::{FilePiece, Job};
use crate::chunk::cut;
use crate::diff::RecordDiff;
use crate::error::Result;
use crate::fs::openat::{Cursor, FileKind, Root, Stat};
use crate::id::{Content, Id};
use crate::object::node::{Entry, SampleCount};
use crate::worktree::hash::read_stable;

/// A small file that was read.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub job: Job,
    pub content: Id<Content>,
    pub size: u64,
    pub stat: Stat,
    pub chunks: Vec<([u8; 32], usize)>,
    pub samples: Option<SampleCount>,
}

/// The result of a worker.
#[derive(Debug)]
pub(super) enum ReadResult {
    Known(Vec<IngestedEntry>),
    Recounted(Box<Entry>, Option<RecordDiff>),
    Small {
        /// The chunks of the files, one after the other.
        bytes: Vec<u8>,
        files: Vec<ReadFile>,
        diff: Option<RecordDiff>,
    },
    Piece {
        piece: Box<FilePiece>,
        ids: Vec<[u8; 32]>,
    },
}

/// A worker's own state.
pub(super) struct ReadWorker<'a> {
    root: &'a Root,
    cursor: Cursor<'a>,
    counter: Option<SampleCounter<'a>>,
}

impl<'a> ReadWorker<'a> {
    pub fn new(root: &'a Root, counter: Option<SampleCounter<'a>>) -> ReadWorker<'a> {
        ReadWorker { root, cursor: root.cursor(), counter }
    }

    pub fn work(&mut self, unit: ReadTask) -> Result<ReadResult> {
        match unit {
            ReadTask::Known(known) => Ok(ReadResult::Known(known)),
            ReadTask::Piece(piece) => {
                let mut at = 0;
                let ids = piece
                    .lens
                    .iter()
                    .map(|len| {
                        let id = *blake3::hash(&piece.bytes[at..at + len]).as_bytes();
                        at += len;
                        id
                    })
                    .collect();
                Ok(ReadResult::Piece { piece, ids })
            }
            ReadTask::Small(jobs) => {
                let mut bytes = Vec::with_capacity(jobs.iter().map(|j| j.stat.size as usize + 1).sum());
                let mut diff = self.counter.map(|counter| counter.empty_diff());
                let files = jobs.into_iter().map(|job| self.read(job, &mut bytes, &mut diff)).collect::<Result<_>>()?;
                Ok(ReadResult::Small { bytes, files, diff })
            }
            ReadTask::Recount(mut entry) => {
                let mut diff = self.counter.map(|counter| counter.empty_diff());
                if let (Some(counter), Some(diff)) = (self.counter, &mut diff) {
                    entry.samples = counter.recount(&entry, diff)?;
                }
                Ok(ReadResult::Recounted(entry, diff))
            }
        }
    }

    /// Reads a small file to the end of `bytes`.
    fn read(&mut self, job: Job, bytes: &mut Vec<u8>, diff: &mut Option<RecordDiff>) -> Result<ReadFile> {
        let start = bytes.len();
        let ((), stat) = read_stable(self.root, &mut self.cursor, &job.path, job.stat, |file, stat| {
            bytes.truncate(start);
            read_whole(file, stat.size as usize, bytes)
        })?;
        let mut rest = &bytes[start..];
        let size = rest.len() as u64;
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(cut::first(rest));
            chunks.push((*blake3::hash(chunk).as_bytes(), chunk.len()));
            rest = after;
        }
        let content = match &chunks[..] {
            [(only, _)] => Id::from_bytes(*only),
            _ => Id::of(&bytes[start..]),
        };
        let samples = match (self.counter, diff) {
            (Some(counter), Some(diff)) if stat.kind != FileKind::Symlink => {
                Some(counter.count_small(&job, content, &bytes[start..], diff)?)
            }
            _ => None,
        };
        Ok(ReadFile { job, content, size, stat, chunks, samples })
    }
}

/// Reads a file that should have `size` bytes, with one call if it has. One that has grown far beyond is not read on:
/// its stamps will tell.
fn read_whole(file: &mut dyn Read, size: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    let start = bytes.len();
    bytes.resize(start + size + 1, 0);
    let mut filled = start;
    loop {
        match file.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(n) => {
                filled += n;
                // What is expected is there: were there more, its stamps would tell.
                if filled == start + size || filled - start > 8 * SMALL as usize {
                    break;
                }
                if filled == bytes.len() {
                    bytes.resize(filled + SMALL as usize, 0);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(())
}
