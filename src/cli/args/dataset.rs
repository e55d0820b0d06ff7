//! `hlx dataset`, and the long forms of other verbs that scripts of data teams use.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use helox::VersionNumber;

use super::filter::Filter;
use super::values::number;

/// Declare, rename, remove and list datasets
#[derive(Subcommand)]
pub(crate) enum DatasetCommand {
    /// Declare a folder as a dataset
    #[command(after_help = "Example:\n  hlx dataset add leases --type lease_abstraction --path data/leases")]
    Add {
        /// Name of the dataset
        name: String,
        /// Type of its data
        #[arg(long = "type", value_name = "TYPE", default_value = "generic")]
        kind: String,
        /// Folder of the dataset, which must exist
        #[arg(long, value_name = "DIR")]
        path: PathBuf,
        /// Field that identifies a sample: a JSON pointer or a column name; may be repeated
        #[arg(long, value_name = "FIELD")]
        key: Vec<String>,
        /// Name that the dataset had before, whose versions belong to it; may be repeated
        #[arg(long, value_name = "NAME")]
        formerly: Vec<String>,
    },
    /// Rename a dataset; existing versions keep their name and are also found by the new one
    #[command(after_help = "Example:\n  hlx dataset rename leases lease_abstraction")]
    Rename {
        /// Name of the dataset
        #[arg(value_name = "OLD")]
        from: String,
        /// New name, for the versions to come
        #[arg(value_name = "NEW")]
        to: String,
    },
    /// Remove a dataset from helox.toml; its versions and files are kept
    Rm {
        /// Name of the dataset
        name: String,
    },
    Create(CreateArgs),
    #[command(alias = "ls")]
    List(ListArgs),
    /// Show the details of a dataset
    Show {
        /// Name of the dataset
        name: String,
    },
    /// Summarize the changes between two versions, like 'hlx compare'
    #[command(after_help = "Example:\n  hlx dataset compare --name leases --version1 1.0.0 --version2 latest")]
    Compare {
        /// Name of the dataset
        #[arg(long, value_name = "N")]
        name: String,
        /// Older version: a number, a tag or 'latest'
        #[arg(long, value_name = "A")]
        version1: String,
        /// Newer version
        #[arg(long, value_name = "B")]
        version2: String,
    },
}

/// List datasets, or with --name the versions of one, like 'hlx log'
#[derive(Args)]
#[command(after_help = "Examples:
  hlx dataset list
  hlx dataset list --type lease_abstraction --tag production
  hlx dataset list --name leases --since 2026-03-01
  hlx dataset list --name leases --version 1.2.0

With filters it lists the datasets that have matching versions, and how many.")]
pub(crate) struct ListArgs {
    /// List the versions of this dataset
    #[arg(long, value_name = "N")]
    pub(crate) name: Option<String>,
    /// Show only this version, with all its fields: a number, a tag or 'latest'
    #[arg(long, value_name = "V", requires = "name", conflicts_with_all = ["Filter", "limit"])]
    pub(crate) version: Option<String>,
    /// Show at most N datasets or versions
    #[arg(short = 'n', value_name = "N")]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

/// Declare a dataset if necessary and record a new version, like 'hlx commit'
#[derive(Args)]
#[command(after_help = "Example:
  hlx dataset create --name leases --type lease_abstraction --path data/leases --summary 'first leases' --tags staging,may")]
pub(crate) struct CreateArgs {
    /// Name of the dataset
    #[arg(long, value_name = "N")]
    pub(crate) name: String,
    /// Type of its data
    #[arg(long = "type", value_name = "T")]
    pub(crate) kind: String,
    /// Folder of the dataset
    #[arg(long, value_name = "DIR")]
    pub(crate) path: PathBuf,
    /// Version number [default: determined by the changes]
    #[arg(long, value_name = "V", value_parser = number)]
    pub(crate) version: Option<VersionNumber>,
    /// Parent version [default: the checked-out one]
    #[arg(long, value_name = "V")]
    pub(crate) parent: Option<String>,
    /// Summary of the changes [default: names the folder]
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    pub(crate) summary: Option<String>,
    /// Tags of the new version, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) tags: Vec<String>,
}
