//! The names that datasets and tags may have.

use crate::error::{Error, Result};
use crate::limits;
use crate::path::printable;

fn fits(name: &str, first: impl Fn(u8) -> bool, rest: &[u8]) -> bool {
    let bytes = name.as_bytes();
    let other = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || rest.contains(b);
    bytes.first().copied().is_some_and(first) && bytes.len() <= limits::NAME && bytes[1..].iter().all(other)
}

/// Returns true if a dataset may have this name: `[a-z0-9][a-z0-9_.-]{0,63}`.
pub fn is_dataset(name: &str) -> bool {
    fits(name, |b| b.is_ascii_lowercase() || b.is_ascii_digit(), b"_.-")
}

/// Fails unless a dataset may have this name.
pub fn check_dataset(name: &str) -> Result<()> {
    if is_dataset(name) {
        return Ok(());
    }
    Err(Error::usage(format!("invalid dataset name '{}': {}", printable(name), broken(name, "a letter or a digit", "_.-")))
        .with_hint("use up to 64 of a-z, 0-9, '_', '.' and '-', such as 'lease_abstraction'"))
}

/// Fails unless a tag may have this name: `[a-z][a-z0-9._-]{0,63}`, and nothing that reads as another revision.
pub fn check_tag(tag: &str) -> Result<()> {
    let number = tag.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let rule = match () {
        () if is_reserved(&tag.to_lowercase()) => "the word is reserved".to_owned(),
        () if number => "it looks like a version number".to_owned(),
        () if !fits(tag, |b| b.is_ascii_lowercase(), b"._-") => broken(tag, "a letter", "._-"),
        () => return Ok(()),
    };
    Err(Error::usage(format!("invalid tag '{}': {rule}", printable(tag)))
        .with_hint("use up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter, such as 'production'"))
}

/// Returns true if a word means a version of every dataset, so that no tag may be called so.
fn is_reserved(word: &str) -> bool {
    matches!(word, "latest" | "head" | "work")
}

/// Returns the rule that a name breaks, which begins with `first` and goes on with a-z, 0-9 and `others`.
fn broken(name: &str, first: &str, others: &str) -> String {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || others.contains(c);
    match name.chars().find(|c| !allowed(*c)) {
        _ if name.is_empty() => "it is empty".to_owned(),
        Some(c) if c.is_ascii_uppercase() => match name.to_lowercase() {
            lower if lower.chars().all(allowed) => format!("it has a capital '{c}'; write '{lower}'"),
            _ => format!("it has a capital '{c}'"),
        },
        Some(c) => format!("it has the character '{}'", printable(&c.to_string())),
        None if name.len() > limits::NAME => format!("it has {} characters, more than {}", name.len(), limits::NAME),
        None => format!("it does not start with {first}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "0", "leases_2024.v1-x", &"a".repeat(64)] {
            assert!(is_dataset(good), "{good}");
        }
        for bad in ["", "A", "_a", ".a", "a/b", "a b", "ä", &"a".repeat(65)] {
            assert!(!is_dataset(bad), "{bad}");
        }
        for good in ["production", "staging-2", "v", "vendor", "version"] {
            assert!(check_tag(good).is_ok(), "{good}");
        }
        for bad in ["", "1", "1.2.0", "v1", "v1.2.0", "latest", "head", "work", "HEAD", "-x", "a@b", "a~1"] {
            assert!(check_tag(bad).is_err(), "{bad}");
        }
    }
}
