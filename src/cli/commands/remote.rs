//! `hlx remote`: places to share versions.

use std::io::Write;

use helox::ops::remote::{self, RemoteAddOptions, RemoteView};
use helox::{Result, printable};

use crate::cli::args;
use crate::cli::format::columns;
use crate::cli::outcome::Outcome;
use crate::cli::session::Session;

pub(super) fn run(args: args::RemoteCommand, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    match args {
        args::RemoteCommand::Add(args) => {
            let report = remote::add(&repo, &options(args))?;
            let (name, url) = (&report.remote.name, printable(&report.remote.url));
            session.out.report(&report, |out| {
                let name = out.colors().bold(name);
                match report.already_declared {
                    true => writeln!(out, "Remote {name} at {url} is already declared"),
                    false => writeln!(out, "Added remote {name} at {url}"),
                }
            })?;
            if report.honours_create == Some(false) {
                session.out.warning(&format!(
                    "{url} replaces a file where it should only create it: two people who push at once can lose a version"
                ));
                session.out.hint("let only one process push at a time: hlx push --single-writer");
            }
        }
        args::RemoteCommand::Rm { name } => {
            let view = remote::remove(&repo, &name)?;
            session.out.report(&view, |out| {
                let name = out.colors().bold(&view.name);
                writeln!(out, "Removed remote {name} from helox.toml; kept what is at {}", printable(&view.url))
            })?;
        }
        args::RemoteCommand::List => {
            let report = remote::list(&repo);
            session.out.answer(&report, |out| {
                let rows: Vec<_> = report.remotes.iter().map(row).collect();
                columns(&rows).iter().try_for_each(|line| writeln!(out, "{line}"))
            })?;
            if report.remotes.is_empty() {
                session.out.hint("no remotes; add one: hlx remote add NAME URL");
            }
        }
    }
    Ok(Outcome::Yes)
}

fn options(args: args::RemoteAddArgs) -> RemoteAddOptions {
    let args::RemoteAddArgs { name, url, endpoint, region, profile, anonymous, path_style, no_probe } = args;
    RemoteAddOptions { name, url, endpoint, region, profile, anonymous, path_style, no_probe }
}

/// The name, the URL, and the settings that are not the default.
fn row(view: &RemoteView) -> [String; 3] {
    let texts = [("endpoint", &view.endpoint), ("region", &view.region), ("profile", &view.profile)];
    let mut settings: Vec<String> =
        texts.into_iter().filter_map(|(key, text)| Some(format!("{key} {}", printable(text.as_deref()?)))).collect();
    let switches = [
        (view.anonymous, "anonymous"),
        (view.path_style == Some(true), "bucket in the path"),
        (view.path_style == Some(false), "bucket in the host name"),
        (view.read_only, "read-only"),
    ];
    settings.extend(switches.iter().filter(|(is_set, _)| *is_set).map(|(_, words)| (*words).to_owned()));
    [view.name.clone(), printable(&view.url).into_owned(), settings.join(", ")]
}
