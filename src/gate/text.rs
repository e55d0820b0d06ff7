//! Text as people read it, for the rules that search and compare text.
//!
//! Word processors and PDF write spaces that do not break, hyphens that do not break, marks of no width and letters of
//! full width, where a person reads a space, a hyphen, nothing and a letter. [`normalize`] maps each to its ASCII
//! counterpart, and composes the rest as NFKC does (Unicode Standard Annex 15), so that a search for ASCII finds it.
//! Invariants: text of ASCII is unchanged and is not copied; no sign that stands beside a number, such as a footnote's
//! superscript, becomes a part of it.

use std::borrow::Cow;

use unicode_normalization::char::decompose_compatible;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The zeros of the decimal digits (general category `Nd`, Unicode 16) that have no compatibility decomposition. The
/// other nine of each script follow its zero.
const ZEROS: [u32; 66] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0,
    0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450,
    0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16130,
    0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950,
];

/// The replacement of a character that is not ASCII.
enum Plain {
    /// It has no width and no meaning of its own.
    Nothing,
    /// This character.
    Char(char),
    /// This character between the parts of a number, itself elsewhere.
    InNumber(char),
    /// Its compatibility decomposition, composed.
    Composed,
}

/// Returns the text with spaces, hyphens, digits and letters as a person reads them, without marks of no width.
pub(super) fn normalize(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut compose = false;
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
        out.push_str(&rest[..at]);
        let mut chars = rest[at..].chars();
        let Some(c) = chars.next() else { break };
        rest = chars.as_str();
        match plain(c) {
            Plain::Nothing => {}
            Plain::Char(plain) => out.push(plain),
            Plain::InNumber(plain) => out.push(if is_in_number(&out, rest) { plain } else { c }),
            Plain::Composed if is_nfkc_quick(std::iter::once(c)) == IsNormalized::Yes => out.push(c),
            Plain::Composed => {
                compose = true;
                let start = out.len();
                decompose_compatible(c, |part| out.push(part));
                if !is_letter_or_digit(c, &out[start..]) {
                    out.truncate(start);
                    out.push(c);
                }
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(if compose { out.nfc().collect() } else { out })
}

fn plain(c: char) -> Plain {
    match c {
        // Soft hyphens, zero-width spaces and joiners, marks of direction, selectors of variants, tags.
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' => {
            Plain::Nothing
        }
        '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}' => Plain::Nothing,
        '\u{85}' | '\u{2028}' | '\u{2029}' => Plain::Char('\n'),
        '\u{58A}' | '\u{5BE}' | '\u{1806}' | '\u{2010}'..='\u{2012}' | '\u{2043}' | '\u{2212}' | '\u{FE63}' | '\u{FF0D}' => {
            Plain::Char('-')
        }
        // Dashes, a line of a box, the sign of a long vowel in Japanese: hyphens in a number, punctuation elsewhere.
        '\u{2013}'..='\u{2015}' | '\u{2500}' | '\u{30FC}' | '\u{FE58}' | '\u{FF70}' => Plain::InNumber('-'),
        // Middle dots and bullets.
        '\u{B7}' | '\u{2022}' | '\u{2219}' | '\u{22C5}' | '\u{30FB}' | '\u{FF65}' => Plain::InNumber('.'),
        c if c.is_whitespace() => Plain::Char(' '),
        c if c.is_numeric() => digit(c).map_or(Plain::Composed, Plain::Char),
        _ => Plain::Composed,
    }
}

/// Returns the ASCII digit of a decimal digit of another script.
fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let zero = ZEROS[..ZEROS.partition_point(|&zero| zero <= code)].last()?;
    char::from_digit(code - zero, 10)
}

/// Returns whether a number goes on over what stands between two texts.
fn is_in_number(before: &str, after: &str) -> bool {
    let starts = |c: char| c.is_numeric() || matches!(c, '(' | '（');
    let next = after.chars().find(|&c| !matches!(plain(c), Plain::Nothing));
    before.ends_with(|c: char| c.is_ascii_digit() || c == ')') && next.is_some_and(starts)
}

/// Returns whether a character is read as the letters or the digit that it decomposes into. Superscripts, fractions,
/// digits in circles and symbols such as `№` are not: beside a number they would become a part of it.
fn is_letter_or_digit(c: char, parts: &str) -> bool {
    if c.is_numeric() {
        return matches!(c, '０'..='９' | '𝟎'..='𝟿' | '\u{1FBF0}'..='\u{1FBF9}');
    }
    let is_symbol = !c.is_alphabetic() && parts.chars().nth(1).is_some();
    !(is_symbol || matches!(c, 'ª' | 'º'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn separators_are_those_of_ascii() {
        for (text, plain) in [
            ("a b-c", "a b-c"),
            ("a\u{a0}b\u{202f}c\u{2007}d\u{2009}e\u{3000}f", "a b c d e f"),
            ("1\u{2010}2\u{2011}3\u{2012}4\u{2212}5\u{fe63}6\u{ff0d}7", "1-2-3-4-5-6-7"),
            ("an\u{ad}n\u{200b}@\u{feff}ex\u{2060}am\u{200d}ple", "ann@example"),
            ("one\u{2028}two\u{85}three", "one\ntwo\nthree"),
            ("212–555—0123", "212-555-0123"),
            ("(212)–\u{200b}555·0123", "(212)-555.0123"),
            ("Lessor–212 and 5 – 6", "Lessor–212 and 5 – 6"),
            ("・a ー1", "・a ー1"),
        ] {
            assert_eq!(normalize(text), plain, "{text:?}");
        }
    }

    #[test]
    fn letters_and_digits_are_those_of_ascii() {
        for (text, plain) in [
            ("＋１ （２１２） ａｎｎ＠ｅｘ．ｏｒｇ", "+1 (212) ann@ex.org"),
            ("٢١٢ ۵۵۵ २१२ ๐๑๒", "212 555 212 012"),
            ("𝟮𝟭𝟮 𝐚𝐧𝐧 ﬁne ﹫", "212 ann fine @"),
            ("cafe\u{301} Mu\u{308}ller", "café Müller"),
            ("が", "が"),
            ("0123² ① ½ ™ № º ´", "0123² ① ½ ™ № º ´"),
        ] {
            assert_eq!(normalize(text), plain, "{text:?}");
        }
    }

    #[test]
    fn each_zero_begins_ten_digits() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            for n in 0..10 {
                let c = char::from_u32(zero + n).unwrap();
                assert_eq!(normalize(&c.to_string()), n.to_string(), "{zero:x}");
                assert!(c.is_numeric(), "{zero:x}");
            }
        }
    }

    proptest! {
        #[test]
        fn ascii_stays_and_is_not_copied(text in "[ -~\t\n]{0,60}") {
            prop_assert!(matches!(normalize(&text), Cow::Borrowed(same) if same == text));
        }

        #[test]
        fn marks_of_no_width_change_nothing(text in "[ -~]{0,40}", mark in prop::sample::select(vec!['\u{ad}', '\u{200b}', '\u{feff}'])) {
            let marked: String = text.chars().flat_map(|c| [mark, c]).collect();
            prop_assert_eq!(normalize(&marked), text);
        }

        #[test]
        fn any_text_is_taken(text in any::<String>()) {
            let _ = normalize(&text);
        }
    }
}
