//! The totals that long work tells whoever watches it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use super::*;
use crate::ops::{validate, verify};
use crate::progress::{Progress, Stage};

/// Files and bytes.
type Amount = (u64, u64);

/// Waits for a total before the work goes on, and keeps what it is told of each stage: the total and what was done.
#[derive(Default)]
struct Watcher {
    stages: Mutex<Vec<(Stage, Amount, Amount)>>,
    waits: AtomicU64,
}

impl Watcher {
    fn add(&self, of: impl FnOnce(&mut (Stage, Amount, Amount)) -> &mut Amount, files: u64, bytes: u64) {
        if let Some(stage) = self.stages.lock().unwrap().last_mut() {
            let amount = of(stage);
            *amount = (amount.0 + files, amount.1 + bytes);
        }
    }

    /// The total of a stage, which must be what was done in the end.
    fn total(&self, wanted: Stage) -> Amount {
        let stages = self.stages.lock().unwrap();
        let (_, total, done) = *stages.iter().rev().find(|(stage, ..)| *stage == wanted).unwrap();
        assert_eq!(total, done, "{stages:?}");
        total
    }
}

impl Progress for Watcher {
    fn begin(&self, stage: Stage, files: u64, bytes: u64) {
        self.stages.lock().unwrap().push((stage, (files, bytes), (0, 0)));
    }

    fn expect(&self, files: u64, bytes: u64) {
        self.add(|(_, total, _)| total, files, bytes);
    }

    fn advance(&self, files: u64, bytes: u64) {
        self.add(|(_, _, done)| done, files, bytes);
    }

    fn is_watched(&self) -> bool {
        true
    }

    fn cancelled(&self) -> bool {
        let began = Instant::now();
        let is_blind = || matches!(self.stages.lock().unwrap().last(), Some((Stage::Store, (0, _), _)));
        while is_blind() && self.waits.load(SeqCst) == 0 && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.waits.fetch_add(1, SeqCst);
        false
    }
}

#[test]
fn the_total_of_long_work_is_known_before_it_is_done() {
    let bench = gate::gated(&["kind = 'parse'"]);
    bench.write("large.jsonl", "{\"id\":1}\n".repeat(400_000));
    (0..300).for_each(|n| bench.write(&format!("many/{n}.json"), format!("{{\"id\":{n}}}")));
    let bytes = 9 * 400_000 + (0..300).map(|n| format!("{{\"id\":{n}}}").len() as u64).sum::<u64>();
    let all = (301, bytes);
    // Stamps as young as the commit would not be trusted by the next.
    std::thread::sleep(Duration::from_millis(60));

    let watcher = Watcher::default();
    let options = commit_options();
    commit::run(&bench.repo(), &options, &watcher).unwrap();
    assert_eq!(watcher.total(Stage::Store), all);
    assert_eq!(watcher.total(Stage::Validate), all);

    let watcher = Watcher::default();
    bench.write("many/7.json", "{\"id\":\"new\"}");
    commit::run(&bench.repo(), &options, &watcher).unwrap();
    assert_eq!(watcher.total(Stage::Store), (1, 12), "of files that are known nothing is read");

    for selected in [false, true] {
        let (watcher, into) = (Watcher::default(), tempfile::tempdir().unwrap());
        let include = if selected { vec!["many/**".to_owned()] } else { Vec::new() };
        let into = Some(into.path().join("copy"));
        let options =
            checkout::CheckoutOptions { revision: "ds@1.0.0".into(), into, include, ..checkout::CheckoutOptions::default() };
        checkout::run(&bench.repo(), &options, &watcher).unwrap();
        assert_eq!(watcher.total(Stage::Write), if selected { (300, bytes - 3_600_000) } else { all });
    }

    let watcher = Watcher::default();
    fs::remove_file(bench.path.join("large.jsonl")).unwrap();
    let options = checkout::CheckoutOptions { revision: "ds@1.0.0".into(), force: true, ..checkout::CheckoutOptions::default() };
    checkout::run(&bench.repo(), &options, &watcher).unwrap();
    assert_eq!(watcher.total(Stage::Write), (2, 3_600_000 + 8), "of what is there already nothing is written");

    let watcher = Watcher::default();
    verify::run(&bench.repo(), &verify::VerifyOptions { targets: vec!["ds@1.0.0".into()], all: false }, &watcher).unwrap();
    assert_eq!(watcher.total(Stage::Verify), all);

    fs::remove_dir_all(bench.path.join(".helox/gate")).unwrap();
    let watcher = Watcher::default();
    validate::run(
        &bench.repo(),
        &validate::ValidateOptions { revision: Some("ds@1.0.0".into()), ..Default::default() },
        &watcher,
    )
    .unwrap();
    assert_eq!(watcher.total(Stage::Validate), all);
}
