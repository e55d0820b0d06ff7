//! A worker of an evaluation: it checks record after record, and keeps their measures and keys until they are handed on.

use std::sync::{Mutex, PoisonError};

use super::checker::{RecordChecker, RuleOutput};
use super::evaluator::Evaluator;
use super::file_text::with_text;
use super::flagged::{FlaggedRecords, record_hash, slot};
use super::keys::{KeyChange, KeyCollector};
use super::measures::Measures;
use super::rule_set::FileRules;
use crate::diff::{FileSide, RecordRef, RecordText};
use crate::error::Result;
use crate::sample::Side;

/// The key collector of each rule that compares keys.
pub(super) type KeyCollectors = Vec<Option<Mutex<KeyCollector>>>;

/// The state of a worker, reused from file to file.
pub(super) struct GateWorker<'g> {
    pub checker: RecordChecker<'g>,
    pub measures: Measures,
    keys: Vec<Vec<KeyChange>>,
}

impl<'g> GateWorker<'g> {
    /// Creates a worker without measures and keys.
    pub fn new(evaluator: &'g Evaluator<'_>) -> GateWorker<'g> {
        let rules = evaluator.rule_set.rules().len();
        GateWorker {
            checker: RecordChecker::new(&evaluator.rule_set),
            measures: Measures::new(rules),
            keys: vec![Vec::new(); rules],
        }
    }

    /// Checks a record and adds it to the measures, or removes one of the old side from them. Returns the largest number of
    /// keys that the worker has of any rule. The text of a file that is itself the record is read from `file`.
    pub fn check_record(
        &mut self,
        file_rules: &FileRules,
        record: &RecordRef<'_>,
        file: Option<&FileSide<'_>>,
        flagged: &mut FlaggedRecords,
    ) -> Result<usize> {
        let hash = record_hash(&record.text);
        let (is_new, sign) = if record.side == Side::New { (true, 1) } else { (false, -1) };
        let GateWorker { checker, measures, keys } = self;
        let (mut is_flagged, mut most) = (false, 0);
        let mut check = |text: &RecordText<'_>| {
            checker.check(file_rules, text, measures, sign, &mut |output| match output {
                RuleOutput::Finding { rule, .. } => {
                    is_flagged |= is_new;
                    *flagged.counts.entry(slot(rule, false)).or_default() += u64::from(is_new);
                }
                RuleOutput::Unreadable { rule, .. } => {
                    is_flagged |= is_new;
                    *flagged.counts.entry(slot(rule, true)).or_default() += u64::from(is_new);
                }
                RuleOutput::Key { rule, key, split } => {
                    keys[rule].push(KeyChange { key, raw: hash, split: split as u8, sign: sign as i8 });
                    most = most.max(keys[rule].len());
                }
            });
        };
        match file.filter(|_| !file_rules.records.is_empty()) {
            Some(file) => with_text(&record.text, file, &mut check)?,
            None => check(&record.text),
        }
        if is_flagged {
            flagged.push(hash);
        }
        Ok(most)
    }

    /// Takes the measures out of the worker.
    pub fn take_measures(&mut self) -> Measures {
        let none = Measures::new(self.keys.len());
        std::mem::replace(&mut self.measures, none)
    }

    /// Hands on the keys of every rule of which the worker has at least this number.
    pub fn flush_keys(&mut self, collectors: &KeyCollectors, least: usize) -> Result<()> {
        for (keys, collector) in self.keys.iter_mut().zip(collectors) {
            if let Some(collector) = collector.as_ref().filter(|_| keys.len() >= least) {
                collector.lock().unwrap_or_else(PoisonError::into_inner).add(keys)?;
                keys.clear();
            }
        }
        Ok(())
    }
}
