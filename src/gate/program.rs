//! Rules that are a program of the team's own.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;

use super::cache::RecordPosition;
use super::command::RuleProgram;
use super::evaluator::Evaluator;
use super::file_set::FileSet;
use super::located::{self, LocatedFinding};
use crate::diff::{RecordText, visit};
use crate::error::{Error, Result};
use crate::manifest::{Entries, NodeSource};
use crate::sample::{FileIssue, Rendering, Side};

/// The result of a program.
pub(super) struct ProgramResult {
    /// The number of records that were written to it.
    pub shown: u64,
    /// Its findings.
    pub findings: Vec<LocatedFinding>,
    /// The number of records that could not be written to it.
    pub unread_count: u64,
    /// The first of them, and why.
    pub unread: Vec<LocatedFinding>,
    /// The error of the program, if it failed.
    pub status: std::result::Result<(), String>,
}

/// A record as the program reads it.
#[derive(Serialize)]
struct ProgramInput<'a> {
    path: &'a str,
    line: u64,
    number: u64,
    record: Rendering,
}

impl Evaluator<'_> {
    /// Shows a program every record of its files.
    pub(super) fn run_program<S: NodeSource + Sync>(
        &self,
        rule: usize,
        run: &[String],
        timeout: u64,
        files: &FileSet<'_, S>,
    ) -> Result<ProgramResult> {
        let command = RuleProgram { run, timeout: Duration::from_secs(timeout), folder: self.root };
        let (mut shown, mut finding) = (0, Vec::new());
        let (mut unread_count, mut unread) = (0, Vec::new());
        let ended = command.run(
            &mut |out| {
                (shown, unread_count) = (0, 0);
                unread.clear();
                for entry in Entries::new(files.nodes, files.manifest)? {
                    let entry = entry?;
                    if !entry.kind.is_file() || !self.rule_set.rules_for(entry.path.as_str()).commands.contains(&rule) {
                        continue;
                    }
                    let file = self.file_side(files, &entry, Side::New)?;
                    let (mut fault, mut number) = (None, 0);
                    visit(&self.reader_config, None, Some(&file), true, &mut |record| {
                        if matches!(record.text, RecordText::SkippedRow(_)) {
                            return;
                        }
                        number += 1;
                        if let Some(cause) = unreadable(&record.text) {
                            unread_count += 1;
                            if unread.len() < self.max_findings {
                                let position = RecordPosition { at: record.at, line: record.line.max(1), number };
                                unread.push(LocatedFinding {
                                    path: record.path.to_owned(),
                                    position,
                                    rule: rule as u32,
                                    message: cause.to_owned(),
                                });
                            }
                            return;
                        }
                        shown += 1;
                        if fault.is_none() {
                            fault = write(out, record.path, (record.line.max(1), number), &record.text).err();
                        }
                    })?;
                    fault.map_or(Ok(()), Err)?;
                }
                Ok(())
            },
            &|| self.progress.cancelled(),
            &mut |own| {
                let message = located::shortened(&own.message);
                let position = RecordPosition { at: own.number, line: own.line, number: own.number };
                finding.push(LocatedFinding { path: own.path, position, rule: rule as u32, message });
            },
        )?;
        Ok(ProgramResult { shown, findings: finding, unread_count, unread, status: ended })
    }
}

/// Returns why a record cannot be shown.
fn unreadable<'a>(text: &RecordText<'a>) -> Option<&'a str> {
    match text {
        RecordText::Excess(words) => Some(words),
        RecordText::File { issue, .. } => issue.map(FileIssue::cause),
        _ => None,
    }
}

fn write(out: &mut dyn Write, path: &str, (line, number): (u64, u64), text: &RecordText<'_>) -> Result<()> {
    let written = serde_json::to_writer(&mut *out, &ProgramInput { path, line, number, record: text.render() });
    let written = written.map_err(std::io::Error::from).and_then(|()| out.write_all(b"\n"));
    written.map_err(|e| Error::new(crate::error::ErrorKind::Io, format!("cannot write to the program: {e}")).with_source(e))
}
