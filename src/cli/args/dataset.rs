//! `hlx dataset`, and the long forms of other verbs that scripts of data teams use.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use helox::Number;

use super::filter::Filter;
use super::values::number;

/// Declare and list the datasets of the repository
#[derive(Subcommand)]
pub(crate) enum Dataset {
    /// Declare a folder as a dataset
    #[command(after_help = "Example:\n  hlx dataset add leases --type lease_abstraction --path data/leases")]
    Add {
        /// The dataset's name
        name: String,
        /// What kind of data it holds
        #[arg(long = "type", value_name = "TYPE", default_value = "generic")]
        kind: String,
        /// Its folder, which must exist
        #[arg(long, value_name = "DIR")]
        path: PathBuf,
        /// The field or column that tells its samples apart: a JSON pointer or a name; may be repeated
        #[arg(long, value_name = "FIELD")]
        key: Vec<String>,
    },
    /// Rename a dataset; its versions keep their names, and are found by the new name too
    #[command(after_help = "Example:\n  hlx dataset rename leases lease_abstraction")]
    Rename {
        /// The dataset's name
        #[arg(value_name = "OLD")]
        from: String,
        /// The name of its next versions
        #[arg(value_name = "NEW")]
        to: String,
    },
    /// Take a dataset out of helox.toml; its versions and its files stay
    Rm {
        /// The dataset's name
        name: String,
    },
    Create(Create),
    List(List),
    /// Show one dataset
    Show {
        /// The dataset's name
        name: String,
    },
    /// Sum up what changed between two versions, as 'hlx compare' does
    #[command(after_help = "Example:\n  hlx dataset compare --name leases --version1 1.0.0 --version2 latest")]
    Compare {
        /// The dataset's name
        #[arg(long, value_name = "N")]
        name: String,
        /// The older version: a number, a tag or 'latest'
        #[arg(long, value_name = "A")]
        version1: String,
        /// The newer version
        #[arg(long, value_name = "B")]
        version2: String,
    },
}

/// List the datasets, or with --name the versions of one, as 'hlx log' does
#[derive(Args)]
#[command(after_help = "Examples:
  hlx dataset list
  hlx dataset list --type lease_abstraction --tag production
  hlx dataset list --name leases --since 2026-03-01
  hlx dataset list --name leases --version 1.2.0

With conditions on versions it lists the datasets that have such versions, and how many of them.")]
pub(crate) struct List {
    /// List the versions of this dataset
    #[arg(long, value_name = "N")]
    pub(crate) name: Option<String>,
    /// Only this version, with all its fields: a number, a tag or 'latest'
    #[arg(long, value_name = "V", requires = "name", conflicts_with_all = ["Filter", "limit"])]
    pub(crate) version: Option<String>,
    /// At most N datasets, or versions
    #[arg(short = 'n', value_name = "N")]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

/// Declare a dataset unless it is declared, and make its next version, as 'hlx commit' does
#[derive(Args)]
#[command(after_help = "Example:
  hlx dataset create --name leases --type lease_abstraction --path data/leases --summary 'first leases' --tags staging,may")]
pub(crate) struct Create {
    /// The dataset's name
    #[arg(long, value_name = "N")]
    pub(crate) name: String,
    /// What kind of data it holds
    #[arg(long = "type", value_name = "T")]
    pub(crate) kind: String,
    /// Its folder
    #[arg(long, value_name = "DIR")]
    pub(crate) path: PathBuf,
    /// The version's number [default: follows from what changed]
    #[arg(long, value_name = "V", value_parser = number)]
    pub(crate) version: Option<Number>,
    /// The version it is made from [default: the checked-out one]
    #[arg(long, value_name = "V")]
    pub(crate) parent: Option<String>,
    /// What changed [default: says where the files are from]
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    pub(crate) summary: Option<String>,
    /// Put tags on it, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) tags: Vec<String>,
}
