//! Immutable objects, byte by byte: recipes, manifest nodes, versions, verdicts, facts, and the data checksum.
//!
//! Every object is named by a [`Key`]: its kind and 32 bytes. Most are named by the hash of their own bytes; a recipe is
//! named by the content id of the file that it rebuilds. The kind is part of the name, since a user's file may hold the
//! very bytes of one of our nodes.

pub mod checksum;
pub mod fact;
pub mod node;
pub mod recipe;
pub mod verdict;
pub mod version;

use std::fmt;

use crate::id::{self, Id, push_hex};

/// The kind of an object in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ObjectKind {
    /// A piece of a file, named by its hash.
    Chunk = 1,
    /// The chunks of a file, named by the content id of the file.
    Recipe = 2,
    /// A part of a long recipe, named by its hash.
    RecipeNode = 3,
    /// A node of a manifest tree, named by its hash.
    Node = 4,
    /// A version record, named by its hash.
    Version = 5,
    /// A fact, named by its hash.
    Fact = 6,
    /// The schema of a version's records, named by its hash.
    Schema = 7,
    /// A verdict on a version, named by its hash.
    Verdict = 8,
}

impl ObjectKind {
    /// Every kind, in the order of its byte.
    pub const ALL: [ObjectKind; 8] = [
        ObjectKind::Chunk,
        ObjectKind::Recipe,
        ObjectKind::RecipeNode,
        ObjectKind::Node,
        ObjectKind::Version,
        ObjectKind::Fact,
        ObjectKind::Schema,
        ObjectKind::Verdict,
    ];

    /// Returns the kind that a byte stands for.
    pub fn from_byte(byte: u8) -> Option<ObjectKind> {
        ObjectKind::ALL.into_iter().find(|k| *k as u8 == byte)
    }

    /// Returns the name of the kind in messages.
    pub fn name(self) -> &'static str {
        match self {
            ObjectKind::Chunk => "chunk",
            ObjectKind::Recipe => "recipe",
            ObjectKind::RecipeNode => "recipe node",
            ObjectKind::Node => "manifest node",
            ObjectKind::Version => "version record",
            ObjectKind::Fact => "fact",
            ObjectKind::Schema => "schema",
            ObjectKind::Verdict => "verdict",
        }
    }

    /// Returns the id of an object of this kind: the hash of its bytes, or for a recipe the content id that it begins with.
    pub fn id_of(self, bytes: &[u8]) -> Option<[u8; 32]> {
        match self {
            ObjectKind::Recipe => bytes.first_chunk().copied(),
            _ => Some(*blake3::hash(bytes).as_bytes()),
        }
    }
}

/// The name of an object: its kind and 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The 32 bytes; ordered before the kind, so that tables are spread evenly.
    pub id: [u8; 32],
    /// The kind.
    pub kind: ObjectKind,
}

macro_rules! key_of {
    ($($of:ident => $kind:ident),*) => {$(
        impl From<Id<id::$of>> for Key {
            fn from(id: Id<id::$of>) -> Key {
                Key { id: *id.as_bytes(), kind: ObjectKind::$kind }
            }
        }
    )*};
}
key_of!(
    Chunk => Chunk, RecipeNode => RecipeNode, NodeId => Node, VersionId => Version, FactId => Fact, SchemaId => Schema,
    VerdictId => Verdict
);

impl Key {
    /// Returns the key of the recipe that rebuilds this content.
    pub fn recipe(content: Id<id::Content>) -> Key {
        Key { id: *content.as_bytes(), kind: ObjectKind::Recipe }
    }

    /// Reads a key as it is displayed: the kind and the id in hex.
    pub fn parse(text: &str) -> Option<Key> {
        let (name, hex) = text.rsplit_once(' ')?;
        let kind = ObjectKind::ALL.into_iter().find(|kind| kind.name() == name)?;
        Some(Key { id: *Id::<id::Content>::from_hex(hex)?.as_bytes(), kind })
    }

    /// Returns true if the key is that of `bytes`.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.kind.id_of(bytes) == Some(self.id)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = String::with_capacity(64);
        push_hex(&self.id, &mut hex);
        write!(f, "{} {hex}", self.kind.name())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
