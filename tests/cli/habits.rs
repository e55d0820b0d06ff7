//! What users of git and DVC type by habit.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::{Output, Sandbox};

/// Runs a line with a shell script as the editor.
fn with_editor(s: &Sandbox, line: &str, script: &str) -> Output {
    let editor = s.dir.path().join("editor");
    fs::write(&editor, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let output = s.command(line).env("EDITOR", &editor).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Output { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_commit_without_a_summary_opens_the_editor() {
    let s = Sandbox::with_two_versions();
    s.write("a.txt", "three\n");
    s.write("new.txt", "new\n");
    let seen = s.dir.path().join("seen");
    let script =
        format!("cp \"$1\" '{}'; printf '# first\\n\\nthird version  \\n\\nin two lines\\n# end' > \"$1\"", seen.display());
    let commit = with_editor(&s, "commit", &script);
    assert_eq!(commit.code, 0, "{commit:?}");
    assert_eq!(s.json("show")["change_summary"], "third version\n\nin two lines");
    assert_eq!(
        fs::read_to_string(seen).unwrap(),
        "\n\
         # Enter a summary for the version. Lines starting with '#' are ignored; an empty summary aborts the commit.\n\
         #\n\
         # leases 1.1.0\n\
         #   added:     new.txt\n\
         #   modified:  a.txt\n"
    );
    assert!(!s.path(".helox/COMMIT_EDITMSG").exists());
    // Nothing to say where nothing changed.
    let again = with_editor(&s, "commit", "exit 1");
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.contains("nothing changed"), "{again:?}");
}

#[test]
fn an_empty_summary_ends_the_commit_and_a_written_one_survives_a_failure() {
    let s = Sandbox::with_two_versions();
    s.write("a.txt", "three\n");
    let empty = with_editor(&s, "commit", "true");
    assert_eq!(
        (empty.code, empty.stderr.as_str()),
        (2, "error: empty summary; no version created\nhint: hlx commit -m SUMMARY\n")
    );
    let failed = with_editor(&s, "commit", "exit 3");
    assert_eq!(failed.code, 6, "{failed:?}");
    assert!(failed.stderr.contains("no version created"), "{failed:?}");
    let conflict = with_editor(&s, "commit --version 1.0.0", "echo 'written once' > \"$1\"");
    assert_eq!(conflict.code, 4, "{conflict:?}");
    let again = with_editor(&s, "commit", "true");
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(s.json("show")["change_summary"], "written once");
}

#[test]
fn without_a_terminal_and_an_editor_a_summary_is_asked_for() {
    let s = Sandbox::with_two_versions();
    s.write("a.txt", "three\n");
    s.fails("commit", 2, "usage");
    assert!(s.run("commit").stderr.contains("-m SUMMARY"));
    assert_eq!(s.json("commit --dry-run")["outcome"], "dry-run");
    assert_eq!(s.json("log")["versions"].as_array().unwrap().len(), 2);
}

#[test]
fn commands_of_other_tools_are_answered() {
    let s = Sandbox::with_two_versions();
    let add = s.run("add a.txt");
    assert_eq!((add.code, add.stdout.as_str()), (2, ""));
    assert_eq!(
        add.stderr,
        "error: 'add' is not an hlx command\n\
         hint: there is no staging area: 'hlx commit' takes every change; 'hlx dataset add NAME --path DIR' declares a dataset\n"
    );
    for (line, here) in [
        ("push origin main", "hlx remote add origin URL"),
        ("-C . stash", "hlx commit --tag NAME"),
        ("revert HEAD~1", "hlx checkout REV -- ."),
        ("reset --hard", "hlx checkout HEAD --force"),
        ("branch -a", "hlx tag add"),
        ("rm --cached a.txt", "remove the file with 'rm'"),
        ("mv a.txt b.txt", "move the file with 'mv'"),
    ] {
        s.fails(line, 2, "usage");
        assert!(s.run(line).stderr.contains(here), "{line}");
    }
    // A misspelt command, and one below a command of ours.
    for (line, meant) in [("comit -m x", "'commit'"), ("chekout 1.0.0", "'checkout'"), ("tag ad 1.0.0 t", "'add'")] {
        s.fails(line, 2, "usage");
        assert!(s.run(line).stderr.contains(meant), "{line}: {}", s.run(line).stderr);
    }
    assert!(!s.run("tag mv a b").stderr.contains("move the file"));
}

#[test]
fn long_answers_go_through_a_pager_on_a_terminal() {
    let s = Sandbox::with_two_versions();
    let pager = s.dir.path().join("pager");
    fs::write(&pager, "#!/bin/sh\necho paged\ncat\n").unwrap();
    fs::set_permissions(&pager, fs::Permissions::from_mode(0o755)).unwrap();
    let pager = pager.to_str().unwrap();
    for line in ["log --oneline", "show", "diff 1.0.0 1.1.0", "audit"] {
        let (code, text) = s.on_terminal(line, &[("HLX_PAGER", pager)]);
        assert_eq!((code, text.starts_with("paged\n")), (0, true), "{line}: {text}");
        let (_, other) = s.on_terminal(line, &[("PAGER", pager)]);
        assert_eq!(other, text, "{line}");
        let plain = text.trim_start_matches("paged\n");
        for (flag, env) in [
            ("--no-pager", &[("HLX_PAGER", pager)][..]),
            ("", &[("HLX_PAGER", ""), ("PAGER", pager)]),
            ("", &[("HLX_PAGER", "cat")]),
        ] {
            assert_eq!(s.on_terminal(&format!("{flag} {line}"), env), (0, plain.to_owned()), "{line} {flag} {env:?}");
        }
        // A pager that is not there costs the pager, not the answer.
        assert_eq!(s.on_terminal(line, &[("PAGER", "/no/such/pager")]), (0, plain.to_owned()), "{line}");
    }
    // Short answers, other forms and pipes go without.
    assert!(!s.on_terminal("status", &[("PAGER", pager)]).1.contains("paged"));
    assert!(!s.on_terminal("log --json", &[("PAGER", pager)]).1.contains("paged"));
    assert!(!String::from_utf8(s.command("log").env("PAGER", pager).output().unwrap().stdout).unwrap().contains("paged"));
}

#[test]
fn quitting_the_pager_is_no_error_and_changes_no_exit_code() {
    let s = Sandbox::with_two_versions();
    // More than a pipe holds.
    for n in 0..3000 {
        s.write(&format!("{n}{}", "-long".repeat(10)), "");
    }
    for pager in ["head -1", "true", "false", "sh -c 'exit 9'"] {
        assert_eq!(s.on_terminal("diff --exit-code", &[("PAGER", pager)]).0, 1, "{pager}");
        assert_eq!(s.on_terminal("log", &[("PAGER", pager)]).0, 0, "{pager}");
    }
}

#[test]
fn completions_know_what_the_repository_has() {
    let s = Sandbox::with_two_versions();
    let complete = |words: &str| {
        let lines = s.ok(&format!("complete -- hlx {words}"));
        lines.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    for (words, candidates) in [
        ("comp", "compare completions"),
        ("commit --no-v", "--no-validate"),
        ("status l", "leases"),
        ("show le", "leases@"),
        ("show leases@", "leases@HEAD leases@latest leases@first leases@1.1.0 leases@1.0.0"),
        ("checkout 1.", "1.1.0 1.0.0"),
        ("diff 1.0.0 fi", "first"),
        ("tag rm 1.0.0 f", "first"),
        ("log --tag f", "first"),
        ("cat leases@1.0.0 fo", "folder/"),
        ("cat 1.0.0 folder/", "folder/b.txt"),
        ("validate --format ju", "junit"),
        ("show nothing@", ""),
    ] {
        assert_eq!(complete(words), candidates, "{words}");
    }
    // A file that is gone is still in the version.
    fs::remove_file(s.path("a.txt")).unwrap();
    assert_eq!(complete("restore a"), "a.txt");
    assert!(!s.ok("--help").contains("complete "), "the command is for scripts");
}
