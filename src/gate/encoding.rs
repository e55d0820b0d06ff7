//! Text that a training set must not hold: what is no UTF-8, control characters, marks of text that was lost.
//!
//! Invariant: the first such place is the one that is told, in the order of the bytes.

/// The number of bytes that are checked together: two registers of SSE2, one of AVX2.
const BLOCK: usize = 32;

/// Says what the text holds that it must not, if anything.
///
/// These are control characters other than tab, line feed and carriage return (C0, DEL and C1), U+FFFD, noncharacters,
/// and a byte order mark that is not the very first character. The answer completes a sentence about the text, such
/// as "contains the control character U+0007".
pub fn check(text: &str) -> Option<String> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let mut chars = rest[plain(rest.as_bytes())..].chars();
        // Where one character is no ASCII, the next one seldom is: blocks would be looked at in vain.
        loop {
            at = text.len() - chars.as_str().len();
            let c = chars.next()?;
            if is_plain(c as u32) {
                break;
            }
            if let Some(found) = unfit(c, at) {
                return Some(found);
            }
        }
    }
}

/// Says what bytes hold that text must not, if anything: all that [`check`] finds, and what is no UTF-8.
///
/// A surrogate on its own, as programs write it that take UTF-16 for text, is named as such.
pub fn check_bytes(bytes: &[u8]) -> Option<String> {
    let valid = match simdutf8::compat::from_utf8(bytes) {
        Ok(text) => return check(text),
        Err(error) => error.valid_up_to(),
    };
    let (before, after) = bytes.split_at(valid);
    if let Some(found) = std::str::from_utf8(before).ok().and_then(check) {
        return Some(found);
    }
    Some(match after {
        // U+D800 to U+DFFF by the scheme of UTF-8: 1110 1101, 101x xxxx, 10xx xxxx.
        [0xED, high @ 0xA0..=0xBF, low @ 0x80..=0xBF, ..] => {
            let code = 0xD000 | u32::from(high & 0x3F) << 6 | u32::from(low & 0x3F);
            format!("contains the lone surrogate U+{code:04X} at byte {valid}")
        }
        _ => format!("is not UTF-8 at byte {valid}"),
    })
}

/// Returns the number of bytes at the start that are printable ASCII, tabs and ends of lines.
fn plain(bytes: &[u8]) -> usize {
    let block = |block: &[u8]| block.iter().fold(true, |all, b| all & is_plain(u32::from(*b)));
    let whole = bytes.chunks_exact(BLOCK).take_while(|b| block(b)).count() * BLOCK;
    whole + bytes[whole..].iter().take_while(|b| is_plain(u32::from(**b))).count()
}

/// Returns true if this is printable ASCII, a tab, a line feed or a carriage return.
#[inline(always)]
fn is_plain(code: u32) -> bool {
    // Without branches, so that the compiler looks at a whole block at once.
    (code.wrapping_sub(0x20) < 0x5F) | (code == 0x09) | (code == 0x0A) | (code == 0x0D)
}

