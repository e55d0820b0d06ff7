//! Finds the files of a dataset in the order of their paths.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ffi::CString;
use std::io::Read;

use crossbeam_channel::{Receiver, bounded};
use rayon::prelude::*;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::openat::{FileKind, Root, Stat};
use crate::limits;
use crate::path::{DataPath, STAMP, printable};
use crate::worktree::ignore::{FILE, IgnoreRules, printable_bytes, text_of};

/// Folders that are never part of a dataset, at any depth.
const EXCLUDED_FOLDERS: [&str; 2] = [".helox", ".git"];
/// Files of a repository itself, which are no part of a dataset that is the whole folder.
const REPOSITORY_FILES: [&str; 2] = ["helox.toml", "helox.lock"];
/// Problems that one error names.
const MAX_NAMED: usize = 20;

/// A file, a symlink or an empty folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WalkEntry {
    pub path: DataPath,
    pub stat: Stat,
}

/// The files of a folder that may belong to the dataset.
#[derive(Debug, Default)]
struct FolderListing {
    children: Vec<(String, Stat)>,
    rules: Option<Vec<u8>>,
    /// Names that are not UTF-8, as text for the rules, and whether each is a folder.
    odd: Vec<(String, bool)>,
    is_repository: bool,
}

/// Something to come, in order. A folder comes twice: where its own path stands, which is where it goes if it is empty,
/// and where the paths below it stand, which is later if a sibling's name continues its own with a lesser character than
/// a slash.
#[derive(Debug)]
enum WalkStep {
    File(String, Stat),
    Peek(String, Stat),
    Enter(String),
}

impl WalkStep {
    /// Returns the path that orders it, and what ends that.
    fn place(&self) -> (&[u8], Option<u8>) {
        match self {
            WalkStep::File(path, _) | WalkStep::Peek(path, _) => (path.as_bytes(), None),
            WalkStep::Enter(path) => (path.as_bytes(), Some(b'/')),
        }
    }

    fn order(&self, other: &WalkStep) -> Ordering {
        let ((a, end_a), (b, end_b)) = (self.place(), other.place());
        let both = a.len().min(b.len());
        let rest = |path: &'_ [u8], end| path[both..].iter().copied().chain(end).collect::<Vec<_>>();
        a[..both].cmp(&b[..both]).then_with(|| rest(a, end_a).cmp(&rest(b, end_b)))
    }
}

#[derive(Debug)]
struct WalkFrame {
    steps: VecDeque<WalkStep>,
    /// Of the steps, so many were looked at for what to read ahead.
    looked: usize,
    /// Listings of folders that were peeked into and not entered yet.
    peeked: Vec<(String, FolderListing)>,
    ahead: VecDeque<ReadAhead>,
    has_rules: bool,
}

/// A listing that another thread is reading.
#[derive(Debug)]
struct ReadAhead {
    path: String,
    /// The length of the folder, in bytes, which grows with the names in it.
    size: u64,
    listing: Receiver<Result<FolderListing>>,
}

impl WalkFrame {
    fn step(&mut self) -> Option<WalkStep> {
        self.looked = self.looked.saturating_sub(1);
        self.steps.pop_front()
    }

    /// Has the folders that come next read by other threads.
    fn read_ahead(&mut self, root: &Root) {
        let mut bytes: u64 = self.ahead.iter().map(|ahead| ahead.size).sum();
        while let Some(step) = self.steps.get(self.looked).filter(|_| self.ahead.len() < MAX_AHEAD && bytes < AHEAD_BYTES) {
            self.looked += 1;
            let WalkStep::Peek(path, stat) = step else { continue };
            let (tell, listing) = bounded(1);
            self.ahead.push_back(ReadAhead { path: path.clone(), size: stat.size, listing });
            bytes += stat.size;
            let (root, path) = (root.clone(), path.clone());
            rayon::spawn(move || {
                // Nobody listens any more once the walk has ended.
                let _ = tell.send(list(&root, &path));
            });
        }
    }
}

/// The files below a folder, in the order of the bytes of their paths. Memory: a listing a level, and some ahead.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    root: &'a Root,
    rules: IgnoreRules,
    frames: Vec<WalkFrame>,
    problems: Vec<String>,
    count: usize,
    /// True if what cannot be stored is passed over.
    is_tolerant: bool,
    done: bool,
}

