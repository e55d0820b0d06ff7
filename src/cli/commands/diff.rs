//! `hlx diff`: the files that differ between two versions, or a version and the workspace.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};

use helox::ops::dataset;
use helox::ops::diff::{self, DiffReport};
use helox::{Error, ErrorKind, Repo, Result, printable};
use serde_json::{Value, json};

use super::patch;
use crate::cli::args;
use crate::cli::colors::Colors;
use crate::cli::format::{FileCounts, columns, difference, empty_folder, partial, size};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::output_options::OutputFormat;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

/// Samples that are printed on a terminal, unless `--limit` says otherwise.
const SHOWN: usize = 20;

pub(super) fn run(args: args::DiffArgs, session: &mut Session) -> Result<Outcome> {
    let is_read = session.out.format() == OutputFormat::Human && io::stdout().is_terminal();
    let limit = args.limit.or(is_read.then_some(SHOWN));
    let wanted = diff::SampleOptions { by_file: args.by_file, patch: args.patch, limit };
    let samples = (args.samples || args.by_file || args.patch).then_some(wanted);
    let repo = session.repo()?;
    let mut reports = Vec::new();
    let streams = args.patch && session.out.format() == OutputFormat::Human;
    for DiffArguments { from, to, paths } in sides(&repo, &args, session)? {
        let options = diff::DiffOptions { from: Some(from), to, paths, samples };
        reports.push(match streams {
            true => stream(&repo, &options, !reports.is_empty(), session)?,
            false => diff::run(&repo, &options, &session.progress())?,
        });
    }
    if streams {
        // Printed already.
    } else if session.out.format() == OutputFormat::JsonLines {
        reports.iter().try_for_each(|report| json_lines(report, &mut session.out))?;
    } else {
        session.out.page();
        session.out.answers(&reports, !args.name_only && !args.name_status, |report, out| {
            let paths = PathPrinter::new(&repo, report.dataset.as_deref());
            let shown = DiffPrinter { paths, report };
            match () {
                () if args.stat => stat(&shown, out)?,
                () if args.name_only => {
                    files(report).try_for_each(|change| writeln!(out, "{}", shown.path(change.path)))?;
                }
                () if args.name_status => files(report).try_for_each(|change| name_status(&shown, &change, out))?,
                () => print(&shown, out)?,
            }
            patch::counts(report, paths, out)
        })?;
    }
    for report in &reports {
        let dataset = report.dataset.as_deref().unwrap_or("NAME");
        report.suggested_key.iter().for_each(|key| session.out.hint(&patch::key_hint(key, dataset)));
    }
    for part in reports.iter().filter_map(|report| report.partial) {
        session.out.hint(&format!("{} checked out; the other files are not compared", partial(part)));
    }
    for warning in reports.iter().flat_map(|report| report.warnings.iter().flatten()) {
        session.out.warning(warning);
    }
    let damaged = reports.iter().map(|report| &report.damaged).filter(|damaged| !damaged.is_empty());
    if let Some(answer) = damaged.map(|damaged| session.warn_of_damage(damaged)).last() {
        return Ok(answer);
    }
    Ok(Outcome::success_if(reports.iter().all(DiffReport::is_empty) || !args.exit_code))
}

/// Prints the samples that differ as they are found, a line apart from those before.
fn stream(repo: &Repo, options: &diff::DiffOptions, apart: bool, session: &mut Session) -> Result<DiffReport> {
    let (bar, out) = (session.progress(), &mut session.out);
    let mut records = patch::RecordPrinter::default();
    let begin = |out: &mut Output| {
        bar.hide();
        out.page();
        if apart { writeln!(out) } else { Ok(()) }
    };
    let mut begun = false;
    let report = diff::stream(repo, options, &bar, &mut |dataset, record| {
        let first = if std::mem::replace(&mut begun, true) { Ok(()) } else { begin(out) };
        first.and_then(|()| records.print(&record, PathPrinter::new(repo, dataset), out)).map_err(|e| out.error(e))
    })?;
    let first = if begun { Ok(()) } else { begin(out) };
    let paths = PathPrinter::new(repo, report.dataset.as_deref());
    first.and_then(|()| records.finish(&report, paths, out)).map_err(|e| out.error(e))?;
    Ok(report)
}

/// The sides of a dataset to compare.
struct DiffArguments {
    from: String,
    to: Option<String>,
    paths: Vec<String>,
}

