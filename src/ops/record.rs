//! Records as people and `--json` see them.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::sample::{Row, Type, fields};
use crate::store::samples::Text;

/// A field that differs between two records.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// Its JSON pointer.
    pub path: String,
    /// Its value on the old side, where it has one.
    pub old: Option<Value>,
    /// Its value on the new side, where it has one.
    pub new: Option<Value>,
}

/// A record as a JSON value, and as it stands in its file.
pub(super) fn shown(text: &Text<'_>) -> (Value, String) {
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match text {
        Text::Json(bytes) => {
            let text = lossy(bytes);
            // An element of an array may stand on several lines.
            let value = serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(text.clone()));
            let text = if text.contains('\n') && !value.is_string() { value.to_string() } else { text };
            (value, text)
        }
        Text::Fields { row, delimiter, names, .. } => {
            let values = fields(row, *delimiter).map(|field| Value::String(lossy(&field)));
            let value = if names.is_empty() {
                values.collect()
            } else {
                let beyond = |at| names.get(at).cloned().unwrap_or_else(|| format!("#{}", at + 1));
                values.enumerate().map(|(at, value)| (beyond(at), value)).collect::<Map<_, _>>().into()
            };
            (value, lossy(row))
        }
        Text::Row(row) => {
            let value = of_row(row);
            let text = value.to_string();
            (value, text)
        }
        Text::File { .. } => (Value::Null, "(the file)".to_owned()),
    }
}

/// A row as an object of its columns' paths; a column within lists has an array.
fn of_row(row: &Row<'_>) -> Value {
    let mut object = Map::new();
    for (column, kind, bytes) in row.values() {
        let integer = || <[u8; 16]>::try_from(bytes).map(i128::from_le_bytes).ok().and_then(|n| i64::try_from(n).ok());
        let hex = || bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let value = match kind {
            Type::Null => Value::Null,
            Type::Boolean => Value::Bool(bytes == [1]),
            Type::String => String::from_utf8_lossy(bytes).into_owned().into(),
            Type::Number => match <[u8; 8]>::try_from(bytes) {
                Ok(bytes) => f64::from_le_bytes(bytes).into(),
                Err(_) => hex().into(),
            },
            _ => integer().map_or_else(|| hex().into(), Value::from),
        };
        let path = column.path.trim_start_matches('/').to_owned();
        if column.path.contains("/*") {
            if let Value::Array(values) = object.entry(path).or_insert_with(|| Value::Array(Vec::new())) {
                values.push(value);
            }
        } else {
            object.insert(path, value);
        }
    }
    Value::Object(object)
}

/// The fields in which two records differ, in the order of the new one's, then those that it lacks.
pub(super) fn field_changes(old: &Value, new: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    between(String::new(), Some(old), Some(new), &mut changes);
    changes
}

fn between(path: String, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<FieldChange>) {
    let below = |step: &str| format!("{path}/{}", step.replace('~', "~0").replace('/', "~1"));
    match (old, new) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            b.iter().for_each(|(name, value)| between(below(name), a.get(name), Some(value), changes));
            let gone = a.iter().filter(|(name, _)| !b.contains_key(*name));
            gone.for_each(|(name, value)| between(below(name), Some(value), None, changes));
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().for_each(|(at, (a, b))| between(below(&at.to_string()), Some(a), Some(b), changes));
        }
        _ if old == new => {}
        _ => changes.push(FieldChange { path, old: old.cloned(), new: new.cloned() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_changed_fields_are_named() {
        let old = json!({"id": 1, "a/b": {"x": 1, "gone": 0}, "l": [1, 2], "m": [1]});
        let new = json!({"id": 1, "a/b": {"x": 2}, "l": [1, 3], "m": [1, 2], "n": null});
        let changes: Vec<_> = field_changes(&old, &new).into_iter().map(|c| (c.path, c.old, c.new)).collect();
        assert_eq!(
            changes,
            [
                ("/a~1b/x".to_owned(), Some(json!(1)), Some(json!(2))),
                ("/a~1b/gone".to_owned(), Some(json!(0)), None),
                ("/l/1".to_owned(), Some(json!(2)), Some(json!(3))),
                ("/m".to_owned(), Some(json!([1])), Some(json!([1, 2]))),
                ("/n".to_owned(), None, Some(json!(null))),
            ]
        );
    }
}
