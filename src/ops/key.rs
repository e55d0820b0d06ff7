//! Keys that no record has.

use crate::sample::Schema;

/// Most edits between a key and the field that may have been meant.
const NEAR: usize = 2;

/// Returns a warning for each key of a dataset that no record of the version has, as its schema tells.
pub(super) fn missing(schema: &Schema, keys: &[String]) -> Vec<String> {
    let fields = schema.fields();
    // Below a list, and deeper than it looks, a schema tells nothing of a key.
    let is_told = |pointer: &str| {
        let steps = pointer.split('/').skip(1);
        steps.clone().count() <= schema.depth() && steps.into_iter().all(|step| step.parse::<usize>().is_err())
    };
    let escaped = |key: &str| format!("/{}", key.replace('~', "~0").replace('/', "~1"));
    let mut warnings = Vec::new();
    for key in keys.iter().filter(|_| schema.records() > 0) {
        let pointer = if key.starts_with('/') { key.clone() } else { escaped(key) };
        if fields.contains_key(&pointer) || !is_told(&pointer) {
            continue;
        }
        let near = fields.keys().filter(|field| !field.is_empty()).min_by_key(|field| strsim::osa_distance(field, &pointer));
        let near = near.filter(|field| strsim::osa_distance(field, &pointer) <= NEAR);
        let meant = near.map(|field| format!("; there is '{}'", field.trim_start_matches('/'))).unwrap_or_default();
        warnings.push(format!("no record has the key '{key}', so that none counts as modified{meant}; see 'key' in helox.toml"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Type;

    #[test]
    fn only_keys_that_no_record_has_are_told() {
        let mut schema = Schema::new(2);
        let missing = |schema: &Schema, key: &str| super::missing(schema, &[key.to_owned()]);
        assert!(missing(&schema, "id").is_empty(), "without records there is nothing to say");
        schema.count(&[], Type::Object, 2);
        schema.count(&["id "], Type::Integer, 2);
        schema.count(&["meta", "id"], Type::Integer, 2);
        let warnings = missing(&schema, "id");
        assert!(warnings[0].contains("'id'") && warnings[0].contains("there is 'id '"), "{warnings:?}");
        for key in ["id ", "/meta/id", "/list/0/id", "/a/b/c"] {
            assert!(missing(&schema, key).is_empty(), "{key}");
        }
        assert_eq!(missing(&schema, "/meta/number").len(), 1);
    }
}
