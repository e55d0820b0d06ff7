//! The first stage: what is known passes through, small files become batches, large ones are read a piece at a time.

use std::fs::File;
use std::io::{self, Read};
use std::iter::Peekable;

use super::SampleCounter;
use super::job::{FileEnd, FilePiece, Job};
use crate::chunk::cut;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::{FileKind, Root, Stat, stat_open};
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, NodeSource};
use crate::object::node::Entry;
use crate::path::{DataPath, printable};
use crate::progress::Progress;
use crate::selection::Matcher;
use crate::worktree::cache::CacheEntry;
use crate::worktree::hash::{ATTEMPTS, open, unstable};
use crate::worktree::scan::{Scan, ScannedFile};

/// Files up to this size are read by one worker in one go.
pub(super) const SMALL: u64 = 1 << 20;
/// Bytes of a piece of a large file, and of a batch of small ones.
const PIECE: usize = 2 << 20;
/// Files of a batch.
const BATCH: usize = 256;

/// An entry of the new version, and what the stat cache will know of the file.
#[derive(Debug)]
pub struct IngestedEntry {
    /// The entry.
    pub entry: Entry,
    /// The stat cache's row; none for an entry that is taken over from the parent, outside the selection.
    pub row: Option<CacheEntry>,
}

/// The source of the files.
pub struct IngestSource<'a, S> {
    /// The files of the workspace.
    pub scan: Scan<'a>,
    /// A second walk over them that finds out how much there is to read, where somebody watches.
    pub forecast: Option<Scan<'a>>,
    /// The folder they lie in.
    pub root: &'a Root,
    /// The version that comes before, whose files are what changed ones are compressed against.
    pub parent: Option<Id<NodeId>>,
    /// The source of the parent's nodes.
    pub nodes: &'a S,
    /// The part that the workspace holds; entries of the parent outside of it are taken over.
    pub selection: Option<Matcher>,
    /// The counter of samples, if they are counted.
    pub counter: Option<SampleCounter<'a>>,
    /// The start of the scan, in nanoseconds since 1970: younger stamps are not trusted.
    pub began: i128,
}

/// The input of a worker.
#[derive(Debug)]
pub(super) enum ReadTask {
    Known(Vec<IngestedEntry>),
    /// An entry that is taken over and whose samples have to be counted anew.
    Recount(Box<Entry>),
    Small(Vec<Job>),
    Piece(Box<FilePiece>),
}

/// The next file in the order of the paths.
enum NextFile {
    Known(IngestedEntry),
    Recount(Box<Entry>),
    Job(Job),
}

pub(super) struct FileFeed<'a, S: NodeSource> {
    root: &'a Root,
    scan: Peekable<Scan<'a>>,
    old: ParentEntries<'a, S>,
    /// The parent's entries outside the selection.
    kept: Option<Peekable<Entries<'a, S>>>,
    selection: Option<Matcher>,
    counter: Option<SampleCounter<'a>>,
    pending: Option<NextFile>,
    large: Option<LargeFile>,
    outside: Vec<String>,
    progress: &'a dyn Progress,
}

