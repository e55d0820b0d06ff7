//! `hlx fsck`: checks everything in a repository, and repairs it; the answer is no if anything is damaged.

use std::io::{self, Write};

use helox::ops::fsck;
use helox::{Problem, Result, printable};

use crate::cli::args;
use crate::cli::format::{count, size};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::FsckArgs, session: &mut Session) -> Result<Outcome> {
    let is_copied = args.from.is_some();
    let options = fsck::FsckOptions { repair: args.repair, from: args.from };
    let report = fsck::run(&session.repo()?, &options, &session.progress())?;
    if report.is_valid {
        session.out.report(&report, |out| print(&report, out))?;
        return Ok(Outcome::Yes);
    }
    // Damage is what the user asked about: -q does not hide it.
    session.out.answer(&report, |out| print(&report, out))?;
    let is_final = report.problems.iter().all(|problem| problem.kind == "checksum");
    session.out.hint(match (options.repair, is_copied) {
        _ if is_final => "no repair can change a version: commit its files again as a new one",
        (false, _) => "repair it: hlx fsck --repair\nor with another copy of the repository: hlx fsck --repair --from DIR",
        (true, false) => "restore the rest from another copy of the repository: hlx fsck --repair --from DIR",
        (true, true) => "the other repository lacks the rest; try another copy: hlx fsck --repair --from DIR",
    });
    Ok(Outcome::success_if(false))
}

fn print(report: &fsck::FsckReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for repair in report.repairs.iter().flatten() {
        writeln!(out, "{}  {}", colors.success("repaired"), printable(repair))?;
    }
    report.problems.iter().try_for_each(|problem| print_problem(problem, &colors.failure(problem.kind).to_string(), out))?;
    report.remarks.iter().try_for_each(|remark| print_problem(remark, &colors.dim(remark.kind).to_string(), out))?;
    let versions = format!("{}, {}", count(report.versions, "version"), count(report.files, "file"));
    let extent = format!("{versions}, {}, {}", count(report.packs, "pack"), size(report.bytes));
    match report.is_valid {
        true => writeln!(out, "{}  {extent}", colors.success("intact")),
        false => writeln!(out, "{} in {extent}", colors.failure(count(report.problems.len() as u64, "problem"))),
    }
}

fn print_problem(problem: &Problem, kind: &str, out: &mut Output) -> io::Result<()> {
    writeln!(out, "{kind}  {}", printable(&problem.text()))?;
    match problem.versions.is_empty() {
        true => Ok(()),
        false => writeln!(out, "    affects {}", printable(&problem.versions.join(", "))),
    }
}
