//! Reads what changed in a workspace into the store: all cores read, cut and hash, in the order of the paths.
//!
//! Three parts, each a stage of a pipeline with results in order: [`feed`] walks and reads the large files a piece at a
//! time, [`work`] reads the small ones and hashes the chunks, on every core, and [`Ingest`] hands the chunks to the
//! store's writer and the entries to the caller. Memory: some pieces a core, whatever the size of the files.

mod feed;
mod work;

use crate::error::Result;
use crate::id::{Id, Node};
use crate::manifest::NodeSource;
use crate::object::node::Entry;
use crate::parallel;
use crate::progress::Progress;
use crate::store::Writer;
use crate::store::writer::FileWriter;
use crate::worktree::cache::{Row, entry_kind};
use crate::worktree::scan::Scan;
use crate::worktree::selection::Matcher;

use feed::{Feed, Job};
use work::{Worked, Worker};

/// An entry of the new version, and what the stat cache will know of the file.
#[derive(Debug)]
pub struct Ingested {
    /// The entry.
    pub entry: Entry,
    /// The stat cache's row; none for an entry that is taken over from the parent, outside the selection.
    pub row: Option<Row>,
}

/// Where the files come from.
pub struct Source<'a, S> {
    /// The files of the workspace.
    pub scan: Scan<'a>,
    /// The folder they lie in.
    pub root: &'a crate::fs::beneath::Root,
    /// The version that comes before, whose files are what changed ones are compressed against.
    pub parent: Option<Id<Node>>,
    /// Where the parent's manifest is read.
    pub nodes: &'a S,
    /// The part that the workspace holds; entries of the parent outside of it are taken over.
    pub selection: Option<Matcher>,
    /// When the scan began, in nanoseconds since 1970: younger stamps are not trusted.
    pub began: i128,
}

/// Stores all that changed and hands every entry of the new version to `take`, in the order of the paths.
pub fn ingest<S: NodeSource + Sync>(
    source: Source<'_, S>,
    writer: &mut Writer<'_>,
    progress: &dyn Progress,
    take: impl FnMut(&mut Writer<'_>, Ingested) -> Result<()>,
) -> Result<()> {
    let (root, began) = (source.root, source.began);
    let ahead = 2 * parallel::threads() + 2;
    let mut ingest = Ingest { writer, open: None, take, began, progress };
    let mut feed = Feed::new(source, progress)?;
    parallel::ordered(
        parallel::until_error(|| feed.unit()),
        ahead,
        || Worker::new(root),
        Worker::work,
        |worked| ingest.store(worked),
    )
}

/// The last stage: one thread, in order.
struct Ingest<'a, 'w, T> {
    writer: &'a mut Writer<'w>,
    open: Option<(Job, FileWriter<'w>)>,
    take: T,
    began: i128,
    progress: &'a dyn Progress,
}

impl<T: FnMut(&mut Writer<'_>, Ingested) -> Result<()>> Ingest<'_, '_, T> {
    fn store(&mut self, worked: Worked) -> Result<()> {
        match worked {
            Worked::Known(known) => known.into_iter().try_for_each(|ingested| (self.take)(self.writer, ingested)),
            Worked::Small { bytes, files } => {
                let mut rest = &bytes[..];
                for file in files {
                    let mut writer = self.writer.file(file.job.old);
                    for (id, len) in file.chunks {
                        let (chunk, after) = rest.split_at(len);
                        writer.chunk(self.writer, id, chunk)?;
                        rest = after;
                    }
                    writer.finish(self.writer, file.content)?;
                    self.done(file.job, file.content, file.size, file.stat)?;
                }
                Ok(())
            }
            Worked::Piece { piece, ids } => {
                if let Some(job) = piece.begins {
                    // Also when a file is read again from its start because it changed.
                    let writer = self.writer.file(job.old);
                    self.open = Some((job, writer));
                }
                let Some((_, file)) = &mut self.open else { return Ok(()) };
                let mut rest = &piece.bytes[..];
                for (id, len) in ids.into_iter().zip(piece.lens) {
                    let (chunk, after) = rest.split_at(len);
                    file.chunk(self.writer, id, chunk)?;
                    rest = after;
                }
                if let (Some(end), Some((job, file))) = (piece.ends, self.open.take_if(|_| piece.ends.is_some())) {
                    file.finish(self.writer, end.content)?;
                    self.done(job, end.content, end.size, end.stat)?;
                }
                Ok(())
            }
        }
    }

    fn done(&mut self, job: Job, content: Id<crate::id::Content>, size: u64, stat: crate::fs::beneath::Stat) -> Result<()> {
        self.progress.advance(1, size);
        let entry = Entry { path: job.path, kind: entry_kind(stat.kind), size, samples: None, content };
        let row = Row::read(entry.clone(), stat, true, self.began);
        (self.take)(self.writer, Ingested { entry, row: Some(row) })
    }
}
