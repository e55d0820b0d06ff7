//! Reads the rules that a version must pass. Every mistake is an error with file and line.

#[cfg(test)]
mod tests;

use std::path::{Component, Path};

use super::keys::{KINDS, RULE, RuleKind, VALIDATION, rule_advice};
use super::table::{ConfigEntry, Section};
use crate::error::{Error, Result};
use crate::gate::{Check, LengthUnit, Rule, SkipPolicy, ValidationSpec};
use crate::limits;
use crate::object::verdict::{DEFAULT_WEIGHT, OpaquePolicy, Severity};
use crate::sample::Type;

/// Bytes of the longest name of a rule.
const MAX_NAME: usize = limits::NAME;
/// The greatest length that can be asked for.
const MAX_LENGTH: i64 = 1_000_000_000_000;
/// The greatest relative change that can be allowed: a thousand times as much.
const MAX_CHANGE: f64 = 1_000.0;
/// Seconds that a command may take where nothing is said.
const TIMEOUT: u64 = 300;
/// Seconds that can be given to it: a day.
const TIMEOUTS: std::ops::RangeInclusive<i64> = 1..=86_400;
/// The values of `severity`.
const SEVERITIES: &[(&str, Severity)] = &[("error", Severity::Error), ("warning", Severity::Warning), ("info", Severity::Info)];
/// The values of `unit`.
const UNITS: &[(&str, LengthUnit)] = &[("characters", LengthUnit::Characters), ("words", LengthUnit::Words)];
/// The values of `find`.
const PERSONAL: &[&str] = &["email", "phone", "ssn", "credit_card"];

/// Reads `[dataset.NAME.validation]` of a dataset with this key.
pub(super) fn validation(entry: &ConfigEntry<'_>, key: &[String]) -> Result<ValidationSpec> {
    let section = entry.section()?.check(&VALIDATION)?;
    let mut spec = ValidationSpec::default();
    if let Some(score) = section.get("min_score") {
        spec.min_score = millionths(score.share()?);
    }
    if let Some(opaque) = section.get("opaque") {
        let words = ["allow", "warn", "error"];
        let means = [OpaquePolicy::Allow, OpaquePolicy::Warn, OpaquePolicy::Error];
        spec.opaque = means[opaque.word(opaque.text()?, "value of 'opaque'", &words)?];
    }
    if let Some(skip) = section.get("skip") {
        let means = [SkipPolicy::Allow, SkipPolicy::Reason, SkipPolicy::Never];
        spec.skip = means[skip.word(skip.text()?, "value of 'skip'", &["allow", "reason", "never"])?];
    }
    let tables = section.get("rule").map(|rules| rules.sections()).transpose()?;
    for section in tables.into_iter().flatten() {
        let rule = rule(&section, key)?;
        let same = |other: &Rule| other.name() == rule.name() && !(other.name.is_empty() && rule.name.is_empty());
        if spec.rules.iter().any(same) {
            let what = format!("two rules have the name '{}'", rule.name());
            let error = section.get("name").map_or_else(|| section.wrong(&what), |name| name.wrong(&what));
            return Err(error.with_hint("give each rule its own name; the default name is the kind"));
        }
        if spec.rules.len() == limits::VERDICT_RULES {
            return Err(section.wrong(format!("a dataset has at most {} rules", limits::VERDICT_RULES)));
        }
        spec.rules.push(rule);
    }
    Ok(spec)
}

fn rule(section: &Section<'_>, key: &[String]) -> Result<Rule> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let Some(entry) = section.get("kind") else {
        return Err(section.wrong("a rule has no 'kind'").with_hint(format!("valid kinds: {}", names.join(", "))));
    };
    let kind = &KINDS[entry.word(entry.text()?, "kind", &names)?];
    let known = |key: &str| RULE.keys.contains(&key) || kind.keys.contains(&key);
    if let Some(entry) = section.entries().find(|entry| !known(entry.key)) {
        let what = format!("unknown key '{}' in {} of kind '{}'", entry.key, section.header(), kind.name);
        return Err(entry.wrong_key(what).with_hint(crate::path::printable(&rule_advice(kind, entry.key))));
    }
    Ok(Rule {
        name: section.get("name").map(|name| rule_name(&name)).transpose()?.unwrap_or_default(),
        check: RuleReader { section, kind }.check(&entry, key)?,
        severity: section.get("severity").map(|s| one_of(&s, SEVERITIES)).transpose()?.unwrap_or(Severity::Error),
        weight: match section.get("weight") {
            Some(weight) => (weight.number(0.001..=1_000.0)? * 1_000.0).round() as u32,
            None => DEFAULT_WEIGHT,
        },
        files: section.get("files").map(|files| files.globs()).transpose()?.unwrap_or_default(),
    })
}