/// Returns the sides of each dataset that is meant, and the paths that concern it: without a revision, the checked-out
/// version of each dataset that has one.
fn sides(repo: &Repo, args: &args::DiffArgs, session: &mut Session) -> Result<Vec<DiffArguments>> {
    if let Some(from) = &args.from {
        let concerned = repo.scope_of_paths(None, &args.paths);
        // Of several datasets, the paths may say which one is meant.
        let dataset = match concerned.as_deref() {
            Ok([(only, _)]) if repo.scope(None)?.len() > 1 => Some(only.name.as_str()),
            _ => None,
        };
        let sides = diff::sides(repo, from, args.to.as_deref(), dataset)?;
        if let [_] = &sides[..] {
            let whole = |(from, to)| DiffArguments { from, to, paths: args.paths.clone() };
            return Ok(sides.into_iter().map(whole).collect());
        }
        let concerned = concerned?;
        let own = |(from, to): (String, Option<String>)| {
            let is_own = |name: &str| from.strip_prefix(name).is_some_and(|rest| rest.starts_with('@'));
            let (_, paths) = concerned.iter().find(|(dataset, _)| is_own(&dataset.name))?;
            Some(DiffArguments { paths: paths.clone(), from, to })
        };
        return Ok(sides.into_iter().filter_map(own).collect());
    }
    let scope = repo.scope_of_paths(None, &args.paths)?;
    let scope = session.with_folders(repo, scope, |(dataset, _)| &dataset.name);
    let is_one = scope.len() == 1;
    let mut sides = Vec::new();
    for (dataset, paths) in scope {
        if is_one || dataset::show(repo, &dataset.name)?.head.is_some() {
            sides.push(DiffArguments { from: format!("{}@HEAD", dataset.name), to: None, paths });
        }
    }
    match sides.is_empty() {
        true => Err(Error::new(ErrorKind::VersionNotFound, "no dataset has a version yet").with_hint("hlx commit -m SUMMARY")),
        false => Ok(sides),
    }
}

/// A report whose paths are shown as one would type them.
struct DiffPrinter<'a> {
    paths: PathPrinter<'a>,
    report: &'a DiffReport,
}

impl DiffPrinter<'_> {
    fn path(&self, path: &str) -> String {
        self.paths.show(path)
    }

    fn name(&self, change: &FileChange<'_>) -> String {
        match change.from {
            Some(from) => format!("{} -> {}", self.path(from), self.path(change.path)),
            None if change.is_folder => empty_folder(&self.path(change.path)),
            None => self.path(change.path),
        }
    }
}

/// A file that differs: its letter, its path, the path it had, its sizes; or an empty folder.
#[derive(Clone, Copy, Default)]
struct FileChange<'a> {
    letter: char,
    path: &'a str,
    from: Option<&'a str>,
    old: Option<u64>,
    new: Option<u64>,
    /// The change of a file whose bytes are the same.
    note: Option<&'static str>,
    is_folder: bool,
}

impl FileChange<'_> {
    fn colored(&self, colors: Colors) -> String {
        match self.letter {
            'A' => colors.success('A'),
            'D' => colors.failure('D'),
            'R' => colors.label('R'),
            letter => colors.changed(letter),
        }
    }
}

/// Returns all files and empty folders that differ, in the order of their paths.
fn changes(report: &DiffReport) -> Vec<FileChange<'_>> {
    let added =
        report.added.iter().map(|f| FileChange { letter: 'A', path: &f.path, new: Some(f.size), ..FileChange::default() });
    let removed =
        report.removed.iter().map(|f| FileChange { letter: 'D', path: &f.path, old: Some(f.size), ..FileChange::default() });
    let in_mode: HashSet<&String> = report.mode_changed.iter().collect();
    let modified = report.modified.iter().map(|f| {
        let (old, new, note) = (Some(f.old_size), Some(f.new_size), in_mode.contains(&f.path).then_some("mode"));
        FileChange { letter: 'M', path: &f.path, old, new, note, ..FileChange::default() }
    });
    let renamed = report.renamed.iter().map(|f| {
        let (from, note) = (Some(f.from.as_str()), in_mode.contains(&f.to).then_some("mode"));
        FileChange { letter: 'R', path: &f.to, from, note, ..FileChange::default() }
    });
    let reread = report.reread.iter().map(|path| FileChange { letter: 'M', path, note: Some("format"), ..FileChange::default() });
    let folder = |letter, path| FileChange { letter, path, is_folder: true, ..FileChange::default() };
    let folders_added = report.folders_added.iter().map(|path| folder('A', path));
    let folders_removed = report.folders_removed.iter().map(|path| folder('D', path));
    let mut all: Vec<_> =
        added.chain(removed).chain(modified).chain(renamed).chain(reread).chain(folders_added).chain(folders_removed).collect();
    all.sort_by_key(|change| change.path);
    all
}

