//! Terminal sessions: `tests/cli/sessions/*.txt` hold what is typed and all that is printed, as a person sees it.
//!
//! A line that begins with `$ ` is typed into a shell; what follows is the output of both streams, and `[3]` the exit code
//! where it is not 0. `…` stands for any text within a line: ids, dates, sizes of the store. `HLX_BLESS=1 cargo test
//! --test cli sessions` writes the files anew, which is to be read before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::Sandbox;

/// Runs the lines of a session in a folder of its own, and returns the session as it went.
fn replay(text: &str) -> String {
    let s = Sandbox::new();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_hlx"));
    let root = s.path("").to_string_lossy().into_owned();
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let (mut session, mut folder) = (String::new(), s.path(""));
    for line in text.lines() {
        let Some(typed) = line.strip_prefix("$ ") else {
            if line.starts_with('#') {
                session += &format!("{line}\n");
            }
            continue;
        };
        session += &format!("{}$ {typed}\n", if session.is_empty() || session.ends_with("#\n") { "" } else { "\n" });
        if let Some(name) = typed.strip_prefix("cd ") {
            folder = folder.join(name).canonicalize().unwrap();
            continue;
        }
        let mut shell = s.command("");
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", &format!("{{ {typed}\n}} 2>&1")]).current_dir(&folder).env_clear();
        command.envs(shell.env("PATH", &path).get_envs().filter_map(|(key, value)| Some((key, value?))));
        let output = command.output().unwrap();
        session += &String::from_utf8(output.stdout).unwrap().replace(root.trim_end_matches('/'), "~");
        match output.status.code().unwrap() {
            0 => {}
            code => session += &format!("[{code}]\n"),
        }
    }
    session
}

/// Whether a line is as expected, where `…` stands for any text.
fn fits(expected: &str, line: &str) -> bool {
    let mut parts = expected.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    if !expected.contains('…') {
        return rest.is_empty();
    }
    let parts: Vec<&str> = parts.collect();
    let (last, middle) = parts.split_last().unwrap();
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn check(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let session = replay(&text);
    let same = |expected: &str| {
        let (wanted, lines): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), session.lines().collect());
        wanted.len() == lines.len() && wanted.iter().zip(&lines).all(|(wanted, line)| fits(wanted, line))
    };
    if same(&text) {
        return;
    }
    if std::env::var_os("HLX_BLESS").is_some() {
        // Lines that still fit keep what stands for any text in them.
        let old: Vec<&str> = text.lines().collect();
        let line = |line: &str| old.iter().find(|old| old.contains('…') && fits(old, line)).map_or(line, |old| old).to_owned();
        fs::write(path, session.lines().map(line).collect::<Vec<_>>().join("\n") + "\n").unwrap();
        return;
    }
    panic!("{} went otherwise:\n{session}", path.display());
}

#[test]
fn sessions_go_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/sessions");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 3, "{paths:?}");
    paths.iter().for_each(|path| check(path));
}

#[test]
fn what_stands_for_any_text() {
    assert!(fits("a … c", "a b c") && fits("a", "a") && fits("…", "") && fits("…b…", "abc"));
    assert!(!fits("a … c", "a b") && !fits("a", "ab") && !fits("…b…d", "abc"));
}