fn rule_name(entry: &ConfigEntry<'_>) -> Result<String> {
    let name = entry.text()?;
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(entry
            .wrong(format!("'{name}' is not a valid name for a rule"))
            .with_hint("use 1 to 64 characters, such as 'ids'"));
    }
    Ok(name.to_owned())
}

/// Returns the meaning of a word; the key names what the words are.
fn one_of<T: Copy>(entry: &ConfigEntry<'_>, words: &[(&str, T)]) -> Result<T> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    Ok(words[entry.word(entry.text()?, entry.key, &names)?].1)
}

/// The table of a rule whose keys are known to be those of its kind.
struct RuleReader<'s, 'a> {
    section: &'s Section<'a>,
    kind: &'static RuleKind,
}

impl<'a> RuleReader<'_, 'a> {
    fn check(&self, kind: &ConfigEntry<'_>, key: &[String]) -> Result<Check> {
        Ok(match self.kind.name {
            "parse" => Check::Parse,
            "schema" => Check::Schema {
                file: file(&self.need("file")?)?,
                formats: self.get("formats").map(|formats| formats.switch()).transpose()?.unwrap_or(false),
            },
            "required" => Check::Required { fields: self.need("fields")?.places()? },
            "types" => Check::Types { fields: types(&self.need("fields")?)? },
            "values" => self.values()?,
            "range" => self.range()?,
            "length" => self.length()?,
            "unique" => Check::Unique { key: self.unique(key)? },
            "duplicates" => Check::Duplicates { fields: self.places("fields")?, max_share: self.max_share()? },
            "encoding" => Check::Encoding,
            "empty" => Check::Empty { fields: self.places("fields")? },
            "pii" => self.pii()?,
            "drift" => self.drift()?,
            "leakage" => Check::Leakage {
                train: self.need("train")?.globs()?,
                test: self.need("test")?.globs()?,
                fields: self.places("fields")?,
                max_share: self.max_share()?,
            },
            "command" => self.command()?,
            other => return Err(kind.wrong(format!("unknown kind '{other}'"))),
        })
    }

    fn get(&self, key: &str) -> Option<ConfigEntry<'a>> {
        self.section.get(key)
    }

    fn need(&self, key: &str) -> Result<ConfigEntry<'a>> {
        self.get(key).ok_or_else(|| self.lacks(&format!("has no '{key}'")))
    }

    fn lacks(&self, what: &str) -> Error {
        let error = self.section.wrong(format!("a rule of kind '{}' {what}", self.kind.name));
        error.with_hint(format!("for example: {}", self.kind.example))
    }

    fn places(&self, key: &str) -> Result<Vec<String>> {
        self.get(key).map(|entry| entry.places()).transpose().map(Option::unwrap_or_default)
    }

    fn max_share(&self) -> Result<u32> {
        Ok(self.get("max_share").map(|share| share.share()).transpose()?.map_or(0, millionths))
    }

    fn values(&self) -> Result<Check> {
        let entry = self.need("values")?;
        let values = entry.scalars()?;
        if values.is_empty() {
            return Err(entry.wrong("'values' is empty"));
        }
        Ok(Check::Values { field: self.need("field")?.place()?, values })
    }

    fn range(&self) -> Result<Check> {
        let (min, max) = self.bounds(ConfigEntry::bound)?;
        if let (Some(least), Some(most), Some(entry)) = (&min, &max, self.get("max"))
            && least.noun() != most.noun()
        {
            return Err(entry.wrong(format!("'min' is a {}, but 'max' is a {}", least.noun(), most.noun())));
        }
        Ok(Check::Range { field: self.need("field")?.place()?, min, max })
    }

    fn length(&self) -> Result<Check> {
        let (min, max) = self.bounds(|entry| Ok(entry.whole(0..=MAX_LENGTH)? as u64))?;
        let field = self.get("field").map(|field| field.place()).transpose()?;
        let unit = self.get("unit").map(|unit| one_of(&unit, UNITS)).transpose()?.unwrap_or(LengthUnit::Characters);
        Ok(Check::Length { field, min, max, unit })
    }

    /// The least and the most, at least one of which is there.
    fn bounds<T>(&self, read: impl Fn(&ConfigEntry<'a>) -> Result<T>) -> Result<(Option<T>, Option<T>)>
    where
        T: PartialOrd + std::fmt::Display,
    {
        let (min, max) = (self.get("min"), self.get("max"));
        let bounds = (min.as_ref().map(&read).transpose()?, max.as_ref().map(&read).transpose()?);
        match (&bounds, max) {
            ((None, None), _) => Err(self.lacks("has neither 'min' nor 'max'")),
            ((Some(least), Some(most)), Some(entry)) if least > most => {
                Err(entry.wrong(format!("'min' ({least}) is greater than 'max' ({most})")))
            }
            _ => Ok(bounds),
        }
    }

    fn unique(&self, key: &[String]) -> Result<Vec<String>> {
        match self.get("key") {
            Some(own) => own.places(),
            None if key.is_empty() => Err(self.lacks("has no 'key', and neither has the dataset")),
            None => Ok(key.to_vec()),
        }
    }

    fn pii(&self) -> Result<Check> {
        let mut patterns = Vec::new();
        if let Some(entry) = self.get("patterns") {
            for pattern in entry.section()?.entries() {
                if pattern.key.is_empty() || pattern.text()?.is_empty() {
                    return Err(pattern.wrong_key("a pattern or its name is empty"));
                }
                patterns.push((pattern.key.to_owned(), pattern.text()?.to_owned()));
            }
        }
        let find: Vec<&str> = match self.get("find") {
            Some(entry) => {
                let known = |word| Ok(PERSONAL[entry.word(word, "kind of personal data", PERSONAL)?]);
                entry.texts()?.into_iter().map(known).collect::<Result<_>>()?
            }
            None if patterns.is_empty() => PERSONAL.to_vec(),
            None => Vec::new(),
        };
        if find.is_empty() && patterns.is_empty() {
            return Err(self.lacks("has neither 'find' nor 'patterns'"));
        }
        let find = find.into_iter().map(str::to_owned).collect();
        Ok(Check::Pii { find, patterns, fields: self.places("fields")? })
    }

    fn drift(&self) -> Result<Check> {
        let samples = self.get("samples").map(|entry| entry.number(0.0..=MAX_CHANGE)).transpose()?.map(millionths);
        let length = self.limit("field", "mean_length", MAX_CHANGE)?;
        let labels = self.limit("labels", "label_share", 1.0)?;
        if samples.is_none() && length.is_none() && labels.is_none() {
            return Err(self.lacks("has no limit"));
        }
        Ok(Check::Drift { samples, length, labels })
    }

    /// A field and how much of it may change: both are there, or neither.
    fn limit(&self, field: &str, change: &str, most: f64) -> Result<Option<(String, u32)>> {
        let alone = |entry: &ConfigEntry<'_>, other| {
            let error = entry.wrong_key(format!("'{}' requires '{other}'", entry.key));
            error.with_hint(format!("for example: {}", self.kind.example))
        };
        match (self.get(field), self.get(change)) {
            (Some(field), Some(change)) => Ok(Some((field.place()?, millionths(change.number(0.0..=most)?)))),
            (Some(entry), None) => Err(alone(&entry, change)),
            (None, Some(entry)) => Err(alone(&entry, field)),
            (None, None) => Ok(None),
        }
    }

    fn command(&self) -> Result<Check> {
        let entry = self.need("run")?;
        let run: Vec<String> = entry.list()?.into_iter().map(str::to_owned).collect();
        if run.first().is_none_or(String::is_empty) {
            return Err(entry.wrong("'run' has no program").with_hint(format!("for example: {}", self.kind.example)));
        }
        let timeout = self.get("timeout").map(|timeout| timeout.whole(TIMEOUTS)).transpose()?;
        Ok(Check::Command { run, timeout: timeout.map_or(TIMEOUT, |seconds| seconds as u64) })
    }
}

