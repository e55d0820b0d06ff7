//! `hlx reindex`: rebuilds everything that is derived from the packs.

use std::io::Write;

use helox::ops::reindex;
use helox::{Result, printable};

use crate::cli::format::count;
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(session: &mut Session) -> Result<Outcome> {
    let report = reindex::run(&session.repo()?, &session.progress())?;
    let words = |out: &mut Output| {
        for damaged in &report.damaged {
            writeln!(out, "{}  {}", out.colors().failure("damaged"), printable(damaged))?;
        }
        for unreadable in &report.unreadable {
            writeln!(out, "{}  {}", out.colors().failure("unreadable"), printable(unreadable))?;
        }
        for incomplete in &report.incomplete {
            writeln!(out, "{}  {}", out.colors().failure("incomplete"), printable(incomplete))?;
        }
        for lost in &report.lost {
            writeln!(out, "{}  {}", out.colors().failure("lost"), printable(lost))?;
        }
        let read = format!("{}, {}", count(report.packs, "pack"), count(report.objects, "object"));
        writeln!(out, "indexed {read}, {}", count(report.versions, "version"))
    };
    if report.is_whole() {
        session.out.report(&report, words)?;
        return Ok(Outcome::Yes);
    }
    // Damage is not hidden by -q.
    session.out.answer(&report, words)?;
    if report.versions == 0 && !report.unreadable.is_empty() {
        session.out.warning("no version is readable");
    }
    session
        .out
        .hint("list the affected files: hlx verify --all\nrestore the files in .helox/packs and .helox/refs from another copy");
    Ok(Outcome::Damaged)
}
