//! `hlx cat`: prints a file of a version, byte for byte.

use helox::ops::cat;
use helox::{Error, ErrorKind, Result, printable};
use serde::Serialize;

use crate::cli::args;
use crate::cli::outcome::Outcome;
use crate::cli::output_options::OutputFormat;
use crate::cli::session::Session;

/// The document of `--json`.
#[derive(Serialize)]
struct CatOutput<'a> {
    revision: &'a str,
    path: &'a str,
    size: usize,
    text: &'a str,
}

pub(super) fn run(args: &args::CatArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let (rev, path) = match &args.path {
        Some(path) => (args.rev.as_str(), path.clone()),
        None => cat::target(&repo, &args.rev)?,
    };
    if session.out.format() == OutputFormat::Human {
        cat::run(&repo, rev, &path, &mut session.out)?;
        return Ok(Outcome::Yes);
    }
    // A JSON document is text, and on failure it is another one: the whole file must be seen before anything is printed.
    let mut bytes = Vec::new();
    cat::run(&repo, rev, &path, &mut bytes)?;
    let text = std::str::from_utf8(&bytes).map_err(|source| {
        let message = format!("{} is not UTF-8 text and cannot be printed as JSON", printable(&path));
        Error::new(ErrorKind::UnsupportedInput, message).with_hint("print its bytes: hlx cat without --json").with_source(source)
    })?;
    session.out.document(&CatOutput { revision: rev, path: &path, size: bytes.len(), text })?;
    Ok(Outcome::Yes)
}
