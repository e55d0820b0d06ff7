//! The quality gate: the rules of a dataset, and the evaluation of a version by them.
//!
//! A rule set (`rule_set`) is the compiled rules; a checker has the buffers of a thread and checks record after record. A rule
//! on single records has findings; a rule that compares records collects keys, and drift rules [`Measures`], which add up. An
//! [`Evaluator`] has the rules of a dataset, and an [`Evaluation`] applies them to the files of a version and returns a verdict.
//! Invariants: the findings of a record depend only on the record, the path of its file and the rules; a record that is not of
//! its format is one finding of the rule `parse`.

mod bound;
mod cache;
mod checker;
mod command;
mod conflicts;
mod coverage;
mod decimal;
mod digest;
mod drift;
mod drift_limits;
mod encoding;
mod evaluation;
mod evaluator;
mod field;
mod file_set;
mod file_text;
mod first_pass;
mod flagged;
mod identity;
mod keys;
mod located;
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
mod text;
mod value;
mod worker;

pub use bound::Bound;
pub use cache::check_cache;
pub use drift::{Drift, DriftSums, Label};
pub use evaluation::{CachedManifests, Evaluation};
pub use evaluator::Evaluator;
#[cfg(test)]
pub(crate) use evaluator::MAX_FINDINGS;
pub use file_set::{FileSet, WorkspaceFiles};
pub use measures::Measures;
pub use outcome::GateOutcome;
pub use precheck::FilePrecheck;
pub use report::{RuleFinding, RuleReport, UnreadableRecord, VerdictView};
pub use spec::{Check, LengthUnit, Rule, SkipPolicy, ValidationSpec};
