//! The verbs: one file each, options in, a report out. A verb never calls another, prints nothing and decides nothing
//! that the user did not ask for.

mod artifacts;
pub mod audit;
mod between;
pub mod cat;
pub mod checkout;
pub mod clean;
pub mod commit;
pub mod compare;
mod damage;
pub mod dataset;
pub mod diff;
pub mod draft;
mod folder;
mod gate;
mod holders;
pub mod hooks;
pub mod init;
pub mod join;
mod key;
mod labels;
mod links;
pub mod log;
pub mod ls;
pub mod note;
mod partial;
mod paths;
pub mod reindex;
pub mod restore;
pub mod run;
mod said;
mod samples;
pub mod show;
pub mod stats;
pub mod status;
pub mod tag;
mod tree;
pub mod validate;
pub mod verify;
mod view;
pub mod which;

pub use crate::diff::FieldChange;
pub use crate::diff::FileChanges;
pub use damage::DamageList;
pub use gate::{Drift, Finding, Judgement, Label, RuleReport, Sums, Unreadable};
pub use holders::{Holder, Nearest};
pub use links::Links;
pub use partial::PartialCheckout;
pub use said::{ArtifactView, NoteView, RunFields, RunView};
pub use samples::{ByFile, Record};
pub use view::{Renamed, VersionView};

#[cfg(test)]
mod tests;
