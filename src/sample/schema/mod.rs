//! The shape of records: which fields occur, how often, and as what.
//!
//! A schema is a sum of those of its records, and sums subtract: what the records that went away counted is taken off,
//! what the new ones count is added, and the result is that of counting everything anew. So what a record counts depends
//! on nothing but its bytes and the depth: fields are a tree by key, all elements of an array are the one field `*`, an
//! object with more than [`MAX_KEYS`] keys is a map, whose values are the field `*` too, values nested deeper than the
//! depth are not looked into, of a key that an object has twice the last value counts, a name that is longer than a
//! field's may be is cut, and a record that is not a JSON counts nothing.

mod code;
mod name;

use std::collections::BTreeMap;
use std::ops::Range;

use super::Type;
use super::json::{InvalidJson, Tape};
use super::pointer::push_step;
use crate::limits;

/// The number of values of each type of a field, by the type's code.
pub type TypeCounts = [i64; Type::ALL.len()];

/// Most keys that an object has in one record before it counts as a map.
pub const MAX_KEYS: usize = 64;
/// The depth that schemas have unless something else is asked for.
pub const DEFAULT_DEPTH: usize = 5;

/// The name of the elements of arrays and the values of maps.
const EVERY: &str = "*";
const ROOT: usize = 0;

/// The fields of some records, with the number and types of their values. Two are equal when they count the same.
#[derive(Clone, Debug)]
pub struct Schema {
    depth: usize,
    /// The root first; a child after its parent.
    fields: Vec<SchemaField>,
    tape: Tape,
    /// The number of objects that were walked through.
    objects: u64,
    /// The token of the first key of the record at hand that its object has twice.
    duplicate: Option<usize>,
}

#[derive(Clone, Debug)]
struct SchemaField {
    name: Box<str>,
    counts: TypeCounts,
    children: BTreeMap<Box<str>, usize>,
    /// The child that came first in the object seen last, and the sibling that came after this field: the guess that
    /// spares records of one shape the lookups.
    first: usize,
    after: usize,
    /// The object that had it last, by its number, and the token of its value there.
    last: (u64, usize),
}

impl SchemaField {
    fn new(name: &str) -> SchemaField {
        let (counts, children) = (TypeCounts::default(), BTreeMap::new());
        SchemaField { name: name.into(), counts, children, first: ROOT, after: ROOT, last: (0, 0) }
    }
}

impl Schema {
    /// Returns the schema of no records that looks `depth` levels deep, `limits::SCHEMA_DEPTH` at most; `/a/b` lies two
    /// deep.
    pub fn new(depth: usize) -> Schema {
        let fields = vec![SchemaField::new("")];
        Schema { depth: depth.min(limits::SCHEMA_DEPTH), fields, tape: Tape::default(), objects: 0, duplicate: None }
    }

    /// Returns the depth of the schema.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Returns the number of records.
    pub fn records(&self) -> i64 {
        present(&self.fields[ROOT].counts)
    }

    /// Counts a JSON record `sign` times: 1 to add it, -1 to take it away. One that is not a JSON counts nothing. Returns a
    /// key that an object has twice, if there is one as deep as the schema looks.
    pub fn observe_json(&mut self, record: &[u8], sign: i64) -> Result<Option<String>, InvalidJson> {
        let mut tape = std::mem::take(&mut self.tape);
        let mut outcome = tape.read(record, self.depth).map(|()| None);
        if let Ok(duplicate) = &mut outcome {
            self.walk(&tape, record, 0, ROOT, sign);
            let name = |key| name::cut(&String::from_utf8_lossy(&tape.token(key).content(record))).into_owned();
            *duplicate = self.duplicate.take().map(name);
        }
        self.tape = tape;
        outcome
    }

    /// Counts values of one type in a field; one that is deeper than the schema looks is not counted. The row of a
    /// table is an object at the path of no steps.
    pub fn count(&mut self, path: &[&str], kind: Type, times: i64) {
        if path.len() <= self.depth {
            let field = path.iter().fold(ROOT, |parent, name| self.child(parent, name));
            self.counted(field, kind, times);
        }
    }

