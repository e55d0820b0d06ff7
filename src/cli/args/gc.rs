//! `hlx gc`.

use std::time::Duration;

use clap::Args;

/// Remove data that no version needs, and join small packs
#[derive(Args)]
#[command(after_help = "Examples:
  hlx gc --dry-run        what would be removed, by reason
  hlx gc --grace 0        also what a refused or interrupted commit has just stored
  hlx gc --recompress 9   compress all packs again that get smaller by it

Versions, tags, runs and notes are never removed, nor is anything that a workspace needs. Data that no version
needs is left by commits that were refused or interrupted; the same commit uses it if it is repeated within the
grace time. Other commands can run at the same time. If anything is damaged, nothing is removed.")]
pub(crate) struct GcArgs {
    /// Only print what would be removed
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Keep unreachable data that is younger, such as 30m, 12h, 7d or 2w [default: 1d]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) grace: Option<Duration>,
    /// Compress packs again at this level of zstd, 1 to 19, unless they are as short already
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(i32).range(1..=19))]
    pub(crate) recompress: Option<i32>,
}

/// A number with a unit: seconds, minutes, hours, days or weeks. Zero needs none.
fn time(text: &str) -> Result<Duration, String> {
    let malformed = || "expected a number with a unit: 90s, 30m, 12h, 7d or 2w".to_owned();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| malformed())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        "" if number == 0 => 1,
        _ => return Err(malformed()),
    };
    number.checked_mul(seconds).filter(|seconds| *seconds <= MAX_GRACE).map(Duration::from_secs).ok_or_else(malformed)
}

/// The longest grace time: a hundred years.
const MAX_GRACE: u64 = 100 * 366 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, seconds) in
            [("0", 0), ("0s", 0), ("90s", 90), ("30m", 1_800), ("12h", 43_200), ("7d", 604_800), ("2w", 1_209_600)]
        {
            assert_eq!(time(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "1", "d", "-1d", "1.5h", "1 d", "1day", "99999999999999999999w", "9999999w"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
