//! `hlx tag`: labels on versions.

use std::io::{self, Write};

use helox::ops::tag;
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::format::columns;
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::TagCommand, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    match args {
        args::TagCommand::Add(args) => {
            let options = tag::TagOptions { revision: args.tags.rev, tags: args.tags.tags, moves: args.moves, author: None };
            let report = tag::add(&repo, &options)?;
            session.out.report(&report, |out| print(&report, out))?;
        }
        args::TagCommand::Rm(args) => {
            let options = tag::TagOptions { revision: args.rev, tags: args.tags, moves: false, author: None };
            let report = tag::remove(&repo, &options)?;
            session.out.report(&report, |out| {
                writeln!(out, "Removed {} from {} {}", report.changed.join(", "), report.dataset_name, report.version)
            })?;
        }
        args::TagCommand::List { name } => {
            let report = tag::list(&repo, name.as_deref())?;
            session.out.answer(&report, |out| {
                let rows: Vec<_> = report.tags.iter().map(row).collect();
                columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
            if report.tags.is_empty() {
                session.out.hint("no tags; add one: hlx tag add REV TAG");
            }
        }
    }
    Ok(Outcome::Yes)
}

fn print(report: &tag::TagReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for moved in &report.moved {
        writeln!(out, "Moved {} from {} to {}", printable(&moved.tag), moved.from, report.version)?;
    }
    for tag in &report.unchanged {
        writeln!(out, "{} was already set", printable(tag))?;
    }
    let name = format!("{} {}", colors.bold(printable(&report.dataset_name)), colors.changed(&report.version));
    writeln!(out, "{name} {}", colors.label(format!("({})", report.tags.join(", "))))
}

/// Tag, dataset and version.
fn row(listed: &tag::TagEntry) -> [String; 3] {
    let versions: Vec<_> = listed.versions.iter().map(ToString::to_string).collect();
    [printable(&listed.tag).into_owned(), printable(&listed.dataset_name).into_owned(), versions.join(", ")]
}
