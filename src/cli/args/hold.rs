//! `hlx hold`.

use clap::{Args, Subcommand};

/// Put versions on hold, so that nothing removes them
#[derive(Subcommand)]
pub(crate) enum HoldCommand {
    /// Put a version on hold
    #[command(after_help = "Example:\n  hlx hold add leases@1.1.0 --why 'evidence in case 2026-17'")]
    Add(HoldArgs),
    /// End all holds on a version
    #[command(after_help = "Example:\n  hlx hold rm leases@1.1.0 --why 'case 2026-17 is closed'")]
    Rm(HoldArgs),
    /// List the holds
    #[command(alias = "ls", after_help = "Example:\n  hlx hold list leases@1.1.0")]
    List {
        /// Version [default: all]
        rev: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct HoldArgs {
    /// Version
    pub(crate) rev: String,
    /// Reason
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// Author [default: HLX_AUTHOR, then git's user]
    #[arg(long, value_name = "WHO")]
    pub(crate) author: Option<String>,
}