impl<'a> Walk<'a> {
    pub fn new(root: &'a Root) -> Result<Walk<'a>> {
        let (rules, frames, problems) = (IgnoreRules::default(), Vec::new(), Vec::new());
        let mut walk = Walk { root, rules, frames, problems, count: 0, is_tolerant: false, done: false };
        let mut listing = list(root, "")?;
        if listing.is_repository {
            listing.children.retain(|(name, _)| !REPOSITORY_FILES.contains(&name.as_str()));
        }
        listing.children.retain(|(name, _)| name != STAMP);
        walk.enter(String::new(), listing)?;
        Ok(walk)
    }

    /// Passes over what cannot be stored.
    pub fn tolerant(self) -> Walk<'a> {
        Walk { is_tolerant: true, ..self }
    }

    fn enter(&mut self, folder: String, mut listing: FolderListing) -> Result<()> {
        let has_rules = listing.rules.is_some();
        if let Some(bytes) = listing.rules.take() {
            let shown = self.root.path().join(&folder).join(FILE);
            self.rules.push(&folder, &bytes, &shown)?;
        }
        let steps = self.steps(&folder, listing);
        self.frames.push(WalkFrame { steps, looked: 0, peeked: Vec::new(), ahead: VecDeque::new(), has_rules });
        Ok(())
    }

    /// Returns the files of a folder that are not ignored, in the order of the paths.
    fn steps(&mut self, folder: &str, listing: FolderListing) -> VecDeque<WalkStep> {
        for (name, is_folder) in listing.odd {
            let path = join(folder, &name);
            if !self.rules.is_ignored(&path, is_folder) {
                self.problem(format!("{}: the name is not UTF-8", printable_bytes(&path)));
            }
        }
        let mut steps = Vec::with_capacity(listing.children.len());
        for (name, stat) in listing.children {
            let path = join(folder, &name);
            let is_folder = stat.kind == FileKind::Folder;
            if self.rules.is_ignored(&path, is_folder) {
                continue;
            }
            if let FileKind::Special(what) = stat.kind {
                self.problem(format!("{} is {what}", printable(&path)));
            } else if stat.size > limits::FILE && !is_folder {
                self.problem(format!("{} is longer than 16 TiB", printable(&path)));
            } else if is_folder {
                steps.push(WalkStep::Peek(path.clone(), stat));
                steps.push(WalkStep::Enter(path));
            } else {
                steps.push(WalkStep::File(path, stat));
            }
        }
        steps.par_sort_unstable_by(WalkStep::order);
        steps.into()
    }

    fn problem(&mut self, text: String) {
        self.count += 1;
        if self.problems.len() < MAX_NAMED {
            self.problems.push(text);
        }
    }

    /// Returns the listing of a folder; those that come next are read meanwhile.
    fn listing(&mut self, path: &str) -> Result<FolderListing> {
        let Some(frame) = self.frames.last_mut() else { return list(self.root, path) };
        frame.read_ahead(self.root);
        let ready = frame.ahead.front().is_some_and(|ahead| ahead.path == path).then(|| frame.ahead.pop_front()).flatten();
        match ready.and_then(|ahead| ahead.listing.recv().ok()) {
            Some(listing) => listing,
            None => list(self.root, path),
        }
    }

    fn step(&mut self) -> Result<Option<WalkEntry>> {
        loop {
            let Some(frame) = self.frames.last_mut() else { return Ok(None) };
            match frame.step() {
                None => {
                    if frame.has_rules {
                        self.rules.pop();
                    }
                    self.frames.pop();
                }
                Some(WalkStep::File(path, stat)) => match DataPath::new(path.as_str()) {
                    Ok(path) => return Ok(Some(WalkEntry { path, stat })),
                    Err(why) => self.problem(format!("{}: {why}", printable(&path))),
                },
                Some(WalkStep::Peek(path, stat)) => {
                    let checked = match DataPath::new(path.as_str()) {
                        Ok(checked) => checked,
                        Err(why) => {
                            self.problem(format!("{}: {why}", printable(&path)));
                            continue;
                        }
                    };
                    let listing = self.listing(&path)?;
                    if self.is_empty(&path, &listing)? {
                        return Ok(Some(WalkEntry { path: checked, stat }));
                    }
                    if let Some(frame) = self.frames.last_mut() {
                        frame.peeked.push((path, listing));
                    }
                }
                Some(WalkStep::Enter(path)) => {
                    let at = frame.peeked.iter().position(|(p, _)| *p == path);
                    // A folder that is empty, or that was refused, was not kept.
                    if let Some(at) = at {
                        let (path, listing) = frame.peeked.swap_remove(at);
                        self.enter(path, listing)?;
                    }
                }
            }
        }
    }