impl<'a, S: NodeSource> FileFeed<'a, S> {
    pub fn new(source: IngestSource<'a, S>, progress: &'a dyn Progress) -> Result<FileFeed<'a, S>> {
        let kept = match (&source.selection, source.parent) {
            (Some(_), Some(parent)) => Some(Entries::new(source.nodes, parent)?.peekable()),
            _ => None,
        };
        Ok(FileFeed {
            root: source.root,
            scan: source.scan.peekable(),
            old: ParentEntries { nodes: source.nodes, root: source.parent, entries: None },
            kept,
            selection: source.selection,
            counter: source.counter,
            pending: None,
            large: None,
            outside: Vec::new(),
            progress,
        })
    }

    /// Returns the next file of the workspace or entry that is taken over.
    fn next_file(&mut self) -> Result<Option<NextFile>> {
        loop {
            if let Some(next) = self.pending.take() {
                return Ok(Some(next));
            }
            if let Some(entry) = self.next_kept()? {
                return Ok(Some(match self.is_counted(&entry) {
                    true => NextFile::Known(IngestedEntry { entry, row: None }),
                    false => NextFile::Recount(Box::new(entry)),
                }));
            }
            let Some(file) = self.scan.next().transpose()? else { return Ok(None) };
            if self.selection.as_ref().is_some_and(|s| !s.selects(file.path().as_str())) {
                self.outside.push(file.path().to_string());
                continue;
            }
            return Ok(Some(match file {
                // What was hashed but never stored, by status, has to be read now, and what another reader counted.
                ScannedFile::Known(row) if is_current(&row, self.counter) => {
                    NextFile::Known(IngestedEntry { entry: row.entry.clone(), row: Some(row) })
                }
                ScannedFile::Known(row) => NextFile::Job(self.job(row.entry.path, row.stat)?),
                ScannedFile::Unknown { path, stat } => NextFile::Job(self.job(path, stat)?),
            }));
        }
    }

    fn is_counted(&self, entry: &Entry) -> bool {
        is_counted(entry, self.counter)
    }

    /// Returns the parent's next entry outside the selection, if it comes before the workspace's next file.
    fn next_kept(&mut self) -> Result<Option<Entry>> {
        let (Some(kept), Some(selection)) = (&mut self.kept, &self.selection) else { return Ok(None) };
        loop {
            match (kept.peek(), self.scan.peek()) {
                (None, _) => return Ok(None),
                (Some(Ok(entry)), Some(Ok(file))) if entry.path > *file.path() => return Ok(None),
                _ => {}
            }
            match kept.next().transpose()? {
                Some(entry) if selection.selects(entry.path.as_str()) => {}
                entry => return Ok(entry),
            }
        }
    }

    fn job(&mut self, path: DataPath, stat: Stat) -> Result<Job> {
        let old = self.old.find(&path)?.filter(|e| e.kind.is_file());
        Ok(Job { path, stat, old })
    }

    /// Returns the next piece of work.
    pub fn next_task(&mut self) -> Result<Option<ReadTask>> {
        self.progress.check()?;
        if let Some(large) = &mut self.large {
            let (piece, ended) = large.piece(self.root)?;
            if ended {
                self.large = None;
            }
            return Ok(Some(ReadTask::Piece(Box::new(piece))));
        }
        match self.next_file()? {
            None => match outside(&self.outside) {
                Some(error) => Err(error),
                None => Ok(None),
            },
            Some(NextFile::Known(first)) => {
                let mut known = vec![first];
                while known.len() < 4 * BATCH {
                    match self.next_file()? {
                        Some(NextFile::Known(next)) => known.push(next),
                        next => {
                            self.pending = next;
                            break;
                        }
                    }
                }
                Ok(Some(ReadTask::Known(known)))
            }
            Some(NextFile::Recount(entry)) => Ok(Some(ReadTask::Recount(entry))),
            Some(NextFile::Job(job)) if job.stat.size > SMALL && job.stat.kind != FileKind::Symlink => {
                self.large = Some(LargeFile::begin(job));
                self.next_task()
            }
            Some(NextFile::Job(first)) => {
                let mut bytes = first.stat.size as usize;
                let mut jobs = vec![first];
                while bytes < PIECE && jobs.len() < BATCH {
                    match self.next_file()? {
                        Some(NextFile::Job(job)) if bytes + job.stat.size as usize <= PIECE => {
                            bytes += job.stat.size as usize;
                            jobs.push(job);
                        }
                        next => {
                            self.pending = next;
                            break;
                        }
                    }
                }
                Ok(Some(ReadTask::Small(jobs)))
            }
        }
    }
}

/// Returns true if all is known of a file that a version stores.
pub(super) fn is_current(row: &CacheEntry, counter: Option<SampleCounter<'_>>) -> bool {
    row.stored && is_counted(&row.entry, counter)
}

fn is_counted(entry: &Entry, counter: Option<SampleCounter<'_>>) -> bool {
    counter.is_none_or(|counter| counter.is_counted(entry))
}

