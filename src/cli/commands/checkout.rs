//! `hlx checkout`: makes the workspace, or another folder, exactly one version.

use std::io::{self, Write};

use helox::ops::checkout;
use helox::{Result, printable};

use super::Answer;
use crate::cli::args;
use crate::cli::format::{count, size, thousands};
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::Checkout, session: &mut Session) -> Result<Answer> {
    let options = checkout::Options {
        revision: args.rev,
        into: args.into,
        include: args.include,
        exclude: args.exclude,
        paths: args.paths,
        force: args.force,
    };
    let report = checkout::run(&session.repo()?, &options, &session.progress())?;
    session.out.report(&report, |out| words(&report, out))?;
    Ok(Answer::Yes)
}

fn words(report: &checkout::Report, out: &mut Output) -> io::Result<()> {
    let tint = out.tint();
    let name = format!("{} {}", tint.strong(printable(&report.dataset_name)), tint.mark(&report.version));
    writeln!(out, "{name} in {}", printable(&report.path))?;
    let written = format!("{} written ({})", thousands(report.written), size(report.bytes_written));
    writeln!(out, "{written}, {} removed, {} unchanged", thousands(report.removed), thousands(report.unchanged))?;
    if report.discarded > 0 {
        writeln!(out, "{}", tint.bad(format!("{} of uncommitted work replaced or removed", count(report.discarded, "file"))))?;
    }
    if out.is_verbose() {
        writeln!(out, "{}", tint.dim(report.id))?;
    }
    Ok(())
}
