//! What people see: help, quiet, colour, pipes.

use crate::sandbox::{Sandbox, keys, set};

/// Every verb, as `--help` is asked for.
pub(crate) const VERBS: [&str; 53] = [
    "init",
    "dataset",
    "dataset add",
    "dataset create",
    "dataset compare",
    "dataset list",
    "dataset rename",
    "dataset rm",
    "dataset show",
    "status",
    "commit",
    "log",
    "show",
    "diff",
    "compare",
    "checkout",
    "restore",
    "clean",
    "ls",
    "cat",
    "tag",
    "tag add",
    "tag rm",
    "tag list",
    "run",
    "run record",
    "run exec",
    "run show",
    "run list",
    "run withdraw",
    "run compare",
    "note",
    "note add",
    "note list",
    "hold",
    "hold add",
    "hold rm",
    "hold list",
    "remote",
    "remote add",
    "remote rm",
    "remote list",
    "audit",
    "validate",
    "verify",
    "fsck",
    "which",
    "stats",
    "gc",
    "reindex",
    "install-hooks",
    "completions",
    "man",
];

#[test]
fn help_and_version_exit_with_0() {
    let s = Sandbox::new();
    for verb in VERBS {
        let help = s.ok(&format!("{verb} --help"));
        assert!(help.contains("Usage: hlx") && help.contains("--json"), "{verb}: {help}");
    }
    assert_eq!(s.ok("--version"), format!("hlx {}\n", env!("CARGO_PKG_VERSION")));
    assert!(s.ok("--help").contains("checkout"));
    assert_eq!(keys(&s.json("--help")), set(["text"]));
}

#[test]
fn completions_and_the_manual_know_every_verb() {
    let s = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(s.ok(&format!("completions {shell}")).contains("hlx complete -- "), "{shell}");
    }
    for shell in ["elvish", "powershell"] {
        assert!(s.ok(&format!("completions {shell}")).contains("checkout"), "{shell}");
    }
    let page = s.ok("man");
    assert!(page.contains(".TH hlx 1"));
    let list = s.ok("man --list");
    assert_eq!(list.lines().next(), Some("hlx"));
    assert_eq!(list.lines().count(), VERBS.len() + 1);
    for verb in VERBS {
        let name = format!("hlx-{}", verb.replace(' ', "-"));
        assert!(list.lines().any(|listed| listed == name), "{name}");
        let page = s.ok(&format!("man {verb}"));
        assert!(page.contains(&format!(".TH {name} 1")), "{verb}");
        for section in [".SH NAME", ".SH ENVIRONMENT", ".SH FILES", ".SH \"EXIT STATUS\"", ".SH \"SEE ALSO\""] {
            assert!(page.contains(section), "{verb}: {section}");
        }
    }
    assert!(page.contains("hlx\\-dataset(1)"), "{page}");
    s.fails("man comit", 2, "usage");
}

#[test]
fn quiet_silences_what_was_done_and_not_what_was_asked() {
    let s = Sandbox::new();
    s.write("a.txt", "one\n");
    for line in [
        "-q init",
        "init -q --name leases",
        "-q commit -m x",
        "tag add latest t -q",
        "run record latest --model m -q",
        "note add latest words -q",
        "remote add copy ../copy -q",
        "audit --verify -q",
        "checkout 1.0.0 -q",
        "verify -q",
        "fsck -q",
        "reindex -q",
    ] {
        let output = s.run(line);
        assert_eq!((output.code, output.stdout.as_str(), output.stderr.as_str()), (0, "", ""), "{line}");
    }
    for line in [
        "-q log",
        "-q show",
        "-q ls",
        "-q cat 1.0.0 a.txt",
        "-q status",
        "-q stats",
        "-q tag list",
        "-q run list",
        "-q note list",
        "-q audit",
        "-q dataset list",
        "-q remote list",
    ] {
        assert_ne!(s.ok(line), "", "{line}");
    }
    assert!(s.run("-q show 9.9.9").stderr.starts_with("error: "));
    assert_eq!(s.json("-q checkout 1.0.0")["version"], "1.0.0");
}

