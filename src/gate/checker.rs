//! Judging record after record: one read of each serves all rules.

use std::borrow::Cow;

use crate::diff::RecordText;
use crate::sample::{FileIssue, MAX_DEPTH, Tape, Type, fields};

use super::field::FieldSelector;
use super::identity;
use super::measures::Measures;
use super::record::{ParsedRecord, Requirement};
use super::rule_set::{CompiledCheck, FileRules, RuleSet, Split};
use super::rules::characters;

/// The output of a rule for a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleOutput {
    /// A rule found something in it.
    Finding {
        /// The rule, by its place among all.
        rule: usize,
        /// The message, for a person.
        message: String,
    },
    /// A rule cannot look at it.
    Unreadable {
        /// The rule, by its place among all.
        rule: usize,
        /// The reason, for a person.
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
pub struct RecordChecker<'g> {
    gate: &'g RuleSet,
    tape: Tape,
    form: Vec<u8>,
}

impl<'g> RecordChecker<'g> {
    /// Creates a judge by these rules.
    pub fn new(gate: &'g RuleSet) -> RecordChecker<'g> {
        RecordChecker { gate, tape: Tape::default(), form: Vec::new() }
    }

    /// Looks at a record of a file at which these rules look, and measures it `sign` times: 1 to add it, -1 to take it
    /// away. Tells its keys, what the rules find that look at one record alone, at most one finding each, and which rules
    /// cannot look at it.
    pub fn check(
        &mut self,
        file_rules: &FileRules,
        record: &RecordText<'_>,
        measures: &mut Measures,
        sign: i64,
        emit: &mut dyn FnMut(RuleOutput),
    ) {
        let RecordChecker { gate, tape, form } = self;
        let cells: Vec<Cow<'_, [u8]>>;
        let parsed = match *record {
            RecordText::Json(text) => match tape.read(text, MAX_DEPTH) {
                Ok(()) => ParsedRecord::Json(text, tape),
                Err(why) => ParsedRecord::InvalidJson(text, why),
            },
            RecordText::Fields { row, syntax, wrong: Some(why), header } => ParsedRecord::BadRow(row, syntax, why, header),
            RecordText::Fields { row, syntax, header, wrong: None } => {
                cells = fields(row, syntax).collect();
                ParsedRecord::Cells(row, syntax, &cells, header)
            }
            RecordText::SkippedRow(row) => return self.check_skipped_row(file_rules, row, measures, sign, emit),
            RecordText::Excess(words) => ParsedRecord::Broken(words),
            RecordText::Row(row) => ParsedRecord::Row(*row),
            RecordText::File { issue: Some(FileIssue::Damaged { cause, .. }), .. } => ParsedRecord::Broken(cause),
            RecordText::File { issue: Some(FileIssue::Opaque { cause }), .. } => ParsedRecord::Opaque(cause),
            RecordText::File { text: Ok(text), .. } => ParsedRecord::Text(text),
            RecordText::File { content, text: Err(why), .. } => ParsedRecord::Binary(content, why),
        };
        for &rule in &file_rules.records {
            let CompiledCheck::Record(local) = gate.check(rule) else { continue };
            match local.check(&parsed) {
                Err(reason) => {
                    measures.unreadable(rule, sign);
                    emit(RuleOutput::Unreadable { rule, reason });
                }
                Ok(found) => {
                    measures.checked(rule, sign);
                    if let Some(message) = found {
                        measures.failed(rule, sign);
                        emit(RuleOutput::Finding { rule, message });
                    }
                }
            }
        }
        let mut whole = None;
        let mut whole = |form: &mut Vec<u8>| *whole.get_or_insert_with(|| identity::record_digest(&parsed, form));
        for &(rule, split) in &file_rules.keys {
            let key = match gate.check(rule) {
                CompiledCheck::Unique(fields) => identity::key_digest(fields, &parsed, form),
                CompiledCheck::Duplicates(fields) if !fields.is_empty() => identity::fields_digest(fields, &parsed, form),
                CompiledCheck::Leakage { fields, .. } if !fields.is_empty() => identity::letters_digest(fields, &parsed, form),
                _ => whole(form),
            };
            let by_fields = match gate.check(rule) {
                // A broken file is compared by nothing.
                _ if matches!(parsed, ParsedRecord::Broken(_)) => true,
                CompiledCheck::Unique(_) => true,
                CompiledCheck::Duplicates(fields) | CompiledCheck::Leakage { fields, .. } => !fields.is_empty(),
                _ => false,
            };
            if let Some(reason) = parsed.unreadable(if by_fields { Requirement::Fields } else { Requirement::Form }) {
                measures.unreadable(rule, sign);
                emit(RuleOutput::Unreadable { rule, reason });
                continue;
            }
            // A record without a key is none that could have been unique.
            if key.is_some() || !matches!(gate.check(rule), CompiledCheck::Unique(_)) {
                measures.checked(rule, sign);
            }
            if let Some(key) = key {
                emit(RuleOutput::Key { rule, key, split });
            }
        }
        measure_drift(gate, file_rules, &parsed, measures, sign);
    }
}

/// Measures a record for the rules of the kind `drift`.
fn measure_drift(gate: &RuleSet, file_rules: &FileRules, record: &ParsedRecord<'_>, measures: &mut Measures, sign: i64) {
    for &rule in &file_rules.drift {
        if let CompiledCheck::Drift { length, labels } = gate.check(rule) {
            measures.checked(rule, sign);
            measures.sample(rule, sign);
            measure(length.as_ref(), record, &mut |kind, text| {
                if kind == Type::String {
                    measures.length(rule, characters(text), sign);
                }
            });
            measure(labels.as_ref(), record, &mut |_, text| measures.label(rule, &String::from_utf8_lossy(text), sign));
        }
    }
}

impl RecordChecker<'_> {
    /// Looks at a row that is no record: what is found in it counts as one that was looked at.
    fn check_skipped_row(
        &self,
        file_rules: &FileRules,
        text: &[u8],
        measures: &mut Measures,
        sign: i64,
        emit: &mut dyn FnMut(RuleOutput),
    ) {
        for &rule in &file_rules.records {
            let CompiledCheck::Record(local) = self.gate.check(rule) else { continue };
            if let Some(message) =
                Some(local).filter(|local| local.checks_skipped_rows()).and_then(|local| local.find(&ParsedRecord::Text(text)))
            {
                measures.checked(rule, sign);
                measures.failed(rule, sign);
                emit(RuleOutput::Finding { rule, message });
            }
        }
    }
}

/// Shows the values that are there, null among them, as their texts. Every field of CSV is a string.
fn measure(field: Option<&FieldSelector>, record: &ParsedRecord<'_>, each: &mut dyn FnMut(Type, &[u8])) {
    let Some(field) = field else { return };
    field.values(record, &mut |value| match (value.kind(), record) {
        (None, _) => {}
        (Some(Type::Null), _) => each(Type::Null, b"null"),
        (Some(_), ParsedRecord::Cells(..)) => each(Type::String, &value.text()),
        (Some(kind), _) => each(kind, &value.text()),
    });
}

#[cfg(test)]
mod tests;
