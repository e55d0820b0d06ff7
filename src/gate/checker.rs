//! The check of single records: each is parsed once for all rules.

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
    /// A finding.
    Finding {
        /// The rule, by its index.
        rule: usize,
        /// The message, for a person.
        message: String,
    },
    /// The rule cannot read the record.
    Unreadable {
        /// The rule, by its index.
        rule: usize,
        /// The reason, for a person.
        reason: String,
    },
    /// The key by which the rule compares the record with others.
    Key {
        /// The rule, by its index.
        rule: usize,
        /// The first 16 bytes of a BLAKE3.
        key: [u8; 16],
        /// The split that the record is in.
        split: Split,
    },
}

/// The buffers for applying a rule set to records, one for each thread.
#[derive(Debug)]
pub struct RecordChecker<'g> {
    gate: &'g RuleSet,
    tape: Tape,
    form: Vec<u8>,
}

impl<'g> RecordChecker<'g> {
    /// Creates a checker for a rule set.
    pub fn new(gate: &'g RuleSet) -> RecordChecker<'g> {
        RecordChecker { gate, tape: Tape::default(), form: Vec::new() }
    }

    /// Applies the rules of a file to one of its records, and adds the record to the measures `sign` times: 1 to add it, -1 to
    /// remove it. Passes on its keys, at most one finding of each rule on single records, and the rules that cannot read it.
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

/// Adds a record to the measures of `drift` rules.
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
    /// Checks a row that is no record. It counts as checked only if it has a finding.
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

/// Passes on the values of a field that are present, also null, as text. Every field of CSV is a string.
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
