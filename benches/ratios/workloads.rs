//! Makes the workloads of `ratios.py`: the same bytes from the same seed on any machine.
//!
//! ```text
//! workloads OUT W1|W2|W3|W4 [SCALE]       OUT/W*/: v1 (whole), v2 (what it changes or adds), v2.deleted, stats.json
//! workloads edit OLD NEW EDITED SEED      NEW is OLD with 1% of its records edited; EDITED holds these alone
//! ```
//!
//! W1: 2 GiB of JSONL in 8 files; v2 has 1% of the records edited, 2% inserted, 3% appended. W2: 100,000 text files of
//! 0.5 to 8 KiB in 200 folders; 1% rewritten, 1% added, 0.5% removed. W3: 24 files of 64 MiB that do not compress; 8 MiB
//! appended to one, 1 MiB inserted in another. W4: a million text files of 100 to 300 bytes in 1,000 folders.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::{env, thread};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    /// Dice of their own for each thing that is made: nothing depends on the order of making.
    fn of(parts: [u64; 3]) -> Self {
        parts.iter().fold(Self(0x68_6c_78), |mut dice, part| Self(dice.roll() ^ part))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.roll()) * n as u128) >> 64) as usize
    }

    fn permille(&mut self, n: usize) -> bool {
        self.below(1_000) < n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn noise(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| self.roll().to_le_bytes()).collect();
        bytes.truncate(len);
        bytes
    }
}

/// Things of which the n-th is taken about 1/n as often as the first.
struct Ranked {
    things: Vec<String>,
    slots: Vec<u32>,
}

impl Ranked {
    fn new(things: Vec<String>) -> Self {
        let all: u64 = (1..=things.len() as u64).map(|n| (1 << 32) / n).sum();
        let slots = (1..=things.len() as u64).flat_map(|n| {
            let share = ((1 << 32) / n * (1 << 18)).div_ceil(all);
            std::iter::repeat_n(n as u32 - 1, share as usize)
        });
        Self { slots: slots.collect(), things }
    }

    fn take(&self, dice: &mut Dice) -> &str {
        &self.things[self.slots[dice.below(self.slots.len())] as usize]
    }
}

/// Text like that of contracts: words often or seldom, phrases that come again, amounts and dates.
struct Language {
    words: Ranked,
    phrases: Ranked,
}

const COMMON: &str = "the of and to in or shall any such by this be tenant landlord premises lease for with as party \
    rent not term agreement that may at is all from under other notice which if payment property no its without section \
    provided building obligations default period than prior each time consent amount security deposit insurance law";

impl Language {
    fn new() -> Self {
        let mut dice = Dice::of([0, 0, 0]);
        let mut words: Vec<String> = COMMON.split_whitespace().map(String::from).collect();
        while words.len() < 20_000 {
            let mut word = String::new();
            for _ in 0..=dice.below(3) {
                word += dice
                    .one(&["b", "br", "c", "ch", "d", "f", "g", "h", "j", "l", "m", "n", "p", "qu", "r", "s", "sp", "t", "w"]);
                word += dice.one(&["a", "e", "i", "o", "u", "ai", "ee", "ou"]);
                word += dice.one(&["", "", "n", "r", "st", "l", "ck", "ment", "ing"]);
            }
            words.push(word);
        }
        let words = Ranked::new(words);
        let phrase = |dice: &mut Dice| (0..4 + dice.below(12)).map(|_| words.take(dice)).collect::<Vec<_>>().join(" ");
        let phrases = Ranked::new((0..5_000).map(|_| phrase(&mut dice)).collect());
        Self { words, phrases }
    }

    /// Adds `len` bytes of text.
    fn write(&self, dice: &mut Dice, len: usize, out: &mut String) {
        let end = out.len() + len;
        while out.len() < end {
            for _ in 0..8 + dice.below(20) {
                match dice.below(100) {
                    0 => write!(out, "${},{:03}.00", dice.below(900), dice.below(1_000)),
                    1 => write!(out, "{}-{:02}-{:02}", 1990 + dice.below(36), 1 + dice.below(12), 1 + dice.below(28)),
                    2..10 => write!(out, "{}", self.phrases.take(dice)),
                    _ => write!(out, "{}", self.words.take(dice)),
                }
                .expect("a string takes all");
                out.push(' ');
            }
            out.truncate(out.len() - 1);
            out.push_str(". ");
        }
        out.truncate(end);
    }

