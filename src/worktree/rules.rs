//! `.hlxignore`: which files are no part of the dataset, in gitignore's grammar, nested as in git.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::{Error, Kind, Result};

/// The file that holds the rules of a folder and what lies below.
pub(super) const FILE: &str = ".hlxignore";

/// The rules that hold in a folder: its own and those of the folders above.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// How many bytes of a path the folder's own takes, and its rules; outermost first.
    layers: Vec<(usize, Gitignore)>,
}

impl Rules {
    /// Takes on the rules of a folder; `text` is what its file holds, `shown` how an error names the file.
    pub fn push(&mut self, folder: &str, text: &str, shown: &Path) -> Result<()> {
        let mut builder = GitignoreBuilder::new("");
        for (line, rule) in (1..).zip(text.lines()) {
            builder.add_line(None, rule).map_err(|e| {
                Error::new(
                    Kind::Config,
                    format!("{}:{line}: '{}' is no rule: {e}", shown.display(), crate::path::printable(rule)),
                )
            })?;
        }
        let rules = builder.build().map_err(|e| Error::new(Kind::Config, format!("{}: {e}", shown.display())))?;
        self.layers.push((if folder.is_empty() { 0 } else { folder.len() + 1 }, rules));
        Ok(())
    }

    /// Lets go of the rules of the folder that was taken on last.
    pub fn pop(&mut self) {
        self.layers.pop();
    }

    /// Whether a path is hidden. The rules nearest to it decide, and of those the last that matches.
    pub fn hide(&self, path: &str, folder: bool) -> bool {
        for (skip, rules) in self.layers.iter().rev() {
            let verdict = rules.matched(path.get(*skip..).unwrap_or_default(), folder);
            if !verdict.is_none() {
                return verdict.is_ignore();
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rule_decides() {
        let mut rules = Rules::default();
        rules.push("", "*.tmp\n/build/\n!keep.tmp\n# comment\n", Path::new(FILE)).unwrap();
        assert!(rules.hide("a/x.tmp", false));
        assert!(!rules.hide("a/keep.tmp", false));
        assert!(rules.hide("build", true));
        assert!(!rules.hide("build", false));
        assert!(!rules.hide("a/build", true));
        rules.push("a", "!x.tmp\n/only\n", Path::new(FILE)).unwrap();
        assert!(!rules.hide("a/x.tmp", false));
        assert!(rules.hide("a/y.tmp", false));
        assert!(rules.hide("a/only", false));
        assert!(!rules.hide("a/b/only", false));
        rules.pop();
        assert!(rules.hide("a/x.tmp", false));
    }
}
