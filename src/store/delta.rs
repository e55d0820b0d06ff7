//! The bases of new chunks: the same region of the file that they replace.
//!
//! A run is a sequence of new chunks between two that the old file has as well. Its base is what the old file has
//! between the same two. A long run is cut into pieces, and its base alike.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use crate::error::Result;
use crate::id::{Content, Id};
use crate::object::recipe::RecipeItem;
use crate::object::{Key, ObjectKind};
use crate::store::content::Chunks;
use crate::store::read::Store;

/// Bytes of new chunks that one block takes.
pub(crate) const PIECE_BYTES: usize = 1 << 20;
/// Bytes of a run that are held back while its end is unknown.
const MAX_RUN: usize = 4 << 20;
/// Bytes of the old file around a piece, where its place is only estimated.
const SLACK: u64 = 64 << 10;
/// Bytes of a piece's base.
const MAX_REGION: u64 = 3 << 20;
/// Chunks of the old file that are known at once: 2 GiB of it.
const WINDOW: usize = 1 << 15;
/// Deltas that a new run may lie above, itself included; an older base is taken beyond.
pub(crate) const DEPTH: u8 = 3;
/// One run in so many stays a level below [`DEPTH`], one in the square of it two, and so on.
const THINNING: u64 = 4;

/// The chunks of the file that is being replaced, in a window that moves along.
#[derive(Debug)]
pub(crate) struct OldFile<'a> {
    chunks: Chunks<'a>,
    window: VecDeque<(RecipeItem, u64)>,
    places: HashMap<[u8; 32], u64>,
    read: u64,
}

impl<'a> OldFile<'a> {
    /// Returns the chunks of this content, from the first on.
    pub(crate) fn of(store: &'a Store, content: Id<Content>, size: u64) -> Result<OldFile<'a>> {
        let chunks = Chunks::of(store, content, size)?;
        let mut old = OldFile { chunks, window: VecDeque::new(), places: HashMap::new(), read: 0 };
        old.fill()?;
        Ok(old)
    }

    /// Returns the first position of a chunk within the window.
    pub(crate) fn place(&self, id: &[u8; 32]) -> Option<u64> {
        self.places.get(id).copied()
    }

    /// Returns the chunk that begins at `at`, beyond which nothing before it is asked for.
    pub(crate) fn at(&mut self, at: u64) -> Result<Option<RecipeItem>> {
        self.advance(at)?;
        let index = self.window.partition_point(|(_, start)| *start < at);
        Ok(self.window.get(index).map(|(item, _)| *item))
    }

    fn fill(&mut self) -> Result<()> {
        while self.window.len() < WINDOW {
            let Some(item) = self.chunks.next().transpose()? else { return Ok(()) };
            self.window.push_back((item, self.read));
            self.places.entry(item.id).or_insert(self.read);
            self.read += item.len;
        }
        Ok(())
    }

    /// Lets go of what lies far before `at`, and reads on.
    fn advance(&mut self, at: u64) -> Result<()> {
        if self.window.len() < WINDOW || self.window[WINDOW / 2].1 > at {
            return Ok(());
        }
        for (item, place) in self.window.drain(..WINDOW / 4) {
            if self.places.get(&item.id) == Some(&place) {
                self.places.remove(&item.id);
            }
        }
        self.fill()
    }

    /// Returns the chunks that overlap a region.
    fn region(&self, start: u64, end: u64) -> Vec<[u8; 32]> {
        let first = self.window.partition_point(|(item, at)| at + item.len <= start);
        self.window.range(first..).take_while(|(_, at)| *at < end).map(|(item, _)| item.id).collect()
    }
}

/// New chunks of a run that are compressed together, and what they are compressed against.
#[derive(Debug, Default)]
pub(crate) struct RunPiece {
    /// The id and length of each.
    pub chunks: Vec<([u8; 32], u32)>,
    /// Their bytes.
    pub raw: Vec<u8>,
    pub base: DeltaBase,
}

/// The base that a piece is compressed against.
#[derive(Debug, Default)]
pub(crate) struct DeltaBase {
    /// The objects; none for a piece that stands alone.
    pub keys: Vec<Key>,
    /// Bytes of them.
    pub len: usize,
    /// Deltas that the piece lies above then, itself included.
    pub depth: u8,
    /// An older version's bytes stand in for some of the old file's, because those lie too deep already.
    pub old: bool,
}

impl DeltaBase {
    /// Goes on with another base.
    pub fn join(&mut self, other: DeltaBase) {
        let new = other.keys.into_iter().filter(|key| !self.keys.contains(key)).collect::<Vec<_>>();
        self.keys.extend(new);
        self.len += other.len;
        self.depth = self.depth.max(other.depth);
        self.old |= other.old;
    }
}

/// Follows a new file along the one that it replaces.
#[derive(Debug)]
pub(crate) struct Follower<'a> {
    store: &'a Store,
    old: OldFile<'a>,
    /// The start of the chunk after the last shared one, in the old file.
    before: u64,
    /// The run so far, its pieces without their bases.
    run: Vec<RunPiece>,
    /// Bytes of it.
    len: usize,
}