#[test]
fn nothing_is_coloured_and_no_progress_is_shown_off_a_terminal() {
    let s = Sandbox::with_two_versions();
    for line in ["log", "show", "status", "log --oneline --graph", "--help"] {
        assert!(!s.ok(line).contains('\x1b'), "{line}");
    }
    assert!(s.ok("--color always log").contains('\x1b'));
    assert!(!s.ok("--color never log").contains('\x1b'));
    assert_eq!(s.run("diff").stderr, "");
}

#[test]
fn names_cannot_change_the_terminal() {
    let s = Sandbox::with_two_versions();
    s.write("bad\x1b[2J\nname", "x");
    for line in ["status", "diff", "diff --name-only", "checkout 1.0.0"] {
        let output = s.run(line);
        assert!(!(output.stdout + &output.stderr).contains('\x1b'), "{line}");
    }
    assert_eq!(s.json("status")["added"][0], "bad\x1b[2J\nname");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let s = Sandbox::with_two_versions();
    s.write("big.txt", &"a line of a big file\n".repeat(100_000));
    s.ok("commit -m big --version 1.2.0");
    for line in ["log", "cat 1.2.0 big.txt", "completions bash", "--json man", "ls -r --jsonl", "--help"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = s.command(line).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{line}");
    }
}

#[test]
fn log_over_several_datasets_names_them() {
    let s = Sandbox::new();
    s.ok("init");
    for name in ["leases", "notes"] {
        s.write(&format!("{name}/a.txt"), name);
        s.ok(&format!("dataset add {name} --type type_of_{name} --path {name}"));
        s.ok(&format!("commit {name} -m 'first {name}' --version 1.0.0"));
    }
    s.write("leases/b.txt", "more");
    s.ok("commit leases -m second --version 1.1.0 --tag gold");
    let names = |line: &str| {
        let log = s.ok(line);
        log.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("log --oneline"), ["leases@1.1.0", "notes@1.0.0", "leases@1.0.0"], "the newest first");
    assert_eq!(names("log --oneline -n 2"), ["leases@1.1.0", "notes@1.0.0"]);
    assert_eq!(names("log leases --oneline"), ["1.1.0", "1.0.0"]);
    assert_eq!(names("-C leases log --oneline"), ["1.1.0", "1.0.0"]);
    assert_eq!(names("log leases@1.0.0 --oneline --type type_of_leases"), ["1.0.0"]);
    assert_eq!(names("dataset list"), ["leases", "notes"]);
    assert_eq!(names("dataset list --tag gold"), ["leases"]);
    assert_eq!(s.json("dataset list --tag gold")["datasets"][0]["versions"], 1);
    assert_eq!(names("dataset list -n 1"), ["leases"]);
    assert_eq!(s.run("dataset list --author nobody").stderr, "hint: no dataset has matching versions\n");
    assert_eq!(s.json("dataset list --name leases --tag gold"), s.json("log leases --tag gold"));
    assert_eq!(s.ok("dataset list --name leases -n 1"), s.ok("log leases -n 1"));
    s.fails("dataset list --name leases --version 1.0.0 --tag gold", 2, "usage");
}

#[test]
fn a_log_for_people_and_the_help_of_its_conditions() {
    let s = Sandbox::with_two_versions();
    let log = s.ok("log leases");
    assert!(log.starts_with("leases 1.1.0  "), "{log}");
    assert!(!log.contains("PENDING"), "what is not judged yet is not said: {log}");
    for verb in ["log", "dataset list"] {
        let help = s.ok(&format!("{verb} --help"));
        for flag in ["--tag", "--type", "--author", "--status", "--meta", "--since", "--until", "-n"] {
            assert!(help.contains(flag), "{verb} {flag}");
        }
    }
}
