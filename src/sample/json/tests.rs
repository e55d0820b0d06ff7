//! What the scanner accepts, beside serde_json; and the texts that the tests of the folder above are made of.

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

/// JSON texts of small values over few keys, spelled in many ways.
pub fn texts() -> impl Strategy<Value = String> {
    spelled().prop_map(|(text, _)| text)
}

/// Two spellings of one value.
pub fn spelled() -> impl Strategy<Value = (String, String)> {
    let twice = |text: &'static str| Just((text.to_owned(), text.to_owned()));
    let number = (-20i32..20, 0usize..4).prop_map(|(n, form)| {
        let other = match form {
            0 => format!("{n}.0"),
            1 => format!("{}e-1", n * 10),
            2 => format!("{n}E+00"),
            _ => format!("{n}"),
        };
        (n.to_string(), other)
    });
    let string =
        prop::collection::vec(prop::sample::select(vec!["a", "é", "😀", "\\n", "\\\"", "b", "/"]), 0..4).prop_map(|parts| {
            let plain = parts.concat();
            let other =
                plain.replace('a', "\\u0061").replace('😀', "\\uD83d\\udE00").replace('/', "\\/").replace("\\n", "\\u000a");
            (format!("\"{plain}\""), format!("\"{other}\""))
        });
    let leaf = prop_oneof![twice("null"), twice("true"), twice("false"), twice("\"\""), twice("0.5e-3"), number, string];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| {
                let (a, b): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                (format!("[{}]", a.join(",")), format!(" [\n{} ]\t", b.join(" , ")))
            }),
            prop::collection::btree_map("[a-d~/]", inner, 0..5).prop_map(|map| {
                let a: Vec<_> = map.iter().map(|(k, (v, _))| format!("\"{k}\":{v}")).collect();
                let b: Vec<_> = map.iter().rev().map(|(k, (_, v))| format!("\"{}\" :\r{v}", k.replace('a', "\\u0061"))).collect();
                // A key that comes again counts by its last value only.
                let first = map.keys().next().map(|k| format!("\"{k}\":[7],")).unwrap_or_default();
                (format!("{{{}}}", a.join(",")), format!("{{{first}{}}}", b.join(" ,")))
            }),
        ]
    })
}

/// What serde_json says of the grammar alone.
fn serde(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

#[test]
fn errors_say_where_and_what() {
    for (text, said) in [
        (&b""[..], "byte 0: missing value, as between two commas"),
        (b"[", "byte 1: unexpected end; JSON Lines requires one document per line"),
        (b"{\"a\":1,}", "byte 7: trailing comma; remove it"),
        (b"[1,]", "byte 3: trailing comma; remove it"),
        (b"[1 2]", "byte 3: expected ',' or ']'"),
        (b"{\"a\" 1}", "byte 5: expected ':'"),
        (b"{\"a\":1]", "byte 6: expected ',' or '}'"),
        (b"01", "byte 1: a number has a leading zero"),
        (b"-", "byte 1: unexpected end; JSON Lines requires one document per line"),
        (b"1.x", "byte 2: expected a digit"),
        (b"\"a\tb\"", "byte 2: unescaped control character in a string"),
        (b"\"\\x\"", "byte 2: invalid escape in a string"),
        (b"\"\\u12g4\"", "byte 5: expected four hex digits after '\\u'"),
        (b"\"ab\xff\"", "byte 3: a string is not valid UTF-8"),
        (b"nul1", "byte 3: expected a value"),
        (b"{} 1", "byte 3: unexpected data after the end of the value"),
        (b"\xef\xbb\xbf1", "byte 0: a byte order mark in the middle of the file; remove it"),
    ] {
        assert_eq!(check(text).unwrap_err().to_string(), said, "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = |n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        assert_eq!(check(deep(512).as_bytes()), Ok(()));
        assert!(check(deep(513).as_bytes()).is_err());
        assert!(check(open.repeat(1_000_000).as_bytes()).is_err());
    }
}

#[test]
fn every_byte_is_seen_at_every_place_of_a_string() {
    for length in 0..100 {
        for at in 0..length {
            for bad in [b'"', b'\\', 0, 0x1f, 0xff, 0xc3] {
                let mut text = vec![b'a'; length];
                text[at] = bad;
                let text = [b"\"", &text[..], b"\""].concat();
                assert_eq!(check(&text).is_ok(), serde(&text), "{length} {at} {bad}");
                let good = [b"\"", &vec![b' '; at][..], "é\u{7f}".as_bytes(), &vec![b'~'; length - at], b"\""].concat();
                assert_eq!(check(&good), Ok(()));
            }
        }
    }
}

#[test]
fn a_tape_keeps_what_lies_above_its_depth() {
    let text = br#"{"a":[1,{"b":2}],"c":"x\n"}"#;
    let mut tape = Tape::default();
    let mut seen = |depth| {
        tape.read(text, depth).unwrap();
        (0..tape.token(0).next as usize)
            .map(|i| String::from_utf8_lossy(tape.token(i).raw(text)).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(0).len(), 1);
    assert_eq!(seen(1)[1..], ["\"a\"", "[1,{\"b\":2}]", "\"c\"", "\"x\\n\""]);
    assert_eq!(seen(9)[1..7], ["\"a\"", "[1,{\"b\":2}]", "1", "{\"b\":2}", "\"b\"", "2"]);
}

proptest! {
    #[test]
    fn what_serde_accepts_is_valid((a, b) in spelled()) {
        prop_assert_eq!(check(a.as_bytes()), Ok(()));
        prop_assert_eq!(check(b.as_bytes()), Ok(()));
        prop_assert!(serde(b.as_bytes()));
    }

    #[test]
    fn agrees_with_serde_on_mutated_texts(
        (_, text) in spelled(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3, any::<u8>(), 0usize..24), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        for (at, edit, any, pick) in edits {
            let byte = b"{}[]\",:\\u0-1.eEtn \n\x1f\xc3".get(pick).copied().unwrap_or(any);
            match (edit, bytes.len()) {
                (0, n @ 1..) => bytes[at.index(n)] = byte,
                (1, n @ 1..) => { bytes.remove(at.index(n)); }
                (_, n) => bytes.insert(at.index(n + 1), byte),
            }
        }
        prop_assert_eq!(check(&bytes).is_ok(), serde(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn agrees_with_serde_on_bytes_of_json(bytes in prop::collection::vec(prop::sample::select(b"[]{}\",:0123-.eEtruefalsn \\/\n\xc3\xa9a".to_vec()), 0..12)) {
        prop_assert_eq!(check(&bytes).is_ok(), serde(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn contents_are_those_of_serde(text in texts()) {
        let mut tape = Tape::default();
        tape.read(text.as_bytes(), MAX_DEPTH).unwrap();
        for index in 0..tape.token(0).next as usize {
            let token = tape.token(index);
            if token.kind == crate::sample::Type::String {
                let content: String = serde_json::from_slice(token.raw(text.as_bytes())).unwrap();
                prop_assert_eq!(&*token.content(text.as_bytes()), content.as_bytes());
            }
        }
    }
}
