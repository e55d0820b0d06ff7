//! `hlx log`: lists versions, of one dataset children before parents, of several the newest first.

use std::collections::HashSet;
use std::io::{self, Write};

use helox::object::version::ValidationStatus;
use helox::ops::{VersionView, log, tag};
use helox::{Repo, Result, nearest, printable};
use renderdag::{Ancestor, GraphRowRenderer, Renderer};

use crate::cli::args;
use crate::cli::colors::Colors;
use crate::cli::format::{also, count, day, first_line, moment, short, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::output_options::OutputFormat;
use crate::cli::session::Session;

pub(super) fn run(args: args::LogArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let (dataset, revision) = match &args.target {
        Some(target) => log::target(&repo, target)?,
        None => (None, None),
    };
    let (tag, named) = (args.filter.tag.clone(), dataset.clone());
    let options = log::LogOptions {
        query: args.filter.query(dataset, args.limit),
        revision,
        paths: args.paths,
        stat: args.stat,
        whole: session.out.format() != OutputFormat::Human,
    };
    let report = log::run(&repo, &options)?;
    if session.out.format() == OutputFormat::JsonLines {
        report.versions.iter().try_for_each(|version| session.out.document(version))?;
        return Ok(session.warn_of_damage(&report.damaged));
    }
    session.out.page();
    session.out.answer(&report, |out| print(&report.versions, args.oneline, args.graph, out))?;
    if report.versions.is_empty() && report.damaged.is_empty() {
        no_versions(&repo, tag.as_deref(), named.as_deref(), session)?;
    }
    Ok(session.warn_of_damage(&report.damaged))
}

/// Says that no version is listed, and which tag was meant if there is none of this name.
pub(super) fn no_versions(repo: &Repo, tag: Option<&str>, dataset: Option<&str>, session: &mut Session) -> Result<()> {
    let tags = tag::list(repo, dataset)?.tags;
    let hint = match tag.filter(|tag| tags.iter().all(|listed| listed.tag != *tag)) {
        None => "no versions".to_owned(),
        Some(tag) => match nearest(tag, tags.iter().map(|listed| listed.tag.as_str())) {
            Some(near) => format!("no version has the tag '{}'; did you mean '{}'?", printable(tag), printable(near)),
            None => format!("no version has the tag '{}'; list the tags: hlx tag list", printable(tag)),
        },
    };
    session.out.hint(&hint);
    Ok(())
}

pub(super) fn print(versions: &[VersionView], oneline: bool, graph: bool, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    let several = versions.windows(2).any(|pair| pair[0].dataset_name != pair[1].dataset_name);
    let name = |version: &VersionView| match several {
        true => format!("{}@{}", version.dataset_name, version.version),
        false => version.version.to_string(),
    };
    let width = if oneline { versions.iter().map(|v| name(v).chars().count()).max().unwrap_or(0) } else { 0 };
    let listed: HashSet<_> = versions.iter().map(|version| version.id).collect();
    let mut rows = GraphRowRenderer::new().output().with_min_row_height(0).build_ascii();
    for (n, version) in versions.iter().enumerate() {
        let mut lines = match oneline {
            true => vec![line(version, &format!("{:width$}", name(version)), colors)],
            false => page(version, out.is_verbose(), colors),
        };
        if !oneline && n + 1 < versions.len() {
            lines.push(String::new());
        }
        if graph {
            let parents = version.parents.iter().filter(|parent| listed.contains(*parent));
            let parents = parents.map(|parent| Ancestor::Parent(*parent)).collect();
            let row = rows.next_row(version.id, parents, "*".to_owned(), lines.join("\n") + if oneline { "" } else { "\n" });
            row.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
        } else {
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
    }
    Ok(())
}

fn line(version: &VersionView, name: &str, colors: Colors) -> String {
    let change = format!("{:5}", version.change_type.as_str());
    let summary = first_line(&version.change_summary);
    let tags = if version.tags.is_empty() { String::new() } else { format!("  {}", tags(version, colors)) };
    let stat = stat(version).map(|stat| format!("  files: {stat}")).unwrap_or_default();
    format!("{}  {change}  {}  {summary}{tags}{}{stat}", colors.changed(name), day(&version.created_at), status(version, colors))
}

fn page(version: &VersionView, is_verbose: bool, colors: Colors) -> Vec<String> {
    let name = colors.changed(format!("{} {}", version.dataset_name, version.version));
    let tags = if version.tags.is_empty() { String::new() } else { format!(" {}", tags(version, colors)) };
    let mut lines = vec![
        format!("{name}{tags}  {}{}", version.change_type.as_str(), status(version, colors)),
        format!("Id:      {}", version.id),
        format!("Author:  {}", printable(&version.created_by)),
        format!("Date:    {}", moment(&version.created_at)),
    ];
    if let Some(samples) = version.total_samples {
        lines.push(format!("Samples: {}", thousands(samples)));
    }
    lines.extend(stat(version).map(|stat| format!("Files:   {stat}")));
    if version.parents.len() > 1 {
        let parents: Vec<_> = version.parents.iter().map(short).collect();
        lines.insert(2, format!("Merge:   {}", parents.join(" ")));
    }
    if is_verbose {
        lines.push(format!("Size:    {} in {}", size(version.total_size_bytes), count(version.file_count, "file")));
        lines.push(format!("Data:    {}", version.data_checksum));
    }
    if let Some(reason) = &version.skip_reason {
        lines.push(format!("Skipped: {}", first_line(reason)));
    }
    lines.push(String::new());
    lines.extend(version.change_summary.lines().map(|line| format!("    {}", printable(line))));
    lines
}

/// Returns the files in which a version differs from its first parent, where they were counted.
fn stat(version: &VersionView) -> Option<String> {
    let files = version.files.as_ref()?;
    let [added, modified, removed] = [files.files_added, files.files_modified, files.files_removed].map(thousands);
    Some(format!("{added} added, {modified} modified, {removed} removed{}", also(files)))
}

/// Returns the validation status, unless it is pending.
fn status(version: &VersionView, colors: Colors) -> String {
    match version.validation_status {
        ValidationStatus::Pending => String::new(),
        ValidationStatus::Passed => "  PASSED".to_owned(),
        ValidationStatus::Failed => format!("  {}", colors.failure("FAILED")),
        ValidationStatus::Skipped => "  SKIPPED".to_owned(),
    }
}

fn tags(version: &VersionView, colors: Colors) -> String {
    colors.label(format!("({})", version.tags.join(", ")))
}
