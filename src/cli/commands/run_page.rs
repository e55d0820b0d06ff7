//! One training run as a page, and the warnings about its versions.

use std::io::{self, Write};

use helox::ops::RunView;
use helox::ops::run::{self, TrainedVersion};
use helox::{Repo, Result, printable};
use serde_json::{Map, Value};

use crate::cli::format::{columns, count, moment, number, short, size, version_name};
use crate::cli::output::Output;
use crate::cli::session::Session;

/// Warns of versions that the workspace does not have as they are, unless the parameters say so.
pub(super) fn warn_of_workspace(repo: &Repo, versions: &[TrainedVersion], params: &[(String, String)], session: &mut Session) {
    if params.iter().any(|(name, _)| name == run::DATA_DIRTY) {
        return;
    }
    for (version, warning) in versions.iter().filter_map(|version| Some((version, version.warning(repo)?))) {
        session.out.warning(&format!("{warning} (data.dirty=true)"));
        let checkout = format!("hlx checkout {}", version.name());
        session.out.hint(&format!("commit the files first and name that version, or check out this one: {checkout}"));
    }
}

/// Prints the runs that were recorded, one a version.
pub(super) fn recorded(views: &[RunView], session: &mut Session) -> Result<()> {
    match views {
        [view] => session.out.report(view, |out| page(view, out)),
        views => {
            let document = serde_json::json!({ "runs": views });
            session.out.report(&document, |out| views.iter().try_for_each(|view| page(view, out)))
        }
    }
}

/// Returns the name of the version that a run used.
pub(super) fn name(view: &RunView) -> String {
    version_name(view.dataset_name.as_deref(), view.version.as_ref(), view.version_id)
}

/// Returns a value as a person writes it: text without quotes, numbers in full.
pub(super) fn shown(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => printable(text).into_owned(),
        Some(value) => value.as_f64().map_or_else(|| value.to_string(), number),
    }
}

/// Returns parameters or metrics as `name=value`, with spaces between.
pub(super) fn pairs(map: &Map<String, Value>) -> String {
    map.iter().map(|(key, value)| format!("{}={}", printable(key), shown(Some(value)))).collect::<Vec<_>>().join(" ")
}

/// Returns the status of a run that failed or was interrupted.
pub(super) fn unfinished(view: &RunView) -> Option<&'static str> {
    let status = view.run.params.get("status").and_then(Value::as_str);
    ["failed", "interrupted"].into_iter().find(|word| status == Some(word))
}

/// Prints everything about a run; with `-v` its artifacts as `b3sum` prints them.
pub(super) fn page(view: &RunView, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let (id, name, model) = (short(view.id), name(view), printable(&view.run.model));
    let verb = unfinished(view).map_or_else(|| "trained".to_owned(), |status| colors.failure(status));
    writeln!(out, "{} {verb} on {}  {}", colors.bold(model), colors.changed(name), colors.dim(format!("run {id}")))?;
    let mut rows: Vec<[String; 2]> = Vec::new();
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push([format!("  {name}"), value]);
        }
    };
    field("metrics", pairs(&view.run.metrics));
    field("params", pairs(&view.run.params));
    field("started", view.run.started_at.as_ref().map_or_else(String::new, moment));
    field("ended", view.run.ended_at.as_ref().map_or_else(String::new, moment));
    let bytes = view.run.artifacts.iter().map(|artifact| artifact.size).sum();
    if !view.run.artifacts.is_empty() {
        field("artifacts", format!("{}, {}", count(view.run.artifacts.len() as u64, "file"), size(bytes)));
    }
    if let Some(withdrawn) = &view.withdrawn {
        let (when, who) = (moment(&withdrawn.withdrawn_at), printable(&withdrawn.withdrawn_by));
        field("withdrawn", format!("{when} by {who}: {}", printable(&withdrawn.reason)));
    }
    field("recorded", format!("{} by {}", moment(&view.recorded_at), printable(&view.recorded_by)));
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let artifacts = view.run.artifacts.iter().filter(|_| out.is_verbose());
    let lines: Vec<_> = artifacts.map(|artifact| format!("  {}  {}", artifact.hash, printable(&artifact.path))).collect();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}
