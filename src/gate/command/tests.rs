use std::cell::Cell;
use std::time::Instant;

use super::process::FINDINGS;
use std::path::Path;
use std::time::Duration;

use super::*;

/// What a script of the shell came to, what it found, and how long it took.
struct Ran {
    outcome: Result<std::result::Result<(), String>>,
    found: Vec<ProgramFinding>,
    took: Duration,
}

impl Ran {
    fn failed(self) -> String {
        assert!(self.took < Duration::from_secs(10), "{:?}", self.took);
        self.outcome.unwrap().unwrap_err()
    }

    fn went_well(self) -> Vec<ProgramFinding> {
        assert!(self.took < Duration::from_secs(10), "{:?}", self.took);
        self.outcome.unwrap().unwrap();
        self.found
    }
}

/// Runs a script over so many records of a kilobyte each.
fn run(script: &str, timeout: u64, records: usize) -> Ran {
    run_until(script, timeout, &|| false, &mut |input| {
        let line = format!("{{\"path\":\"a\",\"line\":1,\"record\":\"{}\"}}\n", "x".repeat(1000));
        (0..records)
            .try_for_each(|_| input.write_all(line.as_bytes()))
            .map_err(|e| Error::io("cannot write", Path::new("pipe"), e))
    })
}

fn run_until(
    script: &str,
    timeout: u64,
    stopped: &dyn Fn() -> bool,
    records: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
) -> Ran {
    let (folder, begun, mut found) = (tempfile::tempdir().unwrap(), Instant::now(), Vec::new());
    let words = ["sh", "-c", script].map(str::to_owned);
    let command = RuleProgram { run: &words, timeout: Duration::from_millis(timeout), folder: folder.path() };
    let outcome = command.run(records, stopped, &mut |said| found.push(said));
    Ran { outcome, found, took: begun.elapsed() }
}

const LONG: u64 = 60_000;

#[test]
fn findings_come_in_their_order() {
    let script = r#"cat > got; echo '{"path":"a.jsonl","line":7,"message":"one","more":[1]}'; echo; printf '{"message":"two"}'"#;
    let said =
        |path: &str, line, message: &str| ProgramFinding { path: path.to_owned(), line, number: 0, message: message.to_owned() };
    assert_eq!(run(script, LONG, 3).went_well(), [said("a.jsonl", 7, "one"), said("", 0, "two")]);
    assert_eq!(run("cat > /dev/null", LONG, 3).went_well(), []);
}

