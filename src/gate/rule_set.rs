//! The rules of a dataset, compiled: what each looks for, and in which files.

use std::fmt;
use std::path::Path;

use globset::GlobSet;

use crate::error::{Error, ErrorKind, Result, reason};
use crate::sample::globs;

use super::digest::digest;
use super::field::FieldSelector;
use super::rules::{self, RecordRule};
use super::schema::JsonSchema;
use super::spec::{Check, Rule, ValidationSpec};

/// The compiled rules of a dataset. Threads share one.
pub struct RuleSet {
    rules: Vec<Rule>,
    compiled: Vec<CompiledRule>,
    digest: [u8; 32],
}

struct CompiledRule {
    /// All files where there is none.
    files: Option<GlobSet>,
    work: CompiledCheck,
}

/// The compiled check of a rule.
pub(super) enum CompiledCheck {
    /// Looks at it alone.
    Record(Box<dyn RecordRule>),
    /// Compares its key with those of all others.
    Unique(Vec<FieldSelector>),
    /// Compares some fields, or the whole record, with all others.
    Duplicates(Vec<FieldSelector>),
    /// Compares the records of two splits, by the letters and digits of some fields.
    Leakage { fields: Vec<FieldSelector>, train: GlobSet, test: GlobSet },
    /// Measures the lengths of one field and the labels in another.
    Drift { length: Option<FieldSelector>, labels: Option<FieldSelector> },
    /// Nothing: a program looks at the version.
    Command,
}

/// The side of a comparison that a record stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// The records that are compared with one another, or the train split.
    Train,
    /// The test split, of which no record must stand in the train split.
    Test,
}

/// The rules of a file, by their places among all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRules {
    /// Those that look at each record alone.
    pub records: Vec<usize>,
    /// Those of them that want no file to be without records.
    pub empty: Vec<usize>,
    /// Those that compare records, and the side that the file is on.
    pub keys: Vec<(usize, Split)>,
    /// Those that measure records.
    pub drift: Vec<usize>,
    /// Those that are programs.
    pub commands: Vec<usize>,
}

impl FileRules {
    /// Returns true if any rule reads the records of the file.
    pub fn checks_records(&self) -> bool {
        !(self.records.is_empty() && self.keys.is_empty() && self.drift.is_empty())
    }
}

impl RuleSet {
    /// Compiles rules; the files of schemas are relative to `root`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a glob, a field, a pattern or a schema that is not understood, or a schema that cannot be
    /// read. The message names the rule.
    pub fn new(spec: &ValidationSpec, root: &Path) -> Result<RuleSet> {
        let mut schemas = Vec::new();
        let compiled = (1..).zip(&spec.rules).map(|(number, rule)| {
            compile(rule, root, &mut schemas).map_err(|why| why.within(format!("rule {number} ({})", rule.name())))
        });
        let compiled = compiled.collect::<Result<_>>()?;
        Ok(RuleSet { digest: digest(&spec.rules, &schemas), rules: spec.rules.clone(), compiled })
    }

    /// Returns the rules as they were declared.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Returns a hash of the rules, the schemas they name, and the revision of this engine; the least score does not count.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Returns the rules of the file of this path.
    pub fn rules_for(&self, path: &str) -> FileRules {
        let mut file_rules = FileRules::default();
        let at = |compiled: &CompiledRule| compiled.files.as_ref().is_none_or(|files| files.is_match(path));
        for (rule, compiled) in self.compiled.iter().enumerate().filter(|(_, compiled)| at(compiled)) {
            match &compiled.work {
                CompiledCheck::Record(_) => file_rules.records.push(rule),
                CompiledCheck::Unique(_) | CompiledCheck::Duplicates(_) => file_rules.keys.push((rule, Split::Train)),
                CompiledCheck::Leakage { test, .. } if test.is_match(path) => file_rules.keys.push((rule, Split::Test)),
                CompiledCheck::Leakage { train, .. } if train.is_match(path) => file_rules.keys.push((rule, Split::Train)),
                CompiledCheck::Leakage { .. } => {}
                CompiledCheck::Drift { .. } => file_rules.drift.push(rule),
                CompiledCheck::Command => file_rules.commands.push(rule),
            }
            if matches!(self.rules[rule].check, Check::Empty { .. }) {
                file_rules.empty.push(rule);
            }
        }
        file_rules
    }

