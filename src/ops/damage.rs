//! What a list says of the versions, facts and packs that it could not read.

use serde::Serialize;

use crate::error::Error;

/// Messages about what could not be read, in the order in which it was met. The rest of a report is without it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct DamageList {
    messages: Vec<String>,
    #[serde(skip)]
    damaged: bool,
}

impl DamageList {
    /// Adds an error.
    pub(super) fn push(&mut self, error: &Error) {
        self.damaged |= !error.ends_check();
        self.messages.push(error.to_string());
    }

    /// Moves the errors of another list to the end of this one.
    pub(super) fn append(&mut self, other: &mut DamageList) {
        let other = std::mem::take(other);
        self.damaged |= other.damaged;
        self.messages.extend(other.messages);
    }

    /// Returns the messages.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// Tells if there are none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Tells if something is damaged, rather than that this user may not read it.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }
}

impl From<Vec<Error>> for DamageList {
    fn from(errors: Vec<Error>) -> DamageList {
        let mut list = DamageList::default();
        errors.iter().for_each(|error| list.push(error));
        list
    }
}
