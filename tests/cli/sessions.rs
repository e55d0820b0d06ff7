//! Terminal sessions: `tests/cli/sessions/*.txt` hold what is typed and all that is printed, as a person sees it.
//!
//! A line that begins with `$ ` is typed into a shell; what follows is the output of both streams, and `[3]` the exit code
//! where it is not 0. `…` stands for ids, days, times and the sizes of packs. `HLX_BLESS=1 cargo test
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
            // The title.
            if session.is_empty() {
                session += &format!("{line}\n");
            }
            continue;
        };
        session += &format!("{}$ {typed}\n", if session.is_empty() { "" } else { "\n" });
        if let Some(name) = typed.strip_prefix("cd ") {
            folder = folder.join(name).canonicalize().unwrap();
            continue;
        }
        let mut shell = s.command("");
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", &format!("{{ {typed}\n}} 2>&1")]).current_dir(&folder).env_clear();
        command.envs(shell.env("PATH", &path).get_envs().filter_map(|(key, value)| Some((key, value?))));
        let output = command.output().unwrap();
        let output_text = String::from_utf8(output.stdout).unwrap().replace(root.trim_end_matches('/'), "~");
        session.extend(output_text.lines().map(|line| lasting(line) + "\n"));
        match output.status.code().unwrap() {
            0 => {}
            code => session += &format!("[{code}]\n"),
        }
    }
    session
}

/// Replaces what is another at each run: ids, days, times and the sizes of packs.
fn lasting(line: &str) -> String {
    let line = match line.split_once("store grew by ") {
        Some((before, _)) => format!("{before}store grew by …"),
        None => line.to_owned(),
    };
    let (mut out, mut word) = (String::new(), String::new());
    let shown = |word: &str| {
        let is_id = matches!(word.len(), 12 | 64) && word.bytes().all(|b| b.is_ascii_hexdigit());
        let is_day = word.len() == 10 && word.starts_with("20") && word.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if is_id || is_day { "…".to_owned() } else { word.to_owned() }
    };
    for c in without_time(&line).chars() {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
        } else {
            out += &shown(&std::mem::take(&mut word));
            out.push(c);
        }
    }
    out + &shown(&word)
}

/// Replaces the times of day.
fn without_time(line: &str) -> String {
    let is_time = |text: &[u8]| {
        let digit = |at: usize| text[at].is_ascii_digit();
        [0, 1, 3, 4, 6, 7].into_iter().all(digit) && text[2] == b':' && text[5] == b':'
    };
    match line.as_bytes().windows(8).position(is_time) {
        Some(at) => format!("{}…{}", &line[..at], without_time(&line[at + 8..])),
        None => line.to_owned(),
    }
}

fn check(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let session = replay(&text);
    if session == text {
        return;
    }
    if std::env::var_os("HLX_BLESS").is_some() {
        fs::write(path, session).unwrap();
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
