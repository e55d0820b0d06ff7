//! `hlx run`, `hlx note` and `hlx audit`: what is said of versions later.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use helox::Time;

use super::values::{metric, pair};
use crate::cli::when;

/// Record which data trained which model, and compare the results
#[derive(Subcommand)]
pub(crate) enum Run {
    Record(Record),
    Exec(Exec),
    /// Show everything about a run
    #[command(after_help = "Example:\n  hlx run show 3f9a11")]
    Show {
        /// The run, by 6 digits of its id or more
        run: String,
    },
    /// Withdraw a run that does not count; it stays in the history
    #[command(after_help = "Example:\n  hlx run withdraw 3f9a11 --why 'evaluated on the training split'")]
    Withdraw {
        /// The run, by 6 digits of its id or more
        run: String,
        /// Why it does not count
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Who says so [default: HLX_AUTHOR, then git's user]
        #[arg(long, value_name = "WHO")]
        author: Option<String>,
    },
    /// List training runs, the first recorded first
    #[command(after_help = "Examples:\n  hlx run list leases\n  hlx run list leases@production --json")]
    List {
        /// A dataset, or a version [default: all]
        #[arg(value_name = "REV|NAME")]
        target: Option<String>,
        /// Also list runs that were withdrawn
        #[arg(long)]
        all: bool,
    },
    /// Show runs side by side, and what differs in their data
    #[command(after_help = "Examples:
  hlx run compare 3f9a11 c07e52                   two runs, by the first digits of their ids
  hlx run compare leases@1.0.0 leases@production  all runs on two versions")]
    Compare {
        /// A run, by 6 digits of its id or more, or a version, for all runs on it
        #[arg(value_name = "A")]
        a: String,
        /// The run or the version to compare it with
        #[arg(value_name = "B")]
        b: String,
    },
}

/// Run a command and record it as a training run
#[derive(Args)]
#[command(after_help = "Example:
  hlx run exec leases@1.2.0 --model lease-7b --metrics out/metrics.json -- python train.py

The command finds HLX_DATASET, HLX_VERSION and HLX_VERSION_ID in its environment; of several versions, with spaces
between. A run that fails or is interrupted is recorded as such. The exit code is that of the command.")]
pub(crate) struct Exec {
    /// The versions that are trained on
    #[arg(required = true, value_name = "REV")]
    pub(crate) revs: Vec<String>,
    /// The model
    #[arg(long, value_name = "NAME")]
    pub(crate) model: String,
    /// A JSON file that the command writes: its numbers become metrics, nested ones as a/b
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// What it is done with: lr=3e-4; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) params: Vec<(String, String)>,
    /// A file that it creates, or a folder with all files in it; only hashes are kept; may be repeated
    #[arg(long = "artifact", value_name = "PATH")]
    pub(crate) artifacts: Vec<PathBuf>,
    /// Who runs it [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Record a training run on one or more versions
#[derive(Args)]
#[command(after_help = "Example:
  hlx run record leases@1.2.0 --model lease-7b --param lr=3e-4 --param epochs=3 \\
      --metric loss=0.31 --metric f1=0.84 --artifact out/checkpoint --start '2 hours ago'")]
pub(crate) struct Record {
    /// The versions that were trained on
    #[arg(required = true, value_name = "REV")]
    pub(crate) revs: Vec<String>,
    /// The model
    #[arg(long, value_name = "NAME")]
    pub(crate) model: String,
    /// A number that came of it: loss=0.31; may be repeated
    #[arg(long = "metric", value_name = "KEY=NUMBER", value_parser = metric)]
    pub(crate) metrics: Vec<(String, f64)>,
    /// What it was done with: lr=3e-4; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) params: Vec<(String, String)>,
    /// A file that it made, or a folder with all files in it; only hashes are kept; may be repeated
    #[arg(long = "artifact", value_name = "PATH")]
    pub(crate) artifacts: Vec<PathBuf>,
    /// When it began: RFC 3339, a day such as 2026-11-22 (UTC), or '3 hours ago'
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) start: Option<Time>,
    /// When it ended; a day means its end
    #[arg(long, value_name = "WHEN", value_parser = when::until)]
    pub(crate) end: Option<Time>,
    /// Who says so [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
}

/// Write down what should be known about a version
#[derive(Subcommand)]
pub(crate) enum Note {
    /// Put a note on a version
    #[command(after_help = "Example:\n  hlx note add leases@1.1.0 'the rents of May are in euros'")]
    Add {
        /// The version
        rev: String,
        /// The words
        #[arg(allow_hyphen_values = true)]
        text: String,
        /// Who says so [default: HLX_AUTHOR, then git's user]
        #[arg(long, value_name = "WHO")]
        author: Option<String>,
    },
    /// List notes, the first written first
    #[command(after_help = "Example:\n  hlx note list leases@1.1.0")]
    List {
        /// A dataset, or a version [default: all]
        #[arg(value_name = "REV|NAME")]
        target: Option<String>,
    },
}

/// List everything that was made and said, by whom and when, from the newest on
#[derive(Args)]
#[command(after_help = "Examples:
  hlx audit -n 20
  hlx audit --verify

With --verify it exits with 1 if anything was altered, removed or put elsewhere, and names it.")]
pub(crate) struct Audit {
    /// Check instead that nothing was altered, removed or put elsewhere
    #[arg(long, conflicts_with = "limit")]
    pub(crate) verify: bool,
    /// At most N entries
    #[arg(short = 'n', value_name = "N")]
    pub(crate) limit: Option<usize>,
}
