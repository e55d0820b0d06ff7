//! Guards calls of sled: its panics become errors and print nothing.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::{Error, ErrorKind, Result};

thread_local! {
    /// True while this thread is inside of [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// The prefix of the names of sled's own threads.
const SLED_THREAD: &str = "sled-io-";

/// Silences the reports of panics of sled; all others are reported as before. sled panics on damage that it should return
/// an error for, and the report of a panic cannot be kept from the terminal in any other way.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if std::thread::panicking() {
            return;
        }
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let sled = std::thread::current().name().is_some_and(|name| name.starts_with(SLED_THREAD));
            if !sled && !GUARDED.get() {
                before(info);
            }
        }));
    });
}

/// Calls sled. A panic becomes an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    silence_panics();
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    outcome.unwrap_or_else(|_| Err(Error::damaged("the catalog is damaged: internal error of sled")))
}

/// Converts an error of sled: [`ErrorKind::Conflict`] if another process has the database open.
pub(super) fn fault(error: sled::Error) -> Error {
    let kind = match &error {
        // sled has no kind of its own for it.
        sled::Error::Io(e) if e.to_string().starts_with("could not acquire lock") => ErrorKind::Conflict,
        sled::Error::Io(_) => ErrorKind::Io,
        _ => ErrorKind::Damaged,
    };
    Error::new(kind, format!("cannot use the catalog: {error}"))
}

/// Returns the error of a damaged row.
pub(super) fn broken(what: &str) -> Error {
    Error::damaged(format!("the catalog is damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_errors() {
        assert_eq!(guarded(|| Ok(7)).unwrap(), 7);
        let error = guarded::<()>(|| panic!("inside")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(!GUARDED.get(), "the guard ends with the call");
    }

    #[test]
    fn a_database_that_is_open_elsewhere_is_a_conflict() {
        let dir = tempfile::tempdir().unwrap();
        let _held = sled::open(dir.path()).unwrap();
        assert_eq!(sled::open(dir.path()).map_err(fault).unwrap_err().kind(), ErrorKind::Conflict);
    }
}
