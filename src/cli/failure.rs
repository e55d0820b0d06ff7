//! The only printer of errors: for people `error: …` and `hint: …` on stderr, with `--json` one document on stdout.
//!
//! Here too stands the table of exit codes, which scripts rely on.

use std::io::{self, Write};
use std::panic::Location;

use clap::error::ContextKind;
use helox::{Error, ErrorKind, nearest, printable};

use super::output_options::{OutputFormat, OutputOptions};

/// The exit code of a question whose answer is no.
pub(crate) const NEGATIVE: u8 = 1;
/// The exit code of what damage in the store stopped, wholly or in part.
pub(crate) const DAMAGED: u8 = 5;
/// The exit code of what something outside `hlx` stopped, wholly or in part.
pub(crate) const IO: u8 = 6;
/// The exit code of work that the user interrupted: what a shell says of SIGINT.
pub(crate) const INTERRUPTED: u8 = 130;
/// The exit code of a defect of `hlx` itself: `EX_SOFTWARE` of sysexits.h.
pub(crate) const INTERNAL: u8 = 70;
/// The exit code of a request that cannot be understood.
const USAGE: u8 = 2;

/// Returns the exit code that tells scripts what they can do about an error.
fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage | ErrorKind::Config | ErrorKind::UnsupportedInput => USAGE,
        ErrorKind::RepositoryNotFound | ErrorKind::DatasetNotFound | ErrorKind::VersionNotFound | ErrorKind::PathNotFound => 3,
        ErrorKind::VersionExists | ErrorKind::DirtyWorkspace | ErrorKind::Conflict => 4,
        ErrorKind::Damaged => DAMAGED,
        ErrorKind::Interrupted => INTERRUPTED,
        ErrorKind::Internal => INTERNAL,
        // Io, and kinds that the library may add: something outside `hlx` failed.
        _ => IO,
    }
}

/// Prints an error, and says the exit code.
pub(crate) fn report(error: &Error, options: OutputOptions) -> u8 {
    let is_damaged = error.kind() == ErrorKind::Damaged;
    let next = error.hint().or(is_damaged.then_some("list what is damaged, and how to repair it: hlx fsck"));
    match options.format {
        OutputFormat::Human => {
            let colors = options.stderr_colors();
            to_stderr(&labelled(&colors.failure(colors.bold("error:")), error.message()));
            if let Some(text) = next {
                hint(text, options);
            }
        }
        OutputFormat::Json | OutputFormat::JsonLines => to_stdout_as_json(error.kind().as_str(), error.message(), next),
    }
    code(error.kind())
}

/// Prints the help to someone who typed no command, and says the exit code.
pub(crate) fn report_help(help: &str) -> u8 {
    to_stderr(help);
    USAGE
}

/// Prints what a person could do next, each line with a label of its own.
pub(crate) fn hint(hint: &str, options: OutputOptions) {
    let label = |label: &str| options.stderr_colors().label(label).to_string();
    for line in hint.lines() {
        to_stderr(&match line.strip_prefix("usage: ") {
            Some(usage) => labelled(&label("usage:"), usage),
            None => labelled(&label("hint:"), line),
        });
    }
}

/// Prints what only a person who asked for details wants to know.
pub(crate) fn detail(detail: &str, options: OutputOptions) {
    to_stderr(&format!("{}\n", options.stderr_colors().dim(detail)));
}

/// Prints what a person should look at.
pub(crate) fn warning(warning: &str, options: OutputOptions) {
    to_stderr(&labelled(&options.stderr_colors().changed("warning:"), warning));
}

/// Prints that `hlx` itself has a defect, and where.
pub(crate) fn panicked(location: Option<&Location<'_>>, options: OutputOptions) {
    let place = location.map(|l| format!(" at {}:{}", l.file(), l.line())).unwrap_or_default();
    let message = format!("internal error{place} in hlx {}; please report it", env!("CARGO_PKG_VERSION"));
    match options.format {
        OutputFormat::Human => to_stderr(&labelled("error:", &message)),
        OutputFormat::Json | OutputFormat::JsonLines => to_stdout_as_json("internal", &message, None),
    }
}

/// Returns the message of the operating system, without the number that Rust adds.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let bare = text.rsplit_once(" (os error ").map_or(text.as_str(), |(bare, _)| bare);
    let mut letters = bare.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Makes an error of what clap says about wrong arguments.
pub(crate) fn usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let mut message = String::new();
    let mut hints = Vec::new();
    for paragraph in text.split("\n\n") {
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(said) = words.strip_prefix("error: ") {
            message = said.to_owned();
        } else if words.starts_with("tip: ") {
            // How to pass a misspelt flag as a value helps nobody.
            hints.extend(
                words
                    .split("tip: ")
                    .map(str::trim)
                    .filter(|tip| !tip.is_empty() && !tip.starts_with("to pass "))
                    .map(str::to_owned),
            );
        } else if words.starts_with("Usage: ") {
            hints.push(words.replacen("Usage", "usage", 1));
        }
    }
    // clap lists hidden commands too.
    let similar = hints.iter().position(|tip: &String| tip.contains("similar subcommand"));
    if let Some(at) = similar {
        let names = hints[at].split('\'').skip(1).step_by(2).filter(|name| *name != "complete");
        let typed = error.get(ContextKind::InvalidSubcommand).map(ToString::to_string).unwrap_or_default();
        match nearest(&typed, names) {
            Some(name) => hints = vec![format!("did you mean '{name}'?")],
            None => drop(hints.remove(at)),
        }
    }
    if hints.is_empty() {
        hints.push("for more information, use --help after the command".to_owned());
    }
    Error::usage(message).with_hint(hints.join("\n"))
}

/// Puts a label before a text; whatever a file's name could do to a terminal is escaped.
fn labelled(label: &str, text: &str) -> String {
    let lines: Vec<_> = text.lines().map(printable).collect();
    format!("{label} {}\n", lines.join("\n"))
}

/// Writes to stderr in one piece; when that fails, there is nobody left to tell.
fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn to_stdout_as_json(kind: &str, message: &str, hint: Option<&str>) {
    let document = serde_json::json!({ "error": { "kind": kind, "message": message, "hint": hint } });
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{document}").and_then(|()| stdout.flush());
}
