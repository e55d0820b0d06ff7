//! `hlx run`: training runs on versions, recorded, listed, side by side.

use std::collections::BTreeSet;
use std::io::{self, Write};

use helox::ops::run::{self, RunCompareReport};
use helox::ops::{RunView, log};
use helox::{Repo, Result, nearest, printable};
use serde_json::{Map, Value};

use super::exec;
use super::run_page::{name, page, pairs, recorded, shown, unfinished, warn_of_workspace};
use crate::cli::args;
use crate::cli::format::{columns, moment, number, short, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::RunCommand, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    match args {
        args::RunCommand::Record(args) => {
            let mut versions = run::versions(&repo, &args.revs)?;
            for version in versions.iter_mut().filter(|version| version.is_checked_out) {
                version.compare_workspace(&repo, &session.progress())?;
            }
            warn_of_workspace(&repo, &versions, &args.params, session);
            let options = run::RunOptions {
                versions,
                model: args.model,
                params: args.params,
                metrics: args.metrics,
                artifacts: args.artifacts,
                started: args.start,
                ended: args.end,
                author: args.author,
            };
            let views = run::record(&repo, &options, &session.progress())?;
            recorded(&views, session)?;
        }
        args::RunCommand::Exec(args) => return exec::run(args, &repo, session),
        args::RunCommand::Show { run } => {
            let view = run::show(&repo, &run)?;
            session.out.answer(&view, |out| page(&view, out))?;
        }
        args::RunCommand::Withdraw { run, why, author } => {
            let view = run::withdraw(&repo, &run, &why, author.as_deref())?;
            session.out.report(&view, |out| writeln!(out, "Withdrew run {} on {}", short(view.id), name(&view)))?;
            for other in run::siblings(&repo, &view)? {
                let (other, command) = (name(&other), format!("hlx run withdraw {} --why TEXT", short(other.id)));
                session.out.hint(&format!("the run of the same command on {other} is not withdrawn: {command}"));
            }
        }
        args::RunCommand::List { target, model, all } => {
            let (dataset, revision) = target.map_or(Ok((None, None)), |target| log::target(&repo, &target))?;
            let options = run::ListOptions { dataset, revision, model: model.clone(), withdrawn: all };
            let report = run::list(&repo, &options).map_err(|error| match target_model(&repo, &options) {
                Some(model) => error.with_hint(format!("it is a model: hlx run list --model {model}")),
                None => error,
            })?;
            session.out.answer(&report, |out| list(&report.runs, out))?;
            if report.runs.is_empty() {
                session.out.hint(&no_runs(&repo, model.as_deref())?);
            }
        }
        args::RunCommand::Compare { a, b } => {
            let report = run::compare(&repo, &a, &b, &session.progress())?;
            session.out.answer(&report, |out| side_by_side(&report, out))?;
            report.warnings.iter().for_each(|warning| session.out.warning(warning));
            return Ok(session.warn_of_damage(&report.damaged));
        }
    }
    Ok(Outcome::Yes)
}

/// Returns the word that is listed as a revision, if it is a model.
fn target_model(repo: &Repo, options: &run::ListOptions) -> Option<String> {
    let word = options.revision.clone()?;
    let of_model = run::ListOptions { model: Some(word.clone()), withdrawn: true, ..run::ListOptions::default() };
    run::list(repo, &of_model).is_ok_and(|report| !report.runs.is_empty()).then_some(word)
}

/// Says that no run is listed, and which model was meant if there is none of this name.
fn no_runs(repo: &Repo, model: Option<&str>) -> Result<String> {
    let Some(model) = model else { return Ok("no runs; record one: hlx run record REV --model NAME".to_owned()) };
    let all = run::list(repo, &run::ListOptions { withdrawn: true, ..run::ListOptions::default() })?.runs;
    let models: BTreeSet<&str> = all.iter().map(|view| view.run.model.as_str()).collect();
    let near = nearest(model, models).filter(|near| *near != model);
    let next = near.map(|near| format!("did you mean '{}'?", printable(near)));
    let next = next.unwrap_or_else(|| "list all runs: hlx run list --all".to_owned());
    Ok(format!("no runs of model '{}'; {next}", printable(model)))
}

/// Shortens the commit of git to as many digits as ids have in lists.
fn brief(params: &Map<String, Value>) -> Map<String, Value> {
    let brief = |(name, value): (&String, &Value)| match (name.as_str(), value.as_str()) {
        ("git.commit", Some(commit)) => (name.clone(), Value::from(short(commit))),
        _ => (name.clone(), value.clone()),
    };
    params.iter().map(brief).collect()
}

