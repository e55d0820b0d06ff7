//! `hlx audit`: everything that was said and made, by whom and when; and whether all of it is still as it was.

mod check;
mod list;

pub use check::{AuditProblem, AuditVerifyReport, verify};
pub use list::{AuditEntry, AuditEvent, AuditOptions, AuditReport, list};
