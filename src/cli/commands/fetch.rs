//! `hlx fetch`: receives versions from a remote.

use std::io::{self, Write};

use helox::ops::fetch;
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::commands::transfer;
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::FetchArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let (remote, versions) = transfer::names(&repo, args.names);
    let options = fetch::FetchOptions { remote, versions, dry_run: args.dry_run };
    let report = fetch::run(&repo, &options, &session.progress())?;
    session.out.report(&report, |out| print(&report, out))?;
    Ok(Outcome::Yes)
}

fn print(report: &fetch::FetchReport, out: &mut Output) -> io::Result<()> {
    let url = printable(&report.url).into_owned();
    if report.versions.is_empty() && !report.facts {
        return writeln!(out, "nothing new on {url}");
    }
    let verb = if report.dry_run { "Would receive" } else { "Received" };
    transfer::print_versions(verb, &report.versions, out)?;
    if report.facts {
        writeln!(out, "{verb} tags, runs and notes")?;
    }
    writeln!(out, "from {url}: {}", transfer::traffic(report.bytes, report.requests))
}
