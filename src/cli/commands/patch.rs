//! The samples that differ, as `hlx diff --samples` prints them.

use std::io::{self, Write};

use helox::ops::diff::Report;
use helox::ops::{FieldChange, Record};
use helox::printable;
use helox::sample::Rendering;
use helox::sample::tally::{Counts, Fate};

use crate::cli::format::{columns, thousands};
use crate::cli::output::{Output, Tint};

/// The records: `+` added, `-` removed, `~` modified, with its changed fields below it.
pub(super) fn words(report: &Report, out: &mut Output) -> io::Result<()> {
    let tint = out.tint();
    let mut path = None;
    for record in report.records.iter().flatten() {
        if path != Some(&record.path) {
            writeln!(out, "{}", tint.strong(printable(&record.path)))?;
            path = Some(&record.path);
        }
        let text = printable(&record.text);
        match record.change {
            Fate::Added => writeln!(out, "{}", tint.good(format!("+ {text}")))?,
            Fate::Removed => writeln!(out, "{}", tint.bad(format!("- {text}")))?,
            Fate::Modified => modified(record, tint, out)?,
        }
    }
    Ok(())
}

fn modified(record: &Record, tint: Tint, out: &mut Output) -> io::Result<()> {
    writeln!(out, "{}", tint.mark(format!("~ {}", printable(&record.text))))?;
    let shown = |value: &Option<Rendering>| value.as_ref().map_or_else(|| "nothing".to_owned(), |v| v.plain().into_owned());
    for FieldChange { path, old, new, .. } in &record.fields {
        let (old, new) = (tint.bad(printable(&shown(old))), tint.good(printable(&shown(new))));
        writeln!(out, "    {}: {old} → {new}", printable(path))?;
    }
    Ok(())
}

/// How many samples differ, in each file if that is known, and in all.
pub(super) fn counts(report: &Report, out: &mut Output) -> io::Result<()> {
    let cells = |counts: &Counts| {
        let Counts { added, removed, modified } = *counts;
        format!("+{} -{} ~{}", thousands(added), thousands(removed), thousands(modified))
    };
    let files = report.by_file.iter().flatten();
    let rows: Vec<_> = files.map(|file| [printable(&file.path).into_owned(), cells(&file.counts)]).collect();
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    match &report.samples {
        Some(samples) => writeln!(out, "samples {}", cells(samples)),
        None => Ok(()),
    }
}
