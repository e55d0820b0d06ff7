//! The name of a set of rules: a hash by which it is known whether a verdict was given by the same.
//!
//! Invariant: it depends on nothing but what is declared, the schemas, and the revisions below. A release of `hlx` that
//! changes no rule keeps every digest, so that a version is compared with the score of its parent.

use crate::codec::ByteWriter;

use super::bound::Bound;
use super::spec::{Check, LengthUnit, Rule};

/// Raised by one whenever all rules may find something else: in other records of the same file, or by another form of
/// the digest.
const REVISION: u8 = 2;

/// Returns the revision of a kind of rule. It is raised by one whenever that kind finds something else in the same record.
fn revision(check: &Check) -> u8 {
    match check {
        // 1: rows of tables by the names of their columns.
        Check::Duplicates { .. } => 1,
        // 1: separators, digits and letters of any kind; the numbering plan.
        Check::Pii { .. } => 1,
        // 1: letters and digits of any kind. 2: rows of tables by the names of their columns.
        Check::Leakage { .. } => 2,
        // 1: numbers by all their digits; days and points in time.
        Check::Range { .. } => 1,
        // 1: days of the calendar, times of a day.
        Check::Types { .. } => 1,
        // 1: records of any depth.
        Check::Schema { .. } => 2,
        Check::Parse
        | Check::Required { .. }
        | Check::Values { .. }
        | Check::Length { .. }
        | Check::Unique { .. }
        | Check::Encoding
        | Check::Empty { .. }
        | Check::Drift { .. }
        | Check::Command { .. } => 0,
    }
}

/// Returns the BLAKE3 of all that is declared about the rules, with the bytes of their schemas, one for each rule that has
/// one.
pub(super) fn digest(rules: &[Rule], schemas: &[Vec<u8>]) -> [u8; 32] {
    let mut form = vec![REVISION];
    form.put_varint(rules.len() as u64);
    for rule in rules {
        form.put_bytes(rule.name.as_bytes());
        form.put_bytes(rule.check.kind().as_bytes());
        form.push(revision(&rule.check));
        form.push(rule.severity as u8);
        form.put_u32(rule.weight);
        put_names(&rule.files, &mut form);
        put_check(&rule.check, &mut form);
    }
    schemas.iter().for_each(|schema| form.put_bytes(schema));
    *blake3::hash(&form).as_bytes()
}

/// Writes what belongs to the kind; which kind it is stands before it.
fn put_check(check: &Check, form: &mut Vec<u8>) {
    match check {
        Check::Parse | Check::Encoding => {}
        Check::Schema { file, formats } => {
            form.put_bytes(file.as_bytes());
            form.push(u8::from(*formats));
        }
        Check::Required { fields } | Check::Empty { fields } => put_names(fields, form),
        Check::Unique { key } => put_names(key, form),
        Check::Types { fields } => {
            form.put_varint(fields.len() as u64);
            for (field, types) in fields {
                form.put_bytes(field.as_bytes());
                form.put_bytes(&types.iter().map(|kind| *kind as u8).collect::<Vec<_>>());
            }
        }
        Check::Values { field, values } => {
            form.put_bytes(field.as_bytes());
            put_names(&values.iter().map(|value| value.to_string()).collect::<Vec<_>>(), form);
        }
        Check::Range { field, min, max } => {
            form.put_bytes(field.as_bytes());
            let bound = |bound: &Option<Bound>| bound.as_ref().map(Bound::to_string);
            [min, max].into_iter().for_each(|own| put_names(bound(own).as_slice(), form));
        }
        Check::Length { field, min, max, unit } => {
            put_names(field.as_slice(), form);
            [min, max].into_iter().for_each(|bound| put_option(*bound, form));
            form.push(match unit {
                LengthUnit::Characters => 0,
                LengthUnit::Words => 1,
            });
        }
        Check::Duplicates { fields, max_share } => {
            put_names(fields, form);
            form.put_u32(*max_share);
        }
        Check::Pii { find, patterns, fields } => {
            put_names(find, form);
            form.put_varint(patterns.len() as u64);
            for (name, pattern) in patterns {
                form.put_bytes(name.as_bytes());
                form.put_bytes(pattern.as_bytes());
            }
            put_names(fields, form);
        }
        Check::Drift { samples, length, labels } => {
            put_option(samples.map(u64::from), form);
            for (field, share) in [length, labels].into_iter().map(|field| field.as_ref().map(|(f, share)| (f, *share)).unzip()) {
                put_names(field.cloned().as_slice(), form);
                put_option(share.map(u64::from), form);
            }
        }
        Check::Leakage { train, test, fields, max_share } => {
            [train, test, fields].into_iter().for_each(|names| put_names(names, form));
            form.put_u32(*max_share);
        }
        Check::Command { run, timeout } => {
            put_names(run, form);
            form.put_u64(*timeout);
        }
    }
}

