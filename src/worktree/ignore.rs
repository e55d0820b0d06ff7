//! `.hlxignore`: which files are no part of the dataset, in gitignore's grammar, nested as in git.
//!
//! As git does, it takes the rules as bytes: a byte order mark at the start is none of the first rule, and bytes that are
//! not UTF-8 match names that have the same ones.

use std::borrow::Cow;
use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{Error, ErrorKind, Result};

/// The file that holds the rules of a folder and what lies below.
pub(super) const FILE: &str = ".hlxignore";

/// The rules that hold in a folder: its own and those of the folders above.
#[derive(Debug, Default)]
pub(super) struct IgnoreRules {
    /// The length of the folder's path in bytes, and its rules; outermost first.
    layers: Vec<(usize, Gitignore)>,
}

impl IgnoreRules {
    /// Takes on the rules of a folder; `bytes` is what its file holds, `shown` how an error names the file.
    pub fn push(&mut self, folder: &str, bytes: &[u8], shown: &Path) -> Result<()> {
        let mut builder = GitignoreBuilder::new("");
        let text = text_of(bytes.strip_prefix(MARK).unwrap_or(bytes));
        for (line, rule) in (1..).zip(text.lines()) {
            builder.add_line(None, rule).map_err(|e| {
                Error::new(
                    ErrorKind::Config,
                    format!("{}:{line}: invalid rule '{}': {e}", shown.display(), crate::path::printable(rule)),
                )
            })?;
        }
        let rules = builder.build().map_err(|e| Error::new(ErrorKind::Config, format!("{}: {e}", shown.display())))?;
        self.layers.push((if folder.is_empty() { 0 } else { folder.len() + 1 }, rules));
        Ok(())
    }

    /// Lets go of the rules of the folder that was taken on last.
    pub fn pop(&mut self) {
        self.layers.pop();
    }

    /// Returns true if a path is ignored. The rules nearest to it decide, and of those the last that matches.
    pub fn is_ignored(&self, path: &str, folder: bool) -> bool {
        for (skip, rules) in self.layers.iter().rev() {
            let verdict = rules.matched(path.get(*skip..).unwrap_or_default(), folder);
            if !verdict.is_none() {
                return verdict.is_ignore();
            }
        }
        false
    }
}

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// The character that stands for the byte 0 where bytes are not UTF-8; those for the other bytes follow it. They are for
/// private use, and the last that there are.
const FIRST: u32 = 0x10_ff00;

/// Makes text of the bytes of rules or of a name. A byte that is not UTF-8 becomes a character that stands for it.
pub(super) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut text = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        text += chunk.valid();
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(FIRST + u32::from(*byte))));
    }
    text.into()
}

/// Shows a text of [`text_of`] with `\xE9` for each byte that is not UTF-8.
pub(super) fn printable_bytes(text: &str) -> String {
    let shown = |c: char| match u32::from(c).checked_sub(FIRST).filter(|byte| *byte < 256) {
        Some(byte) => format!("\\x{byte:02X}"),
        None => crate::path::printable(c.encode_utf8(&mut [0; 4])).into_owned(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rule_decides() {
        let mut rules = IgnoreRules::default();
        rules.push("", b"*.tmp\n/build/\n!keep.tmp\n# comment\n", Path::new(FILE)).unwrap();
        assert!(rules.is_ignored("a/x.tmp", false));
        assert!(!rules.is_ignored("a/keep.tmp", false));
        assert!(rules.is_ignored("build", true));
        assert!(!rules.is_ignored("build", false));
        assert!(!rules.is_ignored("a/build", true));
        rules.push("a", b"!x.tmp\n/only\n", Path::new(FILE)).unwrap();
        assert!(!rules.is_ignored("a/x.tmp", false));
        assert!(rules.is_ignored("a/y.tmp", false));
        assert!(rules.is_ignored("a/only", false));
        assert!(!rules.is_ignored("a/b/only", false));
        rules.pop();
        assert!(rules.is_ignored("a/x.tmp", false));
    }

    #[test]
    fn rules_are_bytes_as_in_git() {
        let mut rules = IgnoreRules::default();
        rules.push("", b"\xef\xbb\xbfsecret*\r\n\xe9t\xe9/\nf\xc3\xbcr*\n", Path::new(FILE)).unwrap();
        assert!(rules.is_ignored("secret.txt", false), "the mark is none of the rule");
        assert!(rules.is_ignored(&text_of(b"\xe9t\xe9"), true));
        assert!(!rules.is_ignored(&text_of(b"\xe8t\xe9"), true) && !rules.is_ignored("\u{e9}t\u{e9}", true));
        assert!(rules.is_ignored("f\u{fc}r.txt", false), "other lines are UTF-8 as before");
    }
}
