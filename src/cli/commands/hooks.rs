//! `hlx install-hooks`: creates the hook of git that validates the data.

use std::io::Write;

use helox::ops::hooks;
use helox::{Result, printable};

use crate::cli::outcome::Outcome;
use crate::cli::session::Session;

pub(super) fn run(session: &mut Session) -> Result<Outcome> {
    let report = hooks::install(&session.repo()?)?;
    let path = report.path.display().to_string();
    session.out.report(&report, |out| match report.created {
        true => writeln!(out, "Created {}: 'git commit' runs 'hlx validate' first", printable(&path)),
        false => writeln!(out, "{} is already installed", printable(&path)),
    })?;
    if report.created {
        session.out.hint(&format!("to remove the hook, delete {path}; to skip it once: git commit --no-verify"));
    }
    Ok(Outcome::Yes)
}
