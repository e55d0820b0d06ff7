//! Counted faults: a test makes the n-th write, sync or rename below a folder fail.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

pub use super::Call;

struct Plan {
    below: PathBuf,
    /// The only kind of call that counts, and its error; all kinds count otherwise.
    only: Option<(Call, Errno)>,
    left: u64,
    fired: Option<Call>,
}

static PLANS: Mutex<Vec<Plan>> = Mutex::new(Vec::new());

/// A fault that is armed until it is dropped.
#[derive(Debug)]
pub struct Armed(PathBuf);

/// Makes the `n`-th call below `folder` fail, counted from 1, once.
pub fn arm(folder: &Path, n: u64) -> Armed {
    arm_plan(Plan { below: folder.to_owned(), only: None, left: n, fired: None })
}

/// Makes the first call of this kind below `folder` fail with an error of the system, once.
pub fn arm_errno(folder: &Path, call: Call, errno: Errno) -> Armed {
    arm_nth_errno(folder, 1, call, errno)
}

/// Makes the `n`-th call of this kind below `folder` fail with an error of the system, once.
pub fn arm_nth_errno(folder: &Path, n: u64, call: Call, errno: Errno) -> Armed {
    arm_plan(Plan { below: folder.to_owned(), only: Some((call, errno)), left: n, fired: None })
}

fn arm_plan(plan: Plan) -> Armed {
    let armed = Armed(plan.below.clone());
    PLANS.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
    armed
}

impl Armed {
    /// Returns the call that failed, if the count got that far.
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
        if plan.only.is_some_and(|(only, _)| only != call) {
            continue;
        }
        plan.left -= 1;
        if plan.left == 0 {
            plan.fired = Some(call);
            return Err(match plan.only {
                Some((_, errno)) => errno.into(),
                None => io::Error::other("a fault that the test asked for"),
            });
        }
    }
    Ok(())
}
