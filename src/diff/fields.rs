//! The fields in which two records differ.

use std::collections::HashMap;

use serde::Serialize;

use crate::diff::RecordChange;
use crate::sample::{MAX_DEPTH, Rendering, Tape, Type, escaped, put_value};

/// A field that differs between two records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// Its JSON pointer.
    pub path: String,
    /// The change of the field. An added field may be null as well as absent before.
    pub change: RecordChange,
    /// Its value on the old side, where it has one.
    pub old: Option<Rendering>,
    /// Its value on the new side, where it has one.
    pub new: Option<Rendering>,
}

/// Returns the fields in which two records differ, in the order of the new one's, then those that it lacks. Values are
/// compared as records are: there is such a field exactly when the records differ.
pub fn field_changes(old: &Rendering, new: &Rendering) -> Vec<FieldChange> {
    let (Some(old), Some(new)) = (Document::read(old), Document::read(new)) else { return Vec::new() };
    let mut changes = Vec::new();
    between(String::new(), (&old, 0), (&new, 0), &mut changes);
    changes
}

/// A rendering and its values.
struct Document<'a> {
    text: &'a [u8],
    tape: Tape,
}

/// A value of a document, by its index on the tape.
type DocumentValue<'d, 'a> = (&'d Document<'a>, usize);

