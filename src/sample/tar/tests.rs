//! Archives in WebDataset's form, and others.

use proptest::prelude::*;

use super::*;

/// A member of an archive, as ustar has it.
pub fn member(path: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..path.len()].copy_from_slice(path.as_bytes());
    block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    block[156] = kind;
    block[257..263].copy_from_slice(b"ustar\0");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend_from_slice(content);
    block.resize(block.len().next_multiple_of(BLOCK), 0);
    block
}

fn archive(members: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> = members.iter().flat_map(|(path, kind, content)| member(path, *kind, content)).collect();
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

fn lines(bytes: &[u8], cut: usize) -> Result<String, FileIssue> {
    read(TarDecoder::new(false), bytes, cut)
}

fn read(mut shard: TarDecoder, bytes: &[u8], cut: usize) -> Result<String, FileIssue> {
    let mut lines = Vec::new();
    let take = &mut |line: &[u8]| lines.extend_from_slice(line);
    for piece in bytes.chunks(cut) {
        shard.feed(piece, take)?;
    }
    shard.finish(take)?;
    Ok(String::from_utf8(lines).unwrap())
}

#[test]
fn members_of_a_sample_are_fields() {
    let long = format!("x{}\n", "é".repeat(MAX_TEXT));
    let odd = [long.as_bytes(), b"\xff"].concat();
    let binary = [b"\xff", long.as_bytes()].concat();
    let bytes = archive(&[
        ("a", b'5', b""),
        ("a/0.cls", b'0', b"3"),
        ("a/0.seg.json", 0, b"{\n\"k\": [1]\n}\n"),
        ("a/0.jpg", b'0', b"\xff\xd8"),
        ("a/1.txt", b'0', b"two\nlines"),
        ("a/1.json", b'0', b"{oops"),
        ("././@PaxHeader", b'x', b"19 path=b/\xc3\xa9.c.txt\n"),
        ("b/?.c.txt", b'0', b""),
        ("././@LongLink", b'L', b"d/2.txt\0"),
        ("d/?", b'0', long.as_bytes()),
        ("d/2.odd", b'0', &odd),
        ("d/2.bin", b'0', &binary),
    ]);
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex();
    let shown = long.replace('\n', "\\n");
    let expected = format!(
        concat!(
            "{{\"__key__\":\"a/0\",\"cls\":\"3\",\"seg.json\":{{ \"k\": [1] }},\"jpg\":{{\"length\":2,\"blake3\":\"{}\"}}}}\n",
            "{{\"__key__\":\"a/1\",\"txt\":\"two\\nlines\",\"json\":\"{{oops\"}}\n",
            "{{\"__key__\":\"b/é\",\"c.txt\":\"\"}}\n",
            "{{\"__key__\":\"d/2\",\"txt\":\"{}\",\"odd\":\"{}�\",\"odd.blake3\":\"{}\",",
            "\"bin\":{{\"length\":{},\"blake3\":\"{}\"}}}}\n",
        ),
        hash(b"\xff\xd8"),
        shown,
        shown,
        hash(&odd),
        binary.len(),
        hash(&binary)
    );
    for cut in [1, 7, 511, 512, 4096, usize::MAX] {
        assert_eq!(read(TarDecoder::new(true), &bytes, cut).unwrap(), expected, "{cut}");
    }
    assert_eq!(lines(&archive(&[]), 99).unwrap(), "");
}

#[test]
fn what_is_not_read_is_named() {
    let why = |bytes: &[u8]| lines(bytes, 700).unwrap_err().cause().to_owned();
    let whole = archive(&[("0.txt", b'0', b"a")]);
    assert_eq!(why(&whole[..1024]), "unexpected end of the tar archive");
    assert_eq!(why(&whole[..700]), "unexpected end of the tar archive");
    assert!(why(&archive(&[("README", b'0', b"a")])).contains("not in WebDataset format: 'README' has no file extension"));
    assert!(why(&archive(&[("0.txt", b'2', b"")])).contains("a member of type '2', which is not a file"));
    let mut flipped = whole.clone();
    flipped[0] ^= 1;
    assert!(why(&flipped).contains("the checksum of a member does not match"));
    assert!(why(&[&whole[..], b"x"].concat()).contains("unexpected data after"));
}

#[test]
fn an_archive_of_files_is_no_shard() {
    let issue = |names: &[&str]| {
        let members: Vec<_> = names.iter().map(|name| (*name, b'0', &b"text"[..])).collect();
        let bytes = archive(&members);
        assert!(read(TarDecoder::new(true), &bytes, 99).is_ok());
        match lines(&bytes, 700) {
            Ok(_) => String::new(),
            Err(FileIssue::Opaque { cause }) => cause,
            Err(issue) => panic!("{issue:?}"),
        }
    };
    assert!(issue(&["src/main.c", "src/main.h", "notes.txt"]).contains("'notes' has no file extension in common with the first"));
    assert!(issue(&["a.txt", "b.txt", "a.json"]).contains("the files of 'a' are not contiguous"));
    for records in ["data.csv", "a.jsonl", "a.txt.gz", "a.tar", "a.zip", "a.parquet"] {
        assert!(issue(&[records]).contains(&format!("'{records}' is a data file or an archive")), "{records}");
    }
    for shard in [&["0.txt", "1.txt"][..], &["0.jpg", "0.txt", "1.txt", "2.jpg", "2.cls"], &["0.json", "0.png", "1.json"]] {
        assert_eq!(issue(shard), "", "{shard:?}");
    }
}

proptest! {
    #[test]
    fn damage_never_panics(at: prop::sample::Index, mask in 1u8.., cut in 1usize..2000) {
        let mut bytes = archive(&[("p", b'x', b"19 path=b/\xc3\xa9.c.txt\n"), ("0.txt", b'0', b"a"), ("0.json", b'0', b"[1]")]);
        let at = at.index(bytes.len());
        bytes[at] ^= mask;
        let _ = lines(&bytes, cut);
    }
}
