//! `hlx ls`: lists the files of a version, as they are read.

use std::io::{self, Write};

use helox::id::{Content, Id};
use helox::object::node::EntryKind;
use helox::ops::ls::{self, LsEntry};
use helox::{Result, printable};
use serde::Serialize;

use crate::cli::args;
use crate::cli::format::{short, size, thousands};
use crate::cli::outcome::Outcome;
use crate::cli::output::Output;
use crate::cli::output_options::OutputFormat;
use crate::cli::session::Session;

/// The document of `--json`.
#[derive(Serialize)]
struct LsOutput {
    items: Vec<LsEntry>,
}

pub(super) fn run(args: &args::LsArgs, session: &mut Session) -> Result<Outcome> {
    let repo = session.repo()?;
    let (revision, path) = ls::target(&repo, args.rev.as_deref(), args.path.as_deref())?;
    let options = ls::LsOptions { revision, path, recursive: args.recursive };
    let out = &mut session.out;
    match out.format() {
        OutputFormat::Human => {
            ls::run(&repo, &options, &mut |item| print(&item, args.long || out.is_verbose(), out).map_err(|e| out.error(e)))?
        }
        OutputFormat::JsonLines => ls::run(&repo, &options, &mut |item| out.document(&item))?,
        // Held back until it is whole, so that a failure on the way is the only document.
        OutputFormat::Json => {
            let mut items = Vec::new();
            ls::run(&repo, &options, &mut |item| {
                items.push(item);
                Ok(())
            })?;
            out.document(&LsOutput { items })?;
        }
    }
    Ok(Outcome::Yes)
}

fn print(item: &LsEntry, long: bool, out: &mut Output) -> io::Result<()> {
    let colors = out.colors();
    if long {
        let kind = match item.kind {
            EntryKind::File => "file",
            EntryKind::Executable => "exec",
            EntryKind::Symlink => "link",
            EntryKind::Folder => "dir",
        };
        let samples = item.samples.map_or_else(|| "-".to_owned(), thousands);
        let is_verbose = out.is_verbose();
        let shown = |id: Id<Content>| if is_verbose { id.to_hex() } else { short(id) };
        let id = item.id.map_or_else(|| "-".to_owned(), shown);
        write!(out, "{kind:4}  {:>6}  {samples:>11}  {}  ", size(item.size), colors.dim(format!("{id:12}")))?;
    }
    match item.kind {
        EntryKind::Folder => writeln!(out, "{}", colors.label(format!("{}/", printable(&item.relative)))),
        _ => writeln!(out, "{}", printable(&item.relative)),
    }
}