/// Returns the error for files that lie outside the selection, where a commit would not see them.
fn outside(paths: &[String]) -> Option<Error> {
    let first = paths.first()?;
    let more = if paths.len() > 1 { format!(" and {} more are", paths.len() - 1) } else { " is".into() };
    Some(
        Error::new(ErrorKind::Conflict, format!("'{}'{more} outside the part that is checked out", printable(first)))
            .with_hint("move them, or check out all files first: hlx checkout HEAD"),
    )
}

/// The parent's entries, looked up in the order of the paths.
struct ParentEntries<'a, S: NodeSource> {
    nodes: &'a S,
    root: Option<Id<NodeId>>,
    entries: Option<Peekable<Entries<'a, S>>>,
}

impl<S: NodeSource> ParentEntries<'_, S> {
    /// Entries that are passed over before it is cheaper to look the path up from the root.
    const PATIENCE: usize = 256;

    fn find(&mut self, path: &DataPath) -> Result<Option<Entry>> {
        let Some(root) = self.root else { return Ok(None) };
        if let Some(entries) = &mut self.entries {
            for _ in 0..Self::PATIENCE {
                match entries.peek() {
                    Some(Ok(entry)) if entry.path < *path => drop(entries.next()),
                    Some(Ok(entry)) if entry.path > *path => return Ok(None),
                    None => return Ok(None),
                    _ => return entries.next().transpose(),
                }
            }
        }
        let entries = self.entries.insert(Entries::from_path(self.nodes, root, path.as_str())?.peekable());
        match entries.peek() {
            Some(Ok(entry)) if entry.path != *path => Ok(None),
            None => Ok(None),
            _ => entries.next().transpose(),
        }
    }
}

/// A large file that is being read.
struct LargeFile {
    job: Job,
    file: Option<File>,
    before: Stat,
    attempt: usize,
    hasher: blake3::Hasher,
    /// Bytes after the last cut, which begin the next piece.
    carry: Vec<u8>,
}

impl LargeFile {
    fn begin(job: Job) -> LargeFile {
        let before = job.stat;
        LargeFile { job, file: None, before, attempt: 0, hasher: blake3::Hasher::new(), carry: Vec::new() }
    }

    /// Reads the next piece; true if the file ends with it.
    fn piece(&mut self, root: &Root) -> Result<(FilePiece, bool)> {
        let name = self.job.path.as_str();
        let fail = |e| root.error("cannot read", name, e);
        let mut begins = None;
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = open(root, &mut root.cursor(), name)?;
                self.before = stat_open(&file).map_err(fail)?;
                if !matches!(self.before.kind, FileKind::File | FileKind::Executable) {
                    return Err(unstable(root, name));
                }
                self.hasher = blake3::Hasher::new();
                self.carry.clear();
                begins = Some(self.job.clone());
                none.insert(file)
            }
        };
        let mut bytes = Vec::with_capacity(PIECE + cut::MAX);
        bytes.append(&mut self.carry);
        let start = bytes.len();
        let whole = fill(file, &mut bytes, start + PIECE).map_err(fail)?;
        self.hasher.update(&bytes[start..]);
        let (mut lens, mut at) = (Vec::with_capacity(64), 0);
        while at < bytes.len() && (whole || bytes.len() - at >= cut::MAX) {
            let len = cut::first(&bytes[at..]);
            lens.push(len);
            at += len;
        }
        self.carry.extend_from_slice(&bytes[at..]);
        bytes.truncate(at);
        let mut ends = None;
        if whole {
            let stat = stat_open(file).map_err(fail)?;
            self.file = None;
            if stat == self.before {
                let content = Id::from_bytes(*self.hasher.finalize().as_bytes());
                ends = Some(FileEnd { content, size: self.hasher.count(), stat });
            } else {
                self.attempt += 1;
                if self.attempt >= ATTEMPTS {
                    return Err(unstable(root, name));
                }
            }
        }
        Ok((FilePiece { begins, bytes, lens, ends }, ends.is_some()))
    }
}

/// Reads until `bytes` has `upto` bytes; true at the end of the file.
fn fill(file: &mut File, bytes: &mut Vec<u8>, upto: usize) -> io::Result<bool> {
    let want = upto - bytes.len();
    let got = file.take(want as u64).read_to_end(bytes)?;
    Ok(got < want)
}
