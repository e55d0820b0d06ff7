//! The global options for output, and how they are guessed before the arguments are parsed.

use std::ffi::OsString;
use std::io::{self, IsTerminal};

use clap::ColorChoice;

use super::colors::Colors;

/// The format of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    /// Words for people.
    Human,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    JsonLines,
}

/// The output options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputOptions {
    /// The format of a result.
    pub(crate) format: OutputFormat,
    /// The condition for colour.
    pub(crate) color: ColorChoice,
    /// True if only what was asked for is printed.
    pub(crate) quiet: bool,
    /// True if details are printed.
    pub(crate) verbose: bool,
    /// True if long answers go through a pager on a terminal.
    pub(crate) use_pager: bool,
}

impl OutputOptions {
    /// Returns the options by the bare arguments, for errors before they are parsed.
    pub(crate) fn guess(typed: &[OsString]) -> OutputOptions {
        let options = || typed.iter().skip(1).take_while(|arg| *arg != "--");
        let json = options().any(|arg| arg == "--json" || arg == "--jsonl");
        let said = |when: &str| {
            let joined = format!("--color={when}");
            options().any(|arg| *arg == *joined)
                || options().zip(options().skip(1)).any(|(arg, next)| arg == "--color" && next == when)
        };
        let color = match () {
            () if said("never") => ColorChoice::Never,
            () if said("always") => ColorChoice::Always,
            () => ColorChoice::Auto,
        };
        OutputOptions {
            format: if json { OutputFormat::Json } else { OutputFormat::Human },
            color,
            quiet: false,
            verbose: false,
            use_pager: false,
        }
    }

    /// Returns the colours for stdout.
    pub(crate) fn stdout_colors(self) -> Colors {
        Colors::new(self.color, io::stdout().is_terminal())
    }

    /// Returns the colours for stderr.
    pub(crate) fn stderr_colors(self) -> Colors {
        Colors::new(self.color, io::stderr().is_terminal())
    }
}
