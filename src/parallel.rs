//! Work over a stream of things, done by all cores, with the results in the order of the things.

use std::collections::BTreeMap;

use crossbeam_channel::bounded;
use rayon::iter::{IntoParallelIterator, ParallelIterator};

use std::io;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle, Scope};

use crate::error::{Error, ErrorKind, Result, reason};

/// Returns the number of worker threads: the processors that this process may use.
pub fn threads() -> usize {
    rayon::current_num_threads()
}

/// Starts the threads that share work.
///
/// # Errors
/// The system gives this user no more threads.
pub fn start() -> Result<()> {
    static STARTED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    let started = STARTED.get_or_init(|| match rayon::ThreadPoolBuilder::new().build_global() {
        Ok(()) => Ok(()),
        // The pool of whoever uses this library does as well.
        Err(e) => match std::error::Error::source(&e).and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(source) => Err(reason(source)),
            None => Ok(()),
        },
    });
    started.as_ref().map(|&()| ()).map_err(|why| no_thread(why))
}

/// Starts a thread of a scope.
///
/// # Errors
/// The system gives this user no more threads.
pub fn spawn<'scope, T: Send + 'scope>(scope: &'scope Scope<'scope, '_>, work: impl FnOnce() -> T + Send + 'scope) -> Result<()> {
    Builder::new().spawn_scoped(scope, work).map(drop).map_err(|e| no_thread(&reason(&e)))
}

/// Starts a thread that whoever starts it joins.
///
/// # Errors
/// The system gives this user no more threads.
pub fn spawn_joined<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    Builder::new().spawn(work).map_err(|e| no_thread(&reason(&e)))
}

fn no_thread(why: &str) -> Error {
    Error::new(ErrorKind::Io, format!("cannot start a thread: {why}"))
        .with_hint("raise the limit of processes and threads (ulimit -u), or the pids limit of the container")
}

/// Bytes of a stack on which recursion over the most nested record ends.
const DEEP_STACK: usize = 64 << 20;

/// Does work whose recursion is deep on a thread with a stack for it; `None` where no such thread is to be had.
pub fn with_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

/// Applies `work` to the items, some at a time on as many cores as are free, and hands the results to `take` in the order
/// of the items. It starts no thread, so that it may be part of other work.
pub fn windows<I: Send, O: Send, E>(
    mut items: impl Iterator<Item = I>,
    work: impl Fn(I) -> O + Sync,
    mut take: impl FnMut(O) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    loop {
        let window: Vec<I> = items.by_ref().take(2 * threads()).collect();
        if window.is_empty() {
            return Ok(());
        }
        let done: Vec<O> = window.into_par_iter().map(&work).collect();
        done.into_iter().try_for_each(&mut take)?;
    }
}

/// Returns an iterator over the items of `next`, up to its end or its first error.
pub fn until_error<T>(mut next: impl FnMut() -> Result<Option<T>>) -> impl Iterator<Item = Result<T>> {
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let item = next().transpose();
        ended = !matches!(item, Some(Ok(_)));
        item
    })
}

/// Applies `work` to each item on all cores and hands the results to `take` in the order of the items.
///
/// At most `ahead` items are under way at once, which bounds the memory. `items` and `take` run on the calling thread's
/// scope, one call at a time; the first error of any of the three ends all and is returned.
pub fn ordered<I, O, S>(
    items: impl Iterator<Item = Result<I>> + Send,
    ahead: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, I) -> Result<O> + Sync,
    mut take: impl FnMut(O) -> Result<()>,
) -> Result<()>
where
    I: Send,
    O: Send,
{
    let (to_work, from_source) = bounded::<(u64, Result<I>)>(ahead);
    let (to_take, from_work) = bounded::<(u64, Result<O>)>(ahead);
    let (permit, permits) = bounded::<()>(ahead);
    let (work, state) = (&work, &state);
    std::thread::scope(move |scope| {
        spawn(scope, move || {
            for job in (0..).zip(items) {
                let failed = job.1.is_err();
                if permit.send(()).is_err() || to_work.send(job).is_err() || failed {
                    return;
                }
            }
        })?;
        for worker in 0..threads() {
            let (jobs, done) = (from_source.clone(), to_take.clone());
            let spawned = spawn(scope, move || {
                let mut state = state();
                for (seq, item) in jobs {
                    if done.send((seq, item.and_then(|item| work(&mut state, item)))).is_err() {
                        return;
                    }
                }
            });
            // Fewer threads do the same work.
            if worker == 0 {
                spawned?;
            }
        }
        drop((from_source, to_take));
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (seq, result) in from_work {
            early.insert(seq, result);
            while let Some(result) = early.remove(&next) {
                next += 1;
                take(result?)?;
                let _ = permits.recv();
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn results_come_in_order() {
        let mut seen = Vec::new();
        let items = (0..1000u64).map(Ok);
        ordered(
            items,
            8,
            || (),
            |(), n| Ok(n * 2),
            |n| {
                seen.push(n);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, (0..1000).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn windows_keep_the_order_up_to_the_first_error() {
        let mut seen = Vec::new();
        let outcome = windows(
            0..1000,
            |n| if n < 700 { Ok(n * 2) } else { Err(n) },
            |done| {
                seen.push(done?);
                Ok(())
            },
        );
        assert_eq!((outcome, seen), (Err(700), (0..700).map(|n| n * 2).collect::<Vec<_>>()));
    }

    #[test]
    fn the_first_error_in_order_ends_it() {
        let mut seen = 0;
        let fail = |n: u64| if n >= 500 { Err(Error::usage(n.to_string())) } else { Ok(n) };
        let outcome = ordered(
            (0..1000u64).map(Ok),
            8,
            || (),
            |(), n| fail(n),
            |_| {
                seen += 1;
                Ok(())
            },
        );
        assert_eq!(outcome.unwrap_err().message(), "500");
        assert_eq!(seen, 500);
    }
}
