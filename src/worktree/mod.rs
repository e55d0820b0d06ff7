//! The user's files: found, compared with what was known of them, read into the store, and written from it.
//!
//! Invariants: a file counts as unchanged only if the file system's stamps are those that were recorded and are older
//! than the recording; nothing is left out silently; nothing is read or written through a symlink; a file is at every
//! moment wholly old or wholly new.

pub mod cache;
pub mod checkout;
pub mod compare;
pub mod hash;
mod ignore;
pub mod ingest;
pub mod scan;
pub mod stamp;
pub mod state;
mod walk;
