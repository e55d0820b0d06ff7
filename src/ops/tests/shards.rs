//! tar shards in WebDataset's form.

use super::gate::{gated, judge, told};
use super::samples::{counts, said};
use super::*;

/// An archive of these members, as ustar has it.
fn shard(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in members {
        let mut block = [0; 512];
        block[..path.len()].copy_from_slice(path.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        block[156] = b'0';
        block[257..263].copy_from_slice(b"ustar\0");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

#[test]
fn samples_of_shards_are_compared_and_judged() {
    let bench = gated(&["kind = 'pii'", "kind = 'parse'"]);
    // Too long to be read at once.
    let image = noise(1, 2 << 20);
    let members = |caption: &'static [u8]| -> Vec<(&str, &[u8])> {
        vec![("0.jpg", &image), ("0.txt", b"a cat"), ("0.json", b"{\"w\":1}"), ("1.jpg", b"\xff\xd8"), ("1.txt", caption)]
    };
    bench.write("a.tar", shard(&members(b"a dog")));
    bench.write("b.tar.zst", zstd::encode_all(&shard(&members(b"a fox"))[..], 1).unwrap());
    let report = bench.commit(|_| ()).unwrap();
    assert_eq!(report.version.total_samples, Some(4));
    bench.write("a.tar", shard(&members(b"mail ann@example.org")));
    bench.write("c.tar", shard(&[("README", b"a")]));
    let report = bench.commit(|o| o.no_validate = true).unwrap();
    assert_eq!(said(&report), counts(2, 1, 0));
    assert!(report.findings[0].message.contains("'README' has no file extension"), "{:?}", report.findings);
    let verdict = judge(&bench, "HEAD").unwrap().verdict;
    assert_eq!(told(&verdict), ["a.tar:2: pii: /txt contains an e-mail address"]);
    assert_eq!(verdict.rules.iter().map(|rule| rule.unreadable).collect::<Vec<_>>(), [1, 1]);
}
