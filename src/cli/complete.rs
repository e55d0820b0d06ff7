//! Completion of what is being typed: commands and flags from the definition of the command line; datasets, revisions,
//! tags and paths from the repository. The scripts of the shells call the hidden command `hlx complete`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use helox::object::node::EntryKind;
use helox::ops::{dataset, log, ls, tag};
use helox::{Repo, Result};

use super::args::{self, parser};
use super::format::{day, first_line};

/// Most versions of a dataset that are offered, the newest first.
const VERSIONS: usize = 200;
/// Most paths of a folder that are offered.
const PATHS: usize = 1000;
/// The revisions that every dataset has.
const KEYWORDS: [&str; 2] = ["HEAD", "latest"];

/// Returns the script that a shell reads, for those that complete more than commands and flags.
pub(crate) fn script(shell: clap_complete::Shell) -> Option<&'static str> {
    match shell {
        clap_complete::Shell::Bash => Some(include_str!("complete/hlx.bash")),
        clap_complete::Shell::Zsh => Some(include_str!("complete/_hlx.zsh")),
        clap_complete::Shell::Fish => Some(include_str!("complete/hlx.fish")),
        _ => None,
    }
}

/// Completes the last of the words, the first of which is the program; each candidate with its explanation, if it has one.
pub(crate) fn complete(words: &[String]) -> Vec<(String, String)> {
    let Some(last) = words.len().checked_sub(1) else { return Vec::new() };
    let mut definition = attach(parser::definition(), words);
    let typed: Vec<OsString> = words.iter().map(OsString::from).collect();
    let here = std::env::current_dir().ok();
    let candidates = clap_complete::engine::complete(&mut definition, typed, last, here.as_deref()).unwrap_or_default();
    let shown = candidates.iter().filter(|candidate| !candidate.is_hide_set());
    shown
        .filter_map(|candidate| {
            let value = candidate.get_value().to_str().filter(|value| !value.contains(['\t', '\n']))?;
            let is_flag = value.starts_with('-') && !words[last].starts_with('-');
            let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
            (!is_flag).then(|| (value.to_owned(), first_line(&help)))
        })
        .collect()
}

/// Has the arguments of a command complete by the names of their values.
fn attach(command: Command, words: &[String]) -> Command {
    let name = command.get_name().to_owned();
    let command = command.mut_subcommands(|command| attach(command, words));
    command.mut_args(|arg| match source(&name, &arg) {
        Some(source) => arg.add(ArgValueCompleter::new(SourceCompleter { source, words: words.to_vec() })),
        None => arg,
    })
}

/// The source of the values of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueSource {
    Datasets,
    Revisions,
    Tags,
    /// The paths of a version.
    Versioned,
    /// Versions, and files of the workspace.
    Paths,
}

fn source(command: &str, arg: &Arg) -> Option<ValueSource> {
    let name = arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str());
    let is_long = arg.get_long().is_some();
    match (command, name) {
        (_, "REV" | "REV|WORK" | "REV|NAME" | "NAME|REV" | "REV|DIR") => Some(ValueSource::Revisions),
        ("diff" | "compare", "A" | "B") if !is_long => Some(ValueSource::Revisions),
        ("add" | "create", "NAME" | "N") => None,
        (_, "NAME") if !is_long => Some(ValueSource::Datasets),
        ("list" | "compare", "N") if arg.get_long() == Some("name") => Some(ValueSource::Datasets),
        (_, "TAG") => Some(ValueSource::Tags),
        ("log" | "list", "T") if arg.get_long() == Some("tag") => Some(ValueSource::Tags),
        ("ls" | "cat", "PATH") => Some(ValueSource::Versioned),
        ("checkout" | "restore" | "clean" | "diff" | "log" | "status", "PATH") => Some(ValueSource::Paths),
        _ => None,
    }
}

/// The values of an argument, looked up in the repository; none where there is no repository.
struct SourceCompleter {
    source: ValueSource,
    words: Vec<String>,
}

