//! The samples that differ, as `hlx diff --samples` prints them.

use std::io::{self, Write};

use helox::ops::diff::DiffReport;
use helox::ops::{ChangedRecord, FieldChange};
use helox::printable;
use helox::sample::Rendering;
use helox::{RecordChange, SampleCounts};

use super::word_diff;
use crate::cli::colors::Colors;
use crate::cli::format::{columns, thousands};
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;

/// Characters of a modified record that stand above its changed fields.
const TITLE: usize = 100;
/// Characters of a value, above which the words that differ are shown rather than both values.
const LONG: usize = 60;

/// The records as they come: `+` added, `-` removed, `~` modified, with its changed fields below it.
#[derive(Default)]
pub(super) struct RecordPrinter {
    /// The file of the last one.
    path: Option<String>,
    /// The number of samples that were printed.
    count: u64,
}

impl RecordPrinter {
    /// Prints the next record, after the path of its file if that is another one.
    pub(super) fn print(&mut self, record: &ChangedRecord, paths: PathPrinter<'_>, out: &mut Output) -> io::Result<()> {
        let colors = out.colors();
        if self.path.as_ref() != Some(&record.path) {
            writeln!(out, "{}", colors.bold(paths.show(&record.path)))?;
            self.path = Some(record.path.clone());
        }
        self.count += 1;
        let text = printable(&record.text);
        match record.change {
            RecordChange::Added => writeln!(out, "{}", colors.success(format!("+ {text}"))),
            RecordChange::Removed => writeln!(out, "{}", colors.failure(format!("- {text}"))),
            RecordChange::Modified => modified(record, colors, out),
        }
    }

    /// Prints how many samples there are beside those that were printed, then how many differ.
    pub(super) fn finish(&self, report: &DiffReport, paths: PathPrinter<'_>, out: &mut Output) -> io::Result<()> {
        let SampleCounts { added, modified, removed } = report.samples.unwrap_or_default();
        match (added + modified + removed).saturating_sub(self.count) {
            0 => {}
            more => writeln!(out, "{}", out.colors().dim(format!("… and {} more; to show more: --limit N", thousands(more))))?,
        }
        counts(report, paths, out)
    }
}

fn modified(record: &ChangedRecord, colors: Colors, out: &mut Output) -> io::Result<()> {
    let (title, is_whole) = word_diff::head(&record.text, TITLE);
    writeln!(out, "{}", colors.changed(format!("~ {}{}", printable(title), if is_whole { "" } else { " …" })))?;
    for FieldChange { path, old, new, .. } in &record.fields {
        writeln!(out, "    {}: {}", printable(path), values(old.as_ref(), new.as_ref(), colors))?;
    }
    Ok(())
}

/// Shows both values of a field, of long texts the words that differ.
fn values(old: Option<&Rendering>, new: Option<&Rendering>, colors: Colors) -> String {
    let text = |value: Option<&Rendering>| value.and_then(|value| serde_json::from_str::<String>(value.as_str()).ok());
    if let (Some(old), Some(new)) = (text(old), text(new))
        && [&old, &new].iter().any(|text| text.chars().nth(LONG).is_some())
    {
        return word_diff::words(&old, &new, colors);
    }
    let shown = |value: Option<&Rendering>| value.map_or_else(|| "(absent)".to_owned(), |v| printable(&v.plain()).into_owned());
    format!("{} → {}", colors.failure(shown(old)), colors.success(shown(new)))
}

/// Prints the number of samples that differ, in each file if that is known, and in all.
pub(super) fn counts(report: &DiffReport, paths: PathPrinter<'_>, out: &mut Output) -> io::Result<()> {
    let cells = |counts: &SampleCounts| {
        let [added, modified, removed] = [counts.added, counts.modified, counts.removed].map(thousands);
        format!("{added} added, {modified} modified, {removed} removed")
    };
    let files = report.by_file.iter().flatten();
    let rows: Vec<_> = files.map(|file| [paths.show(&file.path), cells(&file.counts)]).collect();
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if let Some(samples) = &report.samples {
        writeln!(out, "samples: {}", cells(samples))?;
    }
    report.moved.iter().try_for_each(|moved| writeln!(out, "samples: {moved}"))
}

/// Returns the line of `helox.toml` with which samples count as modified.
pub(super) fn key_hint(key: &str, dataset: &str) -> String {
    let (key, dataset) = (printable(key), printable(dataset));
    format!(
        "samples have a unique '{key}': with key = \"{key}\" in [dataset.{dataset}] of helox.toml, changed ones count as modified"
    )
}
