//! A record as a JSON value, for JSON Schema.

use serde_json::{Map, Number, Value};

use crate::sample::{Pointer, Row, Type, type_of};

use super::record::Seen;

/// The record as a JSON value; the error says why it is none. `None` for what has no fields.
///
/// A row of CSV is an object of its columns, whose values are numbers, booleans and null where they are written like
/// them. A row of Parquet is nested as its columns are; an empty list is null, and lists within lists are one list.
pub(super) fn value(seen: &Seen<'_>) -> Option<Result<Value, String>> {
    match *seen {
        Seen::Json(text, _) => Some(serde_json::from_slice(text).map_err(|why| why.to_string())),
        Seen::Cells(_, _, cells, names) if !names.is_empty() => {
            let members = names.iter().zip(cells).map(|(name, cell)| (name.clone(), scalar(type_of(cell), cell)));
            Some(Ok(members.collect::<Map<_, _>>().into()))
        }
        Seen::Row(row) => Some(Ok(of_row(&row))),
        _ => None,
    }
}

fn scalar(kind: Type, text: &[u8]) -> Value {
    let lossy = String::from_utf8_lossy(text);
    match kind {
        Type::Null => Value::Null,
        Type::Boolean => Value::Bool(text.eq_ignore_ascii_case(b"true")),
        Type::Integer | Type::Number => number(&lossy).map_or_else(|| lossy.into_owned().into(), Value::Number),
        _ => lossy.into_owned().into(),
    }
}

fn number(text: &str) -> Option<Number> {
    let whole = text.parse::<i64>().ok().map(Number::from).or_else(|| text.parse::<u64>().ok().map(Number::from));
    whole.or_else(|| Number::from_f64(text.parse().ok()?))
}

fn of_row(row: &Row<'_>) -> Value {
    let mut object = Value::Object(Map::new());
    let mut last = "";
    let mut position = 0;
    for (column, kind, bytes) in row.values() {
        position = if column.path == last { position + 1 } else { 0 };
        last = &column.path;
        let pointer = Pointer::parse(&column.path);
        let steps = pointer.as_ref().map(Pointer::steps).unwrap_or_default();
        put(&mut object, steps, position, scalar(kind, &column.text(kind, bytes)));
    }
    object
}

/// Puts a value where the steps lead; the first list on the way has it at this position.
fn put(at: &mut Value, steps: &[String], position: usize, value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *at = value;
        return;
    };
    if step == "*" {
        // A list whose only value is missing may as well be empty.
        if value.is_null() && position == 0 {
            return;
        }
        if !at.is_array() {
            *at = Value::Array(Vec::new());
        }
        if let Value::Array(items) = at {
            items.resize(items.len().max(position + 1), Value::Null);
            let rest: Vec<String> = rest.iter().filter(|step| *step != "*").cloned().collect();
            put(&mut items[position], &rest, 0, value);
        }
        return;
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    if let Value::Object(members) = at {
        put(members.entry(step.clone()).or_insert(Value::Null), rest, position, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sample::fields;

    #[test]
    fn rows_of_csv_have_types() {
        let names = ["i", "n", "b", "t", "z", "none", "big"].map(str::to_owned);
        let row = b"-7,.5,TRUE,x,007,,123456789012345678901234567890";
        let cells: Vec<_> = fields(row, b',').collect();
        let value = value(&Seen::Cells(row, b','.into(), &cells, &names)).unwrap().unwrap();
        let all = json!({"i": -7, "n": 0.5, "b": true, "t": "x", "z": "007", "none": null, "big": 1.2345678901234568e29});
        assert_eq!(value, all);
        assert!(super::value(&Seen::Cells(b"#x", b','.into(), &[], &[])).is_none());
    }

    #[test]
    fn what_serde_cannot_read_is_said() {
        let mut tape = crate::sample::Tape::default();
        tape.read(b"1e999", 9).unwrap();
        assert!(value(&Seen::Json(b"1e999", &tape)).unwrap().is_err());
    }

    #[test]
    fn lists_are_filled_by_position() {
        let mut object = Value::Null;
        let mut add = |path: &str, position, value| put(&mut object, Pointer::parse(path).unwrap().steps(), position, value);
        add("/p/*/name", 0, json!("a"));
        add("/p/*/name", 1, json!(null));
        add("/p/*/age", 0, json!(1));
        add("/p/*/age", 1, json!(2));
        add("/none/*", 0, json!(null));
        add("/s/t", 0, json!(true));
        assert_eq!(object, json!({"p": [{"name": "a", "age": 1}, {"name": null, "age": 2}], "none": null, "s": {"t": true}}));
    }
}