    /// Returns the compiled check of a rule.
    pub(super) fn check(&self, rule: usize) -> &CompiledCheck {
        &self.compiled[rule].work
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn compile(rule: &Rule, root: &Path, schemas: &mut Vec<Vec<u8>>) -> Result<CompiledRule> {
    let set = |names: &[String]| globs(names.iter().map(String::as_str));
    let field = |field: &Option<(String, u32)>| field.as_ref().map(|(name, _)| FieldSelector::new(name)).transpose();
    let work = match &rule.check {
        Check::Schema { file, formats } => {
            let bytes = std::fs::read(root.join(file)).map_err(|why| {
                Error::new(ErrorKind::Config, format!("cannot read the schema '{file}': {}", reason(&why))).with_source(why)
            })?;
            let schema = JsonSchema::new(file, &bytes, *formats)?;
            schemas.push(bytes);
            CompiledCheck::Record(Box::new(rules::SchemaRule(schema)))
        }
        Check::Unique { key } => CompiledCheck::Unique(FieldSelector::at_least_one(key)?),
        Check::Duplicates { fields, .. } => CompiledCheck::Duplicates(FieldSelector::all(fields)?),
        Check::Leakage { train, test, fields, .. } => {
            CompiledCheck::Leakage { fields: FieldSelector::all(fields)?, train: set(train)?, test: set(test)? }
        }
        Check::Drift { length, labels, .. } => CompiledCheck::Drift { length: field(length)?, labels: field(labels)? },
        Check::Command { .. } => CompiledCheck::Command,
        Check::Parse => CompiledCheck::Record(Box::new(rules::ParseRule)),
        Check::Encoding => CompiledCheck::Record(Box::new(rules::EncodingRule)),
        Check::Required { fields } => CompiledCheck::Record(Box::new(rules::RequiredRule(FieldSelector::at_least_one(fields)?))),
        Check::Types { fields } => CompiledCheck::Record(Box::new(rules::TypesRule::new(fields)?)),
        Check::Values { field, values } => CompiledCheck::Record(Box::new(rules::ValuesRule::new(field, values)?)),
        Check::Range { field, min, max } => CompiledCheck::Record(Box::new(rules::RangeRule {
            field: FieldSelector::new(field)?,
            min: min.clone(),
            max: max.clone(),
        })),
        Check::Length { field, min, max, unit } => {
            let field = field.as_deref().map(FieldSelector::new).transpose()?;
            CompiledCheck::Record(Box::new(rules::LengthRule { field, min: *min, max: *max, unit: *unit }))
        }
        Check::Empty { fields } => CompiledCheck::Record(Box::new(rules::EmptyRule(FieldSelector::all(fields)?))),
        Check::Pii { find, patterns, fields } => CompiledCheck::Record(Box::new(rules::PiiRule::new(find, patterns, fields)?)),
    };
    let files = if rule.files.is_empty() { None } else { Some(set(&rule.files)?) };
    Ok(CompiledRule { files, work })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::verdict::Severity;

    fn gate(rules: Vec<(Check, &[&str])>) -> Result<RuleSet> {
        let rule = |(check, files): (Check, &[&str])| {
            let files = files.iter().map(|&glob| glob.to_owned()).collect();
            Rule { name: String::new(), check, severity: Severity::Warning, weight: 1_000, files }
        };
        RuleSet::new(
            &ValidationSpec { rules: rules.into_iter().map(rule).collect(), ..ValidationSpec::default() },
            Path::new("/nowhere"),
        )
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn globs_say_which_rules_look() {
        let leakage = Check::Leakage { train: names(&["**/*.jsonl"]), test: names(&["eval"]), fields: vec![], max_share: 0 };
        let drift = Check::Drift { samples: Some(1), length: None, labels: None };
        let command = Check::Command { run: names(&["true"]), timeout: 1 };
        let gate = gate(vec![
            (Check::Parse, &[]),
            (Check::Empty { fields: vec![] }, &["*.jsonl"]),
            (Check::Unique { key: names(&["id"]) }, &["train", "x.csv"]),
            (leakage, &[]),
            (drift, &["train/**"]),
            (command, &[]),
        ])
        .unwrap();
        let file_rules = |path| gate.rules_for(path);
        let (records, empty, keys) = (vec![0, 1], vec![1], vec![(3, Split::Train)]);
        assert_eq!(file_rules("a.jsonl"), FileRules { records, empty, keys, drift: vec![], commands: vec![5] });
        assert_eq!(file_rules("train/a/b.jsonl").keys, [(2, Split::Train), (3, Split::Train)]);
        assert_eq!(file_rules("train/a/b.jsonl").records, [0]);
        assert_eq!(file_rules("train/a/b.jsonl").drift, [4]);
        assert_eq!(file_rules("eval/b.jsonl").keys, [(3, Split::Test)], "the test split wins");
        assert_eq!(file_rules("a/x.csv").keys, []);
        assert_eq!(file_rules("x.csv").keys, [(2, Split::Train)]);
        assert!(file_rules("x.csv").checks_records() && !FileRules::default().checks_records());
    }

    #[test]
    fn errors_name_the_rule() {
        let bad: [(Check, &[&str], &str); 5] = [
            (Check::Parse, &["["], "rule 2 (parse): invalid glob '['"),
            (Check::Range { field: "/~".into(), min: None, max: None }, &[], "rule 2 (range): field '/~'"),
            (Check::Unique { key: vec![] }, &[], "rule 2 (unique): no fields"),
            (
                Check::Schema { file: "none.json".into(), formats: false },
                &[],
                "rule 2 (schema): cannot read the schema 'none.json'",
            ),
            (Check::Required { fields: names(&[""]) }, &[], "rule 2 (required): field ''"),
        ];
        for (check, files, message) in bad {
            let error = gate(vec![(Check::Parse, &[]), (check, files)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().starts_with(message), "{error}");
        }
    }

    #[test]
    fn threads_share_it() {
        fn shared<T: Sync + Send>(_: &T) {}
        shared(&gate(vec![]).unwrap());
    }

    #[test]
    fn the_bytes_of_a_schema_count() {
        let folder = tempfile::tempdir().unwrap();
        let rule = Rule {
            name: String::new(),
            check: Check::Schema { file: "s.json".into(), formats: false },
            severity: Severity::Error,
            weight: 1,
            files: vec![],
        };
        let digest = |schema: &str, min_score| {
            std::fs::write(folder.path().join("s.json"), schema).unwrap();
            RuleSet::new(&ValidationSpec { min_score, rules: vec![rule.clone()], ..ValidationSpec::default() }, folder.path())
                .unwrap()
                .digest()
        };
        assert_eq!(digest("{}", 0), digest("{}", 1));
        assert_ne!(digest("{}", 0), digest("true", 0));
    }
}
