//! The command line: what was typed becomes options of the library, its reports become words or JSON.
//!
//! What scripts rely on, and `docs/cli.md` promises: results go to stdout, and with `--json` exactly one document and
//! nothing else, also on failure; progress, hints and errors of people go to stderr; the exit codes are those of
//! [`failure`]. Only this folder prints, only `main.rs` exits, and only [`failure`] prints errors. It uses the public
//! API of the library and nothing below it.

pub(crate) mod args;
mod colors;
pub(crate) mod commands;
mod complete;
pub(crate) mod correction;
mod editor;
pub(crate) mod failure;
mod findings;
mod format;
pub(crate) mod interrupt;
pub(crate) mod outcome;
pub(crate) mod output;
pub(crate) mod output_options;
mod pager;
mod paths;
mod progress;
pub(crate) mod session;
mod when;