/// A line a run, or with `-v` everything about each.
fn list(runs: &[RunView], out: &mut Output) -> io::Result<()> {
    if out.is_verbose() {
        return runs.iter().try_for_each(|view| page(view, out));
    }
    let row = |view: &RunView| {
        let told = [pairs(&view.run.metrics), pairs(&brief(&view.run.params))];
        let withdrawn = view.withdrawn.as_ref().map(|withdrawn| format!("withdrawn: {}", printable(&withdrawn.reason)));
        let status = unfinished(view).map(str::to_owned);
        let told: Vec<_> = status.into_iter().chain(told).chain(withdrawn).filter(|part| !part.is_empty()).collect();
        [short(view.id), moment(&view.recorded_at), name(view), printable(&view.run.model).into_owned(), told.join("  ")]
    };
    let rows: Vec<_> = runs.iter().map(row).collect();
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// A column a run; a star stands before what differs.
fn side_by_side(report: &RunCompareReport, out: &mut Output) -> io::Result<()> {
    // Two words for one version, or for a run and its version, name the same runs.
    let other = report.runs_b.iter().filter(|run| report.runs_a.iter().all(|known| known.id != run.id));
    let runs: Vec<&RunView> = report.runs_a.iter().chain(other).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, cells: Vec<String>, mark: bool| {
        let star = if mark && cells.windows(2).any(|pair| pair[0] != pair[1]) { "*" } else { " " };
        rows.push([format!("{star} {}", printable(name))].into_iter().chain(cells).collect());
    };
    if !runs.is_empty() {
        row("version", runs.iter().map(|view| name(view)).collect(), false);
        row("run", runs.iter().map(|view| short(view.id)).collect(), false);
        row("model", runs.iter().map(|view| shown(Some(&Value::from(view.run.model.as_str())))).collect(), true);
        if runs.iter().any(|view| view.withdrawn.is_some()) {
            let reason = |view: &&RunView| view.withdrawn.as_ref().map(|withdrawn| printable(&withdrawn.reason).into_owned());
            row("withdrawn", runs.iter().map(|view| reason(view).unwrap_or_else(|| "-".to_owned())).collect(), true);
        }
        let took = |view: &&RunView| match (view.run.started_at, view.run.ended_at) {
            (Some(start), Some(end)) => duration(end.as_millis().saturating_sub(start.as_millis())),
            _ => "-".to_owned(),
        };
        if runs.iter().any(|view| took(view) != "-") {
            row("took", runs.iter().map(took).collect(), false);
        }
        for (of, mark) in [(params as fn(&RunView) -> &Map<String, Value>, true), (metrics, false)] {
            let names: BTreeSet<&String> = runs.iter().flat_map(|view| of(view).keys()).collect();
            let kind = if mark { "param" } else { "metric" };
            for name in names {
                row(&format!("{kind} {name}"), runs.iter().map(|view| shown(of(view).get(name))).collect(), mark);
            }
        }
    }
    for line in columns(&rows) {
        writeln!(out, "{line}")?;
    }
    changes(report, out)?;
    for (runs, version) in [(&report.runs_a, &report.version_a), (&report.runs_b, &report.version_b)] {
        if runs.is_empty() {
            writeln!(out, "no runs on {}", printable(version))?;
        }
    }
    data(report, out)
}

/// By how much each metric of two runs differs.
fn changes(report: &RunCompareReport, out: &mut Output) -> io::Result<()> {
    let signed = |value: f64| format!("{}{}", if value > 0.0 { "+" } else { "" }, number(value));
    let row = |change: &run::MetricChange| {
        let difference = change.difference?;
        let percent = change.percent.map(|percent| format!("({percent:+.1}%)")).unwrap_or_default();
        // Six digits: the difference of two decimal fractions is rarely exact.
        let rounded = format!("{difference:.6e}").parse().unwrap_or(difference);
        Some([format!("  {}", printable(&change.name)), signed(rounded), percent])
    };
    let rows: Vec<_> = report.metrics.iter().flatten().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "difference")?;
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn params(view: &RunView) -> &Map<String, Value> {
    &view.run.params
}

fn metrics(view: &RunView) -> &Map<String, Value> {
    &view.run.metrics
}

/// Prints the differences of the data.
fn data(report: &RunCompareReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let (a, b) = (colors.changed(printable(&report.version_a)), colors.changed(printable(&report.version_b)));
    match &report.samples {
        _ if report.same_data && report.version_a == report.version_b => writeln!(out, "same data: {a}"),
        _ if report.same_data => writeln!(out, "same data: {a} and {b} have the same files"),
        None => writeln!(out, "{a} -> {b}  samples were not counted on both sides"),
        Some(counts) => writeln!(
            out,
            "{a} -> {b}  samples {} {} {}",
            colors.success(format!("+{}", thousands(counts.added))),
            colors.changed(format!("~{}", thousands(counts.modified))),
            colors.failure(format!("-{}", thousands(counts.removed)))
        ),
    }
}

/// `2h 05m`, `3m 20s`, `12s`.
fn duration(millis: i64) -> String {
    let seconds = millis / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m {s:02}s"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_the_unit_that_tells() {
        for (millis, text) in
            [(900, "0s"), (12_000, "12s"), (200_000, "3m 20s"), (7_500_000, "2h 05m"), (360_000_000, "100h 00m")]
        {
            assert_eq!(duration(millis), text);
        }
    }
}
