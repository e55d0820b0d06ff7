//! Compressing the packs of a store again.

use std::collections::BTreeSet;

use super::gc::{ALL, check, collect, history, is_valid, packs};
use super::*;
use crate::ops::gc;

/// Sentences of words that come again, of which a higher level of zstd finds more.
fn prose(seed: u64, words: usize) -> Vec<u8> {
    const WORDS: &[&str] =
        &["tenant", "landlord", "shall", "premises", "rent", "notice", "term", "renewal", "consent", "of", "to", "the"];
    let dice = noise(seed, words);
    dice.chunks(3)
        .flat_map(|d| d.iter().map(|d| WORDS[usize::from(*d) % WORDS.len()]).chain(["\n"]))
        .flat_map(|w| [w, " "])
        .collect::<String>()
        .into_bytes()
}

/// Returns the bytes of all packs.
fn packed(bench: &Bench) -> u64 {
    packs(bench).iter().map(|path| path.metadata().unwrap().len()).sum()
}

#[test]
fn packs_are_compressed_again_once_and_deltas_stay_deltas() {
    let (bench, trees) = history();
    bench.write("text", prose(40, 300_000));
    bench.commit(|o| o.version = Some(number("2.0.0"))).unwrap();
    bench.write("text", [prose(40, 150_000), prose(41, 9_000), prose(40, 300_000)].concat());
    bench.commit(|o| o.version = Some(number("2.1.0"))).unwrap();
    let two = read_tree(&bench.path);
    collect(&bench).unwrap();
    let (before, all) = (packed(&bench), packs(&bench));
    let depths = |bench: &Bench| {
        let tables = bench.repo().store().tables();
        tables.rows().map(|row| (row.key, row.depth)).collect::<BTreeSet<_>>()
    };
    let deep = depths(&bench);
    let again = gc::GcOptions { recompress: Some(9), ..ALL };
    let plan = gc::run(&bench.repo(), &gc::GcOptions { dry_run: true, ..again }, &NoProgress).unwrap();
    assert!(plan.recompressed_packs > 0 && plan.estimated_seconds > 0 && packs(&bench) == all, "{plan:?}");
    let report = gc::run(&bench.repo(), &again, &NoProgress).unwrap();
    assert_eq!((report.recompressed_packs, report.recompressed_bytes), (plan.recompressed_packs, plan.recompressed_bytes));
    assert!(packed(&bench) < before / 20 * 19, "{} of {before} bytes; {report:?}", packed(&bench));
    assert_eq!(depths(&bench), deep, "every object lies as deep as before");
    check(&bench, &trees);
    assert_eq!(bench.tree_of("2.1.0").unwrap(), two);
    for level in [1, 9] {
        let again = gc::GcOptions { recompress: Some(level), ..ALL };
        let report = gc::run(&bench.repo(), &again, &NoProgress).unwrap();
        assert_eq!((report.recompressed_packs, report.written_bytes), (0, 0), "level {level}: {report:?}");
    }
}

#[test]
fn an_interrupted_recompression_goes_on() {
    let (bench, trees) = history();
    bench.write("text", prose(40, 300_000));
    bench.commit(|o| o.version = Some(number("2.0.0"))).unwrap();
    let again = gc::GcOptions { recompress: Some(9), ..ALL };
    let run = |bench: &Bench| gc::run(&Repo::open(&bench.path).unwrap(), &again, &NoProgress);
    let whole = bench.copy();
    run(&whole).unwrap();
    for n in (1..).step_by(5) {
        let copy = bench.copy();
        let armed = crate::fs::fault::arm(copy.path.parent().unwrap(), n);
        let outcome = run(&copy);
        let fired = armed.fired();
        drop(armed);
        assert!(is_valid(&copy), "fault {n} ({fired:?})");
        if n % 2 == 0 {
            collect(&copy).unwrap();
        }
        run(&copy).unwrap();
        collect(&copy).unwrap();
        // After a fault while packs are removed, a few objects can stay in an old pack as well.
        let (own, most) = (packed(&copy), packed(&whole) + packed(&whole) / 4);
        assert!(own < most, "fault {n} ({fired:?}): {own} bytes, not below {most}");
        check(&copy, &trees);
        if fired.is_none() {
            outcome.unwrap();
            break;
        }
    }
}
