//! The quality gate: rules over records, and what they come to. Pure over what it is shown; it knows no store.
//!
//! A [`Gate`] is the compiled rules of a dataset; a [`Judge`] holds a thread's buffers and is shown record after record.
//! What a record shows by itself it tells as a finding; what only shows between records it tells as keys, and as
//! [`measures`] that add up. Invariants: what is told of a record depends on nothing but the record, the path of its file
//! and the rules; a record that is none of its format is one finding of the rule that looks for that.

mod bound;
mod command;
mod decimal;
mod digest;
mod encoding;
mod field;
mod gate;
mod identity;
mod judge;
mod keys;
mod measures;
mod numbers;
mod pii;
mod record;
mod rules;
mod schema;
mod spec;
mod strings;
mod summary;
mod text;
mod value;

pub use bound::Bound;
pub use command::Command;
pub use gate::{Gate, Looks, Split};
pub use judge::{Judge, Told};
pub use keys::{Gathering, MAX_MEMBERS, Told as KeyTold};
pub use measures::{Limits, Measures};
pub use record::{Binary, Body, Record};
pub use spec::{Check, Rule, Skip, Spec, Unit};
pub use summary::Summary;
