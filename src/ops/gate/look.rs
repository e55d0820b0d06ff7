//! The first look: what changed between two versions is judged record by record.
//!
//! Lines are not known here, since what both versions share need not be read: of a record in which something was found
//! only a hash of its bytes is kept, by which it is found again.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::FixedState;

use super::attempt::Task;
use super::known::Found;
use super::{Attempt, Files, Judging, Sides};
use crate::diff::{FilePart, FileSide, RecordRef, RecordText, visit, visit_part};
use crate::error::Result;
use crate::object::node::Entry;
use crate::sample::{Compression, FileIssue, RecordFormat, Side, is_of_another_kind};
use crate::validate::{Binary, Body, Gathering, Judge, KeyTold, Looks, Measures, Record, Told};
use crate::worktree::ingest::{Watch, Watcher};

/// Keys that a worker holds before it hands them on.
const HELD: usize = 4 << 10;
/// Keys of one rule that are held of a file while it is compared. One with more differences is looked at afterwards.
const WATCHED: usize = if cfg!(test) { 64 } else { 256 << 10 };
/// Bytes that are held of files that were looked at while they were compared. Those beyond it are looked at afterwards.
const MAX_WATCHED: usize = if cfg!(test) { 2 << 10 } else { 64 << 20 };
/// The longest file that is looked into as one text.
const MAX_TEXT: usize = if cfg!(test) { 64 << 10 } else { 64 << 20 };
/// What is said of a longer one.
const TOO_LONG: &str = "the file is longer than 64 MiB";
/// What is said of one that is no text.
const NO_TEXT: &str = "the file is not text";
/// Hashes of records of one file that are kept; beyond it each of its records is judged again.
const SUSPECTS: usize = if cfg!(test) { 8 } else { 32 << 10 };
/// Bytes at the start of a file by which text is told.
const PROBE: usize = 8_000;

/// The hash of a record as it stands in its file. It only has to be the same for this program on this machine.
pub(super) fn raw(text: &RecordText<'_>) -> u64 {
    let hasher = FixedState::with_seed(0x6865_6c6f_7867_6174);
    match text {
        RecordText::Json(bytes) => hasher.hash_one(bytes),
        RecordText::Fields { row, .. } => hasher.hash_one(row),
        RecordText::SkippedRow(row) => hasher.hash_one(row),
        RecordText::Excess(words) => hasher.hash_one(words),
        RecordText::Row(row) => hasher.hash_one(row.canonical()),
        RecordText::File { content, .. } => hasher.hash_one(content),
    }
}

/// The keys of every rule that asks for them.
pub(super) type Gatherings = Vec<Option<Mutex<Gathering>>>;

/// What a worker keeps from file to file.
pub(super) struct Worker<'g> {
    pub judge: Judge<'g>,
    pub measures: Measures,
    keys: Vec<Vec<KeyTold>>,
}

/// What the first look at a file came to.
pub(super) struct Looked {
    pub sides: Sides,
    pub measures: Measures,
    pub suspects: Suspects,
}

/// What was looked at of a file while it was compared.
struct Watched {
    measures: Measures,
    suspects: Suspects,
}

/// The files that were looked at while they were compared, by path: as many as fit into [`MAX_WATCHED`] bytes.
#[derive(Default)]
pub(super) struct WatchedFiles {
    files: HashMap<String, Watched>,
    bytes: usize,
}

impl WatchedFiles {
    /// Adds a file; returns false where there is no room for it.
    fn insert(&mut self, path: &str, mut watched: Watched) -> bool {
        watched.suspects.raws.shrink_to_fit();
        let bytes = path.len() + size_of::<(String, Watched)>() + watched.measures.heap_size() + watched.suspects.heap_size();
        let fits = self.bytes + bytes <= MAX_WATCHED;
        if fits {
            self.bytes += bytes;
            self.files.insert(path.to_owned(), watched);
        }
        fits
    }

    fn remove(&mut self, path: &str) -> Option<Watched> {
        self.files.remove(path)
    }
}

