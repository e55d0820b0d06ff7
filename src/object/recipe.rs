//! Recipes: how a file of several chunks is put together. The format is specified in `docs/formats/recipe.md`.
//!
//! A short recipe lists chunks. A long one lists recipe nodes, which list chunks or further nodes, cut where the ids say
//! so, so that two versions of a file share most nodes.

use crate::codec::{ByteReader, ByteWriter, Malformed};
use crate::id::{Content, Id, RecipeNode};
use crate::limits;
use crate::object::{Key, ObjectKind};

/// The form of a recipe that lists chunks, the only one yet.
const CHUNK_LIST: u8 = 0;

/// One id in so many ends a node.
const FANOUT: u16 = 1_024;

/// A chunk or a recipe node, and how many bytes of the file it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecipeItem {
    /// The id, of a chunk at level 0, of a recipe node above.
    pub id: [u8; 32],
    /// Bytes of the file, at least 1.
    pub len: u64,
}

/// One level of a recipe: the root, or a node below it. Both have the same form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// 0 when the items are chunks, else one more than the level of the nodes that the items name.
    pub level: u8,
    /// The items, in the order of the file's bytes.
    pub items: Vec<RecipeItem>,
}

impl Recipe {
    /// Returns the bytes of the file that it stands for.
    pub fn len(&self) -> u64 {
        self.items.iter().map(|i| i.len).sum()
    }

    /// Returns true if it has no bytes; no valid recipe is empty.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the key of an item.
    pub fn key(&self, item: &RecipeItem) -> Key {
        Key { id: item.id, kind: if self.level == 0 { ObjectKind::Chunk } else { ObjectKind::RecipeNode } }
    }

    /// Returns the bytes of a recipe node.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + self.items.len() * 35);
        self.put(&mut out);
        out
    }

    /// Returns the bytes of the recipe of this content.
    pub fn encode_root(&self, content: Id<Content>) -> Vec<u8> {
        let mut out = Vec::with_capacity(37 + self.items.len() * 35);
        out.extend_from_slice(content.as_bytes());
        out.push(CHUNK_LIST);
        self.put(&mut out);
        out
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.level);
        out.put_varint(self.items.len() as u64);
        for item in &self.items {
            out.extend_from_slice(&item.id);
            out.put_varint(item.len);
        }
    }

    /// Reads what [`Recipe::encode_root`] wrote: the content that it rebuilds, and how.
    pub fn decode_root(bytes: &[u8]) -> Result<(Id<Content>, Recipe), Malformed> {
        let mut reader = ByteReader::new(bytes);
        let content = Id::from_bytes(reader.array()?);
        if reader.u8()? != CHUNK_LIST {
            return Err(Malformed("the recipe has an unknown form; use a newer hlx"));
        }
        Ok((content, Recipe::decode(reader.rest())?))
    }

    /// Reads what [`Recipe::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Recipe, Malformed> {
        let mut reader = ByteReader::new(bytes);
        let level = reader.u8()?;
        if level > limits::RECIPE_LEVEL {
            return Err(Malformed("the recipe has too many levels"));
        }
        let count = reader.count(33)?;
        if count == 0 || count > limits::RECIPE_ITEMS {
            return Err(Malformed("the recipe has no items or too many"));
        }
        let mut items = Vec::with_capacity(count);
        let mut total = 0u64;
        for _ in 0..count {
            let item = RecipeItem { id: reader.array()?, len: reader.varint()? };
            total = total.checked_add(item.len).ok_or(Malformed("the recipe's length exceeds 64 bits"))?;
            if item.len == 0 {
                return Err(Malformed("an item of the recipe is empty"));
            }
            items.push(item);
        }
        reader.end()?;
        // Else a file of 16 TiB could have as many chunks as bytes.
        if items[..count - 1].iter().any(|item| item.len < limits::RECIPE_ITEM) {
            return Err(Malformed("an item of the recipe other than the last has fewer than 16,384 bytes"));
        }
        Ok(Recipe { level, items })
    }
}

/// Builds a recipe from chunks in order. Full nodes come out on the way, the root at the end.
#[derive(Debug, Default)]
pub struct RecipeBuilder {
    levels: Vec<Vec<RecipeItem>>,
}

