//! The runtime of a bucket, and the repetition of operations that fail. Async is confined to this file and in `http.rs`.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream::{BoxStream, FuturesUnordered, StreamExt};
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStoreExt, PutMode, PutPayload};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use super::fault::{AttemptFailure, FaultCause, RequestFault};
use super::http::{ATTEMPT, Attempt};
use super::open::StoreClients;
use crate::error::{Error, ErrorKind, Result, reason};

/// Bytes a second below which a transfer counts as stalled.
const SLOWEST: u64 = 16 << 10;
/// Time between two calls of the progress of an upload.
const TICK: Duration = Duration::from_millis(200);
/// Threads that serve connections.
const WORKERS: usize = 2;

/// The times that an operation may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimits {
    /// For an answer to begin, and between two pieces of it.
    pub answer: Duration,
    /// For all attempts of an operation on a server that has answered before.
    pub total: Duration,
    /// For all attempts on one that has not: it may not exist.
    pub first: Duration,
    /// Before the second attempt. The pause doubles with each.
    pub pause: Duration,
}

impl TimeLimits {
    /// The longest pause between two attempts.
    const LONGEST_PAUSE: Duration = Duration::from_secs(10);

    /// Returns the time before the next attempt: half to all of a pause that grows, so that clients spread.
    fn pause_after(&self, attempts: u64) -> Duration {
        let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
        let pause = (self.pause * 2_u32.pow(doublings)).min(TimeLimits::LONGEST_PAUSE);
        let part = RandomState::new().hash_one(attempts) % 512;
        pause * (512 + part as u32) / 1_024
    }
}

impl Default for TimeLimits {
    fn default() -> TimeLimits {
        let seconds = Duration::from_secs;
        TimeLimits { answer: seconds(60), total: seconds(180), first: seconds(15), pause: Duration::from_millis(100) }
    }
}

/// The result of reading a file of limited length.
#[derive(Debug)]
pub(super) enum RemoteContent {
    /// The file does not exist.
    Missing,
    /// It is longer than allowed.
    Long,
    /// Its bytes.
    Whole(Vec<u8>),
}

/// A piece of a file that is uploaded.
#[derive(Debug)]
pub(super) struct UploadPart {
    /// Its place in the order of the parts.
    pub index: usize,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The runtime and the clients of a bucket.
#[derive(Debug)]
pub(super) struct BucketClient {
    runtime: Runtime,
    clients: StoreClients,
    limits: TimeLimits,
    /// True once the server has answered.
    has_answered: AtomicBool,
}

impl BucketClient {
    /// Starts the runtime.
    pub fn start(clients: StoreClients, limits: TimeLimits) -> Result<BucketClient> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(WORKERS).thread_name("hlx-remote").enable_all().build();
        let runtime =
            runtime.map_err(|e| Error::new(ErrorKind::Io, format!("cannot start the threads of a remote: {}", reason(&e))))?;
        Ok(BucketClient { runtime, clients, limits, has_answered: AtomicBool::new(false) })
    }

    /// Attempts an operation that moves so many bytes until it succeeds, fails for good, or takes too long.
    async fn attempt<T, F>(&self, bytes: u64, work: impl Fn() -> F) -> Result<T, RequestFault>
    where
        F: Future<Output = Result<T, AttemptFailure>>,
    {
        let (begin, mut attempts, mut is_doubtful) = (Instant::now(), 0, false);
        loop {
            attempts += 1;
            let attempt = Attempt::new(bytes);
            let time = self.limits.answer + Duration::from_secs(bytes / SLOWEST);
            let outcome = timeout(time, ATTEMPT.scope(attempt.clone(), work())).await.unwrap_or(Err(AttemptFailure::Stalled));
            self.has_answered.fetch_or(attempt.status().is_some(), Ordering::Relaxed);
            let fault = match outcome {
                Ok(value) => return Ok(value),
                Err(failure) => RequestFault::of(failure, &attempt),
            };
            is_doubtful |= fault.leaves_doubt();
            let total = if self.has_answered.load(Ordering::Relaxed) { self.limits.total } else { self.limits.first };
            let pause = self.limits.pause_after(attempts);
            if !fault.is_transient() || begin.elapsed() + pause > total {
                return Err(fault.after(attempts, begin.elapsed(), is_doubtful));
            }
            sleep(pause).await;
        }
    }

    /// Reads a file of at most `limit` bytes.
    pub fn read(&self, path: &Path, limit: u64) -> Result<RemoteContent, RequestFault> {
        let read = || async {
            let answer = self.clients.objects.get_opts(path, GetOptions::default()).await?;
            if answer.meta.size > limit {
                return Ok(RemoteContent::Long);
            }
            let size = answer.meta.size;
            self.collect(answer.into_stream(), size).await.map(RemoteContent::Whole)
        };
        match self.runtime.block_on(self.attempt(limit, read)) {
            Err(fault) if fault.cause == FaultCause::Missing => Ok(RemoteContent::Missing),
            Err(fault) if fault.cause == FaultCause::Long => Ok(RemoteContent::Long),
            content => content,
        }
    }

