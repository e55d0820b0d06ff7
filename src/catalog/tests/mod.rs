//! The catalog over repositories: its answers, damage, and random histories against the objects.

mod answers;
mod damage;
mod model;
pub(crate) mod samples;
