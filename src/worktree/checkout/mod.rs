//! Makes a folder what a version says, touching only what differs.
//!
//! Two passes over the workspace: [`survey()`] reads and decides, and refuses before anything is touched; [`apply()`]
//! removes and writes. A file in place is written under a temporary name and moved over the old one; a folder that is
//! made anew is filled beside its place and then moved there.
//!
//! Invariant: no bytes go that the store does not hold, unless the user gives them up, whether `.hlxignore` hides them or
//! not. What is moved over or removed has the stamps that the first pass has seen; otherwise the checkout ends there.

mod apply;
mod inspect;
mod names;
mod survey;
mod target;
mod torn;
mod write;

pub use apply::{CheckoutCounts, apply, restore, staged};
pub use names::{check as check_names, check_written};
pub use survey::{below, survey, survey_selected};
pub use target::CheckoutTarget;
