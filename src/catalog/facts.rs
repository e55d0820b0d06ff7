//! The folded facts and how they follow from the facts before: in memory, and in the index as the facts that are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::catalog::database::{Database, encode};
use crate::catalog::guard::broken;
use crate::catalog::stamp::FolderStamp;
use crate::error::Result;
use crate::facts::{Facts, FactsState};
use crate::id::{FactId, Id};
use crate::object::fact::Fact;

/// The key of the [`FactsRow`].
const ROW: &[u8] = b"facts";
/// The prefix of the keys of facts; their turns follow, highest byte first.
const PREFIX: &[u8] = b"fact\0";

/// The row of what the facts in the index were folded from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
struct FactsRow {
    /// The folder of the sequence of heads.
    stamp: Option<FolderStamp>,
    /// The newest fact; none while there is none.
    head: Option<[u8; 32]>,
    /// The facts that were folded, and those of them that are kept, each in a row.
    turns: u64,
    kept: u64,
    /// See [`FactsState::unresolved`].
    unresolved: Vec<[u8; 32]>,
}

/// The folded facts at a head.
#[derive(Clone, Debug, Default)]
pub(super) struct FactsSnapshot {
    pub state: Arc<FactsState>,
    head: Option<Id<FactId>>,
    stamp: Option<FolderStamp>,
}

/// The facts that come to those that are kept, by their turns, and those that go.
pub(super) type FactsRowChanges = BTreeMap<u64, Option<Vec<u8>>>;

impl FactsSnapshot {
    /// Folds the facts that came since, or all where histories were joined or a version came that facts had spoken of.
    ///
    /// # Errors
    /// Those of [`Facts::fold`]. The snapshot is unchanged then.
    pub fn advance(&mut self, facts: &Facts<'_>) -> Result<FactsRowChanges> {
        let stamp = FolderStamp::of(&facts.folder());
        let is_resolved = self.state.unresolved().iter().any(|id| facts.is_present(*id));
        if !is_resolved && FolderStamp::are_current(&self.stamp, &stamp) {
            return Ok(FactsRowChanges::new());
        }
        let head = facts.head()?.map(|(_, id)| id);
        let since = match (self.head, head) {
            _ if is_resolved => None,
            (None, Some(head)) => Some(facts.ordered(head)?),
            (Some(old), Some(head)) => facts.since(old, head)?,
            (old, None) => old.is_none().then(Vec::new),
        };
        let mut changes = FactsRowChanges::new();
        let since = match since {
            Some(since) => since,
            None => {
                let all = head.map_or_else(|| Ok(Vec::new()), |head| facts.ordered(head))?;
                changes.extend((0..self.state.turns()).map(|turn| (turn, None)));
                self.state = Arc::default();
                all
            }
        };
        if !since.is_empty() {
            let state = Arc::make_mut(&mut self.state);
            for (id, fact) in since {
                let (turn, bytes) = (state.turns(), fact.encode());
                let effect = state.apply(id, fact, &mut |id| facts.dataset_of(id));
                changes.extend(effect.superseded.into_iter().map(|turn| (turn, None)));
                if effect.is_kept {
                    changes.insert(turn, Some(bytes));
                }
            }
        }
        (self.head, self.stamp) = (head, stamp);
        Ok(changes)
    }

    /// Reads the snapshot that the index has; an empty one if it has none.
    pub fn load(rows: &Database<'_>) -> Result<FactsSnapshot> {
        let header: FactsRow = rows.get(ROW)?.unwrap_or_default();
        let kept = rows.scan(PREFIX).map(|row| {
            let (key, bytes) = row?;
            let turn = key.strip_prefix(PREFIX).and_then(|turn| turn.try_into().ok()).map(u64::from_be_bytes);
            let fact = Fact::decode(&bytes).map_err(|_| broken("a fact cannot be read"))?;
            Ok((turn.ok_or_else(|| broken("a key has no turn"))?, Id::of(&bytes), fact))
        });
        let kept = kept.collect::<Result<Vec<_>>>()?;
        if kept.len() as u64 != header.kept {
            return Err(broken("facts are missing"));
        }
        let unresolved = header.unresolved.into_iter().map(Id::from_bytes).collect();
        let state = Arc::new(FactsState::restored(header.turns, unresolved, kept));
        Ok(FactsSnapshot { state, head: header.head.map(Id::from_bytes), stamp: header.stamp })
    }

    /// Writes what changed since it was loaded.
    pub fn save(&self, rows: &Database<'_>, changes: FactsRowChanges) -> Result<()> {
        let header = FactsRow {
            stamp: self.stamp,
            head: self.head.map(|id| *id.as_bytes()),
            turns: self.state.turns(),
            kept: self.state.kept(),
            unresolved: self.state.unresolved().iter().map(|id| *id.as_bytes()).collect(),
        };
        if changes.is_empty() && rows.get::<FactsRow>(ROW)?.as_ref() == Some(&header) {
            return Ok(());
        }
        let mut batch = sled::Batch::default();
        for (turn, fact) in changes {
            let key = [PREFIX, &turn.to_be_bytes()].concat();
            match fact {
                Some(bytes) => batch.insert(key, bytes),
                None => batch.remove(key),
            }
        }
        batch.insert(ROW, encode(&header));
        rows.write(batch)
    }
}
