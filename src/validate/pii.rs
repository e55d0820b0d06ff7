//! Personal data in text: built-in patterns, and the team's own regular expressions.
//!
//! The built-in ones are made for texts full of numbers that are none: dates, sections, amounts, statutes, dockets,
//! identifiers, digests. So each asks for the form that people write, and what is part of a longer number or identifier
//! does not count. They know ASCII only, and nothing goes on over the end of a line.
//!
//! Invariant: what was found is never quoted, or the report would spread what must not be spread.

use std::ops::Range;

use memchr::memchr_iter;
use regex::{Regex, RegexBuilder};

use crate::error::{Error, Kind, Result};

/// The names of the built-in patterns, in the order in which they are told.
///
/// - `email`: `name@host.tld`; no quoted names, no hosts beyond ASCII.
/// - `phone`: ten digits with separators as in North America, perhaps after `1` or `+1`; or `+`, a country code and 10 to
///   15 digits in all, of which 15 are the most that E.164 allows.
/// - `ssn`: `AAA-GG-SSSS`, of a number that the Social Security Administration may give out.
/// - `credit_card`: 13 to 19 digits, at once or in groups as on the card, with prefix and length of Visa, Mastercard,
///   American Express, Discover, Diners Club or JCB, and a right check digit.
pub const BUILT_IN: &[&str] = &["email", "phone", "ssn", "credit_card"];

/// What each of [`BUILT_IN`] finds, as it is told and how it is looked for.
const KINDS: [(&str, Look); 4] = [
    ("an e-mail address", Look::Text(email)),
    ("a phone number", Look::Phone),
    ("a social security number", Look::Digits(ssn)),
    ("a credit card number", Look::Digits(card)),
];

/// How a pattern is looked for.
#[derive(Clone, Copy)]
enum Look {
    /// In the whole text.
    Text(fn(&[u8]) -> bool),
    /// By [`Patterns::phone`] and [`international`] in every span of digits.
    Phone,
    /// In every span of digits.
    Digits(fn(&[u8], Range<usize>) -> bool),
}

/// The most bytes that one of the team's expressions may take when compiled.
const SIZE: usize = 4 << 20;

/// No pattern of digits has fewer: a social security number has nine.
const LEAST_DIGITS: usize = 9;

/// The forms of North America: the area code in parentheses; dashes; dots; a space first. With spaces alone the area
/// code must be one that can be, since tables are full of such rows.
const PHONE: &str = r"(?x)
    (?: \+?1[\ .-]? )? \( [0-9]{3} \) [\ .-]{0,2} [0-9]{3} [\ .-] [0-9]{4}
  | (?: \+?1[\ .-] )? (?:
        [0-9]{3} - [0-9]{3} - [0-9]{4}
      | [0-9]{3} \. [0-9]{3} \. [0-9]{4}
      | [2-9][0-9]{2} \ [0-9]{3} [\ -] [0-9]{4}
    )";

/// What is looked for. It can be used from several threads at once.
#[derive(Debug)]
pub struct Patterns {
    /// Which of [`BUILT_IN`].
    wanted: [bool; 4],
    phone: Regex,
    own: Vec<(String, Regex)>,
}

impl Patterns {
    /// Takes built-in patterns by their names, and the team's own as pairs of a name and a regular expression in the
    /// syntax of the crate `regex`, which has no look-around and no back-references.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for a name that is not in [`BUILT_IN`], and for an expression that is none or takes more than
    /// 4 MiB when compiled.
    pub fn new(find: &[String], patterns: &[(String, String)]) -> Result<Patterns> {
        let mut wanted = [false; 4];
        for name in find {
            let Some(at) = BUILT_IN.iter().position(|known| known == name) else {
                let message = format!("'{name}' is none of the built-in patterns {}", join(BUILT_IN));
                return Err(Error::new(Kind::Config, message).with_hint("give your own as a name and a regular expression"));
            };
            wanted[at] = true;
        }
        let own = patterns.iter().map(|(name, text)| Ok((name.clone(), compile(name, text)?))).collect::<Result<_>>()?;
        Ok(Patterns { wanted, phone: compile("phone", PHONE)?, own })
    }

