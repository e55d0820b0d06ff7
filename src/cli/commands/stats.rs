//! `hlx stats`: what the store holds, and what it saves.

use std::io::Write;

use helox::Result;
use helox::ops::stats;

use crate::cli::format::{columns, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::session::Session;

pub(super) fn run(session: &mut Session) -> Result<Outcome> {
    let report = stats::run(&session.repo()?)?;
    session.out.answer(&report, |out| {
        let saved = match report.stored_bytes {
            stored if stored >= report.logical_bytes => String::new(),
            stored => format!("{:.1} times smaller than all versions", report.logical_bytes as f64 / stored as f64),
        };
        let row = |name: &str, value: String, note: &str| [name.to_owned(), value, note.to_owned()];
        let rows = [
            row("versions", thousands(report.versions), ""),
            row("files", thousands(report.files), ""),
            row("logical", size(report.logical_bytes), "all files of all versions"),
            row("unique", size(report.unique_bytes), "without duplicate chunks"),
            row("stored", size(report.stored_bytes), &saved),
            row("derived", size(report.derived_bytes), "indexes, rebuilt by 'hlx reindex'"),
            row("temporary", size(report.temporary_bytes), "left by interrupted commands: hlx gc"),
            row("chunks", thousands(report.chunks), "pieces of files"),
            row("packs", thousands(report.packs), "the files of the store"),
        ];
        let rows = rows.into_iter().filter(|[name, ..]| name != "temporary" || report.temporary_bytes > 0);
        columns(&rows.collect::<Vec<_>>()).iter().try_for_each(|line| writeln!(out, "{line}"))
    })?;
    Ok(session.warn_of_damage(&report.damaged))
}
