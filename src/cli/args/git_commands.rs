//! Commands of git and DVC that `hlx` does not have: each is answered with what to do here instead.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use helox::{Error, Repo, nearest};

use super::{Arguments, CommandLine};

/// A command of another tool, and what to do here. A command that `hlx` gains leaves this table; a test says so.
const COMMANDS: [(&str, &str); 38] = [
    ("add", "there is no staging area: 'hlx commit' takes every change; 'hlx dataset add NAME --path DIR' declares a dataset"),
    ("am", "there are no patches: 'hlx commit --from DIR' creates a version from another folder"),
    ("bisect", "'hlx log -- PATH' lists the versions that changed a file; 'hlx checkout REV' checks one out"),
    ("blame", "'hlx log -- PATH' lists the versions that changed a file; 'hlx diff A B --patch' shows the samples"),
    ("branch", "there are no branches: 'hlx commit --parent REV' continues from any version; 'hlx tag add REV NAME' tags one"),
    ("cherry-pick", "'hlx checkout REV -- PATH' restores files from another version; then run 'hlx commit'"),
    ("clone", "remotes are not available yet: copy the repository's folder, .helox included, with 'cp -R' or 'rsync -a'"),
    ("config", "edit helox.toml to change settings; HLX_AUTHOR sets the author"),
    ("describe", "'hlx show' shows the checked-out version"),
    ("destroy", "remove the folder .helox and the file helox.toml"),
    (
        "erase",
        "versions cannot be removed yet; remove the files from the workspace and run 'hlx commit' to leave them out of the next version",
    ),
    ("export", "'hlx checkout REV --into DIR' writes a version into another folder"),
    ("fetch", "remotes are not available yet: copy the repository's folder, .helox included, with 'cp -R' or 'rsync -a'"),
    ("get", "'hlx checkout REV --into DIR' writes a version into another folder; 'hlx cat REV PATH' prints one file"),
    ("grep", "'hlx cat REV PATH | grep PATTERN' searches a file in a version"),
    ("import", "'hlx commit --from DIR' creates a version from another folder"),
    ("list", "'hlx ls REV' lists the files of a version, 'hlx dataset list' the datasets, 'hlx log' the versions"),
    ("merge", "versions cannot be merged: 'hlx checkout REV -- PATH' restores files from another version; then run 'hlx commit'"),
    ("metrics", "'hlx run list' lists training runs and 'hlx run compare A B' their metrics"),
    ("mv", "move the file with 'mv': 'hlx status' shows it as renamed"),
    ("prune", "'hlx gc' removes data that no version needs"),
    ("pull", "remotes are not available yet: copy the repository's folder, .helox included, with 'cp -R' or 'rsync -a'"),
    ("push", "remotes are not available yet: copy the repository's folder, .helox included, with 'cp -R' or 'rsync -a'"),
    ("rebase", "versions never change: 'hlx commit --parent REV' creates a version with another parent"),
    ("reflog", "'hlx audit' lists every version, tag, verdict, run and note with its time and author"),
    ("remove", "remove the file with 'rm' and run 'hlx commit'; earlier versions keep it"),
    ("repro", "'hlx run record REV --model NAME' records which version a model was trained on"),
    ("reset", "'hlx checkout HEAD --force' discards every change, 'hlx restore PATH' those of one file or folder"),
    ("revert", "'hlx checkout REV -- .' restores the files of an earlier version; then run 'hlx commit'"),
    ("rm", "remove the file with 'rm' and run 'hlx commit'; earlier versions keep it"),
    ("stage", "there is no staging area: 'hlx commit' takes every change"),
    (
        "stash",
        "'hlx commit --tag NAME' saves the changes as a version, 'hlx checkout HEAD~1' goes back, 'hlx checkout NAME' returns",
    ),
    ("submodule", "a repository can have several datasets: 'hlx dataset add NAME --path DIR' declares one"),
    ("switch", "'hlx checkout REV' updates the workspace to a version"),
    ("track", "'hlx dataset add NAME --path DIR' declares a folder; every file in it is part of the next version"),
    ("unstage", "there is no staging area: 'hlx restore PATH' discards the changes of a file"),
    ("update", "'hlx checkout latest' updates the workspace to the latest version"),
    ("version", "'hlx --version' prints the version of hlx; 'hlx log' lists those of the data"),
];

