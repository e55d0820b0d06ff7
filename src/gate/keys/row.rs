//! The rows of a set of keys, and the changes of their counts.

/// A record that was added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// Its key.
    pub key: [u8; 16],
    /// A short hash of the bytes of the record.
    pub raw: u64,
    /// The split that it is in: 0 or 1.
    pub split: u8,
    /// 1 if it was added, -1 if it was removed.
    pub sign: i8,
}

/// The unit of counting: equal records of one split. Sorted by key first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyRow {
    /// The key as a number, its first byte the greatest.
    pub key: u128,
    /// A short hash of the bytes of the records.
    pub raw: u64,
    /// The split: 0 or 1.
    pub split: u8,
}

impl KeyChange {
    /// Returns the row whose count changes.
    pub(super) fn row(&self) -> KeyRow {
        KeyRow { key: u128::from_be_bytes(self.key), raw: self.raw, split: self.split & 1 }
    }
}
