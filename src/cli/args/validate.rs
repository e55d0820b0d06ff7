//! `hlx validate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Judge a version, or the workspace, by the rules of its dataset
#[derive(Args)]
#[command(after_help = "Examples:
  hlx validate                                        what commit would say
  hlx validate leases@1.2.0 --report findings.jsonl   every finding of a version
  hlx validate leases@1.2.0 --record                  also record the verdict
  hlx validate --format github                        annotations in a workflow

Exits with 1 if it does not pass. Nothing changes without --record. The other formats have the paths of the
repository's root, and all findings.")]
pub(crate) struct Validate {
    /// A version, or WORK, the files in the workspace [default: WORK]
    #[arg(value_name = "REV|WORK")]
    pub(crate) rev: Option<String>,
    /// Write the findings to FILE, one JSON document a line
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Most findings of a rule in FILE; all are counted [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) max_findings: Option<usize>,
    /// Record the verdict on the version; without it nothing changes
    #[arg(long)]
    pub(crate) record: bool,
    /// How to print the findings
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    pub(crate) format: Format,
    /// Who says so, with --record [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Words
    Human,
    /// Workflow commands of GitHub Actions
    Github,
    /// JUnit XML: a test suite a dataset, a test a rule
    Junit,
    /// SARIF 2.1.0
    Sarif,
}
