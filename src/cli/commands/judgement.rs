//! What the rules of a dataset said, for people: a line, or a short report.

use std::cmp::Reverse;
use std::io::{self, Write};

use helox::ops::{RuleFinding, RuleReport, UnreadableRecord, VerdictView};
use helox::printable;
use helox::validation::{OpaquePolicy, Severity};

use crate::cli::format::{columns, count, thousands};
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;

/// Most findings that are told one by one.
const TOLD: usize = 20;
/// Least findings of a rule that are told, where it has so many.
const OF_EACH: usize = 3;

/// Warns of what had nothing to look at, and of what could not be looked at.
pub(super) fn warn(judgement: &VerdictView, paths: PathPrinter<'_>, out: &mut Output) {
    judgement.idle.iter().for_each(|idle| out.warning(idle));
    if judgement.opaque != OpaquePolicy::Warn || judgement.unreadable_count == 0 {
        return;
    }
    let rules = judgement.rules.iter().filter(|rule| rule.unreadable > 0);
    let rules: Vec<String> = rules.map(|rule| format!("{} {}", printable(&rule.name), thousands(rule.unreadable))).collect();
    let first = judgement.unreadable.first().map(|first| format!("; first: {}", unread(first, paths))).unwrap_or_default();
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
pub(super) fn line(judgement: &VerdictView, out: &mut Output) -> io::Result<()> {
    let tint = out.tint();
    let status = status(judgement);
    let status = if status == "PASSED" { tint.good(status) } else { tint.bad(status) };
    let mut line = format!("{status}  score {}", score(judgement.score));
    if let Some(parent) = judgement.parent_score {
        line.push_str(&format!(" (parent: {})", score(parent)));
    }
    if judgement.score < judgement.min_score {
        line.push_str(&format!(", below the minimum of {}", score(judgement.min_score)));
    }
    line.push_str(&match judgement.findings_count {
        0 if judgement.rules.is_empty() => ", no rules".to_owned(),
        0 => format!(", {} passed", count(judgement.rules.len() as u64, "rule")),
        found => format!(", {}", count(found, "finding")),
    });
    writeln!(out, "{line}")
}

/// The line, a row for each rule, and the first findings.
pub(super) fn words(judgement: &VerdictView, paths: PathPrinter<'_>, out: &mut Output) -> io::Result<()> {
    line(judgement, out)?;
    if judgement.rules.is_empty() {
        return Ok(());
    }
    let any = judgement.unreadable_count > 0;
    let heads = ["rule", "severity", "checked", "failed", "unreadable"];
    let width = if any { heads.len() } else { heads.len() - 1 };
    let mut rows = vec![heads[..width].iter().map(|head| (*head).to_owned()).collect::<Vec<_>>()];
    for rule in &judgement.rules {
        let name = if rule.name == rule.kind { rule.name.clone() } else { format!("{} ({})", rule.name, rule.kind) };
        let counts = [rule.checked, rule.failed, rule.unreadable].map(thousands);
        let cells = [printable(&name).into_owned(), severity(rule.severity)].into_iter().chain(counts);
        rows.push(cells.take(width).collect());
    }
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    findings(judgement, paths, out)?;
    if judgement.opaque == OpaquePolicy::Error {
        for first in judgement.unreadable.iter().take(TOLD) {
            writeln!(out, "{}", unread(first, paths))?;
        }
        more(judgement.unreadable_count, judgement.unreadable.len().min(TOLD), "", out)?;
    }
    Ok(())
}

/// The first findings of each rule, the rule with most of them first, and how many more there are.
fn findings(judgement: &VerdictView, paths: PathPrinter<'_>, out: &mut Output) -> io::Result<()> {
    let mut rules: Vec<&RuleReport> = judgement.rules.iter().filter(|rule| rule.failed > 0).collect();
    rules.sort_by_key(|rule| (Reverse(rule.severity), Reverse(rule.failed)));
    let most = (TOLD / rules.len().max(1)).max(OF_EACH);
    let is_one = rules.len() == 1;
    for rule in rules {
        let own = judgement.findings.iter().filter(|finding| finding.rule == rule.name);
        let told: Vec<String> = own.take(most).map(|finding| one(finding, paths)).collect();
        told.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        let (total, of) = if is_one {
            (judgement.findings_count, String::new())
        } else {
            (rule.failed, format!(" of {}", printable(&rule.name)))
        };
        more(total, told.len(), &of, out)?;
    }
    Ok(())
}

/// How many more there are than were told, if any was.
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

fn status(judgement: &VerdictView) -> String {
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
