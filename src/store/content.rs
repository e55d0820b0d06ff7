//! The bytes of a file, chunk by chunk, from its content id.

use crate::chunk::cut;
use crate::error::{Error, Result, counted};
use crate::id::{Content, Id};
use crate::limits;
use crate::object::recipe::{Recipe, RecipeItem};
use crate::object::{Key, ObjectKind};
use crate::store::read::{Object, Store};

/// The chunks of a file in order. Reads recipe nodes as it comes to them.
#[derive(Debug)]
pub struct Chunks<'a> {
    store: &'a Store,
    /// Recipes that are being read, outermost first, each with its next item.
    open: Vec<(Recipe, usize)>,
}

impl<'a> Chunks<'a> {
    /// Returns the chunks of this content, which has `size` bytes. Fails if the store does not hold it.
    pub fn of(store: &'a Store, content: Id<Content>, size: u64) -> Result<Chunks<'a>> {
        let open = if size == 0 { Vec::new() } else { vec![(root(store, content, size)?, 0)] };
        Ok(Chunks { store, open })
    }

    fn step(&mut self) -> Result<Option<RecipeItem>> {
        while let Some((recipe, next)) = self.open.last_mut() {
            let Some(item) = recipe.items.get(*next).copied() else {
                self.open.pop();
                continue;
            };
            *next += 1;
            if recipe.level == 0 {
                return Ok(Some(item));
            }
            let (level, key) = (recipe.level, recipe.key(&item));
            let node = Recipe::decode(&self.store.get(&key)?).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))?;
            if node.level + 1 != level || node.len() != item.len || self.open.len() > usize::from(limits::RECIPE_LEVEL) {
                return Err(Error::damaged(format!("{key} does not match the position of its reference")));
            }
            self.open.push((node, 0));
        }
        Ok(None)
    }
}

impl Iterator for Chunks<'_> {
    type Item = Result<RecipeItem>;

    fn next(&mut self) -> Option<Result<RecipeItem>> {
        self.step().transpose()
    }
}

/// Returns the recipe of a content; for one that is a single chunk, the recipe that says so.
fn root(store: &Store, content: Id<Content>, size: u64) -> Result<Recipe> {
    let chunk = Key { id: *content.as_bytes(), kind: ObjectKind::Chunk };
    let key = Key::recipe(content);
    if size <= cut::MIN as u64 || size <= cut::MAX as u64 && store.contains(&chunk) {
        return Ok(Recipe { level: 0, items: vec![RecipeItem { id: chunk.id, len: size }] });
    }
    let bytes = match store.get(&key) {
        // Stored by another process since the tables were read: then the look-up above could not know.
        Err(_) if size <= cut::MAX as u64 && store.contains(&chunk) => return root(store, content, size),
        bytes => bytes?,
    };
    let (named, recipe) = Recipe::decode_root(&bytes).map_err(|e| Error::damaged(format!("{key} is damaged: {e}")))?;
    if named != content || recipe.len() != size {
        return Err(Error::damaged(format!("{key} does not match a file of {size} bytes")));
    }
    Ok(recipe)
}

/// Hands the bytes of a content to `take`, chunk by chunk, each checked; fails at the end unless the whole has the hash
/// that its id says, so nothing that was taken counts before this returns.
pub fn read(store: &Store, content: Id<Content>, size: u64, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut whole = blake3::Hasher::new();
    for item in Chunks::of(store, content, size)? {
        let item = item?;
        let bytes = chunk(store, &item)?;
        if item.len == size && item.id == *content.as_bytes() {
            return take(&bytes);
        }
        whole.update(&bytes);
        take(&bytes)?;
    }
    check_whole(&whole, content)
}

/// Returns true if the store holds a content and gives it back undamaged. Reads all of it.
pub fn is_readable(store: &Store, content: Id<Content>, size: u64) -> bool {
    let is_there =
        store.contains(&Key { id: *content.as_bytes(), kind: ObjectKind::Chunk }) || store.contains(&Key::recipe(content));
    size == 0 || is_there && read(store, content, size, |_| Ok(())).is_ok()
}

/// Reads one chunk of a recipe.
pub fn chunk(store: &Store, item: &RecipeItem) -> Result<Object> {
    of_length(item, store.get(&Key { id: item.id, kind: ObjectKind::Chunk })?)
}

/// Reads one chunk of a recipe without holding its bytes against its name, for who checks the whole.
pub fn unchecked(store: &Store, item: &RecipeItem) -> Result<Object> {
    of_length(item, store.get_unchecked(&Key { id: item.id, kind: ObjectKind::Chunk })?)
}

fn of_length(item: &RecipeItem, bytes: Object) -> Result<Object> {
    if bytes.len() as u64 == item.len {
        Ok(bytes)
    } else {
        let key = Key { id: item.id, kind: ObjectKind::Chunk };
        let (actual, expected) = (counted(bytes.len() as u64, "byte"), counted(item.len, "byte"));
        Err(Error::damaged(format!("{key} has {actual}, not {expected} as in its reference")))
    }
}

/// Fails unless all that was hashed is the content.
pub fn check_whole(whole: &blake3::Hasher, content: Id<Content>) -> Result<()> {
    if whole.finalize() == *content.as_bytes() {
        Ok(())
    } else {
        Err(Error::damaged(format!("the content of recipe {content} does not match its hash")))
    }
}
