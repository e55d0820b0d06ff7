//! The store: packs of immutable objects, found by tables, written by one writer at a time per process.
//!
//! Invariants: an object is handed out only after its hash has been checked. What a writer stored becomes visible to a
//! dedup look-up only once its pack and the pack's folder are durable. Nothing here moves a ref: a version exists once
//! somebody creates its ref, after [`writer::Writer::finish`] has returned.

mod accept;
pub mod content;
mod delta;
pub(crate) mod format;
pub mod gc;
mod known_damage;
pub mod layout;
mod pipeline;
pub mod presence;
pub mod read;
mod rebuild;
mod records;
mod uncovered;
pub mod writer;

pub(crate) use accept::check_form;
pub(crate) use delta::OldFile;
pub use layout::Layout;
pub use read::{Object, Store};
pub use writer::Writer;
