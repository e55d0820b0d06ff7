//! JSONL: a record on every line that is not blank.
//!
//! A line ends at `\n`; a `\r` before it, or at the end of the stream, does not belong to it, nor does a byte order mark
//! at the start of the stream. The last line need not end.

use memchr::{memchr, memchr_iter, memrchr};

use super::partial::{PartialRecord, take_excess};
use super::{Record, RecordReader};
use crate::limits;

/// The byte order mark of UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// The records of a JSONL stream. Lines within a piece are handed out as they lie there; one across pieces is copied.
#[derive(Clone, Debug)]
pub struct Jsonl {
    /// The line that has begun.
    partial: PartialRecord,
    line: u64,
    /// The start of that line in the stream.
    at: u64,
    /// True if that line is the stream's first.
    first: bool,
}

impl Jsonl {
    /// Creates a reader at the start of a stream.
    pub fn new() -> Jsonl {
        Jsonl { partial: PartialRecord::new(limits::RECORD), line: 1, at: 0, first: true }
    }

    /// Sets the longest length of a record, in bytes.
    pub fn with_limit(self, limit: usize) -> Jsonl {
        Jsonl { partial: PartialRecord::new(limit), ..self }
    }

    /// Returns a reader in the midst of a stream, in a line that begins at byte `at` with `partial`; that is not the
    /// stream's first.
    pub fn within(&self, partial: &[u8], line: u64, at: u64) -> Jsonl {
        let mut begun = PartialRecord::new(self.partial.limit());
        begun.push(partial);
        Jsonl { partial: begun, line, at, first: false }
    }

    /// Returns the place in the stream of the next byte.
    pub fn place(&self) -> u64 {
        self.at + self.partial.len()
    }

    fn complete(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        if !self.partial.take_excess(self.line, self.at, take) {
            let bytes = self.partial.bytes();
            let text = if self.first { bytes.strip_prefix(BOM).unwrap_or(bytes) } else { bytes };
            hand_out(text, self.line, self.place() - text.len() as u64, take);
        }
        self.partial.clear();
        self.first = false;
    }

    /// Takes whole lines.
    fn complete_lines(&mut self, lines: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        let limit = self.partial.limit();
        let mut start = 0;
        for end in memchr_iter(b'\n', lines) {
            let (line, at) = (&lines[start..end], self.at + start as u64);
            if !take_excess(line, limit, self.line, at, take) {
                hand_out(line, self.line, at, take);
            }
            start = end + 1;
            self.line += 1;
        }
        self.at += lines.len() as u64;
    }
}

impl Default for Jsonl {
    fn default() -> Jsonl {
        Jsonl::new()
    }
}

impl PartialEq for Jsonl {
    fn eq(&self, other: &Jsonl) -> bool {
        self.first == other.first && self.partial == other.partial
    }
}

impl RecordReader for Jsonl {
    fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(Record<'_>)) {
        if self.first || !self.partial.is_empty() {
            let Some(end) = memchr(b'\n', bytes) else { return self.partial.push(bytes) };
            self.partial.push(&bytes[..end]);
            let next = self.place() + 1;
            self.complete(take);
            (self.line, self.at) = (self.line + 1, next);
            bytes = &bytes[end + 1..];
        }
        let end = memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(end);
        self.complete_lines(lines, take);
        self.partial.push(rest);
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) {
        self.complete(take);
    }
}

/// Hands out a line, without its `\n`, unless it is blank.
#[inline]
fn hand_out(line: &[u8], number: u64, at: u64, take: &mut dyn FnMut(Record<'_>)) {
    let bytes = line.strip_suffix(b"\r").unwrap_or(line);
    if bytes.iter().any(|b| !matches!(b, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)) {
        take(Record { bytes, is_whole: true, line: number, at });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::record::tests::{found, pieces};

    fn all(stream: &[u8]) -> Vec<(Vec<u8>, u64)> {
        found(&mut Jsonl::new(), [stream])
    }

    #[test]
    fn lines_that_are_not_blank_are_records() {
        let line = |text: &str, line| (text.as_bytes().to_vec(), line);
        assert_eq!(all(b"{}\n[]\r\n\n \t\r\n1\r\r\n2"), [line("{}", 1), line("[]", 2), line("1\r", 5), line("2", 6)]);
        assert_eq!(all(b"\xef\xbb\xbf1\n\xef\xbb\xbf2\n"), [line("1", 1), line("\u{feff}2", 2)]);
        assert_eq!(all(b"\xef\xbb\xbf\r\n"), []);
        assert_eq!(all(b"\xef\xbb\n"), [(b"\xef\xbb".to_vec(), 1)]);
        assert_eq!(all(b""), []);
        assert_eq!(all(b"1\r"), [line("1", 1)]);
    }

    #[test]
    fn a_line_beyond_the_longest_length_costs_one_record() {
        let records = found(&mut Jsonl::new().with_limit(4), [&b"1\n[2,2]\n[3]\n"[..]]);
        assert_eq!(records.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [1, 2, 3]);
        let words = String::from_utf8(records[1].0.clone()).unwrap();
        assert!(words.contains("5 bytes") && words.ends_with(blake3::hash(b"[2,2]").to_hex().as_str()), "{words}");
        assert_eq!(records[2].0, b"[3]");
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(stream in prop::collection::vec(prop::sample::select(b"ab\n\n\r \xef\xbb\xbf".to_vec()), 0..40), cuts in pieces()) {
            prop_assert_eq!(found(&mut Jsonl::new(), cuts.of(&stream)), all(&stream));
            prop_assert_eq!(found(&mut Jsonl::new(), cuts.of(&[BOM, &stream].concat())), all(&[BOM, &stream].concat()));
            let short = || Jsonl::new().with_limit(3);
            prop_assert_eq!(found(&mut short(), cuts.of(&stream)), found(&mut short(), [&stream[..]]));
        }
    }
}
