//! The summary of a commit without `-m`: written in an editor, below it what would be committed.

use helox::ops::draft::Draft;
use helox::ops::status::{self, StatusReport};
use helox::{Error, ErrorKind, Repo, Result, printable};

use crate::cli::args;
use crate::cli::editor;
use crate::cli::format::count;
use crate::cli::output_options::OutputFormat;
use crate::cli::paths::PathPrinter;
use crate::cli::session::Session;

/// Most paths of a dataset that are listed.
const LISTED: usize = 100;
const INTRODUCTION: &str =
    "Enter a summary for the version. Lines starting with '#' are ignored; an empty summary aborts the commit.\n";

/// Has the user write the summary; `None` where nothing changed and so nothing is committed.
pub(super) fn write(
    repo: &Repo,
    names: &[String],
    args: &args::CommitArgs,
    session: &Session,
) -> Result<Option<(String, Draft)>> {
    let editor = match session.out.format() {
        OutputFormat::Human => editor::command(),
        OutputFormat::Json | OutputFormat::JsonLines => None,
    };
    let Some(editor) = editor else {
        let hint = "give one: -m SUMMARY; in a terminal, VISUAL or EDITOR opens without -m";
        return Err(Error::usage("the commit has no summary").with_hint(hint));
    };
    let mut comments = INTRODUCTION.to_owned();
    let mut any = args.allow_empty || !args.tags.is_empty() || args.version.is_some() || args.parent.is_some();
    for name in names {
        comments.push('\n');
        if let Some(folder) = &args.from {
            any = true;
            comments.push_str(&format!("{name}: the files of {}\n", printable(&folder.to_string_lossy())));
            continue;
        }
        let options = status::StatusOptions { dataset: Some(name.clone()), paths: Vec::new() };
        let report = status::run(repo, &options, &session.progress())?;
        any |= !report.clean;
        comments.push_str(&changes(repo, &report));
    }
    if !any {
        return Ok(None);
    }
    let draft = Draft::create(repo, &comments)?;
    editor::open(&editor, draft.path())?;
    let summary = draft.summary()?;
    match summary.is_empty() {
        true => Err(Error::new(ErrorKind::Usage, "empty summary; no version created").with_hint("hlx commit -m SUMMARY")),
        false => Ok(Some((summary, draft))),
    }
}

/// Returns the changes of a dataset, a path a line.
fn changes(repo: &Repo, report: &StatusReport) -> String {
    let paths = PathPrinter::new(repo, report.dataset_name.as_str());
    let shown = |path: &str| paths.show(path);
    let renamed = report.renamed.iter().map(|r| format!("  renamed:   {} -> {}", shown(&r.from), shown(&r.to)));
    let lists = [("added:   ", &report.added), ("modified:", &report.modified), ("removed: ", &report.removed)];
    let mut lines: Vec<String> = lines_of(&lists, &shown).chain(renamed).collect();
    let more = lines.len().saturating_sub(LISTED);
    lines.truncate(LISTED);
    if more > 0 {
        lines.push(format!("  and {} more", count(more as u64, "file")));
    }
    let base = report.version.as_ref().map_or_else(|| "no version yet".to_owned(), ToString::to_string);
    let clean = if report.clean { ", nothing changed" } else { "" };
    format!("{} {base}{clean}\n{}\n", printable(&report.dataset_name), lines.join("\n"))
}

fn lines_of<'a>(lists: &'a [(&str, &'a Vec<String>)], shown: &'a impl Fn(&str) -> String) -> impl Iterator<Item = String> + 'a {
    lists.iter().flat_map(move |(label, paths)| paths.iter().map(move |path| format!("  {label}  {}", shown(path))))
}
