//! Counting the samples of what is ingested: of small files on every core, of large ones on a thread beside the store's.

use std::sync::Arc;
use std::thread::Scope;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

use super::damaged::DamagedFiles;
use super::job::{FileEnd, Job};
use crate::diff::{
    DiffDetail, FileSide, FileSource, FileStream, IssueMark, ReaderConfig, RecordDiff, RecordRef, StreamResult, compare,
};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::{Root, stat_open};
use crate::gate::{Evaluation, FilePrecheck};
use crate::id::{Content, Id};
use crate::object::node::{Entry, SampleCount};
use crate::object::recipe::RecipeItem;
use crate::parallel;
use crate::sample::{Compression, ReaderSpec, Side};
use crate::store::Store;
use crate::worktree::hash::{open, unstable};

/// Pieces of large files that wait to be compared.
const AHEAD: usize = 4;

/// The counter of samples, and the files that it compares.
#[derive(Clone, Copy)]
pub struct SampleCounter<'a> {
    /// The store of the old sides.
    pub store: &'a Arc<Store>,
    /// The reader configuration.
    pub config: &'a ReaderConfig,
    /// True if the parent's samples are known: then they are compared, and what did not change keeps its count. Otherwise
    /// every file is read.
    pub tallied: bool,
    /// The evaluation that checks the records in which the files differ from the parent's, if the dataset has rules.
    pub evaluation: Option<&'a Evaluation<'a>>,
    /// The files of the parent that cannot be read.
    pub damaged: &'a DamagedFiles,
}

impl<'a> SampleCounter<'a> {
    fn detail(&self) -> DiffDetail {
        if self.tallied { DiffDetail::Differences } else { DiffDetail::Schema }
    }

    /// Nothing found yet.
    pub fn empty_diff(&self) -> RecordDiff {
        RecordDiff::new(self.config, self.detail())
    }

    /// Returns true if the entry has the count that it would get now.
    pub fn is_counted(&self, entry: &Entry) -> bool {
        let is_current = |samples: &SampleCount| self.config.is_current(entry.path.as_str(), &samples.reader);
        let is_known = self.tallied && !self.damaged.contains(entry.path.as_str());
        !entry.kind.is_file() || is_known && entry.samples.as_ref().is_some_and(is_current)
    }

