//! Explanations of common errors in JSON.

/// Returns what is wrong at this byte, where it is one of the usual faults, and what JSON has instead.
#[cold]
pub(super) fn cause(text: &[u8], at: usize) -> Option<&'static str> {
    let before = &text[..at];
    let start = at - before.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = &text[start..];
    let word = &word[..word.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()];
    let follows_digit = before.last().is_some_and(u8::is_ascii_digit);
    Some(match (word, &text[at..]) {
        (b"NaN" | b"nan" | b"NAN", _) => "NaN is not valid JSON; use null",
        (b"Infinity" | b"infinity" | b"Inf" | b"inf", _) => "Infinity is not valid JSON; use null",
        (b"None" | b"undefined" | b"nil", _) => "None and undefined are not valid JSON; use null",
        (b"True" | b"False" | b"TRUE" | b"FALSE", _) => "true and false must be lowercase",
        (_, [0xef, 0xbb, 0xbf, ..]) => "a byte order mark in the middle of the file; remove it",
        (_, [0, rest @ ..]) if rest.get(1) != Some(&0) && before.iter().rev().nth(1) != Some(&0) => {
            "a zero byte, as after a crash or an interrupted copy; remove it"
        }
        (_, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..]) => {
            "this looks like UTF-16; save it as UTF-8, or set 'encoding' in [dataset.NAME.format]"
        }
        (_, [b'\'', ..]) => "strings need double quotes, not single quotes",
        (_, [0xe2, 0x80, 0x98..=0x9f, ..]) => "strings need straight quotes, not curly quotes",
        (_, [0xc2, 0xa0, ..] | [0xe2, 0x80, 0x80..=0x8f | 0xa8 | 0xa9 | 0xaf, ..] | [0xe3, 0x80, 0x80, ..]) => {
            "a special space or invisible character is not allowed here; remove it"
        }
        (_, [0x1e, ..]) => "a record separator, as in a JSON text sequence; remove it",
        (b"data", [b'd', ..]) if start == 0 => "this is an event stream; remove 'data:' before the document",
        (_, [b'/', b'/' | b'*', ..] | [b'#', ..]) => "comments are not valid JSON; remove them",
        (_, [b'.', b'0'..=b'9', ..]) if !follows_digit => "a number needs a digit before the decimal point: 0.5, not .5",
        (_, [b'+', b'0'..=b'9' | b'.', ..]) if !follows_digit => "a number cannot start with a plus sign",
        (_, [b'x' | b'X', ..]) if before.ends_with(b"0") => "hexadecimal numbers are not valid JSON",
        (_, [b';', ..]) => "unexpected semicolon; JSON uses commas",
        (_, [b'}' | b']', ..]) if before.trim_ascii_end().ends_with(b",") => "trailing comma; remove it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::sample::json::check;

    #[test]
    fn the_usual_faults_are_named() {
        for (text, words) in [
            (&b"{\"a\":NaN}"[..], "NaN"),
            (b"{\"a\":nan}", "NaN"),
            (b"[-Infinity]", "Infinity"),
            (b"[inf]", "Infinity"),
            (b"{\"a\":None}", "null"),
            (b"{\"a\":True}", "true and false"),
            (b"{'a':1}", "double quotes"),
            (b"{\"a\":1,}", "trailing comma"),
            (b"[1,]", "trailing comma"),
            (b"{\"a\":1 // one\n}", "comments"),
            (b"\xef\xbb\xbf{\"a\":2}", "byte order mark"),
            (b"{\0\"\0", "UTF-16"),
            ("{\u{201c}a\u{201d}:1}".as_bytes(), "curly"),
            ("\u{200b}{}".as_bytes(), "invisible"),
            ("{\"a\":\u{a0}1}".as_bytes(), "invisible"),
            (b"\x1e{}", "record separator"),
            (b"data: {}", "event stream"),
            (b"{\"a\":1}\0", "zero byte"),
            (b"{\"a\":1} {\"b\":2}", "second document"),
            (b"{\"a\":1", "unexpected end"),
            (b"{\"a\":1},", "trailing comma after the document"),
            (b"{\"a\":.5}", "0.5, not .5"),
            (b"[+1]", "plus sign"),
            (b"{\"a\":0x1F}", "hexadecimal"),
            (b"{\"a\":1;}", "semicolon"),
            (b"{\"a\":1 \"b\":2}", "missing comma before a key"),
            (b"[{} {}]", "missing comma before an element"),
            (b"{\"a\":\"x}", "unterminated string"),
            (b"{\"a\":1}\r{\"a\":2}", "carriage return"),
            (b"", "missing value"),
        ] {
            let what = check(text).unwrap_err().what;
            assert!(what.contains(words), "{}: {what}", String::from_utf8_lossy(text));
        }
    }
}
