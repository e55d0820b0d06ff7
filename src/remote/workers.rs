//! The threads of a transfer: more than there are cores, since they wait for the network.

use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::parallel;
use crate::progress::Progress;

/// Requests under way at once.
const REQUESTS: usize = 8;

/// Does some work for each item, several at a time. Returns the first error, after which no other item begins.
pub(super) fn each<I: Send>(
    items: impl Iterator<Item = I> + Send,
    progress: &dyn Progress,
    work: impl Fn(I) -> Result<()> + Sync,
) -> Result<()> {
    let items = Mutex::new(items.fuse());
    let outcome = Mutex::new(Ok(()));
    let next = || {
        let is_ended = outcome.lock().unwrap_or_else(PoisonError::into_inner).is_err();
        if is_ended { None } else { items.lock().unwrap_or_else(PoisonError::into_inner).next() }
    };
    let run = || {
        while let Some(item) = next() {
            if let Err(e) = progress.check().and_then(|()| work(item)) {
                let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                *outcome = std::mem::replace(&mut *outcome, Ok(())).and(Err(e));
            }
        }
    };
    std::thread::scope(|scope| {
        // Where there are no more threads, fewer do the same work.
        let _ = (1..REQUESTS).try_for_each(|_| parallel::spawn(scope, run));
        run();
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::error::Error;
    use crate::progress::NoProgress;

    #[test]
    fn every_item_is_done_unless_one_fails() {
        let sum = AtomicU64::new(0);
        let add = |n: u64| {
            sum.fetch_add(n, Ordering::Relaxed);
            Ok(())
        };
        each(0..1_000, &NoProgress, add).unwrap();
        assert_eq!(sum.into_inner(), 499_500);
        let done = AtomicU64::new(0);
        let fail = |n: u64| {
            done.fetch_add(1, Ordering::Relaxed);
            if n == 10 { Err(Error::usage("ten")) } else { Ok(()) }
        };
        assert_eq!(each(0..1_000_000, &NoProgress, fail).unwrap_err().message(), "ten");
        assert!(done.into_inner() < 1_000_000);
    }
}
