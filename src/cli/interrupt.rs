//! Ctrl-C: the first one asks running work to end cleanly, the second ends the process at once.
//!
//! Work that reports progress also asks whether it should stop. Where no such work runs, nobody would hear the first
//! Ctrl-C, so it already ends the process. Both are safe at any moment: what is not yet published is not visible.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

static ASKED: AtomicBool = AtomicBool::new(false);
static LISTENERS: AtomicUsize = AtomicUsize::new(0);
static IGNORING: AtomicUsize = AtomicUsize::new(0);

/// Watches for Ctrl-C; `exit` ends the process.
pub(crate) fn watch(exit: impl Fn() + Send + 'static) {
    // Without a handler the kernel ends the process at Ctrl-C, which is safe as well.
    let _ = ctrlc::set_handler(move || {
        if IGNORING.load(SeqCst) > 0 {
            return;
        }
        let heard = LISTENERS.load(SeqCst) > 0 && !ASKED.swap(true, SeqCst);
        if !heard {
            exit();
        }
    });
}

/// Whether the user asked to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(SeqCst)
}

/// Work that looks at [`asked`] while this lives.
pub(crate) struct Listening(());

impl Listening {
    /// Work that looks begins.
    pub(crate) fn new() -> Listening {
        LISTENERS.fetch_add(1, SeqCst);
        Listening(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, SeqCst);
    }
}

/// A program that has the terminal, such as a pager: while this lives, Ctrl-C is for that program alone.
pub(crate) struct Ignored(());

impl Ignored {
    /// The program begins.
    pub(crate) fn new() -> Ignored {
        IGNORING.fetch_add(1, SeqCst);
        Ignored(())
    }
}

impl Drop for Ignored {
    fn drop(&mut self) {
        IGNORING.fetch_sub(1, SeqCst);
    }
}
