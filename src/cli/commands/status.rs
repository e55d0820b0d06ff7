//! `hlx status`: what differs between the workspace and the version it was made from.

use std::collections::HashSet;
use std::io::{self, Write};

use helox::ops::status;
use helox::{Repo, Result, printable};

use crate::cli::args;
use crate::cli::format::{FileCounts, count, empty_folder, partial};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

pub(super) fn run(args: args::StatusArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let mut reports = Vec::new();
    let scope = repo.scope_of_paths(args.name.as_deref(), &args.paths)?;
    for (dataset, paths) in session.with_folders(&repo, scope, |(dataset, _)| &dataset.name) {
        let options = status::StatusOptions { dataset: Some(dataset.name.clone()), paths };
        reports.push(status::run(&repo, &options, &session.progress())?);
    }
    session.out.answers(&reports, !args.short, |report, out| match args.short {
        true => short(&repo, report, out),
        false => print(&repo, report, out),
    })?;
    Ok(Outcome::success_if(reports.iter().all(|report| report.clean) || !args.exit_code))
}

/// Prints two letters and the path of each file: the first is a blank, since there is no staging area.
fn short(repo: &Repo, report: &status::StatusReport, out: &mut Output) -> io::Result<()> {
    let (colors, paths) = (out.colors(), PathPrinter::new(repo, report.dataset_name.as_str()));
    let folder = |path: &String| format!("{}/", paths.show(path));
    let mut lines: Vec<(&String, String, String)> = Vec::new();
    lines.extend(report.added.iter().map(|path| (path, colors.success(" A"), paths.show(path))));
    lines.extend(report.modified.iter().chain(&report.reread).map(|path| (path, colors.changed(" M"), paths.show(path))));
    lines.extend(report.removed.iter().map(|path| (path, colors.failure(" D"), paths.show(path))));
    lines.extend(report.renamed.iter().map(|renamed| {
        (&renamed.to, colors.label(" R"), format!("{} -> {}", paths.show(&renamed.from), paths.show(&renamed.to)))
    }));
    lines.extend(report.folders_added.iter().map(|path| (path, colors.success(" A"), folder(path))));
    lines.extend(report.folders_removed.iter().map(|path| (path, colors.failure(" D"), folder(path))));
    lines.extend(report.outside.iter().map(|path| (path, colors.dim("??"), paths.show(path))));
    lines.sort_by_key(|(path, ..)| *path);
    lines.iter().try_for_each(|(_, letters, path)| writeln!(out, "{letters} {path}"))
}

fn print(repo: &Repo, report: &status::StatusReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let paths = PathPrinter::new(repo, report.dataset_name.as_str());
    let shown = |path: &str| paths.show(path);
    let name = colors.bold(printable(&report.dataset_name));
    let partial = report.partial.map_or_else(String::new, |part| format!(", {}", partial(part)));
    match (&report.version, &report.latest) {
        (Some(version), Some(latest)) if latest > version => {
            writeln!(out, "{name} {}, behind {}{partial}", colors.changed(version), colors.changed(latest))?;
        }
        (Some(version), _) => writeln!(out, "{name} {}{partial}", colors.changed(version))?,
        (None, Some(latest)) => writeln!(out, "{name}: not checked out; the latest is {}", colors.changed(latest))?,
        (None, None) => writeln!(out, "{name}: no version yet")?,
    }
    if let Some(pending) = &report.pending {
        let name = printable(&report.dataset_name);
        writeln!(out, "checkout of {pending} was interrupted; finish it: hlx checkout {name}@{pending}")?;
    }
    if let Some(selection) = &report.selection {
        writeln!(out, "checked out with {}", printable(selection))?;
    }
    for path in &report.added {
        writeln!(out, "{} {}", colors.success("A"), shown(path))?;
    }
    let in_mode: HashSet<&String> = report.mode_changed.iter().collect();
    for path in &report.modified {
        let mode = if in_mode.contains(path) { " (mode)" } else { "" };
        writeln!(out, "{} {}{mode}", colors.changed("M"), shown(path))?;
    }
    for path in &report.removed {
        writeln!(out, "{} {}", colors.failure("D"), shown(path))?;
    }
    for renamed in &report.renamed {
        let mode = if in_mode.contains(&renamed.to) { " (mode)" } else { "" };
        writeln!(out, "{} {} -> {}{mode}", colors.label("R"), shown(&renamed.from), shown(&renamed.to))?;
    }
    for path in &report.reread {
        writeln!(out, "{} {} (format)", colors.changed("M"), shown(path))?;
    }
    for path in &report.folders_added {
        writeln!(out, "{} {}", colors.success("A"), empty_folder(&shown(path)))?;
    }
    for path in &report.folders_removed {
        writeln!(out, "{} {}", colors.failure("D"), empty_folder(&shown(path)))?;
    }
    for path in &report.outside {
        writeln!(out, "{} {}", colors.dim("not checked out:"), shown(path))?;
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
    let counts = counts.count_words();
    if report.clean {
        writeln!(out, "clean")?;
    } else if !counts.is_empty() {
        writeln!(out, "{counts}")?;
    }
    if !report.outside.is_empty() {
        let paths = count(report.outside.len() as u64, "path");
        writeln!(out, "{paths} that --include or --exclude leave out; commit rejects them")?;
    }
    Ok(())
}
