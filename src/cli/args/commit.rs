//! `hlx commit`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use helox::VersionNumber;
use serde_json::Value;

use super::values::{metadata, number};

/// Record a new version of a dataset
#[derive(Args, Default)]
#[command(after_help = "Examples:
  hlx commit -m 'added the leases of May'
  hlx commit leases -m 'new labels' --bump major --tag staging --meta source=crawl
  hlx commit leases -m 'nightly import' --from /mnt/export/leases")]
pub(crate) struct CommitArgs {
    /// Dataset [default: the one of the current folder, or all that changed]
    pub(crate) name: Option<String>,
    /// Summary of the changes [default: opens $VISUAL or $EDITOR]
    #[arg(short = 'm', long = "message", value_name = "SUMMARY", allow_hyphen_values = true)]
    pub(crate) summary: Option<String>,
    /// Commit all changes; accepted as in git, hlx always does this
    #[arg(short = 'a', long = "all", hide = true)]
    pub(crate) all: bool,
    /// Version number [default: determined by the changes]
    #[arg(long, value_name = "X.Y.Z", value_parser = number, conflicts_with = "bump")]
    pub(crate) version: Option<VersionNumber>,
    /// Part of the parent's version number to increment
    #[arg(long, value_name = "PART", value_enum, default_value = "auto")]
    pub(crate) bump: BumpArg,
    /// Parent version [default: the checked-out one; with --from the latest]
    #[arg(long, value_name = "REV")]
    pub(crate) parent: Option<String>,
    /// Tag the new version, or the current one if nothing changed; may be repeated
    #[arg(long = "tag", value_name = "T")]
    pub(crate) tags: Vec<String>,
    /// Move tags that are on other versions
    #[arg(long = "move", requires = "tags")]
    pub(crate) move_tags: bool,
    /// Add metadata; a valid JSON value is stored as JSON, any other as text; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = metadata)]
    pub(crate) meta: Vec<(String, Value)>,
    /// Author [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
    /// Commit the files of DIR instead of the dataset's folder
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
    /// Create a version even if nothing changed
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Skip validation; the version's validation status is SKIPPED
    #[arg(long)]
    pub(crate) no_validate: bool,
    /// Reason for skipping validation; recorded in the version
    #[arg(long, value_name = "TEXT", requires = "no_validate", allow_hyphen_values = true)]
    pub(crate) reason: Option<String>,
    /// Maximum number of findings per rule in the report of a rejected commit [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) max_findings: Option<usize>,
    /// Show what would be committed, without creating a version
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Default, ValueEnum)]
pub(crate) enum BumpArg {
    #[default]
    Auto,
    Major,
    Minor,
    Patch,
}
