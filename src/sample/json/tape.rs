//! The values of a text, flat and in their order.

use std::borrow::Cow;

use super::error::InvalidJson;
use super::scan::{self, MAX_DEPTH, Trace};
use crate::limits;
use crate::sample::Type;

/// A value, or the key before one.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// The type; keys are strings.
    pub kind: Type,
    escaped: bool,
    start: u32,
    end: u32,
    /// The index of the token after it and all that it holds.
    pub next: u32,
}

impl Token {
    /// Returns the value as it stands in the text.
    pub fn raw<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..self.end as usize]
    }

    /// Returns a string's content, decoded as [`unescape`] does.
    pub fn content<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let raw = self.unquoted(text);
        if self.escaped { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) }
    }

    /// Returns a string's content unless it holds escapes.
    pub fn literal<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        (!self.escaped).then(|| self.unquoted(text))
    }

    fn unquoted<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize + 1..self.end as usize - 1]
    }
}

/// The tokens of a text. Kept between texts, it allocates nothing once it has grown: 16 bytes a value or key.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    tokens: Vec<Token>,
    /// The tokens of the arrays and objects that have not ended.
    open: Vec<u32>,
    /// The depth of the scanner.
    level: usize,
    depth: usize,
    /// True if it has more values than [`limits::RECORD_VALUES`].
    is_full: bool,
}

impl Tape {
    /// Reads a text whole and keeps the values that are nested at most `depth` deep; the value itself is 0 deep.
    pub fn read(&mut self, text: &[u8], depth: usize) -> Result<(), InvalidJson> {
        self.tokens.clear();
        self.open.clear();
        (self.level, self.depth, self.is_full) = (0, depth.min(MAX_DEPTH), false);
        scan::text(text, self)?;
        match self.is_full {
            false => Ok(()),
            true => Err(InvalidJson { at: 0, what: "it has more than 16,777,216 values" }),
        }
    }

    /// Returns the token with this index; 0 is that of the whole value.
    pub fn token(&self, index: usize) -> Token {
        self.tokens[index]
    }

    /// Returns every token of the text, in its order.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Returns the indices of an array's elements.
    pub fn elements(&self, array: usize) -> impl Iterator<Item = usize> + '_ {
        self.steps(array, 0)
    }

    /// Returns the indices of an object's keys; the value of each follows it.
    pub fn keys(&self, object: usize) -> impl Iterator<Item = usize> + '_ {
        self.steps(object, 1)
    }

    /// Goes from value to value within `parent`, each `offset` after where it begins.
    fn steps(&self, parent: usize, offset: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.tokens[parent].next as usize;
        let mut at = parent + 1;
        std::iter::from_fn(move || {
            let here = at;
            (here < end).then(|| {
                at = self.tokens[here + offset].next as usize;
                here
            })
        })
    }

    #[inline]
    fn push(&mut self, kind: Type, escaped: bool, start: usize, end: usize) {
        if self.tokens.len() == limits::RECORD_VALUES {
            self.is_full = true;
            return;
        }
        let next = self.tokens.len() as u32 + 1;
        self.tokens.push(Token { kind, escaped, start: start as u32, end: end as u32, next });
    }
}

impl Trace for Tape {
    #[inline]
    fn open(&mut self, kind: Type, start: usize) {
        if self.level <= self.depth {
            self.open.push(self.tokens.len() as u32);
            self.push(kind, false, start, start);
        }
        self.level += 1;
    }

    #[inline]
    fn close(&mut self, end: usize) {
        self.level -= 1;
        if self.level <= self.depth
            && let Some(index) = self.open.pop()
        {
            let next = self.tokens.len() as u32;
            if let Some(token) = self.tokens.get_mut(index as usize) {
                (token.end, token.next) = (end as u32, next);
            }
        }
    }

    #[inline]
    fn plain(&mut self, kind: Type, start: usize, end: usize, escaped: bool) {
        if self.level <= self.depth {
            self.push(kind, escaped, start, end);
        }
    }
}

/// Objects with more keys have them sorted to find one that comes twice.
const FEW: usize = 16;

/// Returns the first key that an object of a text has twice, in whichever object that is.
pub fn duplicate_key<'a>(tape: &Tape, text: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let mut names: Vec<Cow<'a, [u8]>> = Vec::new();
    for (index, token) in tape.tokens().iter().enumerate() {
        if token.kind != Type::Object {
            continue;
        }
        names.clear();
        for key in tape.keys(index) {
            let name = tape.token(key).content(text);
            if names.len() < FEW && names.contains(&name) {
                return Some(name);
            }
            names.push(name);
        }
        if names.len() > FEW {
            names.sort_unstable();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Some(pair[0].clone());
            }
        }
    }
    None
}

/// Resolves the escapes of a checked string, given without its quotes. A surrogate without its other half becomes the
/// three bytes that UTF-8 would give it if it allowed them (WTF-8), so that no two contents fall together.
pub fn unescape(mut raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    while let Some(at) = memchr::memchr(b'\\', raw) {
        out.extend_from_slice(&raw[..at]);
        raw = &raw[at + 1..];
        let Some((&code, rest)) = raw.split_first() else { break };
        raw = rest;
        match code {
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let mut unit = hex(raw);
                raw = raw.get(4..).unwrap_or_default();
                if (0xd800..0xdc00).contains(&unit)
                    && let Some(low) = raw.strip_prefix(b"\\u").map(hex)
                    && (0xdc00..0xe000).contains(&low)
                {
                    unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                    raw = raw.get(6..).unwrap_or_default();
                }
                push_scalar(&mut out, unit);
            }
            itself => out.push(itself),
        }
    }
    out.extend_from_slice(raw);
    out
}

/// Returns the number that four hex digits stand for.
fn hex(digits: &[u8]) -> u32 {
    digits.iter().take(4).fold(0, |n, &d| n << 4 | char::from(d).to_digit(16).unwrap_or(0))
}

fn push_scalar(out: &mut Vec<u8>, scalar: u32) {
    match char::from_u32(scalar) {
        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            out.extend_from_slice(&[0xe0 | (scalar >> 12) as u8, 0x80 | (scalar >> 6 & 0x3f) as u8, 0x80 | (scalar & 0x3f) as u8])
        }
    }
}
