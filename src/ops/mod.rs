//! The verbs: one file each, options in, a report out. A verb never calls another, prints nothing and decides nothing
//! that the user did not ask for.

pub mod cat;
mod changes;
pub mod checkout;
pub mod commit;
pub mod compare;
pub mod dataset;
pub mod diff;
mod gate;
pub mod init;
mod judge;
pub mod log;
pub mod ls;
mod record;
pub mod reindex;
pub mod restore;
mod samples;
pub mod show;
pub mod stats;
pub mod status;
pub mod tag;
mod tree;
pub mod validate;
pub mod verify;
mod view;

pub use gate::{Finding, Judgement, RuleReport};
pub use record::FieldChange;
pub use samples::{ByFile, Record};
pub use view::{Renamed, VersionView};

#[cfg(test)]
mod tests;
