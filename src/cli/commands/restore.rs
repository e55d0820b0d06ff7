//! `hlx restore`: brings single files back.

use std::io::{self, Write};

use helox::ops::restore;
use helox::{Repo, Result, printable};

use crate::cli::args;
use crate::cli::format::{discarded, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

/// Up to so many paths are printed without `-v`.
const FEW: usize = 10;

pub(super) fn run(args: args::RestoreArgs, session: &mut Session) -> Result<Outcome> {
    let options = restore::RestoreOptions { paths: args.paths, source: args.source, force: args.force };
    let repo = session.repo()?;
    let reports = restore::run(&repo, &options, &session.progress())?;
    session.out.reports(&reports, |report, out| print(&repo, report, out))?;
    Ok(Outcome::Yes)
}

fn print(repo: &Repo, report: &restore::RestoreReport, out: &mut Output) -> io::Result<()> {
    let (colors, paths) = (out.colors(), PathPrinter::new(repo, report.dataset_name.as_str()));
    if out.is_verbose() || report.restored.len() + report.removed.len() <= FEW {
        for path in &report.restored {
            writeln!(out, "{} {}", colors.success("restored"), paths.show(path))?;
        }
        for path in &report.removed {
            writeln!(out, "{}  {}", colors.failure("removed"), paths.show(path))?;
        }
    }
    let counts =
        format!("{} restored, {} removed", thousands(report.restored.len() as u64), thousands(report.removed.len() as u64));
    let name = format!("{} {}", colors.bold(printable(&report.dataset_name)), colors.changed(&report.version));
    writeln!(out, "{counts} from {name}")?;
    if report.discarded > 0 {
        writeln!(out, "{}", colors.failure(discarded(report.discarded)))?;
    }
    Ok(())
}
