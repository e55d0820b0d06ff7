//! Facts about versions: appended, joined, checked, and folded to the current state.
//!
//! Invariants: a fact names the facts before it, so none can be altered, removed or reordered without notice; folding
//! follows that order, ties by id, and never a clock, so two stores with the same facts agree. The format of facts is
//! specified in `docs/formats/fact.md`, that of the sequence of their heads in `docs/formats/refs.md`.

mod chain;
pub mod lineage;
mod state;

pub use chain::Facts;
pub use state::{FactsState, RecordedHold, RecordedNote, RecordedRun, Withdrawal};
