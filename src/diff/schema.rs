//! The changes between two schemas, and which of them can break a reader of the old one.

use std::collections::BTreeMap;

use crate::sample::schema::{TypeCounts, present, types};
use crate::sample::{Schema, Type};

/// The kind of change of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It occurs now.
    Added,
    /// It occurs no more.
    Removed,
    /// It has other types.
    TypeChanged,
}

/// A field that differs between two schemas.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SchemaChange {
    /// Its JSON pointer; empty for the records themselves.
    pub path: String,
    /// The kind of change.
    pub kind: ChangeKind,
    /// The types that it had, by their codes.
    pub old: Vec<Type>,
    /// The types that it has.
    pub new: Vec<Type>,
    /// The number of values of the field in the old records.
    pub old_present: i64,
    /// The number of values of the field in the new records.
    pub new_present: i64,
    /// True if a reader of the old records may fail on the new ones.
    pub breaking: bool,
}

impl SchemaChange {
    /// Returns the changes from one schema to another in the order of their paths, as deep as both look.
    ///
    /// Breaking are fields that are gone and had more values than `field_share` of the old records, and types that a field
    /// did not have: not null, which makes it nullable, and not integers where it held numbers. A field that was always
    /// null had no type to break.
    pub fn between(old: &Schema, new: &Schema, field_share: f64) -> Vec<SchemaChange> {
        let depth = old.depth().min(new.depth());
        let rare = field_share * old.records() as f64;
        let (old, new) = (shallow(old, depth), shallow(new, depth));
        let mut paths: Vec<_> = old.keys().chain(new.keys().filter(|path| !old.contains_key(*path))).collect();
        paths.sort();
        paths.into_iter().filter_map(|path| SchemaChange::at(path, old.get(path), new.get(path), rare)).collect()
    }

    /// Returns the change of one field, of which the loss breaks nothing where no more than `rare` values are lost.
    fn at(path: &str, old: Option<&TypeCounts>, new: Option<&TypeCounts>, rare: f64) -> Option<SchemaChange> {
        let count = |counts: Option<&TypeCounts>| counts.map_or((Vec::new(), 0), |counts| (types(counts), present(counts)));
        let ((old_types, old_present), (new_types, new_present)) = (count(old), count(new));
        let (kind, breaking) = match (old, new) {
            (None, _) => (ChangeKind::Added, false),
            (_, None) => (ChangeKind::Removed, old_present as f64 > rare),
            _ if old_types == new_types => return None,
            _ => (ChangeKind::TypeChanged, new_types.iter().any(|&t| !fits(t, &old_types))),
        };
        Some(SchemaChange { path: path.to_owned(), kind, old: old_types, new: new_types, old_present, new_present, breaking })
    }
}

/// Returns true if a value of a type can stand in a field that had these types.
fn fits(new: Type, old: &[Type]) -> bool {
    new == Type::Null || old == [Type::Null] || old.contains(&new) || (new == Type::Integer && old.contains(&Type::Number))
}

/// Returns the counts of each field that lies at most `depth` deep.
fn shallow(schema: &Schema, depth: usize) -> BTreeMap<String, TypeCounts> {
    // A step's own slashes are escaped.
    schema.fields().into_iter().filter(|(path, _)| path.matches('/').count() <= depth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(depth: usize, records: &[&str]) -> Schema {
        let mut schema = Schema::new(depth);
        for record in records {
            schema.observe_json(record.as_bytes(), 1).unwrap();
        }
        schema
    }

    #[test]
    fn changes_break_when_values_do_not_fit() {
        let kinds = |old: &str, new: &str| {
            let changes = SchemaChange::between(&of(5, &[old]), &of(5, &[new]), 0.001);
            changes.into_iter().map(|c| (c.path, c.kind, c.breaking)).collect::<Vec<_>>()
        };
        let changed = |path: &str, breaking| vec![(path.to_owned(), ChangeKind::TypeChanged, breaking)];
        assert_eq!(kinds(r#"{"a":1}"#, r#"{"a":2}"#), []);
        assert_eq!(kinds(r#"{"a":"1"}"#, r#"{"a":1}"#), changed("/a", true));
        assert_eq!(kinds(r#"{"a":1}"#, r#"{"a":1.5}"#), changed("/a", true));
        assert_eq!(kinds(r#"{"a":1.5}"#, r#"{"a":1}"#), changed("/a", false));
        assert_eq!(kinds(r#"{"a":1}"#, r#"{"a":null}"#), changed("/a", false));
        assert_eq!(kinds(r#"{"a":null}"#, r#"{"a":1}"#), changed("/a", false));
        assert_eq!(kinds("[1,null]", "[1]"), changed("/*", false));
        assert_eq!(kinds("{}", "\"x\""), changed("", true));
        assert_eq!(
            kinds(r#"{"a":1,"b":{"c":1}}"#, r#"{"a":1,"d":1}"#),
            [
                ("/b".to_owned(), ChangeKind::Removed, true),
                ("/b/c".to_owned(), ChangeKind::Removed, true),
                ("/d".to_owned(), ChangeKind::Added, false)
            ]
        );
        assert_eq!(SchemaChange::between(&of(1, &[r#"{"a":{"b":1}}"#]), &of(5, &[r#"{"a":{"c":1}}"#]), 0.0), []);
    }

    #[test]
    fn the_loss_of_a_field_breaks_where_more_than_a_share_had_it() {
        let many = |odd: usize| {
            let records: Vec<&str> = (0..2_000).map(|n| if n < odd { r#"{"a":1,"odd":1}"# } else { r#"{"a":1}"# }).collect();
            of(5, &records)
        };
        let lost = |odd, share| SchemaChange::between(&many(odd), &many(0), share)[0].clone();
        assert_eq!((lost(2, 0.001).breaking, lost(3, 0.001).breaking), (false, true));
        assert_eq!((lost(1, 0.0).breaking, lost(2_000, 1.0).breaking), (true, false));
        assert_eq!((lost(3, 0.001).old_present, lost(3, 0.001).new_present), (3, 0));
    }
}
