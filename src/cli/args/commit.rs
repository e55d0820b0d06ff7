//! `hlx commit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use helox::Number;
use serde_json::Value;

use super::values::{metadata, number};

/// Make the next version
#[derive(Args, Default)]
#[command(after_help = "Examples:
  hlx commit -m 'added the leases of May'
  hlx commit leases -m 'new labels' --bump major --tag staging --meta source=crawl
  hlx commit leases -m 'nightly import' --from /mnt/export/leases")]
pub(crate) struct Commit {
    /// The dataset
    pub(crate) name: Option<String>,
    /// What changed [default: opens $VISUAL or $EDITOR]
    #[arg(short = 'm', long = "message", value_name = "SUMMARY", allow_hyphen_values = true)]
    pub(crate) summary: Option<String>,
    /// Take every change, as hlx always does: for the habits of git
    #[arg(short = 'a', long = "all", hide = true)]
    pub(crate) all: bool,
    /// The version's number [default: follows from what changed]
    #[arg(long, value_name = "X.Y.Z", value_parser = number, conflicts_with = "bump")]
    pub(crate) version: Option<Number>,
    /// Which part of the parent's number to raise
    #[arg(long, value_name = "PART", value_enum, default_value = "auto")]
    pub(crate) bump: Bump,
    /// The version it is made from [default: the checked-out one; with --from the latest]
    #[arg(long, value_name = "REV")]
    pub(crate) parent: Option<String>,
    /// Put a tag on it; may be repeated
    #[arg(long = "tag", value_name = "T")]
    pub(crate) tags: Vec<String>,
    /// Move the tags from the versions that have them
    #[arg(long = "move", requires = "tags")]
    pub(crate) move_tags: bool,
    /// Attach a value, read as JSON if it is JSON and as text if not: batch=2, q='{"a":1}', name=text; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = metadata)]
    pub(crate) meta: Vec<(String, Value)>,
    /// Who made it [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
    /// Take the files of DIR instead of the dataset's folder
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Make a version even if nothing changed
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Do not ask the rules of the dataset; the version's validation status is SKIPPED
    #[arg(long)]
    pub(crate) no_validate: bool,
    /// Why the rules are not asked; kept in the version
    #[arg(long, value_name = "TEXT", requires = "no_validate", allow_hyphen_values = true)]
    pub(crate) reason: Option<String>,
    /// Most findings of a rule in the report of a refusal [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) max_findings: Option<usize>,
    /// Say what would be made, and make nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum Bump {
    #[default]
    Auto,
    Major,
    Minor,
    Patch,
}
