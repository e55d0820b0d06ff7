//! `hlx push`: sends versions to a remote.

use std::io::{self, Write};

use helox::ops::push;
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::commands::transfer;
use crate::cli::format::{count, size};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::PushArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let (remote, versions) = transfer::names(&repo, args.names);
    let options = push::PushOptions { remote, versions, dry_run: args.dry_run, single_writer: args.single_writer };
    let report = push::run(&repo, &options, &session.progress())?;
    session.out.report(&report, |out| print(&report, out))?;
    Ok(Outcome::Yes)
}

fn print(report: &push::PushReport, out: &mut Output) -> io::Result<()> {
    let url = printable(&report.url).into_owned();
    if report.versions.is_empty() && !report.facts {
        return writeln!(out, "{url} is up to date");
    }
    let verb = if report.dry_run { "Would send" } else { "Sent" };
    transfer::print_versions(verb, &report.versions, out)?;
    if report.facts {
        writeln!(out, "{verb} tags, runs and notes")?;
    }
    let packs = count(report.packs, "pack");
    match report.dry_run {
        true => writeln!(out, "{packs} to {url}: {}", size(report.pack_bytes)),
        false => writeln!(out, "{packs} to {url}: {}", transfer::traffic(report.bytes, report.requests)),
    }
}
