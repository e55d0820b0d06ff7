//! Keys: those that no record has, and one for a dataset that has none.

use std::collections::HashSet;
use std::path::Path;

use crate::diff::{FileSource, ReaderConfig, SampleCounts, visit_head};
use crate::error::Result;
use crate::id::{Id, NodeId};
use crate::manifest::{Entries, NodeSource};
use crate::object::node::Entry;
use crate::object::version::Version;
use crate::ops::samples;
use crate::repo::{Dataset, Repo};
use crate::sample::{Canonicalizer, Schema, Type};

/// Most edits between a key and the field that may have been meant.
const NEAR: usize = 2;
/// Bytes of a version that are read to find a key, spread over its files, the first of them by their paths.
const SAMPLE_BYTES: u64 = 1 << 20;
/// Most files of which some are read.
const FILES: u64 = 256;
/// The share of the records that must have a key.
const SHARE: f64 = 0.9;

/// Returns a warning for each field of the key, and each that is ignored, that no record of the version has, as its schema
/// tells.
pub(super) fn missing(schema: &Schema, dataset: &Dataset) -> Vec<String> {
    let key = absent(schema, &dataset.key).into_iter().map(|(field, meant)| {
        format!("no record has the key '{field}', so no record counts as modified; see 'key' in helox.toml{meant}")
    });
    let ignored = absent(schema, &dataset.ignore_fields)
        .into_iter()
        .map(|(field, meant)| format!("no record has the field '{field}'; see 'ignore_fields' in helox.toml{meant}"));
    key.chain(ignored).collect()
}

/// Returns those of some fields that no record has, each with the words for the one that may have been meant.
fn absent<'f>(schema: &Schema, names: &'f [String]) -> Vec<(&'f str, String)> {
    let fields = schema.fields();
    // Below a list, and deeper than it looks, a schema tells nothing of a key.
    let is_told = |pointer: &str| {
        let steps = pointer.split('/').skip(1);
        steps.clone().count() <= schema.depth() && steps.into_iter().all(|step| step.parse::<usize>().is_err())
    };
    let mut absent = Vec::new();
    for name in names.iter().filter(|_| schema.records() > 0) {
        let pointer = pointer(name);
        if fields.contains_key(&pointer) || !is_told(&pointer) {
            continue;
        }
        let near = fields.keys().filter(|field| !field.is_empty()).min_by_key(|field| strsim::osa_distance(field, &pointer));
        let near = near.filter(|field| strsim::osa_distance(field, &pointer) <= NEAR);
        let meant = near.map(|field| format!("; did you mean '{}'?", field.trim_start_matches('/'))).unwrap_or_default();
        absent.push((name.as_str(), meant));
    }
    absent
}

/// Returns the place of a key: a name is the field at the top of a record.
fn pointer(key: &str) -> String {
    if key.starts_with('/') { key.to_owned() } else { format!("/{}", key.replace('~', "~0").replace('/', "~1")) }
}

/// Returns true for a dataset without a key in which some samples that were added may be others that were modified, or may
/// come to be.
pub(super) fn may_help(dataset: &Dataset, counts: &SampleCounts, is_first: bool) -> bool {
    dataset.samples && dataset.key.is_empty() && counts.added > 0 && (counts.removed > 0 || is_first)
}

/// Returns the field that tells the records of a version apart, for a dataset without a key: one with the name of a key
/// that nearly every record has, and with another value in each of those that are read. It is a suggestion: what cannot be
/// read has none.
pub(super) fn suggestion(repo: &Repo, dataset: &str, version: &Version) -> Option<String> {
    let schema = repo.schema(version).ok()??;
    candidates(&schema).into_iter().find(|name| is_unique(repo, dataset, version, name).unwrap_or(false))
}

/// Returns the fields with the names of keys that nearly every record has, the likeliest first.
fn candidates(schema: &Schema) -> Vec<String> {
    let least = schema.records() as f64 * SHARE;
    let has = |counts: &[i64]| (counts[Type::String as usize] + counts[Type::Integer as usize]) as f64 >= least.max(2.0);
    let fields = schema.fields();
    let names = fields.iter().filter(|(_, counts)| has(&counts[..])).filter_map(|(field, _)| field.strip_prefix('/'));
    let mut names: Vec<(usize, String)> = names.filter_map(|name| Some((rank(name)?, name.to_owned()))).collect();
    names.sort();
    names.into_iter().map(|(_, name)| name).collect()
}

/// Returns the rank of a field as a key by its name, 0 the best.
fn rank(name: &str) -> Option<usize> {
    const NAMES: [&str; 5] = ["id", "_id", "uuid", "guid", "key"];
    let lower = name.to_ascii_lowercase();
    let is_suffixed = ["_id", "-id", "_uuid", "_key"].iter().any(|end| lower.ends_with(end)) || name.ends_with("Id");
    let is_plain = !name.contains(['/', '~']);
    let rank = NAMES.iter().position(|known| *known == lower).or_else(|| is_suffixed.then_some(NAMES.len()));
    rank.filter(|_| is_plain)
}

