//! The quality gate: rules over records, and what they come to. Pure over what it is shown; it knows no store.

mod command;
mod digest;
mod encoding;
mod field;
mod gate;
mod identity;
mod judge;
mod keys;
mod measures;
mod pii;
mod record;
mod rules;
mod schema;
mod spec;
mod strings;
mod value;

pub use command::Command;
pub use gate::{Gate, Looks};
pub use judge::{Judge, Told};
pub use keys::{Gathering, Told as KeyTold};
pub use measures::{Limits, Measures};
pub use record::{Body, Record};
pub use spec::{Check, Rule, Spec, Unit};
