//! How the records of two versions differ.

/// How many records differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Records of the new side only.
    pub added: u64,
    /// Records of both sides that share a key and nothing else; counted in neither of the others.
    pub modified: u64,
    /// Records of the old side only.
    pub removed: u64,
}

/// What became of a record that is not on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    /// It is on the new side only.
    Added,
    /// It is on the old side only.
    Removed,
    /// The other side has another record with its key.
    Modified,
}
