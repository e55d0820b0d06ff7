//! The equality of records: keys in any order, the last of duplicate keys, strings by their content, numbers by their
//! decimal value.
//!
//! The canonical form is a prefix code, hashed and never stored: `n`, `t`, `f`; `#`, a number and `ff`; `"`, a string's
//! content in WTF-8 and `ff`, which occurs in no content; `[`, the elements and `]`; `{`, keys and values by the bytes of
//! the keys and `}`. That of a text that is not a JSON is `!` and its bytes.

use super::json::{MAX_DEPTH, Tape};
use super::record::digest;
use super::render::{BYTES, base64};
use super::{Pointer, Type};
use crate::codec::ByteWriter;

/// The end of a number and of a string.
pub(super) const END: u8 = 0xff;

/// The digests by which a record is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The first 16 bytes of the BLAKE3 of its canonical form.
    pub id: [u8; 16],
    /// The digest of the values of its key; `None` without a key, or where one of them is absent or null.
    pub key: Option<[u8; 16]>,
}

/// Finds the identity of one record after the other, in buffers that it keeps.
#[derive(Clone, Debug, Default)]
pub struct Canonicalizer {
    tape: Tape,
    form: Vec<u8>,
}

impl Identity {
    /// Of a record that is compared by its bytes.
    pub fn of_bytes(record: &[u8]) -> Identity {
        Identity { id: digest(b"!", record), key: None }
    }
}

impl Canonicalizer {
    /// Returns the identity of a JSON record without the values at the ignored places; its key are the values at the
    /// others, none for no key.
    pub fn identity(&mut self, record: &[u8], key: &[Pointer], ignored: &[Pointer]) -> Identity {
        self.form.clear();
        if self.tape.read(record, MAX_DEPTH).is_err() {
            return Identity::of_bytes(record);
        }
        let left_out: Vec<usize> = ignored.iter().filter_map(|pointer| pointer.find(&self.tape, record)).collect();
        put_without(&self.tape, record, 0, &left_out, &mut self.form);
        let id = digest(b"", &self.form);
        self.form.clear();
        let mut named = !key.is_empty();
        for pointer in key {
            match pointer.find(&self.tape, record).filter(|&index| self.tape.token(index).kind != Type::Null) {
                Some(index) => put_value(&self.tape, record, index, &mut self.form),
                None => named = false,
            }
        }
        Identity { id, key: named.then(|| digest(b"", &self.form)) }
    }
}

/// Returns the digest of some values together.
pub(super) fn digest_all<T: AsRef<[u8]>>(values: &[T]) -> [u8; 16] {
    let mut form = Vec::new();
    values.iter().for_each(|value| form.put_bytes(value.as_ref()));
    digest(b"", &form)
}

/// Appends the canonical form of the value with this index on the tape of `text`. The digest of that of a whole record is
/// its [`Identity::id`]. Recursion is bounded by [`MAX_DEPTH`].
pub fn put_value(tape: &Tape, text: &[u8], index: usize, out: &mut Vec<u8>) {
    put_without(tape, text, index, &[], out);
}

/// Appends the same without the members and elements with these indices.
fn put_without(tape: &Tape, text: &[u8], index: usize, left_out: &[usize], out: &mut Vec<u8>) {
    let token = tape.token(index);
    match token.kind {
        Type::Integer | Type::Number => {
            out.push(b'#');
            write_number(token.raw(text), out);
            out.push(END);
        }
        Type::String => {
            out.push(b'"');
            out.extend_from_slice(&token.content(text));
            out.push(END);
        }
        Type::Array => {
            out.push(b'[');
            let elements = tape.elements(index).filter(|element| !left_out.contains(element));
            elements.for_each(|element| put_without(tape, text, element, left_out, out));
            out.push(b']');
        }
        Type::Object => {
            let mut members: Vec<_> = tape.keys(index).map(|key| (tape.token(key).content(text), key)).collect();
            members.sort();
            out.push(b'{');
            for (at, (name, key)) in members.iter().enumerate() {
                let is_last = members.get(at + 1).is_none_or(|(next, _)| next != name);
                if is_last && !left_out.contains(&(key + 1)) {
                    out.extend_from_slice(name);
                    out.push(END);
                    put_without(tape, text, key + 1, left_out, out);
                }
            }
            out.push(b'}');
        }
        // `true`, `false`, `null`: the first letter says which.
        _ => out.extend_from_slice(&token.raw(text)[..1]),
    }
}