impl<'a> Document<'a> {
    fn read(rendering: &'a Rendering) -> Option<Document<'a>> {
        let text = rendering.as_str().as_bytes();
        let mut tape = Tape::default();
        tape.read(text, MAX_DEPTH).ok().map(|()| Document { text, tape })
    }

    fn kind(&self, value: usize) -> Type {
        self.tape.token(value).kind
    }

    fn form(&self, value: usize) -> Vec<u8> {
        let mut form = Vec::new();
        put_value(&self.tape, self.text, value, &mut form);
        form
    }

    fn render(&self, value: usize) -> Rendering {
        Rendering::json(self.tape.token(value).raw(self.text))
    }

    /// Returns the members of an object in their order, each name with its last value.
    fn members(&self, object: usize) -> Vec<(Vec<u8>, usize)> {
        let mut places = HashMap::new();
        let mut members: Vec<(Vec<u8>, usize)> = Vec::new();
        for key in self.tape.keys(object) {
            let name = self.tape.token(key).content(self.text).into_owned();
            match places.get(&name) {
                Some(&at) => members[at] = (name, key + 1),
                None => {
                    places.insert(name.clone(), members.len());
                    members.push((name, key + 1));
                }
            }
        }
        members
    }
}

fn between(path: String, old: DocumentValue<'_, '_>, new: DocumentValue<'_, '_>, changes: &mut Vec<FieldChange>) {
    let ((old, a), (new, b)) = (old, new);
    if old.form(a) == new.form(b) {
        return;
    }
    let below = |name: &[u8]| format!("{path}/{}", escaped(name).replace('~', "~0").replace('/', "~1"));
    match (old.kind(a), new.kind(b)) {
        (Type::Object, Type::Object) if !old.render(a).is_bytes() && !new.render(b).is_bytes() => {
            let (before, after) = (old.members(a), new.members(b));
            let values: HashMap<&[u8], usize> = before.iter().map(|(name, value)| (&name[..], *value)).collect();
            for (name, value) in &after {
                match values.get(&name[..]) {
                    Some(&a) => between(below(name), (old, a), (new, *value), changes),
                    None => changes.push(FieldChange {
                        path: below(name),
                        change: RecordChange::Added,
                        old: None,
                        new: Some(new.render(*value)),
                    }),
                }
            }
            let kept: HashMap<&[u8], usize> = after.iter().map(|(name, value)| (&name[..], *value)).collect();
            for (name, value) in before.iter().filter(|(name, _)| !kept.contains_key(&name[..])) {
                let gone = Some(old.render(*value));
                changes.push(FieldChange { path: below(name), change: RecordChange::Removed, old: gone, new: None });
            }
        }
        (Type::Array, Type::Array) if old.tape.elements(a).count() == new.tape.elements(b).count() => {
            for (at, (a, b)) in old.tape.elements(a).zip(new.tape.elements(b)).enumerate() {
                between(below(at.to_string().as_bytes()), (old, a), (new, b), changes);
            }
        }
        _ => {
            let (before, after) = (Some(old.render(a)), Some(new.render(b)));
            changes.push(FieldChange { path, change: RecordChange::Modified, old: before, new: after });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diff::RecordText;
    use crate::sample::{Canonicalizer, Header, identity_of_row, spelled};

    fn changes(old: &str, new: &str) -> Vec<(String, RecordChange, Option<String>, Option<String>)> {
        let shown = |value: Option<Rendering>| value.map(|value| value.as_str().to_owned());
        let changes = field_changes(&Rendering::json(old.as_bytes()), &Rendering::json(new.as_bytes()));
        changes.into_iter().map(|c| (c.path, c.change, shown(c.old), shown(c.new))).collect()
    }

    #[test]
    fn the_changed_fields_are_named() {
        let old = r#"{"id": 1, "a/b": {"x": 1, "gone": 0}, "l": [1, 2], "m": [1]}"#;
        let new = r#"{"id": 1.0, "a/b": {"x": 2}, "l": [1, 3], "m": [1, 2], "n": null}"#;
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            changes(old, new),
            [
                ("/a~1b/x".to_owned(), RecordChange::Modified, some("1"), some("2")),
                ("/a~1b/gone".to_owned(), RecordChange::Removed, some("0"), None),
                ("/l/1".to_owned(), RecordChange::Modified, some("2"), some("3")),
                ("/m".to_owned(), RecordChange::Modified, some("[1]"), some("[1, 2]")),
                ("/n".to_owned(), RecordChange::Added, None, some("null")),
            ]
        );
    }

    #[test]
    fn values_keep_their_digits() {
        let (old, new) = ("12345678901234567890123", "12345678901234567890124");
        let all = [("/v".to_owned(), RecordChange::Modified, Some(old.to_owned()), Some(new.to_owned()))];
        assert_eq!(changes(&format!(r#"{{"v":{old}}}"#), &format!(r#"{{"v":{new}}}"#)), all);
        assert_eq!(changes(r#"{"v":1e999}"#, r#"{"v":10.0e998}"#), []);
        assert_eq!(changes(r#"{"v":"\ud800"}"#, r#"{"v":"\ud801"}"#).len(), 1);
    }

    #[test]
    fn the_last_of_duplicate_keys_is_compared() {
        assert_eq!(changes(r#"{"a":1,"a":2}"#, r#"{"a":2}"#), []);
        assert_eq!(changes(r#"{"a":1,"a":2}"#, r#"{"a":1}"#).len(), 1);
    }

    /// Rows over few cells, some of them no UTF-8.
    fn rows() -> impl Strategy<Value = Vec<u8>> {
        let cell = prop::sample::select(vec![&b"a"[..], b"", b"\xe9", b"\xe8", b"\"a\"", b"\\xe9", b"\"\"\"", b"\"a"]);
        prop::collection::vec(cell, 1..4).prop_map(|cells| cells.join(&b","[..]))
    }

    proptest! {
        #[test]
        fn json_that_differs_shows_a_field((a, same) in spelled(), (b, _) in spelled()) {
            let id = |text: &str| Canonicalizer::default().identity(text.as_bytes(), &[], &[]).id;
            prop_assert_eq!(changes(&a, &same), vec![]);
            prop_assert_eq!(changes(&a, &b).is_empty(), id(&a) == id(&b), "{} {}", a, b);
        }

        #[test]
        fn rows_that_differ_show_a_field(a in rows(), b in rows(), names in prop::collection::vec("[ab#1-3]{0,2}", 0..3)) {
            let header = Header::new(names);
            let header = Some(&header).filter(|header| !header.names().is_empty());
            let id = |row: &[u8]| identity_of_row(row, b','.into(), header, &[], &[]).id;
            let render = |row| RecordText::Fields { row, syntax: b','.into(), header, wrong: None }.render();
            prop_assert_eq!(field_changes(&render(&a), &render(&b)).is_empty(), id(&a) == id(&b));
        }
    }
}
