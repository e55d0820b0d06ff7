//! The data checksum: what anyone can recompute with `find`, `sort`, `b3sum` and `sha256sum`.
//!
//! It is the SHA-256 of the lines that `b3sum` prints for the regular files, ordered by the bytes of their paths.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::id::{Content, Id, push_hex};

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// Takes the 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Checksum(bytes)
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 lower-case hex digits; `None` for anything else.
    pub fn from_hex(hex: &str) -> Option<Self> {
        Id::<Content>::from_hex(hex).map(|id| Checksum(*id.as_bytes()))
    }

    /// Returns the SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Checksum(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = String::with_capacity(64);
        push_hex(&self.0, &mut hex);
        f.pad(&hex)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Checksum {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Checksum {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(d)?;
        Checksum::from_hex(&hex).ok_or_else(|| serde::de::Error::custom("expected 64 hex digits"))
    }
}

/// Computes the data checksum of files that are added in the order of their paths.
#[derive(Debug, Default)]
pub struct DataChecksum {
    sha: Sha256,
    line: String,
}

impl DataChecksum {
    /// Adds a regular file.
    pub fn add(&mut self, path: &str, content: &Id<Content>) {
        self.line.clear();
        let escape = path.contains(['\\', '\n', '\r']);
        if escape {
            self.line.push('\\');
        }
        push_hex(content.as_bytes(), &mut self.line);
        self.line.push_str("  ");
        if escape {
            for c in path.chars() {
                match c {
                    '\\' => self.line.push_str("\\\\"),
                    '\n' => self.line.push_str("\\n"),
                    '\r' => self.line.push_str("\\r"),
                    c => self.line.push(c),
                }
            }
        } else {
            self.line.push_str(path);
        }
        self.line.push('\n');
        self.sha.update(self.line.as_bytes());
    }

    /// Returns the checksum of all that was added.
    pub fn finish(self) -> Checksum {
        Checksum(self.sha.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_nothing_is_the_sha256_of_nothing() {
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(DataChecksum::default().finish().to_string(), of_nothing);
    }

    #[test]
    fn is_what_the_tools_print() {
        // printf 'one' > 'a'; printf 'two' > 'b\c'; then the command of docs/formats/version.md, with b3sum.
        let mut sum = DataChecksum::default();
        sum.add("a", &Id::of(b"one"));
        sum.add("b\\c", &Id::of(b"two"));
        let one = blake3::hash(b"one").to_hex();
        let two = blake3::hash(b"two").to_hex();
        let lines = format!("{one}  a\n\\{two}  b\\\\c\n");
        assert_eq!(sum.finish(), Checksum::of(lines.as_bytes()));
    }
}
