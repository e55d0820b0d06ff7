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
         # Say what the version is. Lines that begin with '#' are left out; an empty summary ends the commit.\n\
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
        (2, "error: the summary is empty; no version created\nhint: hlx commit -m SUMMARY\n")
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
        "error: hlx has no command 'add'\n\
         hint: there is no staging area: 'hlx commit' takes every change; 'hlx dataset add NAME --path DIR' declares a dataset\n"
    );
    for (line, here) in [
        ("push origin main", "remotes are not available yet"),
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
