//! Findings as tools for continuous integration read them: commands of GitHub Actions, JUnit XML, SARIF.
//!
//! Paths are those of the repository's root, separated by `/`.

use std::io::{self, Write};

use helox::ops::{RuleReport, VerdictView};
use helox::printable;
use helox::validation::{OpaquePolicy, Severity};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use serde_json::{Value, json};

use super::format::count;

/// The schema that the documents follow.
const SARIF_SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// The name of the finding of a score below the minimum, beside the rules.
const MIN_SCORE: &str = "min_score";

/// A verdict on one dataset.
pub(crate) struct FindingsReport<'a> {
    pub(crate) dataset: &'a str,
    /// The number of the version, or `WORK`.
    pub(crate) version: &'a str,
    /// The dataset's folder, seen from the repository's root.
    pub(crate) folder: &'a str,
    pub(crate) verdict: &'a VerdictView,
}

/// A finding, or what else keeps a version from passing.
struct FindingLine<'a> {
    rule: &'a str,
    severity: Severity,
    /// From the repository's root; empty where it is about the version as a whole.
    path: String,
    /// From 1; 0 where there is none.
    line: u64,
    message: String,
}

impl<'a> FindingsReport<'a> {
    fn items(&self) -> Vec<FindingLine<'a>> {
        let verdict = self.verdict;
        let path = |path: &str| match (path, self.folder) {
            ("", _) | (_, ".") => path.to_owned(),
            (path, folder) => format!("{folder}/{path}"),
        };
        let numbered = |line: u64, number: u64, message: &str| match number > line && line > 0 {
            true => format!("record {number}: {message}"),
            false => message.to_owned(),
        };
        let mut items = Vec::new();
        for finding in &verdict.findings {
            let message = numbered(finding.line, finding.number, &finding.message);
            let (rule, severity) = (finding.rule.as_str(), finding.severity);
            items.push(FindingLine { rule, severity, path: path(&finding.path), line: finding.line, message });
        }
        for unread in verdict.unreadable.iter().filter(|_| verdict.opaque == OpaquePolicy::Error) {
            let Some(rule) = verdict.rules.iter().find(|rule| rule.name == unread.rule) else { continue };
            let severity = if rule.severity == Severity::Info { Severity::Info } else { Severity::Error };
            let message = numbered(unread.line, unread.number, &format!("cannot be read: {}", unread.reason));
            items.push(FindingLine { rule: &rule.name, severity, path: path(&unread.path), line: unread.line, message });
        }
        if verdict.score < verdict.min_score {
            let message = format!("score of {} is {}, below the minimum of {}", self.dataset, verdict.score, verdict.min_score);
            items.push(FindingLine { rule: MIN_SCORE, severity: Severity::Error, path: String::new(), line: 0, message });
        }
        items
    }
}

