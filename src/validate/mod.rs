//! The quality gate: rules over records, and what they come to. Pure over what it is shown; it knows no store.
//!
//! A [`RuleSet`] is the compiled rules of a dataset; a [`RecordChecker`] holds a thread's buffers and is shown record after record.
//! What a record shows by itself it tells as a finding; what only shows between records it tells as keys, and as
//! [`measures`] that add up. Invariants: what is told of a record depends on nothing but the record, the path of its file
//! and the rules; a record that is none of its format is one finding of the rule that looks for that.

mod bound;
mod checker;
mod command;
mod decimal;
mod digest;
mod encoding;
mod field;
mod identity;
mod keys;
mod measures;
mod numbers;
mod pii;
mod record;
mod rule_set;
mod rules;
mod schema;
mod spec;
mod strings;
mod summary;
mod text;
mod value;

pub use bound::Bound;
pub use checker::{RecordChecker, RuleOutput};
pub use command::RuleProgram;
pub use keys::{KeyChange as KeyTold, KeyCollector, MAX_MEMBERS};
pub use measures::{DriftLimits, Measures};
pub use record::{BinaryFile, RecordBody, RuleInput};
pub use rule_set::{FileRules, RuleSet, Split};
pub use spec::{Check, LengthUnit, Rule, SkipPolicy, ValidationSpec};
pub use summary::DriftSummary;
