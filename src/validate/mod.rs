//! The quality gate: rules over records, and what they come to. Pure over what it is shown; it knows no store.

mod command;
mod encoding;
mod keys;
mod measures;
mod pii;
mod schema;
mod spec;

pub use command::Command;
pub use keys::{Gathering, Told as KeyTold};
pub use measures::{Limits, Measures};
pub use spec::{Check, Rule, Spec, Unit};
