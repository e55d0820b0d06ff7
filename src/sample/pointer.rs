//! JSON pointers, RFC 6901: where a value lies in a record.

use super::Type;
use super::json::{MAX_DEPTH, Tape, Token};
use crate::codec::Malformed;

/// A place in a record, such as `/id` or `/parties/0/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// Reads a pointer; the error says what is wrong with it.
    pub fn parse(pointer: &str) -> Result<Pointer, Malformed> {
        let Some(steps) = pointer.strip_prefix('/') else {
            return if pointer.is_empty() { Ok(Pointer(Vec::new())) } else { Err(Malformed("a pointer begins with '/'")) };
        };
        if steps.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
            return Err(Malformed("after '~', a pointer has '0' or '1'"));
        }
        Ok(Pointer(steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
    }

    /// The value in a record as it stands there; `None` if there is none, or the record is no JSON.
    pub fn value<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let mut tape = Tape::default();
        tape.read(record, self.0.len().min(MAX_DEPTH)).ok()?;
        Some(tape.token(self.find(&tape, record)?).raw(record))
    }

    /// The index of the value on the record's tape. The last of duplicate keys counts.
    pub fn find(&self, tape: &Tape, record: &[u8]) -> Option<usize> {
        self.0.iter().try_fold(0, |parent, step| match tape.token(parent).kind {
            Type::Object => tape.keys(parent).filter(|&key| is(tape.token(key), record, step)).last().map(|key| key + 1),
            Type::Array => tape.elements(parent).nth(position(step)?),
            _ => None,
        })
    }
}

/// Whether a key is this one.
fn is(key: Token, record: &[u8], name: &str) -> bool {
    match key.literal(record) {
        Some(literal) => literal == name.as_bytes(),
        None => *key.content(record) == *name.as_bytes(),
    }
}

/// A position in an array; it has no leading zeros.
fn position(step: &str) -> Option<usize> {
    let plain = step.bytes().all(|b| b.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    if plain { step.parse().ok() } else { None }
}

/// Appends a step to a pointer, its `~` and `/` escaped.
pub(super) fn push_step(pointer: &mut String, step: &str) {
    pointer.push('/');
    pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::sample::json::tests::texts;

    #[test]
    fn finds_what_rfc_6901_says() {
        let text = r#"{"foo":["bar","baz"],"":0,"a/b":1,"m~n":8,"\u0065":9,"01":2,"foo2":{"foo":1}}"#;
        for (pointer, value) in [
            ("", Some(text)),
            ("/foo", Some(r#"["bar","baz"]"#)),
            ("/foo/0", Some(r#""bar""#)),
            ("/foo/01", None),
            ("/foo/2", None),
            ("/foo/-", None),
            ("/foo/+1", None),
            ("/", Some("0")),
            ("/a~1b", Some("1")),
            ("/m~0n", Some("8")),
            ("/e", Some("9")),
            ("/01", Some("2")),
            ("/foo/0/x", None),
        ] {
            let found = Pointer::parse(pointer).unwrap().value(text.as_bytes());
            assert_eq!(found, value.map(str::as_bytes), "{pointer}");
        }
        assert!(["a", "/~", "/~2", "/a~"].iter().all(|p| Pointer::parse(p).is_err()));
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        let at = Pointer::parse("/a/id").unwrap();
        assert_eq!(at.value(br#"{"a":{"id":1,"id":2}}"#), Some(&b"2"[..]));
        assert_eq!(at.value(br#"{"a":{"id":1},"a":3}"#), None);
        assert_eq!(at.value(br#"{"a":{"id":1}"#), None);
    }

    proptest! {
        #[test]
        fn agrees_with_serde(text in texts(), steps in prop::collection::vec("[a-c~/]|[0-2]", 0..4)) {
            let mut pointer = String::new();
            steps.iter().for_each(|step| push_step(&mut pointer, step));
            let value: Value = serde_json::from_str(&text).unwrap();
            let found = Pointer::parse(&pointer).unwrap().value(text.as_bytes());
            let found = found.map(|raw| serde_json::from_slice::<Value>(raw).unwrap());
            prop_assert_eq!(found.as_ref(), value.pointer(&pointer));
        }
    }
}
