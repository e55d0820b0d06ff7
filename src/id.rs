//! Typed 32-byte names of immutable things.
//!
//! Every id is a BLAKE3 hash. The type parameter says of what, so that a chunk's id cannot be passed for a version's. It is a
//! marker with the name of the thing, and `Id` behind it where the thing has a type of its own.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

/// The bytes of a whole file, or the target of a symlink: what `b3sum` prints for it.
#[derive(Debug)]
pub enum Content {}
/// A content-defined piece of a file.
#[derive(Debug)]
pub enum Chunk {}
/// A node of a manifest tree.
#[derive(Debug)]
pub enum NodeId {}
/// A list of chunks that a recipe refers to.
#[derive(Debug)]
pub enum RecipeNode {}
/// A version record.
#[derive(Debug)]
pub enum VersionId {}
/// A fact: something said about a version later.
#[derive(Debug)]
pub enum FactId {}
/// The schema of a version's records.
#[derive(Debug)]
pub enum SchemaId {}
/// A verdict: the result of the rules of a dataset on a version.
#[derive(Debug)]
pub enum VerdictId {}
/// A pack file.
#[derive(Debug)]
pub enum Pack {}

/// A BLAKE3 hash that names a `T`.
pub struct Id<T> {
    bytes: [u8; 32],
    of: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// The length of an id in bytes.
    pub const LEN: usize = 32;

    /// Takes the 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Id { bytes, of: PhantomData }
    }

    /// Names these bytes by their hash.
    pub fn of(bytes: &[u8]) -> Self {
        Id::from_bytes(*blake3::hash(bytes).as_bytes())
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Reads 64 lower-case hex digits; `None` for anything else.
    pub fn from_hex(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Id::from_bytes(bytes))
    }

    /// 64 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        let mut out = String::with_capacity(64);
        push_hex(&self.bytes, &mut out);
        out
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Appends bytes as lower-case hex.
pub(crate) fn push_hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_hex())
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex()[..12])
    }
}
impl<T> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de, T> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(d)?;
        Id::from_hex(&hex).ok_or_else(|| serde::de::Error::custom("expected 64 lowercase hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trip() {
        let id: Id<Chunk> = Id::of(b"");
        assert_eq!(id.to_hex(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(Id::from_hex(&id.to_hex()), Some(id));
        assert_eq!(Id::<Chunk>::from_hex("AF"), None);
        assert_eq!(Id::<Chunk>::from_hex(&"G".repeat(64)), None);
    }
}