/// The records of the new side of a file in which something was found, or at which a rule could not look.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspects {
    /// Their hashes, in order once they are complete.
    pub raws: Vec<u64>,
    /// Whether there are so many that not all hashes are kept: then each record of the file is one.
    pub every: bool,
    /// How much there is to tell, by [`slot`].
    pub told: BTreeMap<usize, u64>,
}

/// The place of a list among all: what a rule found, or what it could not look at.
pub(super) fn slot(rule: usize, unreadable: bool) -> usize {
    2 * rule + usize::from(unreadable)
}

impl Suspects {
    /// Adds a record of the file as it was before.
    pub fn push_known(&mut self, found: &Found) {
        *self.told.entry(slot(found.rule as usize, found.unreadable)).or_default() += 1;
        self.push(found.raw);
    }

    /// Adds the hash of a record.
    pub fn push(&mut self, raw: u64) {
        if self.every {
            return;
        }
        if self.raws.len() >= 2 * SUSPECTS {
            self.tidy();
        }
        self.raws.push(raw);
    }

    /// Adds those of another part of the file.
    pub fn extend(&mut self, other: Suspects) {
        self.every |= other.every;
        other.raws.into_iter().for_each(|raw| self.push(raw));
        other.told.into_iter().for_each(|(rule, count)| *self.told.entry(rule).or_default() += count);
        self.tidy();
    }

    /// Sorts the hashes, each once, and gives them up where they are too many.
    pub fn tidy(&mut self) {
        self.raws.sort_unstable();
        self.raws.dedup();
        self.every |= self.raws.len() > SUSPECTS;
        if self.every {
            self.raws = Vec::new();
        }
    }

    /// Whether a record with this hash may be one.
    pub fn has(&self, raw: u64) -> bool {
        self.every || self.raws.binary_search(&raw).is_ok()
    }

    /// Returns the bytes that they take besides themselves.
    fn heap_size(&self) -> usize {
        self.raws.capacity() * size_of::<u64>() + self.told.len() * size_of::<(usize, u64)>()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.raws.is_empty() && !self.every
    }
}

impl Watch for Attempt<'_> {
    fn file(&self, path: &str) -> Option<Watcher<'_>> {
        let looks = self.judging.gate.of_file(path);
        if self.before.is_none() || !looks.at_records() {
            return None;
        }
        let path = path.to_owned();
        let mut held = Some((self.judging.worker(), Suspects::default()));
        // What is shown may turn out to be void, so nothing is handed on before the end.
        Some(Box::new(move |seen| {
            let Some((worker, suspects)) = &mut held else { return };
            let done = match seen {
                // Its text has to be read, which is done afterwards.
                Some(RecordRef { text: RecordText::File { .. }, .. }) => Ok(()),
                Some(seen) => match self.judging.look_at(worker, &looks, &seen, None, suspects) {
                    Ok(most) if most <= WATCHED => return,
                    done => done.map(drop),
                },
                None => {
                    suspects.tidy();
                    let watched = Watched { measures: worker.take_measures(), suspects: std::mem::take(suspects) };
                    match self.watched.lock().unwrap_or_else(PoisonError::into_inner).insert(&path, watched) {
                        true => worker.hand_on(&self.gatherings, 1),
                        false => Ok(()),
                    }
                }
            };
            held = None;
            if let Err(e) = done {
                self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
            }
        }))
    }
}

