//! `hlx verify`: recomputes checksums; the answer is no if anything is damaged.

use std::io::{self, Write};

use helox::ops::verify;
use helox::{Result, printable};

use super::Answer;
use crate::cli::args;
use crate::cli::format::{columns, count, moment, size};
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::Verify, session: &mut Session) -> Result<Answer> {
    let all = args.all;
    let options = verify::Options { targets: args.targets, all };
    let report = verify::run(&session.repo()?, &options, &session.progress())?;
    if report.is_valid {
        session.out.report(&report, |out| words(&report, out))?;
    } else {
        // Damage is what the user asked about: -q does not hide it.
        session.out.answer(&report, |out| words(&report, out))?;
    }
    if !all && report.versions_left > 0 {
        let left = count(report.versions_left, "other version");
        session.out.hint(&format!("'hlx verify --all' verifies {left}, the facts and the packs, too"));
    } else if !all {
        session.out.hint("'hlx verify --all' verifies the facts and the packs, too");
    }
    Ok(Answer::yes_if(report.is_valid))
}

fn words(report: &verify::Report, out: &mut Output) -> io::Result<()> {
    let tint = out.tint();
    for problem in &report.problems {
        let place = problem.path.as_deref().or(problem.object.as_deref()).unwrap_or_default();
        writeln!(out, "{}  {}: {}", tint.bad(problem.kind), printable(place), printable(&problem.message))?;
        if !problem.versions.is_empty() {
            writeln!(out, "    touches {}", printable(&problem.versions.join(", ")))?;
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
    let extent = format!("{}, {}, {}", count(report.versions, "version"), count(report.files, "file"), size(report.bytes));
    match report.is_valid {
        true => writeln!(out, "{}  {extent}", tint.good("intact")),
        false => writeln!(out, "{} in {extent}", tint.bad(count(report.problems.len() as u64, "problem"))),
    }
}
