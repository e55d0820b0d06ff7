//! `hlx show`: everything about one version, under the names that the fields bear in JSON.

use std::io::{self, Write};

use helox::ops::{RunView, VersionView, show};
use helox::{Repo, Result, ValidationStatus, printable};
use serde_json::Value;

use super::{drift, verdict};
use crate::cli::args;
use crate::cli::format::{also, columns, count, moment, number, short, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

pub(super) fn run(args: &args::ShowArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let version = show::run(&repo, args.rev.as_deref())?;
    session.out.page();
    session.out.answer(&version, |out| print(&repo, &version, out))?;
    Ok(session.warn_of_damage(&version.damaged))
}

pub(super) fn print(repo: &Repo, version: &VersionView, out: &mut Output) -> io::Result<()> {
    let mut fields: Vec<[String; 2]> = Vec::new();
    let mut field = |name: &str, value: String| {
        // A summary or a value of several lines continues below its first.
        for (n, line) in value.lines().enumerate() {
            fields.push([if n == 0 { name.to_owned() } else { String::new() }, printable(line).into_owned()]);
        }
    };
    field("id", version.id.to_string());
    field("dataset_name", version.dataset_name.clone());
    field("dataset_type", version.dataset_type.clone());
    field("version", version.version.to_string());
    field("parent_version", version.parent_version.as_ref().map_or_else(none, ToString::to_string));
    field("parents", list(version.parents.iter().map(ToString::to_string)));
    field("change_type", version.change_type.as_str().to_owned());
    field("change_summary", version.change_summary.clone());
    field("total_samples", version.total_samples.map_or_else(|| "not counted".to_owned(), thousands));
    field("file_count", thousands(version.file_count));
    field("total_size_bytes", format!("{} ({})", thousands(version.total_size_bytes), size(version.total_size_bytes)));
    if let Some(files) = &version.files {
        let counts = [files.files_added, files.files_modified, files.files_removed].map(thousands);
        field("files_changed", format!("+{} ~{} -{}{}", counts[0], counts[1], counts[2], also(files)));
    }
    field("data_checksum", version.data_checksum.to_string());
    field("metadata_checksum", version.metadata_checksum.to_string());
    field("manifest", version.manifest.to_string());
    field(
        "schema",
        version.schema.as_ref().map_or_else(none, |schema| {
            let fields = count(schema["fields"].as_array().map_or(0, Vec::len) as u64, "field");
            format!("{fields} of {}", schema["records"].as_u64().map_or_else(none, |records| count(records, "record")))
        }),
    );
    field("quality_score", version.quality_score.map_or_else(none, |score| score.to_string()));
    let status = text(&version.validation_status);
    let is_pending = version.validation_status == ValidationStatus::Pending;
    field("validation_status", if is_pending { format!("{status} (not validated)") } else { status });
    if let Some(reason) = &version.skip_reason {
        field("skip_reason", reason.clone());
    }
    field("validation_errors", version.validation_errors.len().to_string());
    field("tags", if version.tags.is_empty() { none() } else { version.tags.join(", ") });
    field("runs", list(version.runs.iter().map(trained)));
    field("notes", list(version.notes.iter().map(|note| note.text.clone())));
    if !version.holds.is_empty() {
        field("holds", list(version.holds.iter().map(|held| format!("{}  {}", short(held.id), held.reason))));
    }
    field("metadata", list(version.metadata.iter().map(|(key, value)| format!("{key} = {value}"))));
    field("created_at", moment(&version.created_at));
    field("created_by", version.created_by.clone());
    field("storage_backend", version.storage_backend.to_owned());
    field("storage_path", version.storage_path.clone());
    columns(&fields).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    if let Some(verdict) = &version.validation {
        writeln!(out)?;
        verdict::print(verdict, PathPrinter::new(repo, version.dataset_name.as_str()), out)?;
        drift::print(&verdict.drift, out)?;
    }
    schema(version, out)
}

/// A line for each field: its path, its types, and how many of the records have it, and have null in it. Of what lies in
/// lists, how many values there are.
fn schema(version: &VersionView, out: &mut Output) -> io::Result<()> {
    let Some(schema) = &version.schema else { return Ok(()) };
    let records = schema["records"].as_f64().unwrap_or(0.0);
    let share = |path: &str, count: &Value| match (count.as_u64(), count.as_f64()) {
        (Some(count), _) if path.contains("/*") => thousands(count),
        (_, Some(count)) if records > 0.0 => format!("{:.1}%", count * 100.0 / records),
        _ => String::new(),
    };
    let mut rows = vec![["field", "types", "present", "null"].map(str::to_owned)];
    for field in schema["fields"].as_array().into_iter().flatten() {
        let types: Vec<_> = field["types"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let path = printable(field["path"].as_str().unwrap_or_default()).into_owned();
        let types = if types.is_empty() { "null".to_owned() } else { types.join("|") };
        rows.push([
            if path.is_empty() { "(record)".to_owned() } else { path },
            types,
            share(field["path"].as_str().unwrap_or_default(), &field["present"]),
            share(field["path"].as_str().unwrap_or_default(), &field["null"]),
        ]);
    }
    if rows.len() == 1 {
        return Ok(());
    }
    writeln!(out)?;
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// Returns the run's short id, its model and its metrics.
fn trained(run: &RunView) -> String {
    let metric = |(name, value): (&String, &Value)| format!("  {name}={}", value.as_f64().map_or_else(none, number));
    format!("{}  {}{}", short(run.id), run.run.model, run.run.metrics.iter().map(metric).collect::<String>())
}

fn none() -> String {
    "none".to_owned()
}

/// One line each, or `none`.
fn list(items: impl Iterator<Item = String>) -> String {
    let lines: Vec<_> = items.collect();
    if lines.is_empty() { none() } else { lines.join("\n") }
}

/// Returns a value as its JSON text, without the quotes.
fn text(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => none(),
    }
}
