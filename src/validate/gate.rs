//! The rules of a dataset, compiled: what each looks for, and in which files.

use std::fmt;
use std::path::Path;

use globset::GlobSet;

use crate::error::{Error, Kind, Result, reason};
use crate::sample::globs;

use super::digest::digest;
use super::field::Field;
use super::rules::{self, Local};
use super::schema::Schema;
use super::spec::{Check, Rule, Spec};

/// The compiled rules of a dataset. Threads share one.
pub struct Gate {
    rules: Vec<Rule>,
    compiled: Vec<Compiled>,
    digest: [u8; 32],
}

struct Compiled {
    /// All files where there is none.
    files: Option<GlobSet>,
    work: Work,
}

/// What a rule does with a record.
pub(super) enum Work {
    /// Looks at it alone.
    Record(Box<dyn Local>),
    /// Compares its key with those of all others.
    Unique(Vec<Field>),
    /// Compares some fields, or the whole record, with all others.
    Duplicates(Vec<Field>),
    /// The same between two splits, by the letters and digits of some fields.
    Leakage { fields: Vec<Field>, train: GlobSet, test: GlobSet },
    /// Measures the lengths of one field and the labels in another.
    Drift { length: Option<Field>, labels: Option<Field> },
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

/// Which rules look at a file, by their places among all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks {
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

impl Looks {
    /// Whether any rule looks at the records of the file.
    pub fn at_records(&self) -> bool {
        !(self.records.is_empty() && self.keys.is_empty() && self.drift.is_empty())
    }
}

impl Gate {
    /// Compiles rules; the files of schemas are relative to `root`.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] for a glob, a field, a pattern or a schema that is not understood, or a schema that cannot be
    /// read. The message names the rule.
    pub fn new(spec: &Spec, root: &Path) -> Result<Gate> {
        let mut schemas = Vec::new();
        let compiled = (1..).zip(&spec.rules).map(|(number, rule)| {
            compile(rule, root, &mut schemas).map_err(|why| why.within(format!("rule {number} ({})", rule.name())))
        });
        let compiled = compiled.collect::<Result<_>>()?;
        Ok(Gate { digest: digest(&spec.rules, &schemas), rules: spec.rules.clone(), compiled })
    }

    /// The rules as they were declared.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// A hash of the rules, the schemas they name, and the revision of this engine; the least score does not count.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Which rules look at the file of this path.
    pub fn of_file(&self, path: &str) -> Looks {
        let mut looks = Looks::default();
        let at = |compiled: &Compiled| compiled.files.as_ref().is_none_or(|files| files.is_match(path));
        for (rule, compiled) in self.compiled.iter().enumerate().filter(|(_, compiled)| at(compiled)) {
            match &compiled.work {
                Work::Record(_) => looks.records.push(rule),
                Work::Unique(_) | Work::Duplicates(_) => looks.keys.push((rule, Split::Train)),
                Work::Leakage { test, .. } if test.is_match(path) => looks.keys.push((rule, Split::Test)),
                Work::Leakage { train, .. } if train.is_match(path) => looks.keys.push((rule, Split::Train)),
                Work::Leakage { .. } => {}
                Work::Drift { .. } => looks.drift.push(rule),
                Work::Command => looks.commands.push(rule),
            }
            if matches!(self.rules[rule].check, Check::Empty { .. }) {
                looks.empty.push(rule);
            }
        }
        looks
    }

    /// What this rule does with a record.
    pub(super) fn work(&self, rule: usize) -> &Work {
        &self.compiled[rule].work
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("rules", &self.rules).finish_non_exhaustive()
    }
}

fn compile(rule: &Rule, root: &Path, schemas: &mut Vec<Vec<u8>>) -> Result<Compiled> {
    let set = |names: &[String]| globs(names.iter().map(String::as_str));
    let field = |field: &Option<(String, u32)>| field.as_ref().map(|(name, _)| Field::new(name)).transpose();
    let work = match &rule.check {
        Check::Schema { file, formats } => {
            let bytes = std::fs::read(root.join(file)).map_err(|why| {
                Error::new(Kind::Config, format!("cannot read the schema '{file}': {}", reason(&why))).with_source(why)
            })?;
            let schema = Schema::new(file, &bytes, *formats)?;
            schemas.push(bytes);
            Work::Record(Box::new(rules::Schemas(schema)))
        }
        Check::Unique { key } => Work::Unique(Field::some(key)?),
        Check::Duplicates { fields, .. } => Work::Duplicates(Field::all(fields)?),
        Check::Leakage { train, test, fields, .. } => {
            Work::Leakage { fields: Field::all(fields)?, train: set(train)?, test: set(test)? }
        }
        Check::Drift { length, labels, .. } => Work::Drift { length: field(length)?, labels: field(labels)? },
        Check::Command { .. } => Work::Command,
        Check::Parse => Work::Record(Box::new(rules::Parse)),
        Check::Encoding => Work::Record(Box::new(rules::Encoding)),
        Check::Required { fields } => Work::Record(Box::new(rules::Required(Field::some(fields)?))),
        Check::Types { fields } => Work::Record(Box::new(rules::Types::new(fields)?)),
        Check::Values { field, values } => Work::Record(Box::new(rules::Values::new(field, values)?)),
        Check::Range { field, min, max } => {
            Work::Record(Box::new(rules::Range { field: Field::new(field)?, min: min.clone(), max: max.clone() }))
        }
        Check::Length { field, min, max, unit } => {
            let field = field.as_deref().map(Field::new).transpose()?;
            Work::Record(Box::new(rules::Length { field, min: *min, max: *max, unit: *unit }))
        }
        Check::Empty { fields } => Work::Record(Box::new(rules::Empty(Field::all(fields)?))),
        Check::Pii { find, patterns, fields } => Work::Record(Box::new(rules::Pii::new(find, patterns, fields)?)),
    };
    let files = if rule.files.is_empty() { None } else { Some(set(&rule.files)?) };
    Ok(Compiled { files, work })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::verdict::Severity;

    fn gate(rules: Vec<(Check, &[&str])>) -> Result<Gate> {
        let rule = |(check, files): (Check, &[&str])| {
            let files = files.iter().map(|&glob| glob.to_owned()).collect();
            Rule { name: String::new(), check, severity: Severity::Warning, weight: 1_000, files }
        };
        Gate::new(&Spec { rules: rules.into_iter().map(rule).collect(), ..Spec::default() }, Path::new("/nowhere"))
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
        let looks = |path| gate.of_file(path);
        let (records, empty, keys) = (vec![0, 1], vec![1], vec![(3, Split::Train)]);
        assert_eq!(looks("a.jsonl"), Looks { records, empty, keys, drift: vec![], commands: vec![5] });
        assert_eq!(looks("train/a/b.jsonl").keys, [(2, Split::Train), (3, Split::Train)]);
        assert_eq!(looks("train/a/b.jsonl").records, [0]);
        assert_eq!(looks("train/a/b.jsonl").drift, [4]);
        assert_eq!(looks("eval/b.jsonl").keys, [(3, Split::Test)], "the test split wins");
        assert_eq!(looks("a/x.csv").keys, []);
        assert_eq!(looks("x.csv").keys, [(2, Split::Train)]);
        assert!(looks("x.csv").at_records() && !Looks::default().at_records());
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
            assert_eq!(error.kind(), Kind::Config);
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
            Gate::new(&Spec { min_score, rules: vec![rule.clone()], ..Spec::default() }, folder.path()).unwrap().digest()
        };
        assert_eq!(digest("{}", 0), digest("{}", 1));
        assert_ne!(digest("{}", 0), digest("true", 0));
    }
}