    /// Returns the old side of a file, in the store, read as it was read then.
    pub fn old_side<'h>(&self, entry: &'h Entry) -> Result<FileSide<'h>>
    where
        'a: 'h,
    {
        let bytes = FileSource::Stored(self.store);
        let file = self.config.file_side(entry.path.as_str(), Some(entry.content), entry.size, bytes);
        self.config.read_as_counted(file, entry.samples.as_ref())
    }

    /// Returns the old side of a job, where it is compared. Of one that cannot be read the account takes the number of
    /// records.
    fn replaced_side<'h>(&self, job: &'h Job, diff: &mut RecordDiff) -> Result<Option<FileSide<'h>>>
    where
        'a: 'h,
    {
        let Some(old) = job.old.as_ref().filter(|_| self.tallied) else { return Ok(None) };
        if self.damaged.contains(old.path.as_str()) {
            add_unread(diff, Side::Old, old);
            return Ok(None);
        }
        self.old_side(old).map(Some)
    }

    /// Notes that the parent's file is damaged, and answers with `instead` for what was counted, which is void.
    fn skip_damaged<T>(&self, counted: Result<T>, path: &str, old: Option<&Entry>, instead: T) -> Result<T> {
        match counted {
            Err(e) if e.kind() == ErrorKind::Damaged && self.tallied && old.is_some() => {
                self.damaged.add(path, old, e);
                Ok(instead)
            }
            counted => counted,
        }
    }

    /// Counts a small file, whose bytes are these.
    pub(super) fn count_small(
        &self,
        job: &Job,
        content: Id<Content>,
        bytes: &[u8],
        diff: &mut RecordDiff,
    ) -> Result<SampleCount> {
        let path = job.path.as_str();
        let spec = self.config.spec_for(path).guess(bytes);
        let reader = spec.id();
        let same = job.old.as_ref().filter(|old| self.tallied && old.content == content);
        if let Some(samples) = same.and_then(|old| old.samples.as_ref()).filter(|samples| samples.reader == reader) {
            return Ok(samples.clone());
        }
        let (mark, hints) = (diff.mark(), spec.hints(bytes));
        let old = self.replaced_side(job, diff)?;
        let (content, size, bytes) = (Some(content), bytes.len() as u64, FileSource::Held(bytes));
        let new = FileSide { path, spec: spec.clone(), content, size, records: None, bytes };
        let mut precheck = self.precheck(path, &spec);
        let mut each = precheck.as_mut().map(|precheck| |record: RecordRef<'_>| precheck.record(&record));
        let visitor = each.as_mut().map(|each| each as &mut dyn FnMut(RecordRef<'_>));
        let counted = compare(self.config, old.as_ref(), Some(&new), true, diff, visitor);
        let count = self.skip_damaged(counted, path, job.old.as_ref(), 0)?;
        if let Some(precheck) = precheck {
            precheck.finish();
        }
        diff.insert_hints(mark, path, hints);
        Ok(SampleCount { count, reader })
    }

    /// Returns the check for the records of this file, if its format decides on each record as it comes.
    fn precheck(&self, path: &str, spec: &ReaderSpec) -> Option<FilePrecheck<'a>> {
        let streams = (spec.is_lines() || spec.is_table()) && spec.compression == Compression::None;
        self.evaluation.filter(|_| streams && self.tallied).and_then(|evaluation| evaluation.precheck(path))
    }

    /// Counts an entry that is taken over as it is, and that another reader counted. One that cannot be read keeps its
    /// count.
    pub(super) fn recount(&self, entry: &Entry, diff: &mut RecordDiff) -> Result<Option<SampleCount>> {
        let path = entry.path.as_str();
        if self.tallied && self.damaged.contains(path) {
            return Ok(entry.samples.clone());
        }
        let old = self.old_side(entry)?;
        let new = FileSide { spec: self.config.spec_for(entry.path.as_str()), records: None, ..old.clone() }.with_guess()?;
        let counted = compare(self.config, Some(&old).filter(|_| self.tallied), Some(&new), true, diff, None);
        let count = self.skip_damaged(counted, path, Some(entry), 0)?;
        Ok(Some(SampleCount { count, reader: new.spec.id() }))
    }

    /// Tells a file of which the store has both sides.
    pub fn count_stored(&self, old: Option<&Entry>, new: Option<&Entry>, diff: &mut RecordDiff) -> Result<()> {
        let either = old.or(new);
        let path = either.map_or("", |entry| entry.path.as_str());
        if self.damaged.contains(path) {
            old.iter().for_each(|old| add_unread(diff, Side::Old, old));
            new.iter().for_each(|new| add_unread(diff, Side::New, new));
            return Ok(());
        }
        let before = old.map(|old| self.old_side(old)).transpose()?;
        let after = new.map(|new| self.old_side(new)).transpose()?;
        let counted = compare(self.config, before.as_ref(), after.as_ref(), false, diff, None).map(drop);
        self.skip_damaged(counted, path, either, ())
    }
}

/// Adds a file that cannot be read to an account, by the number of its records.
fn add_unread(diff: &mut RecordDiff, side: Side, entry: &Entry) {
    diff.add_unread(side, entry.samples.as_ref().map_or(0, |samples| samples.count));
}

/// A message to the thread about large files.
pub(super) enum CounterMessage {
    Begin(Job),
    Piece { bytes: Vec<u8>, ids: Vec<[u8; 32]>, lens: Vec<usize> },
    End(FileEnd),
}

type CountResult = Result<(SampleCount, RecordDiff)>;

/// The thread that counts large files.
pub(super) struct CounterThread {
    to: Option<Sender<CounterMessage>>,
    answers: Receiver<CountResult>,
}

impl CounterThread {
    pub fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        counter: SampleCounter<'env>,
        root: &'env Root,
    ) -> Result<CounterThread> {
        let (to, told) = bounded(AHEAD);
        let (answer, answers) = unbounded();
        parallel::spawn(scope, move || {
            let mut next = told.recv().ok();
            while let Some(CounterMessage::Begin(job)) = next {
                next = match file(counter, root, &job, &told) {
                    Ok(Some(FileCount::Counted(samples, diff))) => {
                        let _ = answer.send(Ok((samples, diff)));
                        told.recv().ok()
                    }
                    Ok(Some(FileCount::Again(job))) => Some(CounterMessage::Begin(job)),
                    Ok(None) => None,
                    Err(e) => {
                        let _ = answer.send(Err(e));
                        None
                    }
                };
            }
        })?;
        Ok(CounterThread { to: Some(to), answers })
    }

    /// Tells what comes next; fails with what went wrong before.
    pub fn send(&self, told: CounterMessage) -> Result<()> {
        match &self.to {
            Some(to) if to.send(told).is_ok() => Ok(()),
            _ => Err(self.answers.iter().find_map(Result::err).unwrap_or_else(Error::interrupted)),
        }
    }

    /// Returns the next file's count; waits for it if asked to.
    pub fn receive(&self, wait: bool) -> Result<Option<(SampleCount, RecordDiff)>> {
        let answer = if wait { self.answers.recv().ok() } else { self.answers.try_recv().ok() };
        match answer {
            None if wait => Err(Error::interrupted()),
            answer => answer.transpose(),
        }
    }
}

