//! Judging record after record: one read of each serves all rules.

use std::borrow::Cow;

use crate::sample::{MAX_DEPTH, Tape, Type, fields};

use super::field::Field;
use super::gate::{Gate, Looks, Split, Work};
use super::identity;
use super::measures::Measures;
use super::record::{Body, Needs, Record, Seen};
use super::rules::characters;

/// What the judge tells of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A rule found something in it.
    Finding {
        /// The rule, by its place among all.
        rule: usize,
        /// What is wrong, for a person.
        message: String,
    },
    /// A rule cannot look at it.
    Unreadable {
        /// The rule, by its place among all.
        rule: usize,
        /// Why, for a person.
        reason: String,
    },
    /// A rule compares it with others by this key.
    Key {
        /// The rule, by its place among all.
        rule: usize,
        /// The first 16 bytes of a BLAKE3.
        key: [u8; 16],
        /// The side of the comparison that it stands on.
        split: Split,
    },
}

/// Looks at one record after the other, in buffers that it keeps: one for each thread.
#[derive(Debug)]
pub struct Judge<'g> {
    gate: &'g Gate,
    tape: Tape,
    form: Vec<u8>,
}

impl<'g> Judge<'g> {
    /// A judge by these rules.
    pub fn new(gate: &'g Gate) -> Judge<'g> {
        Judge { gate, tape: Tape::default(), form: Vec::new() }
    }

    /// Looks at a record of a file at which these rules look, and measures it `sign` times: 1 to add it, -1 to take it
    /// away. Tells its keys, what the rules find that look at one record alone, at most one finding each, and which rules
    /// cannot look at it.
    pub fn record(&mut self, looks: &Looks, record: &Record<'_>, measures: &mut Measures, sign: i64, tell: &mut dyn FnMut(Told)) {
        if let Body::Note(text) = record.body {
            return self.note(looks, text, measures, sign, tell);
        }
        let Judge { gate, tape, form } = self;
        let cells: Vec<Cow<'_, [u8]>>;
        let seen = match record.body {
            Body::Json(text) => match tape.read(text, MAX_DEPTH) {
                Ok(()) => Seen::Json(text, tape),
                Err(why) => Seen::NoJson(text, why),
            },
            Body::Fields { row, syntax, wrong: Some(why), header } => Seen::BadRow(row, syntax, why, header),
            Body::Fields { row, syntax, header, wrong: None } => {
                cells = fields(row, syntax).collect();
                Seen::Cells(row, syntax, &cells, header)
            }
            Body::Row(row) => Seen::Row(*row),
            Body::Text(text) => Seen::Text(text),
            Body::Binary(binary) => Seen::Binary(binary),
            Body::Note(text) => Seen::Text(text),
            Body::Opaque(why) => Seen::Opaque(why),
            Body::Broken(why) => Seen::Broken(why),
        };
        for &rule in &looks.records {
            let Work::Record(local) = gate.work(rule) else { continue };
            match local.judge(&seen) {
                Err(reason) => {
                    measures.unreadable(rule, sign);
                    tell(Told::Unreadable { rule, reason });
                }
                Ok(found) => {
                    measures.checked(rule, sign);
                    if let Some(message) = found {
                        measures.failed(rule, sign);
                        tell(Told::Finding { rule, message });
                    }
                }
            }
        }
        let mut whole = None;
        let mut whole = |form: &mut Vec<u8>| *whole.get_or_insert_with(|| identity::whole(&seen, form));
        for &(rule, split) in &looks.keys {
            let key = match gate.work(rule) {
                Work::Unique(fields) => identity::key(fields, &seen, form),
                Work::Duplicates(fields) if !fields.is_empty() => identity::some(fields, &seen, form),
                Work::Leakage { fields, .. } if !fields.is_empty() => identity::letters(fields, &seen, form),
                _ => whole(form),
            };
            let by_fields = match gate.work(rule) {
                // A broken file is compared by nothing.
                _ if matches!(seen, Seen::Broken(_)) => true,
                Work::Unique(_) => true,
                Work::Duplicates(fields) | Work::Leakage { fields, .. } => !fields.is_empty(),
                _ => false,
            };
            if let Some(reason) = seen.unreadable(if by_fields { Needs::Fields } else { Needs::Form }) {
                measures.unreadable(rule, sign);
                tell(Told::Unreadable { rule, reason });
                continue;
            }
            // A record without a key is none that could have been unique.
            if key.is_some() || !matches!(gate.work(rule), Work::Unique(_)) {
                measures.checked(rule, sign);
            }
            if let Some(key) = key {
                tell(Told::Key { rule, key, split });
            }
        }
        for &rule in &looks.drift {
            if let Work::Drift { length, labels } = gate.work(rule) {
                measures.checked(rule, sign);
                measures.sample(rule, sign);
                measure(length.as_ref(), &seen, &mut |kind, text| {
                    if kind == Type::String {
                        measures.length(rule, characters(text), sign);
                    }
                });
                measure(labels.as_ref(), &seen, &mut |_, text| measures.label(rule, &String::from_utf8_lossy(text), sign));
            }
        }
    }
}

impl Judge<'_> {
    /// Looks at a row that is no record: what is found in it counts as one that was looked at.
    fn note(&self, looks: &Looks, text: &[u8], measures: &mut Measures, sign: i64, tell: &mut dyn FnMut(Told)) {
        for &rule in &looks.records {
            let Work::Record(local) = self.gate.work(rule) else { continue };
            if let Some(message) =
                Some(local).filter(|local| local.looks_at_notes()).and_then(|local| local.find(&Seen::Text(text)))
            {
                measures.checked(rule, sign);
                measures.failed(rule, sign);
                tell(Told::Finding { rule, message });
            }
        }
    }
}

/// Shows the values that are there, null among them, as their texts. Every field of CSV is a string.
fn measure(field: Option<&Field>, seen: &Seen<'_>, see: &mut dyn FnMut(Type, &[u8])) {
    let Some(field) = field else { return };
    field.values(seen, &mut |value| match (value.kind(), seen) {
        (None, _) => {}
        (Some(Type::Null), _) => see(Type::Null, b"null"),
        (Some(_), Seen::Cells(..)) => see(Type::String, &value.text()),
        (Some(kind), _) => see(kind, &value.text()),
    });
}

#[cfg(test)]
mod tests;
