//! The verbs: one file each, options in, a report out. A verb never calls another, prints nothing and decides nothing
//! that the user did not ask for.

mod artifacts;
pub mod audit;
pub mod cat;
pub mod checkout;
pub mod clean;
pub mod commit;
pub mod compare;
mod damage;
pub mod dataset;
pub mod diff;
pub mod draft;
mod fact_views;
mod folder;
pub mod fsck;
pub mod gc;
pub mod hold;
mod holders;
pub mod hooks;
pub mod init;
pub mod join;
mod key;
mod links;
pub mod log;
pub mod ls;
pub mod note;
mod partial;
mod paths;
pub mod reindex;
pub mod remote;
pub mod restore;
pub mod run;
mod sample_diff;
mod samples;
pub mod show;
pub mod stats;
pub mod status;
pub mod tag;
mod tag_plan;
mod tree;
pub mod validate;
pub mod verify;
mod view;
pub mod which;

pub use crate::diff::{FieldChange, FileChanges};
pub use crate::gate::{Drift, DriftSums, Label, RuleFinding, RuleReport, UnreadableRecord, VerdictView};
pub use damage::DamageList;
pub use fact_views::{ArtifactView, HoldView, NoteView, RunFields, RunView};
pub use holders::{Holder, NearestVersion};
pub use links::Links;
pub use partial::PartialCheckout;
pub use samples::{ChangedRecord, FileSampleCounts};
pub use view::{RenamedFile, VersionView};

#[cfg(test)]
mod tests;