impl ValueCompleter for SourceCompleter {
    fn complete(&self, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(typed) = current.to_str() else { return Vec::new() };
        let found = self.repo().and_then(|repo| match self.source {
            ValueSource::Datasets => datasets(&repo, ""),
            ValueSource::Revisions => revisions(&repo, typed),
            ValueSource::Tags => tags(&repo, None),
            ValueSource::Versioned | ValueSource::Paths => Ok(self.paths(&repo, typed)),
        });
        let mut candidates = found.unwrap_or_default();
        candidates.retain(|candidate| candidate.get_value().to_str().is_some_and(|value| value.starts_with(typed)));
        if self.source == ValueSource::Paths {
            candidates.extend(PathCompleter::any().complete(current));
            candidates.sort_by(|a, b| a.get_value().cmp(b.get_value()));
            candidates.dedup_by(|a, b| a.get_value() == b.get_value());
        }
        candidates
    }
}

impl SourceCompleter {
    /// Returns the repository, found from where `-C` says.
    fn repo(&self) -> Result<Repo> {
        let folder = self.words.iter().position(|word| word == "-C").and_then(|at| self.words.get(at + 1));
        Repo::open(Path::new(folder.map_or(".", String::as_str)))
    }

    /// Returns the paths of the version that was typed before, of the folder whose name is being typed.
    fn paths(&self, repo: &Repo, typed: &str) -> Vec<CompletionCandidate> {
        let folder = typed.rsplit_once('/').map(|(folder, _)| folder);
        let before = self.words.iter().rev().skip(1).filter(|word| !word.starts_with('-')).map(|word| Some(word.as_str()));
        before
            .chain([None])
            .find_map(|revision| list(repo, revision, folder).ok().filter(|list| !list.is_empty()))
            .unwrap_or_default()
    }
}

fn list(repo: &Repo, revision: Option<&str>, folder: Option<&str>) -> Result<Vec<CompletionCandidate>> {
    let (revision, path) = ls::target(repo, Some(revision.unwrap_or("HEAD")), folder)?;
    let mut candidates = Vec::new();
    ls::run(repo, &ls::LsOptions { revision, path, recursive: false }, &mut |item| {
        let name = item.path.rsplit('/').next().unwrap_or_default();
        let end = if item.kind == EntryKind::Folder { "/" } else { "" };
        if candidates.len() < PATHS {
            let folder = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
            candidates.push(CompletionCandidate::new(format!("{folder}{name}{end}")));
        }
        Ok(())
    })?;
    Ok(candidates)
}

fn datasets(repo: &Repo, end: &str) -> Result<Vec<CompletionCandidate>> {
    let datasets = dataset::list(repo, &args::Filter::default().query(None, None))?.datasets;
    let explained =
        |info: dataset::DatasetInfo| CompletionCandidate::new(format!("{}{end}", info.name)).help(Some(info.path.into()));
    Ok(datasets.into_iter().map(explained).collect())
}

/// Revisions of the dataset that was typed; else those of the only one, and the names of all.
fn revisions(repo: &Repo, typed: &str) -> Result<Vec<CompletionCandidate>> {
    if let Some((name, _)) = typed.split_once('@') {
        return versions(repo, name, &format!("{name}@"));
    }
    let mut candidates = datasets(repo, "@")?;
    if let [only] = repo.scope(None)?[..] {
        candidates.extend(versions(repo, &only.name, "")?);
    }
    Ok(candidates)
}

fn versions(repo: &Repo, name: &str, prefix: &str) -> Result<Vec<CompletionCandidate>> {
    let query = args::Filter::default().query(Some(name.to_owned()), Some(VERSIONS));
    let report = log::run(repo, &log::LogOptions { query, ..log::LogOptions::default() })?;
    let mut candidates: Vec<_> = KEYWORDS.iter().map(|word| CompletionCandidate::new(format!("{prefix}{word}"))).collect();
    candidates.extend(tags(repo, Some(name))?.into_iter().map(|tag| tag.add_prefix(prefix)));
    candidates.extend(report.versions.iter().map(|version| {
        let help = format!("{}  {}", day(&version.created_at), first_line(&version.change_summary));
        CompletionCandidate::new(format!("{prefix}{}", version.version)).help(Some(help.into()))
    }));
    Ok(candidates)
}

fn tags(repo: &Repo, dataset: Option<&str>) -> Result<Vec<CompletionCandidate>> {
    let numbers = |listed: &tag::TagEntry| listed.versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let listed = tag::list(repo, dataset)?.tags;
    Ok(listed.iter().map(|one| CompletionCandidate::new(&one.tag).help(Some(numbers(one).into()))).collect())
}
