//! The digests by which rules compare records: of whole records, of some fields, or of the letters and digits of their
//! text.
//!
//! All are the first 16 bytes of a BLAKE3. Those of whole records and of keys are the ones by which versions are compared
//! (`sample::Identity`).

use crate::codec::ByteWriter;
use crate::sample::{Identity, Type, digest, identity_of_row, put_value};

use super::field::{FieldSelector, FieldValue};
use super::record::ParsedRecord;
use super::text::normalize;

/// Ends the values of a field that may have several; no value's form begins like it.
const END_OF_VALUES: u64 = u64::MAX - 1;
/// Ends the text of a field; it stands in no text.
const END_OF_TEXT: u8 = 0xff;

/// Sets the text of a file apart from every record of a format.
const TEXT: &[u8] = b"text:";

/// Returns the digest of a whole record; none for a file that could not be read.
pub(super) fn record_digest(record: &ParsedRecord<'_>, form: &mut Vec<u8>) -> Option<[u8; 16]> {
    Some(match *record {
        ParsedRecord::Json(text, tape) => {
            form.clear();
            put_value(tape, text, 0, form);
            digest(b"", form)
        }
        ParsedRecord::InvalidJson(bytes, _) => Identity::of_bytes(bytes).id,
        ParsedRecord::Cells(row, syntax, _, header) | ParsedRecord::BadRow(row, syntax, _, header) => {
            identity_of_row(row, syntax, header, &[], &[]).id
        }
        ParsedRecord::Row(row) => row.canonical(),
        ParsedRecord::Text(bytes) => digest(TEXT, bytes),
        ParsedRecord::Binary(content, _) => {
            let mut id = [0; 16];
            id.copy_from_slice(&content[..16]);
            id
        }
        ParsedRecord::Opaque(_) | ParsedRecord::Broken(_) => return None,
    })
}

/// Returns the key of a record; it has none where one of these fields is absent, null or without values.
pub(super) fn key_digest(fields: &[FieldSelector], record: &ParsedRecord<'_>, form: &mut Vec<u8>) -> Option<[u8; 16]> {
    let mut complete = true;
    put_fields(fields, record, form, &mut |value| complete &= value.is_filled());
    complete.then(|| digest(b"", form))
}

/// Returns the digest of some fields of a record; none if all of them are absent.
pub(super) fn fields_digest(fields: &[FieldSelector], record: &ParsedRecord<'_>, form: &mut Vec<u8>) -> Option<[u8; 16]> {
    let mut any = false;
    put_fields(fields, record, form, &mut |value| any |= value.kind().is_some());
    any.then(|| digest(b"", form))
}

/// Writes the forms of the values; a field without values counts as one that is absent.
fn put_fields<'a>(
    fields: &'a [FieldSelector],
    record: &ParsedRecord<'a>,
    form: &mut Vec<u8>,
    each: &mut dyn FnMut(FieldValue<'a>),
) {
    form.clear();
    for field in fields {
        let mut put = |value: FieldValue<'a>| {
            each(value);
            value.put(form);
        };
        let mut none = true;
        field.values(record, &mut |value| {
            none = false;
            put(value);
        });
        if none {
            put(FieldValue::Absent);
        }
        if field.is_plural() {
            form.put_varint(END_OF_VALUES);
        }
    }
}

/// Returns the digest of the letters and digits of some fields, normalized and in lower case, of strings and numbers. None
/// if there are none.
pub(super) fn letters_digest(fields: &[FieldSelector], record: &ParsedRecord<'_>, form: &mut Vec<u8>) -> Option<[u8; 16]> {
    form.clear();
    for field in fields {
        field.values(record, &mut |value| {
            value.leaves(&mut |kind, text| {
                if !matches!(kind, Type::Null | Type::Boolean | Type::Binary) {
                    put_letters(&text(), form);
                }
                true
            });
        });
        form.push(END_OF_TEXT);
    }
    (form.len() > fields.len()).then(|| digest(b"", form))
}

/// For every byte its lower case if it is an ASCII letter or digit, else 0.
const LETTERS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        if (byte as u8).is_ascii_alphanumeric() {
            table[byte] = (byte as u8).to_ascii_lowercase();
        }
        byte += 1;
    }
    table
};

