//! Arrow files: the same rows as Parquet has.

use std::sync::Arc;

use ::arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use ::arrow_ipc::writer::StreamWriter;
use ::parquet::arrow::ArrowWriter;

use super::gate::{gated, judge, told};
use super::samples::{counts, said};
use super::*;
use crate::ops::diff;

fn table(ids: std::ops::Range<i64>) -> RecordBatch {
    let texts: StringArray = ids.clone().map(|id| Some(format!("mail to no{id}@example.org"))).collect();
    let columns: [(&str, ArrayRef); 2] = [("id", Arc::new(Int64Array::from_iter_values(ids))), ("text", Arc::new(texts))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn arrow(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn rows_are_those_of_parquet() {
    let bench = Bench::new();
    bench.write("a.parquet", parquet(&table(0..3_000)));
    bench.commit(|_| ()).unwrap();
    fs::remove_file(bench.path.join("a.parquet")).unwrap();
    // Long enough to be read from the disk once it is stored.
    bench.write("a.arrow", arrow(&[table(0..1_000), table(1_000..3_000)]));
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!((said(&report), report.version.total_samples), (counts(0, 0, 0), Some(3_000)));
    bench.write("a.arrow", arrow(&[table(10..40_000)]));
    assert_eq!(said(&bench.commit(|_| ()).unwrap()), counts(37_000, 10, 0));
}

#[test]
fn samples_that_differ_in_ignored_fields_alone_are_equal() {
    let texts = |text: &str, n: i64| {
        let columns: [(&str, ArrayRef); 3] = [
            ("id", Arc::new(Int64Array::from_iter_values(0..3))),
            ("n", Arc::new(Int64Array::from_iter_values([n, 1, 2]))),
            ("text", Arc::new(StringArray::from_iter_values([text; 3]))),
        ];
        let table = RecordBatch::try_from_iter(columns).unwrap();
        let row = |id: i64| format!("{{\"id\":{id},\"n\":{},\"text\":\"{text}\"}}", if id == 0 { n } else { id });
        let rows = [row(0), row(1), row(2)];
        let csv = format!("id,text,n\n0,{text},{n}\n1,{text},1\n2,{text},2\n");
        let files = [rows.join("\n"), format!("[{}]", rows.join(",")), csv].map(String::into_bytes);
        ["a.jsonl", "b.json", "c.csv", "d.parquet", "e.arrow"]
            .into_iter()
            .zip(files.into_iter().chain([parquet(&table), arrow(&[table])]))
    };
    for (key, of_last) in [("", counts(5, 5, 0)), ("key = 'id'\n", counts(0, 0, 5))] {
        let bench = Bench::new();
        let config = fs::read_to_string(bench.path.join("helox.toml")).unwrap();
        let configure = |ignored: &str| fs::write(bench.path.join("helox.toml"), format!("{config}{key}{ignored}")).unwrap();
        configure("ignore_fields = ['/text']\n");
        let write = |text, n| texts(text, n).for_each(|(name, bytes)| bench.write(name, bytes));
        let between = |to: Option<&str>| {
            let samples = Some(diff::SampleOptions { by_file: true, patch: true, limit: None });
            let options = diff::DiffOptions { from: Some("1.0.0".into()), to: to.map(str::to_owned), paths: vec![], samples };
            diff::run(&bench.repo(), &options, &NoProgress).unwrap()
        };
        write("old", 0);
        bench.commit(|_| ()).unwrap();
        write("new", 0);
        let report = between(None);
        assert_eq!((report.modified.len(), report.samples, report.records.unwrap().len()), (5, counts(0, 0, 0), 0), "{key}");
        assert_eq!(report.by_file.unwrap().len(), 0);
        let report = bench.commit(|_| ()).unwrap();
        assert_eq!((said(&report), report.version.version, report.files.files_modified), (counts(0, 0, 0), number("1.0.1"), 5));
        write("newer", 9);
        assert_eq!(said(&bench.commit(|_| ()).unwrap()), of_last, "{key}");
        let records = between(Some("latest")).records.unwrap();
        let named = |r: &crate::ops::ChangedRecord| r.fields.iter().map(|field| field.path.clone()).collect::<Vec<_>>();
        assert!(records.iter().all(|r| key.is_empty() || named(r) == ["/n"]), "{records:?}");
        // Nothing of what was told before is kept.
        configure("");
        assert_eq!(between(Some("1.0.1")).samples.map(|c| c.added.max(c.modified)), Some(15), "{key}");
        configure("ignore_fields = ['/text', '/n']\n");
        assert_eq!(between(Some("latest")).samples, counts(0, 0, 0), "{key}");
        configure("ignore_fields = ['/txt']\n");
        let warnings = between(Some("latest")).warnings.unwrap();
        assert!(warnings[0].contains("'/txt'") && warnings[0].ends_with("did you mean 'text'?"), "{warnings:?}");
    }
}

#[test]
fn rules_look_at_rows() {
    let bench = gated(&["kind = 'pii'", "kind = 'parse'"]);
    bench.write("a.feather", arrow(&[table(0..2)]));
    let bytes = arrow(&[table(0..2)]);
    bench.write("b.arrow", &bytes[..bytes.len() - 50]);
    assert_eq!(bench.commit(|o| o.no_validate = true).unwrap().version.total_samples, Some(3));
    let verdict = judge(&bench, "HEAD").unwrap().verdict;
    let told = told(&verdict);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[0], "a.feather:1: pii: /text contains an e-mail address");
    assert_eq!(told[2], "b.arrow:1: parse: the Arrow file is damaged: unexpected end of data");
}

#[test]
fn columns_that_share_a_name_are_told_by_their_positions() {
    let bench = Bench::new();
    let fields = ["a", "b", "a"].map(|name| ::arrow_schema::Field::new(name, ::arrow_schema::DataType::Int64, false));
    let column = |n| Arc::new(Int64Array::from(vec![n, n])) as ArrayRef;
    let schema = Arc::new(::arrow_schema::Schema::new(fields.to_vec()));
    let batch = RecordBatch::try_new(schema, vec![column(1), column(2), column(3)]).unwrap();
    bench.write("x.csv", "a,b,a\n1,2,3\n1,2,3\n");
    bench.write("x.arrow", arrow(std::slice::from_ref(&batch)));
    bench.write("x.parquet", parquet(&batch));
    let report = bench.commit(|_| ()).unwrap();
    let messages: Vec<_> = report.findings.iter().map(|finding| (finding.path.as_str(), finding.message.as_str())).collect();
    let message = "several columns are named 'a': they are compared by position";
    assert_eq!(messages, [("x.arrow", message), ("x.csv", message), ("x.parquet", message)]);
    let schema = report.version.schema.unwrap();
    let fields = schema["fields"].as_array().unwrap().iter();
    let present: Vec<_> = fields.map(|field| format!("{} {}", field["path"], field["present"])).collect();
    assert_eq!(present, ["\"\" 6", "\"/a#1\" 6", "\"/a#3\" 6", "\"/b\" 6"]);
}
