//! Warnings about files that may not be read as their user means.

use crate::error::Result;
use crate::sample::Hint;

/// Most warnings about how files are read.
const WARNINGS: usize = 100;

/// Collects the first hints of files, each file with its path, as warnings.
pub fn hint_warnings(files: impl Iterator<Item = Result<(String, Vec<Hint>)>>) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for file in files {
        let (path, hints) = file?;
        warnings.extend(hints.iter().map(|hint| hint.warning(&path)));
        if warnings.len() >= WARNINGS {
            break;
        }
    }
    Ok(warnings)
}
