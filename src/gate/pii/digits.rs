//! Numbers that are personal data: of phones, of social security, of credit cards.
//!
//! A text is cut into spans first, so that one without long numbers costs little more than to read it. Invariant: a
//! number counts only where it neither goes on nor is part of an identifier: see [`free_before`] and [`free_after`].

use std::ops::Range;

use memchr::memchr_iter;
use regex::Regex;

/// No pattern of digits has fewer: a social security number has nine.
const LEAST_DIGITS: usize = 9;

/// The forms of North America: the area code in parentheses; dashes; dots; a space first.
pub const NORTH_AMERICAN: &str = r"(?x)
    (?: \+?1[\ .-]? )? \( [0-9]{3} \) [\ .-]{0,2} [0-9]{3} [\ .-] [0-9]{4}
  | (?: \+?1[\ .-] )? (?:
        [0-9]{3} - [0-9]{3} - [0-9]{4}
      | [0-9]{3} \. [0-9]{3} \. [0-9]{4}
      | [0-9]{3} \ [0-9]{3} [\ -] [0-9]{4}
    )";

/// Runs of digits and of what stands between the digits of one number, with digits enough for a pattern.
pub struct Spans<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Spans<'a> {
    /// Returns the spans of a text.
    pub fn of(text: &'a str) -> Self {
        Spans { bytes: text.as_bytes(), at: 0 }
    }
}

impl Iterator for Spans<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let inside = |b: &u8| b.is_ascii_digit() || matches!(b, b' ' | b'(' | b')' | b'+' | b'-' | b'.');
        loop {
            let rest = &self.bytes[self.at..];
            let first = self.at + first_digit(rest)?;
            let before = self.bytes[self.at..first].iter().rev().take_while(|b| inside(b)).count();
            let after = self.bytes[first..].iter().take_while(|b| inside(b)).count();
            let span = first - before..first + after;
            self.at = span.end;
            if self.bytes[span.clone()].iter().filter(|b| b.is_ascii_digit()).count() >= LEAST_DIGITS {
                return Some(span);
            }
        }
    }
}

/// Returns the position of the first digit.
fn first_digit(bytes: &[u8]) -> Option<usize> {
    // A block at a time and without branches: most text has none for many lines.
    let none = |block: &[u8]| !block.iter().fold(false, |any, b| any | b.is_ascii_digit());
    let whole = bytes.chunks_exact(32).take_while(|block| none(block)).count() * 32;
    Some(whole + bytes[whole..].iter().position(u8::is_ascii_digit)?)
}

/// Returns true if a number that begins here is none that goes on from before: no letter or digit precedes it, also not
/// with a dash or, for a digit, a point between.
fn free_before(bytes: &[u8], start: usize) -> bool {
    match bytes[..start] {
        [.., a, b'-'] => !a.is_ascii_alphanumeric(),
        [.., a, b'.'] => !a.is_ascii_digit(),
        [.., a] => !(a.is_ascii_alphanumeric() || a == b'_' || a == b'+'),
        [] => true,
    }
}

/// Returns true if a number that ends here does not go on after it; see [`free_before`]. An extension (`x12`) is allowed.
fn free_after(bytes: &[u8], end: usize) -> bool {
    match bytes[end..] {
        [b'-', a, ..] => !a.is_ascii_alphanumeric(),
        [b'.' | b'x', a, ..] if a.is_ascii_digit() => bytes[end] == b'x',
        [a, ..] => !(a.is_ascii_alphanumeric() || a == b'_'),
        [] => true,
    }
}

/// Returns true if a space and then a digit come first.
fn digit_and_space<'a>(mut bytes: impl Iterator<Item = &'a u8>) -> bool {
    bytes.next() == Some(&b' ') && bytes.next().is_some_and(u8::is_ascii_digit)
}

/// Returns true if the span contains a phone number; `form` is [`NORTH_AMERICAN`].
pub fn phone(form: &Regex, text: &str, span: Range<usize>) -> bool {
    north_american(form, text, span.clone()) || international(text.as_bytes(), span)
}

/// Returns true if the span contains a phone number in a form of North America.
fn north_american(form: &Regex, text: &str, span: Range<usize>) -> bool {
    let bytes = text.as_bytes();
    let mut at = span.start;
    // One that does not count may overlap one that does.
    while let Some(found) = form.find_at(&text[..span.end], at) {
        let Range { start, end } = found.range();
        let spaced = found.as_str().bytes().all(|b| b == b' ' || b.is_ascii_digit());
        let in_row = digit_and_space(bytes[..start].iter().rev()) || digit_and_space(bytes[end..].iter());
        let digits: Vec<u8> = found.as_str().bytes().filter(u8::is_ascii_digit).collect();
        let number = is_of_plan(&digits[digits.len() - 10..]);
        if number && free_before(bytes, start) && free_after(bytes, end) && !(spaced && in_row) {
            return true;
        }
        at = start + 1;
    }
    false
}

/// Returns true if the span holds `+`, a country code and a number.
fn international(bytes: &[u8], span: Range<usize>) -> bool {
    memchr_iter(b'+', &bytes[span.clone()]).any(|plus| {
        let mut at = span.start + plus + 1;
        let starts = free_before(bytes, at - 1);
        let mut digits = Vec::with_capacity(15);
        while starts && digits.len() < 15 && bytes.get(at).is_some_and(u8::is_ascii_digit) {
            digits.push(bytes[at]);
            at += 1;
            let whole = match digits[..] {
                [b'1', ref number @ ..] => number.len() == 10 && is_of_plan(number),
                _ => digits.len() >= 10 && is_of_country(&digits),
            };
            if whole && free_after(bytes, at) {
                return true;
            }
            for between in [&b")"[..], b" .-", b"("] {
                at += usize::from(bytes.get(at).is_some_and(|b| between.contains(b)));
            }
        }
        false
    })
}

