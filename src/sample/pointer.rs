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
            return if pointer.is_empty() { Ok(Pointer(Vec::new())) } else { Err(Malformed("expected '/' at the start")) };
        };
        if steps.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
            return Err(Malformed("expected '0' or '1' after '~'"));
        }
        Ok(Pointer(steps.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
    }

    /// Reads a pointer, or the name of a field at the top of a record.
    pub fn of_field(field: &str) -> Result<Pointer, Malformed> {
        if field.starts_with('/') { Pointer::parse(field) } else { Ok(Pointer(vec![field.to_owned()])) }
    }

    /// Returns true if the two are one value, or one of them is within the other.
    pub fn overlaps(&self, other: &Pointer) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }

    /// Returns the value in a record as it stands there; `None` if there is none, or the record is not JSON.
    pub fn value<'a>(&self, record: &'a [u8]) -> Option<&'a [u8]> {
        let mut tape = Tape::default();
        tape.read(record, self.0.len().min(MAX_DEPTH)).ok()?;
        Some(tape.token(self.find(&tape, record)?).raw(record))
    }

    /// Returns the index of the value on the record's tape. The last of duplicate keys counts.
    pub fn find(&self, tape: &Tape, record: &[u8]) -> Option<usize> {
        self.0.iter().try_fold(0, |parent, name| tape.step(record, parent, name))
    }

    /// Returns the names of its steps, without escapes.
    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

impl Tape {
    /// Returns the index of what this step leads to from the value `parent`: the last member of this name, or the element
    /// at this position.
    pub fn step(&self, record: &[u8], parent: usize, name: &str) -> Option<usize> {
        match self.token(parent).kind {
            Type::Object => self.keys(parent).filter(|&key| is(self.token(key), record, name)).last().map(|key| key + 1),
            Type::Array => self.elements(parent).nth(position(name)?),
            _ => None,
        }
    }

    /// Returns the pointer to the token with this index, and whether that is a value; the pointer of a key is that of its
    /// object.
    pub fn place(&self, record: &[u8], index: usize) -> (String, bool) {
        let mut pointer = String::new();
        let mut at = 0;
        while at < index {
            if self.token(at).kind == Type::Array {
                let elements = self.elements(at).enumerate();
                let Some((n, element)) = elements.take_while(|&(_, element)| element <= index).last() else { break };
                push_step(&mut pointer, &n.to_string());
                at = element;
            } else {
                let Some(key) = self.keys(at).take_while(|&key| key <= index).last() else { break };
                if key == index {
                    return (pointer, false);
                }
                push_step(&mut pointer, &String::from_utf8_lossy(&self.token(key).content(record)));
                at = key + 1;
            }
        }
        (pointer, true)
    }
}

/// Returns true if a key is this one.
fn is(key: Token, record: &[u8], name: &str) -> bool {
    match key.literal(record) {
        Some(literal) => literal == name.as_bytes(),
        None => *key.content(record) == *name.as_bytes(),
    }
}

/// Returns a position in an array; it has no leading zeros.
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
        fn every_value_has_its_place(text in texts()) {
            let mut tape = Tape::default();
            tape.read(text.as_bytes(), MAX_DEPTH).unwrap();
            let mut values = 0;
            for index in 0..tape.tokens().len() {
                let (pointer, is_value) = tape.place(text.as_bytes(), index);
                if is_value {
                    let found = Pointer::parse(&pointer).unwrap().find(&tape, text.as_bytes());
                    // An earlier one of duplicate keys cannot be pointed to.
                    prop_assert!(found.is_some_and(|found| found >= index), "{text} {index} {pointer}");
                    values += 1;
                }
            }
            let keys = tape.tokens().len() - values;
            let objects = (0..tape.tokens().len()).filter(|&i| tape.token(i).kind == Type::Object);
            prop_assert_eq!(keys, objects.map(|object| tape.keys(object).count()).sum::<usize>());
        }

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
