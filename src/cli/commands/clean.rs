//! `hlx clean`: removes the files of the workspace that its version does not have.

use std::io::{self, Write};

use helox::ops::clean;
use helox::{Error, Repo, Result, printable};

use crate::cli::args;
use crate::cli::format::count;
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

pub(super) fn run(args: args::CleanArgs, session: &mut Session) -> Result<Outcome> {
    if !args.dry_run && !args.force {
        return Err(Error::usage("clean removes files that are not in any version")
            .with_hint("'hlx clean --dry-run' lists them; 'hlx clean --force' removes them"));
    }
    let repo = session.repo()?;
    let mut reports = Vec::new();
    for (dataset, paths) in repo.scope_of_paths(args.name.as_deref(), &args.paths)? {
        let options = clean::CleanOptions { dataset: Some(dataset.name.clone()), paths, dry_run: args.dry_run };
        reports.push(clean::run(&repo, &options, &session.progress())?);
    }
    session.out.answers(&reports, true, |report, out| print(&repo, report, out))?;
    Ok(Outcome::Yes)
}

fn print(repo: &Repo, report: &clean::CleanReport, out: &mut Output) -> io::Result<()> {
    let (colors, paths) = (out.colors(), PathPrinter::new(repo, report.dataset_name.as_str()));
    let verb = if report.dry_run { "Would remove" } else { "Removed" };
    for path in &report.removed {
        let slash = if report.folders.contains(path) { "/" } else { "" };
        writeln!(out, "{} {}{slash}", colors.failure(verb), paths.show(path))?;
    }
    let total = count(report.removed.len() as u64, "untracked path");
    writeln!(out, "{}: {total}{}", printable(&report.dataset_name), if report.dry_run { "" } else { " removed" })
}
