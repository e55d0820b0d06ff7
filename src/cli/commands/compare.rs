//! `hlx compare`: sums up what changed between two versions.

use std::io::{self, Write};

use helox::ChangeKind;
use helox::ops::compare;
use helox::sample::Type;
use helox::{Result, printable};

use super::drift;
use crate::cli::args;
use crate::cli::format::{also, columns, difference, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: &args::CompareArgs, session: &mut Session) -> Result<Outcome> {
    let (from, to) = match (&args.to, args.from.split_once("..")) {
        (Some(to), _) => (args.from.clone(), to.clone()),
        (None, Some((from, to))) => (from.to_owned(), to.to_owned()),
        (None, None) => (format!("{}^", args.from), args.from.clone()),
    };
    let report = compare::run(&session.repo()?, &from, &to, &session.progress())?;
    session.out.answer(&report, |out| print(&report, out))?;
    report.warnings.iter().for_each(|warning| session.out.warning(warning));
    Ok(session.warn_of_damage(&report.damaged))
}

fn print(report: &compare::CompareReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let (from, to) = (printable(&report.version1), printable(&report.version2));
    writeln!(
        out,
        "{} -> {}  {}  {}",
        colors.changed(from),
        colors.changed(to),
        report.change_type.as_str(),
        printable(&report.change_summary)
    )?;
    let changed = |added: u64, modified: u64, removed: u64| {
        format!("+{} ~{} -{}", thousands(added), thousands(modified), thousands(removed))
    };
    let samples = match (report.samples_added, report.samples_modified, report.samples_removed) {
        (Some(added), Some(modified), Some(removed)) => changed(added, modified, removed),
        _ => String::new(),
    };
    let files = &report.files;
    let mut rows = vec![
        [
            "files".to_owned(),
            difference(report.file_difference, thousands),
            format!("{}{}", changed(files.files_added, files.files_modified, files.files_removed), also(files)),
        ],
        ["bytes".to_owned(), difference(report.size_difference_bytes, size), String::new()],
    ];
    if let Some(difference_of_samples) = report.sample_difference {
        rows.push(["samples".to_owned(), difference(difference_of_samples, thousands), samples]);
    }
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    for change in &report.schema_changes {
        let types = |types: &[Type]| types.iter().map(|t| t.as_str()).collect::<Vec<_>>().join("|");
        let path = if change.path.is_empty() { "the record" } else { &change.path };
        let what = match change.kind {
            ChangeKind::Added => colors.success(format!("added: {}", types(&change.new))),
            ChangeKind::Removed => colors.failure(format!("removed: {}", types(&change.old))),
            ChangeKind::TypeChanged => colors.changed(format!("{} -> {}", types(&change.old), types(&change.new))),
        };
        let breaking = if change.breaking { ", breaking" } else { "" };
        writeln!(out, "schema  {}  {what}{breaking}", printable(path))?;
    }
    drift::print(&report.drift, out)
}
