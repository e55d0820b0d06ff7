//! The quality gate: rules over records, and what they come to. Pure over what it is shown; it knows no store.

pub mod keys;
pub mod measures;
mod spec;

pub use spec::{Check, Rule, Spec, Unit};