enum FileCount {
    Counted(SampleCount, RecordDiff),
    /// The file changed and comes once more.
    Again(Job),
}

/// Counts one large file; `None` if nothing more comes.
fn file(counter: SampleCounter<'_>, root: &Root, job: &Job, told: &Receiver<CounterMessage>) -> Result<Option<FileCount>> {
    let path = job.path.as_str();
    let Ok(first) = told.recv() else { return Ok(None) };
    let head = match &first {
        CounterMessage::Begin(_) | CounterMessage::End(_) => &[][..],
        CounterMessage::Piece { bytes, .. } => &bytes[..],
    };
    let spec = counter.config.spec_for(path).guess(head);
    let mut hints = spec.hints(head);
    let mut diff = counter.empty_diff();
    let old = counter.replaced_side(job, &mut diff)?;
    let mut precheck = counter.precheck(path, &spec);
    let mut each = precheck.as_mut().map(|precheck| |record: RecordRef<'_>| precheck.record(&record));
    let visitor = each.as_mut().map(|each| each as &mut dyn FnMut(RecordRef<'_>));
    let mut stream =
        FileStream::new(counter.store, counter.config, path, spec.clone(), old, counter.detail()).with_visitor(visitor);
    let mut is_void = false;
    for next in std::iter::once(first).chain(told) {
        match next {
            CounterMessage::Begin(job) => return Ok(Some(FileCount::Again(job))),
            CounterMessage::Piece { .. } if is_void => {}
            CounterMessage::Piece { bytes, ids, lens } => {
                let mut rest = &bytes[..];
                let counted = ids.into_iter().zip(lens).try_for_each(|(id, len)| {
                    let (chunk, after) = rest.split_at(len);
                    rest = after;
                    stream.chunk(&RecipeItem { id, len: len as u64 }, Some(chunk))
                });
                is_void = counter.skip_damaged(counted.map(|()| false), path, job.old.as_ref(), true)?;
            }
            CounterMessage::End(_) if is_void => {
                return Ok(Some(FileCount::Counted(SampleCount { count: 0, reader: spec.id() }, diff)));
            }
            CounterMessage::End(end) => {
                let (content, size, bytes) = (Some(end.content), end.size, FileSource::Held(&[][..]));
                let mut new = FileSide { path, spec: spec.clone(), content, size, records: None, bytes };
                let mut reopened = None;
                if spec.is_read_from_disk() {
                    let file = Arc::new(open(root, &mut root.cursor(), path)?);
                    new.bytes = FileSource::Open(file.clone(), root.path().join(path));
                    reopened = Some(file);
                }
                let instead = StreamResult { count: 0, diff: counter.empty_diff() };
                let mut counted = counter.skip_damaged(stream.finish(&new), path, job.old.as_ref(), instead)?;
                counted.diff.insert_hints(IssueMark::default(), path, std::mem::take(&mut hints));
                diff.absorb(counted.diff);
                if let Some(file) = reopened
                    && stat_open(&file).map_err(|e| root.error("cannot read", path, e))? != end.stat
                {
                    return Err(unstable(root, path));
                }
                if let Some(precheck) = precheck {
                    precheck.finish();
                }
                let samples = SampleCount { count: counted.count, reader: spec.id() };
                return Ok(Some(FileCount::Counted(samples, diff)));
            }
        }
    }
    Ok(None)
}