/// Returns the changes without the empty folders.
fn files(report: &DiffReport) -> impl Iterator<Item = FileChange<'_>> {
    changes(report).into_iter().filter(|change| !change.is_folder)
}

fn print(shown: &DiffPrinter<'_>, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for change in changes(shown.report) {
        write!(out, "{} {}", change.colored(colors), shown.name(&change))?;
        match (change.note, change.old, change.new) {
            (Some(note), ..) => writeln!(out, " ({note})")?,
            (None, Some(old), Some(new)) => writeln!(out, " ({} → {})", size(old), size(new))?,
            _ => writeln!(out)?,
        }
    }
    writeln!(out, "{}", summary(shown.report))
}

fn stat(shown: &DiffPrinter<'_>, out: &mut Output) -> io::Result<()> {
    let changes = changes(shown.report);
    let sizes = |c: &FileChange<'_>| [c.old.map_or_else(String::new, size), c.new.map_or_else(String::new, size)];
    let rows: Vec<_> = changes
        .iter()
        .map(|change| {
            let [old, new] = sizes(change);
            let grown = match (change.old, change.new) {
                (None, None) => String::new(),
                (old, new) => difference(signed(new) - signed(old), size),
            };
            [change.letter.to_string(), shown.name(change), old, new, grown]
        })
        .collect();
    columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    let grown = changes.iter().map(|c| signed(c.new) - signed(c.old)).fold(0, i64::saturating_add);
    writeln!(out, "{}, {}", summary(shown.report), difference(grown, size))
}

/// Returns a size as one side of a difference; what is not there has none.
fn signed(size: Option<u64>) -> i64 {
    i64::try_from(size.unwrap_or(0)).unwrap_or(i64::MAX)
}

fn name_status(shown: &DiffPrinter<'_>, change: &FileChange<'_>, out: &mut Output) -> io::Result<()> {
    let from = change.from.map(|from| format!("\t{}", shown.path(from))).unwrap_or_default();
    writeln!(out, "{}{from}\t{}", change.letter, shown.path(change.path))
}

fn summary(report: &DiffReport) -> String {
    let counts = FileCounts {
        added: report.added.len(),
        modified: report.modified.len(),
        mode_changed: report.mode_changed.len(),
        removed: report.removed.len(),
        renamed: report.renamed.len(),
        reread: report.reread.len(),
        folders_added: report.folders_added.len(),
        folders_removed: report.folders_removed.len(),
    };
    let counts = counts.count_words();
    let counts = if counts.is_empty() { "no differences".to_owned() } else { counts };
    format!("{} -> {}: {counts}", printable(&report.from), printable(&report.to))
}

fn json_lines(report: &DiffReport, out: &mut Output) -> Result<()> {
    for file in &report.added {
        out.document(&json!({ "change": "added", "path": file.path, "size": file.size, "samples": file.samples }))?;
    }
    for file in &report.modified {
        let document: Value = json!({
            "change": "modified", "path": file.path, "old_size": file.old_size, "new_size": file.new_size,
            "old_samples": file.old_samples, "new_samples": file.new_samples,
        });
        out.document(&document)?;
    }
    for file in &report.removed {
        out.document(&json!({ "change": "removed", "path": file.path, "size": file.size, "samples": file.samples }))?;
    }
    for file in &report.renamed {
        out.document(&json!({ "change": "renamed", "from": file.from, "to": file.to }))?;
    }
    for path in &report.mode_changed {
        out.document(&json!({ "change": "mode-changed", "path": path }))?;
    }
    for path in &report.reread {
        out.document(&json!({ "change": "reread", "path": path }))?;
    }
    for path in &report.folders_added {
        out.document(&json!({ "change": "folder-added", "path": path }))?;
    }
    for path in &report.folders_removed {
        out.document(&json!({ "change": "folder-removed", "path": path }))?;
    }
    if let Some(samples) = &report.samples {
        out.document(&json!({ "samples": samples, "by_file": report.by_file }))?;
    }
    report.records.iter().flatten().try_for_each(|record| out.document(record))
}
