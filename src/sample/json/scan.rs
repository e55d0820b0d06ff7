//! The scanner: one loop over a text, its nesting in a bit set, long strings 32 bytes at a time.

use super::cause::cause;
use super::error::InvalidJson;
use crate::sample::Type;

/// Most arrays and objects around a value.
pub const MAX_DEPTH: usize = 512;

/// The error of a document that is followed by another.
pub const SECOND_DOCUMENT: &str =
    "a second document on the line; JSON Lines requires one document per line, an array a comma between elements";

/// Told of everything in a text, in its order. Offsets are of the text.
pub(super) trait Trace {
    /// An array or object begins.
    fn open(&mut self, kind: Type, start: usize);
    /// The innermost array or object ends before `end`.
    fn close(&mut self, end: usize);
    /// A key or any other value; strings with their quotes. `escaped`: a string that holds a backslash.
    fn plain(&mut self, kind: Type, start: usize, end: usize, escaped: bool);
}

/// Only checks.
impl Trace for () {
    fn open(&mut self, _: Type, _: usize) {}
    fn close(&mut self, _: usize) {}
    fn plain(&mut self, _: Type, _: usize, _: usize, _: bool) {}
}

/// Checks that a text is one JSON value, white space around it allowed.
pub fn check(text: &[u8]) -> Result<(), InvalidJson> {
    self::text(text, &mut ())
}

/// Scans a text that is one value, white space around it allowed.
pub(super) fn text<T: Trace>(text: &[u8], trace: &mut T) -> Result<(), InvalidJson> {
    if u32::try_from(text.len()).is_err() {
        return Err(InvalidJson { at: 0, what: "it is 4 GiB or longer" });
    }
    let start = space(text, 0);
    if start == text.len() {
        return Err(InvalidJson { at: start, what: "missing value, as between two commas" });
    }
    let after = traced(text, start, trace)?;
    let end = space(text, after);
    match text.get(end) {
        None => Ok(()),
        Some(b'{' | b'[' | b'"') if text[after..end].contains(&b'\r') => {
            Err(InvalidJson { at: after, what: "a lone carriage return is not a line break; save the file with LF line endings" })
        }
        Some(b'{' | b'[' | b'"') => Err(InvalidJson { at: end, what: SECOND_DOCUMENT }),
        Some(b',') => {
            Err(InvalidJson { at: end, what: "trailing comma after the document; JSON Lines has no comma at the end of a line" })
        }
        Some(_) => Err(wrong(text, end, "unexpected data after the end of the value")),
    }
}

/// Scans the value that begins at `at` exactly, and returns where it ends. A number may go on where the text ends.
#[inline]
pub fn value(text: &[u8], at: usize) -> Result<usize, InvalidJson> {
    match text.get(at) {
        // Arrays of short strings and numbers are common; these need no nesting.
        Some(b'"') => string(text, at, &mut ()),
        Some(b'-' | b'0'..=b'9') => number(text, at, &mut ()),
        _ => traced(text, at, &mut ()),
    }
}

#[inline]
fn traced<T: Trace>(s: &[u8], mut at: usize, trace: &mut T) -> Result<usize, InvalidJson> {
    // One bit a level: whether it is an object.
    let mut objects = [0u64; MAX_DEPTH / 64];
    let mut depth = 0;
    loop {
        match s.get(at) {
            Some(b'"') => at = string(s, at, trace)?,
            Some(b'-' | b'0'..=b'9') => at = number(s, at, trace)?,
            Some(&open @ (b'{' | b'[')) => {
                if depth == MAX_DEPTH {
                    return Err(InvalidJson { at, what: "it is nested deeper than 512 levels" });
                }
                let object = open == b'{';
                trace.open(if object { Type::Object } else { Type::Array }, at);
                at = space(s, at + 1);
                // `}` and `]` follow their opening bracket two places on.
                if s.get(at) == Some(&(open + 2)) {
                    at += 1;
                    trace.close(at);
                } else {
                    let bit = 1 << (depth % 64);
                    objects[depth / 64] = if object { objects[depth / 64] | bit } else { objects[depth / 64] & !bit };
                    depth += 1;
                    if object {
                        at = key(s, at, trace)?;
                    }
                    continue;
                }
            }
            Some(b't') => at = word(s, at, b"true", Type::Boolean, trace)?,
            Some(b'f') => at = word(s, at, b"false", Type::Boolean, trace)?,
            Some(b'n') => at = word(s, at, b"null", Type::Null, trace)?,
            _ => return Err(wrong(s, at, "expected a value")),
        }
        loop {
            if depth == 0 {
                return Ok(at);
            }
            at = space(s, at);
            let object = objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1 == 1;
            match (s.get(at), object) {
                (Some(b','), true) => {
                    at = key(s, space(s, at + 1), trace)?;
                    break;
                }
                (Some(b','), false) => {
                    at = space(s, at + 1);
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    depth -= 1;
                    at += 1;
                    trace.close(at);
                }
                (Some(b'"'), true) => return Err(wrong(s, at, "missing comma before a key")),
                (Some(b'"' | b'{' | b'['), false) => return Err(wrong(s, at, "missing comma before an element")),
                (_, true) => return Err(wrong(s, at, "expected ',' or '}'")),
                (_, false) => return Err(wrong(s, at, "expected ',' or ']'")),
            }
        }
    }
}

/// Readers of whole documents have other words for it.
const TOO_EARLY: &str = "unexpected end; JSON Lines requires one document per line";