/// Returns a warning where the records that are read have each field of a key and none has all of them, as where its
/// columns are those of different files. It is advice: what cannot be read has none.
pub(super) fn incomplete<'b, S: NodeSource>(
    dataset: &Dataset,
    scratch: &Path,
    schema: &Schema,
    (nodes, manifest, files): (&S, Id<NodeId>, u64),
    open: impl Fn(&str) -> Result<FileSource<'b>>,
) -> Option<String> {
    if !may_be_incomplete(schema, &dataset.key) {
        return None;
    }
    let config = dataset.reader_config(scratch).ok()?;
    let mut none = true;
    let is_read = at_start(&config, (nodes, manifest, files), open, &mut |key| {
        none &= key.is_none();
        none
    });
    if !none || !is_read.ok()? {
        return None;
    }
    let keys = dataset.key.iter().map(|key| format!("'{key}'")).collect::<Vec<_>>().join(" and ");
    Some(format!("no record has the complete key, {keys}, so no record counts as modified; see 'key' in helox.toml"))
}

/// Returns true if the fields of a key may be those of different records: each occurs, and together too seldom for one
/// record to have all for certain.
fn may_be_incomplete(schema: &Schema, keys: &[String]) -> bool {
    let fields = schema.fields();
    let counts = |key: &String| fields.get(&pointer(key)).map(|counts| counts.iter().sum::<i64>());
    let Some(counts) = keys.iter().map(counts).collect::<Option<Vec<i64>>>() else { return false };
    keys.len() > 1 && counts.iter().sum::<i64>() <= (keys.len() as i64 - 1) * schema.records()
}

/// Returns true if each record at the start of the files that has a field has another value in it.
fn is_unique(repo: &Repo, dataset: &str, version: &Version, name: &str) -> Result<bool> {
    let (dataset, _) = samples::reader_config(repo, dataset)?;
    let config = Dataset { key: vec![name.to_owned()], ..dataset }.reader_config(&repo.store().layout().tmp())?;
    let (mut values, mut unique) = (HashSet::new(), true);
    let files = (&**repo.store(), version.manifest, version.statistics.files);
    at_start(&config, files, |_| Ok(FileSource::Stored(repo.store())), &mut |key| {
        unique &= key.is_none_or(|value| values.insert(value));
        unique
    })?;
    Ok(unique && !values.is_empty())
}

/// Hands over the key of each record at the start of the files until one is answered with false. Returns whether records
/// of every file were read.
fn at_start<'b, S: NodeSource>(
    config: &ReaderConfig,
    (nodes, manifest, files): (&S, Id<NodeId>, u64),
    open: impl Fn(&str) -> Result<FileSource<'b>>,
    take: &mut dyn FnMut(Option<[u8; 16]>) -> bool,
) -> Result<bool> {
    let limit = SAMPLE_BYTES / files.clamp(1, FILES);
    let (mut canonical, mut is_read, mut goes_on) = (Canonicalizer::default(), true, true);
    let is_file = |entry: &Result<Entry>| entry.as_ref().map_or(true, |entry| entry.kind.is_file());
    for (n, entry) in Entries::new(nodes, manifest)?.filter(is_file).enumerate() {
        if n as u64 == FILES {
            return Ok(false);
        }
        let entry = entry?;
        let path = entry.path.as_str();
        let file = config.file_side(path, Some(entry.content), entry.size, open(path)?);
        let file = config.read_as_counted(file, entry.samples.as_ref())?;
        let mut any = entry.samples.as_ref().is_some_and(|samples| samples.count == 0);
        visit_head(config, &file, limit, &mut |record| {
            any = true;
            goes_on = goes_on && take(record.identity(config, &mut canonical).key);
        })?;
        is_read &= any;
        if !goes_on {
            break;
        }
    }
    Ok(is_read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_that_no_record_has_are_told() {
        let mut schema = Schema::new(2);
        let missing = |schema: &Schema, key: &str| {
            super::missing(schema, &Dataset { key: vec![key.to_owned()], ..Dataset::new("leases", "t", ".") })
        };
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
    fn fields_of_a_key_that_are_too_seldom_for_one_record_to_have_all() {
        let mut schema = Schema::new(2);
        schema.count(&[], Type::Object, 10);
        for (name, times) in [("a", 4), ("b", 6), ("c", 7), ("d", 10)] {
            schema.count(&[name], Type::Integer, times);
        }
        let is = |keys: &[&str]| may_be_incomplete(&schema, &keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        assert!(is(&["a", "/b"]) && is(&["a", "b", "d"]));
        assert!(!is(&["a"]) && !is(&["a", "c"]) && !is(&["a", "d"]) && !is(&["a", "x"]));
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