/// Commands and options of other tools below a command of ours, and what to do here.
const NESTED: [(&str, &str, &str); 24] = [
    ("checkout", "-b", "there are no branches: 'hlx tag add REV NAME' tags a version"),
    ("commit", "--amend", "versions never change: commit again, or add a note to one with 'hlx note add REV TEXT'"),
    ("commit", "--no-verify", "'hlx commit --no-validate' skips validation"),
    (
        "commit",
        "-n",
        "'hlx commit --no-validate' skips validation, as git's -n; 'hlx commit --dry-run' shows what would be committed",
    ),
    ("dataset", "delete", "'hlx dataset rm NAME' removes a dataset from helox.toml"),
    ("dataset", "mv", "'hlx dataset rename OLD NEW' renames a dataset"),
    ("dataset", "remove", "'hlx dataset rm NAME' removes a dataset from helox.toml"),
    ("diff", "--cached", "there is no staging area: 'hlx diff' shows what commit would record"),
    ("diff", "--staged", "there is no staging area: 'hlx diff' shows what commit would record"),
    ("log", "-p", "'hlx diff REV^ REV -p' shows the samples that changed in a version"),
    ("run", "add", "'hlx run record REV --model NAME' records a run"),
    ("run", "delete", "'hlx run withdraw RUN --why TEXT' marks a run as invalid; it stays in the history"),
    ("run", "rm", "'hlx run withdraw RUN --why TEXT' marks a run as invalid; it stays in the history"),
    ("status", "--porcelain", "'hlx status --json' and 'hlx status --short' are for scripts"),
    ("tag", "--delete", "'hlx tag rm REV TAG' removes a tag"),
    ("tag", "--force", "'hlx tag add REV TAG --move' moves a tag to another version"),
    ("tag", "--list", "'hlx tag list' lists the tags"),
    ("tag", "-d", "'hlx tag rm REV TAG' removes a tag"),
    ("tag", "-f", "'hlx tag add REV TAG --move' moves a tag to another version"),
    ("tag", "-l", "'hlx tag list' lists the tags"),
    ("tag", "delete", "'hlx tag rm REV TAG' removes a tag"),
    ("tag", "move", "'hlx tag add REV TAG --move' moves a tag to another version"),
    ("tag", "mv", "'hlx tag add REV TAG --move' moves a tag to another version"),
    ("tag", "remove", "'hlx tag rm REV TAG' removes a tag"),
];

/// Returns the answer to what another tool has and `hlx` does not, and to words in a place where they cannot be; `None` to
/// all else.
pub(super) fn suggest(error: &clap::Error, typed: &[OsString]) -> Option<Error> {
    let string = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let definition = Arguments::command();
    let names = typed.iter().skip(1).filter_map(|arg| arg.to_str());
    let command = names.clone().find_map(|arg| definition.find_subcommand(arg));
    let inner = command.and_then(|command| names.clone().find_map(|arg| command.find_subcommand(arg)));
    if let Some(command) = inner.or(command).filter(|_| error.kind() == ErrorKind::MissingRequiredArgument) {
        return missing(command, typed);
    }
    let word = string(ContextKind::InvalidSubcommand).or_else(|| string(ContextKind::InvalidArg))?;
    if let Some(command) = command
        && typed.iter().take_while(|arg| *arg != word).any(|arg| *arg == *command.get_name())
    {
        let name = command.get_name();
        let nested = NESTED.iter().find(|(outer, inner, _)| *outer == name && *inner == word);
        return match (nested, error.kind()) {
            (Some((_, _, advice)), _) => Some(Error::usage(format!("'hlx {name}' does not have '{word}'")).with_hint(*advice)),
            (None, ErrorKind::UnknownArgument) => surplus(inner.unwrap_or(command), word, typed),
            (None, ErrorKind::InvalidSubcommand) if name == "tag" && error.get(ContextKind::SuggestedSubcommand).is_none() => {
                let meant = CommandLine::new(typed)?.replaced(word, &["add", &head(typed), word]);
                Some(
                    Error::usage(format!("'hlx tag' does not have '{word}'"))
                        .with_hint(format!("to tag the checked-out version: {meant}")),
                )
            }
            _ => None,
        };
    }
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    if let Some((name, advice)) = COMMANDS.iter().find(|(name, _)| *name == word) {
        return Some(Error::usage(format!("'{name}' is not an hlx command")).with_hint(*advice));
    }
    // Of the words after 'help', clap suggests nothing.
    let names = definition.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
    let near = nearest(word, names).filter(|_| typed.get(1).is_some_and(|first| first == "help"))?;
    Some(Error::usage(format!("unrecognized command '{word}'")).with_hint(format!("did you mean 'hlx help {near}'?")))
}

/// Returns the answer to a command line without a version: files to restore, as for `git checkout`, or a command to run that is not
/// after `--`.
fn missing(command: &clap::Command, typed: &[OsString]) -> Option<Error> {
    let line = CommandLine::new(typed)?;
    let is_typed = |word: &str| typed.iter().any(|arg| arg == word);
    match command.get_name() {
        "checkout" if is_typed("--") => {
            let meant = line.replaced("checkout", &["restore"]).replaced("--", &[]);
            Some(Error::usage("no version is given").with_hint(format!("to restore files: {meant}")))
        }
        "checkout" if is_typed("-f") || is_typed("--force") => Some(
            Error::usage("no version is given")
                .with_hint(format!("to discard all changes: hlx checkout {} --force", head(typed))),
        ),
        "exec" => to_run(command, &line),
        _ => None,
    }
}

