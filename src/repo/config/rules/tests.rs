//! Rules as they are declared, and what is said of mistakes in them.

use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::gate::Bound;
use crate::repo::config::read::tests::load;

/// The rules of a dataset whose declaration goes on like this after its fourth line.
fn spec(rest: &str) -> Result<Option<ValidationSpec>> {
    let config = load(&format!("[dataset.a]\npath = 'a'\n{rest}"))?;
    Ok(config.dataset("a").unwrap().validation.clone())
}

/// The one rule of a table that goes on like this from the file's fourth line on.
fn rule(rest: &str) -> Result<Rule> {
    let spec = spec(&format!("[[dataset.a.validation.rule]]\n{rest}"))?.unwrap();
    assert_eq!(spec.rules.len(), 1);
    Ok(spec.rules[0].clone())
}

fn check(rest: &str) -> Check {
    rule(rest).unwrap().check
}

fn own(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn no_table_no_rules_and_an_empty_one() {
    assert_eq!(spec("").unwrap(), None);
    assert_eq!(spec("[dataset.a.validation]").unwrap(), Some(ValidationSpec::default()));
    assert_eq!(spec("validation.opaque = 'error'").unwrap().unwrap().opaque, OpaquePolicy::Error);
    assert_eq!(
        spec("validation.min_score = 0.95").unwrap(),
        Some(ValidationSpec { min_score: 950_000, ..ValidationSpec::default() })
    );
    assert_eq!(spec("validation.rule = []").unwrap(), Some(ValidationSpec::default()));
    let inline = spec("validation = { rule = [{ kind = 'parse' }, { kind = 'encoding' }] }").unwrap().unwrap();
    assert_eq!(inline.rules.iter().map(|rule| &rule.check).collect::<Vec<_>>(), [&Check::Parse, &Check::Encoding]);
}

#[test]
fn what_every_rule_has() {
    let plain = rule("kind = 'parse'").unwrap();
    let expected = Rule { name: String::new(), check: Check::Parse, severity: Severity::Error, weight: 1_000, files: vec![] };
    assert_eq!(plain, expected);
    let full = "kind = 'parse'\nname = 'lines'\nseverity = 'info'\nweight = 2.5\nfiles = ['raw/**', '*.jsonl']";
    let expected = Rule {
        name: "lines".to_owned(),
        check: Check::Parse,
        severity: Severity::Info,
        weight: 2_500,
        files: own(&["raw/**", "*.jsonl"]),
    };
    assert_eq!(rule(full).unwrap(), expected);
    let two = "[[dataset.a.validation.rule]]\nkind = 'parse'\nfiles = 'x'\n".repeat(2);
    assert_eq!(spec(&two).unwrap().unwrap().rules.len(), 2, "rules without a name may be of one kind");
}

#[test]
fn the_example_of_every_kind_is_understood() {
    for kind in KINDS {
        let comma = if kind.example.is_empty() { "" } else { ", " };
        let text = format!("validation.rule = [{{ kind = '{}'{comma}{} }}]", kind.name, kind.example);
        assert_eq!(spec(&text).unwrap().unwrap().rules[0].check.kind(), kind.name);
    }
}

#[test]
fn every_kind_holds_what_is_declared() {
    let (field, fields) = ("/label".to_owned(), own(&["/id", "/parties/*/name"]));
    for (text, expected) in [
        ("kind='schema'\nfile='./schemas/a.json'", Check::Schema { file: "./schemas/a.json".to_owned(), formats: false }),
        ("kind='schema'\nfile='a.json'\nformats=true", Check::Schema { file: "a.json".to_owned(), formats: true }),
        ("kind='required'\nfields=['/id', '/parties/*/name']", Check::Required { fields: fields.clone() }),
        ("kind='required'\nfields='id'", Check::Required { fields: own(&["id"]) }),
        (
            "kind='types'\nfields.'/id' = 'string'\nfields.n = ['number', 'null']",
            Check::Types {
                fields: vec![("/id".to_owned(), vec![Type::String]), ("n".to_owned(), vec![Type::Number, Type::Null])],
            },
        ),
        (
            "kind='values'\nfield='/label'\nvalues=['rent', 3, 0.5, true]",
            Check::Values { field: field.clone(), values: vec![json!("rent"), json!(3), json!(0.5), json!(true)] },
        ),
        (
            "kind='range'\nfield='/label'\nmin=-1\nmax=0.5",
            Check::Range { field: field.clone(), min: Bound::new("-1"), max: Bound::new("0.5") },
        ),
        ("kind='range'\nfield='/label'\nmax=3", Check::Range { field: field.clone(), min: None, max: Bound::new("3") }),
        (
            "kind='range'\nfield='/label'\nmin=2020-01-01\nmax='2024-12-31T00:00:00Z'",
            Check::Range { field: field.clone(), min: Bound::new("2020-01-01"), max: Bound::new("2024-12-31T00:00:00Z") },
        ),
        ("kind='length'\nmin=1", Check::Length { field: None, min: Some(1), max: None, unit: LengthUnit::Characters }),
        (
            "kind='length'\nfield='/label'\nmin=3\nmax=3\nunit='words'",
            Check::Length { field: Some(field.clone()), min: Some(3), max: Some(3), unit: LengthUnit::Words },
        ),
        ("kind='unique'\nkey=['/source', '/id']", Check::Unique { key: own(&["/source", "/id"]) }),
        ("kind='duplicates'", Check::Duplicates { fields: vec![], max_share: 0 }),
        ("kind='duplicates'\nfields='/text'\nmax_share=0.001", Check::Duplicates { fields: own(&["/text"]), max_share: 1_000 }),
        ("kind='empty'", Check::Empty { fields: vec![] }),
        ("kind='pii'\nfields='/text'", Check::Pii { find: own(PERSONAL), patterns: vec![], fields: own(&["/text"]) }),
        (
            "kind='pii'\npatterns = { matter = 'M-[0-9]+' }",
            Check::Pii { find: vec![], patterns: vec![("matter".to_owned(), "M-[0-9]+".to_owned())], fields: vec![] },
        ),
        ("kind='pii'\nfind='ssn'", Check::Pii { find: own(&["ssn"]), patterns: vec![], fields: vec![] }),
        (
            "kind='drift'\nsamples=2\nfield='/text'\nmean_length=0.25\nlabels='/label'\nlabel_share=0.05",
            Check::Drift {
                samples: Some(2_000_000),
                length: Some(("/text".to_owned(), 250_000)),
                labels: Some((field.clone(), 50_000)),
            },
        ),
        ("kind='drift'\nsamples=0", Check::Drift { samples: Some(0), length: None, labels: None }),
        (
            "kind='leakage'\ntrain=['train', 'extra/**']\ntest='test'",
            Check::Leakage { train: own(&["train", "extra/**"]), test: own(&["test"]), fields: vec![], max_share: 0 },
        ),
        ("kind='command'\nrun=['./check', '']", Check::Command { run: own(&["./check", ""]), timeout: 300 }),
        ("kind='command'\nrun=['x']\ntimeout=86400", Check::Command { run: own(&["x"]), timeout: 86_400 }),
    ] {
        assert_eq!(check(text), expected, "{text}");
    }
    let by_dataset = spec("key = '/id'\nvalidation.rule = [{ kind = 'unique' }]").unwrap().unwrap();
    assert_eq!(by_dataset.rules[0].check, Check::Unique { key: own(&["/id"]) });
}

#[test]
fn mistakes_in_a_rule_are_named_with_their_line() {
    for (text, expected) in [
        ("", "helox.toml:3: a rule has no 'kind'"),
        ("kind = 3", "helox.toml:4: 'kind' must be a string, not 3"),
        ("kind='parse'\nweight=0", "helox.toml:5: 'weight' must be a number from 0.001 to 1000, not 0"),
        ("kind='parse'\nweight=nan", "helox.toml:5: 'weight' must be a number"),
        ("kind='parse'\nname=''", "helox.toml:5: '' is not a valid name for a rule"),
        ("kind='parse'\n\nfiles='[x'", "helox.toml:6: invalid pattern '[x'"),
        ("kind='parse'\nfiles=['x', '']", "helox.toml:5: a pattern is empty"),
        ("kind='parse'\nfiles=[]", "helox.toml:5: 'files' is empty"),
        ("kind='schema'", "helox.toml:3: a rule of kind 'schema' has no 'file'"),
        ("kind='schema'\nfile='../a.json'", "helox.toml:5: '../a.json' is not a file in the repository"),
        ("kind='schema'\nfile='/etc/a.json'", "helox.toml:5: '/etc/a.json' is not a file in the repository"),
        ("kind='required'", "helox.toml:3: a rule of kind 'required' has no 'fields'"),
        ("kind='required'\nfields=[]", "helox.toml:5: 'fields' is empty"),
        ("kind='required'\nfields=['a', 'a']", "helox.toml:5: 'fields' contains 'a' twice"),
        ("kind='required'\nfields=['']", "helox.toml:5: the name of a field is empty"),
        ("kind='required'\nfields='/a~x'", "helox.toml:5: '/a~x' is not a JSON pointer"),
        ("kind='required'\nfields=3", "helox.toml:5: 'fields' must be a string or a list of strings, not 3"),
        ("kind='types'\nfields='/a'", "helox.toml:5: 'fields' must be a table, not a string"),
        ("kind='types'\nfields={}", "helox.toml:5: 'fields' is empty"),
        ("kind='types'\nfields.a=[]", "helox.toml:5: 'a' has no type"),
        ("kind='types'\nfields.'/~'='string'", "helox.toml:5: '/~' is not a JSON pointer"),
        ("kind='types'\nfields.a=['string', 'txt']", "helox.toml:5: unknown type 'txt'"),
        ("kind='values'\nfield='a'", "helox.toml:3: a rule of kind 'values' has no 'values'"),
        ("kind='values'\nvalues=['a']", "helox.toml:3: a rule of kind 'values' has no 'field'"),
        ("kind='values'\nfield='a'\nvalues=[]", "helox.toml:6: 'values' is empty"),
        ("kind='values'\nfield='a'\nvalues=[[1]]", "helox.toml:6: 'values' must be a list of strings, finite numbers"),
        ("kind='values'\nfield='a'\nvalues=[inf]", "helox.toml:6: 'values' must be a list of strings, finite numbers"),
        ("kind='range'\nfield='a'", "helox.toml:3: a rule of kind 'range' has neither 'min' nor 'max'"),
        ("kind='range'\nmin=1", "helox.toml:3: a rule of kind 'range' has no 'field'"),
        ("kind='range'\nfield='a'\nmin=2.5\nmax=1", "helox.toml:7: 'min' (2.5) is greater than 'max' (1)"),
        ("kind='range'\nfield='a'\nmin=-inf", "helox.toml:6: 'min' must be a finite number, a day or a point in time, not -inf"),
        ("kind='range'\nfield='a'\nmin='2023-02-30'", "helox.toml:6: 'min' must be a finite number, a day or a point in time"),
        (
            "kind='range'\nfield='a'\nmin=2023-02-01\nmax=3",
            "helox.toml:7: 'min' is a day or point in time, but 'max' is a number",
        ),
        ("kind='length'\nfield='a'", "helox.toml:3: a rule of kind 'length' has neither 'min' nor 'max'"),
        ("kind='length'\nmin=-1", "helox.toml:5: 'min' must be an integer from 0 to"),
        ("kind='length'\nmax=3\nmin=4", "helox.toml:5: 'min' (4) is greater than 'max' (3)"),
        ("kind='unique'", "helox.toml:3: a rule of kind 'unique' has no 'key', and neither has the dataset"),
        ("kind='duplicates'\nmax_share=1.5", "helox.toml:5: 'max_share' must be a number from 0 to 1, not 1.5"),
        ("kind='pii'\nfind=[]", "helox.toml:3: a rule of kind 'pii' has neither 'find' nor 'patterns'"),
        ("kind='pii'\npatterns=['x']", "helox.toml:5: 'patterns' must be a table, not a list"),
        ("kind='pii'\npatterns.a=''", "helox.toml:5: a pattern or its name is empty"),
        ("kind='drift'", "helox.toml:3: a rule of kind 'drift' has no limit"),
        ("kind='drift'\nsamples=-0.1", "helox.toml:5: 'samples' must be a number from 0 to 1000, not -0.1"),
        ("kind='drift'\nfield='a'", "helox.toml:5: 'field' requires 'mean_length'"),
        ("kind='drift'\nsamples=1\nlabel_share=0.1", "helox.toml:6: 'label_share' requires 'labels'"),
        ("kind='drift'\nlabels='a'\nlabel_share=2", "helox.toml:6: 'label_share' must be a number from 0 to 1, not 2"),
        ("kind='leakage'\ntrain='a'", "helox.toml:3: a rule of kind 'leakage' has no 'test'"),
        ("kind='leakage'\ntrain='a'\ntest='{'", "helox.toml:6: invalid pattern '{'"),
        ("kind='command'", "helox.toml:3: a rule of kind 'command' has no 'run'"),
        ("kind='command'\nrun='python check.py'", "helox.toml:5: 'run' must be a list of strings, not a string"),
        ("kind='command'\nrun=[]", "helox.toml:5: 'run' has no program"),
        ("kind='command'\nrun=['', 'x']", "helox.toml:5: 'run' has no program"),
        ("kind='command'\nrun=['x']\ntimeout=0", "helox.toml:6: 'timeout' must be an integer from 1 to 86400, not 0"),
    ] {
        let error = rule(text).unwrap_err();
        assert!(error.message().contains(expected), "{text:?}: {}", error.message());
        assert_eq!(error.kind(), ErrorKind::Config, "{text:?}");
    }
}

#[test]
fn mistakes_in_the_table_of_rules() {
    for (text, expected) in [
        ("validation.min_score = 95", "helox.toml:3: 'min_score' must be a number from 0 to 1, not 95"),
        ("[dataset.a.validation.rule]\nkind='parse'", "helox.toml:3: 'rule' must be a list of tables, not a table"),
        ("validation.rule = ['parse']", "helox.toml:3: 'rule' must be a list of tables, not a list"),
        (
            "[[dataset.a.validation.rule]]\nkind='parse'\nname='x'\n[[dataset.a.validation.rule]]\nkind='empty'\nname='x'",
            "helox.toml:8: two rules have the name 'x'",
        ),
        (
            "[[dataset.a.validation.rule]]\nkind='parse'\nname='empty'\n[[dataset.a.validation.rule]]\nkind='empty'",
            "helox.toml:6: two rules have the name 'empty'",
        ),
    ] {
        let error = spec(text).unwrap_err();
        assert!(error.message().contains(expected), "{text:?}: {}", error.message());
    }
    let error = spec("[dataset.a.validation.rule]\nkind='parse'").unwrap_err();
    assert_eq!(error.hint(), Some("use double brackets: [[dataset.a.validation.rule]]"));
}

#[test]
fn the_nearest_word_is_told() {
    let unknown = "in [[dataset.a.validation.rule]] of kind";
    for (text, expected, hint) in [
        ("kind='requird'", "helox.toml:4: unknown kind 'requird'", "did you mean 'required'?"),
        ("kind='Unique'", "helox.toml:4: unknown kind 'Unique'", "did you mean 'unique'?"),
        ("kind='parse'\nseverity='warn'", "helox.toml:5: unknown severity 'warn'", "did you mean 'warning'?"),
        ("kind='parse'\nseverity='x'", "helox.toml:5: unknown severity 'x'", "valid values: error, warning, info"),
        ("kind='length'\nmin=1\nunit='word'", "helox.toml:6: unknown unit 'word'", "did you mean 'words'?"),
        ("kind='types'\nfields.a='str1ng'", "helox.toml:5: unknown type 'str1ng'", "did you mean 'string'?"),
        ("kind='pii'\nfind=['emial']", "helox.toml:5: unknown kind of personal data 'emial'", "did you mean 'email'?"),
        (
            "kind='required'\nfields='a'\nfeilds='b'",
            &format!("helox.toml:6: unknown key 'feilds' {unknown} 'required'"),
            "did you mean 'fields'?",
        ),
        ("kind='required'\nfield='a'", &format!("unknown key 'field' {unknown} 'required'"), "did you mean 'fields'?"),
        (
            "kind='required'\nmax=1",
            &format!("unknown key 'max' {unknown} 'required'"),
            "'max' applies to rules of kind 'range', 'length'",
        ),
        (
            "kind='parse'\nmin_score=1",
            &format!("unknown key 'min_score' {unknown} 'parse'"),
            "'min_score' belongs in [dataset.NAME.validation]",
        ),
        (
            "kind='schema'\nwhatever=1",
            &format!("unknown key 'whatever' {unknown} 'schema'"),
            "valid keys: kind, severity, weight, name, files, file, formats",
        ),
        ("kind='schema'", "has no 'file'", "for example: file = \"schemas/lease.json\", formats = true"),
    ] {
        let error = rule(text).unwrap_err();
        assert!(error.message().contains(expected), "{text:?}: {}", error.message());
        assert_eq!(error.hint(), Some(hint), "{text:?}");
    }
    let error = spec("validation.rules = []").unwrap_err();
    assert!(error.message().contains("unknown key 'rules' in [dataset.a.validation]"), "{error}");
    assert_eq!(error.hint(), Some("did you mean 'rule'?"));
}

#[test]
fn the_worked_example_of_the_page_is_understood() {
    let page = include_str!("../../../../docs/configuration.md");
    let example = page.split_once("#### A worked example").unwrap().1.split("```toml\n").nth(1).unwrap();
    let config = load(example.split("```").next().unwrap()).unwrap();
    let spec = config.dataset("leases").unwrap().validation.clone().unwrap();
    assert_eq!(spec.min_score, 980_000);
    let mut kinds: Vec<&str> = spec.rules.iter().map(|rule| rule.check.kind()).collect();
    kinds.sort_unstable();
    let mut all: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    all.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, all, "it shows every kind");
}
