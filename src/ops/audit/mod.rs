//! `hlx audit`: everything that was said and made, by whom and when; and whether all of it is still as it was.

mod list;
mod verify;

pub use list::{AuditEntry, AuditEvent, AuditOptions, AuditReport, list};
pub use verify::{AuditVerifyReport, verify};
