//! What changed between two schemas, and whether a reader of the old one must fear it.

use std::collections::BTreeMap;

use super::{Counts, Schema, types};
use crate::sample::Type;

/// What happened to a field.
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
pub struct Change {
    /// Its JSON pointer; empty for the records themselves.
    pub path: String,
    /// What happened to it.
    pub kind: ChangeKind,
    /// The types that it had, by their codes.
    pub old: Vec<Type>,
    /// The types that it has.
    pub new: Vec<Type>,
    /// Whether what reads the old records may fail on the new ones.
    pub breaking: bool,
}

impl Change {
    /// The changes from one schema to another in the order of their paths, as deep as both look.
    ///
    /// Breaking are fields that are gone, and types that a field did not have: not null, which makes it nullable, and not
    /// integers where it held numbers. A field that was always null had no type to break.
    pub fn between(old: &Schema, new: &Schema) -> Vec<Change> {
        let depth = old.depth().min(new.depth());
        let (old, new) = (types_of(old, depth), types_of(new, depth));
        let mut paths: Vec<_> = old.keys().chain(new.keys().filter(|path| !old.contains_key(*path))).collect();
        paths.sort();
        paths.into_iter().filter_map(|path| Change::at(path, old.get(path), new.get(path))).collect()
    }

    fn at(path: &str, old: Option<&Vec<Type>>, new: Option<&Vec<Type>>) -> Option<Change> {
        let (kind, breaking) = match (old, new) {
            (None, _) => (ChangeKind::Added, false),
            (_, None) => (ChangeKind::Removed, true),
            (Some(old), Some(new)) if old == new => return None,
            (Some(old), Some(new)) => (ChangeKind::TypeChanged, new.iter().any(|&t| !fits(t, old))),
        };
        let listed = |types: Option<&Vec<Type>>| types.cloned().unwrap_or_default();
        Some(Change { path: path.to_owned(), kind, old: listed(old), new: listed(new), breaking })
    }
}

/// Whether a value of a type can stand in a field that had these types.
fn fits(new: Type, old: &[Type]) -> bool {
    new == Type::Null || old == [Type::Null] || old.contains(&new) || (new == Type::Integer && old.contains(&Type::Number))
}

/// The types of each field that lies at most `depth` deep.
fn types_of(schema: &Schema, depth: usize) -> BTreeMap<String, Vec<Type>> {
    let shallow = |(path, counts): (String, Counts)| {
        // A step's own slashes are escaped.
        (path.matches('/').count() <= depth).then(|| (path, types(&counts)))
    };
    schema.fields().into_iter().filter_map(shallow).collect()
}
