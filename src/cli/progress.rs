//! The progress of long work on a terminal: stage, bytes, files, rate, time left.
//!
//! It appears on stderr, only if that is a terminal, and only once the work has taken half a second.

use std::fmt;
use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use helox::{Progress, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::format::{count, duration, size, thousands};
use super::interrupt::{self, ListenerGuard};

/// Work shorter than this shows nothing.
const PATIENCE: Duration = Duration::from_millis(500);
/// The time after which the line is drawn again while the work reports nothing.
const REDRAW: Duration = Duration::from_millis(100);
/// The line when the bytes ahead are known, and when not.
const WITH_TOTAL: &str = "{msg} [{bar:12}] {done} of {total}, {files}, {rate}/s, {eta} left";
const WITHOUT_TOTAL: &str = "{msg} {done}, {files}, {rate}/s";

/// One line of progress, for as long as it lives.
pub(crate) struct ProgressBars {
    is_wanted: bool,
    line: Option<ProgressLine>,
    _listening: ListenerGuard,
}

struct ProgressLine {
    bar: ProgressBar,
    files: Arc<FileTotal>,
    begun: Instant,
    shown: AtomicBool,
    has_total: AtomicBool,
}

/// The number of files that are done, and the total; zero if that is not known.
#[derive(Default)]
struct FileTotal {
    done: AtomicU64,
    total: AtomicU64,
}

impl ProgressBars {
    /// Begins work; it stays invisible unless `wanted` and stderr is a terminal.
    pub(crate) fn new(wanted: bool) -> ProgressBars {
        let line = (wanted && stderr().is_terminal()).then(|| ProgressLine {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            files: Arc::default(),
            begun: Instant::now(),
            shown: AtomicBool::new(false),
            has_total: AtomicBool::new(false),
        });
        ProgressBars { is_wanted: wanted, line, _listening: ListenerGuard::listening() }
    }
}

impl ProgressBars {
    /// Takes the line off the terminal for good, before something else is printed.
    pub(crate) fn hide(&self) {
        if let Some(line) = &self.line {
            line.shown.store(true, Relaxed);
            line.bar.finish_and_clear();
            line.bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.bar.finish_and_clear();
        }
    }
}

impl ProgressLine {
    fn show_when_due(&self) {
        if !self.shown.load(Relaxed) && self.begun.elapsed() >= PATIENCE && !self.shown.swap(true, Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(REDRAW);
        }
    }

    fn style(&self, has_total: bool) {
        self.has_total.store(has_total, Relaxed);
        let files = Arc::clone(&self.files);
        let template = if has_total { WITH_TOTAL } else { WITHOUT_TOTAL };
        if let Ok(style) = ProgressStyle::with_template(template) {
            let style = style
                .with_key("files", told(move |_| files.to_string()))
                .with_key("done", told(|state| size(state.pos())))
                .with_key("total", told(|state| size(state.len().unwrap_or(0))))
                .with_key("rate", told(|state| size(state.per_sec() as u64)));
            self.bar.set_style(style.progress_chars("=> "));
        }
    }
}

/// Writes a part of the line.
fn told<F>(tell: F) -> impl Fn(&ProgressState, &mut dyn fmt::Write) + Clone
where
    F: Fn(&ProgressState) -> String + Clone,
{
    move |state, out| {
        // If the terminal fails, the line is lost, not the work.
        let _ = out.write_str(&tell(state));
    }
}

impl fmt::Display for FileTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, total) = (self.done.load(Relaxed), self.total.load(Relaxed));
        match total {
            0 => f.write_str(&count(done, "file")),
            _ => write!(f, "{} of {}", thousands(done), count(total, "file")),
        }
    }
}

impl Progress for ProgressBars {
    fn begin(&self, stage: Stage, files: u64, bytes: u64) {
        let Some(line) = &self.line else { return };
        line.files.done.store(0, Relaxed);
        line.files.total.store(files, Relaxed);
        line.bar.set_position(0);
        line.bar.set_length(bytes);
        line.style(bytes > 0);
        line.bar.set_message(name(stage));
        line.bar.reset_eta();
        line.show_when_due();
    }

    fn expect(&self, files: u64, bytes: u64) {
        let Some(line) = &self.line else { return };
        line.files.total.fetch_add(files, Relaxed);
        line.bar.inc_length(bytes);
        if bytes > 0 && !line.has_total.swap(true, Relaxed) {
            line.style(true);
        }
        line.show_when_due();
    }

    fn estimate(&self, packs: u64, bytes: u64, time: Duration) {
        if !self.is_wanted || packs == 0 {
            return;
        }
        let time = duration(time.as_secs_f64().ceil() as u64);
        let text = format!("recompressing {}, {}, takes about {time}\n", count(packs, "pack"), size(bytes));
        // If the terminal fails, the line is lost, not the work.
        let print = || drop(stderr().lock().write_all(text.as_bytes()));
        match &self.line {
            Some(line) => line.bar.suspend(print),
            None => print(),
        }
    }

    fn advance(&self, files: u64, bytes: u64) {
        let Some(line) = &self.line else { return };
        line.files.done.fetch_add(files, Relaxed);
        line.bar.inc(bytes);
        line.show_when_due();
    }

    fn is_watched(&self) -> bool {
        self.line.is_some()
    }

    fn cancelled(&self) -> bool {
        interrupt::is_interrupted()
    }
}

fn name(stage: Stage) -> &'static str {
    match stage {
        Stage::Scan => "scanning",
        Stage::Store => "storing",
        Stage::Validate => "validating",
        Stage::Write => "writing",
        Stage::Verify => "verifying",
        Stage::Rebuild => "rebuilding",
        Stage::Mark => "marking",
        Stage::Rewrite => "rewriting",
        _ => "working",
    }
}
