//! Every key that `helox.toml` may hold. `docs/configuration.md` is the reference of the same list.

/// A table and the keys it may hold. `NAME` stands for the name of a dataset or a remote.
pub(super) struct Table {
    /// What its header reads; empty for the top of the file.
    pub header: &'static str,
    /// Its keys; none where any key may stand.
    pub keys: &'static [&'static str],
}

/// The top of `helox.toml`.
pub(super) const TOP: Table = Table { header: "", keys: &["dataset", "remote", "store"] };
/// The top of `.helox/config.toml`.
pub(super) const LOCAL_TOP: Table = Table { header: "", keys: &["store"] };
/// What is declared of a dataset.
pub(super) const DATASET: Table =
    Table { header: "dataset.NAME", keys: &["type", "path", "samples", "key", "format", "version", "schema", "validation"] };
/// How files are read: the keys are globs.
pub(super) const FORMAT: Table = Table { header: "dataset.NAME.format", keys: &[] };
/// How numbers follow.
pub(super) const VERSION: Table = Table { header: "dataset.NAME.version", keys: &["major_above", "minor_above"] };
/// What is told of the fields.
pub(super) const SCHEMA: Table = Table { header: "dataset.NAME.schema", keys: &["depth"] };
/// What is declared of a remote.
pub(super) const REMOTE: Table = Table { header: "remote.NAME", keys: &["url"] };
/// How data is kept.
pub(super) const STORE: Table = Table { header: "store", keys: &["compression"] };

/// All tables of `helox.toml`.
pub(super) const TABLES: &[&Table] = &[&TOP, &DATASET, &FORMAT, &VERSION, &SCHEMA, &REMOTE, &STORE];

/// How a file may be read; each also with `.gz` or `.zst` behind it.
pub(super) const FORMATS: &[&str] = &["jsonl", "json", "csv", "tsv", "parquet", "text"];

/// What to do about a key that a table may not hold: the nearest one, where it belongs, or what there is.
pub(super) fn advice(table: &Table, key: &str) -> String {
    if let Some(near) = nearest(table.keys, key) {
        return format!("did you mean '{near}'?");
    }
    match TABLES.iter().find(|other| other.keys.contains(&key)) {
        Some(home) if home.header.is_empty() => format!("'{key}' belongs at the top of helox.toml"),
        Some(home) => format!("'{key}' belongs in [{}]", home.header),
        None => format!("there are: {}", table.keys.join(", ")),
    }
}

/// The word that is nearest to what was written, if one is near enough to be meant.
pub(super) fn nearest<'a>(words: &[&'a str], written: &str) -> Option<&'a str> {
    let written = written.to_lowercase();
    let far = |word: &str| strsim::osa_distance(word, &written);
    let near = words.iter().copied().min_by_key(|word| far(word))?;
    (far(near) <= near.len().max(written.len()).div_ceil(3)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of a page's section: the first cells of its rows.
    fn documented<'a>(page: &'a str, header: &str) -> Vec<&'a str> {
        let title = if header.is_empty() { "### The top".to_owned() } else { format!("### `[{header}]`") };
        let section = page.split_once(&format!("\n{title}\n")).unwrap_or_else(|| panic!("no section {title}")).1;
        let section = section.split("\n#").next().unwrap();
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|cell| cell.0)).collect()
    }

    #[test]
    fn every_key_stands_on_the_page_and_no_other() {
        let page = include_str!("../../../docs/configuration.md");
        for table in TABLES {
            let mut keys = documented(page, table.header);
            keys.retain(|key| !key.starts_with('"'));
            assert_eq!(keys, table.keys, "[{}]", table.header);
        }
        for format in FORMATS {
            assert!(page.contains(&format!("`{format}`")), "{format}");
        }
    }

    #[test]
    fn the_nearest_key_is_named() {
        for (table, written, expected) in [
            (&VERSION, "majr_above", "did you mean 'major_above'?"),
            (&VERSION, "majorAbove", "did you mean 'major_above'?"),
            (&DATASET, "typ", "did you mean 'type'?"),
            (&DATASET, "keys", "did you mean 'key'?"),
            (&DATASET, "formats", "did you mean 'format'?"),
            (&TOP, "datasets", "did you mean 'dataset'?"),
            (&DATASET, "major_above", "'major_above' belongs in [dataset.NAME.version]"),
            (&LOCAL_TOP, "dataset", "'dataset' belongs at the top of helox.toml"),
            (&SCHEMA, "whatever", "there are: depth"),
        ] {
            assert_eq!(advice(table, written), expected);
        }
    }
}
