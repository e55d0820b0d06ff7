//! `hlx log`, and `-5` for the commands that take `-n 5`.

use std::ffi::{OsStr, OsString};

use clap::Args;

use super::Filter;

/// List versions, highest number first; of several datasets, newest first
#[derive(Args)]
#[command(after_help = "Examples:
  hlx log leases --oneline --graph
  hlx log leases@1.2.0 -5
  hlx log --stat -- train/part-00.jsonl
  hlx log --tag production --since '3 months ago' --meta source=crawl

Without NAME it lists the dataset of the current folder, or all datasets. Children come before their parents.")]
pub(crate) struct LogArgs {
    /// Dataset, or revision whose ancestors to list
    #[arg(value_name = "NAME|REV")]
    pub(crate) target: Option<String>,
    /// Show at most N versions; -5 is short for -n 5
    #[arg(short = 'n', value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Show each version on one line
    #[arg(long)]
    pub(crate) oneline: bool,
    /// Draw the version graph
    #[arg(long)]
    pub(crate) graph: bool,
    /// Show how many files each version added, modified and removed
    #[arg(long)]
    pub(crate) stat: bool,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Print one JSON document per version
    #[arg(long)]
    pub(crate) jsonl: bool,
    /// Show only versions that changed these files and folders
    #[arg(last = true, value_name = "PATH")]
    pub(crate) paths: Vec<String>,
}

/// Returns what was typed with `-5` as `-n5`, for the commands that take it.
pub(super) fn with_limit(typed: &[OsString]) -> Vec<OsString> {
    let takes_value = |arg: &OsStr| arg == "-C" || arg == "--color";
    let is_option = |arg: &OsStr| arg.as_encoded_bytes().starts_with(b"-");
    let mut at = 1;
    while let Some(arg) = typed.get(at).filter(|arg| is_option(arg)) {
        at += if takes_value(arg) { 2 } else { 1 };
    }
    let has_limit = typed.get(at).is_some_and(|command| command == "log" || command == "audit");
    let end = typed.iter().position(|arg| arg == "--").unwrap_or(typed.len());
    let digits = |arg: &OsString| {
        let digits = arg.to_str()?.strip_prefix('-')?;
        (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())).then(|| format!("-n{digits}").into())
    };
    let rewrite = |(n, arg): (usize, &OsString)| digits(arg).filter(|_| has_limit && n < end).unwrap_or_else(|| arg.clone());
    typed.iter().enumerate().map(rewrite).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_is_a_limit() {
        let rewritten = |line: &str| {
            let typed: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            with_limit(&typed).join(OsStr::new(" ")).into_string().unwrap()
        };
        for (typed, read) in [
            ("hlx log -5", "hlx log -n5"),
            ("hlx -C log audit -12 -q", "hlx -C log audit -n12 -q"),
            ("hlx log leases -- -5", "hlx log leases -- -5"),
            ("hlx note add 1.0.0 -5", "hlx note add 1.0.0 -5"),
            ("hlx log -5x", "hlx log -5x"),
            ("hlx", "hlx"),
        ] {
            assert_eq!(rewritten(typed), read);
        }
    }
}
