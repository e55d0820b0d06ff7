//! `hlx validate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Check a version or the workspace against the rules of its dataset
#[derive(Args)]
#[command(after_help = "Examples:
  hlx validate                                        check the workspace, as commit does
  hlx validate leases@1.2.0 --report findings.jsonl   write all findings to a file
  hlx validate leases@1.2.0 --record                  record the result on the version
  hlx validate --format github                        print annotations for GitHub Actions

Exits with status 1 if validation fails. Nothing is recorded without --record. Formats for other tools list all
findings, with paths relative to the root of the repository.")]
pub(crate) struct ValidateArgs {
    /// Version, or WORK for the files in the workspace [default: WORK]
    #[arg(value_name = "REV|WORK")]
    pub(crate) rev: Option<String>,
    /// Write the findings to FILE, one JSON document per line
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Maximum number of findings per rule in FILE; all are counted [default: 10000]
    #[arg(long, value_name = "N")]
    pub(crate) max_findings: Option<usize>,
    /// Record the result on the version
    #[arg(long)]
    pub(crate) record: bool,
    /// Output format of the findings
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "human")]
    pub(crate) format: FindingsFormat,
    /// Author of the record [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
}

/// The format of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingsFormat {
    /// Text for people
    Human,
    /// Workflow commands of GitHub Actions
    Github,
    /// JUnit XML with a test suite per dataset and a test per rule
    Junit,
    /// SARIF 2.1.0
    Sarif,
}
