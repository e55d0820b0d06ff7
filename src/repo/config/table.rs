//! A TOML file that remembers its lines: tables and values that are asked for by type, and errors that name the place.

use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml_edit::{Item, Key, TableLike, Value};

use super::keys::{self, TableSpec};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::atomic;
use crate::gate::Bound;
use crate::path::printable;
use crate::refs::names;
use crate::selection::Selection;
use crate::spelling;

/// The text of a configuration file.
pub(super) struct ConfigFile {
    name: String,
    text: String,
}

impl ConfigFile {
    /// Reads a file; an absent one is empty.
    pub fn read(path: &Path) -> Result<ConfigFile> {
        let bytes = atomic::read(path)?.unwrap_or_default();
        let name = path.display().to_string();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(ConfigFile { name, text }),
            Err(e) => {
                let (good, _) = e.as_bytes().split_at(e.utf8_error().valid_up_to());
                let file = ConfigFile { name, text: String::from_utf8_lossy(good).into_owned() };
                Err(file.wrong(Some(good.len()..good.len()), "not valid UTF-8"))
            }
        }
    }

    /// Takes the text apart.
    pub fn parse(&self) -> Result<toml_edit::Document<&str>> {
        toml_edit::Document::parse(self.text.as_str())
            .map_err(|e| self.wrong(e.span(), e.message().lines().collect::<Vec<_>>().join("; ")))
    }

    /// Returns an error with file and line.
    pub fn wrong(&self, at: Option<Range<usize>>, what: impl Display) -> Error {
        let before = at.map_or(0, |span| span.start.min(self.text.len()));
        let line = self.text.bytes().take(before).filter(|b| *b == b'\n').count() + 1;
        Error::new(ErrorKind::Config, format!("{}:{line}: {}", self.name, printable(&what.to_string())))
    }
}

/// A table of a file.
pub(super) struct Section<'a> {
    file: &'a ConfigFile,
    /// The header, between the brackets: those of a list of tables have two.
    name: String,
    at: Option<Range<usize>>,
    table: &'a dyn TableLike,
}

/// A key and its value.
pub(super) struct ConfigEntry<'a> {
    file: &'a ConfigFile,
    /// The key.
    pub key: &'a str,
    /// The header of a table with this key.
    name: String,
    key_at: Option<Range<usize>>,
    item: &'a Item,
}

impl<'a> Section<'a> {
    /// Returns the whole file.
    pub fn top(file: &'a ConfigFile, document: &'a toml_edit::Document<&str>) -> Section<'a> {
        Section { file, name: String::new(), at: None, table: document.as_table() }
    }

    /// Fails if it holds a key that such a table does not have.
    pub fn check(self, known: &TableSpec<'_>) -> Result<Section<'a>> {
        let unknown = self.entries().find(|entry| !known.keys.contains(&entry.key));
        let wrong = unknown.map(|entry| {
            let place = if self.name.is_empty() { String::new() } else { format!(" in {}", self.header()) };
            let error = entry.wrong_key(format!("unknown key '{}'{place}", entry.key));
            error.with_hint(printable(&keys::advice(known, entry.key)))
        });
        wrong.map_or(Ok(self), Err)
    }

    /// Its keys and values in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = ConfigEntry<'a>> {
        let (file, table) = (self.file, self.table);
        let name = |key: &str| if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) };
        table.iter().map(move |(key, item)| ConfigEntry {
            file,
            key,
            name: name(key),
            key_at: table.key(key).and_then(Key::span),
            item,
        })
    }

    /// Returns the entry with this key.
    pub fn get(&self, key: &str) -> Option<ConfigEntry<'a>> {
        self.entries().find(|entry| entry.key == key)
    }

    /// Returns the entries of the table with this key; none if it is absent.
    pub fn tables(&self, key: &str) -> Result<Vec<ConfigEntry<'a>>> {
        let section = self.get(key).map(|entry| entry.section()).transpose()?;
        Ok(section.map(|section| section.entries().collect()).unwrap_or_default())
    }

    /// Returns the header in its brackets.
    pub fn header(&self) -> String {
        format!("[{}]", self.name)
    }

    /// Returns an error with the place of the table.
    pub fn wrong(&self, what: impl Display) -> Error {
        self.file.wrong(self.at.clone(), what)
    }
}

