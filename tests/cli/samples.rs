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
        "a.jsonl\n\
         ~ {\"id\":1,\"text\":\"The tenant shall pay the rent without deduction or notice on the third business day …\n    \
             /text: … rent without deduction or notice on the [-first-]{+third business+} day of each month to the account that …\n\
         ~ {\"id\":2,\"note\":\"\"}\n    \
             /note: (absent) → \"\"\n    \
             /rent: 5 → (absent)\n\
         + {\"id\":3}\n\
         samples +1 ~2 -0\n"
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
    assert!(shown.ends_with("\n… and 1,297 more; --limit N shows more\nsamples +1,297 ~0 -2\n"), "{shown}");
    assert_eq!(s.ok("diff -p").lines().count(), 1 + 1299 + 1, "all where no terminal shows them");
    let (code, text) = s.on_terminal("--no-pager --no-progress diff -p", &[]);
    assert_eq!((code, text.lines().count()), (0, 1 + 20 + 2), "{text}");
}
