//! Packs: files of blocks with their table of contents at the end, and the tables that find an object in them.
//!
//! Invariants: a pack is named by the hash of its bytes and never changed. Everything needed to rebuild the tables
//! stands in the packs; everything needed to find the blocks of a pack again without its contents stands in the blocks.
//! The formats are specified in `docs/formats/pack.md` and `docs/formats/index.md`.

pub mod block;
pub mod index;
pub mod merged;
pub mod reader;
pub mod toc;
pub mod writer;