impl Attempt<'_> {
    /// Judges the records in which the sides of a file differ, unless that was done while they were compared.
    pub(super) fn look<S>(&self, worker: &mut Worker<'_>, files: &Files<'_, S>, task: Task) -> Result<Looked> {
        let Task { sides, part } = task;
        let judging = self.judging;
        judging.progress.check()?;
        let path = sides.1.as_ref().or(sides.0.as_ref()).map(|entry| entry.path.as_str()).unwrap_or_default();
        let looks = judging.gate.of_file(path);
        let mut suspects = Suspects::default();
        if looks.at_records() {
            let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
            let met = match watched {
                Some(watched) => {
                    worker.measures.absorb(watched.measures);
                    suspects = watched.suspects;
                    [false; 2]
                }
                None => self.visit(worker, files, &looks, &sides, &part, &mut suspects)?,
            };
            for (sign, side, met, entry) in [(-1, Side::Old, met[0], &sides.0), (1, Side::New, met[1], &sides.1)] {
                let first = part.as_ref().is_none_or(|part| part.is_first);
                let Some(entry) = entry.as_ref().filter(|_| first && !met && !looks.empty.is_empty()) else { continue };
                if judging.is_hollow(files, entry, side)? {
                    for &rule in &looks.empty {
                        worker.measures.checked(rule, sign);
                        worker.measures.failed(rule, sign);
                        if side == Side::New {
                            suspects.push(HOLLOW);
                            *suspects.told.entry(slot(rule, false)).or_default() += 1;
                        }
                    }
                }
            }
            let size = |entry: &Option<Entry>| entry.as_ref().map_or(0, |entry| entry.size);
            match &part {
                Some(part) => judging.progress.advance(u64::from(part.is_first), part.bytes),
                None => judging.progress.advance(1, size(&sides.0).max(size(&sides.1))),
            }
        }
        worker.hand_on(&self.gatherings, 1)?;
        suspects.tidy();
        Ok(Looked { measures: worker.take_measures(), sides, suspects })
    }

    /// Looks at both sides; whether any record of each was met.
    fn visit<S>(
        &self,
        worker: &mut Worker<'_>,
        files: &Files<'_, S>,
        looks: &Looks,
        sides: &Sides,
        part: &Option<FilePart>,
        suspects: &mut Suspects,
    ) -> Result<[bool; 2]> {
        let judging = self.judging;
        let old = sides.0.as_ref().map(|entry| files.half(judging, entry, Side::Old)).transpose()?;
        let new = sides.1.as_ref().map(|entry| files.half(judging, entry, Side::New)).transpose()?;
        let (mut met, mut fault) = ([false; 2], None);
        let see = &mut |seen: RecordRef<'_>| {
            met[usize::from(seen.side == Side::New)] |= !matches!(seen.text, RecordText::SkippedRow(_));
            let half = if seen.side == Side::Old { &old } else { &new };
            if fault.is_none() {
                let looked = judging.look_at(worker, looks, &seen, half.as_ref(), suspects);
                fault = looked.and_then(|most| if most < HELD { Ok(()) } else { worker.hand_on(&self.gatherings, HELD) }).err();
            }
        };
        match (part, &new) {
            (Some(part), Some(new)) => visit_part(&judging.rules, new, part, see)?,
            _ => visit(&judging.rules, old.as_ref(), new.as_ref(), false, see)?,
        }
        fault.map_or(Ok(met), Err)
    }
}

