//! Rules as a team declares them. What the keys of `helox.toml` mean is told in `docs/configuration.md`.

use serde_json::Value;

use crate::object::verdict::{OpaquePolicy, Severity};
use crate::sample::Type;

use super::bound::Bound;

/// The rules of a dataset.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValidationSpec {
    /// The least score that passes, in millionths.
    pub min_score: u32,
    /// The effect of records that a rule cannot read.
    pub opaque: OpaquePolicy,
    /// The condition on which a commit may skip the rules.
    pub skip: SkipPolicy,
    /// In the order of their declaration.
    pub rules: Vec<Rule>,
}

/// The condition on which a commit may skip the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SkipPolicy {
    /// Whenever its author asks for it.
    #[default]
    Allow,
    /// With a reason.
    Reason,
    /// Never.
    Never,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The name that the team gave it; empty where it is called by its kind.
    pub name: String,
    /// The check.
    pub check: Check,
    /// The effect of its findings.
    pub severity: Severity,
    /// The weight of the rule, in thousandths.
    pub weight: u32,
    /// Globs of the files that it looks at; all where none is given.
    pub files: Vec<String>,
}

/// The unit of the length of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthUnit {
    /// Unicode scalar values.
    Characters,
    /// Runs of what is not white space.
    Words,
}

/// The check of a rule. Fields are JSON pointers, in which `*` stands for every element of an array or member of an object,
/// or names of columns.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Every record of every file is one of its format.
    Parse,
    /// Every record fits a JSON Schema.
    Schema {
        /// The file of the schema, relative to the repository.
        file: String,
        /// True if `format` is enforced in every draft.
        formats: bool,
    },
    /// Fields are there and not null.
    Required {
        /// The fields.
        fields: Vec<String>,
    },
    /// Fields that are there are of these types.
    Types {
        /// The fields and what each may be.
        fields: Vec<(String, Vec<Type>)>,
    },
    /// A field that is there and not null is one of these values.
    Values {
        /// The field.
        field: String,
        /// The values.
        values: Vec<Value>,
    },
    /// A number, a day or a point in time is within bounds, these included.
    Range {
        /// The field.
        field: String,
        /// The least.
        min: Option<Bound>,
        /// The most.
        max: Option<Bound>,
    },
    /// A text is so long.
    Length {
        /// The field; the record as it stands where none is given.
        field: Option<String>,
        /// The least length.
        min: Option<u64>,
        /// The greatest length.
        max: Option<u64>,
        /// In what it is counted.
        unit: LengthUnit,
    },
    /// No two records have the same key.
    Unique {
        /// The fields of the key.
        key: Vec<String>,
    },
    /// No two records are equal, or few are.
    Duplicates {
        /// The fields that are compared; whole records where none is given.
        fields: Vec<String>,
        /// The share of the records that it looks at that may be repetitions, in millionths.
        max_share: u32,
    },
    /// Text is UTF-8 without control characters and marks of text that was lost.
    Encoding,
    /// No record, or none of these fields, is empty, and no file is without records.
    Empty {
        /// The fields; the record as a whole where none is given.
        fields: Vec<String>,
    },
    /// No text holds personal data.
    Pii {
        /// The built-in patterns: `email`, `phone`, `ssn`, `credit_card`.
        find: Vec<String>,
        /// The team's own regular expressions, by name.
        patterns: Vec<(String, String)>,
        /// The fields that are searched; all text where none is given.
        fields: Vec<String>,
    },
    /// The version does not differ from its parent by more than this.
    Drift {
        /// The share by which the number of samples may change, in millionths.
        samples: Option<u32>,
        /// A text field, and the share by which its mean length in characters may change.
        length: Option<(String, u32)>,
        /// A field of labels, and by how much the share of any one label may change.
        labels: Option<(String, u32)>,
    },
    /// No record of a test split stands in a train split.
    Leakage {
        /// Globs of the train split.
        train: Vec<String>,
        /// Globs of the test split; a file of both is of this one.
        test: Vec<String>,
        /// Text fields that are compared, letters and digits only, in lower case; whole records where none is given.
        fields: Vec<String>,
        /// The share of the records of both splits that may stand in both, in millionths.
        max_share: u32,
    },
    /// The team's own program finds nothing.
    Command {
        /// The program and its arguments.
        run: Vec<String>,
        /// Seconds after which it is stopped.
        timeout: u64,
    },
}

impl Check {
    /// Returns the name of the kind in `helox.toml`.
    pub fn kind(&self) -> &'static str {
        match self {
            Check::Parse => "parse",
            Check::Schema { .. } => "schema",
            Check::Required { .. } => "required",
            Check::Types { .. } => "types",
            Check::Values { .. } => "values",
            Check::Range { .. } => "range",
            Check::Length { .. } => "length",
            Check::Unique { .. } => "unique",
            Check::Duplicates { .. } => "duplicates",
            Check::Encoding => "encoding",
            Check::Empty { .. } => "empty",
            Check::Pii { .. } => "pii",
            Check::Drift { .. } => "drift",
            Check::Leakage { .. } => "leakage",
            Check::Command { .. } => "command",
        }
    }

    /// Returns the share of the records that the rule looks at in which it may find something without a word, in
    /// millionths.
    pub fn max_share(&self) -> Option<u32> {
        match self {
            Check::Duplicates { max_share, .. } | Check::Leakage { max_share, .. } => Some(*max_share),
            _ => None,
        }
    }
}

impl Rule {
    /// Returns the name of the rule.
    pub fn name(&self) -> &str {
        if self.name.is_empty() { self.check.kind() } else { &self.name }
    }
}
