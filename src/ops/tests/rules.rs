//! What the pages say of odd records and of shares: a parser, a rule, a program and `diff` read the same.

use super::gate::{gated, judge, told};
use super::*;
use crate::ops::{DriftSums, VerdictView, compare, diff, show, validate};

fn judged(bench: &Bench) -> VerdictView {
    judge(bench, "WORK").unwrap().verdict
}

/// One odd file, as each reads it.
struct Odd {
    path: &'static str,
    bytes: &'static [u8],
    /// The findings of `parse`, `required` of the field `a`, and `empty`.
    findings: &'static [&'static str],
    /// The records, as a program and `diff` see them.
    records: &'static [&'static str],
}

const ODD: &[Odd] = &[
    Odd { path: "feed.jsonl", bytes: b"{\"a\":1}\n\x0c\n \t\x0b\r\n", findings: &[], records: &[r#"{"a":1}"#] },
    Odd { path: "blank.csv", bytes: b"a\nx\n\n\r\n", findings: &[], records: &[r#"{"a":"x"}"#] },
    Odd {
        path: "bytes.jsonl",
        bytes: b"{\"a\":\"\xff\"}\n",
        findings: &["bytes.jsonl:1: parse: "],
        records: &[r#"{"$bytes":"eyJhIjoi/yJ9"}"#],
    },
    Odd { path: "half.jsonl", bytes: b"{\"a\":\n", findings: &["half.jsonl:1: parse: "], records: &[r#""{\"a\":""#] },
    Odd {
        path: "width.csv",
        bytes: b"a,b\n1,2\n1,2,3\n1\n",
        findings: &["width.csv:3: parse: ", "width.csv:4: parse: "],
        records: &[r#"{"a":"1","b":"2"}"#, r##"{"a":"1","b":"2","#3":"3"}"##, r#"{"a":"1"}"#],
    },
    Odd { path: "quote.csv", bytes: b"a,b\n1,\"2\n", findings: &["quote.csv:2: parse: "], records: &[r#"{"a":"1","b":"2\n"}"#] },
    Odd {
        path: "null.jsonl",
        bytes: b"{\"a\":null}\n{\"a\":\"\"}\n{}\n",
        findings: &[
            "null.jsonl:1: required: /a is null",
            "null.jsonl:3: required: /a is missing",
            "null.jsonl:1: empty: the record is empty",
            "null.jsonl:2: empty: the record is empty",
            "null.jsonl:3: empty: the record is empty",
        ],
        records: &[r#"{"a":null}"#, r#"{"a":""}"#, "{}"],
    },
    Odd {
        path: "null.csv",
        bytes: b"a,b\n,x\n\"\",y\n",
        findings: &["null.csv:2: required: /a is null", "null.csv:3: required: /a is null"],
        records: &[r#"{"a":"","b":"x"}"#, r#"{"a":"","b":"y"}"#],
    },
    Odd {
        path: "twice.jsonl",
        bytes: b"{\"a\":null,\"a\":1}\n",
        findings: &["twice.jsonl:1: parse: duplicate key \"a\""],
        records: &[r#"{"a":null,"a":1}"#],
    },
    Odd { path: "none.jsonl", bytes: b"\n\n", findings: &["none.jsonl:1: empty: the file has no records"], records: &[] },
    Odd { path: "none.csv", bytes: b"a,b\n", findings: &["none.csv:1: empty: the file has no records"], records: &[] },
    Odd { path: "none.json", bytes: b"[]", findings: &["none.json:1: empty: the file has no records"], records: &[] },
];

#[test]
fn an_odd_record_is_the_same_for_a_parser_a_rule_a_program_and_diff() {
    let program = "kind = 'command'\nrun = ['sh', '-c', 'cat > .helox/shown']";
    for odd in ODD {
        let bench = gated(&["kind = 'parse'", "kind = 'required'\nfields = '/a'", "kind = 'empty'", program]);
        bench.commit(|o| (o.allow_empty, o.no_validate) = (true, true)).unwrap();
        bench.write(odd.path, odd.bytes);
        let verdict = judged(&bench);
        let findings = told(&verdict);
        let same = findings.len() == odd.findings.len() && findings.iter().zip(odd.findings).all(|(a, b)| a.starts_with(b));
        assert!(same, "{}: {findings:?}", odd.path);
        let shown = fs::read_to_string(bench.path.join(".helox/shown")).unwrap();
        let record = |line: &str| line.split_once("\"record\":").unwrap().1.strip_suffix('}').unwrap().to_owned();
        assert_eq!(shown.lines().map(record).collect::<Vec<_>>(), odd.records, "{}", odd.path);
        let samples = Some(diff::SampleOptions { by_file: false, patch: true, limit: None });
        let options = diff::DiffOptions { from: None, to: None, paths: vec![], samples };
        let report = diff::run(&bench.repo(), &options, &NoProgress).unwrap();
        let compared: Vec<_> = report.records.unwrap().iter().map(|r| r.record.as_str().to_owned()).collect();
        assert_eq!(compared, odd.records, "{}", odd.path);
    }
}

#[test]
fn null_is_no_value_and_an_empty_text_is_one() {
    let bench = gated(&["kind = 'values'\nfield = 'a'\nvalues = ['x']", "kind = 'unique'\nkey = 'a'"]);
    bench.write("a.jsonl", "{\"a\":null}\n{\"a\":null}\n{\"a\":\"\"}\n{\"a\":\"\"}\n{}\n{}\n");
    bench.write("b.csv", "a,b\n,1\n,2\n\"\",3\n");
    let verdict = judged(&bench);
    assert_eq!(
        told(&verdict),
        [
            "a.jsonl:3: values: a is \"\", which is not an allowed value",
            "a.jsonl:4: values: a is \"\", which is not an allowed value",
            "a.jsonl:4: unique: has the same key as a.jsonl:3",
        ]
    );
    assert_eq!((verdict.rules[1].checked, verdict.rules[1].failed), (2, 1), "null is no key, nor an empty field of CSV");
}

#[test]
fn a_share_is_one_of_the_records_that_the_rule_looks_at() {
    let lines = |numbers: std::ops::Range<usize>| numbers.map(|n| format!("{{\"n\":{n}}}\n")).collect::<String>();
    let failed = |kind: &str, share: f64| {
        let bench = gated(&[&format!("{kind}\nmax_share = {share}\nfiles = '*.jsonl'")]);
        bench.write("train.jsonl", lines(0..6));
        // Two of its four records stand in the other file, so that of ten records two repeat another.
        bench.write("test.jsonl", lines(4..8));
        bench.write("other.csv", "n\n1\n1\n1\n");
        let verdict = judged(&bench);
        assert_eq!(verdict.rules[0].checked, 10);
        verdict.rules[0].failed
    };
    for kind in ["kind = 'duplicates'", "kind = 'leakage'\ntrain = 'train.jsonl'\ntest = 'test.jsonl'"] {
        assert_eq!((failed(kind, 0.2), failed(kind, 0.199), failed(kind, 0.0)), (0, 2, 2), "{kind}");
    }
}

#[test]
fn a_split_by_a_group_is_one_where_no_group_stands_on_both_sides() {
    let rule = "kind = 'leakage'\ntrain = 'train/**'\ntest = 'test/**'\nfields = '/lease/doc'";
    let bench = gated(&[rule]);
    let page = |doc: &str, page: u32| format!("{{\"lease\":{{\"doc\":\"{doc}\"}},\"page\":{page}}}\n");
    bench.write("train/a.jsonl", page("L1", 1) + &page("L1", 2) + &page("L2", 1));
    bench.write("test/a.jsonl", page("L3", 1) + &page("L2", 2) + "{\"page\":3}\n");
    let report: validate::ValidateReport = judge(&bench, "WORK").unwrap();
    assert_eq!(told(&report.verdict), ["train/a.jsonl:3: leakage: is also in the test split, at test/a.jsonl:2"]);
}

#[test]
fn what_drift_measured_is_told_beside_the_version_before() {
    let bench = gated(&["kind = 'drift'\nname = 'mix'\nfield = '/text'\nmean_length = 9\nlabels = '/label'\nlabel_share = 1"]);
    let line = |label: &str, text: &str| format!("{{\"label\":\"{label}\",\"text\":\"{text}\"}}\n");
    bench.write("a.jsonl", line("rent", "four") + &line("rent", "four") + &line("term", "four") + &line("term", "four"));
    let first = bench.commit(|_| {}).unwrap().version.validation.unwrap();
    assert!(first.drift[0].old.is_none());
    bench.write("a.jsonl", line("rent", "sixsix") + &line("rent", "four") + &line("term", "four") + &line("rent", "two"));
    bench.commit(|_| {}).unwrap();
    let shown = show::run(&bench.repo(), None).unwrap().validation.unwrap().drift;
    let compared = compare::run(&bench.repo(), "1.0.0", "HEAD", &NoProgress).unwrap().drift;
    assert_eq!(shown, compared);
    let [drift] = &shown[..] else { panic!("{shown:?}") };
    let sums = |side: &Option<DriftSums>| {
        let DriftSums { samples, mean_length, labels, .. } = side.clone().unwrap();
        let labels = labels.into_iter().map(|label| (label.label, label.count, label.share)).collect::<Vec<_>>();
        (samples, mean_length, labels)
    };
    let labels =
        |rent: u64, term: u64| vec![("rent".to_owned(), rent, rent as f64 / 4.0), ("term".to_owned(), term, term as f64 / 4.0)];
    assert_eq!(drift.rule, "mix");
    assert_eq!(sums(&drift.old), (4, Some(4.0), labels(2, 2)));
    assert_eq!(sums(&drift.new), (4, Some(4.25), labels(3, 1)));
}