/// Returns the revision of the checked-out version; with `NAME@` where there are several datasets.
fn head(typed: &[OsString]) -> String {
    let dir = typed.windows(2).find(|pair| pair[0] == "-C").map_or_else(|| ".".into(), |pair| pair[1].clone());
    let is_clear = Repo::open(Path::new(&dir)).is_ok_and(|repo| repo.dataset(None).is_ok());
    if is_clear { "HEAD".to_owned() } else { "NAME@HEAD".to_owned() }
}

/// Returns the answer to `run exec` without `--`: the command begins after the options that follow the versions, or else after the
/// first version.
fn to_run(command: &clap::Command, line: &CommandLine) -> Option<Error> {
    let words: Vec<&str> = line.words().iter().map(String::as_str).collect();
    let takes_value = |word: &str| {
        let arg = command.get_arguments().find(|arg| word.strip_prefix("--").is_some_and(|long| arg.get_long() == Some(long)));
        arg.is_some_and(|arg| arg.get_action().takes_values())
    };
    let (mut versions, mut has_option, mut at) = (0, false, words.iter().position(|word| *word == "exec")? + 1);
    let start = loop {
        let word = words.get(at)?;
        let is_option = word.starts_with('-');
        if !is_option && versions > 0 && (has_option || words[at..].iter().all(|word| !word.starts_with("--"))) {
            break at;
        }
        has_option = is_option && versions > 0;
        versions += usize::from(!is_option);
        at += if takes_value(word) { 2 } else { 1 };
    };
    let (before, after) = words.split_at(start);
    let meant = CommandLine::of(before.iter().chain(&["--"]).chain(after));
    Some(Error::usage("the command to run is not after '--'").with_hint(format!("did you mean: {meant}")))
}

/// Returns the answer to a word too many: a version after the name of its dataset, or a path that is not after `--`.
fn surplus(command: &clap::Command, word: &str, typed: &[OsString]) -> Option<Error> {
    let line = CommandLine::new(typed)?;
    let at = typed.iter().position(|arg| arg == word)?;
    let before = typed.get(at.checked_sub(1)?)?.to_str()?;
    let name = command.get_name();
    if name == "exec" {
        return to_run(command, &line);
    }
    let error = |hint: String| Some(Error::usage(format!("unexpected argument '{word}'")).with_hint(hint));
    if name == "commit" && before == "--" {
        return error(format!("a commit takes all changes of a dataset: {}", line.without_paths()));
    }
    if word.starts_with('-') || before.starts_with('-') || before == name {
        return None;
    }
    if word.contains('/') || Path::new(word).exists() {
        let has = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
        return match command.get_positionals().any(|arg| arg.is_last_set() && arg.get_id() == "paths") {
            true => {
                let rest = line.words()[at..].iter().map(String::as_str);
                let paths: Vec<&str> = rest.take_while(|word| !word.starts_with('-')).collect();
                error(format!("paths come after '--': {}", line.with_paths(&paths)))
            }
            false if name == "add" && has("path") => error(format!("did you mean: {}", line.replaced(word, &["--path", word]))),
            false => None,
        };
    }
    let is_keyword = ["latest", "head", "work"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
    let is_version = word.trim_start_matches(['v', 'V']).starts_with(|c: char| c.is_ascii_digit());
    let takes_revision = command.get_positionals().next().is_some_and(|arg| arg.get_id() == "rev");
    let may_be_dataset = !before.contains('@') && before.starts_with(|c: char| c.is_ascii_lowercase());
    if !may_be_dataset || !(is_keyword || is_version || takes_revision) {
        return None;
    }
    let meant = line.replaced(word, &[]).replaced(before, &[&format!("{before}@{word}")]);
    error(format!("did you mean '{meant}'?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_of_ours_is_in_the_table() {
        let definition = Arguments::command();
        for (outer, inner, _) in NESTED {
            let command = definition.find_subcommand(outer).unwrap();
            let long = inner.strip_prefix("--");
            let short = inner.strip_prefix('-').filter(|_| long.is_none()).and_then(|short| short.chars().next());
            assert!(command.find_subcommand(inner).is_none(), "{outer} {inner}");
            let mut options = command.get_arguments().map(|arg| (arg.get_long(), arg.get_short()));
            assert!(!options.any(|(l, s)| long.is_some() && l == long || short.is_some() && s == short), "{outer} {inner}");
        }
        assert!(NESTED.is_sorted());
    }

    #[test]
    fn no_command_of_ours_is_in_the_table_and_every_command_it_names_is_ours() {
        let definition = Arguments::command();
        let nested = NESTED.iter().map(|(_, name, advice)| (*name, *advice));
        for (name, _) in COMMANDS {
            assert!(definition.find_subcommand(name).is_none(), "'{name}' is a command now: remove its row");
        }
        for (name, advice) in COMMANDS.into_iter().chain(nested) {
            for named in advice.split("'hlx ").skip(1).filter(|named| !named.starts_with("--")) {
                let named = named.split([' ', '\'']).next().unwrap();
                assert!(definition.find_subcommand(named).is_some(), "{name}: there is no 'hlx {named}'");
            }
        }
        assert!(COMMANDS.is_sorted());
    }
}
