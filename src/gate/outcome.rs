//! The outcome of an evaluation, from all findings.

use std::collections::HashSet;

use super::conflicts::{DuplicatePolicy, repeated_findings};
use super::coverage::FindingsByFile;
use super::drift_limits::DriftLimits;
use super::evaluator::Evaluator;
use super::file_set::FileSet;
use super::located::{self, LocatedFinding};
use super::measures::Measures;
use super::program::ProgramResult;
use super::rule_set::Split;
use super::spec::{Check, Rule};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Entries, NodeSource};
use crate::object::verdict::{RuleResult, Verdict};

/// The result of an evaluation.
pub struct GateOutcome {
    /// The verdict.
    pub verdict: Verdict,
    /// All findings, errors first, then by rule and place.
    pub found: Vec<LocatedFinding>,
    /// The records that a rule could not read, in the same order.
    pub unread: Vec<LocatedFinding>,
    /// Findings of a rule that are written into a report.
    pub(super) max_findings: usize,
    /// The rules and splits that matched nothing.
    pub idle: Vec<String>,
}

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
        let (mut findings, mut unread) = located_findings(by_file);
        let mut unreadable: Vec<u64> = (0..rules.len()).map(|rule| measures.unread(rule)).collect();
        let mut count: u64 = failed.iter().sum();
        let policy = |rule: u32| DuplicatePolicy::of(&rules[rule as usize].check);
        repeated_findings(by_file, policy, |path, position, rule, message| {
            findings.push(LocatedFinding { path: path.to_owned(), position, rule, message })
        });
        for (rule, declared) in rules.iter().enumerate() {
            let over_all = |message| LocatedFinding::of_version(rule as u32, message);
            match &declared.check {
                Check::Drift { samples, length, labels } => {
                    let limits = DriftLimits { samples: *samples, length: limit(length), labels: limit(labels) };
                    let drift = before.and_then(|before| measures.drift(rule, before, &limits));
                    checked[rule] = u64::from(before.is_some());
                    failed[rule] = u64::from(drift.is_some());
                    count += failed[rule];
                    findings.extend(drift.map(over_all));
                }
                Check::Command { run, timeout } => {
                    let ProgramResult { shown, findings: own, unread_count, unread: own_unread, status: ended } =
                        self.run_program(rule, run, *timeout, files)?;
                    unreadable[rule] = unread_count;
                    unread.extend(own_unread);
                    checked[rule] = shown.max(1);
                    failed[rule] = records(&own).min(checked[rule]);
                    count += own.len() as u64 + u64::from(ended.is_err());
                    findings.extend(own);
                    if let Err(why) = ended {
                        // Its findings may not be all.
                        (checked[rule], failed[rule]) = (1, 1);
                        findings.push(over_all(why));
                    }
                }
                _ => {}
            }
        }
        sort(&mut findings, rules);
        sort(&mut unread, rules);
        let seen: Vec<u64> = (0..rules.len()).map(|rule| checked[rule] + unreadable[rule]).collect();
        let results = rules.iter().enumerate().map(|(rule, declared)| RuleResult {
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
            results: results.collect(),
            findings_count: count,
            findings: located::first(&findings),
            unread: located::first(&unread),
        };
        verdict.check().map_err(|e| {
            Error::new(ErrorKind::Config, format!("cannot store the verdict: {e}"))
                .with_hint("use fewer 'drift' rules, or none with 'labels' on a field of long texts")
        })?;
        let idle = self.unused_rules(files, &seen)?;
        Ok(GateOutcome { verdict, found: findings, unread, max_findings: self.max_findings, idle })
    }

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

/// Returns the findings in records, and the records that a rule could not read.
fn located_findings(by_file: &FindingsByFile) -> (Vec<LocatedFinding>, Vec<LocatedFinding>) {
    let (mut findings, mut unread) = (Vec::new(), Vec::new());
    for (path, places) in by_file {
        for found in &places.findings {
            let message = found.message.clone();
            let list = if found.unreadable { &mut unread } else { &mut findings };
            list.push(LocatedFinding { path: path.clone(), position: found.position, rule: found.rule, message });
        }
    }
    (findings, unread)
}

/// Sorts findings, errors first, then by rule and position.
fn sort(findings: &mut [LocatedFinding], rules: &[Rule]) {
    let severity = |finding: &LocatedFinding| rules[finding.rule as usize].severity;
    findings.sort_by(|a, b| {
        severity(b).cmp(&severity(a)).then_with(|| (a.rule, &a.path, a.position).cmp(&(b.rule, &b.path, b.position)))
    });
}

/// Returns a field and how far it may drift.
fn limit(limit: &Option<(String, u32)>) -> Option<(&str, u32)> {
    limit.as_ref().map(|(field, most)| (field.as_str(), *most))
}

/// Returns the number of records with findings.
fn records(findings: &[LocatedFinding]) -> u64 {
    findings.iter().map(|finding| (&finding.path, finding.position)).collect::<HashSet<_>>().len() as u64
}
