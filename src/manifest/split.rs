//! The boundaries of nodes.
//!
//! A node ends after an item whose path's hash has seven zero bits at the node's level, so it holds 128 items on average
//! whatever happens elsewhere in the tree. Two limits hold against paths chosen to make it otherwise: a node has at least
//! two items, unless it is the last, so that every level is at most half as long as the one below; and it ends when it
//! grows too long.

use crate::limits;

/// Bits of the hash that one level looks at: nodes of 128 items on average.
const BITS: u32 = 7;

/// Follows the items of one level and says where its nodes end.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    items: usize,
    paths: usize,
}

impl Splitter {
    /// Counts the next item; true if the node ends after it.
    pub fn ends_after(&mut self, path: &str, level: u8) -> bool {
        self.items += 1;
        self.paths += path.len();
        let full = self.items >= limits::NODE_ITEMS || self.paths >= limits::NODE_PATHS;
        let ends = full || self.items >= 2 && is_boundary(path, level);
        if ends {
            *self = Splitter::default();
        }
        ends
    }
}

fn is_boundary(path: &str, level: u8) -> bool {
    let hash = blake3::hash(path.as_bytes());
    let bits = hash.as_bytes().first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    bits.rotate_right(BITS * u32::from(level)).trailing_zeros() >= BITS
}
