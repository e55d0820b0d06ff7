//! `hlx validate`.

use std::path::PathBuf;

use clap::Args;

/// Judge a version, or the workspace, by the rules of its dataset
#[derive(Args)]
#[command(after_help = "Examples:
  hlx validate                                        what commit would say
  hlx validate leases@1.2.0 --report findings.jsonl   every finding of a version

What is said of a version is recorded; of the workspace nothing is. Exits with 1 if it does not pass.")]
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
    /// Who says so [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
}
