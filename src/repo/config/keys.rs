//! Every key that `helox.toml` may hold. `docs/configuration.md` is the reference of the same list.

use crate::spelling;

/// A table and the keys it may hold. `NAME` stands for the name of a dataset or a remote.
pub(super) struct TableSpec<'a> {
    /// The header of the table; empty for the top of the file.
    pub header: &'static str,
    /// Its keys; none where any key may stand.
    pub keys: &'a [&'static str],
}

/// The top of `helox.toml`.
pub(super) const TOP: TableSpec<'_> = TableSpec { header: "", keys: &["dataset", "remote", "store"] };
/// The top of `.helox/config.toml`.
pub(super) const LOCAL_TOP: TableSpec<'_> = TableSpec { header: "", keys: &["remote", "store"] };
/// The keys of a dataset.
pub(super) const DATASET: TableSpec<'_> = TableSpec {
    header: "dataset.NAME",
    keys: &[
        "type",
        "path",
        "formerly",
        "samples",
        "key",
        "ignore_fields",
        "max_record",
        "format",
        "version",
        "schema",
        "splits",
        "validation",
        "tags",
    ],
};
/// The formats of files: the keys are globs.
pub(super) const FORMAT: TableSpec<'_> = TableSpec { header: "dataset.NAME.format", keys: &[] };
/// The dialect of the files of a glob, where more than the format is given.
pub(super) const DIALECT: TableSpec<'_> = TableSpec {
    header: "dataset.NAME.format.\"GLOB\"",
    keys: &["kind", "delimiter", "header", "quote", "comment", "encoding", "records"],
};
/// The keys of version numbers.
pub(super) const VERSION: TableSpec<'_> =
    TableSpec { header: "dataset.NAME.version", keys: &["major_above", "minor_above", "field_share"] };
/// The splits, each with the globs of its files.
pub(super) const SPLITS: TableSpec<'_> = TableSpec { header: "dataset.NAME.splits", keys: &[] };
/// The keys of its schema.
pub(super) const SCHEMA: TableSpec<'_> = TableSpec { header: "dataset.NAME.schema", keys: &["depth"] };
/// The keys of its validation.
pub(super) const VALIDATION: TableSpec<'_> =
    TableSpec { header: "dataset.NAME.validation", keys: &["min_score", "opaque", "skip", "rule"] };
/// The keys of a rule of any kind. Its header has two brackets.
pub(super) const RULE: TableSpec<'_> =
    TableSpec { header: "[dataset.NAME.validation.rule]", keys: &["kind", "severity", "weight", "name", "files"] };
/// The condition on versions with a tag.
pub(super) const TAG: TableSpec<'_> = TableSpec { header: "dataset.NAME.tags.TAG", keys: &["requires"] };
/// The keys of a remote.
pub(super) const REMOTE: TableSpec<'_> =
    TableSpec { header: "remote.NAME", keys: &["url", "endpoint", "region", "profile", "anonymous", "path_style"] };
/// The keys of the store.
pub(super) const STORE: TableSpec<'_> = TableSpec { header: "store", keys: &["compression", "shared"] };

/// All tables of `helox.toml`.
pub(super) const TABLES: &[&TableSpec<'_>] =
    &[&TOP, &DATASET, &FORMAT, &DIALECT, &SPLITS, &VERSION, &SCHEMA, &VALIDATION, &RULE, &TAG, &REMOTE, &STORE];

/// The formats; each but parquet, arrow and none also with `.gz` or `.zst` behind it.
pub(super) const FORMATS: &[&str] = &["jsonl", "json", "csv", "tsv", "parquet", "arrow", "tar", "text", "none"];

/// A kind of rule.
pub(super) struct RuleKind {
    /// The name of the kind.
    pub name: &'static str,
    /// The keys that a rule of this kind may hold beside those of [`RULE`].
    pub keys: &'static [&'static str],
    /// Lines that such a rule may have.
    pub example: &'static str,
}