    /// Returns true if nothing in a folder belongs to the dataset.
    fn is_empty(&mut self, folder: &str, listing: &FolderListing) -> Result<bool> {
        if listing.children.is_empty() && listing.odd.is_empty() {
            return Ok(true);
        }
        if let Some(bytes) = &listing.rules {
            let shown = self.root.path().join(folder).join(FILE);
            self.rules.push(folder, bytes, &shown)?;
        }
        let hidden = listing.odd.iter().all(|(name, is_folder)| self.rules.is_ignored(&join(folder, name), *is_folder))
            && listing
                .children
                .iter()
                .all(|(name, stat)| self.rules.is_ignored(&join(folder, name), stat.kind == FileKind::Folder));
        if listing.rules.is_some() {
            self.rules.pop();
        }
        Ok(hidden)
    }

    /// Returns the error that names everything that cannot be stored, if there is any.
    fn refusal(&mut self) -> Option<Error> {
        if self.count == 0 || self.is_tolerant {
            return None;
        }
        let mut text =
            format!("{} cannot be stored:", if self.count == 1 { "something".into() } else { format!("{} things", self.count) });
        self.problems.iter().for_each(|p| text += &format!("\n  {p}"));
        if self.count > self.problems.len() {
            text += &format!("\n  and {} more", self.count - self.problems.len());
        }
        self.count = 0;
        Some(Error::new(ErrorKind::UnsupportedInput, text).with_hint(format!("remove or rename them, or list them in {FILE}")))
    }
}

/// Names of which the stamps are read by all cores.
const PARALLEL_STATS: usize = 1 << 12;
/// Folders that are read ahead.
const MAX_AHEAD: usize = 32;
/// The lengths of folders that are read ahead.
const AHEAD_BYTES: u64 = 1 << 20;

impl Iterator for Walk<'_> {
    type Item = Result<WalkEntry>;

    fn next(&mut self) -> Option<Result<WalkEntry>> {
        if self.done {
            return None;
        }
        match self.step() {
            Ok(Some(found)) => Some(Ok(found)),
            Ok(None) => {
                self.done = true;
                self.refusal().map(Err)
            }
            Err(e) => {
                self.done = true;
                Some(Err(e))
            }
        }
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { [folder, "/", name].concat() }
}

fn list(root: &Root, path: &str) -> Result<FolderListing> {
    let fail = |e| root.error("cannot read the folder", path, e);
    let folder = root.folder(path).map_err(fail)?;
    let names = folder.names().map_err(fail)?;
    let mut listing = FolderListing::default();
    let (names, odd): (Vec<CString>, Vec<CString>) = names.into_iter().partition(|name| name.to_str().is_ok());
    for name in odd {
        let is_folder = folder.stat(&name).is_ok_and(|stat| stat.kind == FileKind::Folder);
        listing.odd.push((text_of(name.to_bytes()).into_owned(), is_folder));
    }
    let stat = |name: CString| {
        let stat = folder.stat(&name);
        (name, stat)
    };
    let stats: Vec<(CString, std::io::Result<Stat>)> = if names.len() > PARALLEL_STATS {
        names.into_par_iter().map(stat).collect()
    } else {
        names.into_iter().map(stat).collect()
    };
    for (name, stat) in stats {
        let name = name.into_string().unwrap_or_default();
        match stat {
            _ if EXCLUDED_FOLDERS.contains(&name.as_str()) => listing.is_repository |= name == EXCLUDED_FOLDERS[0],
            Ok(stat) => {
                if name == FILE && matches!(stat.kind, FileKind::File | FileKind::Executable) {
                    listing.rules = Some(read_rules(root, &join(path, FILE))?);
                }
                listing.children.push((name, stat));
            }
            // Gone since the folder was read.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(root.error("cannot read", &join(path, &name), e)),
        }
    }
    Ok(listing)
}

fn read_rules(root: &Root, path: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    root.cursor().open_file(path).and_then(|mut f| f.read_to_end(&mut bytes)).map_err(|e| root.error("cannot read", path, e))?;
    Ok(bytes)
}