fn wrong(s: &[u8], at: usize, what: &'static str) -> InvalidJson {
    InvalidJson { at, what: if at < s.len() { cause(s, at).unwrap_or(what) } else { TOO_EARLY } }
}

/// Returns the end of the white space that begins at `at`.
#[inline]
pub(crate) fn space(s: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\t' | b'\r') = s.get(at) {
        at += 1;
    }
    at
}

/// A key, its colon and the white space after it.
#[inline]
fn key<T: Trace>(s: &[u8], at: usize, trace: &mut T) -> Result<usize, InvalidJson> {
    if s.get(at) != Some(&b'"') {
        return Err(wrong(s, at, "expected a key in quotes"));
    }
    let at = space(s, string(s, at, trace)?);
    if s.get(at) != Some(&b':') {
        return Err(wrong(s, at, "expected ':'"));
    }
    Ok(space(s, at + 1))
}

fn word<T: Trace>(s: &[u8], at: usize, word: &[u8], kind: Type, trace: &mut T) -> Result<usize, InvalidJson> {
    let same = s[at..].iter().zip(word).take_while(|(a, b)| a == b).count();
    if same < word.len() {
        return Err(wrong(s, at + same, "expected a value"));
    }
    trace.plain(kind, at, at + same, false);
    Ok(at + same)
}

#[inline]
fn digits(s: &[u8], start: usize) -> Result<usize, InvalidJson> {
    let mut at = start;
    while let Some(b'0'..=b'9') = s.get(at) {
        at += 1;
    }
    if at > start { Ok(at) } else { Err(wrong(s, at, "expected a digit")) }
}

#[inline]
fn number<T: Trace>(s: &[u8], start: usize, trace: &mut T) -> Result<usize, InvalidJson> {
    let mut at = start + usize::from(s[start] == b'-');
    let first = at;
    at = digits(s, at)?;
    if s[first] == b'0' && at > first + 1 {
        return Err(InvalidJson { at: first + 1, what: "a number has a leading zero" });
    }
    let mut kind = Type::Integer;
    if s.get(at) == Some(&b'.') {
        kind = Type::Number;
        at = digits(s, at + 1)?;
    }
    if let Some(b'e' | b'E') = s.get(at) {
        kind = Type::Number;
        at += 1;
        at = digits(s, at + usize::from(matches!(s.get(at), Some(b'+' | b'-'))))?;
    }
    trace.plain(kind, start, at, false);
    Ok(at)
}

/// The string whose opening quote is at `start`.
#[inline]
fn string<T: Trace>(s: &[u8], start: usize, trace: &mut T) -> Result<usize, InvalidJson> {
    let mut at = start + 1;
    let mut high = 0;
    let mut escaped = false;
    loop {
        at = ordinary(s, at, &mut high);
        match s.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                at = escape(s, at + 1)?;
            }
            None => return Err(InvalidJson { at, what: "unterminated string" }),
            _ => return Err(wrong(s, at, "unescaped control character in a string")),
        }
    }
    if high & HIGH != 0 {
        let inner = &s[start + 1..at];
        if simdutf8::basic::from_utf8(inner).is_err() {
            let valid = std::str::from_utf8(inner).map_or_else(|e| e.valid_up_to(), str::len);
            return Err(InvalidJson { at: start + 1 + valid, what: "a string is not valid UTF-8" });
        }
    }
    trace.plain(Type::String, start, at + 1, escaped);
    Ok(at + 1)
}

/// Scans an escape after its backslash.
fn escape(s: &[u8], at: usize) -> Result<usize, InvalidJson> {
    match s.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => match (at + 1..at + 5).find(|&at| !s.get(at).is_some_and(u8::is_ascii_hexdigit)) {
            None => Ok(at + 5),
            Some(at) => Err(wrong(s, at, "expected four hex digits after '\\u'")),
        },
        _ => Err(wrong(s, at, "invalid escape in a string")),
    }
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// Returns the first byte from `at` on that is a quote, a backslash or a control character, or the end. A high bit is set
/// in `high` if the bytes before it are not all ASCII, and perhaps if a few after it are not.
#[inline]
fn ordinary(s: &[u8], mut at: usize, high: &mut u64) -> usize {
    let mut words = 0;
    while let Some(word) = s[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        *high |= word;
        let special = special(word);
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
        words += 1;
        // Most keys and short values end in the first words.
        if words == 2 {
            at += blocks(&s[at..], high);
        }
    }
    while let Some(&b) = s.get(at) {
        if b == b'"' || b == b'\\' || b < b' ' {
            break;
        }
        *high |= u64::from(b);
        at += 1;
    }
    at
}

/// Returns a mark in the lowest of the eight bytes that is special, and perhaps in some above it. Bit Twiddling Hacks,
/// "zero in a word" and "less than n".
#[inline]
fn special(word: u64) -> u64 {
    let zero = |x: u64| x.wrapping_sub(ONES) & !x;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero(word ^ (ONES * b'"' as u64)) | zero(word ^ (ONES * b'\\' as u64)) | control) & HIGH
}

/// Returns the length of the whole 32-byte blocks at the start that hold nothing special.
#[inline]
fn blocks(s: &[u8], high: &mut u64) -> usize {
    let mut length = 0;
    for block in s.as_chunks::<32>().0 {
        let (mut found, mut bits) = (0u8, 0u8);
        for &b in block {
            found |= u8::from(b == b'"') | u8::from(b == b'\\') | u8::from(b < b' ');
            bits |= b;
        }
        if found != 0 {
            break;
        }
        *high |= u64::from(bits);
        length += 32;
    }
    length
}
