//! `hlx status`: what differs between the workspace and the version it was made from.

use std::collections::HashSet;
use std::io::{self, Write};

use helox::ops::status;
use helox::{Result, printable};

use super::Answer;
use crate::cli::args;
use crate::cli::format::{FileCounts, count, empty_folder};
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::Status, session: &mut Session) -> Result<Answer> {
    let report = status::run(&session.repo()?, &status::Options { dataset: args.name }, &session.progress())?;
    session.out.answer(&report, |out| words(&report, out))?;
    Ok(Answer::yes_if(report.clean || !args.exit_code))
}

fn words(report: &status::Report, out: &mut Output) -> io::Result<()> {
    let tint = out.tint();
    let name = tint.strong(printable(&report.dataset_name));
    match &report.version {
        Some(version) => writeln!(out, "{name}: based on {}", tint.mark(version))?,
        None => writeln!(out, "{name}: no version yet")?,
    }
    if let Some(selection) = &report.selection {
        writeln!(out, "selection: {}", printable(selection))?;
    }
    for path in &report.added {
        writeln!(out, "{} {}", tint.good("A"), printable(path))?;
    }
    let in_mode: HashSet<&String> = report.mode_changed.iter().collect();
    for path in &report.modified {
        let mode = if in_mode.contains(path) { " (mode)" } else { "" };
        writeln!(out, "{} {}{mode}", tint.mark("M"), printable(path))?;
    }
    for path in &report.removed {
        writeln!(out, "{} {}", tint.bad("D"), printable(path))?;
    }
    for renamed in &report.renamed {
        let mode = if in_mode.contains(&renamed.to) { " (mode)" } else { "" };
        writeln!(out, "{} {} -> {}{mode}", tint.label("R"), printable(&renamed.from), printable(&renamed.to))?;
    }
    for path in &report.reread {
        writeln!(out, "{} {} (format)", tint.mark("M"), printable(path))?;
    }
    for path in &report.folders_added {
        writeln!(out, "{} {}", tint.good("A"), empty_folder(path))?;
    }
    for path in &report.folders_removed {
        writeln!(out, "{} {}", tint.bad("D"), empty_folder(path))?;
    }
    for path in &report.outside {
        writeln!(out, "{} {}", tint.dim("-"), printable(path))?;
    }
    let counts = FileCounts {
        added: report.added.len(),
        modified: report.modified.len(),
        mode_changed: report.mode_changed.len(),
        removed: report.removed.len(),
        renamed: report.renamed.len(),
        reread: report.reread.len(),
        folders_added: report.folders_added.len(),
        folders_removed: report.folders_removed.len(),
    };
    let counts = counts.words();
    if report.clean {
        writeln!(out, "clean")?;
    } else if !counts.is_empty() {
        writeln!(out, "{counts}")?;
    }
    if !report.outside.is_empty() {
        writeln!(out, "{} outside the selection (-), which a commit refuses", count(report.outside.len() as u64, "file"))?;
    }
    Ok(())
}
