//! The quality gate: rules over records, and what they come to. Pure over what it is shown; it knows no store.

pub mod command;
pub mod encoding;
pub mod pii;
pub mod schema;
mod spec;

pub use spec::{Check, Rule, Spec, Unit};
