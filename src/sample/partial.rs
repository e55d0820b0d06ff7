//! The record that has begun in one piece of a stream and may end in a later one, with its longest length.

use memchr::{memchr_iter, memchr2_iter};

use super::Record;

/// The bytes of a record that has begun. Those of one beyond the longest length are hashed and not kept.
#[derive(Clone, Debug)]
pub(super) struct PartialRecord {
    bytes: Vec<u8>,
    limit: usize,
    excess: Option<Box<Excess>>,
}

/// A record beyond the longest length.
#[derive(Clone, Debug, Default)]
struct Excess {
    hasher: blake3::Hasher,
    length: u64,
    newlines: u64,
    line_ends: u64,
    last: u8,
}

impl Excess {
    fn push(&mut self, bytes: &[u8]) {
        let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return };
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        self.newlines += newlines(bytes);
        self.line_ends += line_ends(bytes) - u64::from(self.last == b'\r' && first == b'\n');
        self.last = last;
    }
}

impl PartialRecord {
    /// Creates one without bytes, which keeps at most `limit` of them.
    pub fn new(limit: usize) -> PartialRecord {
        PartialRecord { bytes: Vec::new(), limit, excess: None }
    }

    /// Returns the longest length of a record, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Adds the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.excess.is_none() && self.bytes.len() + bytes.len() <= self.limit {
            return self.bytes.extend_from_slice(bytes);
        }
        let held = std::mem::take(&mut self.bytes);
        let excess = self.excess.get_or_insert_default();
        excess.push(&held);
        excess.push(bytes);
    }

    /// Returns the bytes, or none where they are not kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> u64 {
        self.excess.as_ref().map_or(self.bytes.len() as u64, |excess| excess.length)
    }

    /// Returns true before the first byte.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.excess.is_none()
    }

    /// Returns true beyond the longest length.
    pub fn is_excess(&self) -> bool {
        self.excess.is_some()
    }

    /// Returns the last byte.
    pub fn last(&self) -> Option<u8> {
        self.excess.as_ref().map(|excess| excess.last).or_else(|| self.bytes.last().copied())
    }

    /// Returns the number of LF.
    pub fn newlines(&self) -> u64 {
        self.excess.as_ref().map_or_else(|| newlines(&self.bytes), |excess| excess.newlines)
    }

    /// Returns the number of LF, CR and CRLF.
    pub fn line_ends(&self) -> u64 {
        self.excess.as_ref().map_or_else(|| line_ends(&self.bytes), |excess| excess.line_ends)
    }

    /// Hands over the record in place of its bytes, by length and hash, where it is beyond the longest length; returns
    /// false where it is not.
    pub fn take_excess(&self, line: u64, at: u64, take: &mut dyn FnMut(Record<'_>)) -> bool {
        let Some(excess) = &self.excess else { return false };
        let words = excess_message(excess.length, self.limit, &excess.hasher.finalize());
        take(Record { bytes: words.as_bytes(), is_whole: false, line, at });
        true
    }

    /// Removes all bytes.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.excess = None;
    }
}

impl PartialEq for PartialRecord {
    fn eq(&self, other: &PartialRecord) -> bool {
        let excess = |partial: &PartialRecord| partial.excess.as_ref().map(|excess| (excess.length, excess.hasher.finalize()));
        self.bytes == other.bytes && excess(self) == excess(other)
    }
}

/// Hands over a record that lies whole in a piece where it is longer than `limit` bytes; returns false where it is not.
#[inline]
pub(super) fn take_excess(bytes: &[u8], limit: usize, line: u64, at: u64, take: &mut dyn FnMut(Record<'_>)) -> bool {
    bytes.len() > limit && {
        let mut partial = PartialRecord::new(limit);
        partial.push(bytes);
        partial.take_excess(line, at, take)
    }
}

/// Returns the message that stands in place of a record beyond the longest length.
pub(super) fn excess_message(length: u64, limit: usize, hash: &blake3::Hash) -> String {
    let hash = hash.to_hex();
    format!("the record has {length} bytes, more than 'max_record' allows, which is {limit}; its BLAKE3 hash is {hash}")
}

/// Returns the number of LF.
pub(super) fn newlines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// Returns the number of LF, CR and CRLF.
pub(super) fn line_ends(bytes: &[u8]) -> u64 {
    memchr2_iter(b'\n', b'\r', bytes).filter(|&i| bytes[i] == b'\r' || i == 0 || bytes[i - 1] != b'\r').count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cuts_change_nothing(bytes in "[a\r\n]{0,12}", cut in 1usize..6, limit in 0usize..12) {
            let bytes = bytes.as_bytes();
            let (mut one, mut other) = (PartialRecord::new(limit), PartialRecord::new(limit));
            one.push(bytes);
            bytes.chunks(cut).for_each(|piece| other.push(piece));
            prop_assert!(one == other);
            prop_assert_eq!((one.len(), one.last()), (bytes.len() as u64, bytes.last().copied()));
            prop_assert_eq!((one.newlines(), other.line_ends()), (newlines(bytes), line_ends(bytes)));
            prop_assert_eq!(other.is_excess(), bytes.len() > limit);
            let words = |partial: &PartialRecord| {
                let mut words = None;
                partial.take_excess(1, 0, &mut |record| words = Some(record.bytes.to_vec()));
                words
            };
            prop_assert_eq!(words(&one), words(&other));
        }
    }
}
