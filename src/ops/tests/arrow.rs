//! Arrow files: the same rows as Parquet has.

use std::sync::Arc;

use ::arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use ::arrow_ipc::writer::StreamWriter;
use ::parquet::arrow::ArrowWriter;

use super::gate::{gated, judge, told};
use super::samples::{counts, said};
use super::*;

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
fn rules_look_at_rows() {
    let bench = gated(&["kind = 'pii'", "kind = 'parse'"]);
    bench.write("a.feather", arrow(&[table(0..2)]));
    let bytes = arrow(&[table(0..2)]);
    bench.write("b.arrow", &bytes[..bytes.len() - 50]);
    assert_eq!(bench.commit(|o| o.no_validate = true).unwrap().version.total_samples, Some(3));
    let judgement = judge(&bench, "HEAD").unwrap().judgement;
    let told = told(&judgement);
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
