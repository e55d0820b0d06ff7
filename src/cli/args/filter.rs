//! The filter of versions to list.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use helox::Time;
use helox::catalog::Query;
use helox::object::version::ValidationStatus;

use super::values::pair;
use crate::cli::when;

/// The values of `--status`.
const STATUSES: [&str; 4] = ["PENDING", "PASSED", "FAILED", "SKIPPED"];

/// Conditions on versions; all of them hold for those that are listed.
#[derive(Args, Default)]
pub(crate) struct Filter {
    /// Show only versions with this tag
    #[arg(long, value_name = "T")]
    pub(crate) tag: Option<String>,
    /// Show only versions of datasets of this type
    #[arg(long = "type", value_name = "T")]
    pub(crate) kind: Option<String>,
    /// Show only versions whose author contains this text
    #[arg(long, value_name = "A")]
    pub(crate) author: Option<String>,
    /// Show only versions with this validation status; PENDING means not validated
    #[arg(long, value_name = "S", ignore_case = true, value_parser = PossibleValuesParser::new(STATUSES).map(status))]
    pub(crate) status: Option<ValidationStatus>,
    /// Show only versions with this metadata; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) meta: Vec<(String, String)>,
    /// Show only versions created at or after this time: RFC 3339, a day (UTC), yesterday, or '2 weeks ago'
    #[arg(long, value_name = "WHEN", value_parser = when::since)]
    pub(crate) since: Option<Time>,
    /// Show only versions created at or before this time; a day is included
    #[arg(long, value_name = "WHEN", value_parser = when::until)]
    pub(crate) until: Option<Time>,
}

impl Filter {
    /// Returns the question for versions of a dataset that the conditions hold for.
    pub(crate) fn query(self, dataset: Option<String>, limit: Option<usize>) -> Query {
        let Filter { tag, kind, author, status, meta, since, until } = self;
        Query { dataset, kind, tag, author, since, until, status, metadata: meta, limit }
    }
}

/// Returns a word of [`STATUSES`] in any case.
fn status(word: String) -> ValidationStatus {
    match word.to_uppercase().as_str() {
        "PASSED" => ValidationStatus::Passed,
        "FAILED" => ValidationStatus::Failed,
        "SKIPPED" => ValidationStatus::Skipped,
        _ => ValidationStatus::Pending,
    }
}
