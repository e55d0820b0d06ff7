//! The outcome of an evaluation, from all findings.

use std::collections::HashSet;

use super::cache::RecordPosition;
use super::evaluator::{Evaluator, FileSet, GateOutcome, LocatedFinding, duplicate_policy};
use super::program::ProgramResult;
use super::report;
use super::second_pass::{FindingsByFile, repeated_findings};
use crate::error::{Error, ErrorKind, Result};
use crate::gate::{Check, DriftLimits, Measures, Split};
use crate::manifest::{Entries, NodeSource};
use crate::object::verdict::{RuleResult, Verdict};

impl Evaluator<'_> {
    /// Puts together what was found: in places, over all, and by programs.
    pub(super) fn outcome<S: NodeSource + Sync>(
        &self,
        files: &FileSet<'_, S>,
        by_file: &FindingsByFile,
        measures: &Measures,
        before: Option<&Measures>,
        mut failed: Vec<u64>,
    ) -> Result<GateOutcome> {
        let rules = self.rule_set.rules();
        let mut checked: Vec<u64> = (0..rules.len()).map(|rule| measures.records(rule)).collect();
        let (mut finding, mut unread): (Vec<LocatedFinding>, Vec<LocatedFinding>) = Default::default();
        for (path, places) in by_file {
            for found in &places.findings {
                let message = found.message.clone();
                let list = if found.unreadable { &mut unread } else { &mut finding };
                list.push(LocatedFinding { path: path.clone(), position: found.position, rule: found.rule, message });
            }
        }
        let mut unreadable: Vec<u64> = (0..rules.len()).map(|rule| measures.unread(rule)).collect();
        let mut count: u64 = failed.iter().sum();
        let minded = |rule: u32| duplicate_policy(&rules[rule as usize].check);
        repeated_findings(by_file, minded, |path, position, rule, message| {
            finding.push(LocatedFinding { path: path.to_owned(), position, rule, message })
        });
        for (rule, declared) in rules.iter().enumerate() {
            let over_all =
                |message| LocatedFinding { path: String::new(), position: RecordPosition::default(), rule: rule as u32, message };
            match &declared.check {
                Check::Drift { samples, length, labels } => {
                    let limits = DriftLimits { samples: *samples, length: limit(length), labels: limit(labels) };
                    let drift = before.and_then(|before| measures.drift(rule, before, &limits));
                    checked[rule] = u64::from(before.is_some());
                    failed[rule] = u64::from(drift.is_some());
                    count += failed[rule];
                    finding.extend(drift.map(over_all));
                }
                Check::Command { run, timeout } => {
                    let ProgramResult { shown, findings: own, unread_count, unread: own_unread, status: ended } =
                        self.run_program(rule, run, *timeout, files)?;
                    unreadable[rule] = unread_count;
                    unread.extend(own_unread);
                    checked[rule] = shown.max(1);
                    failed[rule] = records(&own).min(checked[rule]);
                    count += own.len() as u64 + u64::from(ended.is_err());
                    finding.extend(own);
                    if let Err(why) = ended {
                        // It vouches for nothing.
                        (checked[rule], failed[rule]) = (1, 1);
                        finding.push(over_all(why));
                    }
                }
                _ => {}
            }
        }
        for list in [&mut finding, &mut unread] {
            list.sort_by(|a, b| {
                let severity = |finding: &LocatedFinding| rules[finding.rule as usize].severity;
                severity(b).cmp(&severity(a)).then_with(|| (a.rule, &a.path, a.position).cmp(&(b.rule, &b.path, b.position)))
            });
        }
        let met: Vec<u64> = (0..rules.len()).map(|rule| checked[rule] + unreadable[rule]).collect();
        let judged = rules.iter().enumerate().map(|(rule, declared)| RuleResult {
            name: declared.name().to_owned(),
            kind: declared.check.kind().to_owned(),
            severity: declared.severity,
            weight: declared.weight,
            checked: checked[rule].max(failed[rule]),
            failed: failed[rule],
            unreadable: unreadable[rule],
            measures: if matches!(declared.check, Check::Drift { .. }) { measures.to_list(rule) } else { Vec::new() },
        });
        let verdict = Verdict {
            rules: self.digest,
            min_score: self.min_score,
            opaque: self.opaque,
            results: judged.collect(),
            findings_count: count,
            findings: report::first(&finding),
            unread: report::first(&unread),
        };
        verdict.check().map_err(|e| {
            Error::new(ErrorKind::Config, format!("cannot store the verdict: {e}"))
                .with_hint("use fewer 'drift' rules, or none with 'labels' on a field of long texts")
        })?;
        Ok(GateOutcome {
            verdict,
            found: finding,
            unread,
            max_findings: self.max_findings,
            idle: self.unused_rules(files, &met)?,
        })
    }
}

impl Evaluator<'_> {
    /// Returns the rules that looked at nothing, though there are files, and the splits without a file: most likely
    /// mistyped.
    fn unused_rules<S: NodeSource + Sync>(&self, files: &FileSet<'_, S>, checked: &[u64]) -> Result<Vec<String>> {
        let rules = self.rule_set.rules();
        let mut splits: Vec<(usize, Split)> = Vec::new();
        for rule in (0..rules.len()).filter(|&rule| matches!(rules[rule].check, Check::Leakage { .. })) {
            splits.extend([(rule, Split::Train), (rule, Split::Test)]);
        }
        let mut any = false;
        for entry in Entries::new(files.nodes, files.manifest)? {
            let entry = entry?;
            any |= entry.kind.is_file();
            if any && splits.is_empty() {
                break;
            }
            if entry.kind.is_file() {
                let file_rules = self.rule_set.rules_for(entry.path.as_str());
                splits.retain(|split| !file_rules.keys.contains(split));
            }
        }
        if !any {
            return Ok(Vec::new());
        }
        let mut idle = Vec::new();
        for (rule, declared) in rules.iter().enumerate() {
            let name = declared.name();
            match &declared.check {
                Check::Drift { .. } => {}
                Check::Leakage { .. } => idle.extend(splits.iter().filter(|(own, _)| *own == rule).map(|(_, split)| {
                    let split = if *split == Split::Train { "train" } else { "test" };
                    format!("{name}: no files in the {split} split")
                })),
                Check::Unique { .. } if checked[rule] == 0 => idle.push(format!("{name}: no record has the key")),
                _ if checked[rule] == 0 => idle.push(format!("{name}: nothing to check")),
                _ => {}
            }
        }
        Ok(idle)
    }
}

/// Returns a field and how far it may drift.
fn limit(limit: &Option<(String, u32)>) -> Option<(&str, u32)> {
    limit.as_ref().map(|(field, most)| (field.as_str(), *most))
}

/// Returns the number of records with findings.
fn records(finding: &[LocatedFinding]) -> u64 {
    finding.iter().map(|finding| (&finding.path, finding.position)).collect::<HashSet<_>>().len() as u64
}
