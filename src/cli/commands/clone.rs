//! `hlx clone`: makes a repository, or a folder with one version, from a remote.

use std::io::{self, Write};
use std::path::PathBuf;

use helox::ops::clone;
use helox::{Error, Result, printable};

use crate::cli::args;
use crate::cli::commands::transfer;
use crate::cli::format::{count, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::session::Session;

pub(super) fn run(args: args::CloneArgs, session: &mut Session) -> Result<Outcome> {
    let cache = args.cache.or_else(cache).ok_or_else(|| {
        Error::usage("no folder for the cache: neither HLX_CACHE, XDG_CACHE_HOME nor HOME is set").with_hint("set HLX_CACHE=DIR")
    })?;
    let args::CloneArgs { url, dir, version, include, exclude, endpoint, region, profile, anonymous, .. } = args;
    let settings = clone::CloneSettings { endpoint, region, profile, anonymous };
    let dir = session.folder()?.join(dir);
    let options = clone::CloneOptions { url, settings, dir, version, include, exclude, cache };
    let report = clone::run(&options, &session.progress())?;
    session.out.report(&report, |out| print(&report, out))?;
    Ok(Outcome::Yes)
}

/// Returns the folder for data that can be lost: of the desktop's convention, or in the home folder.
fn cache() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    Some(caches.or_else(|| Some(folder("HOME")?.join(".cache")))?.join("helox"))
}

fn print(report: &clone::CloneReport, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    if report.is_repository {
        writeln!(out, "Cloned {} to {}", count(report.versions, "version"), printable(&report.path))?;
    }
    for version in &report.checked_out {
        let name = format!("{} {}", colors.bold(printable(&version.dataset_name)), colors.changed(&version.version));
        writeln!(out, "Checked out {name} to {} ({} written)", printable(&version.path), thousands(version.written))?;
    }
    writeln!(out, "from {}: {}", printable(&report.url), transfer::traffic(report.bytes, report.requests))
}
