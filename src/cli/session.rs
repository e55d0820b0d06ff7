//! The session of a command: the folder it was called from, its output, and progress that can be interrupted.

use std::io::{ErrorKind as IoErrorKind, Write};
use std::path::PathBuf;
use std::time::Instant;

use helox::ops::DamageList;
use helox::{Error, ErrorKind, Repo, Result, printable};

use super::args::Arguments;
use super::failure;
use super::outcome::Outcome;
use super::output::Output;
use super::output_options::{OutputFormat, OutputOptions};
use super::progress::ProgressBars;

/// One run of `hlx`.
pub(crate) struct Session {
    /// The output.
    pub(crate) out: Output,
    options: OutputOptions,
    show_progress: bool,
    began: Instant,
}

impl Session {
    /// Creates a session that behaves as the global options say.
    pub(crate) fn new(arguments: &Arguments) -> Session {
        let options = arguments.output_options();
        let show_progress = !arguments.global.no_progress && !options.quiet;
        Session { out: Output::new(options), options, show_progress, began: Instant::now() }
    }

    /// Returns a session for text alone: help and version.
    pub(crate) fn plain(options: OutputOptions) -> Session {
        Session { out: Output::new(options), options, show_progress: false, began: Instant::now() }
    }

    /// Goes where `-C` says, so that every path the user typed is read from there.
    pub(crate) fn enter(&self, arguments: &Arguments) -> Result<()> {
        let Some(dir) = &arguments.global.directory else { return Ok(()) };
        std::env::set_current_dir(dir).map_err(|source| {
            let kind = match source.kind() {
                IoErrorKind::NotFound | IoErrorKind::NotADirectory => ErrorKind::PathNotFound,
                _ => ErrorKind::Io,
            };
            let folder = dir.to_string_lossy();
            Error::new(kind, format!("cannot change to {}: {}", printable(&folder), failure::reason(&source))).with_source(source)
        })
    }

    /// Returns the folder that the command works in.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        std::env::current_dir().map_err(|source| {
            let message = format!("cannot get the current folder: {}", failure::reason(&source));
            Error::new(ErrorKind::Io, message).with_hint("change to an existing folder, or use -C DIR").with_source(source)
        })
    }

    /// Leaves out, with a warning, those of several datasets whose folders do not exist, as in a clone where only some are
    /// checked out. `name` tells the dataset of an item. If none of the folders exists, all items stay.
    pub(crate) fn with_folders<T>(&mut self, repo: &Repo, items: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
        let exists = |item: &T| repo.config().dataset(name(item)).is_none_or(|dataset| repo.folder(dataset).is_dir());
        if items.len() < 2 || !items.iter().any(exists) {
            return items;
        }
        let (present, missing): (Vec<T>, Vec<T>) = items.into_iter().partition(exists);
        for name in missing.iter().map(name) {
            self.out.warning(&format!("the folder of '{name}' does not exist; it is left out"));
            self.out.hint(&format!("check it out: hlx checkout {name}"));
        }
        present
    }

    /// Warns of what a report leaves out because it is damaged or cannot be read, and returns the outcome that follows.
    pub(crate) fn warn_of_damage(&mut self, damage: &DamageList) -> Outcome {
        damage.messages().iter().for_each(|message| self.out.warning(message));
        match () {
            () if damage.is_empty() => return Outcome::Yes,
            () if damage.is_damaged() => {}
            () => return Outcome::Denied,
        }
        self.out.hint("list all damage: hlx verify --all");
        Outcome::Damaged
    }

    /// Opens the repository that the command works in.
    pub(crate) fn repo(&self) -> Result<Repo> {
        Repo::open(&self.folder()?)
    }

    /// Begins work that shows its progress and that Ctrl-C stops cleanly; both end when the bar is dropped.
    pub(crate) fn progress(&self) -> ProgressBars {
        ProgressBars::new(self.show_progress)
    }

    /// Asks a question on the terminal; an empty answer is yes.
    pub(crate) fn ask(&self, question: &str) -> Result<bool> {
        let fail = |source| Error::new(ErrorKind::Io, "cannot read the answer from the terminal").with_source(source);
        let mut answer = String::new();
        let mut stderr = std::io::stderr().lock();
        stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(fail)?;
        std::io::stdin().read_line(&mut answer).map_err(fail)?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes"))
    }

    /// Prints a text that was asked for, and says the exit code.
    pub(crate) fn say(mut self, text: &str) -> u8 {
        let result = match self.options.format {
            OutputFormat::Human => self.out.write_all(text.as_bytes()).map_err(|e| self.out.error(e)),
            OutputFormat::Json | OutputFormat::JsonLines => self.out.document(&serde_json::json!({ "text": text.trim_end() })),
        };
        self.finish(result.map(|()| Outcome::Yes))
    }

    /// Prints what is still to be printed, reports a failure, and says the exit code.
    pub(crate) fn finish(mut self, result: Result<Outcome>) -> u8 {
        let fault = self.out.finish();
        if self.options.verbose && self.options.format == OutputFormat::Human && fault.is_none() && result.is_ok() {
            failure::detail(&format!("took {:.2} s", self.began.elapsed().as_secs_f64()), self.options);
        }
        match fault {
            // Whoever read the output has read enough: `hlx log | head -1`.
            Some(fault) if fault.kind() == IoErrorKind::BrokenPipe => 0,
            // Nothing can be said on stdout any more, not even as JSON.
            Some(fault) => failure::report(&self.out.error(fault), OutputOptions { format: OutputFormat::Human, ..self.options }),
            None => match result {
                Ok(Outcome::Yes) => 0,
                Ok(Outcome::No) => failure::NEGATIVE,
                Ok(Outcome::Damaged) => failure::DAMAGED,
                Ok(Outcome::Denied) => failure::IO,
                Ok(Outcome::Code(code)) => code,
                Err(error) => failure::report(&error, self.options),
            },
        }
    }
}
