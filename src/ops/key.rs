//! Keys: those that no record has, and one for a dataset that has none.

use std::collections::HashSet;

use crate::error::Result;
use crate::manifest::Entries;
use crate::object::node::Entry;
use crate::object::version::Version;
use crate::ops::samples;
use crate::repo::{Dataset, Repo};
use crate::sample::tally::Counts;
use crate::sample::{Canonical, Schema, Type};
use crate::store::samples::{Bytes, Half, visit_head};

/// Most edits between a key and the field that may have been meant.
const NEAR: usize = 2;
/// Bytes of a version that are read to find a key, spread over its files, the first of them by their paths.
const SAMPLE_BYTES: u64 = 8 << 20;
/// Most files of which some are read.
const FILES: u64 = 256;
/// The share of the records that must have a key.
const SHARE: f64 = 0.9;

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
        let meant = near.map(|field| format!("; did you mean '{}'?", field.trim_start_matches('/'))).unwrap_or_default();
        warnings.push(format!("no record has the key '{key}', so no record counts as modified{meant}; see 'key' in helox.toml"));
    }
    warnings
}

/// Returns true for a dataset without a key in which some samples that were added may be others that were modified, or may
/// come to be.
pub(super) fn is_missed(dataset: &Dataset, counts: &Counts, is_first: bool) -> bool {
    dataset.samples && dataset.key.is_empty() && counts.added > 0 && (counts.removed > 0 || is_first)
}

/// Returns the field that tells the records of a version apart, for a dataset without a key: one with the name of a key
/// that nearly every record has, and with another value in each of those that are read. It is a suggestion: what cannot be
/// read has none.
pub(super) fn suggestion(repo: &Repo, dataset: &str, version: &Version) -> Option<String> {
    let schema = repo.schema(version).ok()??;
    candidates(&schema).into_iter().find(|name| is_unique(repo, dataset, version, name).unwrap_or(false))
}

/// The fields with the names of keys that nearly every record has, the likeliest first.
fn candidates(schema: &Schema) -> Vec<String> {
    let least = schema.records() as f64 * SHARE;
    let has = |counts: &[i64]| (counts[Type::String as usize] + counts[Type::Integer as usize]) as f64 >= least.max(2.0);
    let fields = schema.fields();
    let names = fields.iter().filter(|(_, counts)| has(&counts[..])).filter_map(|(field, _)| field.strip_prefix('/'));
    let mut names: Vec<(usize, String)> = names.filter_map(|name| Some((rank(name)?, name.to_owned()))).collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

/// How likely a field is to be a key by its name, 0 the most.
fn rank(name: &str) -> Option<usize> {
    const NAMES: [&str; 5] = ["id", "_id", "uuid", "guid", "key"];
    let lower = name.to_ascii_lowercase();
    let is_suffixed = ["_id", "-id", "_uuid", "_key"].iter().any(|end| lower.ends_with(end)) || name.ends_with("Id");
    let is_plain = !name.contains(['/', '~']);
    let rank = NAMES.iter().position(|known| *known == lower).or_else(|| is_suffixed.then_some(NAMES.len()));
    rank.filter(|_| is_plain)
}

/// Returns true if each record at the start of the files that has a field has another value in it.
fn is_unique(repo: &Repo, dataset: &str, version: &Version, name: &str) -> Result<bool> {
    let (dataset, _) = samples::rules(repo, dataset)?;
    let rules = Dataset { key: vec![name.to_owned()], ..dataset }.rules(&repo.store().layout().tmp())?;
    let limit = SAMPLE_BYTES / version.statistics.files.clamp(1, FILES);
    let (mut values, mut unique, mut canonical) = (HashSet::new(), true, Canonical::default());
    let is_file = |entry: &Result<Entry>| entry.as_ref().map_or(true, |entry| entry.kind.is_file());
    for entry in Entries::new(&**repo.store(), version.manifest)?.filter(is_file).take(FILES as usize) {
        let entry = entry?;
        let bytes = Bytes::Stored(repo.store());
        let (path, content, size) = (entry.path.as_str(), Some(entry.content), entry.size);
        let half = Half { path, reading: rules.reading(path), content, size, records: None, bytes };
        let half = rules.as_then(half, entry.samples.as_ref())?;
        visit_head(&rules, &half, limit, &mut |seen| {
            if let Some(value) = seen.identity(&rules, &mut canonical).key {
                unique &= values.insert(value);
            }
        })?;
        if !unique {
            return Ok(false);
        }
    }
    Ok(!values.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_no_record_has_are_told() {
        let mut schema = Schema::new(2);
        let missing = |schema: &Schema, key: &str| super::missing(schema, &[key.to_owned()]);
        assert!(missing(&schema, "id").is_empty(), "without records there is nothing to say");
        schema.count(&[], Type::Object, 2);
        schema.count(&["id "], Type::Integer, 2);
        schema.count(&["meta", "id"], Type::Integer, 2);
        let warnings = missing(&schema, "id");
        assert!(warnings[0].contains("'id'") && warnings[0].contains("did you mean 'id '"), "{warnings:?}");
        for key in ["id ", "/meta/id", "/list/0/id", "/a/b/c"] {
            assert!(missing(&schema, key).is_empty(), "{key}");
        }
        assert_eq!(missing(&schema, "/meta/number").len(), 1);
    }

    #[test]
    fn candidates_are_fields_with_the_names_of_keys_that_nearly_all_have() {
        let mut schema = Schema::new(2);
        schema.count(&[], Type::Object, 20);
        for (name, kind, times) in
            [("id", Type::Integer, 17), ("lease_id", Type::String, 19), ("uuid", Type::String, 20), ("valid", Type::String, 20)]
        {
            schema.count(&[name], kind, times);
        }
        schema.count(&["key"], Type::Array, 20);
        assert_eq!(candidates(&schema), ["uuid", "lease_id"]);
    }
}