/// The path of a file in the repository.
fn file(entry: &ConfigEntry<'_>) -> Result<String> {
    let path = entry.text()?;
    let mut parts = Path::new(path).components();
    let inside = !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let error =
        || entry.wrong(format!("'{path}' is not a file in the repository")).with_hint("give its path relative to helox.toml");
    if inside { Ok(path.to_owned()) } else { Err(error()) }
}

/// Fields and the types that each may have.
fn types(entry: &ConfigEntry<'_>) -> Result<Vec<(String, Vec<Type>)>> {
    let names = Type::ALL.map(Type::as_str);
    let read = |field: ConfigEntry<'_>| {
        let type_of = |text| Ok(Type::ALL[field.word(text, "type", &names)?]);
        let types: Vec<Type> = field.texts()?.into_iter().map(type_of).collect::<Result<_>>()?;
        if types.is_empty() {
            return Err(field.wrong(format!("'{}' has no type", field.key)));
        }
        Ok((field.key_place()?, types))
    };
    let fields: Vec<_> = entry.section()?.entries().map(read).collect::<Result<_>>()?;
    if fields.is_empty() { Err(entry.wrong("'fields' is empty")) } else { Ok(fields) }
}

/// A share in millionths.
fn millionths(share: f64) -> u32 {
    (share * 1e6).round() as u32
}
