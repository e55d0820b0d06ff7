//! The command line from outside: exit codes, the fields of JSON, what goes to which stream. What the commands do is
//! tested where they are; here only that they are wired as `docs/cli.md` says.
#![allow(clippy::disallowed_methods, reason = "tests lay out their own files")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it should be")]
#![allow(unreachable_pub, reason = "a test is a crate of its own")]

#[path = "cli/codes.rs"]
mod codes;
#[path = "cli/gate.rs"]
mod gate;
#[path = "cli/golden.rs"]
mod golden;
#[path = "cli/habits.rs"]
mod habits;
#[path = "cli/json.rs"]
mod json;
#[path = "cli/long.rs"]
mod long;
#[path = "cli/said.rs"]
mod said;
#[path = "cli/samples.rs"]
mod samples;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/sessions.rs"]
mod sessions;
#[path = "cli/sick.rs"]
mod sick;
#[path = "cli/suggestions.rs"]
mod suggestions;
#[path = "cli/vocabulary.rs"]
mod vocabulary;
#[path = "cli/which.rs"]
mod which;
#[path = "cli/words.rs"]
mod words;

use std::fs;

use sandbox::Sandbox;

#[test]
fn from_init_to_checkout_and_back() {
    let s = Sandbox::new();
    s.write("a.txt", "one\n");
    s.ok("init --name leases");
    let first = s.ok("commit -m 'first leases'");
    assert!(first.starts_with("Created leases 1.0.0 (MAJOR)\n"), "{first}");
    assert!(s.ok("status --exit-code").contains("clean"));

    s.write("a.txt", "two\n");
    s.write("b.txt", "new\n");
    let status = s.run("status --exit-code");
    assert_eq!(status.code, 1);
    assert!(status.stdout.contains("M a.txt") && status.stdout.contains("A b.txt"), "{status:?}");
    let diff = s.run("diff --exit-code --name-status");
    assert_eq!((diff.code, diff.stdout.as_str()), (1, "M\ta.txt\nA\tb.txt\n"));
    s.ok("commit -m second --version 1.1.0");
    assert!(s.ok("commit -m again").starts_with("nothing changed since leases 1.1.0"));
    assert!(s.ok("commit -m second --version 1.1.0").contains("already exists"));

    let log = s.ok("log --oneline");
    let numbers: Vec<_> = log.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(numbers, ["1.1.0", "1.0.0"]);
    assert_eq!(s.ok("log --graph --oneline").lines().filter(|line| line.starts_with("* ")).count(), 2);
    assert_eq!(s.ok("diff 1.0.0 1.1.0 --name-only"), "a.txt\nb.txt\n");
    assert_eq!(s.run("diff 1.1.0 1.1.0 --exit-code").code, 0);

    s.ok("checkout 1.0.0");
    assert_eq!(s.read("a.txt"), "one\n");
    assert!(!s.path("b.txt").exists());
    s.ok("restore b.txt --source 1.1.0");
    assert_eq!(s.read("b.txt"), "new\n");
    s.ok("checkout leases@latest --force");
    assert_eq!(s.read("a.txt"), "two\n");
    s.ok("checkout 1.0.0 --into ../elsewhere");
    assert_eq!(fs::read_to_string(s.dir.path().join("elsewhere/a.txt")).unwrap(), "one\n");
    assert_eq!(s.ok("cat 1.0.0 a.txt"), "one\n");
}

#[test]
fn filters_of_log_are_handed_on() {
    let s = Sandbox::with_two_versions();
    for (line, count) in [
        ("log", 2),
        ("log leases", 2),
        ("log leases@1.0.0", 1),
        ("log -n 1", 1),
        ("log --tag first", 1),
        ("log --type generic", 0),
        ("log --type lease_abstraction", 2),
        ("log --author ana@example.com", 2),
        ("log --author nobody", 0),
        ("log --meta source=crawl", 1),
        ("log --meta count=3", 1),
        ("log --meta count=4", 0),
        ("log --status pending", 2),
        ("log --status FAILED", 0),
        ("log --since '1 hour ago'", 2),
        ("log --since 2w --until 2000-01-01", 0),
        ("log --until 2000-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(s.json(line)["versions"].as_array().unwrap().len(), count, "{line}");
    }
}

#[test]
fn the_folder_is_the_one_named_by_dash_c() {
    let s = Sandbox::with_two_versions();
    assert_eq!(s.ok("-C folder/.. ls 1.0.0 -r"), "a.txt\nfolder/b.txt\n");
    // Found upward, and paths are read from there.
    fs::remove_file(s.path("folder/b.txt")).unwrap();
    s.ok("-C folder restore b.txt");
    assert!(s.path("folder/b.txt").exists());
    s.ok("-C ../work init ../other");
    assert!(s.dir.path().join("other/.helox").is_dir());
}