#[test]
fn it_reads_every_record_while_it_writes() {
    // Far more than the pipes hold, in both directions at once.
    let found = run(r#"sed 's/record/message/; s/x\{800\}//' | cat"#, LONG, 3000).went_well();
    assert_eq!(found.len(), 3000);
    assert!(found.iter().all(|f| f.path == "a" && f.message.len() == 200));
}

#[test]
fn it_is_started_in_its_folder_and_told_by_its_name() {
    let script = "printf '#!/bin/sh\\necho \"{\\\\\"message\\\\\":\\\\\"here\\\\\"}\"\\n' > own; chmod +x own; exec ./own";
    assert_eq!(run(script, LONG, 0).went_well()[0].message, "here");
    let words = ["./none".to_owned()];
    let command = |words| RuleProgram { run: words, timeout: Duration::from_secs(9), folder: Path::new("/") };
    let outcome = |words| command(words).run(&mut |_| Ok(()), &|| false, &mut |_| {}).unwrap().unwrap_err();
    assert_eq!(outcome(&words), "cannot start ./none: No such file or directory");
    assert_eq!(outcome(&[]), "has no program");
}

#[test]
fn one_that_hangs_is_stopped_after_its_time() {
    for script in ["sleep 100", "trap '' TERM INT; sleep 100; sleep 100", "exec >&- 2>&-; sleep 100", "sleep 100 & sleep 100"] {
        assert_eq!(run(script, 300, 0).failed(), "timed out after 0.3 s", "{script}");
        assert_eq!(run(script, 300, 10_000).failed(), "timed out after 0.3 s", "{script}");
    }
}

#[test]
fn one_that_writes_without_end_is_stopped() {
    assert_eq!(run("yes ''", 300, 10_000).failed(), "timed out after 0.3 s");
    assert_eq!(run("yes >&2", 300, 10_000).failed(), "timed out after 0.3 s");
    assert!(run("tr '\\0' x < /dev/zero", LONG, 10_000).failed().starts_with("printed a line of more than 64 KiB: xxx"));
    let ran = run(r#"yes '{"message":""}'"#, LONG, 0);
    assert_eq!(ran.found.len() as u64, FINDINGS);
    assert_eq!(ran.failed(), "was stopped after 1000000 findings");
}

#[test]
fn garbage_is_shown_in_part() {
    let said = run(r#"echo '{"message":"one"}'; printf 'Trace\033back \377'; cat"#, LONG, 5).failed();
    assert!(said.starts_with("printed an invalid finding: Trace back \u{FFFD}{\"path\"") && said.ends_with("xx…"), "{said}");
    assert!(said.chars().count() < 240, "{said}");
    for line in ["[]", r#"{"line":1}"#, r#"{"message":1}"#, r#"{"message":"","line":-1}"#] {
        assert_eq!(run(&format!("echo '{line}'"), LONG, 0).failed(), format!("printed an invalid finding: {line}"));
    }
}

#[test]
fn how_it_ended_is_told() {
    assert_eq!(run("kill -9 $$", LONG, 9).failed(), "was killed by signal 9");
    assert_eq!(run("exit 3", LONG, 9).failed(), "exited with status 3");
    let ran = run(r#"cat > /dev/null; echo '{"message":"one"}'; echo first >&2; echo 'no model' >&2; echo >&2; exit 3"#, LONG, 9);
    assert_eq!(ran.found.len(), 1);
    assert_eq!(ran.failed(), "exited with status 3: no model");
    assert_eq!(run("yes no | head -c 999999 >&2; echo last >&2; exit 1", LONG, 9).failed(), "exited with status 1: last");
}

#[test]
fn it_need_not_read() {
    assert_eq!(run("exit 0", LONG, 10_000).went_well(), []);
    assert_eq!(run("exec <&-; sleep 0.1; echo '{\"message\":\"x\"}'", LONG, 10_000).went_well().len(), 1);
    assert_eq!(run("head -n 1 > /dev/null; exit 4", LONG, 10_000).failed(), "exited with status 4");
}

#[test]
fn what_it_leaves_behind_holds_nothing_up() {
    let script = r#"sleep 100 & echo $! > pid; echo '{"message":"one"}'; exit 0"#;
    assert_eq!(run(script, LONG, 10_000).went_well().len(), 1);
    assert_eq!(run("yes '' & exit 0", LONG, 10).went_well(), []);
    // The group is killed: a name that the background would remove stays.
    let folder = tempfile::tempdir().unwrap();
    let words = ["sh", "-c", "touch there; (sleep 0.3; rm there) & exit 0"].map(str::to_owned);
    let command = RuleProgram { run: &words, timeout: Duration::from_secs(9), folder: folder.path() };
    command.run(&mut |_| Ok(()), &|| false, &mut |_| {}).unwrap().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(folder.path().join("there").exists());
}

#[test]
fn the_user_and_the_records_end_it() {
    let asked = Cell::new(0);
    let stopped = || asked.replace(asked.get() + 1) > 3;
    let ran = run_until("sleep 100", LONG, &stopped, &mut |_| Ok(()));
    assert_eq!(ran.outcome.unwrap_err().kind(), ErrorKind::Interrupted);
    assert!(ran.took < Duration::from_secs(10));
    for error in [Error::damaged("a pack"), Error::new(ErrorKind::Io, "a file")] {
        let message = error.message().to_owned();
        let mut error = Some(error);
        let ran = run_until("sleep 100", LONG, &|| false, &mut |_| Err(error.take().unwrap()));
        assert_eq!(ran.outcome.unwrap_err().message(), message);
        assert!(ran.took < Duration::from_secs(10));
    }
}
