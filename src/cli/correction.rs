//! The command that was meant where an argument is in the wrong place: a path that is given as a dataset or a version, the
//! folder of a dataset, a version given as a path.

use std::ffi::OsString;
use std::path::Path;

use clap::{ArgMatches, Command};
use helox::{Error, ErrorKind, Repo, nearest, printable};

use super::args::{CommandLine, parser};

/// The arguments that are datasets or versions.
const NAMES: [&str; 8] = ["name", "rev", "target", "from", "to", "revs", "a", "b"];

/// Ends an error with the command that was meant, if one of its arguments is in the wrong place.
pub(crate) fn correct(error: Error, typed: &[OsString]) -> Error {
    let hint = match error.kind() {
        ErrorKind::DatasetNotFound | ErrorKind::VersionNotFound | ErrorKind::PathNotFound => correction(typed),
        ErrorKind::Interrupted => unresumed(typed),
        _ => None,
    };
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The commands that go on where they were interrupted.
const RESUMED: [&str; 3] = ["checkout", "commit", "restore"];

/// Returns the hint for an interrupted command that starts anew.
fn unresumed(typed: &[OsString]) -> Option<String> {
    let matches = parser::matches(typed)?;
    (!RESUMED.contains(&matches.subcommand_name()?)).then(|| "no data was lost".to_owned())
}

/// Returns the hint for the first argument that is in the wrong place.
fn correction(typed: &[OsString]) -> Option<String> {
    let repo = Repo::open(&std::env::current_dir().ok()?).ok()?;
    let (definition, line) = (parser::definition(), CommandLine::new(typed)?);
    let (mut command, mut matches) = (&definition, &parser::matches(typed)?);
    while let Some((name, inner)) = matches.subcommand() {
        (command, matches) = (command.find_subcommand(name)?, inner);
    }
    match command.get_name() {
        "restore" => source(&repo, &line, &values(matches, "paths")),
        "add" if matches.try_contains_id("text").is_ok() => {
            let (revision, text) = (values(matches, "rev").pop()?, values(matches, "text").pop()?);
            let swapped = repo.is_revision(text) && !repo.is_revision(revision);
            swapped
                .then(|| format!("the version comes first: {}", line.replaced(text, &[]).replaced(revision, &[text, revision])))
        }
        "verify" => values(matches, "targets").into_iter().find_map(|word| folder(&repo, &line, word)),
        _ => NAMES.iter().flat_map(|id| values(matches, id)).find_map(|word| misplaced(&repo, &line, command, word)),
    }
}

/// Returns the values of an argument; none if the command does not have it.
fn values<'m>(matches: &'m ArgMatches, id: &str) -> Vec<&'m str> {
    let raw = matches.try_get_raw(id).ok().flatten();
    raw.into_iter().flatten().filter_map(|word| word.to_str()).collect()
}

/// Returns the hint for a word in the place of a dataset or a version that is a path, or a dataset written as one.
fn misplaced(repo: &Repo, line: &CommandLine, command: &Command, word: &str) -> Option<String> {
    let (config, shown) = (repo.config(), printable(word));
    if config.dataset(word).is_some() || repo.is_revision(word) {
        return None;
    }
    if command.get_name() == "checkout" && word == "-" {
        return Some("the version that was checked out before is not recorded; list the versions: hlx log".to_owned());
    }
    let owner = repo.dataset_of(word);
    let named = owner.filter(|owner| repo.resolve(Path::new(word)).is_ok_and(|path| path == owner.path));
    if let Some(dataset) = named.or_else(|| config.dataset(word.trim_end_matches('/'))) {
        let meant = line.replaced(word, &[&dataset.name]);
        return Some(format!("'{shown}' is the folder of dataset '{}': {meant}", dataset.name));
    }
    if let Some(revision) = word.split_once('/').map(|(name, rest)| format!("{name}@{rest}"))
        && repo.is_revision(&revision)
    {
        return Some(format!("did you mean: {}", line.replaced(word, &[&revision])));
    }
    let exists = Path::new(word).symlink_metadata().is_ok();
    let takes_paths = command.get_positionals().any(|arg| arg.is_last_set() && arg.get_id() == "paths");
    match (command.get_name(), owner) {
        ("checkout", Some(_)) if exists => Some(format!("to restore a file: {}", line.replaced("checkout", &["restore"]))),
        ("commit", Some(owner)) if exists => {
            Some(format!("a commit takes all changes of a dataset: {}", without_separator(line).replaced(word, &[&owner.name])))
        }
        // A file of an earlier version need not exist.
        (name, Some(owner)) if takes_paths && (exists || name == "log" && word.contains('/')) => {
            let is_here = repo.current_dataset().is_none_or(|here| here == owner.name);
            let line = if is_here { line.clone() } else { line.replaced(word, &[&owner.name, word]) };
            Some(format!("paths come after '--': {}", line.with_paths(&[word])))
        }
        (_, None) if takes_paths && exists && repo.scope_of_paths(None, &[word.to_owned()]).is_ok() => {
            Some(format!("paths come after '--': {}", line.with_paths(&[word])))
        }
        (name, Some(owner)) if exists && !takes_paths => {
            let meant = without_separator(line).replaced(word, &[&owner.name]);
            Some(format!("'{shown}' is a path in dataset '{}', and 'hlx {name}' takes no paths: {meant}", owner.name))
        }
        _ => None,
    }
}

/// Returns the line without `--`, for a command that takes no paths.
fn without_separator(line: &CommandLine) -> CommandLine {
    line.replaced("--", &[])
}

/// Returns the hint for a version among the paths to restore.
fn source(repo: &Repo, line: &CommandLine, paths: &[&str]) -> Option<String> {
    let revision = paths.iter().find(|word| Path::new(word).symlink_metadata().is_err() && repo.is_revision(word))?;
    let line = without_separator(line).replaced(revision, &[]);
    Some(match paths.len() {
        1 => format!("'{0}' is a version; give the files, too: hlx restore PATH --source {0}", printable(revision)),
        _ => format!("'{}' is a version: {}", printable(revision), line.with_option(&["--source", revision])),
    })
}

/// Returns the hint for a folder to verify whose name is spelled otherwise.
fn folder(repo: &Repo, line: &CommandLine, word: &str) -> Option<String> {
    let path = Path::new(word);
    if path.exists() || repo.is_revision(word) {
        return None;
    }
    let above = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folders = std::fs::read_dir(above).ok()?.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
    let near = nearest(path.file_name()?.to_str()?, folders.filter_map(|entry| entry.file_name().into_string().ok()))?;
    Some(format!("did you mean: {}", line.replaced(word, &[path.with_file_name(near).to_str()?])))
}