/// Appends the canonical form of a value that is given as its text, which is that of its rendering: bytes that are no
/// text, NaN and the infinities among them.
pub fn put_scalar(kind: Type, bytes: &[u8], out: &mut Vec<u8>) {
    match kind {
        Type::Null => out.push(b'n'),
        Type::Boolean => out.extend_from_slice(&bytes[..bytes.len().min(1)]),
        Type::Integer | Type::Number if bytes.last().is_some_and(u8::is_ascii_digit) => {
            out.push(b'#');
            write_number(bytes, out);
            out.push(END);
        }
        Type::Binary => put_bytes_form(bytes, out),
        _ if simdutf8::basic::from_utf8(bytes).is_err() => put_bytes_form(bytes, out),
        _ => {
            out.push(b'"');
            out.extend_from_slice(bytes);
            out.push(END);
        }
    }
}

fn put_bytes_form(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'{');
    out.extend_from_slice(BYTES.as_bytes());
    out.extend_from_slice(&[END, b'"']);
    out.extend_from_slice(base64(bytes).as_bytes());
    out.extend_from_slice(&[END, b'}']);
}

/// A number as its digits without zeros at either end, `e` and the power of ten that they are multiplied by, in eight
/// bytes; `0` for zero. An exponent of more than 18 digits is kept as it is, with what to add to it: there alone two
/// spellings of a value differ.
fn write_number(raw: &[u8], out: &mut Vec<u8>) {
    let (mantissa, exponent) = match raw.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&raw[..at], &raw[at + 1..]),
        None => (raw, &b""[..]),
    };
    let negative = mantissa.first() == Some(&b'-');
    let mantissa = &mantissa[usize::from(negative)..];
    let point = mantissa.iter().position(|&b| b == b'.').unwrap_or(mantissa.len());
    let (whole, fraction) = (&mantissa[..point], mantissa.get(point + 1..).unwrap_or_default());

    let start = out.len();
    if negative {
        out.push(b'-');
    }
    let first = out.len();
    let whole = without_zeros(whole);
    out.extend_from_slice(whole);
    out.extend_from_slice(if whole.is_empty() { without_zeros(fraction) } else { fraction });
    let digits = out.len();
    while out.len() > first && out.last() == Some(&b'0') {
        out.pop();
    }
    if out.len() == first {
        out.truncate(start);
        out.push(b'0');
        return;
    }
    let shift = (digits - out.len()) as i64 - fraction.len() as i64;

    let small = exponent.first() == Some(&b'-');
    let size = without_zeros(&exponent[usize::from(matches!(exponent.first(), Some(b'+' | b'-')))..]);
    if size.len() <= 18 {
        out.push(b'e');
        let size = size.iter().fold(0, |n, &b| n * 10 + i64::from(b - b'0'));
        let power = shift + if small { -size } else { size };
        out.extend_from_slice(&power.to_le_bytes());
    } else {
        out.push(if small { b'E' } else { b'F' });
        out.extend_from_slice(size);
        out.push(b'e');
        out.extend_from_slice(&shift.to_le_bytes());
    }
}

