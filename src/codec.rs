//! The small codec of every byte that is hashed or stored for ever.
//!
//! Integers are little-endian or LEB128 varints in their shortest form; text and bytes carry a varint length. Readers
//! check every length before they use it and never panic. The formats built from it stand in `docs/formats/`.

use std::fmt;

/// Bytes that do not have the form that the format demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Appends fields to a buffer.
pub trait ByteWriter {
    /// An unsigned LEB128 varint in its shortest form.
    fn put_varint(&mut self, value: u64);
    /// Four bytes, little-endian.
    fn put_u32(&mut self, value: u32);
    /// Eight bytes, little-endian.
    fn put_u64(&mut self, value: u64);
    /// A varint length and the bytes.
    fn put_bytes(&mut self, bytes: &[u8]);
}

impl ByteWriter for Vec<u8> {
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

/// Takes fields off the front of a byte slice.
#[derive(Clone, Debug)]
pub struct ByteReader<'a> {
    rest: &'a [u8],
}

impl<'a> ByteReader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        ByteReader { rest: bytes }
    }

    /// Returns the bytes that have not been taken.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns the next `n` bytes.
    pub fn slice(&mut self, n: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(Malformed("unexpected end of data"))?;
        self.rest = rest;
        Ok(head)
    }

    /// Returns the next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed("unexpected end of data"))?;
        self.rest = rest;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(self.array::<1>()?[0])
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Returns an unsigned LEB128 varint in its shortest form.
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed("a varint exceeds 64 bits"));
            }
            value |= bits << shift;
            if byte < 0x80 {
                return if byte == 0 && shift > 0 { Err(Malformed("a varint is not minimally encoded")) } else { Ok(value) };
            }
        }
        Err(Malformed("a varint exceeds 64 bits"))
    }

    /// Returns a varint that must not exceed `max`.
    pub fn varint_max(&mut self, max: u64) -> Result<u64, Malformed> {
        let value = self.varint()?;
        if value > max { Err(Malformed("a number is too large")) } else { Ok(value) }
    }

    /// Returns a varint count of things that take at least `least` bytes each, so that it cannot exceed what is there.
    pub fn count(&mut self, least: usize) -> Result<usize, Malformed> {
        let n = self.varint()?;
        let room = self.rest.len() / least.max(1);
        usize::try_from(n).ok().filter(|&n| n <= room).ok_or(Malformed("a count is larger than the remaining data"))
    }

    /// Returns a varint length and so many bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let n = self.count(1)?;
        self.slice(n)
    }

    /// Returns a varint length and so many bytes of UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("a text is not UTF-8"))
    }

    /// Fails unless everything has been read.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed("unexpected data after the end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_in_their_shortest_form_only() {
        for value in [0, 1, 127, 128, 300, 1 << 32, u64::MAX - 1, u64::MAX] {
            let mut buf = Vec::new();
            buf.put_varint(value);
            let mut reader = ByteReader::new(&buf);
            assert_eq!(reader.varint(), Ok(value));
            assert_eq!(reader.end(), Ok(()));
        }
        assert!(ByteReader::new(&[0x80, 0x00]).varint().is_err());
        assert!(ByteReader::new(&[0xff; 10]).varint().is_err());
        assert!(ByteReader::new(&[0x80]).varint().is_err());
    }

    #[test]
    fn lengths_are_checked_before_use() {
        assert!(ByteReader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1]).bytes().is_err());
        assert_eq!(ByteReader::new(&[2, b'h', b'i']).text(), Ok("hi"));
        assert!(ByteReader::new(&[1, 0xff]).text().is_err());
    }
}