    /// Adds the counts of another schema `sign` times. The lesser depth of the two is that of the sum.
    pub fn add(&mut self, other: &Schema, sign: i64) {
        self.limit(other.depth);
        let mut pairs = vec![(ROOT, ROOT, 0)];
        while let Some((own, others, level)) = pairs.pop() {
            let theirs = &other.fields[others];
            for (sum, n) in self.fields[own].counts.iter_mut().zip(theirs.counts) {
                *sum = sum.wrapping_add(n.wrapping_mul(sign));
            }
            if level < self.depth {
                pairs.extend(theirs.children.iter().map(|(name, &child)| (self.child(own, name), child, level + 1)));
            }
        }
    }

    /// Looks less deep until at most `max` fields remain, the root among them, which always does. Called after every
    /// record it costs nothing and comes to the same as at their end; so it bounds the memory over keys that never come
    /// again.
    pub fn prune(&mut self, max: usize) {
        let max = max.max(1);
        if self.fields.len() > max {
            self.rebuild(self.depth_within(max, usize::MAX));
        }
    }

    /// Looks less deep until an object can hold it: at most `limits::SCHEMA_FIELDS` fields, and
    /// `limits::SCHEMA_NAMES` bytes of names.
    pub fn fit(&mut self) {
        self.limit(self.depth_within(limits::SCHEMA_FIELDS, limits::SCHEMA_NAMES));
    }

    /// Returns the greatest depth with at most so many fields that count anything, and so many bytes of names.
    fn depth_within(&self, max_fields: usize, max_names: usize) -> usize {
        let mut levels = vec![(0, 0); self.depth + 1];
        self.visit(&mut |field| {
            levels[field.level].0 += 1;
            levels[field.level].1 += field.name.len();
        });
        let (mut fields, mut names) = (0, 0);
        let within = levels.iter().take_while(|level| {
            (fields, names) = (fields + level.0, names + level.1);
            fields <= max_fields && names <= max_names
        });
        within.count().saturating_sub(1)
    }

    /// Returns every field that counts anything, by its JSON pointer, in the order of the pointers.
    pub fn fields(&self) -> BTreeMap<String, TypeCounts> {
        let mut fields = BTreeMap::new();
        let mut path: Vec<String> = Vec::new();
        self.visit(&mut |field| {
            path.truncate(field.level);
            let mut pointer = path.last().cloned().unwrap_or_default();
            if field.level > 0 {
                push_step(&mut pointer, field.name);
            }
            path.push(pointer.clone());
            if field.counts.iter().any(|&n| n != 0) {
                fields.insert(pointer, *field.counts);
            }
        });
        fields
    }

    /// Returns a form for people and for `--json`.
    pub fn to_json(&self) -> serde_json::Value {
        let fields = self.fields().into_iter().map(|(path, counts)| {
            let types: Vec<_> = types(&counts).into_iter().filter(|&t| t != Type::Null).collect();
            serde_json::json!({ "path": path, "types": types, "present": present(&counts), "null": counts[Type::Null as usize] })
        });
        serde_json::json!({ "records": self.records(), "fields": fields.collect::<Vec<_>>() })
    }

    /// Counts the value of a token in a field. Recursion is bounded by the depth.
    fn walk(&mut self, tape: &Tape, record: &[u8], index: usize, field: usize, sign: i64) {
        let kind = tape.token(index).kind;
        self.counted(field, kind, sign);
        match kind {
            Type::Object => {
                let map = is_map(tape, index);
                self.objects += 1;
                let object = self.objects;
                let mut before = None;
                for key in tape.keys(index) {
                    let child = match tape.token(key).literal(record) {
                        _ if map => self.expect(field, before, EVERY.as_bytes()),
                        Some(name) => self.expect(field, before, name),
                        None => self.expect(field, before, &tape.token(key).content(record)),
                    };
                    before = Some(child);
                    let (other, value) = std::mem::replace(&mut self.fields[child].last, (object, key + 1));
                    // Of a key that comes twice the last value counts. Names with lone surrogates may share a field.
                    if other == object && !map && tape.token(value - 1).content(record) == tape.token(key).content(record) {
                        self.duplicate.get_or_insert(key);
                        self.walk(tape, record, value, child, -sign);
                    }
                    self.walk(tape, record, key + 1, child, sign);
                }
            }
            Type::Array => {
                let mut every = None;
                for element in tape.elements(index) {
                    let child = *every.get_or_insert_with(|| self.expect(field, None, EVERY.as_bytes()));
                    self.walk(tape, record, element, child, sign);
                }
            }
            _ => {}
        }
    }

