//! `hlx checkout`: makes the workspace, or another folder, exactly one version.

use std::io::{self, Write};

use helox::ops::checkout;
use helox::{Error, Result, printable};

use crate::cli::args;
use crate::cli::format::{discarded, partial, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

pub(super) fn run(args: args::CheckoutArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let mut options = checkout::CheckoutOptions {
        revision: String::new(),
        into: args.into,
        include: args.include,
        exclude: args.exclude,
        paths: args.paths,
        force: args.force,
    };
    let revisions = repo.revisions(&args.rev)?;
    if revisions.len() > 1 && (options.into.is_some() || !options.paths.is_empty()) {
        return Err(Error::usage(format!("'{}' is a version of several datasets", printable(&args.rev)))
            .with_hint(format!("specify one: {}", revisions.join(" or "))));
    }
    let is_workspace = options.into.is_none();
    let mut reports = Vec::new();
    for revision in revisions {
        options.revision = revision;
        reports.push(checkout::run(&repo, &options, &session.progress())?);
    }
    let folder = |report: &checkout::CheckoutReport| match is_workspace {
        true => PathPrinter::new(&repo, report.dataset_name.as_str()).show(""),
        false => printable(&report.path).into_owned(),
    };
    session.out.reports(&reports, |report, out| print(report, &folder(report), out))?;
    Ok(Outcome::Yes)
}

fn print(report: &checkout::CheckoutReport, folder: &str, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let name = format!("{} {}", colors.bold(printable(&report.dataset_name)), colors.changed(&report.version));
    let counts = format!("{} written, {} deleted", thousands(report.written), thousands(report.removed));
    let bytes = if report.bytes_written > 0 { format!(", {}", size(report.bytes_written)) } else { String::new() };
    let partial = report.partial.map_or_else(String::new, |part| format!(", {}", partial(part)));
    writeln!(out, "Checked out {name} to {folder} ({counts}{bytes}){partial}")?;
    if report.discarded > 0 {
        writeln!(out, "{}", colors.failure(discarded(report.discarded)))?;
    }
    if out.is_verbose() {
        writeln!(out, "{}", colors.dim(report.id))?;
    }
    Ok(())
}
