//! The version that the workspace of a dataset was made from. The format is specified in `docs/formats/workspace.md`.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::fs::lock::{self, Lock};
use crate::id::{Id, VersionId};
use crate::selection::Selection;
use crate::store::Layout;

/// The state of a dataset's workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceState {
    /// The version that it was made from or that was made from it.
    pub head: Option<Id<VersionId>>,
    /// The part of the version that the workspace has; all of it for `None`.
    pub selection: Option<Selection>,
    /// The versions that checkouts were making of it since one was done; the last is that of the newest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Id<VersionId>>,
}

impl WorkspaceState {
    /// Reads the state; the state of a new workspace if there is none.
    pub fn load(layout: &Layout, dataset: &str) -> Result<WorkspaceState> {
        let path = layout.workspace(dataset).join("state.json");
        let Some(bytes) = atomic::read(&path)? else { return Ok(WorkspaceState::default()) };
        serde_json::from_slice(&bytes).map_err(|e| {
            Error::damaged(format!("{} is damaged: {e}", path.display()))
                .with_hint(format!("remove it and run: hlx checkout {dataset}@REV"))
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

/// Locks the workspace, or returns `None` if another process holds the lock.
pub fn try_lock(layout: &Layout, dataset: &str) -> Result<Option<Lock>> {
    let folder = layout.workspace(dataset);
    if !folder.is_dir() {
        return Ok(None);
    }
    lock::try_exclusive(&folder.join("lock"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Patterns of any characters, also quotes, newlines and zero bytes, many and long ones.
        #[test]
        fn any_state_comes_back(
            head in prop::option::of(any::<[u8; 32]>()),
            lists in prop::option::of((
                prop::collection::vec(any::<String>(), 0..4),
                prop::collection::vec("[\\x00-\"\\\\/*]{0,9}", 0..4),
                (0usize..3, 0usize..5_000),
            )),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let layout = Layout::new(dir.path().to_owned());
            atomic::ensure_folder(&layout.tmp()).unwrap();
            atomic::ensure_folder(&layout.workspace("leases")).unwrap();
            let selection = lists.map(|(include, exclude, (count, len))| Selection { include, exclude, paths: vec!["p".repeat(len); count] });
            let state = WorkspaceState { head: head.map(Id::from_bytes), selection, pending: head.map(Id::from_bytes).into_iter().collect() };
            state.save(&layout, "leases").unwrap();
            prop_assert_eq!(WorkspaceState::load(&layout, "leases").unwrap(), state);
        }
    }
}
