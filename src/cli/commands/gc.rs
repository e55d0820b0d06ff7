//! `hlx gc`: what a collection of garbage removed, by reason.

use std::io::Write;

use helox::Result;
use helox::ops::gc;

use crate::cli::args;
use crate::cli::format::{columns, count, duration, size};
use crate::cli::outcome::Outcome;
use crate::cli::session::Session;

pub(super) fn run(args: &args::GcArgs, session: &mut Session) -> Result<Outcome> {
    let grace = args.grace.unwrap_or(gc::GRACE);
    let options = gc::GcOptions { dry_run: args.dry_run, grace, recompress: args.recompress };
    let report = gc::run(&session.repo()?, &options, &session.progress())?;
    session.out.report(&report, |out| {
        let verb = |done: &'static str, planned: &'static str| if report.dry_run { planned } else { done };
        let row = |bytes: u64, what: String, verb: &str| [size(bytes), format!("{what} {verb}")];
        let packs = |packs: u64| count(packs, "pack");
        let rows: Vec<_> = [
            (report.unreachable_packs > 0).then(|| {
                row(
                    report.unreachable_bytes,
                    format!("unreachable, in {}", packs(report.unreachable_packs)),
                    verb("removed", "to remove"),
                )
            }),
            (report.dead_bytes > 0).then(|| {
                let rewritten = packs(report.rewritten_packs + report.joined_packs + report.recompressed_packs);
                row(report.dead_bytes, format!("unreachable, in {rewritten}"), verb("rewritten", "to rewrite"))
            }),
            (report.joined_packs > 0).then(|| {
                row(report.joined_bytes, format!("in {}", count(report.joined_packs, "small pack")), verb("joined", "to join"))
            }),
            (report.recompressed_packs > 0).then(|| {
                let planned = format!("to recompress, in about {}", duration(report.estimated_seconds));
                let what = format!("in {}", packs(report.recompressed_packs));
                row(report.recompressed_bytes, what, if report.dry_run { &planned } else { "recompressed" })
            }),
            (report.temporary_files > 0).then(|| {
                let files = count(report.temporary_files, "temporary file");
                row(report.temporary_bytes, format!("in {files} of interrupted commands"), verb("removed", "to remove"))
            }),
        ]
        .into_iter()
        .flatten()
        .collect();
        columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
        match () {
            () if rows.is_empty() => writeln!(out, "nothing to remove"),
            () if report.dry_run => writeln!(out, "nothing was changed"),
            () if report.freed_bytes < 0 => writeln!(out, "the store grew by {}", size(report.freed_bytes.unsigned_abs())),
            () => writeln!(out, "freed {}", size(report.freed_bytes.unsigned_abs())),
        }
    })?;
    if report.recent_bytes > 0 {
        session.out.hint(&format!(
            "{} that nothing reaches are younger than the grace time; to remove them too: hlx gc --grace 0",
            size(report.recent_bytes)
        ));
    }
    Ok(Outcome::Yes)
}
