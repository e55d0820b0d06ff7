//! A verdict, for people: a line, or a short report.

use std::cmp::Reverse;
use std::io::{self, Write};

use helox::ops::{RuleFinding, RuleReport, UnreadableRecord, VerdictView};
use helox::printable;
use helox::validation::{OpaquePolicy, Severity};

use crate::cli::format::{columns, count, thousands};
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;

/// Most findings that are told one by one.
const MAX_FINDINGS: usize = 20;
/// Least findings of a rule that are told, where it has so many.
const MIN_PER_RULE: usize = 3;

/// Warns of what had nothing to look at, and of what could not be looked at.
pub(super) fn warn(verdict: &VerdictView, paths: PathPrinter<'_>, out: &mut Output) {
    verdict.idle.iter().for_each(|idle| out.warning(idle));
    if verdict.opaque != OpaquePolicy::Warn || verdict.unreadable_count == 0 {
        return;
    }
    let rules = verdict.rules.iter().filter(|rule| rule.unreadable > 0);
    let rules: Vec<String> = rules.map(|rule| format!("{} {}", printable(&rule.name), thousands(rule.unreadable))).collect();
    let first = verdict.unreadable.first().map(|first| format!("; first: {}", unread(first, paths))).unwrap_or_default();
    out.warning(&format!("files or records that rules could not read: {}{first}", rules.join(", ")));
    out.hint(
        "in [dataset.NAME.validation] of helox.toml, opaque = \"error\" rejects such files and opaque = \"allow\" only counts \
         them; 'files' limits the files that a rule reads",
    );
}

/// `file:line: rule: cannot be read: reason`.
fn unread(unread: &UnreadableRecord, paths: PathPrinter<'_>) -> String {
    let (path, line) = (paths.show(&unread.path), unread.line);
    format!("{path}:{line}: {}: cannot be read: {}", printable(&unread.rule), printable(&unread.reason))
}

/// The score and what it stands against, in one line.
pub(super) fn line(verdict: &VerdictView, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let status = status(verdict);
    let status = if status == "PASSED" { colors.success(status) } else { colors.failure(status) };
    let mut line = format!("{status}  score {}", score(verdict.score));
    if let Some(parent) = verdict.parent_score {
        line.push_str(&format!(" (parent: {})", score(parent)));
    }
    if verdict.score < verdict.min_score {
        line.push_str(&format!(", below the minimum of {}", score(verdict.min_score)));
    }
    line.push_str(&match verdict.findings_count {
        0 if verdict.rules.is_empty() => ", no rules".to_owned(),
        0 => format!(", {} passed", count(verdict.rules.len() as u64, "rule")),
        found => format!(", {}", count(found, "finding")),
    });
    writeln!(out, "{line}")
}

/// The line, a row for each rule, and the first findings.
pub(super) fn print(verdict: &VerdictView, paths: PathPrinter<'_>, out: &mut Output) -> io::Result<()> {
    line(verdict, out)?;
    if verdict.rules.is_empty() {
        return Ok(());
    }
    let any = verdict.unreadable_count > 0;
    let heads = ["rule", "severity", "checked", "failed", "unreadable"];
    let width = if any { heads.len() } else { heads.len() - 1 };
    let mut rows = vec![heads[..width].iter().map(|head| (*head).to_owned()).collect::<Vec<_>>()];
    for rule in &verdict.rules {
        let name = if rule.name == rule.kind { rule.name.clone() } else { format!("{} ({})", rule.name, rule.kind) };
        let counts = [rule.checked, rule.failed, rule.unreadable].map(thousands);
        let cells = [printable(&name).into_owned(), severity(rule.severity)].into_iter().chain(counts);
        rows.push(cells.take(width).collect());
    }
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    findings(verdict, paths, out)?;
    if verdict.opaque == OpaquePolicy::Error {
        for first in verdict.unreadable.iter().take(MAX_FINDINGS) {
            writeln!(out, "{}", unread(first, paths))?;
        }
        more(verdict.unreadable_count, verdict.unreadable.len().min(MAX_FINDINGS), "", out)?;
    }
    Ok(())
}

/// The first findings of each rule, the rule with most of them first, and how many more there are.
fn findings(verdict: &VerdictView, paths: PathPrinter<'_>, out: &mut Output) -> io::Result<()> {
    let mut rules: Vec<&RuleReport> = verdict.rules.iter().filter(|rule| rule.failed > 0).collect();
    rules.sort_by_key(|rule| (Reverse(rule.severity), Reverse(rule.failed)));
    let most = (MAX_FINDINGS / rules.len().max(1)).max(MIN_PER_RULE);
    let is_one = rules.len() == 1;
    for rule in rules {
        let own = verdict.findings.iter().filter(|finding| finding.rule == rule.name);
        let told: Vec<String> = own.take(most).map(|finding| one(finding, paths)).collect();
        told.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        let (total, of) = if is_one {
            (verdict.findings_count, String::new())
        } else {
            (rule.failed, format!(" of {}", printable(&rule.name)))
        };
        more(total, told.len(), &of, out)?;
    }
    Ok(())
}

/// Prints the number of findings that were not listed, if any was.
fn more(total: u64, told: usize, of: &str, out: &mut Output) -> io::Result<()> {
    let left = total.saturating_sub(told as u64);
    if left > 0 && told > 0 { writeln!(out, "{} more{of}", thousands(left)) } else { Ok(()) }
}

/// `file:line: rule: message`, with the number of the record where lines hold several.
fn one(finding: &RuleFinding, paths: PathPrinter<'_>) -> String {
    let place = match (finding.path.as_str(), finding.line) {
        ("", _) => String::new(),
        (path, 0) => format!("{}: ", paths.show(path)),
        (path, line) if finding.number > line => format!("{}:{line}: record {}: ", paths.show(path), finding.number),
        (path, line) => format!("{}:{line}: ", paths.show(path)),
    };
    format!("{place}{}: {}", printable(&finding.rule), printable(&finding.message))
}

fn status(verdict: &VerdictView) -> String {
    text(&verdict.status)
}

fn severity(severity: Severity) -> String {
    text(&severity)
}

/// Returns a name as JSON spells it.
fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Four digits, never rounded up to a full score.
pub(super) fn score(score: f64) -> String {
    format!("{:.4}", (score * 10_000.0).floor() / 10_000.0)
}
