//! Printing of results: text for people, one JSON document, or one JSON document a line.
//!
//! Stdout is buffered, and what went wrong with it is remembered here, because the library wraps the errors of the
//! writers it is handed. Colour is used on a terminal only, unless `--color` says otherwise.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use helox::{Error, ErrorKind, Result};
use serde::Serialize;

use super::colors::Colors;
use super::failure;
use super::output_options::{OutputFormat, OutputOptions};
use super::pager::Pager;

/// Stdout, and how to use it.
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    pager: Option<BufWriter<Pager>>,
    error: Option<io::Error>,
    warnings: Vec<String>,
    hints: Vec<String>,
    options: OutputOptions,
    colors: Colors,
}

impl Output {
    /// Stdout in this manner.
    pub(crate) fn new(options: OutputOptions) -> Output {
        // Not locked: a panic in another thread must be able to say so in JSON.
        let stdout = BufWriter::with_capacity(64 << 10, io::stdout());
        Output {
            stdout,
            pager: None,
            error: None,
            warnings: Vec::new(),
            hints: Vec::new(),
            options,
            colors: options.stdout_colors(),
        }
    }

    /// Sends what follows through a pager, if it is for a person at a terminal.
    pub(crate) fn page(&mut self) {
        if self.options.format == OutputFormat::Human
            && self.options.use_pager
            && self.pager.is_none()
            && io::stdout().is_terminal()
        {
            self.pager = Pager::start().map(BufWriter::new);
        }
    }

    /// Returns the format of results.
    pub(crate) fn format(&self) -> OutputFormat {
        self.options.format
    }

    /// Returns the colours.
    pub(crate) fn colors(&self) -> Colors {
        self.colors
    }

    /// Returns true if details are wanted.
    pub(crate) fn is_verbose(&self) -> bool {
        self.options.verbose
    }

    /// Prints what a command did; `-q` silences the words.
    pub(crate) fn report(&mut self, report: &impl Serialize, words: impl FnOnce(&mut Output) -> io::Result<()>) -> Result<()> {
        if self.omits_reports() { Ok(()) } else { self.answer(report, words) }
    }

    /// Returns true if `-q` leaves out reports of what was done. JSON documents are always printed.
    pub(crate) fn omits_reports(&self) -> bool {
        self.options.quiet && self.options.format == OutputFormat::Human
    }

    /// Prints what the user asked to see; `-q` changes nothing.
    pub(crate) fn answer(&mut self, answer: &impl Serialize, words: impl FnOnce(&mut Output) -> io::Result<()>) -> Result<()> {
        match self.options.format {
            OutputFormat::Human => words(self).map_err(|e| self.error(e)),
            OutputFormat::Json | OutputFormat::JsonLines => self.document(answer),
        }
    }

    /// Prints a report of each dataset: one alone as [`Output::answer`] does, several one below the other, `apart` with an
    /// empty line between them, or as one document with the list `datasets`.
    pub(crate) fn answers<R: Serialize>(
        &mut self,
        reports: &[R],
        apart: bool,
        mut words: impl FnMut(&R, &mut Output) -> io::Result<()>,
    ) -> Result<()> {
        if let [report] = reports {
            return self.answer(report, |out| words(report, out));
        }
        self.answer(&serde_json::json!({ "datasets": reports }), |out| {
            for (n, report) in reports.iter().enumerate() {
                if n > 0 && apart {
                    writeln!(out)?;
                }
                words(report, out)?;
            }
            Ok(())
        })
    }

    /// Prints reports of what a command did, one for each dataset, as [`Output::answers`] does; `-q` silences the words.
    pub(crate) fn reports<R: Serialize>(
        &mut self,
        reports: &[R],
        words: impl FnMut(&R, &mut Output) -> io::Result<()>,
    ) -> Result<()> {
        if self.omits_reports() { Ok(()) } else { self.answers(reports, false, words) }
    }

    /// Prints a JSON document on a line of its own.
    pub(crate) fn document(&mut self, document: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut *self, document).map_err(io::Error::from).map_err(|e| self.error(e))?;
        self.write_all(b"\n").map_err(|e| self.error(e))
    }

    /// Keeps what a person should look at, to be said on stderr after the results, whatever their form.
    pub(crate) fn warning(&mut self, warning: &str) {
        self.warnings.push(warning.to_owned());
    }

    /// Keeps what a person could do next, to be said on stderr after the results.
    pub(crate) fn hint(&mut self, hint: &str) {
        if self.options.format == OutputFormat::Human && !self.options.quiet {
            self.hints.push(hint.to_owned());
        }
    }

    /// Flushes, prints the hints, and says what went wrong with stdout, if anything did.
    pub(crate) fn finish(&mut self) -> Option<io::Error> {
        // A flush that follows a fault would only repeat it.
        if self.error.is_none() {
            let _ = self.flush();
        }
        if let Some(pager) = &mut self.pager {
            pager.get_mut().wait();
        }
        if self.error.is_none() {
            self.warnings.drain(..).for_each(|warning| failure::warning(&warning, self.options));
            self.hints.drain(..).for_each(|hint| failure::hint(&hint, self.options));
        }
        self.error.take()
    }

    /// Returns the error of a failed write to stdout.
    pub(crate) fn error(&self, source: io::Error) -> Error {
        Error::new(ErrorKind::Io, format!("cannot write to stdout: {}", failure::reason(&source))).with_source(source)
    }

    fn record_error<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        if let Err(fault) = &done
            && fault.kind() != io::ErrorKind::Interrupted
            && self.error.is_none()
        {
            self.error = Some(match fault.raw_os_error() {
                Some(code) => io::Error::from_raw_os_error(code),
                None => io::Error::new(fault.kind(), fault.to_string()),
            });
        }
        done
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = match &mut self.pager {
            Some(pager) => pager.write(bytes),
            None => self.stdout.write(bytes),
        };
        self.record_error(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = match &mut self.pager {
            Some(pager) => pager.flush(),
            None => self.stdout.flush(),
        };
        self.record_error(done)
    }
}