    /// Names everything that the text holds, such as "an e-mail address and a phone number", and the team's own
    /// patterns by their names; nothing if it holds none.
    pub fn find(&self, text: &str) -> Option<String> {
        let bytes = text.as_bytes();
        let mut found = [false; 4];
        let mut of_digits = [false; 4];
        for (at, (_, look)) in KINDS.iter().enumerate().filter(|(at, _)| self.wanted[*at]) {
            match look {
                Look::Text(holds) => found[at] = holds(bytes),
                _ => of_digits[at] = true,
            }
        }
        if of_digits.contains(&true) {
            for span in (Spans { bytes, at: 0 }) {
                for (at, (_, look)) in KINDS.iter().enumerate() {
                    if of_digits[at] && !found[at] {
                        found[at] = match look {
                            Look::Text(_) => false,
                            Look::Phone => self.phone(text, span.clone()) || international(bytes, span.clone()),
                            Look::Digits(holds) => holds(bytes, span.clone()),
                        };
                    }
                }
            }
        }
        let built_in = KINDS.iter().zip(found).filter(|(_, found)| *found).map(|((called, _), _)| *called);
        let own = self.own.iter().filter(|(_, regex)| regex.is_match(text)).map(|(name, _)| name.as_str());
        let names: Vec<&str> = built_in.chain(own).collect();
        (!names.is_empty()).then(|| join(&names))
    }

    /// Whether the span holds a phone number of North America.
    fn phone(&self, text: &str, span: Range<usize>) -> bool {
        let bytes = text.as_bytes();
        let mut at = span.start;
        // One that does not count may overlap one that does.
        while let Some(found) = self.phone.find_at(&text[..span.end], at) {
            let Range { start, end } = found.range();
            let spaced = found.as_str().bytes().all(|b| b == b' ' || b.is_ascii_digit());
            let in_row = digit_and_space(bytes[..start].iter().rev()) || digit_and_space(bytes[end..].iter());
            if free_before(bytes, start) && free_after(bytes, end) && !(spaced && in_row) {
                return true;
            }
            at = start + 1;
        }
        false
    }
}

/// Compiles an expression, of which the error says what is wrong in a line.
fn compile(name: &str, text: &str) -> Result<Regex> {
    RegexBuilder::new(text).size_limit(SIZE).build().map_err(|error| {
        let said = error.to_string();
        let last = said.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned();
        Error::new(Kind::Config, format!("the pattern '{name}' cannot be used: {last}")).with_source(error)
    })
}

/// Joins names as a sentence does: `a`, `a and b`, `a, b and c`.
fn join(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// Runs of digits and of what stands between the digits of one number, with digits enough for a pattern.
struct Spans<'a> {
    bytes: &'a [u8],
    at: usize,
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

/// Where the first digit stands.
fn first_digit(bytes: &[u8]) -> Option<usize> {
    // A block at a time and without branches: most text has none for many lines.
    let none = |block: &[u8]| !block.iter().fold(false, |any, b| any | b.is_ascii_digit());
    let whole = bytes.chunks_exact(32).take_while(|block| none(block)).count() * 32;
    Some(whole + bytes[whole..].iter().position(u8::is_ascii_digit)?)
}

/// Whether a number that begins here is none that goes on from before: no letter or digit precedes it, also not with
/// a dash or, for a digit, a point between.
fn free_before(bytes: &[u8], start: usize) -> bool {
    match bytes[..start] {
        [.., a, b'-'] => !a.is_ascii_alphanumeric(),
        [.., a, b'.'] => !a.is_ascii_digit(),
        [.., a] => !(a.is_ascii_alphanumeric() || a == b'_' || a == b'+'),
        [] => true,
    }
}

/// Whether a number that ends here does not go on after it; see [`free_before`]. An extension (`x12`) is allowed.
fn free_after(bytes: &[u8], end: usize) -> bool {
    match bytes[end..] {
        [b'-', a, ..] => !a.is_ascii_alphanumeric(),
        [b'.' | b'x', a, ..] if a.is_ascii_digit() => bytes[end] == b'x',
        [a, ..] => !(a.is_ascii_alphanumeric() || a == b'_'),
        [] => true,
    }
}

/// Whether a space and then a digit come first.
fn digit_and_space<'a>(mut bytes: impl Iterator<Item = &'a u8>) -> bool {
    bytes.next() == Some(&b' ') && bytes.next().is_some_and(u8::is_ascii_digit)
}