impl<'a> Follower<'a> {
    /// Follows the old content. `None` where the store cannot say what it was made of.
    pub fn of(store: &'a Store, content: Id<Content>, size: u64) -> Option<Follower<'a>> {
        let old = OldFile::of(store, content, size).ok()?;
        Some(Follower { store, old, before: 0, run: Vec::new(), len: 0 })
    }

    /// The next chunk of the new file; `new` if the store has to take it. Returns the run that it ends, if it ends one.
    pub fn chunk(&mut self, id: &[u8; 32], bytes: &[u8], new: bool) -> Result<Vec<RunPiece>> {
        if let Some(&at) = self.old.places.get(id) {
            let run = self.end_run(at.max(self.before));
            self.before = at + bytes.len() as u64;
            self.old.advance(self.before)?;
            return Ok(run);
        }
        if !new {
            return Ok(Vec::new());
        }
        let piece = match self.run.last_mut() {
            Some(last) if last.raw.len() + bytes.len() <= PIECE_BYTES => last,
            last => {
                let room = if last.is_some() { PIECE_BYTES } else { 0 };
                self.run.push(RunPiece { raw: Vec::with_capacity(room), ..RunPiece::default() });
                let at = self.run.len() - 1;
                &mut self.run[at]
            }
        };
        piece.chunks.push((*id, bytes.len() as u32));
        piece.raw.extend_from_slice(bytes);
        self.len += bytes.len();
        if self.len < MAX_RUN {
            return Ok(Vec::new());
        }
        // The end is not in sight: what stands at the same distance in the old file is the best guess.
        let after = self.before + self.len as u64;
        let run = self.end_run(after);
        self.before = after;
        self.old.advance(after)?;
        Ok(run)
    }

    /// The file ends here.
    pub fn finish(&mut self) -> Vec<RunPiece> {
        let end = self.old.read.max(self.before);
        self.end_run(end)
    }

    /// Gives each piece of the run its share of what the old file has from `before` to `after`.
    fn end_run(&mut self, after: u64) -> Vec<RunPiece> {
        let (mut run, total) = (std::mem::take(&mut self.run), std::mem::take(&mut self.len));
        let (span, slack) = (after - self.before, if run.len() > 1 { SLACK } else { 0 });
        let share = |at: usize| self.before + (u128::from(span) * at as u128 / total.max(1) as u128) as u64;
        let mut at = 0;
        for piece in &mut run {
            let start = share(at).saturating_sub(slack);
            at += piece.raw.len();
            let end = (share(at) + slack).min(start + MAX_REGION);
            piece.base = self.base(start, end, ceiling(&piece.chunks[0].0)).unwrap_or_default();
        }
        run
    }

    /// Returns the base for a region of the old file so that at most `ceiling` deltas result. `None` if the chunks of the
    /// region are not known.
    fn base(&self, start: u64, end: u64, ceiling: u8) -> Option<DeltaBase> {
        let mut base = DeltaBase::default();
        for id in self.old.region(start, end) {
            self.add(&mut base, Key { id, kind: ObjectKind::Chunk }, ceiling)?;
        }
        Some(base)
    }

    /// Adds an object to a base; in place of one that lies too deep, its share of what its run is a delta against.
    fn add(&self, base: &mut DeltaBase, key: Key, ceiling: u8) -> Option<()> {
        let row = self.store.locate(&key)?;
        let len = row.raw_len as usize;
        if row.depth >= ceiling {
            base.old = true;
            let (older, run) = self.store.base(&row).ok()?;
            let at = row.raw_at as usize - run.start;
            return self.share(base, older, run.len(), at..at + len, ceiling.min(row.depth));
        }
        if !base.keys.contains(&key) && base.len + len <= MAX_REGION as usize {
            base.depth = base.depth.max(row.depth + 1);
            base.keys.push(key);
            base.len += len;
        }
        Some(())
    }

    /// Adds of the objects `older`, against which `whole` bytes are compressed, those that stand about where `part` of
    /// the bytes does.
    fn share(&self, base: &mut DeltaBase, older: Vec<Key>, whole: usize, part: Range<usize>, ceiling: u8) -> Option<()> {
        let lens = older.iter().map(|key| self.store.locate(key).map(|row| row.raw_len as usize)).collect::<Option<Vec<_>>>()?;
        let total: usize = lens.iter().sum();
        let place = |at: usize| (total as u128 * at as u128 / whole.max(1) as u128) as usize;
        let (start, end) = (place(part.start).saturating_sub(SLACK as usize), place(part.end) + SLACK as usize);
        let mut at = 0;
        for (key, len) in older.into_iter().zip(lens) {
            if at < end && at + len > start {
                self.add(base, key, ceiling)?;
            }
            at += len;
        }
        Some(())
    }
}

/// Returns the most deltas that the run which begins with this chunk may lie above.
///
/// As in a skip list, most runs go as deep as is allowed and some do not, by chance, for which the chunk's id serves. So
/// however long a chain of versions gets, the newest bytes that do not lie too deep to be a base are never old, and what
/// is read for a chunk stays bounded.
fn ceiling(id: &[u8; 32]) -> u8 {
    let mut dice = u64::from_le_bytes([id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7]]);
    let mut ceiling = DEPTH;
    while ceiling > 1 && dice.is_multiple_of(THINNING) {
        ceiling -= 1;
        dice /= THINNING;
    }
    ceiling
}
