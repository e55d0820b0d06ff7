//! Packed files: each packing is read as gzip is, and a packed text is the text that it unpacks to.

use std::io::Write;

use super::gate::{gated, judge, told};
use super::samples::{counts, said};
use super::*;

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn rules_look_into_every_packing() {
    let bench = gated(&["kind = 'pii'", "kind = 'parse'"]);
    let lines = b"{\"t\":\"no mail\"}\n{\"t\":\"mail ann@example.org\"}\n";
    let text = b"Write to ann@example.org\n";
    for (name, bytes) in [
        ("a.jsonl.bz2", bzip2(lines)),
        ("b.jsonl.xz", xz(lines)),
        ("c.jsonl.lz4", lz4(lines)),
        ("d.csv.bz2", bzip2(b"id,t\n1,ann@example.org\n")),
        ("e.json.xz", xz(b"[1,\n\"ann@example.org\"]")),
        ("f.txt.gz", gzip(text, 6)),
        ("g.md.xz", xz(text)),
        ("h.txt.bz2", bzip2(text)),
        ("i.txt.lz4", lz4(text)),
        ("j.jsonl.xz", xz(lines)[..60].to_vec()),
        ("k.txt.bz2", text.to_vec()),
        ("l.txt", gzip(text, 6)),
    ] {
        bench.write(name, bytes);
    }
    let report = bench.commit(|o| o.no_validate = true).unwrap();
    assert_eq!(report.version.total_samples, Some(2 + 2 + 2 + 1 + 2 + 7));
    let verdict = judge(&bench, "HEAD").unwrap().verdict;
    let places: Vec<String> =
        told(&verdict).iter().map(|found| found.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")).collect();
    for place in [
        "a.jsonl.bz2:2: pii",
        "b.jsonl.xz:2: pii",
        "c.jsonl.lz4:2: pii",
        "d.csv.bz2:2: pii",
        "e.json.xz:2: pii",
        "f.txt.gz:1: pii",
        "g.md.xz:1: pii",
        "h.txt.bz2:1: pii",
        "i.txt.lz4:1: pii",
        "j.jsonl.xz:1: parse",
    ] {
        assert!(places.iter().any(|other| other == place), "{place} in {places:?}");
    }
    assert_eq!(places.len(), 10);
    // What cannot be unpacked cannot be looked into; what is not packed at all is no broken record; what is packed is no text.
    assert_eq!(verdict.rules.iter().map(|rule| rule.unreadable).collect::<Vec<_>>(), [3, 1]);
}

#[test]
fn a_packed_text_is_the_text_that_it_unpacks_to() {
    let bench = Bench::new();
    // Too long to be read at once.
    let text = noise(1, 6 << 20).iter().map(|byte| b'a' + byte % 26).collect::<Vec<u8>>();
    bench.write("a.txt.gz", gzip(&text, 1));
    bench.write("b.jsonl.bz2", bzip2(b"{\"a\":1}\n{\"a\":2}\n"));
    bench.commit(|_| ()).unwrap();
    bench.write("a.txt.gz", gzip(&text, 9));
    bench.write("b.jsonl.bz2", [bzip2(b"{\"a\":1}\n"), bzip2(b"{\"a\":2}\n")].concat());
    assert_eq!(said(&bench.commit(|_| ()).unwrap()), counts(0, 0, 0));
    bench.write("a.txt.gz", gzip(&text[1..], 9));
    assert_eq!(said(&bench.commit(|_| ()).unwrap()), counts(1, 1, 0));
    // Unpacked, it is the same sample.
    write_tree(&bench.path, &Tree::new());
    bench.write("a.txt", &text[1..]);
    assert_eq!(said(&bench.commit(|_| ()).unwrap()), counts(0, 2, 0));
}