    /// Reads a part of a file.
    pub fn read_range(&self, path: &Path, range: &Range<u64>) -> Result<Vec<u8>, RequestFault> {
        let options = || GetOptions { range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let len = range.end - range.start;
        let read = || async {
            let answer = self.clients.objects.get_opts(path, options()).await?;
            // A file that ends within the range is reported by what comes of it.
            let found = answer.range.end - answer.range.start;
            self.collect(answer.into_stream(), found).await
        };
        self.runtime.block_on(self.attempt(len, read))
    }

    /// Collects an answer of so many bytes.
    async fn collect(
        &self,
        mut stream: BoxStream<'static, object_store::Result<Bytes>>,
        len: u64,
    ) -> Result<Vec<u8>, AttemptFailure> {
        let mut bytes = Vec::new();
        while let Some(piece) = timeout(self.limits.answer, stream.next()).await.map_err(|_| AttemptFailure::Stalled)? {
            let piece = piece?;
            self.clients.traffic.received(piece.len() as u64);
            if bytes.len() as u64 + piece.len() as u64 > len {
                return Err(AttemptFailure::Short);
            }
            bytes.extend_from_slice(&piece);
        }
        if bytes.len() as u64 == len { Ok(bytes) } else { Err(AttemptFailure::Short) }
    }

    /// Writes a file.
    pub fn write(&self, path: &Path, bytes: Bytes, mode: PutMode) -> Result<(), RequestFault> {
        let put = || async {
            let payload = PutPayload::from_bytes(bytes.clone());
            self.clients.objects.put_opts(path, payload, mode.clone().into()).await?;
            Ok(())
        };
        self.runtime.block_on(self.attempt(bytes.len() as u64, put))
    }

    /// Returns the length of a file; `None` if it does not exist.
    pub fn size(&self, path: &Path) -> Result<Option<u64>, RequestFault> {
        let head = || async { Ok(Some(self.clients.objects.head(path).await?.size)) };
        missing(self.runtime.block_on(self.attempt(0, head)), None)
    }

    /// Removes a file.
    pub fn remove(&self, path: &Path) -> Result<(), RequestFault> {
        let remove = || async { Ok(self.clients.objects.delete(path).await?) };
        missing(self.runtime.block_on(self.attempt(0, remove)), ())
    }

    /// Returns the next files of a folder after one of them, at most so many; none at the end.
    pub fn page(&self, folder: Option<&Path>, after: Option<&Path>, most: usize) -> Result<Vec<ObjectMeta>, RequestFault> {
        let list = || async {
            let files = match after {
                Some(after) => self.clients.objects.list_with_offset(folder, after),
                None => self.clients.objects.list(folder),
            };
            let mut page = Vec::new();
            let mut files = files.take(most);
            while let Some(file) = timeout(self.limits.answer, files.next()).await.map_err(|_| AttemptFailure::Stalled)? {
                page.push(file?);
            }
            Ok(page)
        };
        missing(self.runtime.block_on(self.attempt(1 << 20, list)), Vec::new())
    }

    /// Begins an upload in parts, and returns its id.
    pub fn begin(&self, path: &Path) -> Result<String, RequestFault> {
        let create = || async { Ok(self.clients.parts()?.create_multipart(path).await?) };
        self.runtime.block_on(self.attempt(0, create))
    }

    /// Sends the parts that `next` returns, at most `ahead` at once, and returns their ids in order. `progress` is called
    /// several times a second.
    pub fn send_parts(
        &self,
        path: &Path,
        upload: &String,
        ahead: usize,
        mut next: impl FnMut() -> Result<Option<UploadPart>>,
        progress: impl Fn(u64) -> Result<()>,
        error: impl Fn(RequestFault) -> Error,
    ) -> Result<Vec<PartId>> {
        let send = |part: UploadPart| async move {
            let len = part.bytes.len() as u64;
            let payload = || PutPayload::from_bytes(part.bytes.clone());
            let put = || async { Ok(self.clients.parts()?.put_part(path, upload, part.index, payload()).await?) };
            self.attempt(len, put).await.map(|id| (part.index, id, len))
        };
        self.runtime.block_on(async {
            let (mut flight, mut ids, mut sent, mut is_read) = (FuturesUnordered::new(), Vec::new(), 0, false);
            loop {
                while !is_read && flight.len() < ahead {
                    match next()? {
                        Some(part) => flight.push(send(part)),
                        None => is_read = true,
                    }
                }
                match timeout(TICK, flight.next()).await {
                    Ok(Some(done)) => {
                        let (index, id, len) = done.map_err(&error)?;
                        ids.push((index, id));
                        sent += len;
                    }
                    Ok(None) => break,
                    Err(_) => {}
                }
                progress(sent)?;
            }
            ids.sort_by_key(|(index, _)| *index);
            Ok(ids.into_iter().map(|(_, id)| id).collect())
        })
    }

    /// Ends an upload in parts: the file appears.
    pub fn complete(&self, path: &Path, upload: &String, ids: &[PartId]) -> Result<(), RequestFault> {
        let complete = || async {
            self.clients.parts()?.complete_multipart(path, upload, ids.to_vec()).await?;
            Ok(())
        };
        self.runtime.block_on(self.attempt(0, complete))
    }

    /// Removes the parts of an upload that is not completed. Best effort: a rule of the bucket removes what is left.
    pub fn abort(&self, path: &Path, upload: &String) {
        self.runtime.block_on(async {
            if let Ok(parts) = self.clients.parts() {
                let _ = timeout(self.limits.answer, parts.abort_multipart(path, upload)).await;
            }
        });
    }
}

/// Returns a value for a file that does not exist.
fn missing<T>(outcome: Result<T, RequestFault>, value: T) -> Result<T, RequestFault> {
    match outcome {
        Err(fault) if fault.cause == FaultCause::Missing => Ok(value),
        outcome => outcome,
    }
}
