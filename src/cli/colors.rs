//! Colours of a terminal. They are used on a terminal only, unless `--color` says otherwise.

use std::fmt::Display;

use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Effects, Style};

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colors {
    enabled: bool,
}

impl Colors {
    /// Returns the colours for an output, by `--color` and by whether it is a terminal.
    pub(super) fn new(color: ColorChoice, terminal: bool) -> Colors {
        let refused = || {
            std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty()) || std::env::var_os("TERM").is_some_and(|t| t == "dumb")
        };
        let on = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !refused(),
        };
        Colors { enabled: on }
    }

    /// Returns true if there are colours.
    pub(crate) fn enabled(self) -> bool {
        self.enabled
    }

    /// Colours what was added, or is valid.
    pub(crate) fn success(self, text: impl Display) -> String {
        self.paint(AnsiColor::Green.on_default(), text)
    }

    /// Colours what was removed, or is not valid.
    pub(crate) fn failure(self, text: impl Display) -> String {
        self.paint(AnsiColor::Red.on_default(), text)
    }

    /// Colours what was modified, and the numbers of versions.
    pub(crate) fn changed(self, text: impl Display) -> String {
        self.paint(AnsiColor::Yellow.on_default(), text)
    }

    /// Tags, folders, renames.
    pub(crate) fn label(self, text: impl Display) -> String {
        self.paint(AnsiColor::Cyan.on_default(), text)
    }

    /// Dims details.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.paint(Style::new().effects(Effects::DIMMED), text)
    }

    /// Emphasizes headings.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.paint(Style::new().bold(), text)
    }

    fn paint(self, style: Style, text: impl Display) -> String {
        if self.enabled { format!("{style}{text}{style:#}") } else { text.to_string() }
    }
}
