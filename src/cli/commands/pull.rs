//! `hlx pull`: receives versions from a remote and checks them out.

use std::io::{self, Write};

use helox::ops::pull;
use helox::{Repo, Result, printable};

use crate::cli::args;
use crate::cli::commands::transfer;
use crate::cli::format::thousands;
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

pub(super) fn run(args: args::PullArgs, session: &mut Session) -> Result<Outcome> {
    let repo = pull::open(&session.folder()?)?;
    let (remote, versions) = transfer::names(&repo, args.names);
    let (is_workspace, dry_run) = (args.into.is_none(), args.dry_run);
    let args::PullArgs { into, include, exclude, force, .. } = args;
    let options = pull::PullOptions { remote, versions, into, include, exclude, force, dry_run };
    let report = pull::run(&repo, &options, &session.progress())?;
    session.out.report(&report, |out| print(&repo, &report, is_workspace, out))?;
    Ok(Outcome::Yes)
}

fn print(repo: &Repo, report: &pull::PullReport, is_workspace: bool, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for pulled in &report.versions {
        let name = format!("{} {}", colors.bold(printable(&pulled.dataset_name)), colors.changed(&pulled.version));
        let folder = match is_workspace {
            true => PathPrinter::new(repo, pulled.dataset_name.as_str()).show(""),
            false => printable(&pulled.path).into_owned(),
        };
        let counts = format!("{} written, {} deleted", thousands(pulled.written), thousands(pulled.removed));
        match (report.dry_run, pulled.received) {
            (true, true) => writeln!(out, "Would receive {name}")?,
            (true, false) => writeln!(out, "{name} is here")?,
            (false, _) => writeln!(out, "Checked out {name} to {folder} ({counts})")?,
        }
    }
    writeln!(out, "from {}: {}", printable(&report.url), transfer::traffic(report.bytes, report.requests))
}