/// Writes a workflow command for each finding, which GitHub shows beside the line.
pub(crate) fn github(verdicts: &[FindingsReport<'_>], out: &mut dyn Write) -> io::Result<()> {
    let data = |text: &str| printable(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    for verdict in verdicts {
        for item in verdict.items() {
            let command = match item.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "notice",
            };
            let file = if item.path.is_empty() { String::new() } else { format!("file={},", property(&item.path)) };
            let line = if item.line == 0 { String::new() } else { format!("line={},", item.line) };
            let title = property(&format!("{}: {}", verdict.dataset, item.rule));
            writeln!(out, "::{command} {file}{line}title={title}::{}", data(&item.message))?;
        }
    }
    Ok(())
}

/// Writes a test suite for each dataset and a test for each rule. Only what keeps a version from passing fails a test.
pub(crate) fn junit(verdicts: &[FindingsReport<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    let mut xml = Writer::new_with_indent(&mut *out, b' ', 2);
    xml.create_element("testsuites")
        .with_attribute(("name", "hlx validate"))
        .write_inner_content(|xml| verdicts.iter().try_for_each(|verdict| suite(verdict, xml)))?;
    writeln!(out)
}

fn suite<W: Write>(verdict: &FindingsReport<'_>, xml: &mut Writer<W>) -> io::Result<()> {
    let items = verdict.items();
    let mut tests: Vec<&str> = verdict.verdict.rules.iter().map(|rule| rule.name.as_str()).collect();
    tests.push(MIN_SCORE);
    let of = |test: &str| items.iter().filter(|item| item.rule == test).collect::<Vec<_>>();
    let fails = |test: &&&str| of(test).iter().any(|item| item.severity == Severity::Error);
    let name = printable(&format!("{} {}", verdict.dataset, verdict.version)).into_owned();
    let numbers = [tests.len(), tests.iter().filter(fails).count()].map(|n| n.to_string());
    let suite = xml.create_element("testsuite").with_attribute(("name", name.as_str()));
    let suite = suite.with_attribute(("tests", numbers[0].as_str())).with_attribute(("failures", numbers[1].as_str()));
    suite.write_inner_content(|xml| {
        for test in &tests {
            let (rule, class) = (printable(test), printable(verdict.dataset));
            let case = xml.create_element("testcase").with_attribute(("name", &*rule)).with_attribute(("classname", &*class));
            let own = of(test);
            if own.is_empty() {
                case.write_empty()?;
                continue;
            }
            let lines: Vec<String> = own.iter().map(|item| line(item)).collect();
            let text = lines.join("\n");
            case.write_inner_content(|xml| {
                if !fails(&test) {
                    xml.create_element("system-out").write_text_content(BytesText::new(&text))?;
                    return Ok(());
                }
                let message = count(own.len() as u64, "finding");
                let failure = xml.create_element("failure").with_attribute(("message", message.as_str()));
                failure.with_attribute(("type", "error")).write_text_content(BytesText::new(&text))?;
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(())
}

/// `path:line: message`.
fn line(item: &FindingLine<'_>) -> String {
    let message = printable(&item.message);
    match (item.path.as_str(), item.line) {
        ("", _) => message.into_owned(),
        (path, 0) => format!("{}: {message}", printable(path)),
        (path, line) => format!("{}:{line}: {message}", printable(path)),
    }
}

/// Returns the document of SARIF 2.1.0, with a run for each dataset.
pub(crate) fn sarif(verdicts: &[FindingsReport<'_>]) -> Value {
    let runs: Vec<Value> = verdicts.iter().map(run).collect();
    json!({ "$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": runs })
}

fn run(verdict: &FindingsReport<'_>) -> Value {
    let described = |rule: &RuleReport| {
        json!({
            "id": rule.name,
            "shortDescription": { "text": format!("{} rule", rule.kind) },
            "defaultConfiguration": { "level": level(rule.severity) },
        })
    };
    let mut rules: Vec<Value> = verdict.verdict.rules.iter().map(described).collect();
    rules.push(json!({ "id": MIN_SCORE, "shortDescription": { "text": "minimum score" } }));
    let result = |item: FindingLine<'_>| {
        let mut result = json!({ "ruleId": item.rule, "level": level(item.severity), "message": { "text": item.message } });
        if !item.path.is_empty() {
            let mut place = json!({ "artifactLocation": { "uri": encoded(&item.path), "uriBaseId": "%SRCROOT%" } });
            if item.line > 0 {
                place["region"] = json!({ "startLine": item.line });
            }
            result["locations"] = json!([{ "physicalLocation": place }]);
        }
        result
    };
    let results: Vec<Value> = verdict.items().into_iter().map(result).collect();
    json!({
        "tool": { "driver": { "name": "hlx", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
        "automationDetails": { "id": format!("hlx/{}/", verdict.dataset) },
        "columnKind": "unicodeCodePoints",
        "results": results,
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// Returns a path as a relative URI, by RFC 3986.
fn encoded(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_uri() {
        assert_eq!(encoded("data/train/part-00.jsonl"), "data/train/part-00.jsonl");
        assert_eq!(encoded("a b/100%/é:1"), "a%20b/100%25/%C3%A9%3A1");
    }
}
