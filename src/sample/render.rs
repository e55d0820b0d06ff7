//! Records as JSON, for `diff`, `--json`, rules with a JSON Schema and programs.
//!
//! Invariants: a rendering is one line of JSON, and as exact as the comparison: numbers keep their digits, and what two
//! records differ in differs in their renderings. Bytes that are no UTF-8 are `{"$bytes": "…"}`, in base64.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::json;

/// The name of the only member of an object that stands for bytes.
pub(super) const BYTES: &str = "$bytes";

/// A record, or a value of one, as the text of a JSON value on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendering(String);

impl Rendering {
    /// Returns the rendering of a file that is itself the record: null.
    pub fn null() -> Rendering {
        Rendering("null".to_owned())
    }

    /// Renders a record of JSON as it stands, joined to one line. Bytes that are no JSON are rendered as text.
    pub fn json(record: &[u8]) -> Rendering {
        match std::str::from_utf8(record) {
            Ok(text) if json::check(record).is_ok() => Rendering(one_line(text)),
            _ => Rendering::text(record),
        }
    }

    /// Renders text as a string, and bytes that are none as bytes.
    pub fn text(text: &[u8]) -> Rendering {
        let mut out = String::new();
        put_text(text, &mut out);
        Rendering(out)
    }

    /// Renders the fields of a row as an object of the names of their columns, as an array where these are not known.
    /// A field that has no column, or shares its name with another, is named by its place: `#3`, `name#3`.
    pub fn row<'a>(fields: impl Iterator<Item = Cow<'a, [u8]>>, names: &[String]) -> Rendering {
        let mut out = String::new();
        if names.is_empty() {
            list(&mut out, ['[', ']'], fields, |field, out| put_text(&field, out));
        } else {
            let mut times: HashMap<&str, usize> = HashMap::with_capacity(names.len());
            names.iter().for_each(|name| *times.entry(name).or_default() += 1);
            list(&mut out, ['{', '}'], fields.enumerate(), |(at, field), out| {
                match names.get(at).filter(|name| times.get(name.as_str()) == Some(&1)) {
                    Some(name) => put_string(name, out),
                    None => {
                        let mut name = format!("{}#{}", names.get(at).map_or("", String::as_str), at + 1);
                        while times.contains_key(name.as_str()) {
                            name.insert(0, '#');
                        }
                        put_string(&name, out);
                    }
                }
                out.push(':');
                put_text(&field, out);
            });
        }
        Rendering(out)
    }

    /// Takes the text of a JSON value on one line, which the caller has put together.
    pub(crate) fn of_json(text: String) -> Rendering {
        Rendering(text)
    }

    /// Returns the JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if it stands for bytes.
    pub fn is_bytes(&self) -> bool {
        self.0.strip_prefix("{\"").and_then(|rest| rest.strip_prefix(BYTES)).is_some_and(|rest| rest.starts_with("\":\""))
    }

    /// Returns it for people: the JSON text, but bytes as `b"caf\xe9"`.
    pub fn plain(&self) -> Cow<'_, str> {
        let bytes = self
            .0
            .strip_prefix("{\"")
            .and_then(|rest| rest.strip_prefix(BYTES)?.strip_prefix("\":\""))
            .and_then(|rest| rest.strip_suffix("\"}"));
        match bytes.and_then(|base64| BASE64.decode(base64).ok()) {
            Some(bytes) => Cow::Owned(format!("b\"{}\"", escaped(&bytes).replace('"', "\\\""))),
            None => Cow::Borrowed(&self.0),
        }
    }
}

impl Serialize for Rendering {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Returns text for people in which each byte that is no UTF-8 is written as `\xe9`.
pub fn escaped(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    Cow::Owned(text)
}

/// Appends items with commas between them and brackets around.
fn list<T>(out: &mut String, brackets: [char; 2], items: impl Iterator<Item = T>, mut put: impl FnMut(T, &mut String)) {
    out.push(brackets[0]);
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        put(item, out);
    }
    out.push(brackets[1]);
}

