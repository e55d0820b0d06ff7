//! A repository that is open: its configuration, its store, its refs, and what a user's words for a version mean.
//!
//! It holds things and has no verbs; those are in [`crate::ops`].

mod author;
pub mod config;
pub mod git;
mod handle;
mod lookup;
pub mod pins;
mod remote;
pub mod revision;
pub mod status;
mod versions;

pub use config::{Config, Dataset};
pub use handle::{CONFIG, Repo};
pub use lookup::VersionLookup;
pub use remote::OpenRemote;
