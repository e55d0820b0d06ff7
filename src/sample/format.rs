//! The reader of a file, by the extension of its name or by `helox.toml`.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::ReaderSpec;
use crate::error::{Error, ErrorKind, Result};

/// The declarations of formats in `helox.toml`: globs, each with a reader spec. The first that matches wins; a path that
/// none matches is read by its name and extension.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    names: Vec<String>,
    globs: GlobSet,
    /// Two globs each: what is named, and what lies below it.
    readings: Vec<ReaderSpec>,
}

impl Formats {
    /// Returns the globs as they were declared, with their reader specs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ReaderSpec)> {
        self.names.iter().map(String::as_str).zip(&self.readings)
    }

    /// Compiles globs of paths within the dataset, with their readings, in their order.
    pub fn new<'a>(table: impl IntoIterator<Item = (&'a str, &'a ReaderSpec)>) -> Result<Formats> {
        let (names, readings): (Vec<_>, Vec<_>) = table.into_iter().map(|(glob, spec)| (glob, spec.clone())).unzip();
        let owned = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Formats { names: owned, globs: globs(names)?, readings })
    }

    /// Returns the reader of the file of this path.
    pub fn spec_for(&self, path: &str) -> ReaderSpec {
        match self.globs.matches(path).first() {
            Some(&first) => self.readings[first / 2].clone(),
            None if describes_data(path) => ReaderSpec::none(),
            None => ReaderSpec::of(path),
        }
    }
}

/// Returns true for the files that people write beside the samples: `.hlxignore`, and at the top of a dataset its README,
/// license and card.
fn describes_data(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let name = name.to_ascii_lowercase();
    let stem = [".md", ".txt", ".rst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    name == ".hlxignore" || folder.is_empty() && ["readme", "license", "dataset_card"].contains(&stem)
}

/// Compiles globs of paths within the dataset: `*` stays within a component, `**` does not, and what names a folder takes
/// all below it. Each becomes two of the set, one after the other: what is named, and what lies below it.
pub(crate) fn globs<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        for glob in [glob, &format!("{}/**", glob.trim_end_matches('/'))] {
            let compiled = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
            set.add(compiled.map_err(|why| {
                Error::new(ErrorKind::Config, format!("invalid glob '{glob}': {}", why.kind())).with_source(why)
            })?);
        }
    }
    set.build().map_err(|why| Error::new(ErrorKind::Config, format!("the globs are too large: {}", why.kind())).with_source(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::RecordFormat;

    fn formats(table: &[(&str, &str)]) -> Result<Formats> {
        let readings: Vec<_> = table.iter().map(|(glob, name)| (*glob, ReaderSpec::named(name).unwrap())).collect();
        Formats::new(readings.iter().map(|(glob, spec)| (*glob, spec)))
    }

    #[test]
    fn the_first_glob_wins() {
        let formats = formats(&[("top.txt", "csv"), ("raw", "text"), ("**/*.txt", "jsonl")]).unwrap();
        assert_eq!(formats.spec_for("a/b/c.txt").format, RecordFormat::Jsonl);
        assert_eq!(formats.spec_for("raw/b/c.txt").format, RecordFormat::Whole);
        assert_eq!(formats.spec_for("a/raw/c.txt").format, RecordFormat::Jsonl);
        assert_eq!(formats.spec_for("top.txt").format, RecordFormat::Csv);
        assert_eq!(formats.spec_for("a/top.txt").format, RecordFormat::Jsonl);
        assert_eq!(formats.spec_for("a.csv").format, RecordFormat::Csv);
        assert_eq!(Formats::default().spec_for("a.csv").format, RecordFormat::Csv);
    }

    #[test]
    fn what_describes_the_data_has_no_samples() {
        let of = |formats: &Formats, path: &str| formats.spec_for(path).format;
        let formats = formats(&[("LICENSE", "text"), ("docs", "none")]).unwrap();
        for path in ["README", "README.md", "Readme.rst", "DATASET_CARD.txt", ".hlxignore", "a/.hlxignore", "docs/a.jsonl"] {
            assert_eq!(of(&formats, path), RecordFormat::None, "{path}");
        }
        for path in ["a/README.md", "README.html", "README.md.txt", "LICENSE", "notes.txt", "hlxignore"] {
            assert_eq!(of(&formats, path), RecordFormat::Whole, "{path}");
        }
        assert_eq!(of(&formats, "README.jsonl"), RecordFormat::Jsonl);
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(formats(&[("*.x", "csv")]).unwrap().spec_for("a/b.x").format, RecordFormat::Whole);
        assert!(formats(&[("[", "csv")]).unwrap_err().message().contains("'['"));
    }
}
