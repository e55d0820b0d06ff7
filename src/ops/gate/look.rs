//! The first look: what changed between two versions is judged record by record.
//!
//! Lines are not known here, since what both versions share need not be read: of a record in which something was found
//! only a hash of its bytes is kept, by which it is found again.

use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use foldhash::quality::FixedState;

use super::{Files, Judging, Sides};
use crate::error::Result;
use crate::object::node::Entry;
use crate::sample::{Format, Side};
use crate::store::samples::{Half, Seen, Text, visit};
use crate::validate::{Body, Gathering, Judge, KeyTold, Looks, Measures, Record, Told};

/// Keys that a worker holds before it hands them on.
const HELD: usize = 4 << 10;
/// The longest file that is looked into as one text.
const MAX_TEXT: u64 = 64 << 20;
/// Bytes at the start of a file by which text is told.
const PROBE: usize = 8_000;

/// The hash of a record as it stands in its file. It only has to be the same for this program on this machine.
pub(super) fn raw(text: &Text<'_>) -> u64 {
    let hasher = FixedState::with_seed(0x6865_6c6f_7867_6174);
    match text {
        Text::Json(bytes) => hasher.hash_one(bytes),
        Text::Fields { row, .. } => hasher.hash_one(row),
        Text::Row(row) => hasher.hash_one(row.canonical()),
        Text::File { content, .. } => hasher.hash_one(content),
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
    /// Hashes of records in which something was found.
    pub suspects: Vec<u64>,
}

impl<'a> Judging<'a> {
    pub(super) fn worker(&self) -> Worker<'_> {
        let rules = self.gate.rules().len();
        Worker { judge: Judge::new(&self.gate), measures: Measures::new(rules), keys: vec![Vec::new(); rules] }
    }

    /// Judges the records in which the sides of a file differ.
    pub(super) fn look<S>(
        &self,
        worker: &mut Worker<'_>,
        files: &Files<'_, S>,
        sides: Sides,
        gatherings: &Gatherings,
    ) -> Result<Looked> {
        self.progress.check()?;
        let mut suspects = Vec::new();
        let path = sides.1.as_ref().or(sides.0.as_ref()).map(|entry| entry.path.as_str()).unwrap_or_default();
        let looks = self.gate.of_file(path);
        if looks.at_records() {
            let old = sides.0.as_ref().map(|entry| files.half(self, entry, Side::Old)).transpose()?;
            let new = sides.1.as_ref().map(|entry| files.half(self, entry, Side::New)).transpose()?;
            let mut met = [false; 2];
            let mut fault = None;
            visit(&self.rules, old.as_ref(), new.as_ref(), false, &mut |seen| {
                met[usize::from(seen.side == Side::New)] = true;
                let half = if seen.side == Side::Old { &old } else { &new };
                if let (None, Some(half)) = (&fault, half) {
                    fault = self.look_at(worker, &looks, &seen, half, &mut suspects, gatherings).err();
                }
            })?;
            fault.map_or(Ok(()), Err)?;
            for (sign, met, entry, half) in [(-1, met[0], &sides.0, &old), (1, met[1], &sides.1, &new)] {
                let (Some(entry), Some(half), false) = (entry, half, met || looks.empty.is_empty()) else { continue };
                if self.is_hollow(entry, half)? {
                    looks.empty.iter().for_each(|&rule| worker.measures.checked(rule, sign));
                    if sign > 0 {
                        suspects.push(HOLLOW);
                    }
                }
            }
            let bytes = old.map_or(0, |old| old.size).max(new.map_or(0, |new| new.size));
            self.progress.advance(1, bytes);
        }
        worker.hand_on(gatherings, 1)?;
        suspects.sort_unstable();
        suspects.dedup();
        let measures = std::mem::replace(&mut worker.measures, Measures::new(self.gate.rules().len()));
        Ok(Looked { sides, measures, suspects })
    }

    fn look_at(
        &self,
        worker: &mut Worker<'_>,
        looks: &Looks,
        seen: &Seen<'_>,
        half: &Half<'_>,
        suspects: &mut Vec<u64>,
        gatherings: &Gatherings,
    ) -> Result<()> {
        let raw = raw(&seen.text);
        let (new, sign) = if seen.side == Side::New { (true, 1) } else { (false, -1) };
        let Worker { judge, measures, keys } = worker;
        let mut suspect = false;
        let mut most = 0;
        self.shown(seen, half, new && !looks.records.is_empty(), &mut |record| {
            judge.record(looks, record, new, measures, sign, &mut |told| match told {
                Told::Finding { .. } => suspect = true,
                Told::Key { rule, key, split } => {
                    keys[rule].push(KeyTold { key, raw, split: split as u8, sign: sign as i8 });
                    most = most.max(keys[rule].len());
                }
            });
        })?;
        if suspect {
            suspects.push(raw);
        }
        if most >= HELD { worker.hand_on(gatherings, HELD) } else { Ok(()) }
    }

    /// Whether a file whose records are not the file itself has none. Where they were not counted it is read: what the
    /// sides share was not met.
    fn is_hollow(&self, entry: &Entry, half: &Half<'_>) -> Result<bool> {
        if half.reading.format == Format::Whole {
            return Ok(false);
        }
        if let Some(samples) = entry.samples {
            return Ok(samples.count == 0);
        }
        let mut none = true;
        visit(&self.rules, None, Some(half), false, &mut |_| none = false)?;
        Ok(none)
    }

    /// Shows a record as rules see it. What the file itself holds is read only if it has to be.
    pub(super) fn shown(&self, seen: &Seen<'_>, half: &Half<'_>, read: bool, show: &mut dyn FnMut(&Record<'_>)) -> Result<()> {
        let text;
        let message;
        let body = match &seen.text {
            Text::Json(bytes) => Body::Json(bytes),
            Text::Fields { row, delimiter, names, wrong } => Body::Fields { row, delimiter: *delimiter, names, wrong: *wrong },
            Text::Row(row) => Body::Row(row),
            Text::File { broken: Some((_, why)), .. } => Body::Broken(why),
            Text::File { content, .. } if !read => Body::Opaque(content),
            Text::File { content, .. } => {
                if half.size > MAX_TEXT {
                    message = format!("the file is longer than {} MiB, too long for one text", MAX_TEXT >> 20);
                    Body::Broken(&message)
                } else {
                    text = half.read()?;
                    if is_text(half.path, &text) { Body::Text(&text) } else { Body::Opaque(content) }
                }
            }
        };
        let line = match &seen.text {
            Text::File { broken: Some((line, _)), .. } => *line,
            Text::File { .. } => 1,
            _ => seen.line,
        };
        show(&Record { line, body });
        Ok(())
    }
}

impl Worker<'_> {
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

/// Whether a file that is its own sample is text: by the ending of its name, or since no zero byte stands at its start.
fn is_text(path: &str, bytes: &[u8]) -> bool {
    const ENDINGS: [&str; 9] = [".txt", ".md", ".rst", ".html", ".htm", ".xml", ".tex", ".yaml", ".yml"];
    let name = path.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending)) || !bytes.iter().take(PROBE).any(|&byte| byte == 0)
}