/// An object that a builder made, to be stored.
#[derive(Debug)]
pub struct NewObject {
    /// Its name.
    pub key: Key,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl RecipeBuilder {
    /// Adds the next item at a level; nodes that are complete go to `made`.
    fn add(&mut self, level: usize, item: RecipeItem, objects: &mut Vec<NewObject>) {
        if self.levels.len() == level {
            self.levels.push(Vec::new());
        }
        self.levels[level].push(item);
        let ends = u16::from_le_bytes([item.id[0], item.id[1]]).is_multiple_of(FANOUT);
        if self.levels[level].len() >= limits::RECIPE_ITEMS || ends && self.levels[level].len() > 1 {
            self.close(level, objects);
        }
    }

    fn close(&mut self, level: usize, objects: &mut Vec<NewObject>) {
        let node = Recipe { level: level as u8, items: std::mem::take(&mut self.levels[level]) };
        let bytes = node.encode();
        let id: Id<RecipeNode> = Id::of(&bytes);
        objects.push(NewObject { key: id.into(), bytes });
        self.add(level + 1, RecipeItem { id: *id.as_bytes(), len: node.len() }, objects);
    }

    /// Adds the next chunk.
    pub fn chunk(&mut self, item: RecipeItem, objects: &mut Vec<NewObject>) {
        self.add(0, item, objects);
    }

    /// Ends the file; the last object of `made` is then the recipe itself.
    pub fn finish(mut self, content: Id<Content>, objects: &mut Vec<NewObject>) {
        let mut level = 0;
        while level < self.levels.len() {
            let last = level + 1 == self.levels.len();
            if !last && !self.levels[level].is_empty() {
                self.close(level, objects);
            } else if last {
                let root = Recipe { level: level as u8, items: std::mem::take(&mut self.levels[level]) };
                objects.push(NewObject { key: Key::recipe(content), bytes: root.encode_root(content) });
                return;
            }
            level += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(n: u64) -> Vec<RecipeItem> {
        (0..n).map(|i| RecipeItem { id: *blake3::hash(&i.to_le_bytes()).as_bytes(), len: limits::RECIPE_ITEM + i }).collect()
    }

    fn build(items: &[RecipeItem]) -> Vec<NewObject> {
        let (mut builder, mut objects) = (RecipeBuilder::default(), Vec::new());
        for item in items {
            builder.chunk(*item, &mut objects);
        }
        builder.finish(Id::from_bytes([7; 32]), &mut objects);
        objects
    }

    fn flatten(objects: &[NewObject], recipe: &Recipe, out: &mut Vec<RecipeItem>) {
        for item in &recipe.items {
            if recipe.level == 0 {
                out.push(*item);
            } else {
                let node = objects.iter().find(|m| m.key == recipe.key(item)).unwrap();
                let node = Recipe::decode(&node.bytes).unwrap();
                assert_eq!((node.level + 1, node.len()), (recipe.level, item.len));
                flatten(objects, &node, out);
            }
        }
    }

    #[test]
    fn every_length_comes_back() {
        for n in [1, 2, 3, 1_000, 5_000, 20_000] {
            let items = chunks(n);
            let objects = build(&items);
            let (content, root) = Recipe::decode_root(&objects.last().unwrap().bytes).unwrap();
            assert_eq!(content, Id::from_bytes([7; 32]));
            assert_eq!(objects.last().unwrap().key, Key::recipe(content));
            let mut back = Vec::new();
            flatten(&objects, &root, &mut back);
            assert_eq!(back, items);
        }
    }

    #[test]
    fn a_change_leaves_most_nodes_alone() {
        let mut items = chunks(20_000);
        let before: Vec<Key> = build(&items).iter().map(|m| m.key).collect();
        items[9_999].id = [0xab; 32];
        let after = build(&items);
        let new = after.iter().filter(|m| !before.contains(&m.key)).count();
        assert!(new <= 2, "{new} of {} nodes are new", after.len());
    }

    #[test]
    fn rejects_what_is_not_a_recipe() {
        let good = Recipe { level: 0, items: chunks(2) }.encode();
        assert!(Recipe::decode(&good).is_ok());
        assert!(Recipe::decode(&good[..good.len() - 1]).is_err());
        assert!(Recipe::decode(&[0, 0]).is_err(), "no items");
        let mut deep = good.clone();
        deep[0] = limits::RECIPE_LEVEL + 1;
        assert!(Recipe::decode(&deep).is_err());
        let mut short = Recipe { level: 0, items: chunks(3) };
        short.items[2].len = 1;
        assert!(Recipe::decode(&short.encode()).is_ok(), "the last chunk of a file");
        short.items[1].len = limits::RECIPE_ITEM - 1;
        assert!(Recipe::decode(&short.encode()).is_err());
        let empty = Recipe { level: 0, items: vec![RecipeItem { id: [1; 32], len: 0 }] }.encode();
        assert!(Recipe::decode(&empty).is_err());
        let mut root = Recipe { level: 0, items: chunks(2) }.encode_root(Id::from_bytes([7; 32]));
        assert!(Recipe::decode_root(&root).is_ok());
        root[32] = 1;
        assert_eq!(Recipe::decode_root(&root), Err(Malformed("the recipe has an unknown form; use a newer hlx")));
    }
}