const fn kind(name: &'static str, keys: &'static [&'static str], example: &'static str) -> RuleKind {
    RuleKind { name, keys, example }
}

/// All kinds of rules.
pub(super) const KINDS: &[RuleKind] = &[
    kind("parse", &[], ""),
    kind("schema", &["file", "formats"], r#"file = "schemas/lease.json", formats = true"#),
    kind("required", &["fields"], r#"fields = ["/id", "/text"]"#),
    kind("types", &["fields"], r#"fields = { "/id" = "string", "/rent" = ["number", "null"] }"#),
    kind("values", &["field", "values"], r#"field = "/label", values = ["rent", "term"]"#),
    kind("range", &["field", "min", "max"], r#"field = "/confidence", min = 0, max = 1"#),
    kind("length", &["field", "min", "max", "unit"], r#"field = "/text", min = 20, unit = "words""#),
    kind("unique", &["key"], r#"key = "/id""#),
    kind("duplicates", &["fields", "max_share"], r#"fields = "/text", max_share = 0.01"#),
    kind("encoding", &[], ""),
    kind("empty", &["fields"], r#"fields = "/text""#),
    kind("pii", &["find", "patterns", "fields"], r#"find = ["email", "ssn"], patterns = { matter = "M-[0-9]{6}" }"#),
    kind(
        "drift",
        &["samples", "field", "mean_length", "labels", "label_share"],
        r#"samples = 0.2, field = "/text", mean_length = 0.3, labels = "/label", label_share = 0.1"#,
    ),
    kind("leakage", &["train", "test", "fields", "max_share"], r#"train = "train", test = "test", fields = "/text""#),
    kind("command", &["run", "timeout"], r#"run = ["python3", "checks/clauses.py"], timeout = 600"#),
];

/// Returns the hint for a key that a rule of a kind does not have.
pub(super) fn rule_advice(kind: &RuleKind, key: &str) -> String {
    let keys = [RULE.keys, kind.keys].concat();
    let others: Vec<String> = KINDS.iter().filter(|other| other.keys.contains(&key)).map(|o| format!("'{}'", o.name)).collect();
    match spelling::nearest(key, &keys) {
        // What is a key of other kinds is hardly a slip of the pen, unless it is one letter away.
        Some(near) if others.is_empty() || strsim::osa_distance(near, key) == 1 => format!("did you mean '{near}'?"),
        _ if !others.is_empty() => format!("'{key}' applies to rules of kind {}", others.join(", ")),
        _ => advice(&TableSpec { header: RULE.header, keys: &keys }, key),
    }
}

/// Returns the hint for a key that a table does not have: the nearest key, the table that has it, or the list of keys.
pub(super) fn advice(table: &TableSpec<'_>, key: &str) -> String {
    if let Some(near) = spelling::nearest(key, table.keys) {
        return format!("did you mean '{near}'?");
    }
    match TABLES.iter().find(|other| other.keys.contains(&key)) {
        Some(home) if home.header.is_empty() => format!("'{key}' belongs at the top of helox.toml"),
        Some(home) => format!("'{key}' belongs in [{}]", home.header),
        None => format!("valid keys: {}", table.keys.join(", ")),
    }
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
    fn every_kind_of_rule_stands_on_the_page_with_its_keys() {
        let page = include_str!("../../../docs/configuration.md");
        let section = page.split_once("\n#### The kinds\n").unwrap().1.split("\n#").next().unwrap();
        let quoted = |cell: &'static str| cell.split('`').skip(1).step_by(2).collect::<Vec<_>>();
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let rows: Vec<Vec<&str>> = rows.map(|row| row.split('|').skip(1).collect()).collect();
        assert_eq!(rows.len(), KINDS.len());
        for (row, kind) in rows.iter().zip(KINDS) {
            assert_eq!(quoted(row[0]), [kind.name]);
            assert_eq!(quoted(row[2]), kind.keys, "{}", kind.name);
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
            (&SCHEMA, "whatever", "valid keys: depth"),
        ] {
            assert_eq!(advice(table, written), expected);
        }
    }
}
