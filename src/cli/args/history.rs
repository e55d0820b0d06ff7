//! `hlx run`, `hlx note` and `hlx audit`: what is said of versions later.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use helox::Time;

use super::values::{metric, pair};
use crate::cli::when;

/// Record and compare training runs
#[derive(Subcommand)]
pub(crate) enum RunCommand {
    Record(RecordArgs),
    Exec(ExecArgs),
    /// Show the details of a run
    #[command(after_help = "Example:\n  hlx run show 3f9a11")]
    Show {
        /// Run id (at least 6 digits)
        run: String,
    },
    /// Withdraw an invalid run; it stays in the history
    #[command(after_help = "Example:\n  hlx run withdraw 3f9a11 --why 'evaluated on the training split'")]
    Withdraw {
        /// Run id (at least 6 digits)
        run: String,
        /// Reason for the withdrawal
        #[arg(long, value_name = "TEXT")]
        why: String,
        /// Author [default: HLX_AUTHOR, then git's user]
        #[arg(long, value_name = "WHO")]
        author: Option<String>,
    },
    /// List training runs, oldest first
    #[command(alias = "ls", after_help = "Examples:\n  hlx run list leases\n  hlx run list leases@production --json")]
    List {
        /// Dataset or version [default: all]
        #[arg(value_name = "REV|NAME")]
        target: Option<String>,
        /// List only runs of this model
        #[arg(long, value_name = "NAME")]
        model: Option<String>,
        /// Also list withdrawn runs
        #[arg(long)]
        all: bool,
    },
    /// Compare the metrics, parameters and data of training runs
    #[command(after_help = "Examples:
  hlx run compare 3f9a11 c07e52                   two runs, by the first digits of their ids
  hlx run compare leases@1.0.0 leases@production  all runs on two versions")]
    Compare {
        /// Run id (at least 6 digits), or version for all runs on it
        #[arg(value_name = "A")]
        a: String,
        /// Run id or version to compare with
        #[arg(value_name = "B")]
        b: String,
    },
}

/// Run a command and record it as a training run
#[derive(Args)]
#[command(after_help = "Example:
  hlx run exec leases@1.2.0 --model lease-7b --metrics out/metrics.json -- python train.py

The command finds HLX_DATASET, HLX_VERSION and HLX_VERSION_ID in its environment, separated by spaces if there are
several versions. A run that fails or is interrupted is recorded as such. The exit status is that of the command.")]
pub(crate) struct ExecArgs {
    /// Versions to train on
    #[arg(required = true, value_name = "REV")]
    pub(crate) revs: Vec<String>,
    /// Name of the model
    #[arg(long, value_name = "NAME")]
    pub(crate) model: String,
    /// JSON file that the command writes; its numbers become metrics, nested ones named a/b
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Parameter of the run, such as lr=3e-4; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) params: Vec<(String, String)>,
    /// File or folder that the run creates; only hashes are stored; may be repeated
    #[arg(long = "artifact", value_name = "PATH")]
    pub(crate) artifacts: Vec<PathBuf>,
    /// Author [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
    /// Command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// Record a training run on one or more versions
#[derive(Args)]
#[command(after_help = "Example:
  hlx run record leases@1.2.0 --model lease-7b --param lr=3e-4 --param epochs=3 \\
      --metric loss=0.31 --metric f1=0.84 --artifact out/checkpoint --start '2 hours ago'")]
pub(crate) struct RecordArgs {
    /// Versions that were trained on
    #[arg(required = true, value_name = "REV")]
    pub(crate) revs: Vec<String>,
    /// Name of the model
    #[arg(long, value_name = "NAME")]
    pub(crate) model: String,
    /// Metric of the run, such as loss=0.31; may be repeated
    #[arg(long = "metric", value_name = "KEY=NUMBER", value_parser = metric)]
    pub(crate) metrics: Vec<(String, f64)>,
    /// Parameter of the run, such as lr=3e-4; may be repeated
    #[arg(long = "param", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) params: Vec<(String, String)>,
    /// File or folder that the run created; only hashes are stored; may be repeated
    #[arg(long = "artifact", value_name = "PATH")]
    pub(crate) artifacts: Vec<PathBuf>,
    /// Start time: RFC 3339, a day such as 2026-11-22 (UTC), or '3 hours ago'
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) start: Option<Time>,
    /// End time; a day means its end
    #[arg(long, value_name = "WHEN", value_parser = when::until)]
    pub(crate) end: Option<Time>,
    /// Author [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
}

/// Add and list notes
#[derive(Subcommand)]
pub(crate) enum NoteCommand {
    /// Add a note to a version
    #[command(after_help = "Example:\n  hlx note add leases@1.1.0 'the rents of May are in euros'")]
    Add {
        /// Version
        rev: String,
        /// Text of the note
        #[arg(allow_hyphen_values = true)]
        text: String,
        /// Author [default: HLX_AUTHOR, then git's user]
        #[arg(long, value_name = "WHO")]
        author: Option<String>,
    },
    /// List notes, oldest first
    #[command(alias = "ls", after_help = "Example:\n  hlx note list leases@1.1.0")]
    List {
        /// Dataset or version [default: all]
        #[arg(value_name = "REV|NAME")]
        target: Option<String>,
    },
}

/// List every change to the repository with its author and time, newest first
#[derive(Args)]
#[command(after_help = "Examples:
  hlx audit -n 20
  hlx audit --verify

With --verify it lists the entries that were altered, removed or moved, and exits with status 1 if there are any.")]
pub(crate) struct AuditArgs {
    /// Verify that no entry was altered, removed or moved
    #[arg(long, conflicts_with = "limit")]
    pub(crate) verify: bool,
    /// Show at most N entries
    #[arg(short = 'n', value_name = "N")]
    pub(crate) limit: Option<usize>,
}