/// Returns true if ten digits can be a number of the North American Numbering Plan: neither the area code nor the exchange
/// begins with 0 or 1 or is a service code such as 911, and no area code has the 9 in the middle that is kept for longer
/// ones.
fn is_of_plan(digits: &[u8]) -> bool {
    let code = |code: &[u8]| code[0] >= b'2' && code[1..] != *b"11";
    code(&digits[..3]) && code(&digits[3..6]) && digits[1] != b'9'
}

/// Returns true if a number begins with a country code that ITU-T E.164 has assigned.
fn is_of_country(digits: &[u8]) -> bool {
    let start = digits[..3].iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
    let spare = matches!(start, 0..=99 | 210 | 214..=215 | 217 | 219 | 259 | 280..=289 | 292..=296 | 384 | 388 | 422)
        || matches!(start, 424..=429 | 671 | 684 | 693..=699 | 801..=807 | 809 | 830..=839 | 851 | 854 | 857..=859)
        || matches!(start, 871..=879 | 884..=885 | 887..=899 | 969 | 978 | 990..=991 | 999);
    !spare
}

/// Returns true if the span contains a social security number.
pub fn ssn(bytes: &[u8], span: Range<usize>) -> bool {
    let shaped = |n: &[u8]| n.iter().enumerate().all(|(i, b)| if i == 3 || i == 6 { *b == b'-' } else { b.is_ascii_digit() });
    // 000, 666 and 9xx are no areas, 00 is no group, and 0000 no serial number.
    let given = |n: &[u8]| {
        !matches!(n[..3], [b'0', b'0', b'0'] | [b'6', b'6', b'6'] | [b'9', ..]) && n[4..6] != *b"00" && n[7..] != *b"0000"
    };
    bytes[span.clone()].windows(11).enumerate().any(|(at, number)| {
        let (start, end) = (span.start + at, span.start + at + 11);
        shaped(number) && given(number) && free_before(bytes, start) && free_after(bytes, end)
    })
}

/// Returns true if the span holds the number of a credit card.
pub fn card(bytes: &[u8], span: Range<usize>) -> bool {
    let length = |at: usize| bytes[at..span.end].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = span.start;
    while let Some(next) = bytes[at..span.end].iter().position(u8::is_ascii_digit) {
        let start = at + next;
        let first = length(start);
        at = start + first;
        if (13..=19).contains(&first) && free_before(bytes, start) && free_after(bytes, at) && of_issuer(&bytes[start..at]) {
            return true;
        }
        let separator = bytes.get(at).copied().filter(|b| matches!(b, b' ' | b'-'));
        // No issuer's prefix begins with another digit; rows of numbers are full of them.
        if first != 4 || separator.is_none() || !(b'2'..=b'6').contains(&bytes[start]) || !free_before(bytes, start) {
            continue;
        }
        let (mut groups, mut digits, mut end) = (vec![first], bytes[start..at].to_vec(), at);
        while groups.len() < 5 && bytes.get(end).copied() == separator {
            let size = length(end + 1);
            if !(1..=6).contains(&size) {
                break;
            }
            digits.extend_from_slice(&bytes[end + 1..end + 1 + size]);
            groups.push(size);
            end += 1 + size;
            let as_printed = matches!(groups[..], [4, 4, 4, 1..=4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 3]);
            if as_printed && free_after(bytes, end) && !in_fours(bytes, start, end) && of_issuer(&digits) {
                return true;
            }
        }
    }
    false
}

/// Returns true if a space and then four more, as in an account number, stand before or after.
fn in_fours(bytes: &[u8], start: usize, end: usize) -> bool {
    let four = |b: &[u8]| b.iter().all(u8::is_ascii_alphanumeric) && b.iter().any(u8::is_ascii_digit);
    let before = matches!(bytes[..start], [.., a, b, c, d, b' '] if four(&[a, b, c, d]));
    let after = matches!(bytes[end..], [b' ', a, b, c, d, ..] if [a, b, c, d].iter().all(u8::is_ascii_digit));
    before || after
}

/// Returns true if an issuer gives out numbers of this beginning and length, and the check digit is right (ISO/IEC 7812-1).
fn of_issuer(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(6).fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    let lengths: &[usize] = match prefix {
        400_000..=499_999 => &[13, 16, 19],
        510_000..=559_999 | 222_100..=272_099 => &[16],
        340_000..=349_999 | 370_000..=379_999 => &[15],
        601_100..=601_199 | 622_126..=622_925 | 644_000..=659_999 => &[16, 17, 18, 19],
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => &[14],
        352_800..=358_999 => &[16, 17, 18, 19],
        _ => &[],
    };
    let weigh = |(place, b): (usize, &u8)| match (u32::from(b - b'0'), place % 2) {
        (digit, 0) => digit,
        (digit, _) => digit * 2 / 10 + digit * 2 % 10,
    };
    lengths.contains(&digits.len()) && digits.iter().rev().enumerate().map(weigh).sum::<u32>() % 10 == 0
}
