//! The version that the workspace of a dataset was made from. The format is specified in `docs/formats/workspace.md`.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fs::atomic;
use crate::fs::lock::{self, Lock};
use crate::id::{Id, VersionId};
use crate::selection::Selection;
use crate::store::Layout;

/// The state of a dataset's workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkspaceState {
    /// The version that it was made from or that was made from it.
    pub head: Option<Id<VersionId>>,
    /// The part of the version that the workspace has; all of it for `None`.
    pub selection: Option<Selection>,
    /// The versions that checkouts were making of it since one was done; the last is that of the newest.
    pub pending: Vec<Id<VersionId>>,
}

/// The fields of the file that its checksum covers, in its order.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFields {
    dataset: String,
    #[serde(deserialize_with = "Option::deserialize")]
    head: Option<Id<VersionId>>,
    #[serde(deserialize_with = "Option::deserialize")]
    selection: Option<Selection>,
    pending: Vec<Id<VersionId>>,
}

/// The file. Every field is required, so that a damaged name is never taken for a field that was left out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    checksum: Id<StateFields>,
    state: StateFields,
}

impl StateFields {
    fn checksum(&self) -> Result<Id<StateFields>> {
        Ok(Id::of(&serde_json::to_vec(self).map_err(|e| Error::damaged(e.to_string()))?))
    }
}

impl WorkspaceState {
    /// Reads the state; the state of a new workspace if there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged) if the file is not of the specified form, its checksum does
    /// not match, or it is the file of another dataset.
    pub fn load(layout: &Layout, dataset: &str) -> Result<WorkspaceState> {
        let path = layout.workspace(dataset).join("state.json");
        let Some(bytes) = atomic::read(&path)? else { return Ok(WorkspaceState::default()) };
        let damaged = |cause: String| {
            Error::damaged(format!("{} is damaged: {cause}", path.display()))
                .with_hint(format!("check out the version of these files: rm {} && hlx checkout {dataset}@REV", path.display()))
        };
        let StateFile { checksum, state } = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        if state.checksum()? != checksum {
            return Err(damaged("its checksum does not match".into()));
        }
        if state.dataset != dataset {
            return Err(damaged(format!("it is the state of dataset '{}'", state.dataset)));
        }
        let StateFields { head, selection, pending, .. } = state;
        Ok(WorkspaceState { head, selection, pending })
    }

    /// Replaces the state. Durable when it returns.
    pub fn save(&self, layout: &Layout, dataset: &str) -> Result<()> {
        let WorkspaceState { head, selection, pending } = self.clone();
        let state = StateFields { dataset: dataset.to_owned(), head, selection, pending };
        let file = StateFile { checksum: state.checksum()?, state };
        let mut bytes = serde_json::to_vec_pretty(&file).map_err(|e| Error::damaged(e.to_string()))?;
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

    #[test]
    fn no_damaged_state_is_another_state() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().to_owned());
        for folder in [layout.tmp(), layout.workspace("leases"), layout.workspace("labels")] {
            atomic::ensure_folder(&folder).unwrap();
        }
        let selection = Some(Selection { include: vec!["train/**".into()], ..Selection::default() });
        let state = WorkspaceState { head: Some(Id::of(b"version")), selection, pending: vec![Id::of(b"other")] };
        state.save(&layout, "leases").unwrap();
        let path = layout.workspace("leases").join("state.json");
        let good = std::fs::read(&path).unwrap();
        for (n, bit) in (0..good.len()).flat_map(|n| (0..8).map(move |bit| (n, bit))) {
            let mut bad = good.clone();
            bad[n] ^= 1 << bit;
            std::fs::write(&path, &bad).unwrap();
            // A flipped bit in white space, or in the case of a hexadecimal digit, leaves the same state.
            if let Ok(loaded) = WorkspaceState::load(&layout, "leases") {
                assert_eq!(loaded, state, "bit {bit} of byte {n}");
            }
        }
        for len in 0..good.len() - 1 {
            std::fs::write(&path, &good[..len]).unwrap();
            WorkspaceState::load(&layout, "leases").unwrap_err();
        }
        std::fs::write(layout.workspace("labels").join("state.json"), &good).unwrap();
        let error = WorkspaceState::load(&layout, "labels").unwrap_err();
        assert!(error.to_string().contains("dataset 'leases'"), "{error}");
    }
}
