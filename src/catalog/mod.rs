//! A database over all versions: by dataset and number, by id, by type, by time, by tag, by data checksum. What it holds
//! is described in `docs/formats/catalog.md`.
//!
//! Invariants:
//! - Derived. Records, facts and refs hold all that it holds. It may be deleted at any moment and comes back by itself.
//! - It never makes a command fail, and never prints. Locked by another process, damaged, on a disk that is full or
//!   read-only: [`Catalog::open`] gives `None`, a question gives an error, and either way the caller asks the objects.
//! - It gives the answer that the objects would give. Before every question it is brought up to date with the refs and
//!   the facts; a row is handed out only if it has the hash that it is named by.
//! - sled is not believed about its own files: it can lose rows of a damaged log without a word. It is opened only with
//!   a whole `seal`, which is written last, and every call of it is `guard`ed against panics.
//!
//! One row a version, never one a chunk: sled is slow with many small rows, and one process at a time can have it open.

mod answer;
#[cfg(test)]
mod damage;
mod db;
mod guard;
mod lookup;
mod marks;
#[cfg(test)]
mod model;
mod objects;
mod postings;
mod query;
mod rows;
#[cfg(test)]
pub(crate) mod samples;
mod seal;
mod select;
mod stamp;
mod tables;
mod timeline;
mod update;

pub use answer::{select, summaries};
pub use db::{Catalog, rebuild};
pub use lookup::Summary;
pub use objects::Said;
pub use query::{Listed, Query};