    fn counted(&mut self, field: usize, kind: Type, times: i64) {
        let count = &mut self.fields[field].counts[kind as usize];
        *count = count.wrapping_add(times);
    }

    /// Returns the child with this name, which is at once found where it comes after the same sibling as last time. Lone
    /// surrogates in a name are replaced.
    #[inline]
    fn expect(&mut self, parent: usize, before: Option<usize>, name: &[u8]) -> usize {
        let guess = match before {
            None => self.fields[parent].first,
            Some(before) => self.fields[before].after,
        };
        if guess != ROOT && self.fields[guess].name.as_bytes() == name {
            return guess;
        }
        let child = self.child(parent, &String::from_utf8_lossy(name));
        match before {
            None => self.fields[parent].first = child,
            Some(before) => self.fields[before].after = child,
        }
        child
    }

    /// Returns the child with this name, made where there is none.
    fn child(&mut self, parent: usize, name: &str) -> usize {
        let name = &*name::cut(name);
        if let Some(&child) = self.fields[parent].children.get(name) {
            return child;
        }
        let child = self.fields.len();
        self.fields.push(SchemaField::new(name));
        self.fields[parent].children.insert(name.into(), child);
        child
    }

    /// Looks no deeper than `depth`.
    fn limit(&mut self, depth: usize) {
        if depth < self.depth {
            self.rebuild(depth);
        }
    }

    /// Forgets the fields deeper than `depth`, and those that count nothing.
    fn rebuild(&mut self, depth: usize) {
        let mut kept = Schema::new(depth);
        let mut path = Vec::new();
        self.visit(&mut |field| {
            if field.level <= depth {
                path.truncate(field.level);
                let own = path.last().map_or(ROOT, |&parent| kept.child(parent, field.name));
                kept.fields[own].counts = *field.counts;
                path.push(own);
            }
        });
        self.depth = depth;
        self.fields = kept.fields;
    }

    /// Goes through the fields that count anything, or hold one that does: each before its children, these by name.
    fn visit(&self, each: &mut dyn FnMut(FieldVisit<'_>)) {
        let mut live: Vec<bool> = self.fields.iter().map(|f| f.counts.iter().any(|&n| n != 0)).collect();
        for (index, field) in self.fields.iter().enumerate().rev() {
            live[index] |= field.children.values().any(|&child| live[child]);
        }
        let mut rest = vec![(0, ROOT)];
        while let Some((level, index)) = rest.pop() {
            let SchemaField { name, counts, .. } = &self.fields[index];
            let before = rest.len();
            rest.extend(self.fields[index].children.values().rev().filter(|&&c| live[c]).map(|&c| (level + 1, c)));
            each(FieldVisit { level, name, counts, children: rest.len() - before });
        }
    }
}

/// A field on the way through a schema.
struct FieldVisit<'a> {
    /// The depth of the field.
    level: usize,
    name: &'a str,
    counts: &'a TypeCounts,
    /// The number of its children that follow, each after all that the one before contains.
    children: usize,
}

impl PartialEq for Schema {
    fn eq(&self, other: &Schema) -> bool {
        self.depth == other.depth && self.fields() == other.fields()
    }
}

/// Returns the number of values of a field.
pub fn present(counts: &TypeCounts) -> i64 {
    counts.iter().fold(0, |sum, &n| sum.wrapping_add(n))
}

/// Returns the types that a field has.
pub fn types(counts: &TypeCounts) -> Vec<Type> {
    Type::ALL.into_iter().filter(|&t| counts[t as usize] != 0).collect()
}

/// Returns true if an object has more than [`MAX_KEYS`] keys.
fn is_map(tape: &Tape, object: usize) -> bool {
    let Range { start, end } = object..tape.token(object).next as usize;
    // A key and its value are two tokens at least.
    end - start > 2 * MAX_KEYS && tape.keys(object).nth(MAX_KEYS).is_some()
}

#[cfg(test)]
mod tests;