impl Judging<'_> {
    pub(super) fn worker(&self) -> Worker<'_> {
        let rules = self.gate.rules().len();
        Worker { judge: Judge::new(&self.gate), measures: Measures::new(rules), keys: vec![Vec::new(); rules] }
    }

    /// Looks at a record; the most keys that the worker holds of a rule then.
    fn look_at(
        &self,
        worker: &mut Worker<'_>,
        looks: &Looks,
        seen: &RecordRef<'_>,
        half: Option<&FileSide<'_>>,
        suspects: &mut Suspects,
    ) -> Result<usize> {
        let raw = raw(&seen.text);
        let (new, sign) = if seen.side == Side::New { (true, 1) } else { (false, -1) };
        let Worker { judge, measures, keys } = worker;
        let mut suspect = false;
        let mut most = 0;
        self.shown(seen, half.filter(|_| !looks.records.is_empty()), &mut |record| {
            judge.record(looks, record, measures, sign, &mut |told| match told {
                Told::Finding { rule, .. } => {
                    suspect |= new;
                    *suspects.told.entry(slot(rule, false)).or_default() += u64::from(new);
                }
                Told::Unreadable { rule, .. } => {
                    suspect |= new;
                    *suspects.told.entry(slot(rule, true)).or_default() += u64::from(new);
                }
                Told::Key { rule, key, split } => {
                    keys[rule].push(KeyTold { key, raw, split: split as u8, sign: sign as i8 });
                    most = most.max(keys[rule].len());
                }
            });
        })?;
        if suspect {
            suspects.push(raw);
        }
        Ok(most)
    }

    /// Whether a file that should have records, and is not itself the record, has none. Where they were not counted it is read: what the
    /// sides share was not met.
    fn is_hollow<S>(&self, files: &Files<'_, S>, entry: &Entry, side: Side) -> Result<bool> {
        if matches!(self.rules.reading(entry.path.as_str()).format, RecordFormat::Whole | RecordFormat::None) {
            return Ok(false);
        }
        if let Some(samples) = &entry.samples {
            return Ok(samples.count == 0);
        }
        let mut none = true;
        visit(&self.rules, None, Some(&files.half(self, entry, side)?), false, &mut |seen| {
            none &= matches!(seen.text, RecordText::SkippedRow(_));
        })?;
        Ok(none)
    }

    /// Shows a record as rules see it. Of a file that is the record, `half` is where its text is read, if it is needed.
    pub(super) fn shown(
        &self,
        seen: &RecordRef<'_>,
        half: Option<&FileSide<'_>>,
        show: &mut dyn FnMut(&Record<'_>),
    ) -> Result<()> {
        let text;
        let body = match &seen.text {
            RecordText::Json(bytes) => Body::Json(bytes),
            RecordText::Fields { row, syntax, header, wrong } => {
                Body::Fields { row, syntax: *syntax, header: *header, wrong: *wrong }
            }
            RecordText::SkippedRow(row) => Body::Note(row),
            RecordText::Excess(words) => Body::Broken(words),
            RecordText::Row(row) => Body::Row(row),
            RecordText::File { issue: Some(FileIssue::Damaged { cause, .. }), .. } => Body::Broken(cause),
            RecordText::File { issue: Some(FileIssue::Opaque { cause }), .. } => Body::Opaque(cause),
            RecordText::File { content, .. } => match half {
                None => Body::Binary(Binary { content, why: NO_TEXT }),
                Some(half) => {
                    if !is_text(half.path, &half.text(PROBE)?) {
                        Body::Binary(Binary { content, why: NO_TEXT })
                    } else {
                        text = half.text(MAX_TEXT + 1)?;
                        if text.len() > MAX_TEXT { Body::Binary(Binary { content, why: TOO_LONG }) } else { Body::Text(&text) }
                    }
                }
            },
        };
        let line = match &seen.text {
            RecordText::File { issue, .. } => issue.map_or(1, FileIssue::line),
            _ => seen.line,
        };
        show(&Record { line, body });
        Ok(())
    }
}

impl Worker<'_> {
    fn take_measures(&mut self) -> Measures {
        let none = Measures::new(self.keys.len());
        std::mem::replace(&mut self.measures, none)
    }

    /// Hands on the keys of every rule that has so many.
    fn hand_on(&mut self, gatherings: &Gatherings, least: usize) -> Result<()> {
        for (keys, gathering) in self.keys.iter_mut().zip(gatherings) {
            if let Some(gathering) = gathering.as_ref().filter(|_| keys.len() >= least) {
                gathering.lock().unwrap_or_else(PoisonError::into_inner).tell(keys)?;
                keys.clear();
            }
        }
        Ok(())
    }
}

/// What stands for the record of a file that has none.
pub(super) const HOLLOW: u64 = 0;

/// Returns true if a file that is its own sample is text: by the ending of its name, or since no zero byte stands at its
/// start; not where that start is of an archive, a packing, an image.
fn is_text(path: &str, start: &[u8]) -> bool {
    const ENDINGS: [&str; 9] = [".txt", ".md", ".rst", ".html", ".htm", ".xml", ".tex", ".yaml", ".yml"];
    let name = path.to_ascii_lowercase();
    let name =
        name.rsplit_once('.').filter(|(_, ending)| Compression::of_ending(ending).is_some()).map_or(&name[..], |(stem, _)| stem);
    !is_of_another_kind(start) && (ENDINGS.iter().any(|ending| name.ends_with(ending)) || !start.contains(&0))
}
