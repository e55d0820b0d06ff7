//! The words and numbers that `push`, `fetch`, `pull` and `clone` share.

use std::io::{self, Write};

use helox::ops::TransferredVersion;
use helox::{Repo, printable};

use crate::cli::format::{count, size};
use crate::cli::output::Output;

/// The names of a command line: the remote, if the first is one, and the others.
pub(super) fn names(repo: &Repo, mut names: Vec<String>) -> (Option<String>, Vec<String>) {
    let is_remote =
        |name: &String| repo.config().remotes().any(|remote| remote.name == *name) && repo.config().dataset(name).is_none();
    let is_dataset = |name: &String| name.contains('@') || repo.config().dataset(name).is_some();
    match names.first() {
        Some(first) if is_remote(first) || names.len() > 1 && !is_dataset(first) => (Some(names.remove(0)), names),
        _ => (None, names),
    }
}

/// Prints versions, one on a line.
pub(super) fn print_versions(verb: &str, versions: &[TransferredVersion], out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    for version in versions {
        let name = format!("{} {}", colors.bold(printable(&version.dataset_name)), colors.changed(&version.version));
        writeln!(out, "{verb} {name}")?;
    }
    Ok(())
}

/// Returns the amount of a transfer: `1.2 MB in 9 requests`.
pub(super) fn traffic(bytes: u64, requests: u64) -> String {
    format!("{} in {}", size(bytes), count(requests, "request"))
}
