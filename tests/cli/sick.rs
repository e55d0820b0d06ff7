//! The museum of sick repositories: `fixtures/sick/NAME/` has one defect, and `fsck.txt` there is what is said of it.
//!
//! The first line of `fsck.txt` says how the defect was made. Then come the check, the repair, and, where that is not enough,
//! the repair from an intact copy. `HLX_BLESS=1 cargo test --test cli sick` writes the files anew, which is to be read before
//! it is committed. `fixtures/make/sick.py` makes the repositories.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::sandbox::{Output, Sandbox, copy_repository, paths};

fn museum() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sick")
}

/// Runs a command, and adds it to a session with all that it printed.
fn run(s: &Sandbox, line: &str, session: &mut String) -> Output {
    let output = s.run(line);
    let home = s.dir.path().to_string_lossy();
    let said = format!("{}{}", output.stdout, output.stderr).replace(&format!("{home}/work"), "~").replace(&*home, "~/..");
    *session += &format!("\n$ hlx {line}\n{said}");
    if output.code != 0 {
        *session += &format!("[{}]\n", output.code);
    }
    output
}

/// Checks and repairs a copy of a repository. Returns what was said.
fn examine(repository: &Path) -> String {
    let s = Sandbox::new();
    copy_repository(repository, &s.path(""));
    copy_repository(&museum().join("intact"), &s.dir.path().join("intact"));
    let mut session = String::new();
    let mut last = run(&s, "fsck", &mut session);
    // Damage has the exit code 1; a repository that does not open has another one.
    for line in ["fsck --repair", "fsck --repair --from ../intact"] {
        if last.code == 1 && !(line.contains("--from") && is_hostile(repository)) {
            last = run(&s, line, &mut session);
        }
    }
    let again = s.run("fsck --repair");
    assert!(
        again.code == last.code && !again.stdout.contains("repaired"),
        "{} is repaired twice: {again:?}",
        repository.display()
    );
    session
}

/// Returns true for a repository that was crafted, so that no intact copy of it exists.
fn is_hostile(repository: &Path) -> bool {
    repository.file_name().unwrap().to_str().unwrap().starts_with("hostile-")
}

fn check(repository: &Path) -> Result<(), String> {
    let path = repository.join("fsck.txt");
    let text = fs::read_to_string(&path).unwrap();
    let title = text.lines().next().unwrap();
    let session = format!("{title}\n{}", examine(repository));
    if session == text {
        return Ok(());
    }
    if std::env::var_os("HLX_BLESS").is_some() {
        fs::write(path, session).unwrap();
        return Ok(());
    }
    Err(format!("{} went otherwise:\n{session}", path.display()))
}

#[test]
fn every_sick_repository_is_described_and_repaired_as_written() {
    let (repositories, next) = (paths(&museum()), AtomicUsize::new(0));
    assert!(repositories.len() > 50);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(repository) = repositories.get(next.fetch_add(1, Ordering::Relaxed)) {
            wrong.extend(check(repository).err());
        }
        wrong
    };
    let wrong: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