fn put_names(names: &[String], form: &mut Vec<u8>) {
    form.put_varint(names.len() as u64);
    names.iter().for_each(|name| form.put_bytes(name.as_bytes()));
}

fn put_option(value: Option<u64>, form: &mut Vec<u8>) {
    form.push(u8::from(value.is_some()));
    form.put_u64(value.unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;
    use crate::object::verdict::Severity;
    use crate::sample::Type;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn every_part_counts() {
        let field = || "a".to_owned();
        let bound = Bound::new;
        let checks = [
            Check::Parse,
            Check::Encoding,
            Check::Schema { file: "a".into(), formats: false },
            Check::Schema { file: "b".into(), formats: false },
            Check::Schema { file: "a".into(), formats: true },
            Check::Required { fields: names(&["a", "b"]) },
            Check::Required { fields: names(&["ab"]) },
            Check::Types { fields: vec![(field(), vec![Type::String])] },
            Check::Types { fields: vec![(field(), vec![Type::String, Type::Null])] },
            Check::Types { fields: vec![("b".into(), vec![Type::String])] },
            Check::Values { field: field(), values: vec![json!(1)] },
            Check::Values { field: field(), values: vec![json!("1")] },
            Check::Values { field: "b".into(), values: vec![json!(1)] },
            Check::Range { field: field(), min: bound("1"), max: None },
            Check::Range { field: field(), min: None, max: bound("1") },
            Check::Range { field: field(), min: bound("0"), max: None },
            Check::Length { field: None, min: Some(1), max: None, unit: LengthUnit::Words },
            Check::Length { field: None, min: None, max: Some(1), unit: LengthUnit::Words },
            Check::Length { field: None, min: Some(1), max: None, unit: LengthUnit::Characters },
            Check::Length { field: Some(field()), min: Some(1), max: None, unit: LengthUnit::Words },
            Check::Unique { key: names(&["a"]) },
            Check::Unique { key: names(&["b"]) },
            Check::Duplicates { fields: names(&["a"]), max_share: 0 },
            Check::Duplicates { fields: vec![], max_share: 0 },
            Check::Duplicates { fields: vec![], max_share: 1 },
            Check::Empty { fields: vec![] },
            Check::Empty { fields: names(&["a"]) },
            Check::Pii { find: names(&["ssn"]), patterns: vec![], fields: vec![] },
            Check::Pii { find: vec![], patterns: vec![("a".into(), "b".into())], fields: vec![] },
            Check::Pii { find: vec![], patterns: vec![("a".into(), "c".into())], fields: vec![] },
            Check::Pii { find: vec![], patterns: vec![], fields: names(&["ssn"]) },
            Check::Drift { samples: Some(1), length: None, labels: None },
            Check::Drift { samples: None, length: Some((field(), 1)), labels: None },
            Check::Drift { samples: None, length: None, labels: Some((field(), 1)) },
            Check::Drift { samples: None, length: None, labels: Some((field(), 2)) },
            Check::Leakage { train: names(&["a"]), test: vec![], fields: vec![], max_share: 0 },
            Check::Leakage { train: vec![], test: names(&["a"]), fields: vec![], max_share: 0 },
            Check::Leakage { train: vec![], test: vec![], fields: names(&["a"]), max_share: 0 },
            Check::Leakage { train: vec![], test: vec![], fields: names(&["a"]), max_share: 1 },
            Check::Command { run: names(&["a"]), timeout: 1 },
            Check::Command { run: names(&["a"]), timeout: 2 },
        ];
        let rule = |check| Rule { name: String::new(), check, severity: Severity::Error, weight: 1, files: vec![] };
        let mut sets: Vec<Vec<Rule>> = checks.into_iter().map(|check| vec![rule(check)]).collect();
        let parse = || rule(Check::Parse);
        sets.extend([
            vec![],
            vec![parse(), parse()],
            vec![Rule { name: "parse".into(), ..parse() }],
            vec![Rule { severity: Severity::Info, ..parse() }],
            vec![Rule { weight: 2, ..parse() }],
            vec![Rule { files: names(&["a"]), ..parse() }],
            vec![parse(), rule(Check::Encoding)],
            vec![rule(Check::Encoding), parse()],
        ]);
        let digests: HashSet<_> = sets.iter().map(|rules| digest(rules, &[])).collect();
        assert_eq!(digests.len(), sets.len());
        assert_ne!(digest(&sets[2], &[b"{}".to_vec()]), digest(&sets[2], &[b"{ }".to_vec()]));
        assert_eq!(digest(&sets[2], &[b"{}".to_vec()]), digest(&sets[2].clone(), &[b"{}".to_vec()]));
    }
}
