//! Keeps the panics of the parquet crate on damaged files in.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::ReadError;
use parquet::errors::{ParquetError, Result as ParquetResult};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Returns true if this thread reads a file with code that may panic on a damaged one: such a panic is caught, and a panic
/// hook should pass over it.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs a part of the parquet and arrow crates, which panic on some damaged files.
pub fn guard<T>(read: impl FnOnce() -> ParquetResult<T>) -> Result<T, ReadError> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(before);
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ParquetError::General(why) | ParquetError::EOF(why))) => Err(ReadError::damaged(&why)),
        Ok(Err(why)) => Err(ReadError::damaged(&why.to_string())),
        Err(_) => Err(ReadError::damaged("internal error of its reader")),
    }
}
