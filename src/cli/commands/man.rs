//! `hlx man`: a manual page a command, generated from the definition of the command line.

use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};

use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use helox::{Error, ErrorKind, Result, printable};
use serde_json::json;

use crate::cli::args::{self, parser};
use crate::cli::interrupt::ListenerGuard;
use crate::cli::outcome::Outcome;
use crate::cli::output_options::OutputFormat;
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
    (".helox/", "The store: versions, tags, runs, notes and indexes."),
    (".helox/config.toml", "Settings of this copy only."),
    (".hlxignore", "Patterns of files to ignore, as in .gitignore."),
];

pub(super) fn run(args: &args::ManArgs, session: &mut Session) -> Result<Outcome> {
    let mut definition = parser::definition().disable_help_subcommand(true);
    definition.build();
    let mut pages = Vec::new();
    commands(&definition, &mut pages);
    if args.list {
        let document = json!({ "pages": pages.iter().map(|(name, _)| name).collect::<Vec<_>>() });
        session.out.answer(&document, |out| pages.iter().try_for_each(|(name, _)| writeln!(out, "{name}")))?;
        return Ok(Outcome::Yes);
    }
    let words: Vec<&str> = args.command.iter().flat_map(|word| word.split('-')).filter(|word| !word.is_empty()).collect();
    let name = ["hlx"].iter().chain(words.strip_prefix(&["hlx"]).unwrap_or(&words)).copied().collect::<Vec<_>>().join("-");
    let Some((_, command)) = pages.iter().find(|(page, _)| *page == name) else {
        return Err(
            Error::usage(format!("no manual page {}", printable(&name))).with_hint("list the manual pages: hlx man --list")
        );
    };
    let page = page(&name, command).map_err(|e| Error::new(ErrorKind::Io, "cannot format the manual page").with_source(e))?;
    let document = json!({ "page": String::from_utf8_lossy(&page) });
    let is_read = session.out.format() == OutputFormat::Human && io::stdout().is_terminal();
    if is_read && format(&page) {
        return Ok(Outcome::Yes);
    }
    session.out.answer(&document, |out| out.write_all(&page))?;
    if is_read {
        session.out.hint(&format!("to read it with man(1): hlx man {} > {name}.1; man ./{name}.1", args.command.join(" ")));
    }
    Ok(Outcome::Yes)
}

/// Shows a page on the terminal with `man`; false where there is none that reads from standard input.
fn format(page: &[u8]) -> bool {
    let _ignored = ListenerGuard::ignoring();
    let Ok(mut man) = Command::new("man").args(["-l", "-"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn() else {
        return false;
    };
    // Who quits has read enough.
    let _ = man.stdin.take().map(|mut stdin| stdin.write_all(page));
    man.wait().is_ok_and(|status| status.success())
}

/// The commands that have a page, each with its name: `hlx`, `hlx-commit`, `hlx-dataset-add`.
fn commands<'c>(command: &'c clap::Command, pages: &mut Vec<(String, &'c clap::Command)>) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-");
    pages.push((name, command));
    command.get_subcommands().filter(|command| !command.is_hide_set()).for_each(|command| commands(command, pages));
}

/// Returns the manual page of a command.
fn page(name: &str, command: &clap::Command) -> io::Result<Vec<u8>> {
    let is_top = name == "hlx";
    // What every command takes stands once, on the page of hlx.
    let is_hidden = |arg: &clap::Arg| !is_top && (arg.is_global_set() || arg.get_id() == "help");
    let shown = command.clone().mut_args(|arg| if is_hidden(&arg) { arg.hide(true) } else { arg });
    let version = concat!("hlx ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(shown.display_name(name)).title(name).source(version);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    examples(command, &mut page)?;
    let of_commands: Vec<(String, String)> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|of| (format!("{name}-{}(1)", of.get_name()), of.get_about().map(ToString::to_string).unwrap_or_default()))
        .collect();
    section("COMMANDS", &of_commands, &mut page)?;
    section("ENVIRONMENT", ENVIRONMENT, &mut page)?;
    section("FILES", FILES, &mut page)?;
    section("EXIT STATUS", EXIT_STATUS, &mut page)?;
    if !is_top {
        let above = name.rsplit_once('-').map_or("hlx", |(above, _)| above);
        let also = if above == "hlx" { "hlx(1)".to_owned() } else { format!("hlx(1), {above}(1)") };
        let mut roff = Roff::default();
        roff.control("SH", ["SEE ALSO"]);
        roff.text([roman(also)]);
        roff.to_writer(&mut page)?;
    }
    Ok(page)
}

/// A section of terms and what each means; nothing where there are none.
fn section(title: &str, rows: &[(impl AsRef<str>, impl AsRef<str>)], page: &mut Vec<u8>) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut roff = Roff::default();
    roff.control("SH", [title]);
    for (name, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(name.as_ref())]);
        roff.text([roman(meaning.as_ref())]);
    }
    roff.to_writer(page)
}

/// Writes the text after the help of a command, line by line.
fn examples(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let Some(text) = command.get_after_help() else { return Ok(()) };
    let mut roff = Roff::default();
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in text.to_string().lines().filter(|line| !line.starts_with("Example")) {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}