/// Whether the span holds `+`, a country code and a number.
fn international(bytes: &[u8], span: Range<usize>) -> bool {
    memchr_iter(b'+', &bytes[span.clone()]).any(|plus| {
        let mut at = span.start + plus + 1;
        let starts = free_before(bytes, at - 1) && bytes.get(at).is_some_and(|b| (b'1'..=b'9').contains(b));
        let mut digits = 0;
        while starts && digits < 15 && bytes.get(at).is_some_and(u8::is_ascii_digit) {
            (at, digits) = (at + 1, digits + 1);
            if digits >= 10 && free_after(bytes, at) {
                return true;
            }
            for between in [&b")"[..], b" .-", b"("] {
                at += usize::from(bytes.get(at).is_some_and(|b| between.contains(b)));
            }
        }
        false
    })
}

/// Whether the span holds a social security number.
fn ssn(bytes: &[u8], span: Range<usize>) -> bool {
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

/// Whether the span holds the number of a credit card.
fn card(bytes: &[u8], span: Range<usize>) -> bool {
    let length = |at: usize| bytes[at..span.end].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut at = span.start;
    while let Some(next) = bytes[at..span.end].iter().position(u8::is_ascii_digit) {
        let start = at + next;
        let first = length(start);
        at = start + first;
        let separator = bytes.get(at).copied().filter(|b| matches!(b, b' ' | b'-'));
        let mut digits = bytes[start..at].to_vec();
        digits.truncate(20);
        if (13..=19).contains(&first) && free_before(bytes, start) && free_after(bytes, at) && of_issuer(&digits) {
            return true;
        }
        let mut groups = vec![first];
        let mut end = at;
        while first == 4 && groups.len() < 5 && separator.is_some() && bytes.get(end).copied() == separator {
            let size = length(end + 1);
            if !(1..=6).contains(&size) {
                break;
            }
            digits.extend_from_slice(&bytes[end + 1..end + 1 + size]);
            groups.push(size);
            end += 1 + size;
            let as_printed = matches!(groups[..], [4, 4, 4, 1..=4] | [4, 6, 4 | 5] | [4, 4, 4, 4, 3]);
            let alone = free_before(bytes, start) && free_after(bytes, end) && !in_fours(bytes, start, end);
            if as_printed && alone && of_issuer(&digits) {
                return true;
            }
        }
    }
    false
}

/// Whether a space and then four more, as in an account number, stand before or after.
fn in_fours(bytes: &[u8], start: usize, end: usize) -> bool {
    let four = |b: &[u8]| b.iter().all(u8::is_ascii_alphanumeric) && b.iter().any(u8::is_ascii_digit);
    let before = matches!(bytes[..start], [.., a, b, c, d, b' '] if four(&[a, b, c, d]));
    let after = matches!(bytes[end..], [b' ', a, b, c, d, ..] if [a, b, c, d].iter().all(u8::is_ascii_digit));
    before || after
}

/// Whether an issuer gives out numbers of this beginning and length, and the check digit is right (ISO/IEC 7812-1).
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

/// Whether the text holds an e-mail address.
fn email(bytes: &[u8]) -> bool {
    memchr_iter(b'@', bytes).any(|at| {
        let of_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'');
        // RFC 5321 allows 64 bytes before the `@` and 255 after it.
        let name = bytes[..at].iter().rev().take(65).take_while(|b| of_name(b)).count();
        let named =
            (1..=64).contains(&name) && bytes[at - name..at].iter().any(u8::is_ascii_alphanumeric) && bytes[at - 1] != b'.';
        let rest = &bytes[at + 1..];
        let host = rest.iter().take(255).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')).count();
        named && is_host(&rest[..host])
    })
}

