//! Schemas as sums: what is added and taken away again leaves nothing.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sample::json::tests::{spelled, texts};

fn of(depth: usize, records: &[&str]) -> Schema {
    let mut schema = Schema::new(depth);
    for record in records {
        schema.observe_json(record.as_bytes(), 1).unwrap();
    }
    schema
}

/// Counts a value without tape, guesses and sums.
fn naive(value: &Value, path: &str, level: usize, depth: usize, counts: &mut BTreeMap<String, TypeCounts>) {
    let kind = match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(n) if n.is_f64() => Type::Number,
        Value::Number(_) => Type::Integer,
        Value::String(_) => Type::String,
        Value::Array(_) => Type::Array,
        Value::Object(_) => Type::Object,
    };
    counts.entry(path.to_owned()).or_default()[kind as usize] += 1;
    if level < depth {
        let at = |step: &str| {
            let mut path = path.to_owned();
            push_step(&mut path, step);
            path
        };
        match value {
            Value::Array(items) => items.iter().for_each(|v| naive(v, &at("*"), level + 1, depth, counts)),
            Value::Object(map) if map.len() > MAX_KEYS => {
                map.values().for_each(|v| naive(v, &at("*"), level + 1, depth, counts));
            }
            Value::Object(map) => map.iter().for_each(|(k, v)| naive(v, &at(k), level + 1, depth, counts)),
            _ => {}
        }
    }
}

