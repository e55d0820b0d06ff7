//! Ctrl-C: the first one asks running work to end cleanly, the second ends the process at once.
//!
//! Work that reports progress also asks whether it should stop. Where no such work runs, nobody would hear the first
//! Ctrl-C, so it already ends the process. Both are safe at any moment: what is not yet published is not visible.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
static IGNORING: AtomicUsize = AtomicUsize::new(0);

/// Watches for Ctrl-C; `exit` ends the process.
pub(crate) fn watch(exit: impl Fn() + Send + 'static) {
    // Without a handler the kernel ends the process at Ctrl-C, which is safe as well.
    let _ = ctrlc::set_handler(move || {
        if IGNORING.load(SeqCst) > 0 {
            return;
        }
        let heard = LISTENERS.load(SeqCst) > 0 && !INTERRUPTED.swap(true, SeqCst);
        if !heard {
            exit();
        }
    });
}

/// Returns true if the user asked to stop.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(SeqCst)
}

/// A guard that changes the meaning of Ctrl-C while it lives.
pub(crate) struct ListenerGuard(&'static AtomicUsize);

impl ListenerGuard {
    /// For work that looks at [`is_interrupted`]: the first Ctrl-C asks it to end.
    pub(crate) fn listening() -> ListenerGuard {
        ListenerGuard::of(&LISTENERS)
    }

    /// For a program that has the terminal, such as a pager: Ctrl-C is for that program alone.
    pub(crate) fn ignoring() -> ListenerGuard {
        ListenerGuard::of(&IGNORING)
    }

    fn of(count: &'static AtomicUsize) -> ListenerGuard {
        count.fetch_add(1, SeqCst);
        ListenerGuard(count)
    }
}

impl Drop for ListenerGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}
