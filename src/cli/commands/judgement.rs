//! What the rules of a dataset said, for people: a line, or a short report.

use std::io::{self, Write};

use helox::ops::{Finding, Judgement};
use helox::printable;
use helox::validation::Severity;

use crate::cli::format::{columns, count, thousands};
use crate::cli::output::Output;

/// Most findings that are told one by one.
const TOLD: usize = 20;

/// Warns of what had nothing to look at.
pub(super) fn warn(judgement: &Judgement, out: &mut Output) {
    judgement.idle.iter().for_each(|idle| out.warning(idle));
}

/// The score and what it stands against, in one line.
pub(super) fn line(judgement: &Judgement, out: &mut Output) -> io::Result<()> {
    let tint = out.tint();
    let status = status(judgement);
    let status = if status == "PASSED" { tint.good(status) } else { tint.bad(status) };
    let mut line = format!("{status}  score {}", score(judgement.score));
    if let Some(parent) = judgement.parent_score {
        line.push_str(&format!(" (the parent has {})", score(parent)));
    }
    if judgement.score < judgement.min_score {
        line.push_str(&format!(", at least {} is asked for", score(judgement.min_score)));
    }
    line.push_str(&match judgement.findings_count {
        0 if judgement.rules.is_empty() => ", no rules".to_owned(),
        0 => format!(", {} found nothing", count(judgement.rules.len() as u64, "rule")),
        found => format!(", {}", count(found, "finding")),
    });
    writeln!(out, "{line}")
}

/// The line, a row for each rule, and the first findings.
pub(super) fn words(judgement: &Judgement, out: &mut Output) -> io::Result<()> {
    line(judgement, out)?;
    if judgement.rules.is_empty() {
        return Ok(());
    }
    let mut rows = vec![["rule", "severity", "looked at", "found in"].map(str::to_owned)];
    for rule in &judgement.rules {
        let name = if rule.name == rule.kind { rule.name.clone() } else { format!("{} ({})", rule.name, rule.kind) };
        let cells = [printable(&name).into_owned(), severity(rule.severity), thousands(rule.checked), thousands(rule.failed)];
        rows.push(cells);
    }
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    for finding in judgement.findings.iter().take(TOLD) {
        writeln!(out, "{}", one(finding))?;
    }
    let told = judgement.findings.len().min(TOLD) as u64;
    if judgement.findings_count > told && told > 0 {
        writeln!(out, "{} more", thousands(judgement.findings_count - told))?;
    }
    Ok(())
}

/// `file:line: rule: message`, with the number of the record where lines hold several.
pub(super) fn one(finding: &Finding) -> String {
    let place = match (finding.path.as_str(), finding.line) {
        ("", _) => String::new(),
        (path, 0) => format!("{}: ", printable(path)),
        (path, line) if finding.number > line => format!("{}:{line}: record {}: ", printable(path), finding.number),
        (path, line) => format!("{}:{line}: ", printable(path)),
    };
    format!("{place}{}: {}", printable(&finding.rule), printable(&finding.message))
}

fn status(judgement: &Judgement) -> String {
    text(&judgement.status)
}

fn severity(severity: Severity) -> String {
    text(&severity)
}

/// A name as JSON spells it.
fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Four digits, never rounded up to a full score.
pub(super) fn score(score: f64) -> String {
    format!("{:.4}", (score * 10_000.0).floor() / 10_000.0)
}
