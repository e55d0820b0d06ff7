//! `hlx note`: words on versions.

use std::io::{self, Write};

use helox::ops::{NoteView, log, note};
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::format::{moment, short, version_name};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::NoteCommand, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    match args {
        args::NoteCommand::Add { rev, text, author } => {
            let view = note::add(&repo, &note::NoteOptions { revision: rev, text, author })?;
            session.out.report(&view, |out| print(&view, out))?;
        }
        args::NoteCommand::List { target } => {
            let (dataset, revision) = target.map_or(Ok((None, None)), |target| log::target(&repo, &target))?;
            let report = note::list(&repo, &note::ListOptions { dataset, revision, ..note::ListOptions::default() })?;
            session.out.answer(&report, |out| report.notes.iter().try_for_each(|view| print(view, out)))?;
            if report.notes.is_empty() {
                session.out.hint("no notes; add one: hlx note add REV TEXT");
            }
        }
    }
    Ok(Outcome::Yes)
}

/// The version, who wrote it and when, and the words below.
fn print(view: &NoteView, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let name = version_name(view.dataset_name.as_deref(), view.version.as_ref(), view.version_id);
    let (id, time, author) = (colors.dim(short(view.id)), moment(&view.recorded_at), printable(&view.recorded_by));
    writeln!(out, "{}  {id}  {time}  {author}", colors.changed(name))?;
    view.text.lines().try_for_each(|line| writeln!(out, "    {}", printable(line)))
}