    fn record(&self, seed: [u64; 3]) -> String {
        const LABELS: [&str; 8] = ["rent", "term", "renewal", "insurance", "default", "notice", "taxes", "repairs"];
        let mut dice = Dice::of(seed);
        let kind = dice.one(&["lease", "sublease", "purchase", "loan", "services"]);
        let mut out = format!("{{\"id\":\"{kind}-{:016x}\",\"doc_type\":\"{kind}\",\"text\":\"", dice.roll());
        let len = 300 + dice.below(2_700);
        self.write(&mut dice, len, &mut out);
        let labels = (dice.one(&LABELS), dice.one(&LABELS));
        write!(out, "\",\"labels\":[\"{}\",\"{}\"],\"spans\":[", labels.0, labels.1).expect("a string takes all");
        let spans: Vec<String> = (0..1 + dice.below(4)).map(|_| self.span(&mut dice, len, &LABELS)).collect();
        out + &spans.join(",")
            + &format!("],\"source\":{{\"state\":\"US-{:02}\",\"year\":{}}}}}\n", dice.below(50), 1990 + dice.below(36))
    }

    fn span(&self, dice: &mut Dice, len: usize, labels: &[&str]) -> String {
        let (start, long, label) = (dice.below(len), 5 + dice.below(90), dice.one(labels));
        let (who, score) = (dice.below(9), dice.below(1_000));
        format!("{{\"start\":{start},\"end\":{},\"label\":\"{label}\",\"by\":\"a{who}\",\"score\":0.{score:03}}}", start + long)
    }

    /// Puts other words in place of 15 to 75 bytes of the record's text. The text has no quotes and is ASCII.
    fn edit(&self, dice: &mut Dice, record: &str) -> String {
        let text = record.find("\"text\":\"").map_or(0, |at| at + 8);
        let len = record[text..].find('"').unwrap_or(0);
        let from = text + dice.below((len * 2 / 3).max(1));
        let to = (from + 15 + dice.below(60)).min(text + len).max(from);
        let mut new = String::new();
        let len = 15 + dice.below(60);
        self.write(dice, len, &mut new);
        [&record[..from], &new, &record[to..]].concat()
    }
}

fn create(path: impl AsRef<Path>) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(path)?))
}

/// Bytes and files of both versions.
#[derive(Default)]
struct Totals {
    v1: usize,
    v2: usize,
    new: usize,
    files: [usize; 2],
}

impl Totals {
    /// Counts and writes what stands in v2 and nowhere in v1.
    fn put_new(&mut self, out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        self.new += bytes.len();
        self.v2 += bytes.len();
        out.write_all(bytes)
    }
}

fn contracts(dir: &Path, language: &Language, file: u64, size: usize) -> io::Result<Totals> {
    let name = format!("contracts-{file:02}.jsonl");
    let (mut v1, mut v2) = (create(dir.join("v1").join(&name))?, create(dir.join("v2").join(&name))?);
    let (mut dice, mut t, mut records) = (Dice::of([1, file, 0]), Totals::default(), 0);
    while t.v1 < size {
        let record = language.record([2, file, records]);
        v1.write_all(record.as_bytes())?;
        t.v1 += record.len();
        if dice.permille(20) {
            t.put_new(&mut v2, language.record([3, file, records]).as_bytes())?;
        }
        if dice.permille(10) {
            t.put_new(&mut v2, language.edit(&mut dice, &record).as_bytes())?;
        } else {
            v2.write_all(record.as_bytes())?;
            t.v2 += record.len();
        }
        records += 1;
    }
    for n in 0..records * 3 / 100 {
        t.put_new(&mut v2, language.record([4, file, n]).as_bytes())?;
    }
    v1.flush()?;
    v2.flush()?;
    Ok(t)
}

fn jsonl(dir: &Path, scale: f64) -> io::Result<Totals> {
    let (language, size) = (Language::new(), ((256 << 20) as f64 * scale) as usize);
    let made =
        |first: u64| (first..8).step_by(2).map(|file| contracts(dir, &language, file, size)).collect::<io::Result<Vec<_>>>();
    let both = thread::scope(|s| [s.spawn(|| made(0)), s.spawn(|| made(1))].map(|half| half.join().expect("no panic")));
    let mut all = Totals { files: [8, 8], ..Totals::default() };
    for half in both {
        for t in half? {
            (all.v1, all.v2, all.new) = (all.v1 + t.v1, all.v2 + t.v2, all.new + t.new);
        }
    }
    Ok(all)
}

