//! Counted faults: a test makes the n-th write, sync or rename below a folder fail.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The kinds of calls that a test can make fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Bytes, or a new name, are written.
    Write,
    /// A file, a folder or a file system is synced.
    Sync,
    /// A name is moved, linked or removed.
    Rename,
}

struct Plan {
    below: PathBuf,
    left: u64,
    fired: Option<Call>,
}

static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());

/// A fault that is armed until it is dropped.
#[derive(Debug)]
pub struct Armed(PathBuf);

/// Makes the `n`-th call below `folder` fail, counted from 1, once.
pub fn arm(folder: &Path, n: u64) -> Armed {
    let plan = Plan { below: folder.to_owned(), left: n, fired: None };
    PLANS.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
    Armed(folder.to_owned())
}

impl Armed {
    /// The call that failed, if the count got that far.
    pub fn fired(&self) -> Option<Call> {
        let plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
        plans.iter().find(|p| p.below == self.0).and_then(|p| p.fired)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        PLANS.lock().unwrap_or_else(PoisonError::into_inner).retain(|p| p.below != self.0);
    }
}

/// Fails if a test asked for it here.
pub fn point(call: Call, path: &Path) -> io::Result<()> {
    let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
    for plan in plans.iter_mut().filter(|p| p.fired.is_none() && path.starts_with(&p.below)) {
        plan.left -= 1;
        if plan.left == 0 {
            plan.fired = Some(call);
            return Err(io::Error::other("a fault that the test asked for"));
        }
    }
    Ok(())
}