/// Whether this begins with the name of a host under a top-level domain.
fn is_host(bytes: &[u8]) -> bool {
    /// `icon@2x.png` is a picture for screens of high resolution.
    const FILES: [&[u8]; 8] = [b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js"];
    let label = |l: &[u8]| (1..=63).contains(&l.len()) && l[0] != b'-';
    let top = |l: &[u8]| (l.len() >= 2 && l.iter().all(u8::is_ascii_alphabetic)) || l.starts_with(b"xn--");
    let mut labels = bytes.split(|b| *b == b'.').take_while(|l| label(l));
    labels.next().is_some()
        && labels.any(|l| {
            let l = &l[..l.len() - l.iter().rev().take_while(|b| **b == b'-').count()];
            top(l) && !FILES.contains(&l)
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all() -> Patterns {
        let names: Vec<String> = BUILT_IN.iter().map(|n| (*n).to_owned()).collect();
        Patterns::new(&names, &[]).unwrap()
    }

    fn only(name: &str) -> Patterns {
        Patterns::new(&[name.to_owned()], &[]).unwrap()
    }

    /// Each text, alone and within a sentence.
    fn holds(name: &str, texts: &[&str]) {
        let (one, called) = (only(name), KINDS[BUILT_IN.iter().position(|n| *n == name).unwrap()].0);
        for text in texts {
            for framed in
                [(*text).to_owned(), format!("Lessor, {text}, pays"), format!("({text})."), format!("é\u{a0}{text}\nand")]
            {
                assert_eq!(one.find(&framed).as_deref(), Some(called), "{framed:?}");
            }
        }
    }

    #[test]
    fn email_addresses() {
        holds(
            "email",
            &[
                "jane@example.com",
                "Jane.O'Neil+lease@mail.example.co.uk",
                "x@a.io",
                "a_b%c@sub-1.example.org",
                "q@xn--e1.xn--p1ai",
            ],
        );
        holds(
            "email",
            &["mailto:jane@example.com?subject=x", "<jane@example.com>", "jane@example.com.Next", "jane@example.com-"],
        );
    }

    #[test]
    fn phone_numbers() {
        holds("phone", &["(212) 555-0123", "(212)555-0123", "212-555-0123", "212.555.0123", "212 555 0123", "212 555-0123"]);
        holds(
            "phone",
            &["1-212-555-0123", "+1 212 555 0123", "+1 (212) 555-0123", "1 (212) 555-0123", "+12125550123", "123-456-7890"],
        );
        holds("phone", &["+44 20 7946 0958", "+44 (0)20 7946 0958", "+33.1.23.45.67.89", "+49-30-12345678", "+919876543210"]);
        holds("phone", &["212-555-0123x45", "Tel:212-555-0123", "5 212-555-0123 24", "212-555-0123,212-555-0199"]);
    }

    #[test]
    fn social_security_numbers() {
        holds("ssn", &["123-45-6789", "001-01-0001", "899-99-9999", "SSN:123-45-6789", "665-12-3456", "000-12-3456 123-45-6789"]);
    }

    #[test]
    fn credit_card_numbers() {
        // The numbers that the issuers and their processors give out for tests.
        holds("credit_card", &["4111111111111111", "4012888888881881", "4222222222222", "5555555555554444", "5105105105105100"]);
        holds("credit_card", &["2223003122003222", "378282246310005", "371449635398431", "30569309025904", "38520000023237"]);
        holds("credit_card", &["6011111111111117", "6011000990139424", "3530111333300000", "3566002020360505", "36227206271667"]);
        holds(
            "credit_card",
            &["4111 1111 1111 1111", "4111-1111-1111-1111", "3782 822463 10005", "3056 930902 5904", "4111 1111 1111 1111 12/27"],
        );
    }

    #[test]
    fn numbers_of_legal_text_are_none_of_these() {
        let patterns = all();
        let texts = [
            "",
            "a @ b",
            "@media",
            "user@localhost",
            "icon@2x.png",
            "pkg@1.2.3",
            "a@b",
            "@example.com",
            "jane@-x.com",
            "x.@example.com",
            "on 2024-01-15 and 01/15/2024, 15.01.2024, 20240115103000",
            "Section 12.4.3 and 12.4.3.1.7.10.11, §§ 1942.5-1950.7",
            "1,234,567.00 and $12,345,678,901.25 or 1.234.567.890,12",
            "29 CFR 1910.1200(a)(1), 42 U.S.C. 1395-1396, 15-16-17-18-19-20",
            "No. 2:21-cv-01234-ABC",
            "INV-212-555-0123",
            "212-555-0123-44",
            "1212-555-01234",
            "212-555-01234",
            "3.212.555.0123",
            "2125550123",
            "100 200 300 400 5000 600 700 8000",
            "212 555 0123 999 888 7777 5",
            "rows 1 2 3 4 5 6 7 8 9 10 11 12 13 14",
            "550e8400-e29b-41d4-a716-446655440000",
            "12345678-1234-1234-1234-123456789012",
            "d41d8cd98f00b204e9800998ecf8427e",
            "4111111111111112",
            "1234567890123456",
            "9111111111111111",
            "0.4111111111111111",
            "41111111111111111111",
            "4111 1111 1111 1111 1111",
            "1234 4111 1111 1111 1111",
            "DE89 3704 0044 0532 0130 00",
            "a4111111111111111",
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "987-65-4321",
            "123-00-6789",
            "123-45-0000",
            "1123-45-6789",
            "123-45-67890",
            "A-123-45-6789",
            "123-45-6789-1",
            "12-3456789",
            "978-3-16-148410-0",
            "ISBN 9783161484100",
            "+123456789",
            "+1234567890123456",
            "x+1234567890123",
            "+0123456789012",
            "12345-6789",
            "192.168.100.200",
            "10:30:00.123456789+0000",
            "1.4e+1234567890",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "4111  1111  1111  1111",
            "4111-1111 1111-1111",
        ];
        for text in texts {
            assert_eq!(patterns.find(text), None, "{text:?}");
        }
    }

    #[test]
    fn all_that_is_there_is_named_and_nothing_quoted() {
        let own = [("matter".to_owned(), r"\bM-\d{6}\b".to_owned()), ("never".to_owned(), "zzz".to_owned())];
        let names: Vec<String> = BUILT_IN.iter().rev().map(|n| (*n).to_owned()).collect();
        let patterns = Patterns::new(&names, &own).unwrap();
        let said = |text: &str| patterns.find(text).unwrap();
        assert_eq!(said("a@b.com"), "an e-mail address");
        assert_eq!(said("212-555-0123 or a@b.com, c@d.com"), "an e-mail address and a phone number");
        let every = "a@b.com 212-555-0123 123-45-6789 4111111111111111 M-123456";
        let names = "an e-mail address, a phone number, a social security number, a credit card number and matter";
        assert_eq!(said(every), names);
        assert_eq!(only("ssn").find("a@b.com 212-555-0123"), None);
        assert_eq!(Patterns::new(&[], &[]).unwrap().find(every), None);
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        let own = |text: &str| [("matter".to_owned(), text.to_owned())];
        let error = Patterns::new(&["mail".to_owned()], &[]).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(error.message(), "'mail' is none of the built-in patterns email, phone, ssn and credit_card");
        let error = Patterns::new(&[], &own("(a")).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert_eq!(error.message(), "the pattern 'matter' cannot be used: unclosed group");
        let error = Patterns::new(&[], &own(r"\w{1000}{1000}")).unwrap_err();
        assert!(error.message().contains("size limit"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at(text in r"[0-9 ().+\-@a-zé]{0,80}") {
            all().find(&text);
        }

        #[test]
        fn a_number_is_found_wherever_it_stands(before in "[a-zé,\n ]{0,80}", after in "[\n, ][a-zé,\n ]{0,80}", n in 0..4usize) {
            let number = ["a@b.com", "212-555-0123", "123-45-6789", "4111111111111111"][n];
            let found = all().find(&format!("{before} {number}{after}"));
            prop_assert_eq!(found.as_deref(), Some(KINDS[n].0));
        }

        #[test]
        fn longer_digits_hold_no_shorter_number(number in "[0-9]{20,60}") {
            prop_assert_eq!(all().find(&number), None);
        }
    }
}