/// Many files of `sizes` bytes; of each 100,000, v2 rewrites and adds `per` and removes half as many.
fn small(dir: &Path, files: usize, folders: usize, sizes: [usize; 2], per: usize) -> io::Result<Totals> {
    let language = Language::new();
    let text = |seed: [u64; 3]| {
        let (mut dice, mut text) = (Dice::of(seed), String::new());
        let len = sizes[0] + dice.below(sizes[1] - sizes[0]);
        language.write(&mut dice, len - 1, &mut text);
        text + "\n"
    };
    for folder in (0..folders).flat_map(|n| ["v1", "v2"].map(|v| dir.join(v).join(format!("d{n:04}")))) {
        fs::create_dir_all(folder)?;
    }
    let mut deleted = create(dir.join("v2.deleted"))?;
    let (mut dice, mut t) = (Dice::of([5, files as u64, 0]), Totals { files: [files, 0], ..Totals::default() });
    for n in 0..files {
        let folder = format!("d{:04}", n % folders);
        let (old, added) = (format!("{folder}/doc_{n:07}.txt"), format!("{folder}/new_{n:07}.txt"));
        let first = text([6, n as u64, 0]);
        fs::write(dir.join("v1").join(&old), &first)?;
        t.v1 += first.len();
        match dice.below(200_000) {
            roll if roll < 2 * per => {
                t.put_new(&mut File::create(dir.join("v2").join(&old))?, text([6, n as u64, 1]).as_bytes())?;
                t.files[1] += 1;
            }
            roll if roll < 3 * per => writeln!(deleted, "{old}")?,
            _ => {
                t.v2 += first.len();
                t.files[1] += 1;
            }
        }
        if dice.below(100_000) < per {
            t.put_new(&mut File::create(dir.join("v2").join(&added))?, text([6, n as u64, 2]).as_bytes())?;
            t.files[1] += 1;
        }
    }
    deleted.flush()?;
    Ok(t)
}

fn noise(dir: &Path, scale: f64) -> io::Result<Totals> {
    let mib = ((1 << 20) as f64 * scale) as usize;
    let mut t = Totals { files: [24, 24], ..Totals::default() };
    for file in 0..24 {
        let name = format!("shard-{file:02}.bin");
        let bytes = Dice::of([7, file, 0]).noise(64 * mib);
        fs::write(dir.join("v1").join(&name), &bytes)?;
        t.v1 += bytes.len();
        t.v2 += bytes.len();
        let (at, more) = match file {
            5 => (bytes.len(), 8 * mib),
            11 => (bytes.len() / 2, mib),
            _ => continue,
        };
        let mut v2 = create(dir.join("v2").join(&name))?;
        v2.write_all(&bytes[..at])?;
        t.put_new(&mut v2, &Dice::of([7, file, 1]).noise(more))?;
        v2.write_all(&bytes[at..])?;
        v2.flush()?;
    }
    Ok(t)
}

fn edit(old: &str, new: &str, edited: &str, seed: u64) -> io::Result<()> {
    let (language, mut dice) = (Language::new(), Dice::of([8, seed, 0]));
    let mut old = BufReader::with_capacity(1 << 20, File::open(old)?);
    let (mut new, mut edited, mut record) = (create(new)?, create(edited)?, String::new());
    while old.read_line(&mut record)? > 0 {
        if dice.permille(10) {
            record = language.edit(&mut dice, &record);
            edited.write_all(record.as_bytes())?;
        }
        new.write_all(record.as_bytes())?;
        record.clear();
    }
    new.flush()?;
    edited.flush()
}

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (out, workload, scale) = match words[..] {
        ["edit", old, new, edited, seed] => return edit(old, new, edited, seed.parse().map_err(io::Error::other)?),
        [out, workload] => (out, workload, 1.0),
        [out, workload, scale] => (out, workload, scale.parse::<f64>().map_err(io::Error::other)?),
        _ => return Err(io::Error::other("usage: workloads OUT W1|W2|W3|W4 [SCALE]; workloads edit OLD NEW EDITED SEED")),
    };
    let dir = &Path::new(out).join(workload);
    fs::create_dir_all(dir.join("v1"))?;
    fs::create_dir_all(dir.join("v2"))?;
    let files = |n: f64| (n * scale) as usize;
    let t = match workload {
        "W1" => jsonl(dir, scale)?,
        "W2" => small(dir, files(1e5), 200, [512, 8_192], 1_000)?,
        "W3" => noise(dir, scale)?,
        "W4" => small(dir, files(1e6), 1_000, [100, 300], 100)?,
        _ => return Err(io::Error::other(format!("no workload '{workload}'"))),
    };
    // Written last: a folder that has it is whole.
    let [f1, f2] = t.files;
    let stats =
        format!("{{\"v1_bytes\":{},\"v2_bytes\":{},\"new_bytes\":{},\"v1_files\":{f1},\"v2_files\":{f2}}}\n", t.v1, t.v2, t.new);
    fs::write(dir.join("stats.json"), stats)
}
