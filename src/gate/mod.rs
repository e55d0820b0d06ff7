//! The quality gate: the rules of a dataset, and the evaluation of a version by them.
//!
//! A [`RuleSet`] is the compiled rules; a [`RecordChecker`] has the buffers of a thread and takes record after record. A rule on
//! single records gives findings; a rule that compares records collects keys, and drift rules [`Measures`], which add up. An
//! [`Evaluator`] applies the rules to the files of a version and returns a verdict. Invariants: the findings of a record depend
//! only on the record, the path of its file and the rules; a record that is not of its format is one finding of the rule
//! `parse`.

mod bound;
mod cache;
mod checker;
mod command;
mod decimal;
mod digest;
mod drift;
mod encoding;
mod evaluation;
mod evaluator;
mod field;
mod first_pass;
mod identity;
mod keys;
mod measures;
mod numbers;
mod outcome;
mod pii;
mod precheck;
mod program;
mod record;
mod report;
mod rule_set;
mod rules;
mod schema;
mod second_pass;
mod spec;
mod strings;
mod summary;
mod text;
mod value;

pub use bound::Bound;
pub use checker::{RecordChecker, RuleOutput};
pub use command::RuleProgram;
pub use drift::{Drift, DriftSums, Label};
pub use evaluation::Evaluation;
#[cfg(test)]
pub(crate) use evaluator::MAX_FINDINGS;
pub use evaluator::{CachedManifests, Evaluator, FileSet, GateOutcome, WorkspaceFiles};
pub use keys::{KeyChange as KeyTold, KeyCollector, MAX_MEMBERS};
pub use measures::{DriftLimits, Measures};
pub use precheck::FilePrecheck;
pub use record::{BinaryFile, RecordBody, RuleInput};
pub use report::{RuleFinding, RuleReport, UnreadableRecord, VerdictView};
pub use rule_set::{FileRules, RuleSet, Split};
pub use spec::{Check, LengthUnit, Rule, SkipPolicy, ValidationSpec};
pub use summary::DriftSummary;
