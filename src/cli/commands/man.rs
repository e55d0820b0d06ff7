//! `hlx man`: the manual page of all commands, generated from the definition of the command line.

use std::io::{self, Write};

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use helox::{Error, ErrorKind, Result};
use serde_json::json;

use super::Answer;
use crate::cli::args;
use crate::cli::session::Session;

const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Done."),
    ("1", "The answer is no: files differ, validation failed or damage was found."),
    ("2", "Invalid usage."),
    ("3", "A repository, dataset, version or path was not found."),
    ("4", "A conflict: the version already exists, or uncommitted changes would be lost."),
    ("5", "The store is damaged."),
    ("6", "An I/O error."),
    ("70", "An internal error of hlx."),
    ("130", "Interrupted."),
];
const ENVIRONMENT: &[(&str, &str)] = &[
    ("HLX_AUTHOR", "Author of versions, tags and notes; by default git's user."),
    ("HLX_PAGER, PAGER", "Pager for log, diff, show and audit on a terminal; by default less -FRX. Empty or cat disables it."),
    ("VISUAL, EDITOR", "Editor for the summary of a commit without -m; by default vi."),
    ("NO_COLOR", "If not empty, output is not colored."),
];
const FILES: &[(&str, &str)] = &[
    ("helox.toml", "Datasets and their rules; commit it with the code."),
    (".helox/", "The store: versions, facts and indexes."),
    (".helox/config.toml", "Settings of this copy only."),
    (".hlxignore", "Patterns of files to ignore, as in .gitignore."),
];

pub(super) fn run(session: &mut Session) -> Result<Answer> {
    let page = page().map_err(|e| Error::new(ErrorKind::Io, "cannot format the manual page").with_source(e))?;
    let document = json!({ "page": String::from_utf8_lossy(&page) });
    session.out.answer(&document, |out| out.write_all(&page))?;
    Ok(Answer::Yes)
}

/// The page of `hlx`, and a section for each command where its own page would have been.
fn page() -> io::Result<Vec<u8>> {
    let mut definition = args::definition().disable_help_subcommand(true);
    definition.build();
    let man = Man::new(definition.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    examples(&definition, "SH", &mut page)?;
    commands(&definition, &mut page)?;
    for (title, rows) in [("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)] {
        let mut roff = Roff::default();
        roff.control("SH", [title]);
        for (name, meaning) in rows {
            roff.control("TP", []);
            roff.text([bold(*name)]);
            roff.text([roman(*meaning)]);
        }
        roff.to_writer(&mut page)?;
    }
    Ok(page)
}

/// The sections of all commands that can be run.
fn commands(parent: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    for command in parent.get_subcommands().filter(|command| !command.is_hide_set()) {
        if command.has_subcommands() {
            commands(command, page)?;
            continue;
        }
        let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
        // What every command takes stands once, at the top.
        let local =
            command.clone().mut_args(|arg| if arg.is_global_set() || arg.get_id() == "help" { arg.hide(true) } else { arg });
        let man = Man::new(local);
        let mut roff = Roff::default();
        roff.control("SH", [name.to_uppercase().as_str()]);
        roff.to_writer(page)?;
        let mut sections = Vec::new();
        man.render_synopsis_section(&mut sections)?;
        man.render_description_section(&mut sections)?;
        man.render_options_section(&mut sections)?;
        page.extend(String::from_utf8_lossy(&sections).replace(".SH ", ".SS ").into_bytes());
        examples(command, "SS", page)?;
    }
    Ok(())
}

/// What follows the help of a command, line by line as it stands there.
fn examples(command: &clap::Command, level: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let Some(text) = command.get_after_help() else { return Ok(()) };
    let mut roff = Roff::default();
    roff.control(level, ["EXAMPLES"]);
    roff.control("nf", []);
    for line in text.to_string().lines().filter(|line| !line.starts_with("Example")) {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}