#[test]
fn the_form_for_people() {
    let schema = of(5, &[r#"{"a/b":[{"x":1},{"x":null},{"x":2.5}],"t":"é"}"#, r#"{"t":null}"#]);
    let field = |path: &str, types: &[&str], present: i64, nulls: i64| json!({ "path": path, "types": types, "present": present, "null": nulls });
    assert_eq!(
        schema.to_json(),
        json!({ "records": 2, "fields": [
            field("", &["object"], 2, 0),
            field("/a~1b", &["array"], 1, 0),
            field("/a~1b/*", &["object"], 3, 0),
            field("/a~1b/*/x", &["integer", "number"], 3, 1),
            field("/t", &["string"], 2, 1),
        ]})
    );
}

#[test]
fn wide_objects_are_maps() {
    let object =
        |keys: usize| format!("{{{}}}", (0..keys).map(|i| format!("\"k{i}\":{{\"n\":1}}")).collect::<Vec<_>>().join(","));
    assert_eq!(of(5, &[&object(64)]).fields().len(), 1 + 64 * 2);
    let wide = of(5, &[&object(65)]);
    assert_eq!(wide.fields().into_keys().collect::<Vec<_>>(), ["", "/*", "/*/n"]);
    assert_eq!(wide.fields()["/*"][Type::Object as usize], 65);
}

#[test]
fn escaped_keys_are_their_content() {
    assert_eq!(of(5, &[r#"{"\u0061":1}"#]), of(5, &[r#"{"a":2}"#]));
    of(5, &[r#"{"\ud800":1}"#]).encode().unwrap();
}

#[test]
fn a_key_that_comes_twice_counts_once() {
    let mut schema = Schema::new(5);
    let mut observe = |text: &str| schema.observe_json(text.as_bytes(), 1).unwrap();
    assert_eq!(observe(r#"{"a":{"b":1,"c":1},"x":1,"\u0061":{"b":"t"}}"#), Some("a".to_owned()));
    assert_eq!(observe(r#"[{"a":1},{"a":1}]"#), None);
    assert_eq!(observe(r#"{"\ud800":1,"\ud801":1}"#), None);
    let last = of(5, &[r#"{"x":1,"a":{"b":"t"}}"#, r#"[{"a":1},{"a":1}]"#, r#"{"\ud800":1,"\ud801":1}"#]);
    assert_eq!(schema, last);
}

#[test]
fn pruning_takes_the_deepest_first() {
    let mut schema = of(5, &[r#"{"a":{"b":{"c":1}},"d":2}"#]);
    schema.prune(5);
    assert_eq!((schema.depth(), schema.fields().len()), (5, 5));
    schema.prune(4);
    assert_eq!((schema.depth(), schema.fields().len()), (2, 4));
    schema.prune(0);
    assert_eq!((schema.depth(), schema.fields().len()), (0, 1));
    let mut sum = of(5, &[r#"{"a":{"b":{"c":1}}}"#]);
    sum.add(&schema, 1);
    assert_eq!(sum, of(0, &["{}", "{}"]));
}

#[test]
fn tables_count_by_column() {
    let mut schema = Schema::new(1);
    schema.count(&[], Type::Object, 3);
    schema.count(&["day"], Type::Date, 2);
    schema.count(&["day"], Type::Null, 1);
    schema.count(&["too", "deep"], Type::Null, 1);
    assert_eq!((schema.records(), schema.fields().len()), (3, 2));
}

#[test]
fn a_broken_record_counts_nothing() {
    let mut schema = of(5, &["{}"]);
    let error = schema.observe_json(br#"{"a":1,"b"}"#, 1).unwrap_err();
    assert_eq!((error.at, schema), (10, of(5, &["{}"])));
}

#[test]
fn less_than_nothing_is_not_stored() {
    let mut schema = of(5, &[r#"{"a":1}"#]);
    schema.observe_json(br#"{"a":"x"}"#, -1).unwrap();
    assert!(schema.encode().is_err());
}

proptest! {
    #[test]
    fn counts_as_a_naive_walk_does(records in prop::collection::vec(spelled(), 0..5), depth in 0usize..6) {
        let records: Vec<String> = records.into_iter().flat_map(|(one, other)| [one, other]).collect();
        let mut schema = Schema::new(depth);
        let mut counts = BTreeMap::new();
        for record in &records {
            schema.observe_json(record.as_bytes(), 1).unwrap();
            naive(&serde_json::from_str(record).unwrap(), "", 0, depth, &mut counts);
        }
        prop_assert_eq!(schema.fields(), counts);
        prop_assert_eq!(schema.records(), records.len() as i64);
        prop_assert_eq!(&Schema::decode(&schema.encode().unwrap()).unwrap(), &schema);
    }

    #[test]
    fn sums_subtract(old in prop::collection::vec(texts(), 0..6), new in prop::collection::vec(texts(), 0..6), keep in 0usize..6) {
        let mut schema = Schema::new(4);
        let mut gone = Schema::new(4);
        for record in &old {
            schema.observe_json(record.as_bytes(), 1).unwrap();
        }
        for record in old.iter().skip(keep) {
            gone.observe_json(record.as_bytes(), 1).unwrap();
        }
        for record in new.iter().rev() {
            schema.observe_json(record.as_bytes(), 1).unwrap();
        }
        schema.add(&gone, -1);
        let both: Vec<_> = old.iter().take(keep).chain(&new).map(String::as_str).collect();
        let anew = of(4, &both);
        prop_assert_eq!(&schema, &anew);
        prop_assert_eq!(schema.encode().unwrap(), anew.encode().unwrap());
    }

    #[test]
    fn pruning_a_sum_is_the_sum_of_shallow_ones(records in prop::collection::vec(texts(), 0..6), max in 0usize..12) {
        let records: Vec<_> = records.iter().map(String::as_str).collect();
        let mut schema = of(5, &records);
        schema.prune(max);
        prop_assert_eq!(&schema, &of(schema.depth(), &records));
        prop_assert!(schema.fields().len() <= max.max(1));
        let mut early = Schema::new(5);
        for record in &records {
            early.observe_json(record.as_bytes(), 1).unwrap();
            early.prune(max);
        }
        prop_assert_eq!(&early, &schema);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let _ = Schema::decode(&bytes);
        let mut good = of(5, &[r#"{"a":[{"b":1}],"c":"x"}"#]).encode().unwrap();
        let at = at.index(good.len());
        good[at] = byte;
        if let Ok(schema) = Schema::decode(&good) {
            prop_assert_eq!(schema.encode().unwrap(), good);
        }
    }
}
