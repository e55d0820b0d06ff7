//! `hlx which`: names the versions that hold a file, a folder or a checksum; the answer is no if none does.

use std::io::{self, Write};

use helox::ops::which::{self, WhichReport};
use helox::ops::{Holder, NearestVersion};
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::format::{columns, count, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

/// Paths of each kind that a comparison shows.
const SHOWN: usize = 10;

pub(super) fn run(args: &args::WhichArgs, session: &mut Session) -> Result<Outcome> {
    let report = which::run(&session.repo()?, &args.target, &session.progress())?;
    session.out.answer(&report, |out| print(&report, out))?;
    let is_sha256 = report.kind == "checksum" && report.target.len() == 64;
    if is_sha256 && report.versions.is_empty() {
        session.out.hint("files are identified by their BLAKE3 hash (b3sum), not by SHA-256");
    }
    match session.warn_of_damage(&report.damaged) {
        Outcome::Yes => Ok(Outcome::success_if(!report.versions.is_empty())),
        damaged => Ok(damaged),
    }
}

fn print(report: &WhichReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let row = |holder: &Holder| {
        let what = match (holder.matches, &holder.selection) {
            (_, Some(selection)) => format!("partial: {selection}"),
            ("content" | "folder", None) => String::new(),
            (matches, None) => matches.to_owned(),
        };
        [colors.changed(holder.name()), printable(&holder.path).into_owned(), printable(&what).into_owned()]
    };
    let rows: Vec<_> = report.versions.iter().map(row).collect();
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if !report.versions.is_empty() {
        return Ok(());
    }
    writeln!(out, "no version contains {}", printable(&report.target))?;
    report.nearest.as_ref().map_or(Ok(()), |nearest| difference(nearest, out))
}

/// The version that a folder is most like, and how the folder differs from it.
fn difference(nearest: &NearestVersion, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let place = if nearest.path == "." { String::new() } else { format!(":{}", printable(&nearest.path)) };
    let lists = [("added", &nearest.added), ("modified", &nearest.modified), ("removed", &nearest.removed)];
    let counts: Vec<_> = lists.iter().map(|(what, paths)| format!("{} {what}", thousands(paths.len() as u64))).collect();
    let shared = count(nearest.files_shared, "file");
    writeln!(out, "nearest: {}{place}  {shared} identical, {}", colors.changed(nearest.name()), counts.join(", "))?;
    for (what, paths) in lists {
        for path in paths.iter().take(SHOWN) {
            writeln!(out, "  {:10}{}", format!("{what}:"), printable(path))?;
        }
        if paths.len() > SHOWN {
            writeln!(out, "  and {} more", thousands((paths.len() - SHOWN) as u64))?;
        }
    }
    Ok(())
}
