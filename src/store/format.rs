//! The file `format`: the format of a store, and the features that a program must or may know to use it. Specified in
//! `docs/formats/layout.md`.

use std::path::Path;

use crate::error::{Error, Result};
use crate::limits;

/// The content of the file in a new store: no feature is defined yet.
pub(crate) const NEW: &[u8] = b"helox 1\n";

/// Fails unless this hlx can use a store whose file `format` has this content.
///
/// # Errors
/// [`ErrorKind::Damaged`](crate::error::ErrorKind::Damaged), with the name of a required feature that is unknown.
pub(crate) fn check(path: &Path, content: &[u8]) -> Result<()> {
    let damaged = || {
        Error::damaged(format!("{} is damaged", path.display()))
            .with_hint(format!("restore it from another copy of the repository: cp OTHER/.helox/format {}", path.display()))
    };
    let text = std::str::from_utf8(content).ok().filter(|text| text.len() <= limits::FORMAT_FILE);
    let mut lines = text.and_then(|text| text.strip_suffix('\n')).ok_or_else(damaged)?.split('\n').peekable();
    match lines.next().and_then(|line| line.strip_prefix("helox ")) {
        Some("1") => {}
        Some(format) if is_number(format) => {
            return Err(Error::damaged(format!("{} has the unknown repository format {format}", path.display()))
                .with_hint("use a newer hlx"));
        }
        _ => return Err(damaged()),
    }
    let mut features = |word: &str| {
        let Some(names) = lines.peek().and_then(|line| line.strip_prefix(word)?.strip_prefix(' ')) else { return Some(vec![]) };
        lines.next();
        let names: Vec<&str> = names.split(' ').collect();
        (names.iter().all(|name| is_feature(name)) && names.is_sorted_by(|a, b| a < b)).then_some(names)
    };
    let required = features("required").ok_or_else(damaged)?;
    features("optional").ok_or_else(damaged)?;
    if lines.next().is_some() {
        return Err(damaged());
    }
    match required.first() {
        None => Ok(()),
        Some(feature) => Err(Error::damaged(format!("{} requires the unknown feature '{feature}'", path.display()))
            .with_hint(format!("use a newer hlx, one that knows '{feature}'"))),
    }
}

fn is_number(text: &str) -> bool {
    !text.starts_with('0') && (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_feature(name: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= limits::FEATURE
        && name.bytes().next().is_some_and(is_word)
        && name.bytes().all(|b| is_word(b) || matches!(b, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(content: &str) -> Result<()> {
        check(Path::new(".helox/format"), content.as_bytes())
    }

    #[test]
    fn optional_features_are_passed_over_and_required_ones_are_named() {
        for good in ["helox 1\n", "helox 1\noptional a-1.b zstd\n"] {
            assert!(outcome(good).is_ok(), "{good}");
        }
        let refused = outcome("helox 1\nrequired recipe-1 sealed\noptional a\n").unwrap_err();
        assert_eq!(refused.message(), ".helox/format requires the unknown feature 'recipe-1'");
        assert_eq!(refused.hint(), Some("use a newer hlx, one that knows 'recipe-1'"));
        assert!(outcome("helox 2\nany: thing\n").unwrap_err().message().ends_with("unknown repository format 2"));
    }

    #[test]
    fn everything_else_is_damaged() {
        for bad in [
            "",
            "helox 1",
            "helox 1\n\n",
            "helox 01\n",
            "helox one\n",
            "HELOX 1\n",
            "helox 1\noptional\n",
            "helox 1\noptional \n",
            "helox 1\noptional b a\n",
            "helox 1\noptional a a\n",
            "helox 1\noptional A\n",
            "helox 1\noptional a  b\n",
            "helox 1\noptional a\nrequired b\n",
            "helox 1\noptional a\noptional b\n",
            "helox 1\nsometimes a\n",
        ] {
            let refused = outcome(bad).unwrap_err();
            assert_eq!(refused.message(), ".helox/format is damaged", "{bad:?}");
        }
        assert!(outcome(&format!("helox 1\noptional {}\n", "a".repeat(limits::FEATURE + 1))).is_err());
        assert!(outcome(&format!("helox 1\noptional {}\n", "a".repeat(limits::FORMAT_FILE))).is_err());
    }
}
