//! Holds every object against its reader before it is stored, so that no version is made that cannot be read.

use crate::codec::Malformed;
use crate::error::{Error, Result};
use crate::limits;
use crate::object::fact::Fact;
use crate::object::node::Node;
use crate::object::recipe::Recipe;
use crate::object::verdict::Verdict;
use crate::object::version::Version;
use crate::object::{Key, ObjectKind};
use crate::sample::Schema;

/// Fails unless a reader accepts the object and gives it back the same. Writers hold the [`limits`] before, and say which
/// one: what fails here is a defect of the program.
pub(crate) fn accept(key: &Key, bytes: &[u8]) -> Result<()> {
    check_form(key, bytes).map_err(|e| Error::rejected(format!("the {key}"), e))
}

/// Fails unless a reader accepts the object and gives it back the same.
pub(crate) fn check_form(key: &Key, bytes: &[u8]) -> Result<(), Malformed> {
    match read_back(key.kind, bytes)? {
        again if again == bytes && key.matches(bytes) => Ok(()),
        _ => Err(Malformed("it does not decode to the same value")),
    }
}

/// Decodes an object and encodes it again.
fn read_back(kind: ObjectKind, bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    if bytes.len() > limits::OBJECT {
        return Err(Malformed("it is longer than 4,194,304 bytes"));
    }
    match kind {
        ObjectKind::Chunk => Ok(bytes.to_vec()),
        ObjectKind::Recipe => Recipe::decode_root(bytes).map(|(content, recipe)| recipe.encode_root(content)),
        ObjectKind::RecipeNode => Recipe::decode(bytes).map(|recipe| recipe.encode()),
        ObjectKind::Node => Node::decode(bytes).map(|node| node.encode()),
        ObjectKind::Version => Version::decode(bytes).map(|version| version.encode()),
        ObjectKind::Fact => Fact::decode(bytes).map(|fact| fact.encode()),
        ObjectKind::Schema => Schema::decode(bytes).and_then(|schema| schema.encode()),
        ObjectKind::Verdict => Verdict::decode(bytes).map(|verdict| verdict.encode()),
    }
}

#[cfg(test)]
mod tests;
