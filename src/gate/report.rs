//! The outcome of an evaluation, as reports show it.

use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::cache::RecordPosition;
use super::drift::Drift;
use super::located::LocatedFinding;
use super::outcome::GateOutcome;
use crate::error::{Error, Result, counted};
use crate::fs::atomic::{self, TempFile};
use crate::object::verdict::{self, OpaquePolicy, Severity, Verdict};
use crate::object::version::ValidationStatus;

/// The result of one rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// The name of the rule.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The effect of its findings.
    pub severity: Severity,
    /// The weight of the rule.
    pub weight: f64,
    /// Records that it looked at.
    pub checked: u64,
    /// Those in which it found something.
    pub failed: u64,
    /// Records at which it could not look; none of those that it looked at.
    pub unreadable: u64,
}

/// Something that a rule found.
#[derive(Clone, Debug, Serialize)]
pub struct RuleFinding {
    /// The file; empty where it is about the version as a whole.
    pub path: String,
    /// The line on which the record begins, from 1; 0 where there is none.
    pub line: u64,
    /// The number of the record in the file, from 1; 0 where there is none.
    pub number: u64,
    /// The name of the rule.
    pub rule: String,
    /// The effect of the finding.
    pub severity: Severity,
    /// The message.
    pub message: String,
}

/// A record at which a rule could not look.
#[derive(Clone, Debug, Serialize)]
pub struct UnreadableRecord {
    /// The file.
    pub path: String,
    /// The line on which the record begins, from 1.
    pub line: u64,
    /// The number of the record in the file, from 1.
    pub number: u64,
    /// The name of the rule.
    pub rule: String,
    /// The reason.
    pub reason: String,
}

/// A verdict, as reports show it.
#[derive(Clone, Debug, Serialize)]
pub struct VerdictView {
    /// The score, from 0 to 1.
    pub score: f64,
    /// The least score that passes.
    pub min_score: f64,
    /// The status of the version.
    pub status: ValidationStatus,
    /// Each rule, in the order of their declaration.
    pub rules: Vec<RuleReport>,
    /// The effect of records that a rule cannot read.
    pub opaque: OpaquePolicy,
    /// The first findings, errors first; some of each rule.
    pub findings: Vec<RuleFinding>,
    /// The number of findings.
    pub findings_count: u64,
    /// The first records at which a rule could not look; some of each rule.
    pub unreadable: Vec<UnreadableRecord>,
    /// The number of such records.
    pub unreadable_count: u64,
    /// The parent's score, where the same rules judged it.
    pub parent_score: Option<f64>,
    /// The measures of `drift` rules in the version, and in the parent if the same rules were applied to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<Drift>,
    /// Rules and splits without anything to look at, where this was found out just now: most likely mistyped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub idle: Vec<String>,
}

/// Millionths as a number.
fn ratio(millionths: u32) -> f64 {
    f64::from(millionths) / f64::from(verdict::FULL_SCORE)
}

impl VerdictView {
    /// Of a verdict, and the parent's.
    pub(crate) fn of(verdict: &Verdict, parent: Option<&Verdict>) -> VerdictView {
        let rules = verdict.results.iter().map(|judged| RuleReport {
            name: judged.name.clone(),
            kind: judged.kind.clone(),
            severity: judged.severity,
            weight: f64::from(judged.weight) / f64::from(verdict::DEFAULT_WEIGHT),
            checked: judged.checked,
            failed: judged.failed,
            unreadable: judged.unreadable,
        });
        let unread = verdict.unread.iter().filter_map(|unread| {
            Some(UnreadableRecord {
                path: unread.path.clone(),
                line: unread.line,
                number: unread.number,
                rule: verdict.results.get(unread.rule as usize)?.name.clone(),
                reason: unread.message.clone(),
            })
        });
        let findings = verdict.findings.iter().filter_map(|found| {
            let judged = verdict.results.get(found.rule as usize)?;
            Some(RuleFinding {
                path: found.path.clone(),
                line: found.line,
                number: found.number,
                rule: judged.name.clone(),
                severity: judged.severity,
                message: found.message.clone(),
            })
        });
        let parent = parent.filter(|parent| parent.rules == verdict.rules);
        VerdictView {
            drift: Drift::between(parent, Some(verdict)),
            score: ratio(verdict.score()),
            min_score: ratio(verdict.min_score),
            status: verdict.status(),
            rules: rules.collect(),
            opaque: verdict.opaque,
            unreadable: unread.collect(),
            unreadable_count: verdict.results.iter().fold(0, |sum, judged| sum.saturating_add(judged.unreadable)),
            findings: findings.collect(),
            findings_count: verdict.findings_count,
            parent_score: parent.map(|parent| ratio(parent.score())),
            idle: Vec::new(),
        }
    }
}

impl GateOutcome {
    /// For users, beside the parent's verdict.
    pub fn view(&self, parent: Option<&Verdict>) -> VerdictView {
        VerdictView { idle: self.idle.clone(), ..VerdictView::of(&self.verdict, parent) }
    }

    /// Returns the findings of each rule, up to the number that was asked for.
    pub fn findings(&self) -> Vec<RuleFinding> {
        let of_rule = |rule: &[LocatedFinding]| {
            rule.iter().take(self.max_findings).map(|finding| self.finding(finding, finding.message.clone())).collect::<Vec<_>>()
        };
        self.found.chunk_by(|a, b| a.rule == b.rule).flat_map(of_rule).collect()
    }

    fn finding(&self, finding: &LocatedFinding, message: String) -> RuleFinding {
        let judged = &self.verdict.results[finding.rule as usize];
        let RecordPosition { line, number, .. } = finding.position;
        RuleFinding { path: finding.path.clone(), line, number, rule: judged.name.clone(), severity: judged.severity, message }
    }

    /// Writes the findings of each rule into a file, one JSON document a line, up to the number that was asked for; a last
    /// line of a rule says how many more there are. Records at which a rule could not look follow where they refuse the version.
    pub fn write(&self, tmp: &Path, path: &Path) -> Result<()> {
        let fail = |e| Error::io("cannot write", path, e);
        let temp = TempFile::create(tmp)?;
        let mut out = BufWriter::new(temp);
        let unread = if self.verdict.opaque == OpaquePolicy::Error { &self.unread[..] } else { &[][..] };
        for (list, is_unread) in [(&self.found[..], false), (unread, true)] {
            for of_rule in list.chunk_by(|a, b| a.rule == b.rule) {
                let rule = of_rule[0].rule;
                let judged = &self.verdict.results[rule as usize];
                let mut write = |said: &LocatedFinding, message: String| {
                    let finding = self.finding(said, message);
                    serde_json::to_writer(&mut out, &finding).map_err(std::io::Error::from).map_err(fail)?;
                    out.write_all(b"\n").map_err(fail)
                };
                for said in of_rule.iter().take(self.max_findings) {
                    write(said, if is_unread { format!("cannot be read: {}", said.message) } else { said.message.clone() })?;
                }
                let told = of_rule.len().min(self.max_findings) as u64;
                let total = if is_unread { judged.unreadable } else { judged.failed.max(of_rule.len() as u64) };
                if total > told {
                    let over_all = LocatedFinding::of_version(rule, String::new());
                    let what = match is_unread {
                        true => format!("{} cannot be read", counted(total - told, "more record")),
                        false => counted(total - told, "more finding"),
                    };
                    write(&over_all, format!("{what}; to list more: --max-findings N"))?;
                }
            }
        }
        let temp = out.into_inner().map_err(|e| fail(e.into_error()))?;
        temp.rename(path)?;
        atomic::sync_folder(atomic::parent(path))
    }
}
