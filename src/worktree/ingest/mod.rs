//! Reads what changed in a workspace into the store: all cores read, cut and hash, in the order of the paths.
//!
//! Three parts, each a stage of a pipeline with results in order: [`feed`] walks and reads the large files a piece at a
//! time, [`work`] reads the small ones and hashes the chunks, on every core, and [`Ingest`] hands the chunks to the
//! store's writer and the entries to the caller. Memory: some pieces a core, whatever the size of the files.

mod count;
mod damaged;
mod feed;
mod forecast;
mod job;
mod work;

use std::collections::{HashSet, VecDeque};
use std::sync::mpsc;

use crate::diff::RecordDiff;
use crate::error::Result;
use crate::fs::openat::{Root, Stat};
use crate::id::{Content, Id};
use crate::manifest::NodeSource;
use crate::object::node::{Entry, EntryKind, SampleCount};
use crate::parallel;
use crate::path::DataPath;
use crate::progress::Progress;
use crate::store::Writer;
use crate::store::writer::FileWriter;
use crate::worktree::cache::{CacheEntry, kind_within};

use count::{CounterMessage, CounterThread};
use feed::FileFeed;
use forecast::Forecast;
use job::{FilePiece, Job};

pub use count::SampleCounter;
pub use damaged::DamagedFiles;
pub use feed::{IngestSource, IngestedEntry};
use work::{ReadResult, ReadWorker};

/// The samples that were counted during the ingest.
#[derive(Debug)]
pub struct IngestCounts {
    /// The differences of the files that were read from those that they replace.
    pub diff: RecordDiff,
    /// Of which files it tells.
    pub counted: PathSet,
}

/// Paths, by the halves of their hashes.
#[derive(Debug, Default)]
pub struct PathSet(HashSet<[u8; 16]>);

impl PathSet {
    fn insert(&mut self, path: &DataPath) {
        self.0.insert(short(path));
    }

    /// Returns true if this is one of them.
    pub fn contains(&self, path: &DataPath) -> bool {
        self.0.contains(&short(path))
    }
}

fn short(path: &DataPath) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(path.as_str().as_bytes()).as_bytes()[..16]);
    short
}

