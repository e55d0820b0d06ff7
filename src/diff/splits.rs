//! The splits of a dataset: `train`, `test` and so on, by the paths of the files.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use globset::GlobSet;

use super::SplitMove;

/// A split by its number. Numbers are given in the order in which the splits are met, from 0.
pub type SplitId = u16;

/// The number of records that moved from one split to another.
pub type SplitMoves = BTreeMap<(SplitId, SplitId), u64>;

/// The split of each file: the first whose globs match it, where some are declared, else its first folder.
#[derive(Clone, Debug, Default)]
pub struct Splits {
    declared: Arc<[(String, GlobSet)]>,
    /// The name of each split that was met. What matches no glob, and what lies in no folder, is of the split without a name.
    known: Arc<Mutex<SplitNames>>,
}

#[derive(Debug, Default)]
struct SplitNames {
    names: Vec<String>,
    numbers: HashMap<String, SplitId>,
}

impl Splits {
    /// Splits with the globs of their files.
    pub fn new(declared: Vec<(String, GlobSet)>) -> Splits {
        Splits { declared: declared.into(), known: Arc::default() }
    }

    /// Returns the split of a file.
    pub fn of(&self, path: &str) -> SplitId {
        let name = match self.declared.is_empty() {
            true => path.split_once('/').map_or("", |(folder, _)| folder),
            false => self.declared.iter().find(|(_, globs)| globs.is_match(path)).map_or("", |(name, _)| name),
        };
        let mut met = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = met.numbers.get(name) {
            return *number;
        }
        // More than there are numbers count as the last one.
        let Ok(number) = SplitId::try_from(met.names.len()) else { return SplitId::MAX };
        met.names.push(name.to_owned());
        met.numbers.insert(name.to_owned(), number);
        number
    }

    /// Returns true if the splits are declared, and not guessed by the folders.
    pub fn are_declared(&self) -> bool {
        !self.declared.is_empty()
    }

    /// Names the splits between which records moved, in the order of the names.
    pub fn named(&self, moves: &SplitMoves) -> Vec<SplitMove> {
        let met = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |split: SplitId| met.names.get(usize::from(split)).cloned().unwrap_or_default();
        let named = |(&(from, to), &count): (&(SplitId, SplitId), &u64)| SplitMove { from: name(from), to: name(to), count };
        let mut named: Vec<SplitMove> = moves.iter().map(named).collect();
        named.sort();
        named
    }
}