fn put_letters(text: &[u8], form: &mut Vec<u8>) {
    if text.is_ascii() {
        let mut at = form.len();
        form.resize(at + text.len(), 0);
        for &byte in text {
            let letter = LETTERS[usize::from(byte)];
            form[at] = letter;
            at += usize::from(letter != 0);
        }
        form.truncate(at);
        return;
    }
    let text = String::from_utf8_lossy(text);
    for c in normalize(&text).chars().filter(|c| c.is_alphanumeric()) {
        for lower in c.to_lowercase() {
            form.extend_from_slice(lower.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Canonicalizer, Header, MAX_DEPTH, Pointer, Tape, fields};

    type By = fn(&[FieldSelector], &ParsedRecord<'_>, &mut Vec<u8>) -> Option<[u8; 16]>;

    fn json(by: By, names: &[&str], text: &str) -> Option<[u8; 16]> {
        let mut tape = Tape::default();
        tape.read(text.as_bytes(), MAX_DEPTH).unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        by(&FieldSelector::all(&names).unwrap(), &ParsedRecord::Json(text.as_bytes(), &tape), &mut vec![1])
    }

    fn csv(by: By, names: &[&str], header: &Header, row: &[u8]) -> Option<[u8; 16]> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let cells: Vec<_> = fields(row, b',').collect();
        by(&FieldSelector::all(&names).unwrap(), &ParsedRecord::Cells(row, b','.into(), &cells, Some(header)), &mut vec![1])
    }

    fn header(names: &[&str]) -> Header {
        Header::new(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn they_are_those_of_the_samples() {
        let text = r#"{"id":7,"b":[1,"x"]}"#;
        let other = r#" {"b" : [1.0,"\u0078"], "id":0.7e1}"#;
        let pointers = ["/id", "/b/1"].map(|p| Pointer::parse(p).unwrap());
        let identity = Canonicalizer::default().identity(text.as_bytes(), &pointers, &[]);
        for text in [text, other] {
            assert_eq!(json(|_, record, form| record_digest(record, form), &[], text), Some(identity.id));
            assert_eq!(json(key_digest, &["id", "/b/1"], text), identity.key);
        }
        let columns = header(&["id", "x"]);
        let identity = columns.identity(b"1,\"y\"", b','.into(), &["x".to_owned()], &[]);
        let row = |columns: &Header, row: &[u8]| csv(|_, record, form| record_digest(record, form), &[], columns, row);
        assert_eq!(row(&columns, b"\"1\",y"), Some(identity.id));
        assert_eq!(row(&header(&["x", "id"]), b"y,1"), Some(identity.id));
        assert_ne!(row(&header(&["x", "id"]), b"1,y"), Some(identity.id));
        assert_eq!(csv(key_digest, &["/x"], &columns, b"2,y"), identity.key);
        assert_eq!(csv(key_digest, &["/x"], &columns, b"2,"), None);
    }

    #[test]
    fn a_key_is_whole_and_what_is_compared_need_not_be() {
        let (one, null, gone) = (r#"{"a":1,"b":2}"#, r#"{"a":1,"b":null}"#, r#"{"a":1}"#);
        assert!(json(key_digest, &["a", "b"], one).is_some());
        assert!(json(key_digest, &["a", "b"], null).is_none() && json(key_digest, &["a", "b"], gone).is_none());
        let some = |text| json(fields_digest, &["a", "b"], text);
        assert!(some(one) != some(null) && some(null) != some(gone) && some(gone).is_some());
        assert_eq!(some(r#"{"c":1}"#), None);
        assert_ne!(some(r#"{"a":1}"#), some(r#"{"b":1}"#));
    }

    #[test]
    fn several_values_do_not_run_together() {
        let key = |text| json(key_digest, &["/a/*", "/b/*"], text);
        assert_ne!(key(r#"{"a":[1,2],"b":[3]}"#), key(r#"{"a":[1],"b":[2,3]}"#));
        assert_eq!(key(r#"{"a":[1,2],"b":[]}"#), None);
        assert_eq!(key(r#"{"a":[1,null],"b":[3]}"#), None);
    }

    #[test]
    fn letters_are_compared_without_the_rest() {
        let letters = |text| json(letters_digest, &["q", "/m/*/t"], text);
        let one = letters(r#"{"q":"What is 2 + 2?","m":[{"t":"Ärger, über!"}]}"#);
        assert!(one.is_some());
        assert_eq!(one, letters(r#"{"q":"what IS\t22","m":[{"t":"\u00e4rger"},{"t":"Über"}]}"#));
        assert_ne!(one, letters(r#"{"q":"what IS\t22\u00e4","m":[{"t":"rger"},{"t":"Über"}]}"#));
        assert_eq!(letters(r#"{"q":"?! \ud800","x":"words"}"#), None);
        let seen_as = |text| json(super::letters_digest, &["q"], &format!(r#"{{"q":"{text}"}}"#));
        assert_eq!(seen_as("café 12 fine"), seen_as("Cafe\u{301}\u{a0}１２ ﬁ\u{ad}ne"));
        assert_ne!(seen_as("café"), seen_as("cafe"));
        let columns = header(&["q"]);
        assert_eq!(json(super::letters_digest, &["q"], r#"{"q":"A b"}"#), csv(super::letters_digest, &["q"], &columns, b"ab!"));
    }
}