/// Stores all that changed and hands every entry of the new version to `take`, in the order of the paths. Returns what
/// was counted, if samples are.
pub fn ingest<S: NodeSource + Sync>(
    mut source: IngestSource<'_, S>,
    writer: &mut Writer<'_>,
    progress: &dyn Progress,
    take: impl FnMut(&mut Writer<'_>, IngestedEntry) -> Result<()>,
) -> Result<Option<IngestCounts>> {
    let (root, began, counting) = (source.root, source.began, source.counter);
    let forecast = source.forecast.take();
    let forecast = forecast.map(|scan| Forecast { scan, selection: source.selection.clone(), counter: counting, progress });
    let ahead = 2 * parallel::threads() + 2;
    let mut feed = FileFeed::new(source, progress)?;
    std::thread::scope(|scope| {
        // The forecast ends with the work.
        let (_working, ended) = mpsc::channel();
        if let Some(forecast) = forecast {
            scope.spawn(move || forecast.run(&ended));
        }
        let counter = counting.map(|counting| CounterThread::start(scope, counting, root)).transpose()?;
        let counted = counting.map(|counting| IngestCounts { diff: counting.empty_diff(), counted: PathSet::default() });
        let mut ingest = Ingest { root, writer, open: None, take, began, progress, counter, counted, queue: VecDeque::new() };
        parallel::ordered(
            parallel::until_error(|| feed.next_task()),
            ahead,
            || ReadWorker::new(root, counting),
            ReadWorker::work,
            |worked| ingest.store(worked),
        )?;
        ingest.drain_queue(0)?;
        Ok(ingest.counted)
    })
}

/// Entries that wait for the count of a large file before them.
const QUEUE: usize = 16 << 10;

/// The last stage: one thread, in order.
struct Ingest<'a, 'w, T> {
    root: &'a Root,
    writer: &'a mut Writer<'w>,
    open: Option<(Job, FileWriter<'w>)>,
    take: T,
    began: i128,
    progress: &'a dyn Progress,
    counter: Option<CounterThread>,
    counted: Option<IngestCounts>,
    /// Entries in their order, and whether each waits for its count.
    queue: VecDeque<(IngestedEntry, bool)>,
}

impl<T: FnMut(&mut Writer<'_>, IngestedEntry) -> Result<()>> Ingest<'_, '_, T> {
    fn store(&mut self, worked: ReadResult) -> Result<()> {
        match worked {
            ReadResult::Known(known) => known.into_iter().try_for_each(|ingested| self.push(ingested, false)),
            ReadResult::Recounted(entry, diff) => {
                self.absorb(diff);
                self.mark_counted(&entry.path);
                self.push(IngestedEntry { entry: *entry, row: None }, false)
            }
            ReadResult::Small { bytes, files, diff: account } => {
                self.absorb(account);
                let mut rest = &bytes[..];
                for file in files {
                    let mut writer = self.writer.file(file.job.replaces());
                    for (id, len) in file.chunks {
                        let (chunk, after) = rest.split_at(len);
                        writer.chunk(self.writer, id, chunk)?;
                        rest = after;
                    }
                    writer.finish(self.writer, file.content)?;
                    self.progress.advance(1, file.size);
                    self.finish_file(file.job, file.content, file.size, file.stat, file.samples, false)?;
                }
                Ok(())
            }
            ReadResult::Piece { piece, ids } => self.piece(*piece, ids),
        }
    }

    fn piece(&mut self, piece: FilePiece, ids: Vec<[u8; 32]>) -> Result<()> {
        let FilePiece { begins, bytes, lens, ends } = piece;
        if let Some(job) = begins {
            if let Some(counter) = &self.counter {
                counter.send(CounterMessage::Begin(job.clone()))?;
            }
            // Also when a file is read again from its start because it changed.
            let writer = self.writer.file(job.replaces());
            self.open = Some((job, writer));
        }
        let Some((_, file)) = &mut self.open else { return Ok(()) };
        self.progress.advance(0, bytes.len() as u64);
        let mut rest = &bytes[..];
        for (id, len) in ids.iter().zip(&lens) {
            let (chunk, after) = rest.split_at(*len);
            file.chunk(self.writer, *id, chunk)?;
            rest = after;
        }
        if let Some(counter) = &self.counter {
            counter.send(CounterMessage::Piece { bytes, ids, lens })?;
        }
        if let (Some(end), Some((job, file))) = (ends, self.open.take_if(|_| ends.is_some())) {
            file.finish(self.writer, end.content)?;
            if let Some(counter) = &self.counter {
                counter.send(CounterMessage::End(end))?;
            }
            self.progress.advance(1, 0);
            self.finish_file(job, end.content, end.size, end.stat, None, self.counter.is_some())?;
        }
        Ok(())
    }

    fn finish_file(
        &mut self,
        job: Job,
        content: Id<Content>,
        size: u64,
        stat: Stat,
        samples: Option<SampleCount>,
        waits: bool,
    ) -> Result<()> {
        self.mark_counted(&job.path);
        let kind = kind_within(self.root, EntryKind::from(stat.kind), job.old.map(|old| old.kind));
        let entry = Entry { path: job.path, kind, size, samples, content };
        let row = CacheEntry::read(entry.clone(), stat, true, self.began);
        self.push(IngestedEntry { entry, row: Some(row) }, waits)
    }

    fn absorb(&mut self, diff: Option<RecordDiff>) {
        if let (Some(counted), Some(diff)) = (&mut self.counted, diff) {
            counted.diff.absorb(diff);
        }
    }

    fn mark_counted(&mut self, path: &DataPath) {
        if let Some(counted) = self.counted.as_mut().filter(|counted| counted.diff.is_tallied()) {
            counted.counted.insert(path);
        }
    }

    /// Hands an entry on, once those before it have been.
    fn push(&mut self, ingested: IngestedEntry, waits: bool) -> Result<()> {
        self.queue.push_back((ingested, waits));
        self.drain_queue(QUEUE)
    }

    /// Hands on what need not wait; waits until no more than so many are left.
    fn drain_queue(&mut self, most: usize) -> Result<()> {
        while let Some((_, waits)) = self.queue.front() {
            let mut count = None;
            if let (true, Some(counter)) = (waits, &self.counter) {
                let Some((samples, diff)) = counter.receive(self.queue.len() > most)? else { return Ok(()) };
                self.absorb(Some(diff));
                count = Some(samples);
            }
            let Some((mut ingested, _)) = self.queue.pop_front() else { return Ok(()) };
            if count.is_some() {
                if let Some(row) = &mut ingested.row {
                    row.entry.samples.clone_from(&count);
                }
                ingested.entry.samples = count;
            }
            (self.take)(self.writer, ingested)?;
        }
        Ok(())
    }
}
