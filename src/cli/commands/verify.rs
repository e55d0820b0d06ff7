//! `hlx verify`: recomputes checksums; the answer is no if anything is damaged.

use std::io::{self, Write};
use std::path::Path;

use helox::ops::verify;
use helox::{ErrorKind, Result, printable};

use crate::cli::args;
use crate::cli::format::{columns, count, moment, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::VerifyArgs, session: &mut Session) -> Result<Outcome> {
    let all = args.all;
    let options = verify::VerifyOptions { targets: args.targets, all };
    let report = match (session.repo(), &options.targets[..]) {
        // A folder with a stamp needs no repository.
        (Err(e), [folder]) if e.kind() == ErrorKind::RepositoryNotFound && Path::new(folder).is_dir() => {
            let report = verify::verify_stamped(Path::new(folder), &session.progress())?;
            session.out.answer(&report, |out| print_stamped(&report, folder, out))?;
            return Ok(Outcome::success_if(report.is_valid));
        }
        (repo, _) => verify::run(&repo?, &options, &session.progress())?,
    };
    if report.is_valid {
        session.out.report(&report, |out| print(&report, out))?;
    } else {
        // Damage is what the user asked about: -q does not hide it.
        session.out.answer(&report, |out| print(&report, out))?;
    }
    if !all {
        let left = match (report.versions_left, report.versions) {
            (0, _) => "the other files of the store".to_owned(),
            (left, 0) => format!("{} in the store", count(left, "version")),
            (left, _) => count(left, "other version"),
        };
        session.out.hint(&format!("to also verify {left}, tags and runs: hlx verify --all"));
    }
    Ok(Outcome::success_if(report.is_valid))
}

fn print_stamped(report: &verify::VerifyReport, folder: &str, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for problem in &report.problems {
        writeln!(out, "{}  {}", colors.failure(problem.kind), printable(&problem.text()))?;
    }
    let extent = format!("{}, {}", count(report.files, "file"), size(report.bytes));
    match report.is_valid {
        true => writeln!(out, "{}  {}: {extent}", colors.success("intact"), printable(folder)),
        false => Ok(()),
    }
}

fn print(report: &verify::VerifyReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for folder in &report.folders {
        print_folder(folder, out)?;
    }
    let compared = |name: &str| report.folders.iter().any(|f| f.nearest.as_ref().is_some_and(|near| near.name() == name));
    for problem in &report.problems {
        writeln!(out, "{}  {}", colors.failure(problem.kind), printable(&problem.text()))?;
        if problem.versions.iter().any(|name| !(problem.kind == "file" && compared(name))) {
            writeln!(out, "    affects {}", printable(&problem.versions.join(", ")))?;
        }
    }
    if out.is_verbose() {
        let checksum = |sum: Option<String>| sum.unwrap_or_else(|| "none".to_owned());
        let details = [
            ["expected checksum".to_owned(), checksum(report.expected_checksum.map(|sum| sum.to_string()))],
            ["actual checksum".to_owned(), checksum(report.actual_checksum.map(|sum| sum.to_string()))],
            ["verified".to_owned(), moment(&report.validation_timestamp)],
        ];
        columns(&details).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    let versions = if report.versions == 0 { String::new() } else { format!("{}, ", count(report.versions, "version")) };
    let extent = format!("{versions}{}, {}", count(report.files, "file"), size(report.bytes));
    match report.is_valid {
        true if report.versions == 0 => Ok(()),
        true => writeln!(out, "{}  {extent}", colors.success("intact")),
        false => writeln!(out, "{} in {extent}", colors.failure(count(report.problems.len() as u64, "problem"))),
    }
}

/// A line of a folder: the version that it is, or is most like.
fn print_folder(folder: &verify::FolderReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let path = printable(&folder.path);
    let at = |path: &str| if path == "." { String::new() } else { format!(":{}", printable(path)) };
    match (&folder.holder, &folder.nearest) {
        (Some(holder), _) => {
            let partial = holder.selection.as_ref().map(|selection| format!(", partial: {}", printable(selection)));
            let files = count(folder.files, "file");
            let name = format!("{}{}", colors.changed(holder.name()), at(&holder.path));
            writeln!(out, "{path} matches {name}  {files}{}", partial.unwrap_or_default())
        }
        (None, Some(nearest)) => {
            let lists = [("added", &nearest.added), ("modified", &nearest.modified), ("removed", &nearest.removed)];
            let counts: Vec<_> = lists.iter().map(|(what, paths)| format!("{} {what}", thousands(paths.len() as u64))).collect();
            let name = format!("{}{}", colors.changed(nearest.name()), at(&nearest.path));
            writeln!(out, "{path} differs from {name}: {}", counts.join(", "))
        }
        (None, None) => writeln!(out, "{path} does not match any version"),
    }
}
