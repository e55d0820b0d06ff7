//! A part of a version: what matches the patterns that were included and not those that were excluded.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::path::{is_within, printable};

/// The patterns of the part. Empty lists select everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Globs of which a path must match one, if there are any.
    pub include: Vec<String>,
    /// Globs of which a path must match none.
    pub exclude: Vec<String>,
    /// Files and folders of which a path must be one or lie below one, if there are any.
    pub paths: Vec<String>,
}

impl Selection {
    /// Returns true if it selects everything.
    pub fn is_all(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty() && self.paths.is_empty()
    }

    /// Makes it ready to be asked; the error names the pattern that is wrong.
    pub fn matcher(&self) -> Result<Matcher> {
        Ok(Matcher {
            include: globs(&self.include)?,
            exclude: globs(&self.exclude)?,
            paths: self.paths.clone(),
            any: self.include.is_empty(),
        })
    }
}

impl std::fmt::Display for Selection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let include = self.include.iter().map(|g| format!("--include {g}"));
        let exclude = self.exclude.iter().map(|g| format!("--exclude {g}"));
        let all: Vec<String> = include.chain(exclude).chain(self.paths.iter().cloned()).collect();
        f.write_str(&all.join(" "))
    }
}

/// A selection that can be asked for paths.
#[derive(Clone, Debug)]
pub struct Matcher {
    include: GlobSet,
    exclude: GlobSet,
    paths: Vec<String>,
    any: bool,
}

impl Matcher {
    /// Returns true if the path is selected.
    pub fn selects(&self, path: &str) -> bool {
        (self.any || self.include.is_match(path))
            && !self.exclude.is_match(path)
            && (self.paths.is_empty() || self.paths.iter().any(|folder| is_within(path, folder)))
    }
}

/// Makes patterns ready to be asked; the error names the one that is wrong.
pub fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(glob(pattern)?);
        // As in gitignore, a pattern that names a folder takes what lies below.
        set.add(glob(&format!("{}/**", pattern.trim_end_matches('/')))?);
    }
    set.build().map_err(|e| Error::usage(e.to_string()))
}

fn glob(pattern: &str) -> Result<Glob> {
    let glob = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
    glob.map_err(|e| Error::usage(format!("invalid pattern '{}': {}", printable(pattern), e.kind())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(include: &[&str], exclude: &[&str], paths: &[&str], path: &str) -> bool {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        Selection { include: own(include), exclude: own(exclude), paths: own(paths) }.matcher().unwrap().selects(path)
    }

    #[test]
    fn patterns_and_paths() {
        assert!(selects(&[], &[], &[], "a/b"));
        assert!(selects(&["train/**"], &[], &[], "train/x/y.jsonl"));
        assert!(selects(&["train"], &[], &[], "train/x/y.jsonl"));
        assert!(!selects(&["*.jsonl"], &[], &[], "train/y.jsonl"));
        assert!(selects(&["**/*.jsonl"], &[], &[], "y.jsonl"));
        assert!(!selects(&["**/*.jsonl"], &["test"], &[], "test/y.jsonl"));
        assert!(selects(&[], &[], &["a/b"], "a/b/c"));
        assert!(!selects(&[], &[], &["a/b"], "a/bc"));
        assert!(Selection { include: vec!["[".into()], ..Default::default() }.matcher().is_err());
    }
}
