//! Parsing of the arguments.

use std::ffi::OsString;

use clap::error::ErrorKind as ClapKind;
use clap::{ArgMatches, CommandFactory, Parser};
use helox::Error;

use super::{Arguments, git_commands, log};
use crate::cli::failure;
use crate::cli::output_options::{OutputFormat, OutputOptions};

/// The reason that there is no command to run.
pub(crate) enum ParseStop {
    /// Help or version, which was asked for.
    Help(String),
    /// Nothing was typed; this is the help.
    NoArguments(String),
    /// The arguments are not valid.
    Invalid(Error),
}

/// Reads the arguments of the process, its name first.
pub(crate) fn parse(typed: &[OsString], options: OutputOptions) -> Result<Arguments, ParseStop> {
    Arguments::try_parse_from(log::with_limit(typed)).map_err(|error| {
        let text = |tinted: bool| if tinted { error.render().ansi().to_string() } else { error.render().to_string() };
        match error.kind() {
            ClapKind::DisplayHelp | ClapKind::DisplayVersion => {
                ParseStop::Help(text(options.format == OutputFormat::Human && options.stdout_colors().enabled()))
            }
            ClapKind::DisplayHelpOnMissingArgumentOrSubcommand if options.format == OutputFormat::Human => {
                ParseStop::NoArguments(text(options.stderr_colors().enabled()))
            }
            ClapKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                ParseStop::Invalid(Error::usage("no command given").with_hint("'hlx --help' lists the commands"))
            }
            _ => ParseStop::Invalid(git_commands::suggest(&error, typed).unwrap_or_else(|| failure::usage(&error))),
        }
    })
}

/// Returns the whole command line, for completions and the man page.
pub(crate) fn definition() -> clap::Command {
    Arguments::command()
}

/// Reads the arguments of the process again, each by its name; `None` if they are invalid.
pub(crate) fn matches(typed: &[OsString]) -> Option<ArgMatches> {
    definition().try_get_matches_from(log::with_limit(typed)).ok()
}