/// Says why this character, at this byte of the text, must not be there.
fn unfit(c: char, at: usize) -> Option<String> {
    let code = c as u32;
    match code {
        _ if c.is_control() => Some(format!("contains the control character U+{code:04X}")),
        0xFFFD => Some("contains U+FFFD, the replacement character".to_owned()),
        0xFEFF if at > 0 => Some("contains U+FEFF, a byte order mark, inside the text".to_owned()),
        0xFDD0..=0xFDEF => Some(format!("contains the noncharacter U+{code:04X}")),
        _ if code & 0xFFFE == 0xFFFE => Some(format!("contains the noncharacter U+{code:04X}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_is_clean() {
        let long = "The Tenant shall pay $2,500.00 on the first day of each month.\r\n\t".repeat(40);
        for text in
            ["", "a", "§ 12 – “Tenant” means…", "\u{FEFF}begins with a mark", "日本語のテキスト", &long, "😀\u{200D}e\u{301}"]
        {
            assert_eq!(check(text), None, "{text:?}");
            assert_eq!(check_bytes(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn what_must_not_be_there_is_named() {
        let table = [
            ("a\u{7}b", "contains the control character U+0007"),
            ("\0", "contains the control character U+0000"),
            ("a\u{7F}", "contains the control character U+007F"),
            ("caf\u{85}", "contains the control character U+0085"),
            ("lost \u{FFFD}", "contains U+FFFD, the replacement character"),
            ("a\u{FEFF}b", "contains U+FEFF, a byte order mark, inside the text"),
            ("\u{FEFF}\u{FEFF}", "contains U+FEFF, a byte order mark, inside the text"),
            ("\u{FFFE}", "contains the noncharacter U+FFFE"),
            ("é\u{10FFFF}", "contains the noncharacter U+10FFFF"),
            ("\u{FDD0}", "contains the noncharacter U+FDD0"),
        ];
        for (text, message) in table {
            let far = format!("{}{text}", "x".repeat(100));
            assert_eq!(check(text).as_deref(), Some(message), "{text:?}");
            assert_eq!(check_bytes(far.as_bytes()).as_deref(), Some(message), "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_with_their_place() {
        let table: [(&[u8], &str); 7] = [
            (b"0123456789abcdefg\xFF", "is not UTF-8 at byte 17"),
            (b"caf\xE9 au lait", "is not UTF-8 at byte 3"),
            (b"cut \xE2\x82", "is not UTF-8 at byte 4"),
            (b"\xC0\x80", "is not UTF-8 at byte 0"),
            (b"x\xED\xA0\x80", "contains the lone surrogate U+D800 at byte 1"),
            (b"\xED\xBF\xBFx", "contains the lone surrogate U+DFFF at byte 0"),
            (b"bell \x07 before \xFF", "contains the control character U+0007"),
        ];
        for (bytes, message) in table {
            assert_eq!(check_bytes(bytes).as_deref(), Some(message));
        }
    }

    /// The same by one comparison a character.
    fn naive(text: &str) -> Option<u32> {
        let odd = |(at, c): (usize, char)| {
            let code = c as u32;
            let control = code < 0x20 && ![9, 10, 13].contains(&code) || (0x7F..0xA0).contains(&code);
            let never = code % 0x10000 >= 0xFFFE || (0xFDD0..0xFDF0).contains(&code) || code == 0xFFFD;
            (control || never || code == 0xFEFF && at > 0).then_some(code)
        };
        text.char_indices().find_map(odd)
    }

    fn character() -> impl Strategy<Value = char> {
        let edge = prop::sample::select(
            "\t\n\r\0\u{1F} ~\u{7F}\u{80}\u{9F}\u{A0}\u{FDCF}\u{FDD0}\u{FEFF}\u{FFFD}".chars().collect::<Vec<_>>(),
        );
        prop_oneof![60 => prop::char::range(' ', '~'), 6 => prop::char::range('\u{A0}', '\u{D7FF}'), 1 => edge, 1 => any::<char>()]
    }

    proptest! {
        #[test]
        fn every_text_is_judged_as_one_character_at_a_time(chars in prop::collection::vec(character(), 0..200)) {
            let text: String = chars.into_iter().collect();
            let found = check(&text);
            prop_assert_eq!(check_bytes(text.as_bytes()), found.clone());
            match naive(&text) {
                None => prop_assert_eq!(found, None),
                Some(code) => {
                    let name = format!("U+{code:04X}");
                    prop_assert!(found.is_some_and(|m| m.contains(&name)));
                }
            }
        }

        #[test]
        fn bytes_are_text_exactly_where_the_standard_library_says_so(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            match std::str::from_utf8(&bytes) {
                Ok(text) => prop_assert_eq!(check_bytes(&bytes), check(text)),
                Err(e) => {
                    let place = format!("at byte {}", e.valid_up_to());
                    let before = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap();
                    let found = check_bytes(&bytes).unwrap();
                    prop_assert!(found.ends_with(&place) || check(before) == Some(found));
                }
            }
        }
    }
}
