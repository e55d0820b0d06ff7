//! From bytes to chunks, and from chunks to compressed blocks and back: pure functions over memory.

pub mod compress;
pub mod cut;
