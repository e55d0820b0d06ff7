//! Version control for the data that language models are trained on.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests lay out their own files"))]

pub mod catalog;
mod check;
mod chunk;
mod clock;
mod codec;
mod diff;
mod error;
mod facts;
mod fs;
mod gate;
pub mod id;
mod limits;
pub mod manifest;
pub mod object;
pub mod ops;
mod pack;
mod parallel;
mod path;
mod progress;
mod refs;
mod remote;
mod repo;
pub mod sample;
mod selection;
mod spelling;
mod store;
mod worktree;

/// The formats of `docs/formats/`, for the test that reads every example of those pages. No part of the public API.
#[doc(hidden)]
pub mod formats {
    pub use crate::chunk::compress::{Codec, Compressor, Delta, decompress};
    pub use crate::chunk::cut;
    pub use crate::clock::Time;
    pub use crate::codec::Malformed;
    pub use crate::pack::{block, index, reader, toc, writer};
    pub use crate::path::DataPath;
    pub use crate::selection::Selection;
    pub use crate::store::Layout;
    pub use crate::worktree::stamp::Stamp;
    pub use crate::worktree::state::WorkspaceState;
}

/// The rules of the quality gate, as `helox.toml` declares them.
pub mod validation {
    pub use crate::gate::{Bound, Check, LengthUnit, Rule, SkipPolicy, ValidationSpec};
    pub use crate::object::verdict::{OpaquePolicy, Severity};
    pub use crate::sample::Type;
}

pub use check::Problem;
pub use clock::Time;
pub use diff::{ChangeKind, RecordChange, SampleCounts, Thresholds};
pub use error::{Error, ErrorKind, Result, thousands};
pub use object::version::{ChangeType, ValidationStatus, VersionNumber};
pub use path::printable;
pub use progress::{NoProgress, Progress, Stage};
pub use repo::{Config, Dataset, Repo};
pub use spelling::nearest;