/// Appends text as a string, and bytes that are none as bytes.
pub(super) fn put_text(text: &[u8], out: &mut String) {
    match std::str::from_utf8(text) {
        Ok(text) => put_string(text, out),
        Err(_) => put_bytes(text, out),
    }
}

/// Appends bytes as the object that stands for them.
pub(super) fn put_bytes(bytes: &[u8], out: &mut String) {
    out.push_str("{\"");
    out.push_str(BYTES);
    out.push_str("\":\"");
    out.push_str(&base64(bytes));
    out.push_str("\"}");
}

/// Bytes in base64, RFC 4648, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Appends a string in quotes.
pub(super) fn put_string(text: &str, out: &mut String) {
    out.push('"');
    put_escaped(text, out);
    out.push('"');
}

/// Appends what stands between the quotes of a string.
pub(super) fn put_escaped(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ') {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                let _ = write!(out, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// JSON without the white space around it; without any outside of strings if it has several lines.
fn one_line(text: &str) -> String {
    let text = text.trim_matches([' ', '\n', '\t', '\r']);
    if !text.contains(['\n', '\r']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    // Strings hold no line ends: white space outside of them is between tokens.
    let (mut quoted, mut escape) = (false, false);
    for c in text.chars() {
        match c {
            _ if escape => escape = false,
            '\\' => escape = true,
            '"' => quoted = !quoted,
            ' ' | '\n' | '\t' | '\r' if !quoted => continue,
            _ => {}
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::sample::fields;

    fn value(rendering: &Rendering) -> Value {
        serde_json::from_str(rendering.as_str()).unwrap()
    }

    #[test]
    fn json_is_rendered_as_it_stands() {
        for text in [r#"{"v":12345678901234567890123.10}"#, "1.0", r#""\ud800""#, r#"{"a":1,"a":2}"#] {
            assert_eq!(Rendering::json(text.as_bytes()).as_str(), text);
            assert_eq!(serde_json::to_string(&Rendering::json(text.as_bytes())).unwrap(), text);
        }
        assert_eq!(Rendering::json(b" {\"a b\": \"\\\" x\",\r\n\t\"c\" : [1, 2]}").as_str(), r#"{"a b":"\" x","c":[1,2]}"#);
    }

    #[test]
    fn what_is_no_json_is_text_or_bytes() {
        assert_eq!(Rendering::json(b"{\"a\":").as_str(), r#""{\"a\":""#);
        assert_eq!(Rendering::json(b"caf\xe9").as_str(), r#"{"$bytes":"Y2Fm6Q=="}"#);
        assert_eq!(Rendering::json(b"caf\xe9\"").plain(), r#"b"caf\xe9\"""#);
        assert_eq!(Rendering::json(b"[1]").plain(), "[1]");
    }

    #[test]
    fn fields_of_a_row_have_names() {
        let row = |text: &str, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            value(&Rendering::row(fields(text.as_bytes(), b','), &names))
        };
        assert_eq!(row("1,\"x\ny\"", &["a", "b"]), json!({"a": "1", "b": "x\ny"}));
        assert_eq!(row("1,2,3,4", &["a", "b", "a"]), json!({"a#1": "1", "b": "2", "a#3": "3", "#4": "4"}));
        assert_eq!(row("1,2,3", &["#3", "b"]), json!({"#3": "1", "b": "2", "##3": "3"}));
        assert_eq!(row("1,2", &[]), json!(["1", "2"]));
    }

    proptest! {
        #[test]
        fn text_comes_back(bytes: Vec<u8>, text: String) {
            prop_assert_eq!(value(&Rendering::text(text.as_bytes())), Value::String(text));
            let rendering = Rendering::text(&bytes);
            match value(&rendering) {
                Value::String(text) => prop_assert_eq!(text.as_bytes(), bytes),
                other => prop_assert_eq!(BASE64.decode(other["$bytes"].as_str().unwrap()).unwrap(), bytes),
            }
        }
    }
}
