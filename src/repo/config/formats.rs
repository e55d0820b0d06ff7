//! `[dataset.NAME.format]`: how the files that match a glob are read.

use super::keys::{DIALECT, FORMATS};
use super::table::{ConfigEntry, Section};
use crate::error::Result;
use crate::limits;
use crate::sample::{Encoding, Pointer, ReaderSpec, RecordFormat};
use crate::spelling;

/// The encodings that can be named.
const ENCODINGS: [(&str, Encoding); 5] = [
    ("utf-8", Encoding::Utf8),
    ("utf-16le", Encoding::Utf16Le),
    ("utf-16be", Encoding::Utf16Be),
    ("latin1", Encoding::Latin1),
    ("windows-1252", Encoding::Windows1252),
];

/// Reads the value of a glob: the name of a format, or a table with a dialect.
pub(super) fn reading(entry: &ConfigEntry<'_>) -> Result<ReaderSpec> {
    if !entry.is_table() {
        return named(entry);
    }
    let section = entry.section()?.check(&DIALECT)?;
    let Some(kind) = section.get("kind") else {
        return Err(section
            .wrong(format!("the format of '{}' has no 'kind'", entry.key))
            .with_hint(format!("give a format: kind = \"csv\"; valid formats: {}", FORMATS.join(", "))));
    };
    let mut spec = named(&kind)?;
    for key in ["delimiter", "header", "quote", "comment"] {
        only_for(&section, key, spec.is_table(), "csv and tsv")?;
    }
    only_for(&section, "records", spec.format == RecordFormat::Json, "json")?;
    only_for(
        &section,
        "encoding",
        !matches!(spec.format, RecordFormat::Parquet | RecordFormat::Arrow | RecordFormat::Tar | RecordFormat::None),
        "text",
    )?;
    let dialect = &mut spec.dialect;
    if let Some(entry) = section.get("delimiter") {
        let byte = character(&entry)?;
        if matches!(byte, b'"' | b'\n' | b'\r') {
            return Err(entry.wrong("a quote or line break cannot be the delimiter"));
        }
        dialect.delimiter = Some(byte);
    }
    if let Some(entry) = section.get("header") {
        dialect.header = entry.switch()?;
    }
    if let Some(entry) = section.get("quote") {
        dialect.quotes = entry.word(entry.text()?, "quote", &["none", "\""])? == 1;
    }
    if let Some(entry) = section.get("comment") {
        dialect.comment = Some(character(&entry)?);
    }
    if let Some(entry) = section.get("encoding") {
        let words: Vec<&str> = ENCODINGS.iter().map(|(word, _)| *word).collect();
        dialect.encoding = ENCODINGS[entry.word(entry.text()?, "encoding", &words)?].1;
    }
    if let Some(entry) = section.get("records") {
        let pointer = entry.text()?;
        Pointer::parse(pointer).map_err(|e| entry.wrong(format!("'{pointer}' is not a JSON pointer: {e}")))?;
        if pointer.len() > limits::POINTER {
            return Err(entry.wrong(format!("'records' has more than {} bytes", limits::POINTER)));
        }
        dialect.records = Some(pointer).filter(|pointer| !pointer.is_empty()).map(Into::into);
    }
    Ok(spec)
}

fn named(entry: &ConfigEntry<'_>) -> Result<ReaderSpec> {
    let format = entry.text()?;
    if let Some(spec) = ReaderSpec::named(format) {
        return Ok(spec);
    }
    let plain = format.split_once('.').map_or(format, |(plain, _)| plain);
    let error = entry.wrong(format!("unknown format '{format}'"));
    Err(match spelling::nearest(plain, FORMATS) {
        Some(near) if *near != plain => error.with_hint(format!("did you mean '{near}'?")),
        _ => error.with_hint(format!(
            "valid formats: {}; all but parquet, arrow and none also with the suffix '.gz', '.zst', '.bz2', '.xz' or '.lz4'",
            FORMATS.join(", ")
        )),
    })
}

/// Fails if a key is given that a format does not have.
fn only_for(section: &Section<'_>, key: &str, allowed: bool, formats: &str) -> Result<()> {
    match section.get(key).filter(|_| !allowed) {
        Some(entry) => Err(entry.wrong_key(format!("'{key}' applies to {formats} only")).with_hint("remove it")),
        None => Ok(()),
    }
}

/// Returns the value as one ASCII character.
fn character(entry: &ConfigEntry<'_>) -> Result<u8> {
    match entry.text()?.as_bytes() {
        [byte @ 1..=0x7f] => Ok(*byte),
        _ => Err(entry.wrong(format!("'{}' must be one ASCII character", entry.key))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::repo::config::read::tests::load;

    fn one(value: &str) -> Result<ReaderSpec> {
        let config = load(&format!("[dataset.a]\npath = 'a'\n[dataset.a.format]\n'*.x' = {value}\n"))?;
        Ok(config.dataset("a").unwrap().formats[0].1.clone())
    }

    #[test]
    fn dialects_are_read() {
        let spec =
            one(r##"{ kind = "csv.gz", delimiter = ";", header = false, quote = "none", comment = "#", encoding = "latin1" }"##);
        let spec = spec.unwrap();
        let dialect = spec.dialect.clone();
        assert_eq!((spec.format, spec.delimiter()), (RecordFormat::Csv, b';'));
        assert_eq!((dialect.header, dialect.quotes, dialect.comment), (false, false, Some(b'#')));
        assert_eq!(dialect.encoding, Encoding::Latin1);
        assert_eq!(one(r#"{ kind = "json", records = "/data" }"#).unwrap().dialect.records.as_deref(), Some("/data"));
        assert_eq!(one(r#"{ kind = "jsonl" }"#).unwrap(), one(r#""jsonl""#).unwrap());
        assert!(load("[dataset.a]\npath = 'a'\n[dataset.a.format.'*.x']\nkind = 'tsv'\n").is_ok());
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (value, expected) in [
            ("{ delimiter = ';' }", "helox.toml:4: the format of '*.x' has no 'kind'"),
            ("{ kind = 'csb' }", "helox.toml:4: unknown format 'csb'"),
            ("{ kind = 'csv', delimeter = ';' }", "helox.toml:4: unknown key 'delimeter'"),
            ("{ kind = 'csv', delimiter = ';;' }", "helox.toml:4: 'delimiter' must be one ASCII character"),
            ("{ kind = 'csv', delimiter = '\"' }", "helox.toml:4: a quote or line break"),
            ("{ kind = 'json', delimiter = ';' }", "helox.toml:4: 'delimiter' applies to csv and tsv only"),
            ("{ kind = 'csv', records = '/a' }", "helox.toml:4: 'records' applies to json only"),
            ("{ kind = 'json', records = 'a' }", "helox.toml:4: 'a' is not a JSON pointer"),
            ("{ kind = 'csv', encoding = 'latin2' }", "helox.toml:4: unknown encoding 'latin2'"),
            ("{ kind = 'csv', header = 'no' }", "helox.toml:4: 'header' must be true or false"),
            ("{ kind = 'csv', quote = 'no' }", "helox.toml:4: unknown quote 'no'"),
            ("3", "helox.toml:4: '*.x' must be a string"),
        ] {
            let error = one(value).unwrap_err();
            assert!(error.message().contains(expected), "{value}: {}", error.message());
            assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}
