//! `hlx reindex`: rebuilds everything that is derived from the packs.

use std::io::Write;

use helox::ops::reindex;
use helox::{Result, printable};

use super::Answer;
use crate::cli::format::count;
use crate::cli::session::Session;

pub(super) fn run(session: &mut Session) -> Result<Answer> {
    let report = reindex::run(&session.repo()?, &session.progress())?;
    session.out.report(&report, |out| {
        for damaged in &report.damaged {
            writeln!(out, "{}  {}", out.tint().bad("damaged"), printable(damaged))?;
        }
        let read = format!("{}, {}", count(report.packs, "pack"), count(report.objects, "object"));
        writeln!(out, "indexed {read}, {}", count(report.versions, "version"))
    })?;
    Ok(Answer::Yes)
}
