//! Commands of git and DVC that `hlx` does not have: each is answered with what to do here instead.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use helox::Error;

use super::Arguments;

/// A command of another tool, and what to do here. A command that `hlx` gains leaves this table; a test says so.
const COMMANDS: [(&str, &str); 40] = [
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
    ("fsck", "'hlx verify --all' recomputes every checksum; 'hlx reindex' rebuilds the indexes"),
    ("gc", "unused data cannot be removed yet; 'hlx stats' shows the size of the store"),
    ("get", "'hlx checkout REV --into DIR' writes a version into another folder; 'hlx cat REV PATH' prints one file"),
    ("grep", "'hlx cat REV PATH | grep PATTERN' searches a file in a version"),
    ("import", "'hlx commit --from DIR' creates a version from another folder"),
    ("list", "'hlx ls REV' lists the files of a version, 'hlx dataset list' the datasets, 'hlx log' the versions"),
    ("merge", "versions cannot be merged: 'hlx checkout REV -- PATH' restores files from another version; then run 'hlx commit'"),
    ("metrics", "'hlx run list' lists training runs and 'hlx run compare A B' their metrics"),
    ("mv", "move the file with 'mv': 'hlx status' shows it as renamed"),
    ("prune", "unused data cannot be removed yet; 'hlx stats' shows the size of the store"),
    ("pull", "remotes are not available yet: copy the repository's folder, .helox included, with 'cp -R' or 'rsync -a'"),
    ("push", "remotes are not available yet: copy the repository's folder, .helox included, with 'cp -R' or 'rsync -a'"),
    ("rebase", "versions never change: 'hlx commit --parent REV' creates a version with another parent"),
    ("reflog", "'hlx audit' lists every version, tag, verdict, run and note with its time and author"),
    ("remote", "remotes are not available yet: copy the repository's folder, .helox included, with 'cp -R' or 'rsync -a'"),
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
];

/// The answer to a command of another tool; `None` to all else.
pub(super) fn answer(error: &clap::Error, typed: &[OsString]) -> Option<Error> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let (name, advice) = COMMANDS.iter().find(|(name, _)| name == word)?;
    // `hlx tag mv` is about tags.
    let definition = Arguments::command();
    let before = typed.iter().skip(1).take_while(|arg| *arg != word.as_str());
    let is_nested = before.filter_map(|arg| arg.to_str()).any(|arg| definition.find_subcommand(arg).is_some());
    (error.kind() == ErrorKind::InvalidSubcommand && !is_nested)
        .then(|| Error::usage(format!("'{name}' is not an hlx command")).with_hint(*advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_of_ours_is_in_the_table_and_every_command_it_names_is_ours() {
        let definition = Arguments::command();
        for (name, advice) in COMMANDS {
            assert!(definition.find_subcommand(name).is_none(), "'{name}' is a command now: remove its row");
            for named in advice.split("'hlx ").skip(1) {
                let named = named.split([' ', '\'']).next().unwrap();
                assert!(definition.find_subcommand(named).is_some(), "{name}: there is no 'hlx {named}'");
            }
        }
        assert!(COMMANDS.is_sorted());
    }
}
