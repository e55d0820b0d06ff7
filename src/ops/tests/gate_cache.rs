//! A verdict is the same whether the judgement of the parent was kept, is damaged or is gone.

use proptest::prelude::*;

use super::gate::{gated, judge, places, records, told};
use super::*;
use crate::gate::MAX_FINDINGS;

const RULES: [&str; 7] = [
    "kind = 'parse'\nseverity = 'warning'",
    "kind = 'required'\nfields = '/text'\nseverity = 'warning'",
    "kind = 'unique'\nseverity = 'warning'",
    "kind = 'duplicates'\nseverity = 'warning'",
    "kind = 'duplicates'\nname = 'few'\nmax_share = 0.3\nseverity = 'warning'",
    "kind = 'leakage'\ntrain = '**'\ntest = 'c.jsonl'\nseverity = 'warning'",
    "kind = 'drift'\nsamples = 0.5\nseverity = 'warning'",
];

fn history() -> impl Strategy<Value = Vec<Vec<(usize, Vec<usize>)>>> {
    let file = (0..4usize, prop::collection::vec(0..14usize, 0..8));
    prop::collection::vec(prop::collection::vec(file, 1..3), 2..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_verdict_does_not_depend_on_what_is_kept(versions in history()) {
        let bench = gated(&RULES);
        let line = |n: &usize| match n {
            12 => "{\"id\":12}\n".to_owned(),
            13 => "{oops\n".to_owned(),
            n => records(n % 10..n % 10 + 1),
        };
        for files in &versions {
            for (file, numbers) in files {
                let name = ["a.jsonl", "b.jsonl", "c.jsonl", "d.csv"][*file];
                let text: String = match name {
                    "d.csv" => numbers.iter().map(|n| format!("{n},x\n")).fold("id,text\n".to_owned(), |all, row| all + &row),
                    _ => numbers.iter().map(line).collect(),
                };
                bench.write(name, text);
            }
            let report = bench.commit(|o| o.allow_empty = true).unwrap();
            let kept = report.version.validation.unwrap();
            prop_assert_eq!(told(&kept), told(&judge(&bench, "HEAD").unwrap().verdict), "by what was kept of itself");
            fs::remove_dir_all(bench.path.join(".helox/gate")).unwrap();
            let anew = judge(&bench, "HEAD").unwrap().verdict;
            prop_assert_eq!(told(&kept), told(&anew));
            prop_assert_eq!(kept.findings_count, kept.rules.iter().map(|rule| rule.failed).sum::<u64>());
            for rule in &kept.rules {
                let listed = kept.findings.iter().filter(|finding| finding.rule == rule.name).count();
                prop_assert_eq!(listed as u64, rule.failed.min(MAX_FINDINGS as u64), "each record is listed once, up to the limit");
            }
            let (kept, anew) = (kept.rules, anew.rules);
            for (kept, anew) in kept.iter().zip(&anew) {
                let counts = |rule: &crate::ops::RuleReport| (rule.name.clone(), rule.checked, rule.failed, rule.unreadable);
                prop_assert_eq!(counts(kept), counts(anew));
            }
        }
    }
}

#[test]
fn large_files_are_judged_by_what_changed_and_their_lines_are_right() {
    let bench = gated(&RULES);
    let mut all: Vec<String> =
        (0..40_000).map(|n| format!("{{\"id\":{n},\"text\":\"the rent of flat {n} is due\"}}\n")).collect();
    bench.write("a.jsonl", all.concat());
    bench.write("c.jsonl", "{\"id\":-1,\"text\":\"test\"}\n");
    assert_eq!(bench.commit(|_| {}).unwrap().version.validation.unwrap().findings_count, 0);
    all.insert(100, "{\"id\":\"new\",\"text\":\"new\"}\n".to_owned());
    all[30_000] = "{\"id\":-2}\n".to_owned();
    all[30_001] = "{\"id\":-1,\"text\":\"test\"}\n".to_owned();
    all[35_000] = all[20_000].clone();
    bench.write("a.jsonl", all.concat());
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    let expected = [
        "a.jsonl:30001 required",
        "a.jsonl:35001 unique",
        "c.jsonl:1 unique",
        "a.jsonl:35001 duplicates",
        "c.jsonl:1 duplicates",
        "a.jsonl:30002 leakage",
    ];
    assert_eq!(places(&verdict), expected);
    all.insert(5, "{\"id\":\"more\",\"text\":\"new\"}\n".to_owned());
    bench.write("a.jsonl", all.concat());
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!(places(&verdict)[..2], ["a.jsonl:30002 required", "a.jsonl:35002 unique"], "they moved by a line");
}

#[test]
fn what_is_kept_may_be_damaged() {
    let bench = gated(&RULES);
    bench.write("a.jsonl", records(0..30) + &records(3..4));
    bench.write("c.jsonl", records(50..60));
    bench.commit(|_| {}).unwrap();
    bench.write("a.jsonl", records(0..30) + &records(3..5));
    let expected = told(&judge(&bench, "WORK").unwrap().verdict);
    assert_eq!(expected.len(), 4);
    let mut files = Vec::new();
    for folder in fs::read_dir(bench.path.join(".helox/gate/ds")).unwrap() {
        files.extend(fs::read_dir(folder.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let good = fs::read(&file).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 4;
        for bad in [&good[..good.len() / 2], &[], &flipped] {
            let copy = bench.copy();
            fs::write(copy.path.join(file.strip_prefix(&bench.path).unwrap()), bad).unwrap();
            assert_eq!(told(&judge(&copy, "WORK").unwrap().verdict), expected, "{}", file.display());
        }
        let copy = bench.copy();
        fs::remove_file(copy.path.join(file.strip_prefix(&bench.path).unwrap())).unwrap();
        assert_eq!(told(&judge(&copy, "WORK").unwrap().verdict), expected, "without {}", file.display());
    }
}

#[test]
fn files_beyond_what_is_held_of_a_comparison_are_judged_all_the_same() {
    let bench = gated(&RULES);
    let name = |n: usize| format!("{n}.jsonl");
    (0..10).for_each(|n| bench.write(&name(n), records(100 * n..100 * n + 2)));
    bench.commit(|_| {}).unwrap();
    (0..10).for_each(|n| bench.write(&name(n), records(100 * n..100 * n + 2) + &format!("{{\"id\":\"{n}\"}}\n")));
    let verdict = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert_eq!(places(&verdict), (0..10).map(|n| format!("{n}.jsonl:3 required")).collect::<Vec<_>>());
    assert_eq!(verdict.rules[1].checked, 30);
}
