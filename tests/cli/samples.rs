//! The samples that differ, as a person reads them.

use serde_json::json;

use crate::sandbox::Sandbox;

/// A dataset `leases` with the key `id` and two samples, committed.
fn with_two_samples(clause: &str) -> Sandbox {
    let s = Sandbox::new();
    s.write("data/a.jsonl", &format!("{{\"id\":1,\"text\":\"{clause}\"}}\n{{\"id\":2,\"rent\":5}}\n"));
    s.ok("init");
    s.write("helox.toml", "[dataset.leases]\npath = 'data'\nkey = 'id'\n");
    s.ok("commit -m 'first leases'");
    s
}

#[test]
fn the_words_that_differ_in_a_long_text_are_marked() {
    let clause = |day: &str| {
        format!(
            "The tenant shall pay the rent without deduction or notice on the {day} day of each month to the account \
             that the landlord has named in writing at least ten days before."
        )
    };
    let s = with_two_samples(&clause("first"));
    let new = clause("third business");
    s.write("data/a.jsonl", &format!("{{\"id\":1,\"text\":\"{new}\"}}\n{{\"id\":2,\"note\":\"\"}}\n{{\"id\":3}}\n"));
    assert_eq!(
        s.ok("diff -p"),
        "data/a.jsonl\n\
         ~ {\"id\":1,\"text\":\"The tenant shall pay the rent without deduction or notice on the third business day …\n    \
             /text: … rent without deduction or notice on the [-first-]{+third business+} day of each month to the account that …\n\
         ~ {\"id\":2,\"note\":\"\"}\n    \
             /note: (absent) → \"\"\n    \
             /rent: 5 → (absent)\n\
         + {\"id\":3}\n\
         samples: 1 added, 2 modified, 0 removed\n"
    );
    let coloured = s.ok("--color always diff -p");
    assert!(coloured.contains("the \u{1b}[31mfirst\u{1b}[0m\u{1b}[32mthird business\u{1b}[0m day"), "{coloured}");
    let records = s.json("diff -p")["records"].clone();
    assert_eq!(records[0]["fields"][0]["old"], json!(clause("first")), "JSON has whole values");
}

#[test]
fn a_limit_says_how_many_samples_are_left() {
    let s = with_two_samples("");
    s.write("data/a.jsonl", &(3..1300).map(|id| format!("{{\"id\":{id}}}\n")).collect::<String>());
    let shown = s.ok("diff -p --limit 2");
    assert_eq!(shown.lines().count(), 5, "{shown}");
    assert!(
        shown.ends_with("\n… and 1,297 more; to show more: --limit N\nsamples: 1,297 added, 0 modified, 2 removed\n"),
        "{shown}"
    );
    assert_eq!(s.ok("diff -p").lines().count(), 1 + 1299 + 1, "all where no terminal shows them");
    let (code, text) = s.on_terminal("--no-pager --no-progress diff -p", &[]);
    assert_eq!((code, text.lines().count()), (0, 1 + 20 + 2), "{text}");
}

#[test]
fn a_key_is_suggested_where_samples_have_one() {
    let s = Sandbox::new();
    let samples = |rent: u32| (0..20).map(|id| format!("{{\"case_id\":\"c{id}\",\"rent\":{}}}\n", id * rent)).collect::<String>();
    s.write("data/a.jsonl", &samples(0));
    s.write("data/README.md", "No sample with a key.\n");
    s.write("helox.toml", "[dataset.leases]\npath = 'data'\n");
    s.ok("init");
    let hint = "hint: samples have a unique 'case_id': with key = \"case_id\" in [dataset.leases] of helox.toml, changed ones \
                count as modified\n";
    assert_eq!(s.run("commit -m first").stderr, hint);
    s.write("data/a.jsonl", &samples(1));
    let diff = s.run("diff --samples");
    assert!(diff.stdout.ends_with("samples: 19 added, 0 modified, 19 removed\n"), "{diff:?}");
    assert_eq!(diff.stderr, hint);
    assert_eq!(s.json("diff --samples")["suggested_key"], "case_id");
    assert_eq!(s.json("commit -m second --dry-run").get("suggested_key"), None, "there is no such version");

    s.write("helox.toml", "[dataset.leases]\npath = 'data'\nkey = 'case_id'\n");
    let diff = s.run("diff --samples");
    assert!(diff.stdout.ends_with("samples: 0 added, 19 modified, 0 removed\n"), "{diff:?}");
    assert_eq!(diff.stderr, "");
}

#[test]
fn a_field_that_comes_twice_is_no_key() {
    let s = Sandbox::new();
    s.write("a.jsonl", "{\"id\":1,\"n\":1}\n{\"id\":2}\n{\"id\":1,\"n\":2}\n");
    s.ok("init --name leases");
    assert_eq!(s.run("commit -m first").stderr, "");
}

#[test]
fn what_describes_the_data_has_no_samples() {
    let s = Sandbox::new();
    s.write("data/a.jsonl", "{\"id\":1}\n");
    for name in ["README.md", "LICENSE", "dataset_card.rst", ".hlxignore", "docs/b.jsonl", "notes.txt"] {
        s.write(&format!("data/{name}"), "*.tmp\n");
    }
    let config = "[dataset.leases]\npath = 'data'\nkey = 'id'\n[dataset.leases.format]\n'docs' = 'none'\n";
    s.write("helox.toml", config);
    s.ok("init");
    let first = s.run("commit -m first --version 1.0.0");
    assert!(first.stdout.contains("\nfiles: 7 added, 0 modified, 0 removed; now 2 samples in 7 files, "), "{first:?}");
    assert_eq!(first.stderr, "");

    // What a file was read as is part of what is known of it.
    s.write("helox.toml", &format!("{config}'LICENSE' = 'text'\n"));
    assert_eq!(s.ok("status"), "leases 1.0.0\nM data/LICENSE (format)\n1 with a changed format\n");
    let second = s.json("commit -m second");
    assert_eq!((&second["total_samples"], &second["samples_added"], &second["files_reread"]), (&json!(3), &json!(1), &json!(1)));
    let diff = s.json("diff --samples 1.0.0 latest");
    assert_eq!((&diff["reread"], &diff["samples"]), (&json!(["LICENSE"]), &json!({ "added": 1, "modified": 0, "removed": 0 })));
}