/// Decimal digits from the first that is not 0 on.
fn without_zeros(digits: &[u8]) -> &[u8] {
    &digits[digits.iter().take_while(|&&b| b == b'0').count()..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::sample::json::tests::{spelled, texts};

    fn id(text: &str) -> [u8; 16] {
        Canonicalizer::default().identity(text.as_bytes(), &[], &[]).id
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for same in [
            &["1", "1.0", "1e0", "10e-1", "0.1E+1", "100e-2", "1.000e00000000000000000000000000000"][..],
            &["0", "-0", "0.000", "0e999999999999999999999999", "-0.0e-5"],
            &["-12.5", "-125e-1", "-0.0125e3"],
            &["1e1000000000", "10e999999999", "0.1e1000000001"],
            &["9007199254740993", "9007199254740993.0", "9.007199254740993e15"],
        ] {
            same.iter().for_each(|text| assert_eq!(id(text), id(same[0]), "{text}"));
        }
        let all =
            ["1", "-1", "10", "0", "9007199254740992", "9007199254740993", "1e99999999999999999999", "1e-99999999999999999999"];
        for (i, a) in all.iter().enumerate() {
            all[i + 1..].iter().for_each(|b| assert_ne!(id(a), id(b), "{a} {b}"));
        }
    }

    #[test]
    fn strings_are_equal_by_content() {
        assert_eq!(id(r#""aé😀/""#), id(r#""\u0061\u00e9\ud83d\ude00\/""#));
        let all = [r#""\ud83d""#, r#""\ude00""#, r#""\ude00\ud83d""#, r#""\ufffd""#, r#""""#, r#""\u0000""#];
        for (i, a) in all.iter().enumerate() {
            all[i + 1..].iter().for_each(|b| assert_ne!(id(a), id(b), "{a} {b}"));
        }
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        assert_eq!(id(r#"{"b":1,"a":2,"\u0062":3}"#), id(r#" { "a" : 2 , "b" : 3 } "#));
        assert_ne!(id(r#"{"a":{"b":1}}"#), id(r#"{"a":{},"b":1}"#));
        assert_ne!(id(r#"["a","b"]"#), id(r#"["ab"]"#));
    }

    #[test]
    fn what_is_no_json_is_its_bytes() {
        let mut canonical = Canonicalizer::default();
        let mut id = |bytes: &[u8]| canonical.identity(bytes, &[], &[]).id;
        assert_ne!(id(b"{"), id(b"{ "));
        assert_ne!(id(b"!n"), id(b"n"));
        assert_ne!(id(b"n"), id(b"null"));
        assert_ne!(id(b"\xff"), id(b""));
        let deep = "[".repeat(513) + &"]".repeat(513);
        assert_ne!(id(deep.as_bytes()), id(&deep.as_bytes()[1..deep.len() - 1]));
    }

    #[test]
    fn keys_are_the_values_at_their_pointers() {
        let mut canonical = Canonicalizer::default();
        let mut key = |text: &str, at: &[&str]| {
            let at: Vec<_> = at.iter().map(|p| Pointer::parse(p).unwrap()).collect();
            canonical.identity(text.as_bytes(), &at, &[]).key
        };
        assert_eq!(key(r#"{"id":1,"x":2}"#, &["/id"]), key(r#"{"x":3,"id":1.0}"#, &["/id"]));
        assert_ne!(key(r#"{"id":1}"#, &["/id"]), key(r#"{"id":"1"}"#, &["/id"]));
        assert_ne!(key(r#"{"a":1,"b":2}"#, &["/a", "/b"]), key(r#"{"a":1,"b":2}"#, &["/b", "/a"]));
        assert_eq!(key(r#"{"id":1}"#, &[]), None);
        assert_eq!(key(r#"{"id":null}"#, &["/id"]), None);
        assert_eq!(key(r#"{"id":1}"#, &["/id", "/b"]), None);
        assert_eq!(key(r#"{"id":1"#, &["/id"]), None);
    }

    #[test]
    fn what_is_ignored_makes_no_difference() {
        let mut canonical = Canonicalizer::default();
        let ignored: Vec<_> = ["/at", "/meta/run", "/tags/0"].iter().map(|p| Pointer::parse(p).unwrap()).collect();
        let mut id = |text: &str| canonical.identity(text.as_bytes(), &[], &ignored).id;
        let same = [
            r#"{"a":1,"meta":{"by":"x"},"tags":["u","t"]}"#,
            r#"{"at":7,"a":1,"meta":{"run":9,"by":"x"},"tags":["s","t"]}"#,
            r#"{"at":null,"meta":{"by":"x","run":{}},"a":1.0,"tags":[null,"t"],"at":8}"#,
        ];
        same[1..].iter().for_each(|text| assert_eq!(id(text), id(same[0]), "{text}"));
        assert_ne!(id(same[1]), id(&same[1].replace("\"x\"", "\"y\"")));
        assert_ne!(id(same[1]), id(&same[1].replace("\"run\"", "\"runs\"")));
        assert_eq!(id(r#"{"at":1}"#), id("{}"));
        assert_ne!(id("[1]"), id("[2]"));
    }

    /// Sorts as the canonical form does; numbers are small enough here to be exact.
    fn plain(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().map(plain).collect(),
            Value::Object(map) => {
                let mut members: Vec<_> = map.iter().map(|(k, v)| (k.clone(), plain(v))).collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                members.into_iter().collect()
            }
            Value::Number(n) => n.as_f64().map(|n| if n == 0.0 { 0.0 } else { n }).into(),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn another_spelling_is_the_same_record((text, other) in spelled()) {
            prop_assert_eq!(id(&text), id(&other), "{} {}", text, other);
        }

        #[test]
        fn equal_as_serde_says(a in texts(), b in texts()) {
            let (x, y): (Value, Value) = (serde_json::from_str(&a).unwrap(), serde_json::from_str(&b).unwrap());
            let (x, y) = (plain(&x).to_string(), plain(&y).to_string());
            prop_assert_eq!(x == y, id(&a) == id(&b), "{} {}", a, b);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let place = [Pointer::parse("/a").unwrap()];
            Canonicalizer::default().identity(&bytes, &place, &place);
        }
    }
}