impl<'a> ConfigEntry<'a> {
    /// Returns the value as a table.
    pub fn section(&self) -> Result<Section<'a>> {
        match self.item.as_table_like() {
            Some(table) => {
                let at = self.item.span().or_else(|| self.key_at.clone());
                Ok(Section { file: self.file, name: self.name.clone(), at, table })
            }
            None => Err(self.type_error("a table")),
        }
    }

    /// Returns true if the value is a table.
    pub fn is_table(&self) -> bool {
        self.item.as_table_like().is_some()
    }

    /// Returns the value as a list of tables.
    pub fn sections(&self) -> Result<Vec<Section<'a>>> {
        let (file, name) = (self.file, format!("[{}]", self.name));
        let section = |at, table| Section { file, name: name.clone(), at, table };
        if let Some(tables) = self.item.as_array_of_tables() {
            return Ok(tables.iter().map(|table| section(table.span(), table as &dyn TableLike)).collect());
        }
        let inline = |value: &'a Value| {
            let table = value.as_inline_table()?;
            Some(section(value.span(), table as &dyn TableLike))
        };
        let sections = self.item.as_array().and_then(|list| list.iter().map(inline).collect());
        sections.ok_or_else(|| self.type_error("a list of tables").with_hint(format!("use double brackets: [{name}]")))
    }

    /// Returns the value as text.
    pub fn text(&self) -> Result<&'a str> {
        self.item.as_str().ok_or_else(|| self.type_error("a string"))
    }

    /// Returns the value as one text or several.
    pub fn texts(&self) -> Result<Vec<&'a str>> {
        let several = || self.item.as_array()?.iter().map(Value::as_str).collect();
        self.item.as_str().map(|one| vec![one]).or_else(several).ok_or_else(|| self.type_error("a string or a list of strings"))
    }

    /// Returns the value as a list of texts.
    pub fn list(&self) -> Result<Vec<&'a str>> {
        let texts = self.item.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| self.type_error("a list of strings"))
    }

    /// Returns the value as a list of what JSON knows as well and has no parts.
    pub fn scalars(&self) -> Result<Vec<serde_json::Value>> {
        let scalar = |value: &Value| match value {
            Value::String(text) => Some(text.value().as_str().into()),
            Value::Integer(number) => Some((*number.value()).into()),
            Value::Float(number) => serde_json::Number::from_f64(*number.value()).map(Into::into),
            Value::Boolean(switch) => Some((*switch.value()).into()),
            _ => None,
        };
        let scalars = self.item.as_array().and_then(|list| list.iter().map(scalar).collect());
        scalars.ok_or_else(|| self.type_error("a list of strings, finite numbers, true and false"))
    }

    /// Returns the value as a place in a record: a JSON pointer if it begins with `/`, else the name of a column.
    pub fn place(&self) -> Result<String> {
        let word = self.text()?;
        check_place(word).map_err(|e| placed(&e, |what| self.wrong(what)))?;
        Ok(word.to_owned())
    }

    /// Returns the value as one place in a record or several, none of them twice.
    pub fn places(&self) -> Result<Vec<String>> {
        let words = self.texts()?;
        if words.is_empty() {
            return Err(self.wrong(format!("'{}' is empty", self.key)).with_hint("add a value, or remove the key"));
        }
        for (n, word) in words.iter().enumerate() {
            check_place(word).map_err(|e| placed(&e, |what| self.wrong(what)))?;
            if words[..n].contains(word) {
                return Err(self.wrong(format!("'{}' contains '{word}' twice", self.key)));
            }
        }
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    /// Returns the value as the name of one dataset or several.
    pub fn names(&self) -> Result<Vec<String>> {
        let words = self.texts()?;
        words.iter().try_for_each(|name| names::check_dataset(name)).map_err(|e| placed(&e, |what| self.wrong(what)))?;
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    /// Returns the key as a place in a record.
    pub fn key_place(&self) -> Result<String> {
        check_place(self.key).map_err(|e| placed(&e, |what| self.wrong_key(what)))?;
        Ok(self.key.to_owned())
    }

    /// Returns the value as one glob or several.
    pub fn globs(&self) -> Result<Vec<String>> {
        let globs = self.texts()?;
        if globs.is_empty() {
            return Err(self.wrong(format!("'{}' is empty", self.key)).with_hint("add a value, or remove the key"));
        }
        globs.iter().try_for_each(|glob| check_glob(glob)).map_err(|e| placed(&e, |what| self.wrong(what)))?;
        Ok(globs.into_iter().map(str::to_owned).collect())
    }

    /// Returns the key as a glob.
    pub fn key_glob(&self) -> Result<String> {
        check_glob(self.key).map_err(|e| placed(&e, |what| self.wrong_key(what)))?;
        Ok(self.key.to_owned())
    }

    /// Returns the place of a text of this value among some words; `what` says what they are.
    pub fn word(&self, text: &str, what: &str, words: &[&str]) -> Result<usize> {
        words.iter().position(|word| *word == text).ok_or_else(|| {
            let hint = match spelling::nearest(text, words) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("valid values: {}", words.join(", ")),
            };
            self.wrong(format!("unknown {what} '{text}'")).with_hint(hint)
        })
    }

    /// Returns the value as a whole number within bounds.
    pub fn whole(&self, bounds: RangeInclusive<i64>) -> Result<i64> {
        let number = self.item.as_integer().filter(|n| bounds.contains(n));
        number.ok_or_else(|| self.type_error(&format!("an integer from {} to {}", bounds.start(), bounds.end())))
    }

    /// Returns the value as a number of bytes: a whole number, or one with KiB, MiB or GiB behind it in a string.
    pub fn bytes(&self, bounds: RangeInclusive<u64>) -> Result<u64> {
        const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        let with_unit = |text: &str| {
            let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
            number.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
        };
        let number = match self.item {
            Item::Value(Value::Integer(number)) => u64::try_from(*number.value()).ok(),
            Item::Value(Value::String(text)) => with_unit(text.value()),
            _ => None,
        };
        let shown = |bytes: u64| {
            let (name, unit) = UNITS.iter().rev().find(|(_, unit)| bytes.is_multiple_of(*unit)).unwrap_or(&("bytes", 1));
            format!("{} {name}", bytes / unit)
        };
        number.filter(|bytes| bounds.contains(bytes)).ok_or_else(|| {
            let written = match self.item {
                Item::Value(Value::String(text)) => format!("'{}'", text.value()),
                other => other.as_value().map_or("a table".to_owned(), |value| value.to_string().trim().to_owned()),
            };
            let (least, most) = (shown(*bounds.start()), shown(*bounds.end()));
            self.wrong(format!("'{}' must be a size from \"{least}\" to \"{most}\", not {written}", self.key))
        })
    }

    /// Returns the value as a switch.
    pub fn switch(&self) -> Result<bool> {
        self.item.as_bool().ok_or_else(|| self.type_error("true or false"))
    }

    /// Returns the value as a share.
    pub fn share(&self) -> Result<f64> {
        self.number(0.0..=1.0)
    }

    /// Returns the value as a number within bounds.
    pub fn number(&self, bounds: RangeInclusive<f64>) -> Result<f64> {
        let number = self.any_number().filter(|n| bounds.contains(n));
        number.ok_or_else(|| self.type_error(&format!("a number from {} to {}", bounds.start(), bounds.end())))
    }

    /// Returns the value as a bound: a finite number, or a day or a point in time, as a string or as TOML has it.
    pub fn bound(&self) -> Result<Bound> {
        let text = match self.item {
            Item::Value(Value::Integer(number)) => number.value().to_string(),
            Item::Value(Value::Float(number)) => number.value().to_string(),
            Item::Value(Value::Datetime(instant)) => instant.value().to_string(),
            other => other.as_str().unwrap_or_default().to_owned(),
        };
        let is_number = self.any_number().is_some();
        let bound = Bound::new(&text).filter(|bound| is_number == matches!(bound, Bound::Number(..)));
        bound.ok_or_else(|| self.type_error("a finite number, a day or a point in time"))
    }

    fn any_number(&self) -> Option<f64> {
        self.item.as_float().or_else(|| self.item.as_integer().map(|n| n as f64))
    }

    /// Returns an error with the place of the value.
    pub fn wrong(&self, what: impl Display) -> Error {
        self.file.wrong(self.item.span().or_else(|| self.key_at.clone()), what)
    }

    /// Returns an error with the place of the key.
    pub fn wrong_key(&self, what: impl Display) -> Error {
        self.file.wrong(self.key_at.clone().or_else(|| self.item.span()), what)
    }

    /// Returns the error of a value that is something else.
    fn type_error(&self, be: &str) -> Error {
        let is = match self.item {
            Item::Value(Value::Integer(n)) => n.value().to_string(),
            Item::Value(Value::Float(n)) => n.value().to_string(),
            other => match other.type_name() {
                "array" => "a list".to_owned(),
                "array of tables" => "a list of tables".to_owned(),
                name if name.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {name}"),
                name => format!("a {name}"),
            },
        };
        self.wrong(format!("'{}' must be {be}, not {is}", self.key))
    }
}

/// Adds the place to the message of an error.
pub(super) fn placed(error: &Error, place: impl FnOnce(&str) -> Error) -> Error {
    let placed = place(error.message());
    match error.hint() {
        Some(hint) => placed.with_hint(hint),
        None => placed,
    }
}

fn check_place(word: &str) -> Result<()> {
    // RFC 6901: `~` stands only before 0 and 1.
    let mut escapes = word.split('~').skip(1);
    if word.starts_with('/') && !escapes.all(|rest| rest.starts_with(['0', '1'])) {
        return Err(Error::new(ErrorKind::Config, format!("'{word}' is not a JSON pointer")).with_hint("write '~' as '~0'"));
    }
    if word.is_empty() {
        return Err(Error::new(ErrorKind::Config, "the name of a field is empty")
            .with_hint("name a column, such as \"id\", or a JSON pointer, such as \"/meta/id\""));
    }
    Ok(())
}

fn check_glob(glob: &str) -> Result<()> {
    if glob.is_empty() {
        return Err(Error::new(ErrorKind::Config, "a pattern is empty"));
    }
    Selection { include: vec![glob.to_owned()], ..Selection::default() }.matcher().map(drop)
}
