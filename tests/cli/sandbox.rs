//! A folder in which `hlx` runs, and what its tests ask of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder in which `hlx` runs as nobody's own user.
pub struct Sandbox {
    pub dir: TempDir,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("work")).unwrap();
        Sandbox { dir }
    }

    /// A repository with `leases@1.0.0` (two files, tag `first`) and `leases@1.1.0`, the second checked out.
    pub fn with_two_versions() -> Sandbox {
        let s = Sandbox::new();
        s.write("a.txt", "one\n");
        s.write("folder/b.txt", &"two\n".repeat(100));
        s.ok("init --name leases --type lease_abstraction");
        s.ok("commit -m 'first leases' --version 1.0.0 --tag first --meta source=crawl --meta count=3");
        s.write("a.txt", "one and more\n");
        s.ok("commit -m second --version 1.1.0");
        s
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("work").join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hlx"));
        command.args(words(line)).current_dir(self.path("")).stdin(Stdio::null());
        command.env_clear().env("HOME", self.dir.path()).env("HLX_AUTHOR", "ana@example.com").env("PATH", "/usr/bin:/bin");
        command
    }

    /// Runs `hlx` with a line as typed into a shell.
    pub fn run(&self, line: &str) -> Output {
        let output = self.command(line).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or_else(|| panic!("hlx {line} was killed: {}", output.status));
        Output { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs with stdout and stderr on a terminal: the exit code, and all that was printed there.
    pub fn on_terminal(&self, line: &str, env: &[(&str, &str)]) -> (i32, String) {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
        let side = fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
        let mut command = self.command(line);
        command.env("TERM", "xterm").envs(env.iter().copied()).stdout(side.try_clone().unwrap()).stderr(side);
        let mut child = command.spawn().unwrap();
        // The terminal closes once nobody has its other side open.
        drop(command);
        let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = rustix::io::read(&terminal, &mut bytes) {
            text.extend_from_slice(&bytes[..n]);
        }
        (child.wait().unwrap().code().unwrap(), String::from_utf8(text).unwrap().replace('\r', ""))
    }

    /// Runs what has to succeed, and returns what it printed.
    pub fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.code, 0, "hlx {line}: {output:?}");
        output.stdout
    }

    /// Runs with `--json`: one document, nothing but warnings on stderr.
    pub fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("--json {line}"));
        assert!(output.stderr.lines().all(|line| line.starts_with("warning: ")), "hlx {line}: {output:?}");
        assert_eq!(output.stdout.lines().count(), 1, "hlx {line}: {output:?}");
        serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("hlx {line}: {e}: {}", output.stdout))
    }

    /// Runs what has to fail: the error's kind in JSON, and for people a message and no result.
    #[track_caller]
    pub fn fails(&self, line: &str, code: i32, kind: &str) {
        let output = self.run(line);
        assert_eq!(output.code, code, "hlx {line}: {output:?}");
        assert!(output.stderr.starts_with("error: "), "hlx {line}: {output:?}");
        assert_eq!(output.stdout, "", "hlx {line}");
        let output = self.run(&format!("--json {line}"));
        assert_eq!(output.code, code, "hlx --json {line}: {output:?}");
        let error: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(keys(&error), set(["error"]), "hlx {line}");
        assert_eq!(keys(&error["error"]), set(["hint", "kind", "message"]), "hlx {line}");
        assert_eq!(error["error"]["kind"], kind, "hlx {line}: {error}");
        assert_ne!(error["error"]["message"], "", "hlx {line}");
        assert_eq!(output.stderr, "", "hlx {line}");
    }
}

/// The paths in a folder, by name.
pub fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Copies a repository of `fixtures/`, whose folder `helox` becomes `.helox`.
pub fn copy_repository(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in paths(from) {
        let name = path.file_name().unwrap();
        let to = to.join(if name == "helox" { ".helox".as_ref() } else { name });
        if path.is_dir() {
            copy_repository(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Splits a line at spaces outside of single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut open) = (false, false);
    for c in line.chars() {
        match c {
            '\'' => (quoted, open) = (!quoted, true),
            ' ' if !quoted => {
                if open {
                    words.push(String::new());
                }
                open = false;
            }
            c => {
                words.last_mut().unwrap().push(c);
                open = true;
            }
        }
    }
    if !open {
        words.pop();
    }
    words
}

pub fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object")).keys().map(String::as_str).collect()
}

pub fn set<const N: usize>(names: [&'static str; N]) -> BTreeSet<&'static str> {
    BTreeSet::from(names)
}
