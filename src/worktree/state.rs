//! What the workspace of a dataset was made from. The format is specified in `docs/formats/workspace.md`.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::fs::lock::{self, Lock};
use crate::id::{Id, Version};
use crate::store::Layout;
use crate::worktree::selection::Selection;

/// The state of a dataset's workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The version that it was made from or that was made from it.
    pub head: Option<Id<Version>>,
    /// Which part of the version it holds; all of it for `None`.
    pub selection: Option<Selection>,
}

impl State {
    /// Reads the state; the state of a new workspace if there is none.
    pub fn load(layout: &Layout, dataset: &str) -> Result<State> {
        let path = layout.workspace(dataset).join("state.json");
        let Some(bytes) = atomic::read(&path)? else { return Ok(State::default()) };
        serde_json::from_slice(&bytes).map_err(|e| {
            Error::damaged(format!("{} is damaged: {e}", path.display()))
                .with_hint(format!("remove it and run 'hlx checkout {dataset}@REV'"))
        })
    }

    /// Replaces the state. Durable when it returns.
    pub fn save(&self, layout: &Layout, dataset: &str) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|e| Error::damaged(e.to_string()))?;
        bytes.push(b'\n');
        atomic::replace(&layout.tmp(), &layout.workspace(dataset).join("state.json"), &bytes)
    }
}

/// Waits until nobody else changes this workspace, and keeps others from it until dropped.
pub fn lock(layout: &Layout, dataset: &str) -> Result<Lock> {
    let folder = layout.workspace(dataset);
    atomic::ensure_folder(&folder)?;
    lock::exclusive(&folder.join("lock"))
}

/// The same, or `None` if somebody is at it now.
pub fn try_lock(layout: &Layout, dataset: &str) -> Result<Option<Lock>> {
    let folder = layout.workspace(dataset);
    if !folder.is_dir() {
        return Ok(None);
    }
    lock::try_exclusive(&folder.join("lock"))
}
