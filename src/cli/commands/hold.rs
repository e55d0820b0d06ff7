//! `hlx hold`: versions that nothing may remove.

use std::io::{self, Write};

use helox::ops::{HoldView, hold};
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::format::{moment, short, version_name};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::HoldCommand, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    match args {
        args::HoldCommand::Add(args) => {
            let report = hold::add(&repo, &options(args))?;
            session.out.report(&report, |out| report.holds.iter().try_for_each(|view| print(view, out)))?;
        }
        args::HoldCommand::Rm(args) => {
            let report = hold::remove(&repo, &options(args))?;
            session.out.report(&report, |out| {
                report.holds.iter().try_for_each(|view| {
                    write!(out, "ended  ")?;
                    print(view, out)
                })
            })?;
        }
        args::HoldCommand::List { rev } => {
            let report = hold::list(&repo, rev.as_deref())?;
            session.out.answer(&report, |out| report.holds.iter().try_for_each(|view| print(view, out)))?;
            if report.holds.is_empty() {
                session.out.hint("no holds; add one: hlx hold add REV --why TEXT");
            }
        }
    }
    Ok(Outcome::Yes)
}

fn options(args: args::HoldArgs) -> hold::HoldOptions {
    hold::HoldOptions { revision: args.rev, reason: args.why, author: args.author }
}

/// The version, the hold, who recorded it and when, and why.
fn print(view: &HoldView, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let name = version_name(view.dataset_name.as_deref(), view.version.as_ref(), view.version_id);
    let (id, time, author) = (colors.dim(short(view.id)), moment(&view.recorded_at), printable(&view.recorded_by));
    writeln!(out, "{}  {id}  {time}  {author}", colors.changed(name))?;
    view.reason.lines().try_for_each(|line| writeln!(out, "    {}", printable(line)))
}
